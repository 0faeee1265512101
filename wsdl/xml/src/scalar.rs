//! Simple types: text, numbers, bytes, lists.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::reader::trim;
use crate::value::{Text, ValueError};
use crate::{Reader, Writer, text_values};

impl Text for String {
    fn parse_text(text: &str, _r: &Reader<'_>) -> Result<Self, ValueError> {
        Ok(text.to_owned())
    }

    fn write_text(&self, w: &mut Writer) {
        w.push_escaped(self);
    }
}

impl Text for bool {
    /// Takes the four lexical forms, and `True`/`FALSE` as some clients send.
    fn parse_text(text: &str, _r: &Reader<'_>) -> Result<Self, ValueError> {
        match trim(text) {
            "1" => Ok(true),
            "0" => Ok(false),
            t if t.eq_ignore_ascii_case("true") => Ok(true),
            t if t.eq_ignore_ascii_case("false") => Ok(false),
            _ => Err(ValueError("a boolean")),
        }
    }

    fn write_text(&self, w: &mut Writer) {
        w.push_escaped(if *self { "true" } else { "false" });
    }
}

macro_rules! integers {
    ($($t:ty = $expected:literal),*) => {$(
        impl Text for $t {
            fn parse_text(text: &str, _r: &Reader<'_>) -> Result<Self, ValueError> {
                trim(text).parse().map_err(|_| ValueError($expected))
            }

            fn write_text(&self, w: &mut Writer) {
                w.push_display(self);
            }
        }
    )*};
}
integers! {
    i32 = "an integer of 32 bits",
    u32 = "an unsigned integer of 32 bits",
    i64 = "an integer of 64 bits",
    u64 = "an unsigned integer of 64 bits"
}

macro_rules! floats {
    ($($t:ty),*) => {$(
        impl Text for $t {
            fn parse_text(text: &str, _r: &Reader<'_>) -> Result<Self, ValueError> {
                match trim(text) {
                    "INF" | "+INF" => Ok(<$t>::INFINITY),
                    "-INF" => Ok(<$t>::NEG_INFINITY),
                    "NaN" => Ok(<$t>::NAN),
                    // Rust also reads "inf", "infinity" and "nan", which XML Schema does not have.
                    t if t.bytes().all(|b| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) => {
                        t.parse().map_err(|_| ValueError("a number"))
                    }
                    _ => Err(ValueError("a number")),
                }
            }

            fn write_text(&self, w: &mut Writer) {
                if self.is_nan() {
                    w.push_escaped("NaN");
                } else if self.is_infinite() {
                    w.push_escaped(if *self > 0.0 { "INF" } else { "-INF" });
                } else {
                    w.push_display(self);
                }
            }
        }
    )*};
}
floats!(f32, f64);

/// Bytes as base64 (`xs:base64Binary`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Base64(pub Vec<u8>);

impl Text for Base64 {
    fn parse_text(text: &str, _r: &Reader<'_>) -> Result<Self, ValueError> {
        let compact: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        STANDARD
            .decode(compact)
            .map(Self)
            .map_err(|_| ValueError("base64"))
    }

    fn write_text(&self, w: &mut Writer) {
        w.push_escaped(&STANDARD.encode(&self.0));
    }
}

/// Bytes as hexadecimal digits (`xs:hexBinary`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Hex(pub Vec<u8>);

impl Text for Hex {
    fn parse_text(text: &str, _r: &Reader<'_>) -> Result<Self, ValueError> {
        let text = trim(text);
        let digit = |b: u8| (b as char).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let expected = ValueError("an even number of hexadecimal digits");
        if !text.len().is_multiple_of(2) {
            return Err(expected);
        }
        text.as_bytes()
            .chunks_exact(2)
            .map(|pair| Some((digit(pair[0])? << 4) | digit(pair[1])?))
            .collect::<Option<Vec<u8>>>()
            .map(Self)
            .ok_or(expected)
    }

    fn write_text(&self, w: &mut Writer) {
        for byte in &self.0 {
            w.push_display(format_args!("{byte:02X}"));
        }
    }
}

/// Values separated by white space (`xs:list`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct List<T>(pub Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> FromIterator<T> for List<T> {
    fn from_iter<I: IntoIterator<Item = T>>(iter: I) -> Self {
        Self(iter.into_iter().collect())
    }
}

