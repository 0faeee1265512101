//! Who calls: HTTP Digest and WS-UsernameToken (Core §7.9; AUTH-1..6).

use base64::{Engine, engine::general_purpose::STANDARD};
use http::header::AUTHORIZATION;
use onvif_contracts::port::Operation;
use onvif_xml::soap::{Header, Password};
use platecam_model::{
    Actor, Device, Error, Origin, Permission, auth::UsernameToken, settings::OnvifService,
};

use crate::{
    access::{needed, without_login},
    functions,
    request::HttpRequest,
};

/// Why nobody is let in, and how that is told.
#[derive(Debug)]
pub(crate) struct Denied {
    pub(crate) error: Error,
    pub(crate) how: How,
}

/// The way a refusal is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// HTTP 401 with fresh challenges.
    Challenge {
        /// Only the nonce was too old.
        stale: bool,
    },
    /// HTTP 400: WS-UsernameToken was used, so the fault alone tells it.
    Fault,
    /// HTTP 403: known, but not allowed.
    Forbidden,
}

/// The actor of a SOAP request to `operation`.
///
/// Operations of class PRE_AUTH ignore credentials altogether: clients with a wrong clock send wrong
/// ones to `GetSystemDateAndTime`. An uninitialised device lets nobody in but takes its first users
/// (INIT-1).
///
/// # Errors
/// Why not, and how to tell.
pub(crate) fn soap(
    device: &Device,
    request: &HttpRequest,
    header: &Header,
    operation: &Operation,
) -> Result<Actor, Denied> {
    let anonymous = Actor::anonymous(Origin::Onvif, request.peer_ip());
    let Some(permission) = needed(operation) else {
        return Ok(anonymous);
    };
    if !device.accounts.is_initialised() {
        if operation.name == "CreateUsers" {
            return Ok(anonymous);
        }
        return Err(Denied {
            error: Error::NotInitialised,
            how: How::Challenge { stale: false },
        });
    }
    let by_digest = digest(device, request)?;
    let by_token = match &header.username_token {
        Some(token) => Some(username_token(device, request, token)?),
        None => None,
    };
    let (actor, how) = match (by_digest, by_token) {
        // Credentials at both levels: both were right, the inner one names the caller.
        (_, Some(actor)) => (actor, How::Fault),
        (Some(actor), None) => (actor, How::Forbidden),
        (None, None) => return nobody(device, request, permission),
    };
    let actor = allow(actor, permission, how)?;
    let user = actor.user.as_deref().unwrap_or_default();
    match device.accounts.may_call(user, &functions::name(operation)) {
        Ok(()) => Ok(actor),
        Err(error) => Err(Denied { error, how }),
    }
}

/// The actor of a plain GET that needs `permission`.
///
/// # Errors
/// Why not, and how to tell.
pub(crate) fn plain(
    device: &Device,
    request: &HttpRequest,
    permission: Permission,
) -> Result<Actor, Denied> {
    match digest(device, request)? {
        Some(actor) => allow(actor, permission, How::Forbidden),
        None if device.accounts.is_initialised() => nobody(device, request, permission),
        None => Err(Denied {
            error: Error::NotInitialised,
            how: How::Challenge { stale: false },
        }),
    }
}

/// A caller without credentials: let in where login verification is off and `permission` is one of those that
/// everybody has then.
fn nobody(device: &Device, request: &HttpRequest, permission: Permission) -> Result<Actor, Denied> {
    let open = without_login();
    if !device.settings.get::<OnvifService>().login_verification && open.has(permission) {
        return Ok(Actor {
            permissions: open,
            ..Actor::anonymous(Origin::Onvif, request.peer_ip())
        });
    }
    Err(Denied {
        error: Error::Unauthenticated,
        how: How::Challenge { stale: false },
    })
}

fn allow(actor: Actor, permission: Permission, how: How) -> Result<Actor, Denied> {
    match actor.require(permission) {
        Ok(()) => Ok(actor),
        Err(error) => Err(Denied { error, how }),
    }
}

/// `None` without an `Authorization: Digest` header.
fn digest(device: &Device, request: &HttpRequest) -> Result<Option<Actor>, Denied> {
    let Some(value) = request.headers.get(AUTHORIZATION) else {
        return Ok(None);
    };
    let challenge = |error, stale| Denied {
        error,
        how: How::Challenge { stale },
    };
    let text = value
        .to_str()
        .map_err(|_| challenge(Error::Unauthenticated, false))?;
    let checked = device.accounts.digest(
        text,
        request.method.as_str(),
        request.target(),
        Origin::Onvif,
        request.peer_ip(),
    );
    match checked {
        Ok(Some(actor)) => Ok(Some(actor)),
        Ok(None) => Err(challenge(Error::Unauthenticated, true)),
        // Another scheme (Basic, Bearer) or an unreadable header: say what we want.
        Err(Error::Malformed { .. }) => Err(challenge(Error::Unauthenticated, false)),
        Err(error) => Err(challenge(error, false)),
    }
}

fn username_token(
    device: &Device,
    request: &HttpRequest,
    token: &onvif_xml::soap::UsernameToken,
) -> Result<Actor, Denied> {
    // Without digest, nonce or time there is no proof (SECURITY-1-1-1): the empty texts never match.
    let password_digest = match &token.password {
        Password::Digest(digest) => STANDARD.encode(digest),
        Password::Text(_) | Password::None => String::new(),
    };
    let token = UsernameToken {
        username: token.username.clone(),
        password_digest,
        nonce: token
            .nonce
            .as_ref()
            .filter(|n| !n.is_empty())
            .map_or_else(|| "-".to_owned(), |n| STANDARD.encode(n)),
        created: token.created.clone().unwrap_or_default(),
    };
    device
        .accounts
        .username_token(&token, request.peer_ip())
        .map_err(|error| Denied {
            error,
            how: How::Fault,
        })
}
