//! Video sources and encoders: options, and what is within them.

use super::*;

pub(in crate::cases) fn within(range: Option<&Element>, value: f64) -> bool {
    range.is_some_and(|r| {
        r.number("Min").is_some_and(|m| m <= value) && r.number("Max").is_some_and(|m| m >= value)
    })
}

pub(in crate::cases) fn source_options(d: &Device) -> Outcome {
    for c in list(d, "VideoSource", "")? {
        let a = d.call(
            "tr2:GetVideoSourceConfigurationOptions",
            &format!(
                "<tr2:ConfigurationToken>{}</tr2:ConfigurationToken>",
                token(&c)?
            ),
        )?;
        let o = a.find("Options").present("Options")?;
        let source = c.text_of("SourceToken").present("SourceToken")?.to_owned();
        check!(
            o.texts("VideoSourceTokensAvailable").contains(&source),
            "{source} is not available"
        );
        let bounds = c.find("Bounds").present("Bounds")?;
        for (attribute, range) in [
            ("x", "XRange"),
            ("y", "YRange"),
            ("width", "WidthRange"),
            ("height", "HeightRange"),
        ] {
            let value = bounds
                .attr(attribute)
                .and_then(|v| v.parse().ok())
                .present(attribute)?;
            check!(
                within(o.find(&format!("BoundsRange/{range}")), value),
                "{attribute} {value} is outside {range}"
            );
        }
    }
    Ok(())
}

pub(in crate::cases) fn encoder_options_of(d: &Device, t: &str) -> Outcome<Vec<Element>> {
    let a = d.call(
        "tr2:GetVideoEncoderConfigurationOptions",
        &format!("<tr2:ConfigurationToken>{t}</tr2:ConfigurationToken>"),
    )?;
    Ok(a.all("Options").into_iter().cloned().collect())
}

pub(in crate::cases) fn numbers(text: Option<&str>) -> Vec<f64> {
    text.unwrap_or_default()
        .split_whitespace()
        .filter_map(|n| n.parse().ok())
        .collect()
}

pub(in crate::cases) fn misfit(c: &Element, o: &Element) -> Option<String> {
    if c.text_of("Encoding") != o.text_of("Encoding") {
        return Some("Encoding".into());
    }
    let size = |e: &Element| (e.number("Width"), e.number("Height"));
    let own = c.find("Resolution").map(size)?;
    if !o
        .all("ResolutionsAvailable")
        .into_iter()
        .any(|r| size(r) == own)
    {
        return Some(format!("Resolution {own:?}"));
    }
    if !within(
        o.find("QualityRange"),
        c.number("Quality").unwrap_or(f64::NAN),
    ) {
        return Some("Quality".into());
    }
    let rates = numbers(o.attr("FrameRatesSupported"));
    if let Some(rate) = c.number("RateControl/FrameRateLimit")
        && !rates.is_empty()
        && !rates.iter().any(|r| (r - rate).abs() < 0.01)
    {
        return Some(format!("FrameRateLimit {rate}"));
    }
    if let (Some(rate), Some(range)) =
        (c.number("RateControl/BitrateLimit"), o.find("BitrateRange"))
        && !within(Some(range), rate)
    {
        return Some(format!("BitrateLimit {rate}"));
    }
    let gops = numbers(o.attr("GovLengthRange"));
    if let (Some(gop), [min, max]) = (
        c.attr("GovLength").and_then(|v| v.parse::<f64>().ok()),
        &gops[..],
    ) && !(*min..=*max).contains(&gop)
    {
        return Some(format!("GovLength {gop}"));
    }
    if let (Some(profile), Some(list)) = (c.attr("Profile"), o.attr("ProfilesSupported"))
        && !list.split_whitespace().any(|p| p == profile)
    {
        return Some(format!("Profile {profile}"));
    }
    None
}

pub(in crate::cases) fn encoder_fits(d: &Device, c: &Element) -> Outcome {
    let options = encoder_options_of(d, &token(c)?)?;
    let misfits: Vec<String> = options.iter().filter_map(|o| misfit(c, o)).collect();
    check!(
        misfits.len() < options.len(),
        "{} fits no option: {misfits:?}",
        token(c)?
    );
    Ok(())
}

pub(in crate::cases) fn encoder_options(d: &Device) -> Outcome {
    let mut all = d
        .call("tr2:GetVideoEncoderConfigurationOptions", "")?
        .all("Options")
        .into_iter()
        .cloned()
        .collect::<Vec<_>>();
    for c in list(d, "VideoEncoder", "")? {
        all.extend(encoder_options_of(d, &token(&c)?)?);
    }
    for o in &all {
        let gops = numbers(o.attr("GovLengthRange"));
        check!(
            gops.is_empty() || (gops.len() == 2 && gops[0] <= gops[1]),
            "GovLengthRange {gops:?}"
        );
        let rates = numbers(o.attr("FrameRatesSupported"));
        check!(
            rates.windows(2).all(|w| w[0] > w[1]),
            "FrameRatesSupported is not descending: {rates:?}"
        );
        ranges(o)?;
    }
    Ok(())
}

