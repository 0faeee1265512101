//! Rules and modules: their operations, and how two of them are compared.

use std::collections::BTreeSet;

use super::{list, token};
use crate::{
    case::{Outcome, Present, Stop},
    check,
    device::Device,
    soap,
    xml::{Element, QName, escape},
};

/// The operations of rules, or those of modules.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) supported: &'static str,
    pub(super) descriptions: &'static str,
    pub(super) get: &'static str,
    pub(super) create: &'static str,
    pub(super) modify: &'static str,
    pub(super) delete: &'static str,
    pub(super) options: &'static str,
    /// Element of one, in requests and answers.
    pub(super) element: &'static str,
    /// Element of a name, in the request that deletes.
    pub(super) name: &'static str,
    /// Element of a type, in the request for options.
    pub(super) kind: &'static str,
    /// Element of an option.
    pub(super) option: &'static str,
    /// Attribute of an option that says of which type it is, and the one that it must not have.
    pub(super) of: [&'static str; 2],
}

pub(super) const RULE: &Parts = &Parts {
    supported: "tan:GetSupportedRules",
    descriptions: "SupportedRules/RuleDescription",
    get: "tan:GetRules",
    create: "tan:CreateRules",
    modify: "tan:ModifyRules",
    delete: "tan:DeleteRules",
    options: "tan:GetRuleOptions",
    element: "Rule",
    name: "RuleName",
    kind: "RuleType",
    option: "RuleOptions",
    of: ["RuleType", "AnalyticsModule"],
};

pub(super) const MODULE: &Parts = &Parts {
    supported: "tan:GetSupportedAnalyticsModules",
    descriptions: "SupportedAnalyticsModules/AnalyticsModuleDescription",
    get: "tan:GetAnalyticsModules",
    create: "tan:CreateAnalyticsModules",
    modify: "tan:ModifyAnalyticsModules",
    delete: "tan:DeleteAnalyticsModules",
    options: "tan:GetAnalyticsModuleOptions",
    element: "AnalyticsModule",
    name: "AnalyticsModuleName",
    kind: "Type",
    option: "Options",
    of: ["AnalyticsModule", "RuleType"],
};

/// The token of a configuration as an element of a request.
pub(super) fn configuration(c: &str) -> String {
    format!("<tan:ConfigurationToken>{c}</tan:ConfigurationToken>")
}

/// Does `steps` with each analytics configuration.
pub(super) fn each(d: &Device, steps: impl Fn(&Device, &str) -> Outcome) -> Outcome {
    let all = list(d, "Analytics", "")?;
    check!(!all.is_empty(), "no analytics configuration");
    all.iter().try_for_each(|c| steps(d, &token(c)?))
}

/// An attribute that is a qualified name.
pub(super) fn qualified(e: &Element, attribute: &str) -> Outcome<QName> {
    let text = e.attr(attribute).present(attribute)?;
    e.resolve(text)
        .present(&format!("the namespace of {attribute} {text}"))
}

/// The declaration of a name's namespace; the name is `q:local` then.
pub(super) fn declared(q: &QName) -> String {
    format!("xmlns:q=\"{}\"", escape(&q.ns))
}

/// Descriptions: every type once, with the most instances, without two items of one name.
pub(super) fn supported(d: &Device, c: &str, parts: &Parts) -> Outcome<Vec<Element>> {
    let a = d.call(parts.supported, &configuration(c))?;
    let all: Vec<Element> = a.all(parts.descriptions).into_iter().cloned().collect();
    let present = instances(d, c, parts)?;
    let mut names = BTreeSet::new();
    for one in &all {
        let name = qualified(one, "Name")?;
        check!(names.insert(name.clone()), "{name} is described twice");
        one.attr("maxInstances")
            .present(&format!("maxInstances of {name}"))?;
        once(one.find("Parameters"), &format!("parameters of {name}"))?;
        for message in one.all("Messages") {
            message
                .text_of("ParentTopic")
                .present(&format!("ParentTopic of {name}"))?;
            for group in ["Source", "Key", "Data"] {
                once(message.find(group), &format!("{group} of {name}"))?;
            }
        }
        if one.attr("fixed") == Some("true") {
            let there = present
                .iter()
                .any(|p| qualified(p, "Type").ok().as_ref() == Some(&name));
            check!(there, "{name} is fixed, and there is none");
        }
    }
    Ok(all)
}

