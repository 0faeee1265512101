//! What stands before every command: the switch, the origin, the proof, the permission, the time.

use std::net::IpAddr;

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, Method, header, request::Parts};
use platecam_model::{Actor, Error, Origin, settings::SystemServices};

use super::{Cgi, answer::Refusal, query::Query};
use crate::{ConnInfo, app::App, auth::check_origin, problem::Problem, routes::Access};

/// Says where a browser's request comes from (Fetch Metadata); programs do not send it.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses what the table does not allow; bounds the time.
pub(super) async fn guard(State(cgi): State<Cgi>, mut request: Request, next: Next) -> Response {
    if let Err(refusal) = admit(&cgi, &mut request) {
        return refusal.into_response();
    }
    let limit = cgi.app.limits.request_timeout;
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Refusal::from(Problem::timeout(limit)).into_response(),
    }
}

fn admit(cgi: &Cgi, request: &mut Request) -> Result<(), Refusal> {
    let device = &cgi.app.device;
    if !device.settings.get::<SystemServices>().cgi {
        // CGI-2: as if it were not there.
        return Err(Problem::no_such_resource(super::BASE).into());
    }
    if *request.method() == Method::HEAD {
        // It would run the command.
        return Err(Problem::method_not_allowed().into());
    }
    let conn = request.extensions().get::<ConnInfo>().copied();
    let conn = conn.ok_or_else(|| Error::internal("request without ConnInfo"))?;
    same_site(request, &conn)?;
    let matched = request.extensions().get::<MatchedPath>();
    let row = matched.and_then(|path| cgi.table.find(request.method(), path.as_str()));
    // What is in no table has no handler either.
    let Some((access, needs)) = row else {
        return Ok(());
    };
    if !device.accounts.is_initialised() {
        return Err(Error::NotInitialised.into());
    }
    let caller = proof(&cgi.app, request, conn.peer.ip())?;
    if let Access::Needs(permission) = access {
        caller.require(permission)?;
    }
    device.product().require(needs)?;
    request.extensions_mut().insert(Caller(caller));
    Ok(())
}

/// A page of another site cannot make a browser that knows the password call a command (AUTH-4 for Digest, which a
/// browser repeats by itself as it does cookies).
fn same_site(request: &Request, conn: &ConnInfo) -> Result<(), Refusal> {
    check_origin(request.uri(), request.headers(), conn.secure)?;
    let site = request.headers().get(FETCH_SITE);
    match site.map(|s| s.as_bytes()) {
        None | Some(b"none" | b"same-origin") => Ok(()),
        Some(_) => Err(Problem::foreign_origin().into()),
    }
}

/// HTTP Digest, the only proof here (CGI-3).
fn proof(app: &App, request: &Request, peer: IpAddr) -> Result<Actor, Refusal> {
    let accounts = &app.device.accounts;
    let challenge = |error: Error, stale| {
        let mut refusal = Refusal::from(error);
        refusal.challenges = accounts.challenges(stale);
        refusal
    };
    let Some(header) = request.headers().get(header::AUTHORIZATION) else {
        return Err(challenge(Error::Unauthenticated, false));
    };
    let header = header
        .to_str()
        .map_err(|_| challenge(Error::Unauthenticated, false))?;
    let target = request.uri().path_and_query().map_or("/", |p| p.as_str());
    let method = request.method().as_str();
    match accounts.digest(
        header,
        method,
        target,
        Origin::Cgi,
        Some(peer.to_canonical()),
    ) {
        Ok(Some(actor)) => Ok(actor),
        Ok(None) => Err(challenge(Error::Unauthenticated, true)),
        // Another scheme or an unreadable header: say what is wanted.
        Err(Error::Malformed { .. } | Error::Unauthenticated) => {
            Err(challenge(Error::Unauthenticated, false))
        }
        Err(other) => Err(other.into()),
    }
}

/// Who calls.
#[derive(Clone, Debug)]
pub(super) struct Caller(pub(super) Actor);

impl FromRequestParts<App> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Refusal> {
        let found = parts.extensions.remove::<Self>();
        found.ok_or_else(|| Error::internal("a command without a caller").into())
    }
}

/// The parameters: those of the query string, then those of the form.
impl FromRequest<App> for Query {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &App) -> Result<Self, Refusal> {
        let mut text = request.uri().query().unwrap_or_default().to_owned();
        if *request.method() == Method::POST {
            let is_form = is_form(request.headers());
            let body = Bytes::from_request(request, app).await.map_err(|e| {
                Refusal::from(Error::Malformed {
                    what: "form",
                    reason: e.body_text(),
                })
            })?;
            let form = std::str::from_utf8(&body)
                .ok()
                .filter(|f| is_form || f.is_empty());
            let form = form.ok_or_else(|| Error::Malformed {
                what: "form",
                reason: "application/x-www-form-urlencoded is expected".into(),
            })?;
            text.push('&');
            text.push_str(form);
        }
        Ok(Self::parse(&text)?)
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|k| k.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}
