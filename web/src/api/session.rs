use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use platecam_model::{
    Actor, Error, Origin, Permission, Secret, UserLevel, settings::SecurityLogin,
};
use serde::{Deserialize, Serialize};

use crate::{
    ConnInfo,
    app::{App, blocking},
    auth::{Login, end_cookie, start_cookie},
    problem::Answer,
    routes::{Access, Routes},
};

/// Paths of this resource.
pub(crate) fn routes() -> Routes {
    Routes::new()
        .get("/session", Access::OwnSession, show)
        .post("/session", Access::Anybody, login)
        .delete("/session", Access::OwnSession, logout)
}

#[derive(Debug, Serialize)]
pub(crate) struct SessionInfo {
    user: String,
    level: UserLevel,
    permissions: Vec<Permission>,
    csrf: String,
}

impl SessionInfo {
    fn new(actor: &Actor, session: &platecam_model::auth::Session) -> Self {
        Self {
            user: session.user.clone(),
            level: session.level,
            permissions: actor.permissions.iter().collect(),
            csrf: session.csrf.clone(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    username: String,
    password: String,
}

/// `POST /session` (AUTH-1, AUTH-3, AUTH-5).
pub(crate) async fn login(
    State(app): State<App>,
    conn: ConnInfo,
    body: Result<Json<Credentials>, JsonRejection>,
) -> Answer<Response> {
    let Json(Credentials { username, password }) = body?;
    let accounts = app.device.accounts.clone();
    let password = Secret::new(password);
    let peer = Some(conn.peer.ip());
    let actor = blocking(move || accounts.login(&username, &password, Origin::Web, peer)).await?;
    start(&app, &conn, &actor)
}

/// `GET /session`.
pub(crate) async fn show(login: Login) -> Json<SessionInfo> {
    Json(SessionInfo::new(&login.actor, &login.session))
}

/// `DELETE /session` (AUTH-4).
pub(crate) async fn logout(State(app): State<App>, conn: ConnInfo, login: Login) -> Response {
    if app.device.sessions.end(&login.token).is_some() {
        app.device.accounts.logged_out(&login.actor);
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    set_cookie(&mut response, &end_cookie(conn.secure));
    response
}

/// Starts a session for somebody who has just proved who they are.
pub(super) fn start(app: &App, conn: &ConnInfo, actor: &Actor) -> Answer<Response> {
    let (Some(user), Some(level)) = (actor.user.as_deref(), actor.level) else {
        return Err(Error::internal("login gave an actor without a user").into());
    };
    let device = &app.device;
    let idle = device.settings.get::<SecurityLogin>().session_for();
    let peer = Some(conn.peer.ip());
    let (token, session) =
        device
            .sessions
            .start(user, level, peer, device.clock.monotonic(), idle)?;
    let mut response =
        (StatusCode::CREATED, Json(SessionInfo::new(actor, &session))).into_response();
    set_cookie(&mut response, &start_cookie(&token, conn.secure));
    Ok(response)
}

fn set_cookie(response: &mut Response, cookie: &str) {
    // Our names and hexadecimal tokens always make a header value.
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}
