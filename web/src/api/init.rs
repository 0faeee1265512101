use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    response::Response,
};
use platecam_model::{Actor, Error, Origin, Secret};
use serde::Deserialize;

use super::session;
use crate::{
    ConnInfo,
    app::{App, blocking},
    problem::Answer,
    routes::{Access, Routes},
};

/// Paths of this resource.
pub(crate) fn routes() -> Routes {
    Routes::new().post("/init", Access::Always, initialise)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Initialise {
    password: String,
    confirm: String,
    email: Option<String>,
}

/// `POST /init`: sets the administrator's password and logs in (INIT-3..5).
pub(crate) async fn initialise(
    State(app): State<App>,
    conn: ConnInfo,
    body: Result<Json<Initialise>, JsonRejection>,
) -> Answer<Response> {
    let Json(Initialise {
        password,
        confirm,
        email,
    }) = body?;
    let accounts = app.device.accounts.clone();
    let by = Actor::anonymous(Origin::Web, Some(conn.peer.ip()));
    let actor = blocking(move || {
        session::confirmed(&password, &confirm)?;
        accounts.initialise(Secret::new(password), email, &by)?;
        accounts
            .actor("admin", Origin::Web, by.peer)
            .ok_or_else(|| Error::internal("no admin after the initialisation"))
    })
    .await?;
    session::start(&app, &conn, &actor, false)
}
