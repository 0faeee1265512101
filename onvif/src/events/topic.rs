//! Topic expressions: which topics a subscriber wants (ONVIF Core §11.6.3, WS-Topics).

use std::fmt;

/// Namespace of every topic we publish.
pub(super) const TNS1: &str = "http://www.onvif.org/ver10/topics";
/// Dialect of one topic path.
pub(super) const CONCRETE: &str = "http://docs.oasis-open.org/wsn/t-1/TopicExpression/Concrete";
/// ONVIF's dialect: paths joined by `|`, each may end in `//.`.
pub(crate) const CONCRETE_SET: &str = "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet";
/// Dialect with wildcards.
pub(super) const FULL: &str = "http://docs.oasis-open.org/wsn/t-1/TopicExpression/Full";
/// Dialect of a root topic alone.
pub(super) const SIMPLE: &str = "http://docs.oasis-open.org/wsn/t-1/TopicExpression/Simple";

/// Longest expression that is read, bytes.
const MAX_LENGTH: usize = 4096;
/// Most alternatives of one expression.
const MAX_PATHS: usize = 64;
/// Most steps of one path.
const MAX_STEPS: usize = 16;

/// A readable topic expression. One grammar serves all dialects, because clients label them wrongly:
/// `path ('|' path)*`, a path being names, `*` and `.` joined by `/` or `//`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicExpression(Vec<Path>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Path(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    /// Reached by `//`: any number of levels may lie between.
    deep: bool,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    /// A name of ours.
    Name(String),
    /// A name in a namespace that we publish nothing in.
    Foreign,
    /// `*`.
    Any,
    /// `.`.
    Here,
}

/// Why an expression cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadExpression(pub String);

impl fmt::Display for BadExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TopicExpression {
    /// Reads an expression; `resolve` gives the namespace of a prefix where the text stood.
    ///
    /// # Errors
    /// What is wrong, with the place's text.
    pub fn parse<'a>(
        text: &str,
        resolve: impl Fn(&str) -> Option<&'a str>,
    ) -> Result<Self, BadExpression> {
        let bad = |why: String| Err(BadExpression(why));
        if text.len() > MAX_LENGTH {
            return bad(format!(
                "topic expression of {} bytes; at most {MAX_LENGTH}",
                text.len()
            ));
        }
        let mut paths = Vec::new();
        for part in text.split('|') {
            if paths.len() == MAX_PATHS {
                return bad(format!("more than {MAX_PATHS} topic paths"));
            }
            paths.push(parse_path(part.trim(), &resolve)?);
        }
        Ok(Self(paths))
    }

    /// Whether a topic, given by its names from the root on, is wanted.
    pub fn matches(&self, topic: &[&str]) -> bool {
        self.0.iter().any(|p| p.matches(topic))
    }

    /// Whether each alternative wants at least one of `topics`; an expression that can never match is
    /// a mistake that the subscriber should hear of.
    pub fn all_known<'t>(&self, topics: impl Iterator<Item = &'t [&'t str]> + Clone) -> bool {
        self.0.iter().all(|p| topics.clone().any(|t| p.matches(t)))
    }
}

impl Path {
    /// Follows all ways at once: bit `n` says that `n` names are used up.
    fn matches(&self, topic: &[&str]) -> bool {
        let levels = topic.len().min(31);
        let mut at: u32 = 1;
        for step in &self.0 {
            if step.deep {
                // Every level from the first reached one on.
                at = u32::MAX << at.trailing_zeros().min(31);
            }
            at = match &step.test {
                Test::Here => at,
                Test::Foreign => 0,
                Test::Any => at << 1,
                Test::Name(name) => (0..levels)
                    .filter(|i| at & (1 << i) != 0 && topic[*i] == name)
                    .fold(0, |next, i| next | 1 << (i + 1)),
            };
            at &= (1 << (levels + 1)) - 1;
            if at == 0 {
                return false;
            }
        }
        levels == topic.len() && at & (1 << levels) != 0
    }
}

fn parse_path<'a>(
    text: &str,
    resolve: &impl Fn(&str) -> Option<&'a str>,
) -> Result<Path, BadExpression> {
    let mut steps: Vec<Step> = Vec::new();
    let mut rest = text;
    loop {
        let (deep, after) = if let Some(r) = rest.strip_prefix("//") {
            (true, r)
        } else if steps.is_empty() {
            (false, rest)
        } else if let Some(r) = rest.strip_prefix('/') {
            (false, r)
        } else {
            return Err(BadExpression(format!(
                "'{text}' has no '/' before '{rest}'"
            )));
        };
        let end = after.find('/').unwrap_or(after.len());
        let (name, tail) = after.split_at(end);
        steps.push(Step {
            deep,
            test: parse_test(name.trim(), text, steps.is_empty() && !deep, resolve)?,
        });
        if steps.len() > MAX_STEPS {
            return Err(BadExpression(format!("more than {MAX_STEPS} topic levels")));
        }
        if tail.is_empty() {
            return Ok(Path(steps));
        }
        rest = tail;
    }
}

