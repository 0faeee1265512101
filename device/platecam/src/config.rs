//! `platecam config`: settings from the command line, of a camera that runs or does not.

mod transfer;

use std::io::Write;

use serde_json::{Map, Value, json};

use crate::{
    Failure,
    cli::{ConfigCommand, ConfigSetArgs, LocalArgs, exit},
    local::{self, Change, Request},
};

pub(crate) fn config(command: &ConfigCommand) -> Result<(), Failure> {
    match command {
        ConfigCommand::Get { local, target } => get(local, target.as_deref()),
        ConfigCommand::Set(args) => set(args),
        ConfigCommand::History { local, limit, key } => history(local, key, *limit),
        ConfigCommand::Export(args) => transfer::export(args),
        ConfigCommand::Import(args) => transfer::import(args),
        ConfigCommand::Restore { local, yes: _ } => {
            let keys = local::ask(&local.state_dir, &Request::Restore)?;
            let restored = keys.as_array().into_iter().flatten().map(word);
            told(
                local,
                &keys,
                restored.map(|key| format!("{key} restored\n")).collect(),
            )
        }
        ConfigCommand::FactoryReset {
            local,
            records,
            yes: _,
        } => {
            let request = Request::Reset { records: *records };
            let reach = local::ask(&local.state_dir, &request)?;
            told(
                local,
                &reach,
                "back to factory with the start that follows\n".into(),
            )
        }
    }
}

/// `KEY`, or `KEY/POINTER` with the pointer as in RFC 6901.
fn target(text: &str) -> (&str, &str) {
    let slash = text.find('/').unwrap_or(text.len());
    text.split_at(slash)
}

/// The sections with key and value: one, or all.
fn sections(local: &LocalArgs, key: Option<&str>) -> Result<Vec<Section>, Failure> {
    let request = Request::Get {
        key: key.map(Into::into),
    };
    let views = local::ask(&local.state_dir, &request)?;
    let section = |view: &Value| {
        Some(Section {
            key: view.get("key")?.as_str()?.to_owned(),
            revision: view.get("revision")?.as_u64()?,
            value: view.get("value")?.clone(),
        })
    };
    let all = views
        .as_array()
        .map(|all| all.iter().map(section).collect());
    all.flatten()
        .ok_or_else(|| Failure::new(exit::FAILED, "the camera's answer cannot be read"))
}

struct Section {
    key: String,
    revision: u64,
    value: Value,
}

fn get(local: &LocalArgs, wanted: Option<&str>) -> Result<(), Failure> {
    let Some(wanted) = wanted else {
        let all = sections(local, None)?;
        if local.json {
            let all = all.into_iter().map(|s| (s.key, s.value));
            return print(&pretty(&Value::Object(all.collect())));
        }
        let lines = all.iter().map(|s| lines(&s.key, &s.value));
        return print(&lines.collect::<String>());
    };
    let (key, pointer) = target(wanted);
    let section = only(sections(local, Some(key))?)?;
    let value = at(&section, pointer)?;
    match value {
        _ if local.json => print(&pretty(value)),
        Value::Object(_) => print(&lines(wanted, value)),
        other => print(&format!("{}\n", word(other))),
    }
}

fn only(mut sections: Vec<Section>) -> Result<Section, Failure> {
    let unread = || Failure::new(exit::FAILED, "the camera's answer cannot be read");
    sections.pop().ok_or_else(unread)
}

fn at<'a>(section: &'a Section, pointer: &str) -> Result<&'a Value, Failure> {
    section.value.pointer(pointer).ok_or_else(|| {
        let fields = section.value.as_object().into_iter().flat_map(Map::keys);
        let fields: Vec<_> = fields.map(String::as_str).collect();
        let text = format!(
            "{} has no setting '{pointer}'; there are {}",
            section.key,
            fields.join(", ")
        );
        Failure::new(exit::FAILED, text)
    })
}

/// One line for each value, `KEY/POINTER VALUE`, as `set` takes them.
fn lines(place: &str, value: &Value) -> String {
    match value {
        Value::Object(map) if !map.is_empty() => map
            .iter()
            .map(|(field, v)| {
                let field = field.replace('~', "~0").replace('/', "~1");
                lines(&format!("{place}/{field}"), v)
            })
            .collect(),
        other => format!("{place} {}\n", word(other)),
    }
}

/// A value as the command line takes it: texts as they are, everything else as JSON.
fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn set(args: &ConfigSetArgs) -> Result<(), Failure> {
    let mut changes: Vec<(Section, Value)> = Vec::new();
    let (pairs, rest) = args.pairs.as_chunks::<2>();
    if !rest.is_empty() {
        let text = format!("'{}' has no value: KEY/POINTER VALUE is expected", rest[0]);
        return Err(Failure::new(exit::USAGE, text));
    }
    for [place, word] in pairs {
        let (key, pointer) = target(place);
        let known = changes.iter().position(|(s, _)| s.key == key);
        let i = match known {
            Some(i) => i,
            None => {
                let section = only(sections(&args.local, Some(key))?)?;
                changes.push((section, json!({})));
                changes.len() - 1
            }
        };
        let (section, patch) = &mut changes[i];
        let value = meant(word, at(section, pointer)?);
        put(patch, place, pointer, value)?;
    }
    let changes = changes.into_iter().map(|(section, value)| Change {
        key: section.key,
        value,
        revision: section.revision,
    });
    let request = Request::Set {
        changes: changes.collect(),
    };
    let done = local::ask(&args.local.state_dir, &request)?;
    if args.local.json {
        print(&pretty(&done))?;
    }
    Ok(())
}

