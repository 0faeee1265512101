//! Who may do what: the library carries headers, the device decides.

use std::any::Any;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::server::{SessionEnd, Transport};
use crate::source::{OpenError, StreamUrl};

/// A user the device has recognised.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct User(Arc<str>);

impl User {
    /// A user of that name.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        User(name.into())
    }

    /// The name, as the device gave it.
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// One request that needs leave.
#[derive(Clone, Copy, Debug)]
pub struct AuthRequest<'a> {
    /// RTSP method, upper case: part of the digest.
    pub method: &'a str,
    /// Request URI exactly as received.
    pub uri: &'a str,
    /// Value of the `Authorization` header.
    pub authorization: Option<&'a str>,
    /// User the connection came with (a web session behind a WebSocket), already authenticated. When
    /// set, only the permission for `stream` is in question and `authorization` may be absent.
    pub user: Option<&'a User>,
    /// Address of the client, for lock-out and logs.
    pub peer: SocketAddr,
    /// Connection is under TLS.
    pub secure: bool,
    /// The stream that is asked for, where the request names one.
    pub stream: Option<&'a StreamUrl>,
}

/// Answer to an [`AuthRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthOutcome {
    /// Go on, as this user.
    Granted(User),
    /// Credentials are missing, wrong or stale: 401 with [`Authorizer::challenge`].
    Challenge {
        /// The nonce was right but has expired: ask for a new one without asking the person.
        stale: bool,
    },
    /// Known user, not allowed: 403.
    Forbidden,
    /// The account or address is locked: 403 with `Retry-After`.
    Locked {
        /// How much longer.
        retry_after: Duration,
    },
}

/// A session that is about to begin: its first SETUP was understood and may still be refused.
#[derive(Clone, Debug)]
pub struct Arrival<'a> {
    /// Who watches.
    pub user: &'a User,
    /// From where.
    pub peer: SocketAddr,
    /// Name of the stream.
    pub stream: &'a str,
    /// How it is sent.
    pub transport: Transport,
    /// The connection came with its user: the session belongs to something that is counted elsewhere.
    pub user_of_connection: bool,
    /// Ends the session from outside, at any time and from any thread.
    pub end: SessionEnd,
}

/// What the device keeps for as long as a session lives; it is dropped when the session ends.
pub type Stay = Box<dyn Any + Send + Sync>;

/// The device's accounts, seen from RTSP. Calls must be quick and must not block.
pub trait Authorizer: Send + Sync + 'static {
    /// `WWW-Authenticate` values for a 401, in the order of preference.
    fn challenge(&self, stale: bool) -> Vec<String>;

    /// Decides one request. Everything but `OPTIONS` is asked for.
    fn authorize(&self, request: &AuthRequest<'_>) -> AuthOutcome;

    /// Whether an address may connect at all; asked for each accepted connection before anything is read. By
    /// default every one may.
    fn admits(&self, _peer: SocketAddr) -> bool {
        true
    }

    /// Lets a session begin, or not. By default everybody may, within the server's own limit.
    ///
    /// # Errors
    /// [`OpenError`], which becomes the RTSP status of the answer; [`OpenError::Busy`] (453) for a
    /// limit of the device.
    fn arrive(&self, _arrival: &Arrival<'_>) -> Result<Option<Stay>, OpenError> {
        Ok(None)
    }
}
