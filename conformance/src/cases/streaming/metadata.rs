//! The metadata track and the back channel.

use super::*;

/// A profile with metadata.
pub(in crate::cases) fn metadata_profile(d: &Device) -> Outcome<String> {
    let all = profiles(d)?;
    match all
        .iter()
        .find(|p| p.find("Configurations/Metadata").is_some())
    {
        Some(p) => token(p),
        None => skip!("no profile with metadata"),
    }
}

/// Metadata documents until `enough` says so.
pub(in crate::cases) fn documents(
    d: &Device,
    c: &mut Client<'_>,
    media: &Media,
    mut enough: impl FnMut(&Element) -> bool,
) -> Outcome {
    let end = Instant::now() + SHOW;
    let mut text = Vec::new();
    while Instant::now() < end {
        let Some(packet) = c.packet(Duration::from_secs(10))? else {
            fail!("no packet for 10 s")
        };
        if packet.control {
            continue;
        }
        let p = rtp(&packet)?;
        check!(
            p.payload == media.payload,
            "payload type {} where {} is due",
            p.payload,
            media.payload
        );
        text.extend_from_slice(p.body);
        if !p.marker {
            continue;
        }
        let document = String::from_utf8_lossy(&std::mem::take(&mut text)).into_owned();
        d.note("metadata", &c.url, "", &document);
        let root = match xml::parse(&document) {
            Ok(root) => root,
            Err(e) => fail!("a metadata document is no XML: {e:#}"),
        };
        check!(
            root.name == QName::new(crate::soap::ns("tt"), "MetadataStream"),
            "{} where tt:MetadataStream is due",
            root.name
        );
        let violations = d.schemas().violations(&root);
        check!(
            violations.is_empty(),
            "a metadata document breaks the schemas: {}",
            violations.join("; ")
        );
        if enough(&root) {
            return Ok(());
        }
    }
    fail!("what is due did not come in {SHOW:?}")
}

pub(in crate::cases) fn play_metadata<'d>(
    d: &'d Device,
    t: &str,
    transport: Transport,
) -> Outcome<(Client<'d>, Media, String)> {
    let mut c = open(d, t, transport, "tr2")?;
    let (all, aggregate) = c.describe("")?;
    let found = all
        .iter()
        .find(|m| m.kind == "application" && m.encoding.starts_with("vnd.onvif.metadata"));
    let media = found.present("vnd.onvif.metadata in the SDP")?.clone();
    c.setup(&media, "")?;
    c.play(&aggregate, "")?;
    Ok((c, media, aggregate))
}

pub(in crate::cases) fn metadata(d: &Device, transport: Transport) -> Outcome {
    let (mut c, media, aggregate) = play_metadata(d, &metadata_profile(d)?, transport)?;
    let mut count = 0;
    documents(d, &mut c, &media, |_| {
        count += 1;
        count >= 3
    })?;
    c.teardown(&aggregate)
}

pub(in crate::cases) fn metadata_sync(d: &Device) -> Outcome {
    let t = metadata_profile(d)?;
    let (mut c, media, aggregate) = play_metadata(d, &t, Transport::Tcp)?;
    documents(d, &mut c, &media, |_| true)?;
    d.call(
        "tr2:SetSynchronizationPoint",
        &format!("<tr2:ProfileToken>{t}</tr2:ProfileToken>"),
    )?;
    documents(d, &mut c, &media, |root| {
        root.walk()
            .iter()
            .any(|e| e.attr("PropertyOperation") == Some("Initialized"))
    })?;
    c.teardown(&aggregate)
}

pub(in crate::cases) fn back_channel(d: &Device, transport: Transport) -> Outcome {
    let all = profiles(d)?;
    let Some(p) = all
        .iter()
        .find(|p| p.find("Configurations/AudioDecoder").is_some())
    else {
        skip!("no profile with an audio decoder")
    };
    let require = "Require: www.onvif.org/ver20/backchannel\r\n";
    let mut c = open(d, &token(p)?, transport, "tr2")?;
    let (all, aggregate) = c.describe(require)?;
    let media = all
        .iter()
        .find(|m| m.kind == "audio" && m.sendonly)
        .present("a sendonly audio medium")?
        .clone();
    c.setup(&media, require)?;
    c.play(&aggregate, require)?;
    c.teardown(&aggregate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intra_frames_are_told_from_others() {
        let rows: [(&str, &[u8], bool); 9] = [
            ("H264", &[0x65, 1], true),
            ("H264", &[0x61, 1], false),
            ("H264", &[0x7c, 0x85], true),
            ("H264", &[0x7c, 0x05], false),
            ("H264", &[0x78, 0, 1, 0x67, 0, 1, 0x65], true),
            ("H265", &[0x26, 1, 0], true),
            ("H265", &[0x02, 1, 0], false),
            ("H265", &[0x62, 1, 0x93], true),
            ("H265", &[], false),
        ];
        for (encoding, body, key) in rows {
            assert_eq!(intra(encoding, body), key, "{encoding} {body:x?}");
        }
    }
}
