//! Revocation lists: whose client certificates HTTPS does not take any more (HTTPS-8).

use axum::{
    Json,
    extract::{DefaultBodyLimit, Path, State, rejection::JsonRejection},
    routing::post,
};
use http::{Method, StatusCode};
use platecam_model::{
    Permission,
    ports::{MAX_CRL_BYTES, MAX_CRLS, RevocationList},
};
use serde::{Deserialize, Serialize};

use crate::{
    app::{App, blocking},
    auth::Login,
    problem::Answer,
    routes::{Access, Routes},
};

/// Bytes of a request with the longest list as PEM.
const MAX_REQUEST: usize = MAX_CRL_BYTES * 2;

/// Paths of this resource.
pub(crate) fn routes() -> Routes {
    let access = Access::Needs(Permission::SecurityConfig);
    Routes::new()
        .get("/revocation-lists", access, list)
        .route(
            Method::POST,
            "/revocation-lists",
            access,
            post(upload).layer(DefaultBodyLimit::max(MAX_REQUEST)),
        )
        .delete("/revocation-lists/{id}", access, delete)
}

#[derive(Debug, Serialize)]
pub(crate) struct List {
    lists: Vec<RevocationList>,
    limit: usize,
}

/// `GET /revocation-lists`.
pub(crate) async fn list(State(app): State<App>, login: Login) -> Answer<Json<List>> {
    let device = app.device.clone();
    let lists = blocking(move || device.revocation_lists(&login.actor)).await?;
    Ok(Json(List {
        lists,
        limit: MAX_CRLS,
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Uploaded {
    #[serde(default)]
    alias: String,
    crl: String,
}

/// `POST /revocation-lists`.
pub(crate) async fn upload(
    State(app): State<App>,
    login: Login,
    body: Result<Json<Uploaded>, JsonRejection>,
) -> Answer<(StatusCode, Json<RevocationList>)> {
    let Json(Uploaded { alias, crl }) = body?;
    let device = app.device.clone();
    let made = blocking(move || {
        let id = device.upload_revocation_text(&login.actor, &crl, &alias)?;
        device.revocation_list(&login.actor, &id)
    });
    Ok((StatusCode::CREATED, Json(made.await?)))
}

/// `DELETE /revocation-lists/{id}`.
pub(crate) async fn delete(
    State(app): State<App>,
    login: Login,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    let device = app.device.clone();
    blocking(move || device.delete_revocation_list(&login.actor, &id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
