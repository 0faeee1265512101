//! Login, logout, the own session and the own password (AUTH-1..8).

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use platecam_model::{
    Actor, Error, Origin, Permissions, Secret, UserLevel, UtcTime, auth::LoginRequest,
    settings::SecurityLogin,
};
use serde::{Deserialize, Serialize};

use crate::{
    ConnInfo,
    app::{App, blocking},
    auth::{OwnSession, end_cookie, start_cookie},
    problem::Answer,
    routes::{Access, Routes},
};

/// Paths of this resource.
pub(crate) fn routes() -> Routes {
    Routes::new()
        .get("/session", Access::EvenExpired, show)
        .post("/session", Access::Anybody, login)
        .delete("/session", Access::EvenExpired, logout)
        .put("/session/password", Access::EvenExpired, change_password)
        .get("/sessions", Access::OwnSession, list)
        .delete("/sessions/{id}", Access::OwnSession, end)
}

#[derive(Debug, Serialize)]
struct SessionInfo {
    user: String,
    group: String,
    level: UserLevel,
    permissions: Permissions,
    csrf: String,
    remembered: bool,
    password_expired: bool,
    password_expires_at: Option<UtcTime>,
    totp: bool,
}

impl SessionInfo {
    fn new(
        app: &App,
        actor: &Actor,
        session: &platecam_model::auth::Session,
    ) -> platecam_model::Result<Self> {
        let user = app.device.accounts.get(&session.user, actor)?;
        Ok(Self {
            user: user.name,
            group: user.group,
            level: user.level,
            permissions: actor.permissions,
            csrf: session.csrf.clone(),
            remembered: session.expires_at.is_some(),
            password_expired: user.password_expired,
            password_expires_at: user.password_expires_at,
            totp: user.totp,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    username: String,
    password: String,
    code: Option<String>,
    #[serde(default)]
    remember: bool,
}

/// `POST /session` (AUTH-1, AUTH-3, AUTH-5).
async fn login(
    State(app): State<App>,
    conn: ConnInfo,
    body: Result<Json<Credentials>, JsonRejection>,
) -> Answer<Response> {
    let Json(body) = body?;
    let accounts = app.device.accounts.clone();
    let password = Secret::new(body.password);
    let peer = Some(conn.peer.ip());
    let actor = blocking(move || {
        accounts.login_with(&LoginRequest {
            name: &body.username,
            password: &password,
            code: body.code.as_deref(),
            origin: Origin::Web,
            peer,
        })
    })
    .await?;
    start(&app, &conn, &actor, body.remember)
}

/// `GET /session`.
async fn show(State(app): State<App>, own: OwnSession) -> Answer<Json<SessionInfo>> {
    Ok(Json(SessionInfo::new(&app, &own.actor, &own.session)?))
}

/// `DELETE /session` (AUTH-4).
async fn logout(State(app): State<App>, conn: ConnInfo, own: OwnSession) -> Answer<Response> {
    let accounts = app.device.accounts.clone();
    blocking(move || accounts.end_session(&own.token, &own.actor)).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    set_cookie(&mut response, &end_cookie(conn.secure));
    Ok(response)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    current: String,
    password: String,
    confirm: String,
}

/// `PUT /session/password`: all sessions of the user end, and a new one begins (INIT-6, AUTH-8).
async fn change_password(
    State(app): State<App>,
    conn: ConnInfo,
    own: OwnSession,
    body: Result<Json<NewPassword>, JsonRejection>,
) -> Answer<Response> {
    let Json(body) = body?;
    let accounts = app.device.accounts.clone();
    let (by, user) = (own.actor, own.session.user);
    let peer = by.peer;
    let remember = own.session.expires_at.is_some();
    let actor = blocking(move || {
        confirmed(&body.password, &body.confirm)?;
        let current = Secret::new(body.current);
        accounts.change_own_password(&current, Secret::new(body.password), &by)?;
        let actor = accounts.actor(&user, Origin::Web, peer);
        actor.ok_or(Error::Unauthenticated)
    })
    .await?;
    start(&app, &conn, &actor, remember)
}

/// INIT-3, USER-9: typed twice, the same.
pub(super) fn confirmed(password: &str, confirm: &str) -> platecam_model::Result<()> {
    if password == confirm {
        return Ok(());
    }
    let reason = "is not the same as the password";
    Err(Error::invalid("/confirm", "", reason))
}

#[derive(Debug, Serialize)]
struct OwnSessionInfo {
    id: u64,
    current: bool,
    address: Option<std::net::IpAddr>,
    started: UtcTime,
    last_used: UtcTime,
    remembered: bool,
}

/// `GET /sessions`: the own ones.
async fn list(State(app): State<App>, own: OwnSession) -> Json<Vec<OwnSessionInfo>> {
    let clock = &app.device.clock;
    let (now, wall) = (clock.monotonic(), clock.now());
    let all = app.device.accounts.own_sessions(&own.actor).into_iter();
    Json(
        all.map(|s| OwnSessionInfo {
            id: s.id,
            current: s.id == own.session.id,
            address: s.peer,
            started: s.started_at,
            last_used: wall - now.saturating_sub(s.last_used),
            remembered: s.expires_at.is_some(),
        })
        .collect(),
    )
}

/// `DELETE /sessions/{id}`.
async fn end(
    State(app): State<App>,
    own: OwnSession,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    let accounts = app.device.accounts.clone();
    let number = id.parse().map_err(|_| Error::not_found("session", &id))?;
    blocking(move || accounts.end_own_session(number, &own.actor)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Starts a session for somebody who has just proved who they are.
pub(super) fn start(app: &App, conn: &ConnInfo, actor: &Actor, remember: bool) -> Answer<Response> {
    let (token, session) = app.device.accounts.start_session(actor, remember)?;
    let info = SessionInfo::new(app, actor, &session)?;
    let mut response = (StatusCode::CREATED, Json(info)).into_response();
    let age = remember.then(|| {
        let rules = app.device.settings.get::<SecurityLogin>();
        rules.remember_for().as_secs()
    });
    set_cookie(&mut response, &start_cookie(&token, conn.secure, age));
    Ok(response)
}

fn set_cookie(response: &mut Response, cookie: &str) {
    // Our names and hexadecimal tokens always make a header value.
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}
