//! Sessions: refusals, several at once, keep-alive, synchronisation points.

use super::*;

pub(in crate::cases) fn unknown(d: &Device) -> Outcome {
    let (uri, _) = uri_of(d, &any_profile(d)?, "RTSP")?;
    let mut c = Client::open(d, &uri, Transport::Tcp, "")?;
    c.describe("")?;
    let answer = c.once("PLAY", &uri, "Session: 0123456789\r\n")?;
    check!(
        answer.status == 454 || answer.status == 401,
        "PLAY in a session that does not exist: {}",
        answer.status
    );
    let url = url::Url::parse(&uri).ok();
    let other = url.map(|mut u| {
        u.set_path("/conformance/unknown");
        u.set_query(None);
        u.to_string()
    });
    let other = other.present("a URL")?;
    let answer = c.once("DESCRIBE", &other, "Accept: application/sdp\r\n")?;
    check!(
        matches!(answer.status, 401 | 404),
        "DESCRIBE of a path that does not exist: {}",
        answer.status
    );
    Ok(())
}

pub(in crate::cases) fn at_once(d: &Device) -> Outcome {
    let all: Vec<Element> = profiles(d)?
        .into_iter()
        .filter(|p| p.find("Configurations/VideoEncoder").is_some())
        .collect();
    let mut opened = Vec::new();
    for p in &all {
        let t = token(p)?;
        let mut c = open(d, &t, Transport::Udp, "tr2")?;
        let (media, aggregate) = c.describe("")?;
        let video = media
            .into_iter()
            .find(|m| m.kind == "video")
            .present("video in the SDP")?;
        c.setup(&video, "")?;
        c.play(&aggregate, "")?;
        opened.push((c, video, aggregate));
    }
    check!(!opened.is_empty(), "no profile with an encoder");
    for (c, media, _) in &mut opened {
        watch(c, media)?;
    }
    for (c, _, aggregate) in &mut opened {
        c.teardown(aggregate)?;
    }
    Ok(())
}

/// A profile token of media 1 with a video encoder.
pub(in crate::cases) fn media1_profile(d: &Device) -> Outcome<String> {
    let a = d.call("trt:GetProfiles", "")?;
    let all = a.all("Profiles");
    let p = all
        .into_iter()
        .find(|p| p.find("VideoEncoderConfiguration").is_some());
    token(p.present("a profile with an encoder")?)
}

pub(in crate::cases) fn in_detail(d: &Device) -> Outcome {
    let mut c = open(d, &media1_profile(d)?, Transport::Tcp, "trt")?;
    let (all, aggregate) = c.describe("")?;
    let video = all
        .iter()
        .find(|m| m.kind == "video")
        .present("video in the SDP")?
        .clone();
    check!(video.clock == 90_000, "a clock of {} Hz", video.clock);
    c.setup(&video, "")?;
    let answer = c.play(&aggregate, "")?;
    answer
        .header("Session")
        .present("Session in the answer to PLAY")?;
    let info = answer.header("RTP-Info").present("RTP-Info")?;
    for part in ["url=", "seq=", "rtptime="] {
        check!(info.contains(part), "RTP-Info without {part}: {info}");
    }
    watch(&mut c, &video)?;
    c.teardown(&aggregate)
}

pub(in crate::cases) fn keep_alive(d: &Device, method: &str) -> Outcome {
    let mut c = open(d, &media1_profile(d)?, Transport::Tcp, "trt")?;
    let (all, aggregate) = c.describe("")?;
    let video = all
        .iter()
        .find(|m| m.kind == "video")
        .present("video in the SDP")?
        .clone();
    c.setup(&video, "")?;
    c.play(&aggregate, "")?;
    for _ in 0..3 {
        c.request(method, &aggregate, "")?;
        check!(
            c.packet(Duration::from_secs(5))?.is_some(),
            "the stream stopped after {method}"
        );
    }
    c.teardown(&aggregate)
}

/// The RTP time of the next intra frame.
pub(in crate::cases) fn next_intra(
    c: &mut Client<'_>,
    media: &Media,
    after: Option<u32>,
    time: Duration,
) -> Outcome<u32> {
    let end = Instant::now() + time;
    while Instant::now() < end {
        let Some(packet) = c.packet(Duration::from_secs(5))? else {
            fail!("no packet for 5 s")
        };
        if packet.control {
            continue;
        }
        let p = rtp(&packet)?;
        if Some(p.timestamp) != after && intra(&media.encoding, p.body) {
            return Ok(p.timestamp);
        }
    }
    fail!("no intra frame in {time:?}")
}

pub(in crate::cases) fn sync(d: &Device, encoding: &str, service: &str) -> Outcome {
    with_encoding(d, encoding, |t, interval| {
        let (mut c, video, aggregate) = describe(d, t, encoding, Transport::Tcp, service)?;
        c.setup(&video, "")?;
        c.play(&aggregate, "")?;
        let first = next_intra(&mut c, &video, None, SHOW)?;
        d.call(
            &format!("{service}:SetSynchronizationPoint"),
            &format!("<{service}:ProfileToken>{t}</{service}:ProfileToken>"),
        )?;
        let second = next_intra(&mut c, &video, Some(first), SHOW)?;
        let seconds = f64::from(second.wrapping_sub(first)) / 90_000.0;
        check!(
            seconds < 0.8 * interval,
            "the next intra frame came after {seconds:.1} s, the regular interval is {interval:.1} s"
        );
        c.teardown(&aggregate)
    })
}
