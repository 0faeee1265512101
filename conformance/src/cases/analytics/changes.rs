//! Rules and modules are made, changed by their options, and deleted; both lists follow.

use super::{super::pullpoint::announces, parts::*};
use crate::{
    case::{Outcome, Present},
    check,
    device::Device,
    skip, soap,
    xml::{Element, QName, escape},
};

const NAME: &str = "conformance";

/// A type that can be made, with its configuration.
struct Kind {
    c: String,
    name: QName,
    description: Element,
    /// One of those that leave no room for another.
    in_the_way: Option<Element>,
}

fn kinds(d: &Device, parts: &Parts, only: Option<&str>) -> Outcome<Vec<Kind>> {
    let found = std::cell::RefCell::new(Vec::new());
    each(d, |d, c| {
        let present = instances(d, c, parts)?;
        for description in supported(d, c, parts)? {
            let name = qualified(&description, "Name")?;
            let wanted = only.is_none_or(|o| o == name.name);
            if !wanted || description.attr("fixed") == Some("true") {
                continue;
            }
            let most = description
                .attr("maxInstances")
                .and_then(|m| m.parse().ok());
            let of = |i: &&Element| qualified(i, "Type").is_ok_and(|t| t == name);
            let all: Vec<&Element> = present.iter().filter(of).collect();
            let full = most.is_some_and(|m: usize| all.len() >= m);
            found.borrow_mut().push(Kind {
                c: c.to_owned(),
                in_the_way: all.last().filter(|_| full).map(|i| (*i).clone()),
                name,
                description,
            });
        }
        Ok(())
    })?;
    let found = found.into_inner();
    if found.is_empty() {
        skip!(
            "no type {}that is not fixed",
            only.map(|o| format!("{o} ")).unwrap_or_default()
        );
    }
    Ok(found)
}

fn create(d: &Device, c: &str, parts: &Parts, one: &str) -> Outcome {
    let body = format!("{}{one}", configuration(c));
    announces(
        d,
        "Media/ConfigurationChanged",
        |()| c.to_owned(),
        || d.call(parts.create, &body).map(drop),
    )
}

fn delete(d: &Device, c: &str, parts: &Parts, name: &str) -> Outcome {
    let element = parts.name;
    let body = format!(
        "{}<tan:{element}>{}</tan:{element}>",
        configuration(c),
        escape(name)
    );
    d.call(parts.delete, &body)?;
    in_none(d, c, parts, name)
}

fn modify(d: &Device, c: &str, parts: &Parts, one: &str) -> Outcome {
    d.call(parts.modify, &format!("{}{one}", configuration(c)))
        .map(drop)
}

/// Makes one of every type that is not fixed, or of `only`, with these parameters; it is in both lists. Does `steps`
/// with it and deletes it: it is in none.
fn with_one(
    d: &Device,
    parts: &Parts,
    only: Option<&str>,
    items: &str,
    steps: impl Fn(&str, &QName, &Element) -> Outcome,
) -> Outcome {
    for kind in kinds(d, parts, only)? {
        let c = kind.c.as_str();
        if let Some(one) = &kind.in_the_way {
            delete(d, c, parts, one.attr("Name").present("Name")?)?;
        }
        let judged = (|| {
            create(d, c, parts, &made(parts, NAME, &kind.name, items))?;
            let judged = in_both(d, c, parts, NAME).and_then(|made| {
                let of = qualified(&made, "Type")?;
                check!(
                    of == kind.name,
                    "{of} was made, {} was asked for",
                    kind.name
                );
                steps(c, &kind.name, &kind.description)
            });
            delete(d, c, parts, NAME)?;
            judged
        })();
        if let Some(one) = &kind.in_the_way {
            create(
                d,
                c,
                parts,
                &one.clone().named(soap::ns("tan"), parts.element).to_xml(),
            )?;
        }
        judged?;
    }
    Ok(())
}

/// ANALYTICS-4-1-5, -4-1-6, -6-1-4, -6-1-5: made without a parameter, with the device's own values.
pub(super) fn create_and_delete(d: &Device, parts: &Parts) -> Outcome {
    with_one(d, parts, None, "", |_, _, _| Ok(()))
}

/// ANALYTICS-4-1-7, -6-1-6: changed by what the options allow. What is fixed is put back.
pub(super) fn by_options(d: &Device, parts: &Parts) -> Outcome {
    let change = |c: &str, name: &str, kind: &QName, description: &Element| {
        let items = from_options(d, c, parts, kind, description)?;
        let sent = made(parts, name, kind, &items);
        modify(d, c, parts, &sent)?;
        let after = in_both(d, c, parts, name)?;
        holds(&after, &sent)
    };
    let fixed = std::cell::Cell::new(false);
    each(d, |d, c| {
        for description in supported(d, c, parts)? {
            let kind = qualified(&description, "Name")?;
            if description.attr("fixed") != Some("true") {
                continue;
            }
            fixed.set(true);
            for was in instances(d, c, parts)? {
                if qualified(&was, "Type")? == kind {
                    let name = was.attr("Name").present("Name")?;
                    let judged = change(c, name, &kind, &description);
                    put_back(d, c, parts, &was)?;
                    judged?;
                    same(&was, &in_both(d, c, parts, name)?)?;
                }
            }
        }
        Ok(())
    })?;
    let made = with_one(d, parts, None, "", |c, kind, description| {
        change(c, NAME, kind, description)
    });
    match made {
        Err(crate::case::Stop::NotApplicable(_)) if fixed.get() => Ok(()),
        other => other,
    }
}

