//! Who is there, who is locked out, tokens, second factor, password strength (USER-20, USER-21, SEC-1..5).

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
};
use http::StatusCode;
use platecam_model::{
    Error, Permission, Secret,
    auth::{LockEntry, NewToken, OnlineUser, PasswordReport, TokenInfo, TotpState},
};
use serde::{Deserialize, Serialize};

use super::{qr, users::words};
use crate::{
    app::{App, blocking},
    auth::{Login, OwnSession},
    problem::Answer,
    routes::{Access, Routes},
};

/// Paths of these resources.
pub(crate) fn routes() -> Routes {
    let needs = Access::Needs(Permission::UserManagement);
    Routes::new()
        .get("/online", needs, online)
        .delete("/online/{id}", needs, disconnect)
        .get("/lockout", needs, lockouts)
        .delete("/lockout", needs, unlock_all)
        .delete("/lockout/{id}", needs, unlock)
        .get("/tokens", Access::OwnSession, tokens)
        .post("/tokens", Access::OwnSession, create_token)
        .delete("/tokens/{id}", Access::OwnSession, revoke_token)
        .get("/session/totp", Access::OwnSession, totp)
        .post("/session/totp", Access::OwnSession, totp_enrol)
        .post("/session/totp/confirm", Access::OwnSession, totp_confirm)
        .post("/session/totp/disable", Access::OwnSession, totp_disable)
        .post("/password-strength", Access::Always, strength)
}

#[derive(Serialize)]
struct OnlineInfo {
    #[serde(flatten)]
    user: OnlineUser,
    /// The caller's own session.
    own: bool,
}

/// `GET /online` (USER-20).
async fn online(State(app): State<App>, login: Login) -> Answer<Json<Vec<OnlineInfo>>> {
    let own = login.session().map(|(s, _)| format!("w{}", s.id));
    let all = app.device.accounts.online(&login.actor)?.into_iter();
    Ok(Json(
        all.map(|user| OnlineInfo {
            own: own.as_deref() == Some(user.id.as_str()),
            user,
        })
        .collect(),
    ))
}

async fn disconnect(
    State(app): State<App>,
    login: Login,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    let accounts = app.device.accounts.clone();
    blocking(move || accounts.disconnect(&id, &login.actor)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn lockouts(State(app): State<App>, login: Login) -> Answer<Json<Vec<LockEntry>>> {
    Ok(Json(app.device.accounts.lockouts(&login.actor)?))
}

async fn unlock_all(State(app): State<App>, login: Login) -> Answer<StatusCode> {
    app.device.accounts.unlock(None, &login.actor)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn unlock(
    State(app): State<App>,
    login: Login,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    let number = id.parse().map_err(|_| Error::not_found("lock", &id))?;
    app.device.accounts.unlock(Some(number), &login.actor)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn tokens(State(app): State<App>, own: OwnSession) -> Json<Vec<TokenInfo>> {
    Json(app.device.accounts.tokens(&own.actor))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewTokenBody {
    name: String,
    permissions: Vec<String>,
    expires_days: Option<u32>,
}

#[derive(Serialize)]
struct MadeToken {
    #[serde(flatten)]
    info: TokenInfo,
    /// Shown this once.
    token: String,
}

async fn create_token(
    State(app): State<App>,
    own: OwnSession,
    body: Result<Json<NewTokenBody>, JsonRejection>,
) -> Answer<(StatusCode, Json<MadeToken>)> {
    let Json(body) = body?;
    let accounts = app.device.accounts.clone();
    let (info, token) = blocking(move || {
        let new = NewToken {
            name: body.name,
            permissions: words(&body.permissions)?,
            expires_days: body.expires_days,
        };
        accounts.create_token(new, &own.actor)
    })
    .await?;
    let token = token.expose().to_owned();
    Ok((StatusCode::CREATED, Json(MadeToken { info, token })))
}

async fn revoke_token(
    State(app): State<App>,
    own: OwnSession,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    let accounts = app.device.accounts.clone();
    blocking(move || accounts.revoke_token(&id, &own.actor)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn totp(State(app): State<App>, own: OwnSession) -> Json<TotpState> {
    Json(app.device.accounts.totp_state(&own.actor))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PasswordBody {
    password: String,
}

#[derive(Serialize)]
struct Enrolment {
    secret: String,
    uri: String,
    qr_svg: String,
}

async fn totp_enrol(
    State(app): State<App>,
    own: OwnSession,
    body: Result<Json<PasswordBody>, JsonRejection>,
) -> Answer<(StatusCode, Json<Enrolment>)> {
    let Json(body) = body?;
    let accounts = app.device.accounts.clone();
    let password = Secret::new(body.password);
    let made = blocking(move || accounts.totp_enrol(&password, &own.actor)).await?;
    let enrolment = Enrolment {
        secret: made.secret.expose().to_owned(),
        qr_svg: qr::svg(made.uri.expose())?,
        uri: made.uri.expose().to_owned(),
    };
    Ok((StatusCode::CREATED, Json(enrolment)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CodeBody {
    code: String,
}

#[derive(Serialize)]
struct RecoveryCodes {
    recovery_codes: Vec<String>,
}

async fn totp_confirm(
    State(app): State<App>,
    own: OwnSession,
    body: Result<Json<CodeBody>, JsonRejection>,
) -> Answer<Json<RecoveryCodes>> {
    let Json(body) = body?;
    let accounts = app.device.accounts.clone();
    let recovery_codes = blocking(move || accounts.totp_confirm(&body.code, &own.actor)).await?;
    Ok(Json(RecoveryCodes { recovery_codes }))
}

async fn totp_disable(
    State(app): State<App>,
    own: OwnSession,
    body: Result<Json<PasswordBody>, JsonRejection>,
) -> Answer<StatusCode> {
    let Json(body) = body?;
    let accounts = app.device.accounts.clone();
    let password = Secret::new(body.password);
    blocking(move || accounts.totp_disable(&password, &own.actor)).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StrengthBody {
    password: String,
    #[serde(default)]
    username: String,
}

/// `POST /password-strength` (USER-10): nothing of it is logged or kept.
async fn strength(
    State(app): State<App>,
    body: Result<Json<StrengthBody>, JsonRejection>,
) -> Answer<Json<PasswordReport>> {
    let Json(mut body) = body?;
    // Longer than any password or name: the rules say so without reading it all.
    body.password
        .truncate(body.password.floor_char_boundary(256));
    body.username
        .truncate(body.username.floor_char_boundary(64));
    let name = if body.username.is_empty() {
        "admin"
    } else {
        &body.username
    };
    let password = Secret::new(body.password);
    Ok(Json(app.device.accounts.password_report(name, &password)))
}
