//! What only multicast has: sending without a session, and a group that is changed.

use std::net::{IpAddr, UdpSocket};

use super::*;
use crate::{case::Stop, rtsp::join_group};

/// Encoder configuration with its profile.
fn encoder(d: &Device) -> Outcome<(String, Element)> {
    let profile = any_profile(d)?;
    let own = profile
        .find("Configurations/VideoEncoder")
        .present("a video encoder")?;
    Ok((token(&profile)?, by_token(d, "VideoEncoder", &token(own)?)?))
}

/// The same configuration with another port, and the port.
fn moved(before: &Element, by: u16) -> Outcome<(Element, u16)> {
    let port: u16 = before
        .text_of("Multicast/Port")
        .and_then(|p| p.parse().ok())
        .present("Multicast/Port")?;
    let port = port.saturating_add(by);
    let wanted = before.clone().with("Multicast/Port", &port.to_string());
    Ok((wanted, port))
}

/// A socket in the configuration's group at its RTP port.
fn listen(d: &Device, configuration: &Element) -> Outcome<UdpSocket> {
    let address: IpAddr = configuration
        .text_of("Multicast/Address/IPv4Address")
        .and_then(|a| a.parse().ok())
        .present("Multicast/Address/IPv4Address")?;
    let (_, port) = moved(configuration, 0)?;
    let probe = UdpSocket::bind("0.0.0.0:0").map_err(|e| Stop::NotRun(e.to_string()))?;
    let own = probe
        .connect((d.target().host().as_str(), d.target().port()))
        .and_then(|()| probe.local_addr())
        .map_err(|e| Stop::NotRun(format!("no way to {}: {e}", d.target().host())))?;
    join_group(address, port, own.ip())
}

/// True when a packet comes within the time.
fn hears(socket: &UdpSocket, time: Duration) -> bool {
    let end = Instant::now() + time;
    let mut buffer = [0; 2048];
    while Instant::now() < end {
        if socket.recv(&mut buffer).is_ok() {
            return true;
        }
    }
    false
}

/// Start: packets without any session; Stop: silence.
pub(in crate::cases) fn start_stop(d: &Device, service: &'static str) -> Outcome {
    let (profile, configuration) = encoder(d)?;
    let socket = listen(d, &configuration)?;
    let switch = |what: &str| {
        d.call(
            &format!("{service}:{what}MulticastStreaming"),
            &format!("<{service}:ProfileToken>{profile}</{service}:ProfileToken>"),
        )
    };
    let auto = |d: &Device| -> Outcome<bool> {
        let now = by_token(d, "VideoEncoder", &token(&configuration)?)?;
        Ok(now.text_of("Multicast/AutoStart") == Some("true"))
    };
    switch("Start")?;
    let heard = hears(&socket, d.options().operation_delay);
    let persistent = auto(d)?;
    switch("Stop")?;
    check!(heard, "no packet after StartMulticastStreaming");
    check!(
        persistent,
        "AutoStart is false after StartMulticastStreaming"
    );
    check!(!auto(d)?, "AutoStart is true after StopMulticastStreaming");
    // What was on its way may still come.
    let end = Instant::now() + d.options().operation_delay;
    while hears(&socket, Duration::from_secs(1)) {
        check!(
            Instant::now() < end,
            "packets go on after StopMulticastStreaming"
        );
    }
    Ok(())
}

/// A changed port counts for the next session.
pub(in crate::cases) fn another_port(d: &Device) -> Outcome {
    let (profile, before) = encoder(d)?;
    let (wanted, port) = moved(&before, 1000)?;
    write(d, "VideoEncoder", &wanted)?;
    let judged = (|| {
        let mut c = open(d, &profile, Transport::Multicast, "tr2")?;
        let (media, aggregate) = c.describe("")?;
        let video = media
            .into_iter()
            .find(|m| m.kind == "video")
            .present("video in the SDP")?;
        c.setup(&video, "")?;
        check!(
            c.group().is_some_and(|group| group.port() == port),
            "SETUP names {:?} instead of port {port}",
            c.group()
        );
        c.play(&aggregate, "")?;
        watch(&mut c, &video)?;
        c.teardown(&aggregate)
    })();
    write(d, "VideoEncoder", &before)?;
    judged
}
