//! The line of a plate on a serial port (HW-4): text with tokens in braces and bytes as escapes. Pure.

use lpr_core::{Direction, UtcTime};

use crate::naming::{NameContext, Named, token_value};

/// Longest rule, bytes.
const MAX_RULE: usize = 200;
/// The rule of a new unit: the plate, carriage return, line feed.
pub const DEFAULT_LINE: &str = r"{plate}\r\n";

/// Tokens and what they stand for; most are those of file names.
pub const LINE_TOKENS: [&str; 16] = [
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
    "direction",
    "likelihood",
    "country",
];

/// What is wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Too long, or empty.
    #[error("must have 1 to {MAX_RULE} bytes")]
    Length,
    /// No such token.
    #[error("has the unknown token '{{{0}}}'")]
    Token(String),
    /// A brace without its partner.
    #[error("has a brace without its partner")]
    Brace,
    /// No such escape.
    #[error(r"has the unknown escape '\{0}'; there are \r, \n, \t, \\ and \xHH")]
    Escape(String),
    /// Not ASCII, or not visible.
    #[error(r"has the character '{0}'; what is not visible ASCII is written \xHH")]
    Character(char),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Byte(u8),
    Token(&'static str),
}

/// A rule that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineRule(Vec<Piece>);

/// What a line tells of a vehicle.
#[derive(Clone, Copy, Debug)]
pub struct Passed<'a> {
    /// The plate.
    pub plate: &'a str,
    /// When.
    pub at: UtcTime,
    /// Which way.
    pub direction: Direction,
    /// How likely the text is right, 0..=1.
    pub likelihood: f32,
    /// Country, two letters, where it is known.
    pub country: Option<&'a str>,
}

impl LineRule {
    /// Understands a rule.
    ///
    /// # Errors
    /// [`LineError`] with the first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, LineError> {
        if text.is_empty() || text.len() > MAX_RULE {
            return Err(LineError::Length);
        }
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            rest = &rest[c.len_utf8()..];
            let piece = match c {
                '{' => {
                    let (word, after) = rest.split_once('}').ok_or(LineError::Brace)?;
                    rest = after;
                    let token = LINE_TOKENS.into_iter().find(|t| *t == word);
                    let unknown = || LineError::Token(word.chars().take(32).collect());
                    Piece::Token(token.ok_or_else(unknown)?)
                }
                '}' => return Err(LineError::Brace),
                '\\' => {
                    let (byte, after) = escaped(rest)?;
                    rest = after;
                    Piece::Byte(byte)
                }
                ' '..='~' => Piece::Byte(c as u8),
                _ => return Err(LineError::Character(c)),
            };
            pieces.push(piece);
        }
        Ok(Self(pieces))
    }

    /// The bytes of a vehicle. What a token stands for is visible ASCII, so that nobody's name ends a line; other signs of
    /// it are question marks.
    #[must_use]
    pub fn line(&self, passed: Passed<'_>, cx: NameContext<'_>) -> Vec<u8> {
        let mut line = Vec::new();
        for piece in &self.0 {
            match piece {
                Piece::Byte(byte) => line.push(*byte),
                Piece::Token(token) => {
                    let ascii =
                        |c: char| u8::try_from(c).ok().filter(|b| (b' '..=b'~').contains(b));
                    let value = value(token, passed, cx);
                    line.extend(value.chars().map(|c| ascii(c).unwrap_or(b'?')));
                }
            }
        }
        line
    }
}

/// The byte that follows a backslash, and what follows it.
fn escaped(rest: &str) -> Result<(u8, &str), LineError> {
    let hex = |digits: &str| {
        let all = digits.bytes().all(|b| b.is_ascii_hexdigit());
        u8::from_str_radix(digits, 16).ok().filter(|_| all)
    };
    let found = match rest.as_bytes() {
        [b'r', ..] => Some((b'\r', 1)),
        [b'n', ..] => Some((b'\n', 1)),
        [b't', ..] => Some((b'\t', 1)),
        [b'\\', ..] => Some((b'\\', 1)),
        [b'x', ..] => rest.get(1..3).and_then(hex).map(|byte| (byte, 3)),
        _ => None,
    };
    let unknown = || LineError::Escape(rest.chars().take(3).collect());
    let (byte, length) = found.ok_or_else(unknown)?;
    Ok((byte, &rest[length..]))
}