/// What `word` means for a setting that is `now`: a text is taken as it stands, anything else is JSON.
fn meant(word: &str, now: &Value) -> Value {
    // A secret shows as {"set": ...}; a new one is a text.
    let secret = now
        .as_object()
        .is_some_and(|o| o.len() == 1 && o.contains_key("set"));
    if (now.is_string() || secret) && word != "null" {
        return word.into();
    }
    serde_json::from_str(word).unwrap_or_else(|_| word.into())
}

/// Puts `value` at `pointer` of a merge patch.
fn put(patch: &mut Value, place: &str, pointer: &str, value: Value) -> Result<(), Failure> {
    let usage = |text: String| Err(Failure::new(exit::USAGE, text));
    let names = pointer.split('/').skip(1);
    let names: Vec<_> = names
        .map(|n| n.replace("~1", "/").replace("~0", "~"))
        .collect();
    let Some((last, above)) = names.split_last() else {
        // The whole section: a merge patch of one's own.
        let Value::Object(fields) = value else {
            return usage(format!(
                "{place} is a section: give KEY/POINTER VALUE, or a JSON object"
            ));
        };
        if let Value::Object(patch) = patch {
            patch.extend(fields);
        }
        return Ok(());
    };
    let mut here = patch;
    for name in above {
        if name.parse::<usize>().is_ok() {
            return usage(format!("{place}: a list is set as a whole, as JSON"));
        }
        here = &mut here[name.as_str()];
        if !here.is_object() {
            *here = json!({});
        }
    }
    if last.parse::<usize>().is_ok() {
        return usage(format!("{place}: a list is set as a whole, as JSON"));
    }
    here[last.as_str()] = value;
    Ok(())
}

fn history(local: &LocalArgs, key: &str, limit: u16) -> Result<(), Failure> {
    let request = Request::History {
        key: key.into(),
        limit: limit.into(),
    };
    let items = local::ask(&local.state_dir, &request)?;
    let item = |item: &Value| {
        let field = |name| item.get(name).map(word).unwrap_or_default();
        format!(
            "{} {} revision {}\n{}",
            field("changed_at"),
            field("changed_by"),
            field("revision"),
            differences(key, item)
        )
    };
    let text = items.as_array().into_iter().flatten().map(item).collect();
    told(local, &items, text)
}

/// `  KEY/POINTER OLD -> NEW`, a line for each change of a section.
fn differences(key: &str, of: &Value) -> String {
    let changes = of.get("changes").and_then(Value::as_array);
    let line = |c: &Value| {
        let field = |name| c.get(name).map(word).unwrap_or_default();
        format!(
            "  {key}{} {} -> {}\n",
            field("pointer"),
            field("from"),
            field("to")
        )
    };
    changes.into_iter().flatten().map(line).collect()
}

/// The answer as JSON where that is wanted, else the text.
fn told(local: &LocalArgs, answer: &Value, text: String) -> Result<(), Failure> {
    print(&if local.json { pretty(answer) } else { text })
}

fn pretty(value: &Value) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}

/// A reader that went away (`| head`) is no failure.
fn print(text: &str) -> Result<(), Failure> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::new(exit::FAILED, e)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_as_they_are_set() {
        let section =
            json!({"name": "Gate 1", "rate": 25, "on": true, "list": [1], "in": {"a/b": null}});
        assert_eq!(
            lines("key", &section),
            "key/in/a~1b null\nkey/list [1]\nkey/name Gate 1\nkey/on true\nkey/rate 25\n"
        );
        for (word, now, want) in [
            ("25", json!(30), json!(25)),
            ("25", json!("Gate"), json!("25")),
            ("true", json!(false), json!(true)),
            ("H.265", json!("H.264"), json!("H.265")),
            ("[1,2]", json!([]), json!([1, 2])),
            ("a@b.c", json!(null), json!("a@b.c")),
            ("123456", json!({"set": true}), json!("123456")),
            ("null", json!({"set": true}), json!(null)),
        ] {
            assert_eq!(meant(word, &now), want, "{word} for {now}");
        }
    }

    #[test]
    fn pairs_become_merge_patches() {
        let mut patch = json!({});
        put(&mut patch, "k/a", "/a", json!(1)).unwrap();
        put(&mut patch, "k/b/c~1d", "/b/c~1d", json!("x")).unwrap();
        put(&mut patch, "k", "", json!({"e": null})).unwrap();
        assert_eq!(patch, json!({"a": 1, "b": {"c/d": "x"}, "e": null}));
        for (place, pointer, value) in [
            ("k/l/0", "/l/0", json!(1)),
            ("k/l/0/x", "/l/0/x", json!(1)),
            ("k", "", json!(1)),
        ] {
            let e = put(&mut patch, place, pointer, value).unwrap_err();
            assert!(e.code == exit::USAGE && e.text.contains(place), "{e:?}");
        }
    }
}