/// ANALYTICS-4-1-8: each parameter without an option is written as it is; truth values are turned round.
pub(super) fn without_options(d: &Device, parts: &Parts) -> Outcome {
    let tried = std::cell::Cell::new(false);
    each(d, |d, c| {
        for description in supported(d, c, parts)? {
            let kind = qualified(&description, "Name")?;
            let optional = option_names(d, c, parts, &kind)?;
            for was in instances(d, c, parts)? {
                if qualified(&was, "Type")? != kind {
                    continue;
                }
                let mut other = was.clone();
                let Some(list) = other.find_mut("Parameters") else {
                    continue;
                };
                list.children.retain(|i| {
                    i.attr("Name")
                        .is_some_and(|n| !optional.iter().any(|o| o == n))
                });
                if list.children.is_empty() {
                    continue;
                }
                for (name, value) in list.children.iter_mut().flat_map(|i| &mut i.attributes) {
                    match value.as_str() {
                        "true" if name.name == "Value" => *value = "false".into(),
                        "false" if name.name == "Value" => *value = "true".into(),
                        _ => {}
                    }
                }
                tried.set(true);
                let sent = other.named(soap::ns("tan"), parts.element).to_xml();
                let name = was.attr("Name").present("Name")?;
                let judged = modify(d, c, parts, &sent)
                    .and_then(|()| in_both(d, c, parts, name))
                    .and_then(|after| holds(&after, &sent));
                put_back(d, c, parts, &was)?;
                judged?;
            }
        }
        Ok(())
    })?;
    if !tried.get() {
        skip!("every parameter has an option");
    }
    Ok(())
}

/// The options of a type.
pub(super) fn options_of(
    d: &Device,
    c: &str,
    parts: &Parts,
    kind: &QName,
) -> Outcome<Vec<Element>> {
    let (element, local) = (parts.kind, escape(&kind.name));
    let body = format!(
        "<tan:{element} {}>q:{local}</tan:{element}>{}",
        declared(kind),
        configuration(c)
    );
    let a = d.call(parts.options, &body)?;
    Ok(a.all(parts.option).into_iter().cloned().collect())
}

fn option_names(d: &Device, c: &str, parts: &Parts, kind: &QName) -> Outcome<Vec<String>> {
    let all = options_of(d, c, parts, kind)?;
    Ok(all
        .iter()
        .filter_map(|o| o.attr("Name").map(str::to_owned))
        .collect())
}

/// Items with the last or largest of every option; texts before elements.
fn from_options(
    d: &Device,
    c: &str,
    parts: &Parts,
    kind: &QName,
    description: &Element,
) -> Outcome<String> {
    let options = options_of(d, c, parts, kind)?;
    let (mut simple, mut elements) = (String::new(), String::new());
    for item in description
        .all("Parameters")
        .iter()
        .flat_map(|p| &p.children)
    {
        let name = item.attr("Name").present("Name")?;
        let Some(option) = options.iter().find(|o| o.attr("Name") == Some(name)) else {
            continue;
        };
        let Some(content) = option.children.first() else {
            continue;
        };
        if item.name.name == "ElementItemDescription" {
            if let Some(xml) = shape(content) {
                elements += &format!(
                    "<tt:ElementItem Name=\"{}\">{xml}</tt:ElementItem>",
                    escape(name)
                );
            }
        } else if let Some(value) = largest(content) {
            simple += &format!(
                "<tt:SimpleItem Name=\"{}\" Value=\"{}\"/>",
                escape(name),
                escape(&value)
            );
        }
    }
    Ok(simple + &elements)
}

fn largest(option: &Element) -> Option<String> {
    match option.name.name.as_str() {
        "IntRange" | "FloatRange" | "DurationRange" => option.text_of("Max").map(str::to_owned),
        "StringItems" => option.texts("Item").pop(),
        "StringList" | "IntList" | "FloatList" => {
            option.text.split_whitespace().last().map(str::to_owned)
        }
        _ => None,
    }
}

/// A polygon in the middle of the picture with as many corners as these bounds allow, four if they do.
fn polygon(corners: Option<&Element>) -> String {
    let bound = |path| corners.and_then(|c| c.number(path)).unwrap_or(4.0);
    let n = 4f64.clamp(bound("Min").max(3.0), bound("Max").max(3.0)) as usize;
    let points: String = (0..n)
        .map(|i| {
            let angle = std::f64::consts::TAU * (i as f64 + 0.5) / n as f64;
            // A rectangle where there are four.
            format!(
                "<tt:Point x=\"{:.4}\" y=\"{:.4}\"/>",
                angle.cos() / 2.0,
                angle.sin() / 2.0
            )
        })
        .collect();
    format!("<tt:Polygon>{points}</tt:Polygon>")
}