fn parse_test<'a>(
    name: &str,
    path: &str,
    root: bool,
    resolve: &impl Fn(&str) -> Option<&'a str>,
) -> Result<Test, BadExpression> {
    let (prefix, local) = match name.split_once(':') {
        Some((prefix, local)) => (Some(prefix), local),
        None => (None, name),
    };
    let uri = match prefix {
        // A child without a prefix is in its parent's namespace; a root without one is in none.
        None => (!root).then_some(TNS1),
        Some("tns1") => Some(resolve("tns1").unwrap_or(TNS1)),
        Some(prefix) => Some(resolve(prefix).ok_or_else(|| {
            BadExpression(format!("the prefix '{prefix}' of '{path}' is not declared"))
        })?),
    };
    let ours = uri == Some(TNS1);
    match local {
        "" => Err(BadExpression(format!("'{path}' has an empty topic level"))),
        "*" if ours || prefix.is_none() => Ok(Test::Any),
        "." if prefix.is_none() && !root => Ok(Test::Here),
        "*" => Ok(Test::Foreign),
        _ if !is_name(local) => Err(BadExpression(format!(
            "'{name}' in '{path}' is not a topic name"
        ))),
        _ if ours => Ok(Test::Name(local.to_owned())),
        _ => Ok(Test::Foreign),
    }
}

/// An NCName of the characters that topics use.
fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c == '_' || c.is_alphabetic())
        && chars.all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLATE: &[&str] = &["RuleEngine", "Recognition", "LicensePlate"];
    const VEHICLE: &[&str] = &["RuleEngine", "MyRuleDetector", "VehicleDetect"];
    const SIGNAL: &[&str] = &["VideoSource", "SignalLoss"];
    const ALL: [&[&str]; 3] = [PLATE, VEHICLE, SIGNAL];

    fn resolve(prefix: &str) -> Option<&'static str> {
        match prefix {
            "tns1" | "t" => Some(TNS1),
            "acme" => Some("urn:acme"),
            _ => None,
        }
    }

    /// EVENT-3-1-33..35: which of plate, vehicle, signal an expression wants.
    #[test]
    fn expressions_choose_topics() {
        for (text, wants) in [
            // strict
            (
                "tns1:RuleEngine/Recognition/LicensePlate",
                [true, false, false],
            ),
            ("tns1:VideoSource/SignalLoss", [false, false, true]),
            ("tns1:RuleEngine//.", [true, true, false]),
            (
                "tns1:RuleEngine//.|tns1:VideoSource/SignalLoss",
                [true, true, true],
            ),
            (
                "tns1:RuleEngine/Recognition//.|tns1:VideoSource//.",
                [true, false, true],
            ),
            // tolerated: other prefixes, prefixed children, blanks, wildcards
            (
                "t:RuleEngine/t:Recognition/t:LicensePlate",
                [true, false, false],
            ),
            (
                " tns1:VideoSource//. | tns1:RuleEngine/* ",
                [false, false, true],
            ),
            ("tns1:RuleEngine/*/*", [true, true, false]),
            ("tns1:RuleEngine/*/LicensePlate", [true, false, false]),
            ("tns1:*//.", [true, true, true]),
            ("*//.", [true, true, true]),
            ("//.", [true, true, true]),
            ("//LicensePlate", [true, false, false]),
            ("tns1:RuleEngine//LicensePlate", [true, false, false]),
            ("//*//.", [true, true, true]),
            ("tns1:VideoSource/SignalLoss//.", [false, false, true]),
            ("tns1:VideoSource/SignalLoss/.", [false, false, true]),
            // not these
            ("tns1:RuleEngine", [false, false, false]),
            ("tns1:RuleEngine/Recognition", [false, false, false]),
            ("xyz", [false, false, false]),
            ("RuleEngine//.", [false, false, false]),
            ("acme:RuleEngine//.", [false, false, false]),
            ("tns1:RuleEngine/acme:Recognition//.", [false, false, false]),
            ("tns1:VideoSource/SignalLoss/*", [false, false, false]),
        ] {
            let e = TopicExpression::parse(text, resolve).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(ALL.map(|t| e.matches(t)), wants, "{text}");
            let known = e.all_known(ALL.into_iter());
            let alternatives = text.split('|').count();
            if alternatives == 1 {
                assert_eq!(known, wants.contains(&true), "{text}");
            }
        }
    }

    #[test]
    fn unreadable_expressions_say_why() {
        for (text, why) in [
            ("", "empty topic level"),
            ("tns1:", "empty topic level"),
            ("tns1:RuleEngine/", "empty topic level"),
            ("tns1:RuleEngine///x", "empty topic level"),
            ("tns1:a||tns1:b", "empty topic level"),
            ("nope:RuleEngine", "'nope'"),
            ("tns1:Rule Engine", "not a topic name"),
            ("tns1:1x", "not a topic name"),
            ("tns1:a[1]", "not a topic name"),
        ] {
            let e = TopicExpression::parse(text, resolve).unwrap_err();
            assert!(e.0.contains(why), "{text}: {e}");
        }
        for long in ["x".repeat(MAX_LENGTH + 1), "a|".repeat(70), "a/".repeat(20)] {
            TopicExpression::parse(&long, resolve).unwrap_err();
        }
    }

    #[test]
    fn an_alternative_that_no_topic_matches_is_unknown() {
        let e = TopicExpression::parse("tns1:VideoSource//.|tns1:Xyz", resolve).unwrap();
        assert!(!e.all_known(ALL.into_iter()));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[a-z:/|.*\\[\\] ]{0,60}") {
            if let Ok(e) = TopicExpression::parse(&text, resolve) {
                for t in ALL { e.matches(t); }
            }
        }

        #[test]
        fn a_concrete_path_matches_only_itself(names in proptest::collection::vec("[a-zA-Z]{1,8}", 1..6)) {
            let text = format!("tns1:{}", names.join("/"));
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let e = TopicExpression::parse(&text, resolve).unwrap();
            proptest::prop_assert!(e.matches(&names));
            let mut longer = names.clone();
            longer.push("x");
            proptest::prop_assert!(!e.matches(&longer));
            let subtree = TopicExpression::parse(&format!("{text}//."), resolve).unwrap();
            proptest::prop_assert!(subtree.matches(&names) && subtree.matches(&longer));
        }
    }
}
