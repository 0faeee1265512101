//! Analytics: ANALYTICS-1-x to ANALYTICS-7-x, and the plate rule by the same pattern.

use std::collections::BTreeSet;

use super::{
    media2::{list, token},
    pullpoint::announces,
};
use crate::{
    case::{Case, LIMIT, Need, Outcome, Present, Run, case},
    check,
    device::Device,
    skip,
    xml::{Element, escape},
};

const ANALYTICS: Need = Need::Service("tan");
const MODULES: &[Need] = &[ANALYTICS, Need::Flag("tan", "@AnalyticsModuleSupport")];
const MODULE_OPTIONS: &[Need] = &[
    ANALYTICS,
    Need::Flag("tan", "@AnalyticsModuleOptionsSupported"),
];
const RULES: &[Need] = &[ANALYTICS, Need::Flag("tan", "@RuleSupport")];
const RULE_OPTIONS: &[Need] = &[ANALYTICS, Need::Flag("tan", "@RuleOptionsSupported")];
const METADATA: &[Need] = &[ANALYTICS, Need::Flag("tan", "@SupportedMetadata")];
const UNKNOWN: &str = "<tan:ConfigurationToken>conformance-unknown</tan:ConfigurationToken>";

/// The cases of this file.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        case(
            "ANALYTICS-3-1-2",
            "SupportedMetadata needs AnalyticsModuleSupport",
            "M",
            METADATA,
            |d| {
                check!(
                    d.features().flag("tan", "@AnalyticsModuleSupport"),
                    "AnalyticsModuleSupport is not true"
                );
                Ok(())
            },
        ),
        case(
            "ANALYTICS-4-1-1",
            "GetSupportedAnalyticsModules",
            "M",
            MODULES,
            |d| each(d, |d, c| supported(d, c, true).map(drop)),
        ),
        case(
            "ANALYTICS-4-1-2",
            "GetAnalyticsModuleOptions, all and by type",
            "M",
            MODULE_OPTIONS,
            |d| each(d, |d, c| options(d, c, true)),
        ),
        case(
            "ANALYTICS-4-1-3",
            "GetAnalyticsModules: types and items are described",
            "M",
            MODULES,
            |d| each(d, |d, c| described(d, c, true)),
        ),
        case(
            "ANALYTICS-4-1-4",
            "GetSupportedMetadata, all and by type",
            "M",
            METADATA,
            supported_metadata,
        ),
        case(
            "ANALYTICS-4-1-7",
            "ModifyAnalyticsModules, each module as it is",
            "M",
            MODULES,
            |d| each(d, |d, c| modify_as_is(d, c, true)),
        ),
        case("ANALYTICS-6-1-1", "GetSupportedRules", "TM", RULES, |d| {
            each(d, |d, c| supported(d, c, false).map(drop))
        }),
        case(
            "ANALYTICS-6-1-2",
            "GetRuleOptions, all and by type",
            "TM",
            RULE_OPTIONS,
            |d| each(d, |d, c| options(d, c, false)),
        ),
        case(
            "ANALYTICS-6-1-3",
            "GetRules: types and items are described",
            "TM",
            RULES,
            |d| each(d, |d, c| described(d, c, false)),
        ),
        case(
            "ANALYTICS-6-1-4",
            "CreateRules with defaults, in both lists",
            "TM",
            RULES,
            create_rule,
        ),
        case(
            "ANALYTICS-6-1-5",
            "DeleteRules, gone from both lists",
            "TM",
            RULES,
            create_rule,
        ),
        case(
            "ANALYTICS-6-1-6",
            "ModifyRules, each rule as it is",
            "TM",
            RULES,
            |d| each(d, |d, c| modify_as_is(d, c, false)),
        ),
        case(
            "ANALYTICS-1-1-1",
            "the rule tt:MotionRegionDetector is described",
            "T",
            RULES,
            |d| {
                rule_type(
                    d,
                    "MotionRegionDetector",
                    &["MotionRegion"],
                    "RuleEngine/MotionRegionDetector/Motion",
                )
            },
        ),
        case(
            "ANALYTICS-7-1-1",
            "the rule tt:FaceRecognition is described",
            "M",
            RULES,
            |d| rule_type(d, "FaceRecognition", &[], "RuleEngine/Recognition/Face"),
        ),
        case(
            "X-ANALYTICS-PLATE",
            "the rule tt:LicensePlateRecognition is described",
            "M",
            RULES,
            |d| {
                rule_type(
                    d,
                    "LicensePlateRecognition",
                    &[],
                    "RuleEngine/Recognition/LicensePlate",
                )
            },
        ),
        case(
            "X-ANALYTICS-PLATE-TOPIC",
            "the plate event is no property and is described",
            "M",
            &[Need::Topic("RuleEngine/Recognition/LicensePlate")],
            plate_topic,
        ),
        case(
            "X-ANALYTICS-RULES-UNKNOWN",
            "GetRules of a configuration that does not exist",
            "M",
            RULES,
            |d| d.refused("tan:GetRules", UNKNOWN, "Sender/InvalidArgVal/NoConfig"),
        ),
        case(
            "X-ANALYTICS-MODULES-UNKNOWN",
            "GetAnalyticsModules of a configuration that does not exist",
            "M",
            MODULES,
            |d| {
                d.refused(
                    "tan:GetAnalyticsModules",
                    UNKNOWN,
                    "Sender/InvalidArgVal/NoConfig",
                )
            },
        ),
        case(
            "X-ANALYTICS-DELETE",
            "DeleteRules of a rule that does not exist",
            "M",
            RULES,
            |d| {
                each(d, |d, c| {
                    d.refused(
                        "tan:DeleteRules",
                        &format!(
                            "{}<tan:RuleName>conformance-unknown</tan:RuleName>",
                            configuration(c)
                        ),
                        "Sender/InvalidArgVal/RuleNotExistent",
                    )
                })
            },
        ),
        case(
            "X-ANALYTICS-TYPE",
            "CreateRules of a type that does not exist",
            "M",
            RULES,
            |d| {
                each(d, |d, c| {
                    let body = format!(
                        "{}<tan:Rule Name=\"conformance\" Type=\"tt:ConformanceUnknown\"><tt:Parameters/></tan:Rule>",
                        configuration(c)
                    );
                    d.fault("tan:CreateRules", &body).map(drop)
                })
            },
        ),
    ];
    for (id, part) in [
        ("ANALYTICS-5-1-1", "Class"),
        ("ANALYTICS-5-1-2", "VehicleInfo"),
        ("ANALYTICS-5-1-3", "GeoLocation"),
        ("ANALYTICS-5-1-4", "HumanFace"),
        ("ANALYTICS-5-1-5", "LicensePlateInfo"),
        ("ANALYTICS-5-1-6", "HumanBody"),
        ("ANALYTICS-5-1-7", "Image"),
    ] {
        cases.push(Case {
            id: id.into(),
            title: format!("the sample metadata with {part} is valid"),
            profiles: "M",
            needs: METADATA.into(),
            run: Run::For(sample, part),
            limit: LIMIT,
        });
    }
    cases
}

