//! `docs/reference/settings.md` is generated from the sections; `UPDATE_DOCS=1` writes it anew.

use std::{fmt::Write, fs, path::Path, sync::Arc};

use platecam_model::{
    Actor, EventBus,
    settings::{SettingsStore, all_sections},
    testing::{MemoryStore, TestClock},
};
use serde_json::Value;

fn bounds(field: &Value) -> String {
    let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), String::from);
    let unit = field["x-unit"].as_str().unwrap_or_default();
    let values = field["enum"].as_array().cloned().or_else(|| {
        let options = field["oneOf"].as_array()?;
        Some(options.iter().map(|o| o["const"].clone()).collect())
    });
    match (&field["minimum"], &field["maximum"], values) {
        (Value::Number(min), Value::Number(max), _) => {
            format!("{min} to {max} {unit}").trim_end().to_owned()
        }
        (_, _, Some(values)) => values.iter().map(text).collect::<Vec<_>>().join(", "),
        _ if field["maxLength"].is_number() => {
            format!(
                "{} to {} characters",
                field["minLength"].as_u64().unwrap_or(0),
                field["maxLength"]
            )
        }
        _ if field["type"] == "boolean" => "true, false".into(),
        _ => text(&field["type"]),
    }
}

fn generate() -> String {
    let store = Arc::new(MemoryStore::default());
    let settings = SettingsStore::load(
        all_sections(),
        store.clone(),
        store,
        EventBus::default(),
        Arc::new(TestClock::default()),
    )
    .unwrap();
    let mut out = String::from(
        "# Settings\n\nGenerated from the code by `UPDATE_DOCS=1 cargo test -p platecam-model --test reference`; a test keeps it true.\n\
         Read and change them with `GET` and `PATCH /api/v1/settings/{key}`.\n",
    );
    for d in settings.sections() {
        let schema = settings.schema(d.key, &Actor::system()).unwrap();
        let view = settings.read(d.key, &Actor::system()).unwrap();
        let about = schema["description"]
            .as_str()
            .unwrap_or_default()
            .replace('\n', " ");
        write!(
            out,
            "\n## `{}`: {}\n\n{about}\nPage: {}. Read: `{}`, change: `{}`.\n\n",
            d.key, d.title, d.page, d.read, d.write
        )
        .unwrap();
        out.push_str("| field | meaning | values | default |\n|---|---|---|---|\n");
        for (name, field) in schema["properties"].as_object().unwrap() {
            let meaning = field["description"]
                .as_str()
                .unwrap_or_default()
                .replace('\n', " ");
            let default = match &view.defaults[name] {
                Value::String(s) => s.clone(),
                other => other.to_string(),
            };
            writeln!(
                out,
                "| `{name}` | {meaning} | {} | {default} |",
                bounds(field)
            )
            .unwrap();
        }
    }
    out
}

#[test]
fn the_settings_reference_is_true() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/settings.md");
    let now = generate();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &now).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        committed, now,
        "run UPDATE_DOCS=1 cargo test -p platecam-model --test reference"
    );
    assert!(
        now.contains("32 to 16384 kbit/s") && now.contains("H.264, H.265, MJPEG"),
        "{now}"
    );
}
