//! The file of a model: JSON, written by whoever makes the unit's image.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Function, Limit, Product};
use crate::{Error, Result, Violation, Violations};

/// Most bytes of a file.
const MAX_BYTES: usize = 64 * 1024;
/// Characters of a model's name.
const NAME: std::ops::RangeInclusive<usize> = 1..=31;

impl Product {
    /// Reads a model file: `{"model": NAME, "without": [FUNCTION...], "limits": {LIMIT: NUMBER...}}`; `without` and
    /// `limits` may be left out. Reports everything that is wrong, each by its JSON pointer.
    ///
    /// # Errors
    /// [`Error::Malformed`] for what is no JSON object or too large, [`Error::Invalid`] naming field, value and bound.
    pub fn parse(text: &[u8]) -> Result<Self> {
        let malformed = |reason: String| Error::Malformed {
            what: "model file",
            reason,
        };
        if text.len() > MAX_BYTES {
            let n = text.len();
            return Err(malformed(format!("{n} bytes; at most {MAX_BYTES}")));
        }
        let file: Map<String, Value> =
            serde_json::from_slice(text).map_err(|e| malformed(e.to_string()))?;
        let mut wrong = Violations::default();
        let mut product = Self::default();
        for (key, value) in &file {
            match key.as_str() {
                "model" => {}
                "without" => product.without = functions(value, &mut wrong),
                "limits" => limits(value, &mut product, &mut wrong),
                _ => wrong.0.push(Violation::new(
                    &format!("/{key}"),
                    value,
                    "is unknown; there are model, without and limits",
                )),
            }
        }
        match file.get("model").and_then(Value::as_str) {
            Some(name) if is_name(name) => name.clone_into(&mut product.name),
            given => wrong.0.push(Violation::new(
                "/model",
                given.unwrap_or_default(),
                format!(
                    "must be a name of {} to {} letters, digits, spaces, dots or hyphens",
                    NAME.start(),
                    NAME.end()
                ),
            )),
        }
        wrong.into_result()?;
        Ok(product)
    }
}

/// What also fits into a discovery scope and the file name of a package.
fn is_name(name: &str) -> bool {
    let sign = |c: char| c.is_ascii_alphanumeric() || " .-".contains(c);
    NAME.contains(&name.len()) && name.chars().all(sign) && name.trim() == name
}

fn functions(value: &Value, wrong: &mut Violations) -> BTreeSet<Function> {
    let Some(list) = value.as_array() else {
        wrong
            .0
            .push(Violation::new("/without", value, "must be a list"));
        return BTreeSet::new();
    };
    let mut all = BTreeSet::new();
    for (i, entry) in list.iter().enumerate() {
        let found = Function::ALL
            .into_iter()
            .find(|f| entry.as_str() == Some(f.name()));
        match found {
            Some(function) => {
                all.insert(function);
            }
            None => wrong.0.push(Violation::new(
                &format!("/without/{i}"),
                entry,
                format!(
                    "is no function; there are {}",
                    Function::ALL.map(Function::name).join(", ")
                ),
            )),
        }
    }
    all
}

fn limits(value: &Value, product: &mut Product, wrong: &mut Violations) {
    let Some(given) = value.as_object() else {
        wrong
            .0
            .push(Violation::new("/limits", value, "must be an object"));
        return;
    };
    for (name, value) in given {
        let pointer = format!("/limits/{name}");
        let Some(limit) = Limit::ALL.into_iter().find(|l| l.name() == name) else {
            let known = Limit::ALL.map(Limit::name).join(", ");
            let reason = format!("is no limit; there are {known}");
            wrong.0.push(Violation::new(&pointer, value, reason));
            continue;
        };
        let range = limit.range();
        let number = value.as_u64().and_then(|n| u32::try_from(n).ok());
        match number.filter(|n| range.contains(n)) {
            Some(n) => product.limits[limit as usize] = n,
            None => {
                let (least, most) = (range.start(), range.end());
                let reason = format!("must be {least} to {most}");
                wrong.0.push(Violation::new(&pointer, value, reason));
            }
        }
    }
}
