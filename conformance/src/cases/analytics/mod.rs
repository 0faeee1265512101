//! Analytics: ANALYTICS-1-x to ANALYTICS-7-x, and the plate rule by the same pattern.

mod changes;
mod parts;

use std::collections::BTreeSet;

use self::parts::*;
use super::{
    media2::{list, token},
    pullpoint::{PullPoint, item, operation, topic, topic_filter},
};
use crate::{
    case::{Case, LIMIT, Need, Outcome, Present, Run, case},
    check,
    device::Device,
    skip,
    xml::{Element, QName, escape},
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
            |d| each(d, |d, c| supported(d, c, MODULE).map(drop)),
        ),
        case(
            "ANALYTICS-4-1-2",
            "GetAnalyticsModuleOptions, all and by type",
            "M",
            MODULE_OPTIONS,
            |d| each(d, |d, c| options(d, c, MODULE)),
        ),
        case(
            "ANALYTICS-4-1-3",
            "GetAnalyticsModules: types and items are described",
            "M",
            MODULES,
            |d| each(d, |d, c| described(d, c, MODULE)),
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
            "ModifyAnalyticsModules by the options, in both lists",
            "M",
            MODULE_OPTIONS,
            |d| changes::by_options(d, MODULE),
        )
        .within(180),
        case(
            "ANALYTICS-4-1-8",
            "ModifyAnalyticsModules, parameters without options",
            "M",
            MODULE_OPTIONS,
            |d| changes::without_options(d, MODULE),
        ),
        case(
            "ANALYTICS-4-1-5",
            "CreateAnalyticsModules with defaults, in both lists",
            "M",
            MODULES,
            |d| changes::create_and_delete(d, MODULE),
        )
        .within(120),
        case(
            "ANALYTICS-4-1-6",
            "DeleteAnalyticsModules, gone from both lists",
            "M",
            MODULES,
            |d| changes::create_and_delete(d, MODULE),
        )
        .within(120),
        case("ANALYTICS-6-1-1", "GetSupportedRules", "TM", RULES, |d| {
            each(d, |d, c| supported(d, c, RULE).map(drop))
        }),
        case(
            "ANALYTICS-6-1-2",
            "GetRuleOptions, all and by type",
            "TM",
            RULE_OPTIONS,
            |d| each(d, |d, c| options(d, c, RULE)),
        ),
        case(
            "ANALYTICS-6-1-3",
            "GetRules: types and items are described",
            "TM",
            RULES,
            |d| each(d, |d, c| described(d, c, RULE)),
        ),
        case(
            "ANALYTICS-6-1-4",
            "CreateRules with defaults, in both lists",
            "TM",
            RULES,
            |d| changes::create_and_delete(d, RULE),
        )
        .within(120),
        case(
            "ANALYTICS-6-1-5",
            "DeleteRules, gone from both lists",
            "TM",
            RULES,
            |d| changes::create_and_delete(d, RULE),
        )
        .within(120),
        case(
            "ANALYTICS-6-1-6",
            "ModifyRules by the options, in both lists",
            "TM",
            RULE_OPTIONS,
            |d| changes::by_options(d, RULE),
        )
        .within(180),
        case(
            "X-ANALYTICS-AS-READ",
            "ModifyRules and ModifyAnalyticsModules as read change nothing",
            "M",
            RULES,
            |d| {
                each(d, |d, c| {
                    modify_as_is(d, c, RULE)?;
                    modify_as_is(d, c, MODULE)
                })
            },
        ),
        case(
            "ANALYTICS-1-1-2",
            "GetRuleOptions of tt:MotionRegionDetector",
            "T",
            RULE_OPTIONS,
            motion_options,
        ),
        case(
            "ANALYTICS-1-1-3",
            "motion regions are made, as many as are allowed, and deleted",
            "T",
            RULES,
            |d| changes::motion_rules(d, false),
        )
        .within(180),
        case(
            "ANALYTICS-1-1-4",
            "a motion region is changed by its options",
            "T",
            RULE_OPTIONS,
            |d| changes::motion_rules(d, true),
        )
        .within(120),
        case(
            "ANALYTICS-2-1-1",
            "the state of a motion region comes as an event",
            "T",
            &[
                ANALYTICS,
                Need::Topic("RuleEngine/MotionRegionDetector/Motion"),
            ],
            motion_event,
        )
        .within(120),
        case(
            "ANALYTICS-2-1-2",
            "the face event is no property and is described",
            "M",
            &[Need::Topic("RuleEngine/Recognition/Face")],
            |d| recognition_topic(d, "Face", &["VideoSource", "VideoAnalytics"]),
        ),
        case(
            "ANALYTICS-7-1-2",
            "GetRuleOptions of tt:FaceRecognition",
            "M",
            RULE_OPTIONS,
            |d| image_options(d, "FaceRecognition"),
        ),
        case(
            "ANALYTICS-7-1-3",
            "CreateRules of tt:FaceRecognition without images",
            "M",
            RULES,
            |d| changes::include_image(d, "FaceRecognition", NO_IMAGE),
        ),
        case(
            "ANALYTICS-7-1-4",
            "ModifyRules of tt:FaceRecognition, images by the options",
            "M",
            RULE_OPTIONS,
            |d| changes::include_image(d, "FaceRecognition", ""),
        ),
        case(
            "X-ANALYTICS-PLATE-OPTIONS",
            "GetRuleOptions of tt:LicensePlateRecognition",
            "M",
            RULE_OPTIONS,
            |d| image_options(d, "LicensePlateRecognition"),
        ),
        case(
            "X-ANALYTICS-PLATE-IMAGES",
            "ModifyRules of tt:LicensePlateRecognition, images by the options",
            "M",
            RULE_OPTIONS,
            |d| changes::include_image(d, "LicensePlateRecognition", ""),
        )
        .within(120),
        case(
            "X-ANALYTICS-MEDIA1",
            "SetVideoAnalyticsConfiguration as read changes nothing",
            "M",
            &[ANALYTICS, Need::Service("trt")],
            set_as_read,
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
            |d| recognition_topic(d, "LicensePlate", &["VideoSource", "Rule"]),
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

/// Asked by type, the options are some of the whole list, and of that type.
fn options(d: &Device, c: &str, parts: &Parts) -> Outcome {
    let [of, other] = parts.of;
    let key = |e: &Element| {
        (
            e.attr(of).and_then(|t| e.resolve(t)),
            e.attr("Name").map(str::to_owned),
        )
    };
    let whole = d.call(parts.options, &configuration(c))?;
    let whole: BTreeSet<_> = whole.all(parts.option).into_iter().map(key).collect();
    for one in supported(d, c, parts)? {
        let name = qualified(&one, "Name")?;
        for o in changes::options_of(d, c, parts, &name)? {
            check!(o.attr(other).is_none(), "options of {name} have a {other}");
            let (kind, option) = key(&o);
            check!(
                kind.as_ref().is_none_or(|k| *k == name),
                "options of {kind:?} although {name} was asked for"
            );
            check!(
                whole.contains(&(kind, option.clone())),
                "{option:?} of {name} is not in the whole list"
            );
        }
    }
    Ok(())
}

/// Types and items of what there is are described.
fn described(d: &Device, c: &str, parts: &Parts) -> Outcome {
    let descriptions = supported(d, c, parts)?;
    for one in instances(d, c, parts)? {
        let kind = qualified(&one, "Type")?;
        let description = descriptions
            .iter()
            .find(|s| qualified(s, "Name").is_ok_and(|n| n == kind));
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
        let kind = qualified(one, "Type")?;
        check!(kinds.insert(kind.clone()), "{kind} twice");
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
        let body = format!(
            "<tan:Type {}>q:{}</tan:Type>",
            declared(&kind),
            escape(&kind.name)
        );
        let one = d.call("tan:GetSupportedMetadata", &body)?;
        let found = one.all("AnalyticsModule");
        check!(found.len() == 1, "{} samples for {kind}", found.len());
        let same = qualified(found[0], "Type")?;
        check!(same == kind, "a sample of {same} for {kind}");
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

/// What is written as it was read stays as it was.
fn modify_as_is(d: &Device, c: &str, parts: &Parts) -> Outcome {
    let before = instances(d, c, parts)?;
    for one in &before {
        put_back(d, c, parts, one)?;
    }
    let after = instances(d, c, parts)?;
    check!(
        after.len() == before.len(),
        "{} where {} were",
        after.len(),
        before.len()
    );
    before.iter().zip(&after).try_for_each(|(a, b)| same(a, b))
}

/// Media 1 writes the whole configuration.
fn set_as_read(d: &Device) -> Outcome {
    each(d, |d, c| {
        let before = (instances(d, c, RULE)?, instances(d, c, MODULE)?);
        let body = format!("<trt:ConfigurationToken>{c}</trt:ConfigurationToken>");
        let a = d.call("trt:GetVideoAnalyticsConfiguration", &body)?;
        let own = a.find("Configuration").present("Configuration")?;
        let body = format!(
            "{}<trt:ForcePersistence>true</trt:ForcePersistence>",
            own.to_xml()
        );
        d.call("trt:SetVideoAnalyticsConfiguration", &body)?;
        for (was, parts) in [(before.0, RULE), (before.1, MODULE)] {
            for one in was {
                let name = one.attr("Name").present("Name")?;
                same(&one, &in_both(d, c, parts, name)?)?;
            }
        }
        Ok(())
    })
}

fn motion_options(d: &Device) -> Outcome {
    of_rule(d, "MotionRegionDetector", |options| {
        let one = options
            .iter()
            .find(|o| o.attr("Name") == Some("MotionRegion"));
        let one = one.present("the option MotionRegion")?;
        one.find("MotionRegionConfigOptions")
            .present("MotionRegionConfigOptions")
            .map(drop)
    })
}

const NO_IMAGE: &str = "<tt:SimpleItem Name=\"IncludeImage\" Value=\"\"/>";

/// A rule that describes `IncludeImage` says what it may be.
fn image_options(d: &Device, kind: &str) -> Outcome {
    of_rule(d, kind, |options| {
        let one = options
            .iter()
            .find(|o| o.attr("Name") == Some("IncludeImage"));
        let one = one.present("the option IncludeImage")?;
        let list = one.children.first().present("its content")?;
        check!(
            matches!(list.name.name.as_str(), "StringItems" | "StringList"),
            "IncludeImage is a {}",
            list.name
        );
        Ok(())
    })
}

/// Judges the options of a rule; not applicable where there is no such rule.
fn of_rule(d: &Device, kind: &str, judge: impl Fn(&[Element]) -> Outcome) -> Outcome {
    let found = std::cell::Cell::new(false);
    each(d, |d, c| {
        for one in supported(d, c, RULE)? {
            let name: QName = qualified(&one, "Name")?;
            if name.name == kind {
                found.set(true);
                judge(&changes::options_of(d, c, RULE, &name)?)?;
            }
        }
        Ok(())
    })?;
    if !found.get() {
        skip!("GetSupportedRules has no tt:{kind}");
    }
    Ok(())
}

/// A motion region's state at the subscription, one message at a time.
fn motion_event(d: &Device) -> Outcome {
    changes::with_motion_rule(d, || {
        let path = "RuleEngine/MotionRegionDetector/Motion";
        let mut point =
            PullPoint::create(d, &topic_filter(&format!("tns1:{path}")), Some("PT60S"))?;
        let m = point.until_one("the state of a motion region", |m| {
            check!(
                topic(m) == path,
                "{} although {path} was asked for",
                topic(m)
            );
            Ok(operation(m) == Some("Initialized"))
        })?;
        item(&m, "Source", "VideoSource").present("Source item VideoSource")?;
        let state = item(&m, "Data", "State").present("Data item State")?;
        check!(
            matches!(state, "true" | "false" | "0" | "1"),
            "State {state:?}"
        );
        Ok(())
    })
}

fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

fn rule_type(d: &Device, kind: &str, items: &[&str], topic: &str) -> Outcome {
    let mut found = false;
    for c in list(d, "Analytics", "")? {
        for one in supported(d, &token(&c)?, RULE)? {
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

fn recognition_topic(d: &Device, name: &str, sources: &[&str]) -> Outcome {
    let a = d.call("tev:GetEventProperties", "")?;
    let topic = a
        .find(&format!("TopicSet/RuleEngine/Recognition/{name}"))
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
    for due in sources {
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
