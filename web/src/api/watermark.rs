//! Whether pictures were changed since this unit took them (GEN-21, FILE-12, FILE-13).

use axum::{
    Json,
    body::Bytes,
    extract::{DefaultBodyLimit, FromRequest, Request, State},
    routing::post,
};
use http::Method;
use platecam_model::{
    Error, Permission, UtcTime,
    watermark::{Claim, Fault},
};
use serde::Serialize;
use tokio::sync::Semaphore;

use crate::{
    app::{App, blocking},
    auth::Login,
    problem::Answer,
    routes::{Access, Routes},
};

/// Largest picture that is looked at, bytes.
const MAX_PICTURE: usize = 16 * 1024 * 1024;
/// Pictures that are in memory at one time, whoever sends how many; the next ones wait before they are read.
static TURNS: Semaphore = Semaphore::const_new(2);

/// Paths of this resource.
pub(crate) fn routes() -> Routes {
    let access = Access::Needs(Permission::SearchRecords);
    Routes::new().get("/watermark", access, key).route(
        Method::POST,
        "/watermark/check",
        access,
        post(check).layer(DefaultBodyLimit::max(MAX_PICTURE)),
    )
}

#[derive(Debug, Serialize)]
pub(crate) struct Key {
    algorithm: &'static str,
    /// Uncompressed point, hexadecimal.
    key: String,
}

/// `GET /watermark`: the key for `platecam check-picture`.
pub(crate) async fn key(State(app): State<App>, login: Login) -> Answer<Json<Key>> {
    login.actor.require(Permission::SearchRecords)?;
    Ok(Json(Key {
        algorithm: "ECDSA P-256 SHA-256",
        key: app.device.watermark.key().to_string(),
    }))
}

/// The manual's two results (FILE-12).
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "result")]
pub(crate) enum Verdict {
    Normal { serial: String, taken_at: UtcTime },
    Error { fault: Fault, reason: String },
}

impl From<Result<Claim, Fault>> for Verdict {
    fn from(checked: Result<Claim, Fault>) -> Self {
        match checked {
            Ok(Claim {
                serial, taken_at, ..
            }) => Self::Normal { serial, taken_at },
            Err(fault) => Self::Error {
                fault,
                reason: fault.to_string(),
            },
        }
    }
}

/// `POST /watermark/check`, the body is the file.
pub(crate) async fn check(
    State(app): State<App>,
    login: Login,
    request: Request,
) -> Answer<Json<Verdict>> {
    login.actor.require(Permission::SearchRecords)?;
    let _turn = TURNS.acquire().await.map_err(Error::internal)?;
    let picture = Bytes::from_request(request, &app).await?;
    let watermark = app.device.watermark.clone();
    blocking(move || Ok(Json(watermark.check(&picture).into()))).await
}
