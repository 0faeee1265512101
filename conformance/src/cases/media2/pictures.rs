//! Modes, snapshots, capabilities.

use super::*;

pub(in crate::cases) fn modes(d: &Device) -> Outcome<usize> {
    let mut count = 0;
    for c in list(d, "VideoSource", "")? {
        let source = escape(c.text_of("SourceToken").unwrap_or_default());
        let a = d.call(
            "tr2:GetVideoSourceModes",
            &format!("<tr2:VideoSourceToken>{source}</tr2:VideoSourceToken>"),
        )?;
        let all = a.all("VideoSourceModes");
        check!(!all.is_empty(), "no mode");
        let enabled = all
            .iter()
            .filter(|m| m.attr("Enabled") == Some("true") || m.text_of("Enabled") == Some("true"))
            .count();
        check!(enabled == 1, "{enabled} modes are enabled");
        for m in &all {
            check!(
                m.text_of("Encodings").is_some_and(|e| !e.is_empty()),
                "a mode without Encodings"
            );
        }
        count += all.len();
    }
    Ok(count)
}

pub(in crate::cases) fn snapshot(d: &Device) -> Outcome {
    for p in profiles(d)? {
        if p.find("Configurations/VideoEncoder").is_none() {
            continue;
        }
        let a = d.call(
            "tr2:GetSnapshotUri",
            &format!("<tr2:ProfileToken>{}</tr2:ProfileToken>", token(&p)?),
        )?;
        let uri = a.text_of("Uri").present("Uri")?.to_owned();
        jpeg(d, &uri)?;
    }
    Ok(())
}

/// A JPEG is behind the URI, for the administrator only.
pub(in crate::cases) fn jpeg(d: &Device, uri: &str) -> Outcome {
    let answer = d.http(&d.administrator(), "GET", uri, "snapshot", None)?;
    check!(answer.status == 200, "{uri}: HTTP {}", answer.status);
    check!(
        answer.content_type.starts_with("image/jpeg"),
        "Content-Type {}",
        answer.content_type
    );
    check!(
        answer.body.starts_with(&[0xff, 0xd8]) && answer.body.ends_with(&[0xff, 0xd9]),
        "{} bytes that are no JPEG",
        answer.body.len()
    );
    let answer = d.http(&Auth::None, "GET", uri, "snapshot", None)?;
    check!(
        answer.status == 401,
        "without credentials: HTTP {}",
        answer.status
    );
    Ok(())
}

pub(in crate::cases) fn capabilities(d: &Device) -> Outcome {
    let a = d.call("tr2:GetServiceCapabilities", "")?;
    let c = a.find("Capabilities").present("Capabilities")?;
    let p = c
        .find("ProfileCapabilities")
        .present("ProfileCapabilities")?;
    p.attr("MaximumNumberOfProfiles")
        .present("MaximumNumberOfProfiles")?;
    let kinds: Vec<&str> = p
        .attr("ConfigurationsSupported")
        .present("ConfigurationsSupported")?
        .split_whitespace()
        .collect();
    check!(
        !kinds.is_empty() && !kinds.contains(&"All"),
        "ConfigurationsSupported {kinds:?}"
    );
    let features = d.features();
    check!(
        kinds.contains(&"PTZ") == features.services.contains_key("tptz"),
        "PTZ and the PTZ service disagree"
    );
    if let Some(uri) = c
        .find("StreamingCapabilities")
        .and_then(|s| s.attr("RTSPWebSocketUri"))
    {
        check!(
            uri.starts_with("ws://") || uri.starts_with("wss://"),
            "RTSPWebSocketUri {uri}"
        );
    }
    Ok(())
}