fn once(items: Option<&Element>, what: &str) -> Outcome {
    let mut seen = BTreeSet::new();
    for name in items
        .iter()
        .flat_map(|i| &i.children)
        .filter_map(|i| i.attr("Name"))
    {
        check!(seen.insert(name), "{what}: {name} twice");
    }
    Ok(())
}

/// Those that there are.
pub(super) fn instances(d: &Device, c: &str, parts: &Parts) -> Outcome<Vec<Element>> {
    let a = d.call(parts.get, &configuration(c))?;
    Ok(a.all(parts.element).into_iter().cloned().collect())
}

/// The one of this name.
pub(super) fn instance(d: &Device, c: &str, parts: &Parts, name: &str) -> Outcome<Option<Element>> {
    let all = instances(d, c, parts)?;
    Ok(all.into_iter().find(|i| i.attr("Name") == Some(name)))
}

/// The one of this name as media 2's configuration shows it.
pub(super) fn listed(d: &Device, c: &str, parts: &Parts, name: &str) -> Outcome<Option<Element>> {
    let body = format!("<tr2:ConfigurationToken>{c}</tr2:ConfigurationToken>");
    let found = list(d, "Analytics", &body)?;
    let one = found.first().present("the analytics configuration")?;
    let is = |e: &&&Element| e.name.name == parts.element && e.attr("Name") == Some(name);
    Ok(one.walk().iter().find(is).map(|e| (*e).clone()))
}

/// The one of this name, which both lists show with the same items.
pub(super) fn in_both(d: &Device, c: &str, parts: &Parts, name: &str) -> Outcome<Element> {
    let own = instance(d, c, parts, name)?.present(&format!("{name} in {}", parts.get))?;
    let other =
        listed(d, c, parts, name)?.present(&format!("{name} in GetAnalyticsConfigurations"))?;
    same(&own, &other)?;
    Ok(own)
}

/// Demands that a name is in neither list.
pub(super) fn in_none(d: &Device, c: &str, parts: &Parts, name: &str) -> Outcome {
    check!(
        instance(d, c, parts, name)?.is_none(),
        "{name} is still in {}",
        parts.get
    );
    check!(
        listed(d, c, parts, name)?.is_none(),
        "{name} is still in GetAnalyticsConfigurations"
    );
    Ok(())
}

/// A request element of one with these parameters.
pub(super) fn made(parts: &Parts, name: &str, kind: &QName, items: &str) -> String {
    let (tan, tt) = (soap::ns("tan"), soap::ns("tt"));
    let (element, local) = (parts.element, escape(&kind.name));
    format!(
        "<tan:{element} xmlns:tan=\"{tan}\" xmlns:tt=\"{tt}\" {} Name=\"{name}\" Type=\"q:{local}\"><tt:Parameters>{items}</tt:Parameters></tan:{element}>",
        declared(kind)
    )
}

/// Sends one as it was read.
pub(super) fn put_back(d: &Device, c: &str, parts: &Parts, was: &Element) -> Outcome {
    let body = was.clone().named(soap::ns("tan"), parts.element).to_xml();
    let body = format!("{}{body}", configuration(c));
    d.call(parts.modify, &body).map(drop)
}

