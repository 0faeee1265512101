//! Names of pictures by a rule (FTP-3, STOR-12, STOR-14): text with tokens in braces, `{plate}_{number}`. Pure.

use chrono::{Datelike, Timelike};
use lpr_core::{Direction, UtcTime};

use crate::{Picture, Record, time::PosixTz};

/// Longest rule, bytes.
pub const MAX_RULE: usize = 200;
/// Longest part of a path, bytes: what file systems hold, less what is added to a name.
const MAX_PART: usize = 180;
/// Most folders in a rule.
const MAX_FOLDERS: usize = 8;
/// The rule of a new unit.
pub const DEFAULT_RULE: &str = "{device}/{date}/{date}-{time}_{plate}_{number}";

/// Tokens and what they stand for.
pub const TOKENS: [&str; 16] = [
    "date",
    "time",
    "year",
    "month",
    "day",
    "hour",
    "minute",
    "second",
    "millisecond",
    "plate",
    "channel",
    "device",
    "serial",
    "event",
    "direction",
    "number",
];

/// What is wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Too long, or empty.
    #[error("must have 1 to {MAX_RULE} bytes")]
    Length,
    /// No such token.
    #[error("has the unknown token '{{{0}}}'")]
    Token(String),
    /// A brace without its partner.
    #[error("has a brace without its partner")]
    Brace,
    /// An empty part, or one that leads upwards.
    #[error("has a folder or name that is empty, '.' or '..'")]
    Part,
    /// Too many folders.
    #[error("has more than {MAX_FOLDERS} folders")]
    Folders,
    /// A character that file systems do not take.
    #[error("has the character '{0}', which not every file system takes")]
    Character(char),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Token(&'static str),
}

/// A rule that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameRule(Vec<Vec<Piece>>);

/// What a name tells besides its record.
#[derive(Clone, Copy, Debug)]
pub struct NameContext<'a> {
    /// The unit's name.
    pub device: &'a str,
    /// Its serial number.
    pub serial: &'a str,
    /// The zone of its times.
    pub zone: &'a PosixTz,
}

/// What a name tells of its record.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    /// The record's number.
    pub number: i64,
    /// What made it, [`RecordKind::word`](crate::RecordKind::word).
    pub event: &'a str,
    /// When.
    pub at: UtcTime,
    /// The plate; empty without one.
    pub plate: &'a str,
    /// Travel.
    pub direction: Direction,
}

impl<'a> From<&'a Record> for Named<'a> {
    fn from(record: &'a Record) -> Self {
        Self {
            number: record.id.0,
            event: record.kind.word(),
            at: record.captured_at,
            plate: &record.plate_number,
            direction: record.direction,
        }
    }
}

/// Whether a file system may refuse the character, or understand it as something else.
fn is_illegal(c: char) -> bool {
    c.is_control() || matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')
}

impl NameRule {
    /// Understands a rule.
    ///
    /// # Errors
    /// [`RuleError`] with the first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        if text.is_empty() || text.len() > MAX_RULE {
            return Err(RuleError::Length);
        }
        let parts = text.split('/').map(part).collect::<Result<Vec<_>, _>>()?;
        if parts.len() > MAX_FOLDERS + 1 {
            return Err(RuleError::Folders);
        }
        Ok(Self(parts))
    }

    /// The path of a picture: folders, then the name with `.jpg`. It is the same each time, and no other record's: a name
    /// that does not end with the record's number gets it there, other pictures than the first full one their kind.
    #[must_use]
    pub fn path(&self, named: Named<'_>, picture: Picture, cx: NameContext<'_>) -> Vec<String> {
        let text = |pieces: &Vec<Piece>| {
            pieces
                .iter()
                .map(|p| value(p, named, cx))
                .collect::<String>()
        };
        let mut parts: Vec<String> = self.0.iter().map(|pieces| legal(&text(pieces))).collect();
        if let Some(name) = parts.last_mut() {
            let number = named.number.to_string();
            let digits = name.len() - name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
            if name[name.len() - digits..] != number {
                *name = format!("{name}_{number}");
            }
            match picture {
                Picture::Full => {}
                Picture::Plate => name.push_str("_plate"),
                Picture::Second => name.push_str("_second"),
            }
            name.push_str(".jpg");
        }
        parts
    }

    /// What a name of this rule looks like (STOR-12).
    #[must_use]
    pub fn example(&self, at: UtcTime, cx: NameContext<'_>) -> String {
        let named = Named {
            number: 1234,
            event: "lpr",
            at,
            plate: "ABC123",
            direction: Direction::Approaching,
        };
        self.path(named, Picture::Full, cx).join("/")
    }
}