fn shape(option: &Element) -> Option<String> {
    match option.name.name.as_str() {
        "PolygonOptions" => Some(polygon(option.find("VertexLimits"))),
        "MotionRegionConfigOptions" => Some(motion(option)),
        _ => None,
    }
}

/// A motion region by its options.
fn motion(option: &Element) -> String {
    let armed = match option.text_of("DisarmSupport") {
        Some("true" | "1") => " Armed=\"false\"",
        _ => "",
    };
    format!(
        "<axt:MotionRegionConfig xmlns:axt=\"{}\"{armed} Sensitivity=\"0.3\">{}</axt:MotionRegionConfig>",
        soap::ns("axt"),
        polygon(option.find("PolygonLimits"))
    )
}

/// ANALYTICS-1-1-3, -1-1-4: a region of our own, as often as it can be had, read back; then another.
pub(super) fn motion_rules(d: &Device, change: bool) -> Outcome {
    const KIND: &str = "MotionRegionDetector";
    let whole = |corners: &str| {
        format!(
            "<tt:ElementItem Name=\"MotionRegion\"><axt:MotionRegionConfig xmlns:axt=\"{}\" Sensitivity=\"0.5\">{corners}</axt:MotionRegionConfig></tt:ElementItem>",
            soap::ns("axt")
        )
    };
    let first = whole(&polygon(None));
    with_one(d, RULE, Some(KIND), &first, |c, kind, description| {
        holds(&in_both(d, c, RULE, NAME)?, &made(RULE, NAME, kind, &first))?;
        if change {
            let items = from_options(d, c, RULE, kind, description)?;
            let sent = made(RULE, NAME, kind, &items);
            modify(d, c, RULE, &sent)?;
            return holds(&in_both(d, c, RULE, NAME)?, &sent);
        }
        // As many as are allowed: with the one of the case there is room for the rest.
        let most: usize = description
            .attr("maxInstances")
            .and_then(|m| m.parse().ok())
            .unwrap_or(1);
        let of = |i: &Element| qualified(i, "Type").is_ok_and(|t| t == *kind);
        let now = instances(d, c, RULE)?.iter().filter(|i| of(i)).count();
        let names: Vec<String> = (now..most.min(16)).map(|n| format!("{NAME}{n}")).collect();
        let mut judged = Ok(());
        for name in &names {
            judged = judged.and_then(|()| create(d, c, RULE, &made(RULE, name, kind, &first)));
        }
        for name in &names {
            delete(d, c, RULE, name)?;
        }
        judged
    })
}

/// Does `steps` while there is a motion rule of ours.
pub(super) fn with_motion_rule(d: &Device, steps: impl Fn() -> Outcome) -> Outcome {
    with_one(d, RULE, Some("MotionRegionDetector"), "", |_, _, _| steps())
}

/// ANALYTICS-7-1-3, -7-1-4 for a rule that includes images: each value of the option is kept.
pub(super) fn include_image(d: &Device, kind: &str, first: &str) -> Outcome {
    let item = |v: &str| {
        format!(
            "<tt:SimpleItem Name=\"IncludeImage\" Value=\"{}\"/>",
            escape(v)
        )
    };
    with_one(d, RULE, Some(kind), first, |c, kind, _| {
        let options = options_of(d, c, RULE, kind)?;
        let option = options
            .iter()
            .find(|o| o.attr("Name") == Some("IncludeImage"));
        let option = option.present("an option for IncludeImage")?;
        for value in option.texts("StringItems/Item") {
            let sent = made(RULE, NAME, kind, &item(&value));
            modify(d, c, RULE, &sent)?;
            holds(&in_both(d, c, RULE, NAME)?, &sent)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::parse;

    #[test]
    fn values_come_from_the_options() {
        for (option, value) in [
            ("<IntRange><Min>1</Min><Max>30</Max></IntRange>", Some("30")),
            (
                "<FloatRange><Min>0</Min><Max>1.5</Max></FloatRange>",
                Some("1.5"),
            ),
            (
                "<StringItems><Item>a</Item><Item>b</Item></StringItems>",
                Some("b"),
            ),
            ("<StringList>a b c</StringList>", Some("c")),
            ("<Other/>", None),
        ] {
            assert_eq!(
                largest(&parse(option).unwrap()).as_deref(),
                value,
                "{option}"
            );
        }
        for (min, max, corners) in [("3", "10", 4), ("3", "3", 3), ("6", "8", 6), ("4", "4", 4)] {
            let limits = parse(&format!("<l><Min>{min}</Min><Max>{max}</Max></l>")).unwrap();
            assert_eq!(polygon(Some(&limits)).matches("Point").count(), corners);
        }
    }
}
