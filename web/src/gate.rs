//! What stands before every handler of the JSON API.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::Method;
use platecam_model::Error;

use crate::{ConnInfo, app::App, auth::check_origin, problem::Problem};

/// Paths below `/api/v1` that an uninitialised device answers (INIT-1).
const BEFORE_INIT: [&str; 2] = ["/device", "/init"];

/// Refuses what needs an initialised device and what another site sends; bounds the time.
pub(crate) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    // Seen with or without the prefix, depending on where the layer sits.
    let path = path.strip_prefix("/api/v1").unwrap_or(path);
    if !app.device.accounts.is_initialised() && !BEFORE_INIT.contains(&path) {
        return Problem::from(Error::NotInitialised).into_response();
    }
    let safe = matches!(*request.method(), Method::GET | Method::HEAD);
    let secure = request
        .extensions()
        .get::<ConnInfo>()
        .is_some_and(|c| c.secure);
    if !safe && let Err(problem) = check_origin(request.uri(), request.headers(), secure) {
        return problem.into_response();
    }
    let limit = app.limits.request_timeout;
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::timeout(limit).into_response(),
    }
}
