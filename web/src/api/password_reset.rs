//! Password reset by a security code, before any login (AUTH-9..17).

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
};
use http::StatusCode;
use platecam_model::{
    Actor, Origin, Secret,
    auth::{ResetChallenge, ResetMail, ResetState, ResetTicket},
};
use serde::{Deserialize, Serialize};

use super::{qr, session::confirmed};
use crate::{
    ConnInfo,
    app::{App, blocking},
    problem::Answer,
    routes::{Access, Routes},
};

/// Paths of this resource.
pub(crate) fn routes() -> Routes {
    Routes::new()
        .get("/password-reset", Access::Anybody, state)
        .post("/password-reset/challenge", Access::Anybody, challenge)
        .post("/password-reset/mail", Access::Anybody, mail)
        .post("/password-reset/verify", Access::Anybody, verify)
        .post("/password-reset/complete", Access::Anybody, complete)
}

fn anybody(conn: &ConnInfo) -> Actor {
    Actor::anonymous(Origin::Web, Some(conn.peer.ip()))
}

/// `GET /password-reset` (AUTH-10).
async fn state(State(app): State<App>) -> Json<ResetState> {
    let serial = &app.device.identity.serial;
    Json(app.device.accounts.reset_state(serial))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Accepted {
    accepted: bool,
}

#[derive(Serialize)]
struct Challenge {
    #[serde(flatten)]
    challenge: ResetChallenge,
    qr_svg: String,
}

/// `POST /password-reset/challenge` (AUTH-9, AUTH-11).
async fn challenge(
    State(app): State<App>,
    conn: ConnInfo,
    body: Result<Json<Accepted>, JsonRejection>,
) -> Answer<(StatusCode, Json<Challenge>)> {
    let Json(body) = body?;
    let device = app.device.clone();
    let made = blocking(move || {
        let challenge = device.accounts.reset_challenge(
            &device.identity.serial,
            body.accepted,
            &anybody(&conn),
        )?;
        let qr_svg = qr::svg(&challenge.text)?;
        Ok(Challenge { challenge, qr_svg })
    })
    .await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// `POST /password-reset/mail` (AUTH-9, AUTH-12).
async fn mail(
    State(app): State<App>,
    conn: ConnInfo,
    body: Result<Json<Accepted>, JsonRejection>,
) -> Answer<(StatusCode, Json<ResetMail>)> {
    let Json(body) = body?;
    let device = app.device.clone();
    let sent = blocking(move || {
        let serial = &device.identity.serial;
        let by = anybody(&conn);
        let accounts = &device.accounts;
        accounts.reset_mail(serial, body.accepted, &by, &*device.mail)
    });
    Ok((StatusCode::CREATED, Json(sent.await?)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Code {
    id: String,
    code: String,
}

/// `POST /password-reset/verify` (AUTH-13).
async fn verify(
    State(app): State<App>,
    conn: ConnInfo,
    body: Result<Json<Code>, JsonRejection>,
) -> Answer<Json<ResetTicket>> {
    let Json(body) = body?;
    let accounts = app.device.accounts.clone();
    let by = anybody(&conn);
    let ticket = blocking(move || accounts.reset_verify(&body.id, &body.code, &by)).await?;
    Ok(Json(ticket))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    ticket: String,
    password: String,
    confirm: String,
}

/// `POST /password-reset/complete` (AUTH-14).
async fn complete(
    State(app): State<App>,
    conn: ConnInfo,
    body: Result<Json<NewPassword>, JsonRejection>,
) -> Answer<StatusCode> {
    let Json(body) = body?;
    let accounts = app.device.accounts.clone();
    blocking(move || {
        confirmed(&body.password, &body.confirm)?;
        accounts.reset_complete(&body.ticket, Secret::new(body.password), &anybody(&conn))
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}