fn part(text: &str) -> Result<Vec<Piece>, RuleError> {
    if matches!(text, "" | "." | "..") {
        return Err(RuleError::Part);
    }
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(at);
        text_piece(before, &mut pieces)?;
        let inner = from.strip_prefix('{').ok_or(RuleError::Brace)?;
        let (word, after) = inner.split_once('}').ok_or(RuleError::Brace)?;
        let token = TOKENS.into_iter().find(|t| *t == word);
        let unknown = || RuleError::Token(word.chars().take(32).collect());
        pieces.push(Piece::Token(token.ok_or_else(unknown)?));
        rest = after;
    }
    text_piece(rest, &mut pieces)?;
    Ok(pieces)
}

fn text_piece(text: &str, into: &mut Vec<Piece>) -> Result<(), RuleError> {
    if let Some(c) = text.chars().find(|c| is_illegal(*c)) {
        return Err(RuleError::Character(c));
    }
    if !text.is_empty() {
        into.push(Piece::Text(text.to_owned()));
    }
    Ok(())
}

fn value(piece: &Piece, named: Named<'_>, cx: NameContext<'_>) -> String {
    match piece {
        Piece::Text(text) => text.clone(),
        Piece::Token(token) => token_value(token, named, cx),
    }
}

/// What a token stands for; a word that is none stands for the number.
pub(crate) fn token_value(token: &str, named: Named<'_>, cx: NameContext<'_>) -> String {
    let at = cx.zone.local(named.at).at;
    match token {
        "date" => format!("{:04}{:02}{:02}", at.year(), at.month(), at.day()),
        "time" => format!(
            "{:02}{:02}{:02}{:03}",
            at.hour(),
            at.minute(),
            at.second(),
            at.timestamp_subsec_millis()
        ),
        "year" => format!("{:04}", at.year()),
        "month" => format!("{:02}", at.month()),
        "day" => format!("{:02}", at.day()),
        "hour" => format!("{:02}", at.hour()),
        "minute" => format!("{:02}", at.minute()),
        "second" => format!("{:02}", at.second()),
        "millisecond" => format!("{:03}", at.timestamp_subsec_millis()),
        "plate" if named.plate.is_empty() => "noplate".into(),
        "plate" => named.plate.into(),
        "channel" => "1".into(),
        "device" => cx.device.into(),
        "serial" => cx.serial.into(),
        "event" => named.event.into(),
        "direction" => named.direction.as_str().into(),
        // The last of the tokens; all of them stand above.
        _ => named.number.to_string(),
    }
}