fn configuration(c: &str) -> String {
    format!("<tan:ConfigurationToken>{c}</tan:ConfigurationToken>")
}

fn each(d: &Device, steps: impl Fn(&Device, &str) -> Outcome) -> Outcome {
    let all = list(d, "Analytics", "")?;
    check!(!all.is_empty(), "no analytics configuration");
    all.iter().try_for_each(|c| steps(d, &token(c)?))
}

/// Descriptions of modules or rules.
fn supported(d: &Device, c: &str, modules: bool) -> Outcome<Vec<Element>> {
    let (operation, path) = if modules {
        (
            "tan:GetSupportedAnalyticsModules",
            "SupportedAnalyticsModules/AnalyticsModuleDescription",
        )
    } else {
        ("tan:GetSupportedRules", "SupportedRules/RuleDescription")
    };
    let a = d.call(operation, &configuration(c))?;
    let all: Vec<Element> = a.all(path).into_iter().cloned().collect();
    let mut names = BTreeSet::new();
    for one in &all {
        let name = one.attr("Name").present("Name")?;
        check!(names.insert(name.to_owned()), "{name} is described twice");
        one.attr("maxInstances")
            .present(&format!("maxInstances of {name}"))?;
        let mut items = BTreeSet::new();
        for item in one.all("Parameters").iter().flat_map(|p| &p.children) {
            if let Some(item) = item.attr("Name") {
                check!(
                    items.insert(item.to_owned()),
                    "{name}: parameter {item} twice"
                );
            }
        }
        for message in one.all("Messages") {
            message
                .text_of("ParentTopic")
                .present(&format!("ParentTopic of {name}"))?;
        }
    }
    Ok(all)
}

fn instances(d: &Device, c: &str, modules: bool) -> Outcome<Vec<Element>> {
    let (operation, path) = if modules {
        ("tan:GetAnalyticsModules", "AnalyticsModule")
    } else {
        ("tan:GetRules", "Rule")
    };
    let a = d.call(operation, &configuration(c))?;
    Ok(a.all(path).into_iter().cloned().collect())
}

fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

