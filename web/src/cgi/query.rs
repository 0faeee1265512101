//! Parameters of a command, from a query string or a form (`application/x-www-form-urlencoded`). Written by whoever
//! reaches the unit: everything about them is bounded.

use platecam_model::{Error, Result};

/// Bytes of all parameters at most.
pub const MAX_BYTES: usize = 8 * 1024;
/// Parameters at most.
const MAX_PARAMETERS: usize = 64;
/// Bytes of a name at most.
const MAX_NAME: usize = 64;
/// Bytes of a value at most, decoded.
const MAX_VALUE: usize = 4096;

/// Parameters in the order given; every name once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads `name=value` pairs joined by `&`. A name without `=` has the empty value.
    ///
    /// # Errors
    /// [`Error::Malformed`] for what is too long or too much, a wrong percent encoding, text that is not UTF-8, a
    /// control character, a name that is empty or comes twice.
    pub fn parse(text: &str) -> Result<Self> {
        if text.len() > MAX_BYTES {
            let reason = format!("{} bytes; at most {MAX_BYTES}", text.len());
            return Err(malformed(reason));
        }
        let mut all: Vec<(String, String)> = Vec::new();
        for pair in text.split('&').filter(|p| !p.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name)?;
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
            if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(plain) {
                let shown: String = name.chars().take(MAX_NAME).collect();
                let reason = format!(
                    "'{shown}' is no name of a parameter: 1 to {MAX_NAME} letters, digits, '_', '.' and '-'"
                );
                return Err(malformed(reason));
            }
            if all.iter().any(|(n, _)| *n == name) {
                return Err(malformed(format!("'{name}' comes twice")));
            }
            if all.len() == MAX_PARAMETERS {
                return Err(malformed(format!("more than {MAX_PARAMETERS} parameters")));
            }
            let value = decode(value)?;
            if value.len() > MAX_VALUE {
                let reason = format!("'{name}' has {} bytes; at most {MAX_VALUE}", value.len());
                return Err(malformed(reason));
            }
            all.push((name, value));
        }
        Ok(Self(all))
    }

    /// Takes a parameter out.
    pub fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(n, _)| n == name)?;
        Some(self.0.remove(at).1)
    }

    /// Takes a parameter out that has to be there.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming it.
    pub fn need(&mut self, name: &str) -> Result<String> {
        self.take(name)
            .ok_or_else(|| Error::invalid(&format!("/{name}"), "", "is missing"))
    }

    /// Takes a whole number out; `default` when it is not there.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming parameter, value and bounds.
    pub fn number(
        &mut self,
        name: &str,
        bounds: std::ops::RangeInclusive<u32>,
        default: u32,
    ) -> Result<u32> {
        let Some(text) = self.take(name) else {
            return Ok(default);
        };
        let digits = text.len() <= 10 && text.bytes().all(|b| b.is_ascii_digit());
        let number = text.parse().ok().filter(|n| digits && bounds.contains(n));
        number.ok_or_else(|| {
            let reason = format!("must be {} to {}", bounds.start(), bounds.end());
            Error::invalid(&format!("/{name}"), &text, reason)
        })
    }

    /// Takes one of some words out; `words[0]` when it is not there.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming parameter, value and words.
    pub fn word(&mut self, name: &str, words: &[&'static str]) -> Result<&'static str> {
        let Some(text) = self.take(name) else {
            return Ok(words.first().copied().unwrap_or_default());
        };
        words.iter().find(|w| **w == text).copied().ok_or_else(|| {
            let reason = format!("must be one of {}", words.join(", "));
            Error::invalid(&format!("/{name}"), &text, reason)
        })
    }

    /// What is left, in the order given.
    pub fn rest(self) -> Vec<(String, String)> {
        self.0
    }

    /// Makes sure that nothing is left.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming what no command knows.
    pub fn finish(self) -> Result<()> {
        match self.0.first() {
            None => Ok(()),
            Some((name, value)) => Err(Error::invalid(
                &format!("/{name}"),
                value,
                "no such parameter of this command",
            )),
        }
    }
}

fn malformed(reason: String) -> Error {
    Error::Malformed {
        what: "parameters",
        reason,
    }
}

/// Undoes percent encoding; `+` is a blank.
fn decode(text: &str) -> Result<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(b) = bytes.next() {
        match b {
            b'+' => out.push(b' '),
            b'%' => {
                let hex = |b: Option<u8>| char::from(b?).to_digit(16);
                let byte = hex(bytes.next()).and_then(|h| Some(h * 16 + hex(bytes.next())?));
                let byte = byte.and_then(|b| u8::try_from(b).ok());
                out.push(byte.ok_or_else(|| malformed("a wrong percent encoding".into()))?);
            }
            b => out.push(b),
        }
    }
    let text = String::from_utf8(out).map_err(|_| malformed("text that is not UTF-8".into()))?;
    if text.chars().any(|c| c.is_control() && c != '\n') {
        return Err(malformed("a control character".into()));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read() {
        let mut q =
            Query::parse("action=set&group=device.general&name=Gate+1%20%C3%A4&&empty").unwrap();
        assert_eq!(q.need("action").unwrap(), "set");
        assert_eq!(q.take("group").as_deref(), Some("device.general"));
        assert_eq!(q.number("count", 1..=5, 3).unwrap(), 3);
        assert_eq!(q.word("format", &["text", "json"]).unwrap(), "text");
        let left = q.clone().rest();
        assert_eq!(left[0], ("name".into(), "Gate 1 ä".into()));
        assert_eq!(left[1], ("empty".into(), String::new()));
        let e = q.finish().unwrap_err().to_string();
        assert!(e.contains("/name = Gate 1 ä: no such parameter"), "{e}");
        assert_eq!(Query::parse("").unwrap(), Query::default());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let many: String = (0..65).map(|n| format!("p{n}=1&")).collect();
        for (text, says) in [
            ("a=%", "percent"),
            ("a=%4", "percent"),
            ("a=%+4", "percent"),
            ("a=%FF", "UTF-8"),
            ("a=%00", "control"),
            ("a=1&a=2", "comes twice"),
            ("=1", "is no name"),
            ("a%20b=1", "is no name"),
            (&format!("a={}", "x".repeat(MAX_VALUE + 1)), "at most 4096"),
            (&"x".repeat(MAX_BYTES + 1), "at most 8192"),
            (&many, "more than 64"),
        ] {
            let e = Query::parse(text).unwrap_err().to_string();
            assert!(e.contains(says), "{text:.20}: {e}");
        }
        for bad in ["0", "6", "+1", "1.0", "", "99999999999"] {
            let mut q = Query::parse(&format!("n={}", bad.replace('+', "%2B"))).unwrap();
            let e = q.number("n", 1..=5, 1).unwrap_err().to_string();
            assert!(e.contains("/n") && e.contains("1 to 5"), "{e}");
        }
        let mut q = Query::parse("w=xml").unwrap();
        let e = q.word("w", &["text", "json"]).unwrap_err().to_string();
        assert!(e.contains("one of text, json"), "{e}");
        assert!(Query::default().need("group").is_err());
    }

    proptest::proptest! {
        #[test]
        fn never_panics_and_keeps_its_bounds(text in "[a-c=&%+0-9A-F\\x00-\\u{ff}]{0,200}") {
            if let Ok(q) = Query::parse(&text) {
                let all = q.rest();
                proptest::prop_assert!(all.len() <= MAX_PARAMETERS);
                proptest::prop_assert!(all.iter().all(|(n, v)| n.len() <= MAX_NAME && v.len() <= MAX_VALUE));
            }
        }
    }
}
