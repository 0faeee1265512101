//! Profiles: made, filled, emptied, deleted; stream addresses.

use super::*;

/// A profile of the test; gone afterwards.
pub(in crate::cases) fn with_profile(
    d: &Device,
    body: &str,
    steps: impl FnOnce(&str) -> Outcome,
) -> Outcome {
    let create = || {
        let a = d.call(
            "tr2:CreateProfile",
            &format!("<tr2:Name>conformance</tr2:Name>{body}"),
        )?;
        Ok(escape(a.text_of("Token").present("Token")?))
    };
    let room = d
        .features()
        .number("tr2", "ProfileCapabilities@MaximumNumberOfProfiles")
        .unwrap_or(u32::MAX);
    if profiles(d)?.len() >= room as usize {
        skip!("the device has its most profiles ({room})");
    }
    let t = announces(d, "Media/ProfileChanged", String::clone, create)?;
    let judged = steps(&t);
    d.call("tr2:DeleteProfile", &format!("<tr2:Token>{t}</tr2:Token>"))?;
    judged
}

pub(in crate::cases) fn configuration(kind: &str, token: &str) -> String {
    format!(
        "<tr2:Configuration><tr2:Type>{kind}</tr2:Type><tr2:Token>{token}</tr2:Token></tr2:Configuration>"
    )
}

pub(in crate::cases) fn create_profile(d: &Device) -> Outcome {
    let source = list(d, "VideoSource", "")?;
    let source = token(source.first().present("a video source configuration")?)?;
    let mut created = String::new();
    with_profile(d, &configuration("VideoSource", &source), |t| {
        created = t.to_owned();
        let p = profile(d, t)?;
        let own = p
            .find("Configurations/VideoSource")
            .present("VideoSource in the profile")?;
        check!(token(own)? == source, "another video source configuration");
        check!(p.attr("fixed") != Some("true"), "the new profile is fixed");
        Ok(())
    })?;
    d.refused(
        "tr2:GetProfiles",
        &format!("<tr2:Token>{created}</tr2:Token>"),
        NO_PROFILE,
    )
}

pub(in crate::cases) fn supported(d: &Device, kind: &str) -> bool {
    d.features()
        .capability("tr2", KINDS)
        .is_some_and(|l| l.split_whitespace().any(|k| k == kind))
}

pub(in crate::cases) fn add_and_remove(d: &Device) -> Outcome {
    with_profile(d, "", |t| {
        for (source, followers) in [
            (
                "VideoSource",
                &["VideoEncoder", "Analytics", "Metadata"][..],
            ),
            ("AudioSource", &["AudioEncoder"]),
            ("AudioOutput", &["AudioDecoder"]),
        ] {
            if !supported(d, source) {
                continue;
            }
            let all = list(d, source, "")?;
            let first = token(all.first().present(source)?)?;
            change(d, "Add", t, source, &first)?;
            for kind in followers.iter().filter(|k| supported(d, k)) {
                let body = format!("<tr2:ProfileToken>{t}</tr2:ProfileToken>");
                let compatible = list(d, kind, &body)?;
                check!(
                    *kind != "VideoEncoder" || !compatible.is_empty(),
                    "no compatible encoder"
                );
                if let Some(c) = compatible.first() {
                    change(d, "Add", t, kind, &token(c)?)?;
                    change(d, "Remove", t, kind, &token(c)?)?;
                }
            }
            change(d, "Remove", t, source, &first)?;
        }
        Ok(())
    })
}

/// Adds or removes one configuration, with the event, and looks.
pub(in crate::cases) fn change(
    d: &Device,
    verb: &str,
    profile_token: &str,
    kind: &str,
    configuration_token: &str,
) -> Outcome {
    let body = format!(
        "<tr2:ProfileToken>{profile_token}</tr2:ProfileToken>{}",
        configuration(kind, configuration_token)
    );
    announces(
        d,
        "Media/ProfileChanged",
        |_: &()| profile_token.to_owned(),
        || d.call(&format!("tr2:{verb}Configuration"), &body).map(drop),
    )?;
    let there = profile(d, profile_token)?
        .find(&format!("Configurations/{kind}"))
        .is_some();
    check!(
        there == (verb == "Add"),
        "after {verb}Configuration {kind} is there: {there}"
    );
    Ok(())
}

