//! Who asks: session cookie, CSRF header, permissions.

use axum::extract::FromRequestParts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header, request::Parts};
use platecam_model::{
    Actor, Error, Origin, Secret,
    auth::{Session, SessionToken},
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

/// Somebody who proved who they are.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    pub(crate) actor: Actor,
    proof: Proof,
}

#[derive(Clone, Debug)]
enum Proof {
    /// A cookie. `expired`: nothing but the own password may be changed (AUTH-8).
    Session {
        session: Box<Session>,
        token: String,
        expired: bool,
    },
    /// An API token.
    Bearer(Secret),
}

impl Login {
    /// Looks the proof up and renews a session; permissions are those of this moment.
    pub(crate) fn find(app: &App, conn: &ConnInfo, headers: &HeaderMap) -> Result<Self, Error> {
        let accounts = &app.device.accounts;
        if !accounts.is_initialised() {
            return Err(Error::NotInitialised);
        }
        if let Some(token) = bearer(headers) {
            let actor = accounts.bearer(token.expose(), Some(conn.peer.ip()))?;
            let proof = Proof::Bearer(token);
            return Ok(Self { actor, proof });
        }
        let token = cookie(headers, cookie_name(conn.secure)).ok_or(Error::Unauthenticated)?;
        Self::of_cookie(app, conn, token).ok_or(Error::Unauthenticated)
    }

    fn of_cookie(app: &App, conn: &ConnInfo, token: &str) -> Option<Self> {
        let accounts = &app.device.accounts;
        let session = accounts.session(token)?;
        let actor = accounts.actor(&session.user, Origin::Web, Some(conn.peer.ip()))?;
        let expired = accounts.password_expired(&session.user);
        let proof = Proof::Session {
            session: Box::new(session),
            token: token.to_owned(),
            expired,
        };
        Some(Self { actor, proof })
    }

    /// The same login at this moment; `None` once it is over. Long-lived connections ask.
    pub(crate) fn renewed(&self, app: &App, conn: &ConnInfo) -> Option<Self> {
        if !app.device.accounts.admits(conn.peer.ip(), Origin::Web) {
            return None;
        }
        match &self.proof {
            Proof::Session { token, .. } => Self::of_cookie(app, conn, token),
            Proof::Bearer(token) => {
                let peer = Some(conn.peer.ip());
                let actor = app.device.accounts.bearer(token.expose(), peer).ok()?;
                Some(Self {
                    actor,
                    proof: self.proof.clone(),
                })
            }
        }
    }

    /// Session and cookie; none for an API token.
    pub(crate) fn session(&self) -> Option<(&Session, &str)> {
        match &self.proof {
            Proof::Session { session, token, .. } => Some((session, token)),
            Proof::Bearer(_) => None,
        }
    }

    /// Whether the password has expired, so that it can only be changed.
    pub(crate) fn is_expired(&self) -> bool {
        matches!(self.proof, Proof::Session { expired: true, .. })
    }

    /// Whether a request that changes something carries the session's CSRF value. A browser never
    /// sends an API token by itself, so it needs none.
    pub(crate) fn check_csrf(&self, method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
        let safe = matches!(*method, Method::GET | Method::HEAD);
        match self.session() {
            Some((session, _)) if !safe && !csrf_holds(headers, &session.csrf) => {
                Err(Problem::csrf())
            }
            _ => Ok(()),
        }
    }
}

/// The token of `Authorization: Bearer`.
fn bearer(headers: &HeaderMap) -> Option<Secret> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| Secret::new(token.trim()))
}

/// A login by session, for what concerns the session itself.
#[derive(Debug)]
pub(crate) struct OwnSession {
    pub(crate) actor: Actor,
    pub(crate) session: Session,
    pub(crate) token: String,
}

impl FromRequestParts<App> for OwnSession {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let login = Login::from_request_parts(parts, app).await?;
        match login.proof {
            Proof::Session { session, token, .. } => Ok(Self {
                actor: login.actor,
                session: *session,
                token,
            }),
            Proof::Bearer(_) => Err(Problem::token_refused()),
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

/// `Set-Cookie` that starts the session; with `max_age` seconds it outlives the browser.
pub(crate) fn start_cookie(token: &SessionToken, secure: bool, max_age: Option<u64>) -> String {
    let (name, rest) = (cookie_name(secure), if secure { "; Secure" } else { "" });
    let age = max_age.map_or_else(String::new, |s| format!("; Max-Age={s}"));
    format!(
        "{name}={}; Path=/; HttpOnly; SameSite=Strict{age}{rest}",
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
