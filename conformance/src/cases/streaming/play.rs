//! A stream by each encoding, transport and service.

use super::*;

pub(in crate::cases) fn transport_of(words: &str) -> Transport {
    match words.split(' ').nth(1) {
        Some("udp") => Transport::Udp,
        Some("http") => Transport::Http,
        Some("websocket") => Transport::WebSocket,
        Some("multicast") => Transport::Multicast,
        _ => Transport::Tcp,
    }
}

pub(in crate::cases) fn stream(d: &Device, words: &'static str) -> Outcome {
    let encoding = words.split(' ').next().unwrap_or_default();
    let service = words.split(' ').nth(2).unwrap_or("tr2");
    let transport = transport_of(words);
    if encoding == "PCMU" {
        let all = profiles(d)?;
        let audio = all
            .iter()
            .find(|p| p.find("Configurations/AudioEncoder").is_some());
        let Some(p) = audio else {
            skip!("no profile with audio")
        };
        return play_one(d, &token(p)?, encoding, transport, service);
    }
    with_encoding(d, encoding, |t, _| {
        play_one(d, t, encoding, transport, service)
    })
}

/// Opens a stream and finds its medium; an encoder that was just changed gets its time to restart.
pub(in crate::cases) fn describe<'d>(
    d: &'d Device,
    t: &str,
    encoding: &str,
    transport: Transport,
    service: &str,
) -> Outcome<(Client<'d>, Media, String)> {
    let end = Instant::now() + d.options().operation_delay;
    loop {
        let mut c = open(d, t, transport, service)?;
        let (all, aggregate) = c.describe("")?;
        if let Some(media) = all
            .iter()
            .find(|m| m.encoding.eq_ignore_ascii_case(encoding))
        {
            return Ok((c, media.clone(), aggregate));
        }
        let found: Vec<&str> = all.iter().map(|m| m.encoding.as_str()).collect();
        check!(
            Instant::now() < end,
            "no {encoding} in the SDP, but {found:?}"
        );
        d.wait(Duration::from_millis(500))?;
    }
}

pub(in crate::cases) fn play_one(
    d: &Device,
    t: &str,
    encoding: &str,
    transport: Transport,
    service: &str,
) -> Outcome {
    let (mut c, media, aggregate) = describe(d, t, encoding, transport, service)?;
    c.setup(&media, "")?;
    c.play(&aggregate, "")?;
    watch(&mut c, &media)?;
    c.teardown(&aggregate)
}