pub(in crate::cases) fn profiles_by_type(d: &Device) -> Outcome {
    let all = profiles(d)?;
    let tokens: Vec<String> = all.iter().map(token).collect::<Outcome<_>>()?;
    let bare = d.call("tr2:GetProfiles", "")?;
    check!(
        bare.all("Profiles").len() == all.len(),
        "another number of profiles without Type"
    );
    for p in bare.all("Profiles") {
        check!(
            p.find("Configurations")
                .is_none_or(|c| c.children.is_empty()),
            "Configurations although no Type was asked for"
        );
    }
    for kind in ["VideoSource", "VideoEncoder", "Analytics", "Metadata"] {
        let a = d.call("tr2:GetProfiles", &format!("<tr2:Type>{kind}</tr2:Type>"))?;
        let found = a.all("Profiles");
        let own: Vec<String> = found.iter().map(|p| token(p)).collect::<Outcome<_>>()?;
        check!(own == tokens, "{kind}: other profiles: {own:?}");
        for (p, full) in found.iter().zip(&all) {
            for c in p.all("Configurations").iter().flat_map(|c| &c.children) {
                check!(
                    c.name.name == kind,
                    "{} although {kind} was asked for",
                    c.name.name
                );
                let whole = full.find(&format!("Configurations/{kind}")).present(kind)?;
                check!(same(c, whole), "{kind} differs from that in All");
            }
        }
    }
    Ok(())
}

pub(in crate::cases) fn create_with_source(d: &Device) -> Outcome {
    for kind in ["VideoSource", "AudioSource", "AudioOutput"]
        .into_iter()
        .filter(|k| supported(d, k))
    {
        let all = list(d, kind, "")?;
        let first = token(all.first().present(kind)?)?;
        with_profile(d, &configuration(kind, &first), |t| {
            let p = profile(d, t)?;
            let own = p.find(&format!("Configurations/{kind}")).present(kind)?;
            check!(token(own)? == first, "another configuration");
            Ok(())
        })?;
    }
    Ok(())
}

pub(in crate::cases) fn remove_all(d: &Device) -> Outcome {
    let all = list(d, "VideoSource", "")?;
    let first = token(all.first().present("a video source configuration")?)?;
    with_profile(d, &configuration("VideoSource", &first), |t| {
        let body = format!(
            "<tr2:ProfileToken>{t}</tr2:ProfileToken><tr2:Configuration><tr2:Type>All</tr2:Type></tr2:Configuration>"
        );
        d.call("tr2:RemoveConfiguration", &body)?;
        let p = profile(d, t)?;
        check!(
            p.find("Configurations")
                .is_none_or(|c| c.children.is_empty()),
            "something is left"
        );
        Ok(())
    })
}

pub(in crate::cases) fn stream_uris(d: &Device) -> Outcome {
    for p in profiles(d)? {
        if p.find("Configurations/VideoEncoder").is_none() {
            continue;
        }
        for protocol in ["RtspUnicast", "RTSP"] {
            let body = format!(
                "<tr2:Protocol>{protocol}</tr2:Protocol><tr2:ProfileToken>{}</tr2:ProfileToken>",
                token(&p)?
            );
            let a = d.call("tr2:GetStreamUri", &body)?;
            let uri = a.text_of("Uri").present("Uri")?;
            check!(uri.len() <= 128, "{} octets: {uri}", uri.len());
            let Ok(url) = url::Url::parse(uri) else {
                fail!("{uri:?} is no URL")
            };
            check!(url.scheme() == "rtsp", "{uri} is no rtsp URL");
            check!(
                url.host_str() == d.target().device_service.host_str(),
                "another host: {uri}"
            );
        }
    }
    Ok(())
}
