//! Values of a page on the live picture before they are saved (IMG-1, IMG-5..11).

use std::time::Instant;

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
    http::StatusCode,
};
use serde_json::Value;

use crate::{
    app::App,
    auth::Login,
    problem::Answer,
    routes::{Access, Routes},
};

/// Paths of this resource.
pub(crate) fn routes() -> Routes {
    let write_of = Access::LoggedIn("the section's change permission");
    Routes::new()
        .put("/settings/{key}/preview", write_of, show)
        .delete("/settings/{key}/preview", write_of, end)
}

/// `PUT /settings/{key}/preview`: a merge patch acts for ten seconds, and is not stored; again, and it goes on.
async fn show(
    State(app): State<App>,
    login: Login,
    Path(key): Path<String>,
    body: Result<Json<Value>, JsonRejection>,
) -> Answer<StatusCode> {
    let Json(patch) = body?;
    let settings = &app.device.settings;
    settings.preview(&key, &patch, &login.actor, Instant::now())?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /settings/{key}/preview`: what is stored acts again.
async fn end(State(app): State<App>, login: Login, Path(key): Path<String>) -> Answer<StatusCode> {
    app.device.settings.end_preview(&key, &login.actor)?;
    Ok(StatusCode::NO_CONTENT)
}
