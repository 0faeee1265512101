//! What stands before every handler of the JSON API: initialisation, origin, login, permission, time.

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::Method;
use platecam_model::Error;

use crate::{
    ConnInfo,
    app::App,
    auth::{Login, check_origin},
    problem::{Answer, Problem},
    routes::Access,
};

/// Paths that take files.
const UPLOADS: [&str; 1] = ["/api/v1/upgrade"];

/// Refuses what the table of routes does not allow and what another site sends; bounds the time.
pub(crate) async fn guard(State(app): State<App>, mut request: Request, next: Next) -> Response {
    if let Err(problem) = admit(&app, &mut request) {
        return problem.into_response();
    }
    let limit = match request.extensions().get::<MatchedPath>() {
        // Packages may be large and lines slow; the handler gives up one that rests.
        Some(path) if UPLOADS.contains(&path.as_str()) => app.limits.upload_timeout,
        _ => app.limits.request_timeout,
    };
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::timeout(limit).into_response(),
    }
}

/// Checks a request against its route; the login that was needed goes with it to the handler.
fn admit(app: &App, request: &mut Request) -> Answer<()> {
    let matched = request.extensions().get::<MatchedPath>();
    // Every route is in the table; what is not ends in "not found" or "method not allowed".
    let row = matched.and_then(|path| app.table.find(request.method(), path.as_str()));
    let (access, needs) = row.unzip();
    let is_there = || app.device.product().require(needs.flatten());
    if !app.device.accounts.is_initialised() && access != Some(Access::Always) {
        return Err(Error::NotInitialised.into());
    }
    let conn = request.extensions().get::<ConnInfo>().copied();
    let conn = conn.ok_or_else(|| Error::internal("request without ConnInfo"))?;
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        check_origin(request.uri(), request.headers(), conn.secure)?;
    }
    let permission = match access {
        None | Some(Access::Always | Access::Anybody | Access::OrProvesItself(_)) => {
            return Ok(is_there()?);
        }
        Some(Access::OwnSession | Access::EvenExpired | Access::LoggedIn(_)) => None,
        Some(Access::Needs(permission)) => Some(permission),
    };
    let login = Login::find(app, &conn, request.headers())?;
    login.check_csrf(request.method(), request.headers())?;
    if login.is_expired() && access != Some(Access::EvenExpired) {
        return Err(Error::PasswordExpired.into());
    }
    let session_only = matches!(access, Some(Access::OwnSession | Access::EvenExpired));
    if session_only && login.session().is_none() {
        return Err(Problem::token_refused());
    }
    if let Some(permission) = permission {
        login.actor.require(permission)?;
    }
    is_there()?;
    request.extensions_mut().insert(login);
    Ok(())
}
