use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
    http::HeaderMap,
};
use http::header;
use platecam_model::{
    Error,
    settings::{DeviceGeneral, Revision, SectionView},
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    app::{App, blocking},
    auth::Login,
    problem::{Answer, Problem},
    routes::{Access, Routes},
};

/// Paths of this resource.
pub(crate) fn routes() -> Routes {
    let read_of = Access::LoggedIn("the section's read permission");
    let write_of = Access::LoggedIn("the section's change permission");
    Routes::new()
        .get("/settings", read_of, list)
        .get("/settings/{key}", read_of, read)
        .patch("/settings/{key}", write_of, patch)
        .get("/schema/{key}", read_of, schema)
}

#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    key: &'static str,
    title: &'static str,
    page: &'static str,
    revision: Revision,
    /// Whether this user may change it (UI-5).
    writable: bool,
}

/// `GET /settings`: the sections that this user may read.
pub(crate) async fn list(State(app): State<App>, login: Login) -> Answer<Json<Vec<Summary>>> {
    let settings = &app.device.settings;
    let permissions = login.actor.permissions;
    let mut out = Vec::new();
    for d in settings.sections().filter(|d| permissions.has(d.read)) {
        let revision = settings.read(d.key, &login.actor)?.revision;
        let writable = permissions.has(d.write);
        out.push(Summary {
            key: d.key,
            title: d.title,
            page: d.page,
            revision,
            writable,
        });
    }
    Ok(Json(out))
}

/// `GET /settings/{key}`.
pub(crate) async fn read(
    State(app): State<App>,
    login: Login,
    Path(key): Path<String>,
) -> Answer<Json<SectionView>> {
    Ok(Json(app.device.settings.read(&key, &login.actor)?))
}

/// `GET /schema/{key}`: JSON Schema with hints for forms, narrowed to what this unit can do now.
pub(crate) async fn schema(
    State(app): State<App>,
    login: Login,
    Path(key): Path<String>,
) -> Answer<Json<Value>> {
    let settings = &app.device.settings;
    let mut schema = settings.schema(&key, &login.actor)?;
    if key.starts_with("video.") {
        let video = settings.video_capabilities();
        let current = settings.read(&key, &login.actor)?.value;
        narrow(
            &mut schema,
            &current,
            "resolution",
            video
                .resolutions()
                .iter()
                .map(ToString::to_string)
                .collect(),
        );
        let standard = settings.get::<DeviceGeneral>().video_standard;
        if let Some(rate) = schema.pointer_mut("/properties/frame_rate") {
            rate["maximum"] = standard.max_frame_rate().get().into();
        }
        narrow(
            &mut schema,
            &current,
            "codec",
            video.codecs().iter().map(ToString::to_string).collect(),
        );
        narrow(
            &mut schema,
            &current,
            "h264_profile",
            video
                .h264_profiles()
                .iter()
                .map(ToString::to_string)
                .collect(),
        );
    }
    Ok(Json(schema))
}

/// Leaves of a choice only what is `offered`, and the stored value so that it can be shown.
fn narrow(schema: &mut Value, current: &Value, field: &str, offered: Vec<String>) {
    let keep = |value: Option<&Value>| {
        value.is_some_and(|v| {
            Some(v) == current.get(field)
                || v.as_str().is_some_and(|s| offered.iter().any(|o| o == s))
        })
    };
    let Some(field) = schema.pointer_mut(&format!("/properties/{field}")) else {
        return;
    };
    if let Some(Value::Array(values)) = field.get_mut("enum") {
        values.retain(|v| keep(Some(v)));
    }
    if let Some(Value::Array(variants)) = field.get_mut("oneOf") {
        variants.retain(|v| keep(v.get("const").or_else(|| v.pointer("/enum/0"))));
    }
}

/// `PATCH /settings/{key}`: JSON merge patch on the revision named by `If-Match`.
pub(crate) async fn patch(
    State(app): State<App>,
    login: Login,
    Path(key): Path<String>,
    headers: HeaderMap,
    body: Result<Json<Value>, JsonRejection>,
) -> Answer<Json<Value>> {
    let Json(patch) = body?;
    let revision = if_match(&headers)?;
    if !patch.is_object() {
        let reason = "a merge patch of a section is an object".to_owned();
        return Err(Error::Malformed {
            what: "patch",
            reason,
        }
        .into());
    }
    let settings = app.device.settings.clone();
    let result = blocking(move || {
        match settings.patch(&key, &patch, Some(revision), &login.actor) {
            Ok(revision) => Ok(Ok(
                json!({ "revision": revision, "value": settings.read(&key, &login.actor)?.value }),
            )),
            Err(Error::Conflict(detail)) => Ok(Err(Problem::stale(detail))),
            Err(other) => Err(other),
        }
    })
    .await?;
    result.map(Json)
}

/// Reads `If-Match: "17"`; quotes are optional.
fn if_match(headers: &HeaderMap) -> Answer<Revision> {
    let value = headers
        .get(header::IF_MATCH)
        .ok_or_else(Problem::precondition_required)?;
    let number = value
        .to_str()
        .ok()
        .and_then(|text| text.trim().trim_matches('"').parse().ok());
    number.map(Revision).ok_or_else(|| {
        let reason = "a revision in quotes is expected, for example \"17\"".to_owned();
        Error::Malformed {
            what: "If-Match",
            reason,
        }
        .into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_narrowed_to_the_unit_but_keep_the_stored_value() {
        let mut schema = json!({"properties": {
            "resolution": {"enum": ["1x1", "2x2", "3x3"]},
            "codec": {"oneOf": [{"const": "a"}, {"const": "b"}, {"const": "c"}]},
        }});
        let current = json!({"resolution": "3x3", "codec": "a"});
        narrow(&mut schema, &current, "resolution", vec!["1x1".into()]);
        narrow(&mut schema, &current, "codec", vec!["b".into()]);
        narrow(&mut schema, &current, "absent", vec![]);
        assert_eq!(
            schema["properties"]["resolution"]["enum"],
            json!(["1x1", "3x3"])
        );
        assert_eq!(
            schema["properties"]["codec"]["oneOf"],
            json!([{"const": "a"}, {"const": "b"}])
        );
    }
}