fn options(d: &Device, c: &str, modules: bool) -> Outcome {
    let (operation, kind, path, attribute) = if modules {
        (
            "tan:GetAnalyticsModuleOptions",
            "Type",
            "Options",
            "AnalyticsModule",
        )
    } else {
        ("tan:GetRuleOptions", "RuleType", "RuleOptions", "RuleType")
    };
    let keys = |e: &Element| {
        (
            e.attr(attribute).map(|t| local(t).to_owned()),
            e.attr("Name").map(str::to_owned),
        )
    };
    let whole = d.call(operation, &configuration(c))?;
    let whole: BTreeSet<_> = whole.all(path).into_iter().map(keys).collect();
    for one in supported(d, c, modules)? {
        let name = one.attr("Name").unwrap_or_default();
        let tt = crate::soap::ns("tt");
        let body = format!(
            "<tan:{kind} xmlns:tt=\"{tt}\">{}</tan:{kind}>{}",
            escape(name),
            configuration(c)
        );
        let a = d.call(operation, &body)?;
        for o in a.all(path) {
            if let Some(of) = o.attr(attribute) {
                check!(
                    local(of) == local(name),
                    "options of {of} although {name} was asked for"
                );
            }
            check!(
                whole.contains(&keys(o)),
                "{:?} is not in the whole list",
                keys(o)
            );
        }
    }
    Ok(())
}

fn described(d: &Device, c: &str, modules: bool) -> Outcome {
    let descriptions = supported(d, c, modules)?;
    for one in instances(d, c, modules)? {
        let kind = one.attr("Type").present("Type")?;
        let description = descriptions
            .iter()
            .find(|s| s.attr("Name").is_some_and(|n| local(n) == local(kind)));
        let description = description.present(&format!("the description of {kind}"))?;
        let known: BTreeSet<&str> = description
            .all("Parameters")
            .iter()
            .flat_map(|p| &p.children)
            .filter_map(|i| i.attr("Name"))
            .collect();
        for item in one.all("Parameters").iter().flat_map(|p| &p.children) {
            let name = item.attr("Name").unwrap_or_default();
            check!(known.contains(name), "{kind}: item {name} is not described");
        }
    }
    Ok(())
}

fn supported_metadata(d: &Device) -> Outcome {
    let a = d.call("tan:GetSupportedMetadata", "")?;
    let all = a.all("AnalyticsModule");
    check!(!all.is_empty(), "no sample");
    let mut kinds = BTreeSet::new();
    for one in &all {
        let kind = one.attr("Type").present("Type")?;
        check!(kinds.insert(kind.to_owned()), "{kind} twice");
        let frame = one.find("SampleFrame").present("SampleFrame")?;
        for shape in frame
            .walk()
            .into_iter()
            .filter(|e| e.name.name == "BoundingBox")
        {
            let side = |n: &str| shape.attr(n).and_then(|v| v.parse::<f64>().ok());
            if let (Some(l), Some(r), Some(t), Some(b)) =
                (side("left"), side("right"), side("top"), side("bottom"))
            {
                check!(
                    l >= -1.0 && r <= 0.0 && b >= 0.0 && t <= 1.0,
                    "{kind}: a box outside the top left quarter: {l} {t} {r} {b}"
                );
            }
        }
    }
    for kind in kinds {
        let tt = crate::soap::ns("tt");
        let one = d.call(
            "tan:GetSupportedMetadata",
            &format!("<tan:Type xmlns:tt=\"{tt}\">{}</tan:Type>", escape(&kind)),
        )?;
        check!(
            one.all("AnalyticsModule").len() == 1,
            "{} samples for {kind}",
            one.all("AnalyticsModule").len()
        );
    }
    Ok(())
}

fn sample(d: &Device, part: &'static str) -> Outcome {
    let a = d.call("tan:GetSupportedMetadata", "")?;
    // The answer was judged by the schemas as a whole.
    let there = a
        .walk()
        .iter()
        .any(|e| e.name.name == part || (part == "Image" && e.name.name == "ImageRef"));
    if !there {
        skip!("no sample with {part}");
    }
    Ok(())
}

fn in_configuration(d: &Device, c: &str, name: &str) -> Outcome<bool> {
    let found = list(
        d,
        "Analytics",
        &format!("<tr2:ConfigurationToken>{c}</tr2:ConfigurationToken>"),
    )?;
    let one = found.first().present("the analytics configuration")?;
    Ok(one.walk().iter().any(|e| e.attr("Name") == Some(name)))
}