fn value(token: &str, passed: Passed<'_>, cx: NameContext<'_>) -> String {
    match token {
        "likelihood" => {
            let percent = (passed.likelihood.clamp(0.0, 1.0) * 100.0).round();
            format!("{percent:03.0}")
        }
        "country" => passed.country.unwrap_or("--").to_owned(),
        _ => {
            let named = Named {
                number: 0,
                event: "lpr",
                at: passed.at,
                plate: passed.plate,
                direction: passed.direction,
            };
            token_value(token, named, cx)
        }
    }
}

/// Bytes as a rule writes them, for people.
#[must_use]
pub fn shown(line: &[u8]) -> String {
    let mut text = String::new();
    for byte in line {
        match byte {
            b'\r' => text.push_str(r"\r"),
            b'\n' => text.push_str(r"\n"),
            b'\t' => text.push_str(r"\t"),
            b'\\' => text.push_str(r"\\"),
            b'{' | b'}' => text.push_str(&format!(r"\x{byte:02x}")),
            b' '..=b'~' => text.push(char::from(*byte)),
            _ => text.push_str(&format!(r"\x{byte:02x}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::time::PosixTz;

    fn line(rule: &str, plate: &str, device: &str) -> Vec<u8> {
        let zone: PosixTz = "CET-1".parse().unwrap();
        let cx = NameContext {
            device,
            serial: "PC1",
            zone: &zone,
        };
        let passed = Passed {
            plate,
            at: UtcTime::from_millis(1_795_000_000_123),
            direction: Direction::Departing,
            likelihood: 0.876,
            country: Some("US"),
        };
        LineRule::parse(rule).unwrap().line(passed, cx)
    }

    /// HW-4.
    #[test]
    fn lines_follow_their_rule() {
        for (rule, expect) in [
            (DEFAULT_LINE, "ABC123\r\n"),
            (r"\x02{plate}\x03", "\x02ABC123\x03"),
            (
                r"{date};{hour}:{minute}:{second}.{millisecond};{plate};{direction};{likelihood};{country}\n",
                "20261118;12:06:40.123;ABC123;departing;088;US\n",
            ),
            (r"{serial}/{channel} \\ \t{device}", "PC1/1 \\ \tGate 1"),
        ] {
            assert_eq!(line(rule, "ABC123", "Gate 1"), expect.as_bytes(), "{rule}");
        }
        assert_eq!(line("{device}", "A", "Tür\r\n{plate}"), b"T?r??{plate}");
    }

    #[test]
    fn wrong_rules_are_named() {
        let long = "x".repeat(MAX_RULE + 1);
        for (rule, error) in [
            ("", LineError::Length),
            (&*long, LineError::Length),
            ("{number}", LineError::Token("number".into())),
            ("{plate", LineError::Brace),
            ("plate}", LineError::Brace),
            (r"a\q", LineError::Escape("q".into())),
            (r"a\", LineError::Escape(String::new())),
            (r"\x1", LineError::Escape("x1".into())),
            (r"\x+1", LineError::Escape("x+1".into())),
            (r"\xgä", LineError::Escape("xgä".into())),
            ("ä", LineError::Character('ä')),
            ("a\nb", LineError::Character('\n')),
        ] {
            assert_eq!(LineRule::parse(rule), Err(error), "{rule}");
        }
    }

    proptest! {
        /// Bytes as they are shown are a rule for the same bytes.
        #[test]
        fn what_is_shown_is_a_rule(bytes in prop::collection::vec(any::<u8>(), 1..50)) {
            prop_assert_eq!(line(&shown(&bytes), "A", "b"), bytes);
        }

        /// Whatever stands on a plate or in the unit's name adds no control sign and no more than its length.
        #[test]
        fn values_cannot_end_a_line(plate in ".{0,40}", device in ".{0,300}") {
            let line = line("{plate}{device}", &plate, &device);
            prop_assert!(line.iter().all(|b| (b' '..=b'~').contains(b)));
        }
    }
}
