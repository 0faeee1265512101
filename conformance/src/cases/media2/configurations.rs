//! Configurations: lists, options, set and read back, in profiles.

use super::*;

/// The token attribute, fit for XML.
pub(in crate::cases) fn token(e: &Element) -> Outcome<String> {
    Ok(escape(
        e.attr("token")
            .present(&format!("token of {}", e.name.name))?,
    ))
}

/// Every profile with its configurations.
pub(in crate::cases) fn profiles(d: &Device) -> Outcome<Vec<Element>> {
    let a = d.call("tr2:GetProfiles", "<tr2:Type>All</tr2:Type>")?;
    Ok(a.all("Profiles").into_iter().cloned().collect())
}

pub(in crate::cases) fn profile(d: &Device, token: &str) -> Outcome<Element> {
    let a = d.call(
        "tr2:GetProfiles",
        &format!("<tr2:Token>{token}</tr2:Token><tr2:Type>All</tr2:Type>"),
    )?;
    let all = a.all("Profiles");
    check!(all.len() == 1, "{} profiles for one token", all.len());
    Ok(all[0].clone())
}

/// Configurations of a kind.
pub(in crate::cases) fn list(d: &Device, kind: &str, body: &str) -> Outcome<Vec<Element>> {
    let a = d.call(&format!("tr2:Get{kind}Configurations"), body)?;
    Ok(a.all("Configurations").into_iter().cloned().collect())
}

pub(in crate::cases) fn by_token(d: &Device, kind: &str, token: &str) -> Outcome<Element> {
    let found = list(
        d,
        kind,
        &format!("<tr2:ConfigurationToken>{token}</tr2:ConfigurationToken>"),
    )?;
    check!(
        found.len() == 1,
        "{} {kind} configurations for one token",
        found.len()
    );
    Ok(found[0].clone())
}

pub(in crate::cases) fn lists(d: &Device, kind: &'static str) -> Outcome {
    let all = list(d, kind, "")?;
    check!(!all.is_empty(), "no {kind} configuration");
    let tokens: BTreeSet<String> = all.iter().map(token).collect::<Outcome<_>>()?;
    check!(tokens.len() == all.len(), "a token twice");
    for t in &tokens {
        check!(
            token(&by_token(d, kind, t)?)? == *t,
            "another token than asked for"
        );
    }
    for p in profiles(d)? {
        let body = format!("<tr2:ProfileToken>{}</tr2:ProfileToken>", token(&p)?);
        let compatible: BTreeSet<String> = list(d, kind, &body)?
            .iter()
            .map(token)
            .collect::<Outcome<_>>()?;
        check!(
            compatible.is_subset(&tokens),
            "{compatible:?} is no part of {tokens:?}"
        );
        for own in p.all(&format!("Configurations/{kind}")) {
            check!(
                compatible.contains(&token(own)?),
                "the profile's own {} is missing",
                token(own)?
            );
        }
    }
    Ok(())
}

/// Attributes, text and children, the element's own name and use counts left out.
pub(in crate::cases) fn same(a: &Element, b: &Element) -> bool {
    let kept = |e: &Element| -> Vec<Element> {
        e.children
            .iter()
            .filter(|c| c.name.name != "UseCount")
            .cloned()
            .collect()
    };
    let (x, y) = (kept(a), kept(b));
    a.text.trim() == b.text.trim()
        && a.attributes == b.attributes
        && x.len() == y.len()
        && x.iter()
            .zip(&y)
            .all(|(a, b)| a.name == b.name && same(a, b))
}

pub(in crate::cases) fn equal(d: &Device, kind: &'static str) -> Outcome {
    for p in profiles(d)? {
        for own in p.all(&format!("Configurations/{kind}")) {
            let alone = by_token(d, kind, &token(own)?)?;
            check!(
                same(own, &alone),
                "{kind} {} differs between profile and list",
                token(own)?
            );
        }
    }
    Ok(())
}

pub(in crate::cases) fn unknown(d: &Device, kind: &'static str) -> Outcome {
    let body = format!("<tr2:ConfigurationToken>{UNKNOWN}</tr2:ConfigurationToken>");
    d.refused(&format!("tr2:Get{kind}Configurations"), &body, NO_CONFIG)
}

pub(in crate::cases) fn options(d: &Device, kind: &'static str) -> Outcome {
    let operation = format!("tr2:Get{kind}ConfigurationOptions");
    let mut answers = vec![d.call(&operation, "")?];
    for c in list(d, kind, "")? {
        answers.push(d.call(
            &operation,
            &format!(
                "<tr2:ConfigurationToken>{}</tr2:ConfigurationToken>",
                token(&c)?
            ),
        )?);
    }
    for p in profiles(d)? {
        if p.find(&format!("Configurations/{kind}")).is_some() {
            answers.push(d.call(
                &operation,
                &format!("<tr2:ProfileToken>{}</tr2:ProfileToken>", token(&p)?),
            )?);
        }
    }
    for a in answers {
        check!(!a.all("Options").is_empty(), "no Options");
        ranges(&a)?;
    }
    Ok(())
}

