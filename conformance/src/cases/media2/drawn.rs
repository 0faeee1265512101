//! Texts and masks in the picture.

use super::*;

pub(in crate::cases) fn osds(d: &Device, body: &str) -> Outcome<Vec<Element>> {
    let a = d.call("tr2:GetOSDs", body)?;
    Ok(a.all("OSDs").into_iter().cloned().collect())
}

pub(in crate::cases) fn osd_body(t: &str, source: &str, text: &str) -> String {
    format!(
        "<tr2:OSD token=\"{t}\"><tt:VideoSourceConfigurationToken>{source}</tt:VideoSourceConfigurationToken><tt:Type>Text</tt:Type>\
         <tt:Position><tt:Type>UpperLeft</tt:Type></tt:Position><tt:TextString><tt:Type>Plain</tt:Type><tt:PlainText>{text}</tt:PlainText></tt:TextString></tr2:OSD>"
    )
}

pub(in crate::cases) fn text_osd(d: &Device, changed: bool) -> Outcome {
    let all = list(d, "VideoSource", "")?;
    let source = token(all.first().present("a video source configuration")?)?;
    let body = format!("<tr2:ConfigurationToken>{source}</tr2:ConfigurationToken>");
    let o = d.call("tr2:GetOSDOptions", &body)?;
    if !o
        .texts("OSDOptions/TextOption/Type")
        .contains(&"Plain".into())
    {
        skip!("no plain text OSDs");
    }
    let before = osds(d, "")?;
    let most = o
        .find("OSDOptions/MaximumNumberOfOSDs")
        .and_then(|m| m.attr("Total")?.parse().ok())
        .unwrap_or(usize::MAX);
    if before.len() >= most {
        skip!("the device has its most OSDs ({most})");
    }
    let a = d.call("tr2:CreateOSD", &osd_body("", &source, "ONE"))?;
    let t = escape(a.text_of("OSDToken").present("OSDToken")?);
    let judged = (|| {
        check!(
            before.iter().all(|o| o.attr("token") != Some(&t)),
            "the token was there before"
        );
        let mut wanted = "ONE";
        if changed {
            wanted = "TWO 2";
            d.call("tr2:SetOSD", &osd_body(&t, &source, wanted))?;
        }
        let read = osds(d, &format!("<tr2:OSDToken>{t}</tr2:OSDToken>"))?;
        check!(read.len() == 1, "{} OSDs for one token", read.len());
        check!(
            read[0].text_of("TextString/PlainText") == Some(wanted),
            "{:?} where {wanted} was set",
            read[0].text_of("TextString/PlainText")
        );
        Ok(())
    })();
    d.call(
        "tr2:DeleteOSD",
        &format!("<tr2:OSDToken>{t}</tr2:OSDToken>"),
    )?;
    judged?;
    check!(
        osds(d, "")?.iter().all(|o| o.attr("token") != Some(&t)),
        "the OSD is still there"
    );
    Ok(())
}

pub(in crate::cases) fn osd_options(d: &Device) -> Outcome {
    for c in list(d, "VideoSource", "")? {
        let a = d.call(
            "tr2:GetOSDOptions",
            &format!(
                "<tr2:ConfigurationToken>{}</tr2:ConfigurationToken>",
                token(&c)?
            ),
        )?;
        let o = a.find("OSDOptions").present("OSDOptions")?;
        let types = o.texts("Type");
        check!(
            types.contains(&"Text".into()) == o.find("TextOption").is_some(),
            "Type Text and TextOption disagree"
        );
        check!(
            types.contains(&"Image".into()) == o.find("ImageOption").is_some(),
            "Type Image and ImageOption disagree"
        );
        let texts = o.texts("TextOption/Type");
        for (kind, needs) in [
            ("Date", &["DateFormat"][..]),
            ("Time", &["TimeFormat"]),
            ("DateAndTime", &["DateFormat", "TimeFormat"]),
        ] {
            if texts.contains(&kind.into()) {
                for need in needs {
                    check!(
                        o.find(&format!("TextOption/{need}")).is_some(),
                        "{kind} without {need}"
                    );
                }
            }
        }
        ranges(o)?;
    }
    Ok(())
}

pub(in crate::cases) fn mask(d: &Device) -> Outcome {
    let all = list(d, "VideoSource", "")?;
    let source = token(all.first().present("a video source configuration")?)?;
    let by_source = format!("<tr2:ConfigurationToken>{source}</tr2:ConfigurationToken>");
    let o = d.call("tr2:GetMaskOptions", &by_source)?;
    let kinds = o.texts("Options/Types");
    let kind = kinds.first().present("a mask type")?;
    let colour = if kind == "Color" {
        let c = o
            .find("Options/Color/ColorList")
            .map(|c| (c.attr("X"), c.attr("Y"), c.attr("Z"), c.attr("Colorspace")));
        match c {
            Some((Some(x), Some(y), Some(z), space)) => {
                let space = space.map(|s| format!(" Colorspace=\"{s}\"")).unwrap_or_default();
                format!("<tt:Color X=\"{x}\" Y=\"{y}\" Z=\"{z}\"{space}/>")
            }
            _ => "<tt:Color X=\"0\" Y=\"128\" Z=\"128\" Colorspace=\"http://www.onvif.org/ver10/colorspace/YCbCr\"/>".into(),
        }
    } else {
        String::new()
    };
    let points = [
        ("-0.5", "-0.5"),
        ("0.5", "-0.5"),
        ("0.5", "0.5"),
        ("-0.5", "0.5"),
    ]
    .map(|(x, y)| format!("<tt:Point x=\"{x}\" y=\"{y}\"/>"))
    .concat();
    let body = format!(
        "<tr2:Mask token=\"\"><tr2:ConfigurationToken>{source}</tr2:ConfigurationToken><tr2:Polygon>{points}</tr2:Polygon><tr2:Type>{kind}</tr2:Type>{}<tr2:Enabled>false</tr2:Enabled></tr2:Mask>",
        colour.replace("tt:Color", "tr2:Color")
    );
    let a = d.call("tr2:CreateMask", &body)?;
    let t = escape(a.text_of("Token").present("Token")?);
    let read = d.call("tr2:GetMasks", &format!("<tr2:Token>{t}</tr2:Token>"));
    d.call("tr2:DeleteMask", &format!("<tr2:Token>{t}</tr2:Token>"))?;
    let read = read?;
    let m = read.find("Masks").present("the mask")?;
    check!(
        m.all("Polygon/Point").len() == 4,
        "{} points where 4 were set",
        m.all("Polygon/Point").len()
    );
    check!(
        d.call("tr2:GetMasks", "")?
            .all("Masks")
            .iter()
            .all(|m| m.attr("token") != Some(&t)),
        "the mask is still there"
    );
    Ok(())
}
