//! All settings by name: what there is, what it may be, what it is, and its change.

use axum::extract::State;
use platecam_model::{Error, Violation, Violations, settings::Revision};
use serde_json::{Map, Value};

use super::{
    answer::{Lines, Refusal},
    blocking, command,
    gate::Caller,
    query::Query,
};
use crate::{
    app::App,
    routes::{Access, Routes},
};

/// Depth of a field's name at most.
const DEPTH: usize = 4;

pub(super) fn routes() -> Routes {
    let needs = Access::LoggedIn("the group's read or change permission");
    command("/cgi-bin/param.cgi", needs, param)
}

/// `param.cgi?action=list|get|set&group=…`.
async fn param(
    State(app): State<App>,
    Caller(by): Caller,
    mut query: Query,
) -> Result<Lines, Refusal> {
    let settings = app.device.settings.clone();
    let action = query.word("action", &["list", "get", "set"])?;
    let group = query.take("group");
    match (action, group) {
        ("list", None) => {
            query.finish()?;
            let mut lines = Lines::default();
            for d in settings.sections().filter(|d| by.permissions.has(d.read)) {
                let rights = if by.permissions.has(d.write) {
                    "rw"
                } else {
                    "r"
                };
                lines.add(d.key, rights);
            }
            Ok(lines)
        }
        (_, None) => Err(Error::invalid("/group", "", "is missing").into()),
        ("list", Some(group)) => {
            query.finish()?;
            let (view, schema) = (settings.read(&group, &by)?, settings.schema(&group, &by)?);
            let mut lines = Lines::default();
            describe(&mut lines, "", &view.value, &view.defaults, &schema);
            Ok(lines)
        }
        ("get", Some(group)) => {
            let name = query.take("name");
            query.finish()?;
            let view = settings.read(&group, &by)?;
            let mut lines = Lines::default();
            match name {
                Some(name) => {
                    let value = leaf(&view.value, &name);
                    let value = value.ok_or_else(|| Error::not_found("setting", &name))?;
                    lines.add_value(&name, value);
                }
                None => {
                    lines.add("revision", &view.revision.to_string());
                    walk("", &view.value, &mut |name, value| {
                        lines.add_value(name, value)
                    });
                }
            }
            Ok(lines)
        }
        (_, Some(group)) => {
            let revision = match query.take("revision") {
                None => None,
                Some(text) => Some(revision(&text)?),
            };
            let view = settings.read(&group, &by)?;
            let patch = patch(&view.value, query.rest())?;
            let done = blocking(move || settings.patch(&group, &patch, revision, &by)).await?;
            let mut lines = Lines::default();
            lines.add("revision", &done.to_string());
            Ok(lines)
        }
    }
}

fn revision(text: &str) -> platecam_model::Result<Revision> {
    let wrong = || Error::invalid("/revision", text, "must be the number that get gave");
    text.parse().map(Revision).map_err(|_| wrong())
}

/// Every value that is no object, with its name in dots.
fn walk(name: &str, value: &Value, each: &mut dyn FnMut(&str, &Value)) {
    match value {
        Value::Object(fields) => {
            for (field, value) in fields {
                let name = if name.is_empty() {
                    field.clone()
                } else {
                    format!("{name}.{field}")
                };
                walk(&name, value, each);
            }
        }
        value => each(name, value),
    }
}

fn leaf<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    let found = name.split('.').try_fold(value, |v, part| v.get(part))?;
    (!found.is_object()).then_some(found)
}

/// A field with what its schema says of it.
fn describe(lines: &mut Lines, name: &str, value: &Value, default: &Value, schema: &Value) {
    if let Value::Object(fields) = value {
        for (field, value) in fields {
            let name = if name.is_empty() {
                field.clone()
            } else {
                format!("{name}.{field}")
            };
            let (default, schema) = (&default[field], &schema["properties"][field]);
            describe(lines, &name, value, default, schema);
        }
        return;
    }
    lines.add_value(name, value);
    let choices = choices(schema);
    let kind = match value {
        _ if !choices.is_empty() => "choice",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "text",
        Value::Null | Value::Array(_) | Value::Object(_) => "json",
    };
    lines.add(&format!("{name}.type"), kind);
    if !choices.is_empty() {
        lines.add(&format!("{name}.choices"), &choices.join(","));
    }
    for (word, key) in [
        ("min", "minimum"),
        ("max", "maximum"),
        ("unit", "x-unit"),
        ("min_length", "minLength"),
        ("max_length", "maxLength"),
        ("max_items", "maxItems"),
    ] {
        match &schema[key] {
            Value::Null => {}
            Value::String(text) if text.is_empty() => {}
            bound => lines.add_value(&format!("{name}.{word}"), bound),
        }
    }
    lines.add_value(&format!("{name}.default"), default);
}