/// A part that every file system takes: no illegal characters, no dot or space at an end, not too long, not empty.
fn legal(text: &str) -> String {
    let mut out: String = text
        .chars()
        .map(|c| if is_illegal(c) { '_' } else { c })
        .collect();
    let mut end = out.len().min(MAX_PART);
    while !out.is_char_boundary(end) {
        end -= 1;
    }
    out.truncate(end);
    let out = out.trim_matches([' ', '.']);
    if out.is_empty() {
        "_".into()
    } else {
        out.into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(number: i64, plate: &str) -> Named<'_> {
        Named {
            number,
            event: "lpr",
            at: UtcTime::from_millis(1_795_000_000_123),
            plate,
            direction: Direction::Departing,
        }
    }

    fn name(rule: &str, record: Named<'_>, picture: Picture, device: &str) -> String {
        let zone: PosixTz = "CET-1".parse().unwrap();
        let cx = NameContext {
            device,
            serial: "PC1",
            zone: &zone,
        };
        NameRule::parse(rule)
            .unwrap()
            .path(record, picture, cx)
            .join("/")
    }

    /// FTP-3, STOR-12, STOR-14.
    #[test]
    fn names_follow_the_rule_and_are_legal() {
        let r = record(7, "ABC123");
        for (rule, expect) in [
            (
                DEFAULT_RULE,
                "Gate_1/20261118/20261118-120640123_ABC123_7.jpg",
            ),
            (
                "{year}-{month}-{day}/{hour}.{minute}.{second}.{millisecond} {number}",
                "2026-11-18/12.06.40.123 7.jpg",
            ),
            ("{plate}", "ABC123_7.jpg"),
            ("{plate}{number}", "ABC1237_7.jpg"),
            (
                "{serial}/{channel}/{event}/{direction}/x",
                "PC1/1/lpr/departing/x_7.jpg",
            ),
        ] {
            assert_eq!(name(rule, r, Picture::Full, "Gate/1"), expect, "{rule}");
        }
        assert_eq!(
            name("{plate}-{number}", r, Picture::Plate, "x"),
            "ABC123-7_plate.jpg"
        );
        // SNAPRULE-4.
        assert_eq!(
            name("{plate}", r, Picture::Second, "x"),
            "ABC123_7_second.jpg"
        );
        assert_eq!(
            name("{plate}", record(8, ""), Picture::Full, "x"),
            "noplate_8.jpg"
        );
        assert_eq!(
            name("{device}/{plate}", r, Picture::Full, ".."),
            "_/ABC123_7.jpg"
        );
        assert_eq!(
            name("{device}/{plate}", r, Picture::Full, "a:b*c"),
            "a_b_c/ABC123_7.jpg"
        );
    }

    #[test]
    fn wrong_rules_are_named() {
        let long = "x".repeat(MAX_RULE + 1);
        for (rule, error) in [
            ("", RuleError::Length),
            (&*long, RuleError::Length),
            ("{colour}", RuleError::Token("colour".into())),
            ("{plate", RuleError::Brace),
            ("plate}", RuleError::Brace),
            ("{pl{ate}}", RuleError::Token("pl{ate".into())),
            ("a//b", RuleError::Part),
            ("/a", RuleError::Part),
            ("../a", RuleError::Part),
            ("a/b/c/d/e/f/g/h/i/j", RuleError::Folders),
            ("a:b", RuleError::Character(':')),
            ("a\nb", RuleError::Character('\n')),
        ] {
            assert_eq!(NameRule::parse(rule), Err(error), "{rule}");
        }
    }

    proptest! {
        /// STOR-14: whatever stands on a plate or in the unit's name, no two pictures share a name, and each is legal.
        #[test]
        fn names_are_unique_and_legal(
            device in ".{0,300}", plate in ".{0,40}", rule in "(\\{plate\\}|\\{number\\}|\\{device\\}|\\{time\\}|x|/x){1,20}",
            a in 1i64..1_000_000, b in 1i64..1_000_000,
        ) {
            prop_assume!(NameRule::parse(&rule).is_ok());
            let mut seen = std::collections::HashSet::new();
            for id in [a, b] {
                for picture in Picture::ALL {
                    let path = name(&rule, record(id, &plate), picture, &device);
                    for part in path.split('/') {
                        prop_assert!(!part.is_empty() && part != "." && part != ".." && part.len() < 255);
                        prop_assert!(!part.chars().any(is_illegal), "{part}");
                    }
                    prop_assert!(seen.insert(path.clone()) || a == b, "{path} twice");
                }
            }
        }
    }
}