/// The configuration with the smallest or largest values of an option.
pub(in crate::cases) fn extreme(c: &Element, o: &Element, largest: bool) -> Element {
    let pick = |list: Vec<f64>| {
        let fold = if largest { f64::max } else { f64::min };
        list.into_iter().reduce(fold)
    };
    let range = |path: &str| {
        o.text_of(&format!("{path}/{}", if largest { "Max" } else { "Min" }))
            .map(str::to_owned)
    };
    let mut new = c
        .clone()
        .with("Encoding", o.text_of("Encoding").unwrap_or_default());
    let sizes = o.all("ResolutionsAvailable");
    let area = |e: &&Element| {
        (e.number("Width").unwrap_or(0.0) * e.number("Height").unwrap_or(0.0)) as u64
    };
    let size = if largest {
        sizes.into_iter().max_by_key(area)
    } else {
        sizes.into_iter().min_by_key(area)
    };
    if let Some(size) = size {
        new = new
            .with(
                "Resolution/Width",
                size.text_of("Width").unwrap_or_default(),
            )
            .with(
                "Resolution/Height",
                size.text_of("Height").unwrap_or_default(),
            );
    }
    if let Some(quality) = range("QualityRange") {
        new = new.with("Quality", &quality);
    }
    if let Some(rate) = pick(numbers(o.attr("FrameRatesSupported"))) {
        new = new.with("RateControl/FrameRateLimit", &rate.to_string());
    }
    if let Some(rate) = range("BitrateRange") {
        new = new.with("RateControl/BitrateLimit", &rate);
    }
    new.attributes
        .retain(|(n, _)| n.name != "GovLength" && n.name != "Profile");
    if let Some(gop) = pick(numbers(o.attr("GovLengthRange"))) {
        new.attributes
            .push((crate::xml::QName::new("", "GovLength"), gop.to_string()));
    }
    let profiles: Vec<&str> = o
        .attr("ProfilesSupported")
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    if let Some(profile) = if largest {
        profiles.last()
    } else {
        profiles.first()
    } {
        new.attributes
            .push((crate::xml::QName::new("", "Profile"), (*profile).to_owned()));
    }
    new
}

pub(in crate::cases) fn set_encoders(d: &Device) -> Outcome {
    for before in list(d, "VideoEncoder", "")? {
        let judged = (|| {
            for o in encoder_options_of(d, &token(&before)?)? {
                for largest in [false, true] {
                    let wanted = extreme(&before, &o, largest);
                    let read = set_and_read(d, "VideoEncoder", &wanted)?;
                    for path in ["Encoding", "Resolution/Width", "Resolution/Height"] {
                        check!(
                            read.text_of(path) == wanted.text_of(path),
                            "{path}: {:?} where {:?} was set",
                            read.text_of(path),
                            wanted.text_of(path)
                        );
                    }
                    for path in [
                        "Quality",
                        "RateControl/FrameRateLimit",
                        "RateControl/BitrateLimit",
                    ] {
                        let (is, was) = (read.number(path), wanted.number(path));
                        check!(
                            was.is_none() || is == was,
                            "{path}: {is:?} where {was:?} was set"
                        );
                    }
                    for name in ["GovLength", "Profile"] {
                        check!(
                            wanted.attr(name).is_none() || read.attr(name) == wanted.attr(name),
                            "{name}: {:?} where {:?} was set",
                            read.attr(name),
                            wanted.attr(name)
                        );
                    }
                }
            }
            Ok(())
        })();
        write(d, "VideoEncoder", &before)?;
        judged?;
    }
    Ok(())
}

pub(in crate::cases) fn bad_encoder(d: &Device) -> Outcome {
    let all = list(d, "VideoEncoder", "")?;
    let before = all.first().present("an encoder configuration")?;
    let bad = before
        .clone()
        .with("Resolution/Width", "3")
        .with("Resolution/Height", "1");
    let body = bad.named(soap::ns("tr2"), "Configuration").to_xml();
    d.refused(
        "tr2:SetVideoEncoderConfiguration",
        &body,
        "Sender/InvalidArgVal/ConfigModify",
    )?;
    check!(
        same(&by_token(d, "VideoEncoder", &token(before)?)?, before),
        "it changed all the same"
    );
    Ok(())
}
