//! Stream addresses, and the way to an encoding.

use super::*;

/// A profile with a video encoder.
pub(in crate::cases) fn any_profile(d: &Device) -> Outcome<Element> {
    let all = profiles(d)?;
    all.into_iter()
        .rev()
        .find(|p| p.find("Configurations/VideoEncoder").is_some())
        .present("a profile with an encoder")
}

/// The stream URI of a profile, and its token.
pub(in crate::cases) fn uri_of(
    d: &Device,
    profile: &Element,
    protocol: &str,
) -> Outcome<(String, String)> {
    let t = token(profile)?;
    let a = d.call(
        "tr2:GetStreamUri",
        &format!("<tr2:Protocol>{protocol}</tr2:Protocol><tr2:ProfileToken>{t}</tr2:ProfileToken>"),
    )?;
    Ok((a.text_of("Uri").present("Uri")?.to_owned(), t))
}

/// The same through media 1.
pub(in crate::cases) fn uri_of_media1(
    d: &Device,
    t: &str,
    transport: Transport,
) -> Outcome<String> {
    let (stream, protocol) = match transport {
        Transport::Udp => ("RTP-Unicast", "UDP"),
        Transport::Http => ("RTP-Unicast", "HTTP"),
        Transport::Multicast => ("RTP-Multicast", "UDP"),
        _ => ("RTP-Unicast", "RTSP"),
    };
    let a = d.call(
        "trt:GetStreamUri",
        &format!("<trt:StreamSetup><tt:Stream>{stream}</tt:Stream><tt:Transport><tt:Protocol>{protocol}</tt:Protocol></tt:Transport></trt:StreamSetup><trt:ProfileToken>{t}</trt:ProfileToken>"),
    )?;
    for part in ["InvalidAfterConnect", "InvalidAfterReboot", "Timeout"] {
        a.text_of(&format!("MediaUri/{part}")).present(part)?;
    }
    Ok(a.text_of("MediaUri/Uri").present("Uri")?.to_owned())
}

pub(in crate::cases) fn protocol(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "RtspUnicast",
        Transport::Http => "RtspOverHttp",
        Transport::Multicast => "RtspMulticast",
        Transport::Tcp | Transport::WebSocket => "RTSP",
    }
}

/// Opens the stream of a profile by a transport.
pub(in crate::cases) fn open<'d>(
    d: &'d Device,
    t: &str,
    transport: Transport,
    service: &str,
) -> Outcome<Client<'d>> {
    let mut websocket = String::new();
    if transport == Transport::WebSocket {
        match d
            .features()
            .capability("tr2", "StreamingCapabilities@RTSPWebSocketUri")
        {
            Some(uri) => websocket = uri.to_owned(),
            None => skip!("no RTSPWebSocketUri"),
        }
    }
    let uri = if service == "trt" {
        uri_of_media1(d, t, transport)?
    } else {
        let a = d.call(
            "tr2:GetStreamUri",
            &format!(
                "<tr2:Protocol>{}</tr2:Protocol><tr2:ProfileToken>{t}</tr2:ProfileToken>",
                protocol(transport)
            ),
        )?;
        a.text_of("Uri").present("Uri")?.to_owned()
    };
    Client::open(d, &uri, transport, &websocket)
}

/// Runs `steps` with a profile whose encoder makes `encoding`, small pictures and a long GOP; restores it.
pub(in crate::cases) fn with_encoding(
    d: &Device,
    encoding: &str,
    steps: impl FnOnce(&str, f64) -> Outcome,
) -> Outcome {
    let all = profiles(d)?;
    for profile in all.iter().rev() {
        let Some(own) = profile.find("Configurations/VideoEncoder") else {
            continue;
        };
        let t = token(own)?;
        let fits = encoder_options_of(d, &t)?
            .into_iter()
            .find(|o| o.text_of("Encoding") == Some(encoding));
        let Some(option) = fits else { continue };
        let found = list(
            d,
            "VideoEncoder",
            &format!("<tr2:ConfigurationToken>{t}</tr2:ConfigurationToken>"),
        )?;
        let before = found.first().present("the encoder configuration")?;
        let mut wanted = extreme(before, &option, false);
        let rates: Vec<f64> = option
            .attr("FrameRatesSupported")
            .unwrap_or_default()
            .split_whitespace()
            .filter_map(|r| r.parse().ok())
            .collect();
        let rate = rates
            .iter()
            .copied()
            .min_by(|a, b| (a - 15.0).abs().total_cmp(&(b - 15.0).abs()))
            .unwrap_or(15.0);
        let longest = option
            .attr("GovLengthRange")
            .and_then(|g| g.split_whitespace().last()?.parse::<f64>().ok())
            .unwrap_or(50.0);
        wanted = wanted.with("RateControl/FrameRateLimit", &rate.to_string());
        if option.attr("GovLengthRange").is_some() {
            wanted.attributes.retain(|(n, _)| n.name != "GovLength");
            wanted
                .attributes
                .push((QName::new("", "GovLength"), longest.to_string()));
        }
        write(d, "VideoEncoder", &wanted)?;
        let judged = steps(&token(profile)?, longest / rate);
        write(d, "VideoEncoder", before)?;
        return judged;
    }
    skip!("no profile whose encoder makes {encoding}")
}