/// Every element with Min and Max has them in order.
pub(in crate::cases) fn ranges(e: &Element) -> Outcome {
    for part in e.walk() {
        if let (Some(min), Some(max)) = (part.number("Min"), part.number("Max")) {
            check!(min <= max, "{}: Min {min} above Max {max}", part.name.name);
        }
    }
    Ok(())
}

pub(in crate::cases) fn write(d: &Device, kind: &str, configuration: &Element) -> Outcome {
    let body = configuration
        .clone()
        .named(soap::ns("tr2"), "Configuration")
        .to_xml();
    d.call(&format!("tr2:Set{kind}Configuration"), &body)
        .map(drop)
}

/// Sets a configuration, demands the event, and reads it back.
pub(in crate::cases) fn set_and_read(
    d: &Device,
    kind: &str,
    configuration: &Element,
) -> Outcome<Element> {
    let t = token(configuration)?;
    announces(
        d,
        "Media/ConfigurationChanged",
        |_: &()| t.clone(),
        || write(d, kind, configuration),
    )?;
    by_token(d, kind, &t)
}

pub(in crate::cases) fn set(d: &Device, kind: &'static str) -> Outcome {
    for before in list(d, kind, "")? {
        let t = token(&before)?;
        // As it is: no event is due.
        write(d, kind, &before)?;
        check!(
            same(&by_token(d, kind, &t)?, &before),
            "set as read, and it changed"
        );
        let judged = (|| {
            for wanted in variants(d, kind, &before)? {
                let now = by_token(d, kind, &t)?;
                if same(&now, &wanted) {
                    continue;
                }
                let read = set_and_read(d, kind, &wanted)?;
                check!(
                    same(&read, &wanted),
                    "{kind} {t}: another configuration is read than was set"
                );
            }
            Ok(())
        })();
        write(d, kind, &before)?;
        judged?;
    }
    Ok(())
}

/// Configurations that the options allow, other than the one that is there.
pub(in crate::cases) fn variants(
    d: &Device,
    kind: &str,
    before: &Element,
) -> Outcome<Vec<Element>> {
    let body = format!(
        "<tr2:ConfigurationToken>{}</tr2:ConfigurationToken>",
        token(before)?
    );
    let a = d.call(&format!("tr2:Get{kind}ConfigurationOptions"), &body)?;
    let o = a.find("Options").present("Options")?;
    let bound = |path: &str, end: &str| o.text_of(&format!("{path}/{end}")).map(str::to_owned);
    let mut found = Vec::new();
    match kind {
        "VideoSource" => {
            for end in ["Min", "Max"] {
                let mut c = before.clone();
                if let Some(bounds) = c.find_mut("Bounds") {
                    for (name, range) in [("width", "WidthRange"), ("height", "HeightRange")] {
                        let value = bound(&format!("BoundsRange/{range}"), end);
                        for (n, v) in &mut bounds.attributes {
                            if n.name == name
                                && let Some(value) = &value
                            {
                                v.clone_from(value);
                            }
                        }
                    }
                }
                found.push(c);
            }
        }
        "AudioOutput" => {
            for end in ["Min", "Max"] {
                if let Some(level) = bound("OutputLevelRange", end) {
                    found.push(before.clone().with("OutputLevel", &level));
                }
            }
        }
        "AudioDecoder" => found.push(before.clone().with("Name", "conformance")),
        "AudioEncoder" => {
            let same = a
                .all("Options")
                .into_iter()
                .find(|o| o.text_of("Encoding") == before.text_of("Encoding"));
            let rates = same
                .map(|o| o.texts("BitrateList/Items"))
                .unwrap_or_default();
            found.extend(
                rates
                    .first()
                    .into_iter()
                    .chain(rates.last())
                    .map(|r| before.clone().with("Bitrate", r)),
            );
        }
        "Metadata" => {
            for on in ["true", "false"] {
                found.push(before.clone().with("Analytics", on));
            }
        }
        _ => {}
    }
    Ok(found)
}

pub(in crate::cases) fn ready_to_use(d: &Device) -> Outcome {
    let all = profiles(d)?;
    let mut sources: BTreeSet<String> = list(d, "VideoSource", "")?
        .iter()
        .filter_map(|c| c.text_of("SourceToken").map(str::to_owned))
        .collect();
    check!(!sources.is_empty(), "no video source");
    for p in &all {
        let encoding = p
            .text_of("Configurations/VideoEncoder/Encoding")
            .unwrap_or_default();
        if encoding == "H264" || encoding == "H265" {
            sources.remove(
                p.text_of("Configurations/VideoSource/SourceToken")
                    .unwrap_or_default(),
            );
        }
    }
    check!(sources.is_empty(), "no ready profile for {sources:?}");
    Ok(())
}

pub(in crate::cases) fn in_some_profile(d: &Device, kind: &str) -> Outcome {
    let all = profiles(d)?;
    for c in list(d, "VideoSource", "")? {
        let t = c.attr("token");
        let there = all.iter().any(|p| {
            p.find("Configurations/VideoSource")
                .and_then(|v| v.attr("token"))
                == t
                && p.find(&format!("Configurations/{kind}")).is_some()
        });
        check!(there, "no profile with {t:?} and {kind}");
    }
    Ok(())
}