/// Every value below an element by its path: texts and attributes.
fn values(e: &Element, path: &str, found: &mut Vec<(String, String)>) {
    let path = format!("{path}/{}", e.name.name);
    let mut attributes: Vec<_> = e.attributes.iter().collect();
    attributes.sort();
    for (name, value) in attributes {
        found.push((format!("{path}@{}", name.name), value.trim().to_owned()));
    }
    found.push((path.clone(), e.text.trim().to_owned()));
    e.children
        .iter()
        .for_each(|child| values(child, &path, found));
}

fn close(a: &str, b: &str) -> bool {
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => (a - b).abs() <= 0.01 * a.abs().max(1.0),
        _ => a == b,
    }
}

/// The values of all items, by item and path.
fn items(e: &Element) -> Vec<(String, String)> {
    let mut all: Vec<&Element> = e
        .all("Parameters")
        .iter()
        .flat_map(|p| &p.children)
        .collect();
    all.sort_by_key(|i| i.attr("Name"));
    let mut found = Vec::new();
    for item in all {
        values(item, item.attr("Name").unwrap_or_default(), &mut found);
    }
    found
}

/// Demands that the items of two are the same; numbers may be rounded.
pub(super) fn same(a: &Element, b: &Element) -> Outcome {
    equal(a.attr("Name").unwrap_or_default(), &items(a), &items(b))
}

/// Demands that what was sent is what is read; there may be more.
pub(super) fn holds(read: &Element, sent: &str) -> Outcome {
    let sent = crate::xml::parse(sent).map_err(|e| Stop::Fail(e.to_string()))?;
    let sent = items(&sent);
    let mut read_items = items(read);
    read_items.retain(|(path, _)| sent.iter().any(|(p, _)| p == path));
    equal(read.attr("Name").unwrap_or_default(), &read_items, &sent)
}

fn equal(name: &str, one: &[(String, String)], other: &[(String, String)]) -> Outcome {
    for ((path, value), (other_path, other)) in one.iter().zip(other) {
        check!(
            path == other_path && close(value, other),
            "{name}: {path} is {value:?}, {other_path} is {other:?}"
        );
    }
    check!(
        one.len() == other.len(),
        "{name}: {} values, {} where the others are",
        one.len(),
        other.len()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::parse;

    #[test]
    fn items_are_compared_by_name_and_number() {
        let of = |items: &str| {
            parse(&format!(
                "<r Name=\"n\"><Parameters>{items}</Parameters></r>"
            ))
            .unwrap()
        };
        let item = |n: &str, v: &str| format!("<SimpleItem Name=\"{n}\" Value=\"{v}\"/>");
        let ab = of(&(item("a", "1") + &item("b", "x")));
        assert_eq!(
            same(&ab, &of(&(item("b", "x") + &item("a", "1.004")))),
            Ok(())
        );
        for other in [
            of(&item("a", "1")),
            of(&(item("a", "1.2") + &item("b", "x"))),
            of(&(item("a", "1") + &item("c", "x"))),
            of(&(item("a", "1") + &item("b", "y"))),
        ] {
            assert!(same(&ab, &other).is_err(), "{other:?}");
        }
    }

    #[test]
    fn more_may_be_read_than_was_sent() {
        let region = |inner: &str| {
            format!(
                "<r Name=\"n\"><Parameters><ElementItem Name=\"R\"><C {inner}</C></ElementItem></Parameters></r>"
            )
        };
        let (one, two) = ("<P x=\"1\"/>", "<P x=\"1\"/><P x=\"2\"/>");
        let read = |inner: &str| parse(&region(&format!("Armed=\"true\">{inner}"))).unwrap();
        assert_eq!(holds(&read(two), &region(&format!(">{two}"))), Ok(()));
        assert!(
            holds(&read(two), &region(&format!(">{one}"))).is_err(),
            "a corner more"
        );
        assert!(
            holds(&read(one), &region(&format!(">{two}"))).is_err(),
            "a corner less"
        );
        let other = region(&format!("Armed=\"false\">{two}"));
        assert!(holds(&read(two), &other).is_err());
    }
}
