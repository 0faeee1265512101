//! The whole configuration: export, import, Restore, Default, history (SYS-20..25).

use axum::{
    Json,
    extract::{
        DefaultBodyLimit, Path, Query, State,
        rejection::{JsonRejection, QueryRejection},
    },
    response::{IntoResponse, Response},
    routing::post,
};
use http::{Method, StatusCode, header};
use platecam_model::{
    Error, Permission, Secret,
    config::{ImportReport, MAX_CONFIG},
    ports::{Reach, ResetScope},
    settings::{Change, Revision},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

use super::maintenance::{Confirmation, expected_down_s};
use crate::{
    app::{App, blocking},
    auth::Login,
    problem::Answer,
    routes::{Access, Routes},
};

/// Entries of a history in one answer.
const HISTORY: usize = 200;
/// The word that a factory default wants typed (SYS-22).
const RESET: &str = "RESET";

/// Paths of this resource.
pub(crate) fn routes() -> Routes {
    let access = Access::Needs(Permission::Maintenance);
    Routes::new()
        .post("/config/export", access, export)
        .route(
            Method::POST,
            "/config/import",
            access,
            // The file and what is around it; the model has the exact bound.
            post(import).layer(DefaultBodyLimit::max(MAX_CONFIG + 64 * 1024)),
        )
        .post("/config/restore", access, restore)
        .post("/config/reset", access, reset)
        .get(
            "/settings/{key}/history",
            Access::LoggedIn("the section's read permission"),
            history,
        )
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Export {
    sections: Option<Vec<String>>,
    password: Option<String>,
}

/// `POST /config/export` (SYS-23).
pub(crate) async fn export(
    State(app): State<App>,
    login: Login,
    body: Result<Json<Export>, JsonRejection>,
) -> Answer<Response> {
    let Json(Export { sections, password }) = body?;
    let password = password.map(Secret::new);
    let (device, by) = (app.device.clone(), login.actor);
    let name = format!(
        "attachment; filename=\"platecam-config-{}.json\"",
        device.identity.serial
    );
    let file =
        blocking(move || device.export_config(&by, sections.as_deref(), password.as_ref())).await?;
    let headers = [
        (header::CONTENT_TYPE, "application/json".to_owned()),
        (header::CONTENT_DISPOSITION, name),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, file).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Import {
    /// The exported file as it is.
    file: Box<RawValue>,
    password: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HowToImport {
    #[serde(default)]
    dry_run: bool,
}

/// `POST /config/import` (SYS-24).
pub(crate) async fn import(
    State(app): State<App>,
    login: Login,
    query: Result<Query<HowToImport>, QueryRejection>,
    body: Result<Json<Import>, JsonRejection>,
) -> Answer<Json<ImportReport>> {
    let Query(HowToImport { dry_run }) = query?;
    let Json(Import { file, password }) = body?;
    let password = password.map(Secret::new);
    let (device, by) = (app.device.clone(), login.actor);
    blocking(move || device.import_config(&by, file.get().as_bytes(), password.as_ref(), dry_run))
        .await
        .map(Json)
}

#[derive(Debug, Serialize)]
pub(crate) struct Restored {
    sections: Vec<&'static str>,
}

/// `POST /config/restore` (SYS-20, SYS-22).
pub(crate) async fn restore(
    State(app): State<App>,
    login: Login,
    body: Result<Json<Confirmation>, JsonRejection>,
) -> Answer<Json<Restored>> {
    let Json(confirmation) = body?;
    confirmation.given()?;
    let (device, by) = (app.device.clone(), login.actor);
    let sections = blocking(move || device.restore_settings(&by)).await?;
    Ok(Json(Restored { sections }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reset {
    #[serde(default)]
    confirm: Value,
    #[serde(default)]
    records: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct Resetting {
    reach: Reach,
    expected_down_s: u32,
}

/// `POST /config/reset` (SYS-21, SYS-22).
pub(crate) async fn reset(
    State(app): State<App>,
    login: Login,
    body: Result<Json<Reset>, JsonRejection>,
) -> Answer<(StatusCode, Json<Resetting>)> {
    let Json(Reset { confirm, records }) = body?;
    if confirm != RESET {
        let reason = format!("must be \"{RESET}\": all settings and users are deleted");
        return Err(Error::invalid("/confirm", confirm, reason).into());
    }
    let scope = if records {
        ResetScope::Everything
    } else {
        ResetScope::Configuration
    };
    let (device, by) = (app.device.clone(), login.actor);
    let reach = blocking(move || device.factory_reset(&by, scope)).await?;
    let expected_down_s = expected_down_s(reach);
    Ok((
        StatusCode::ACCEPTED,
        Json(Resetting {
            reach,
            expected_down_s,
        }),
    ))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page {
    limit: Option<usize>,
    before: Option<u64>,
}

#[derive(Debug, Serialize)]
pub(crate) struct History {
    items: Vec<Change>,
}

/// `GET /settings/{key}/history`.
pub(crate) async fn history(
    State(app): State<App>,
    login: Login,
    Path(key): Path<String>,
    query: Result<Query<Page>, QueryRejection>,
) -> Answer<Json<History>> {
    let Query(Page { limit, before }) = query?;
    let limit = limit.unwrap_or(50);
    if !(1..=HISTORY).contains(&limit) {
        return Err(Error::invalid("/limit", limit, format!("is outside 1 to {HISTORY}")).into());
    }
    let (device, by) = (app.device.clone(), login.actor);
    let before = before.map(Revision);
    let items = blocking(move || device.settings_history(&by, &key, before, limit)).await?;
    Ok(Json(History { items }))
}