impl<T: Text> Text for List<T> {
    fn parse_text(text: &str, r: &Reader<'_>) -> Result<Self, ValueError> {
        text.split_ascii_whitespace()
            .map(|item| T::parse_text(item, r))
            .collect()
    }

    fn write_text(&self, w: &mut Writer) {
        for (i, item) in self.0.iter().enumerate() {
            if i > 0 {
                w.push_escaped(" ");
            }
            item.write_text(w);
        }
    }

    fn declare(&self, w: &mut Writer) {
        for item in &self.0 {
            item.declare(w);
        }
    }
}

impl<T: Text> crate::Value for List<T> {
    fn read(&mut self, r: &mut Reader<'_>) -> Result<(), crate::Error> {
        *self = r.text_value()?;
        Ok(())
    }

    fn write(&self, w: &mut Writer, ns: crate::Ns, name: &'static str) {
        w.text_element(ns, name, self);
    }
}

text_values!(
    String,
    bool,
    i32,
    u32,
    i64,
    u64,
    f32,
    f64,
    Base64,
    Hex,
    crate::QName
);
text_values!(
    crate::DateTime,
    crate::Duration,
    crate::AbsoluteOrRelative,
    crate::TimeOfDay
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, Ns, Value};

    /// What a text is read as, and how that is written.
    fn read<T: Value>(text: &str) -> Option<String> {
        let xml = format!("<v>{text}</v>");
        let mut r = Reader::new(&xml, Limits::default()).ok()?;
        r.root().ok()?;
        let mut value = T::default();
        value.read(&mut r).ok()?;
        let mut w = Writer::new();
        value.write(&mut w, Ns::NONE, "v");
        Some(w.as_str().replace("<v>", "").replace("</v>", ""))
    }

    #[test]
    fn simple_types_have_the_lexical_forms_of_xml_schema() {
        type Read = fn(&str) -> Option<String>;
        let rows: [(Read, &str, Option<&str>); 27] = [
            (read::<bool>, " 1 ", Some("true")),
            (read::<bool>, "False", Some("false")),
            (read::<bool>, "yes", None),
            (read::<bool>, "", None),
            (read::<i32>, "+7", Some("7")),
            (read::<i32>, "-2147483648", Some("-2147483648")),
            (read::<i32>, "2147483648", None),
            (read::<i32>, "1.0", None),
            (read::<u32>, "-1", None),
            (
                read::<u64>,
                "18446744073709551615",
                Some("18446744073709551615"),
            ),
            (read::<f32>, "INF", Some("INF")),
            (read::<f32>, "-INF", Some("-INF")),
            (read::<f32>, "NaN", Some("NaN")),
            (read::<f32>, "infinity", None),
            (read::<f32>, "1e3", Some("1000")),
            (read::<f32>, "0.1", Some("0.1")),
            (read::<f32>, ".5", Some("0.5")),
            (read::<f32>, "", None),
            (read::<Base64>, " AQ ID\n", Some("AQID")),
            (read::<Base64>, "A", None),
            (read::<Hex>, "0aFF", Some("0AFF")),
            (read::<Hex>, "0", None),
            (read::<Hex>, "0g", None),
            (read::<List<i32>>, " 1  2\n3 ", Some("1 2 3")),
            (read::<List<i32>>, "", Some("")),
            (read::<List<i32>>, "1,2", None),
            (read::<String>, " a &lt; b ", Some(" a &lt; b ")),
        ];
        for (read, text, expect) in rows {
            assert_eq!(read(text).as_deref(), expect, "{text:?}");
        }
    }

    #[test]
    fn what_xml_cannot_carry_is_replaced() {
        let mut w = Writer::new();
        w.str_element(Ns::NONE, "v", "a\0b\u{1F}c\u{FFFE}d\u{FFFD}\r\n\t\"");
        assert_eq!(
            w.as_str(),
            "<v>a\u{FFFD}b\u{FFFD}c\u{FFFD}d\u{FFFD}&#13;\n\t\"</v>"
        );
        let mut w = Writer::new();
        w.start(Ns::NONE, "v");
        w.attribute_str(Ns::NONE, "a", "\r\n\t\"<&>");
        w.end_empty();
        assert_eq!(w.as_str(), "<v a=\"&#13;&#10;&#9;&quot;&lt;&amp;&gt;\"/>");
    }
}