/// The words of a choice.
fn choices(schema: &Value) -> Vec<String> {
    let words = |list: &Value, of: fn(&Value) -> &Value| -> Vec<String> {
        let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
        list.iter()
            .filter_map(|v| of(v).as_str())
            .map(String::from)
            .collect()
    };
    let mut all = words(&schema["enum"], |v| v);
    all.extend(words(&schema["oneOf"], |v| &v["const"]));
    all
}

/// A merge patch of the fields named; each is read as what it is now.
fn patch(current: &Value, fields: Vec<(String, String)>) -> platecam_model::Result<Value> {
    let mut violations = Violations::default();
    let mut patch = Value::Object(Map::new());
    if fields.is_empty() {
        return Err(Error::invalid("", "", "no setting is named"));
    }
    for (name, text) in fields {
        let pointer = format!("/{}", name.replace('.', "/"));
        let parts: Vec<&str> = name.split('.').collect();
        if parts.len() > DEPTH || parts.iter().any(|p| p.is_empty()) {
            violations
                .0
                .push(Violation::new(&pointer, &text, "no such setting"));
            continue;
        }
        match read(leaf(current, &name), &text) {
            Ok(value) => put(&mut patch, &parts, value),
            Err(reason) => violations.0.push(Violation::new(&pointer, &text, reason)),
        }
    }
    violations.into_result()?;
    Ok(patch)
}

fn put(target: &mut Value, parts: &[&str], value: Value) {
    let Some((first, rest)) = parts.split_first() else {
        *target = value;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    if let Value::Object(fields) = target {
        put(fields.entry(*first).or_insert(Value::Null), rest, value);
    }
}

/// Reads a text as a value of the kind of `now`. What is not there now is for the store to judge.
fn read(now: Option<&Value>, text: &str) -> Result<Value, &'static str> {
    match now {
        Some(Value::Bool(_)) => match text {
            "true" | "1" => Ok(true.into()),
            "false" | "0" => Ok(false.into()),
            _ => Err("must be true or false"),
        },
        Some(Value::Number(n)) if n.is_f64() => {
            let number = text.parse().ok().and_then(serde_json::Number::from_f64);
            number.map(Value::Number).ok_or("must be a number")
        }
        Some(Value::Number(_)) => {
            let number: Result<i64, _> = text.parse();
            number
                .map(Value::from)
                .map_err(|_| "must be a whole number")
        }
        Some(Value::Null | Value::Array(_) | Value::Object(_)) => {
            serde_json::from_str(text).map_err(|_| "must be JSON, for example [\"a\"]")
        }
        Some(Value::String(_)) | None => Ok(text.into()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_read_as_what_the_field_is() {
        let now = json!({"on": true, "n": 1, "f": 0.5, "t": "a", "list": ["x"], "none": null, "in": {"m": 3}});
        let set = |name: &str, text: &str| patch(&now, vec![(name.into(), text.into())]);
        for (name, text, want) in [
            ("on", "false", json!({"on": false})),
            ("n", "-7", json!({"n": -7})),
            ("f", "2", json!({"f": 2.0})),
            ("t", "7", json!({"t": "7"})),
            ("list", r#"["a","b"]"#, json!({"list": ["a", "b"]})),
            ("none", "5", json!({"none": 5})),
            ("in.m", "4", json!({"in": {"m": 4}})),
            ("secret", "x", json!({"secret": "x"})),
        ] {
            assert_eq!(set(name, text).unwrap(), want);
        }
        for (name, text, says) in [
            ("on", "yes", "true or false"),
            ("n", "1.5", "whole number"),
            ("n", "99999999999999999999", "whole number"),
            ("f", "NaN", "number"),
            ("list", "a,b", "JSON"),
            ("a..b", "1", "no such setting"),
            ("a.b.c.d.e", "1", "no such setting"),
        ] {
            let e = set(name, text);
            let Err(Error::Invalid(v)) = e else {
                panic!("{name}={text}: {e:?}")
            };
            assert!(v.0[0].reason.contains(says), "{v}");
        }
        assert!(patch(&now, Vec::new()).is_err());
    }
}