fn create_rule(d: &Device) -> Outcome {
    let mut tried = false;
    let all = list(d, "Analytics", "")?;
    for configured in &all {
        let c = token(configured)?;
        let present = instances(d, &c, false)?;
        for one in supported(d, &c, false)? {
            let kind = one.attr("Name").unwrap_or_default();
            let most: usize = one
                .attr("maxInstances")
                .and_then(|m| m.parse().ok())
                .unwrap_or(1);
            let now = present
                .iter()
                .filter(|r| r.attr("Type").is_some_and(|t| local(t) == local(kind)))
                .count();
            if now >= most || one.attr("fixed") == Some("true") {
                continue;
            }
            tried = true;
            let name = "conformance";
            let body = format!(
                "{}<tan:Rule Name=\"{name}\" Type=\"{}\"><tt:Parameters/></tan:Rule>",
                configuration(&c),
                escape(kind)
            );
            announces(
                d,
                "Media/ConfigurationChanged",
                |_: &()| c.clone(),
                || d.call("tan:CreateRules", &body).map(drop),
            )?;
            let there = instances(d, &c, false)?
                .iter()
                .any(|r| r.attr("Name") == Some(name));
            let listed = in_configuration(d, &c, name);
            d.call(
                "tan:DeleteRules",
                &format!("{}<tan:RuleName>{name}</tan:RuleName>", configuration(&c)),
            )?;
            check!(
                there && listed?,
                "{kind} was created, but is not in both lists"
            );
            let left = instances(d, &c, false)?
                .iter()
                .any(|r| r.attr("Name") == Some(name));
            check!(
                !left && !in_configuration(d, &c, name)?,
                "{kind} is still there after DeleteRules"
            );
        }
    }
    if !tried {
        skip!("every type of rule has its most instances, or is fixed");
    }
    Ok(())
}

fn modify_as_is(d: &Device, c: &str, modules: bool) -> Outcome {
    let (operation, name) = if modules {
        ("tan:ModifyAnalyticsModules", "AnalyticsModule")
    } else {
        ("tan:ModifyRules", "Rule")
    };
    let before = instances(d, c, modules)?;
    if before.is_empty() {
        skip!("there is none");
    }
    for one in &before {
        let body = one.clone().named(crate::soap::ns("tan"), name).to_xml();
        d.call(operation, &format!("{}{body}", configuration(c)))?;
    }
    let after = instances(d, c, modules)?;
    check!(
        after.len() == before.len(),
        "{} where {} were",
        after.len(),
        before.len()
    );
    for (a, b) in before.iter().zip(&after) {
        check!(
            a.attr("Name") == b.attr("Name") && a.children.len() == b.children.len(),
            "{:?} changed",
            a.attr("Name")
        );
    }
    Ok(())
}

fn rule_type(d: &Device, kind: &str, items: &[&str], topic: &str) -> Outcome {
    let mut found = false;
    for c in list(d, "Analytics", "")? {
        for one in supported(d, &token(&c)?, false)? {
            if one.attr("Name").is_none_or(|n| local(n) != kind) {
                continue;
            }
            found = true;
            for item in items {
                let there = one
                    .all("Parameters")
                    .iter()
                    .flat_map(|p| &p.children)
                    .any(|i| i.attr("Name") == Some(item));
                check!(there, "{kind} has no parameter {item}");
            }
            let topics: Vec<String> = one
                .texts("Messages/ParentTopic")
                .iter()
                .map(|t| t.split('/').map(local).collect::<Vec<_>>().join("/"))
                .collect();
            check!(
                topics.iter().any(|t| t == topic),
                "{kind} has no message of {topic}: {topics:?}"
            );
        }
    }
    if !found {
        skip!("GetSupportedRules has no tt:{kind}");
    }
    Ok(())
}

fn plate_topic(d: &Device) -> Outcome {
    let a = d.call("tev:GetEventProperties", "")?;
    let topic = a
        .find("TopicSet/RuleEngine/Recognition/LicensePlate")
        .present("the topic")?;
    let m = topic
        .find("MessageDescription")
        .present("MessageDescription")?;
    check!(
        !matches!(m.attr("IsProperty"), Some("true" | "1")),
        "IsProperty is true"
    );
    let names: Vec<&str> = m
        .all("Source/SimpleItemDescription")
        .iter()
        .filter_map(|i| i.attr("Name"))
        .collect();
    for due in ["VideoSource", "Rule"] {
        check!(
            names.iter().any(|n| n.starts_with(due)),
            "no Source item {due}…: {names:?}"
        );
    }
    let data: Vec<&str> = m
        .all("Data")
        .iter()
        .flat_map(|d| &d.children)
        .filter_map(|i| i.attr("Name"))
        .collect();
    check!(
        data.contains(&"Likelihood"),
        "no Data item Likelihood: {data:?}"
    );
    Ok(())
}
