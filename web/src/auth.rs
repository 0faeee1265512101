//! Who asks: session cookie, CSRF header, permissions.

use axum::extract::FromRequestParts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header, request::Parts};
use platecam_model::{
    Actor, Error, Origin,
    auth::{Session, SessionToken},
    settings::SecurityLogin,
};

use crate::{ConnInfo, app::App, conn::same_origin, problem::Problem};

/// Must accompany every request that changes something.
pub(crate) const CSRF_HEADER: HeaderName = HeaderName::from_static("x-platecam-csrf");

/// The cookie's name. Browsers keep cookies of one host over all its ports, and let plain http
/// neither read nor replace a `Secure` cookie: a name of its own per scheme keeps both usable.
const fn cookie_name(secure: bool) -> &'static str {
    if secure {
        "__Host-platecam_session"
    } else {
        "platecam_session"
    }
}

/// A logged-in user.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    pub(crate) actor: Actor,
    pub(crate) session: Session,
    pub(crate) token: String,
}

impl Login {
    /// Looks the session up and renews it; permissions are those of this moment.
    pub(crate) fn find(app: &App, conn: &ConnInfo, headers: &HeaderMap) -> Result<Self, Error> {
        if !app.device.accounts.is_initialised() {
            return Err(Error::NotInitialised);
        }
        let token = cookie(headers, cookie_name(conn.secure)).ok_or(Error::Unauthenticated)?;
        Self::of_token(app, conn, token).ok_or(Error::Unauthenticated)
    }

    pub(crate) fn of_token(app: &App, conn: &ConnInfo, token: &str) -> Option<Self> {
        let idle = app.device.settings.get::<SecurityLogin>().session_for();
        let session = app
            .device
            .sessions
            .find(token, app.device.clock.monotonic(), idle)?;
        let actor = app
            .device
            .accounts
            .actor(&session.user, Origin::Web, Some(conn.peer.ip()))?;
        Some(Self {
            actor,
            session,
            token: token.to_owned(),
        })
    }

    /// Whether a request that changes something carries the session's CSRF value.
    pub(crate) fn check_csrf(&self, method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
        let safe = matches!(*method, Method::GET | Method::HEAD);
        if safe || csrf_holds(headers, &self.session.csrf) {
            Ok(())
        } else {
            Err(Problem::csrf())
        }
    }
}

/// The login that the gate found; a route that needs none has none.
impl FromRequestParts<App> for Login {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        let found = parts.extensions.remove::<Self>();
        found.ok_or_else(|| Error::internal("a route without login asks for one").into())
    }
}

/// The connection, for handlers that need no login.
impl FromRequestParts<App> for ConnInfo {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        conn_of(parts).copied()
    }
}

fn conn_of(parts: &Parts) -> Result<&ConnInfo, Problem> {
    parts
        .extensions
        .get::<ConnInfo>()
        .ok_or_else(|| Error::internal("request without ConnInfo").into())
}

/// Refuses requests that a page of another origin made a browser send. Requests without `Origin`
/// come from programs, which carry no cookie by accident.
pub(crate) fn check_origin(uri: &Uri, headers: &HeaderMap, secure: bool) -> Result<(), Problem> {
    match same_origin(uri, headers, secure) {
        Some(false) => Err(Problem::foreign_origin()),
        Some(true) | None => Ok(()),
    }
}

/// Compares in constant time.
fn csrf_holds(headers: &HeaderMap, want: &str) -> bool {
    let given = headers
        .get(&CSRF_HEADER)
        .map(HeaderValue::as_bytes)
        .unwrap_or_default();
    given.len() == want.len()
        && given
            .iter()
            .zip(want.as_bytes())
            .fold(0, |d, (a, b)| d | (a ^ b))
            == 0
}

/// `Set-Cookie` that starts the session.
pub(crate) fn start_cookie(token: &SessionToken, secure: bool) -> String {
    let (name, rest) = (cookie_name(secure), if secure { "; Secure" } else { "" });
    format!(
        "{name}={}; Path=/; HttpOnly; SameSite=Strict{rest}",
        token.0
    )
}

/// `Set-Cookie` that removes it.
pub(crate) fn end_cookie(secure: bool) -> String {
    let (name, rest) = (cookie_name(secure), if secure { "; Secure" } else { "" });
    format!("{name}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0{rest}")
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_its_cookie_only() {
        let mut headers = HeaderMap::new();
        headers.append(
            header::COOKIE,
            HeaderValue::from_static("a=1; xplatecam_session=2"),
        );
        headers.append(
            header::COOKIE,
            HeaderValue::from_static("platecam_session=3; b=4"),
        );
        assert_eq!(cookie(&headers, "platecam_session"), Some("3"));
        assert_eq!(cookie(&headers, "__Host-platecam_session"), None);
    }

    #[test]
    fn csrf_needs_the_exact_value() {
        let with = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(CSRF_HEADER, HeaderValue::from_static(value));
            headers
        };
        assert!(csrf_holds(&with("abc"), "abc"));
        for wrong in ["abd", "ab", "abcd", ""] {
            assert!(!csrf_holds(&with(wrong), "abc"), "{wrong}");
        }
        assert!(!csrf_holds(&HeaderMap::new(), "abc"));
    }
}
