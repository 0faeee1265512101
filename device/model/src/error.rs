use std::{fmt, time::Duration};

use serde::Serialize;

/// What the model refuses, one variant per thing a caller can do something about.
///
/// Adapters map it in one exhaustive `match` each: SOAP faults, RTSP status codes, HTTP problems.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Values outside their bounds or rules; names every offending field.
    #[error("{0}")]
    Invalid(Violations),
    /// Not readable as what it claims to be.
    #[error("malformed {what}: {reason}")]
    Malformed {
        /// What could not be read.
        what: &'static str,
        /// Why.
        reason: String,
    },
    /// No credentials, or wrong ones. Never says which half was wrong (AUTH-3).
    #[error("user name or password is wrong")]
    Unauthenticated,
    /// Name and password are right, and the code of the second factor is asked for.
    #[error("a code of the second factor is needed")]
    SecondFactor,
    /// Known user whose password has expired: it can only be changed (SYS-32, AUTH-8).
    #[error("the password has expired; log in to the web interface and change it")]
    PasswordExpired,
    /// Too many failures: account or address is locked (AUTH-5, AUTH-6).
    #[error("locked after too many failed logins; try again in {} s", retry_after.as_secs().max(1))]
    Locked {
        /// Time until the lock ends.
        retry_after: Duration,
    },
    /// Known user, missing permission.
    #[error("this needs the permission '{0}'")]
    Forbidden(crate::Permission),
    /// Known user whose group is bounded to other ONVIF operations (Core §10.4.10).
    #[error("the role '{role}' does not have the function {function}")]
    NotInRole {
        /// Name of the group.
        role: String,
        /// What was called.
        function: String,
    },
    /// The device has no administrator yet (INIT-1).
    #[error("the device is not initialised: set the administrator's password first")]
    NotInitialised,
    /// No such thing.
    #[error("no {what} '{token}'")]
    NotFound {
        /// Kind of thing.
        what: &'static str,
        /// The name asked for.
        token: String,
    },
    /// Somebody else changed it, or it exists already.
    #[error("{0}")]
    Conflict(String),
    /// This device cannot do that.
    #[error("not supported: {0}")]
    Unsupported(String),
    /// A documented limit is reached.
    #[error("{what}: at most {limit}")]
    Exhausted {
        /// What there are too many of.
        what: &'static str,
        /// The bound.
        limit: u64,
    },
    /// Our fault. `detail` goes to the log only.
    #[error("internal error")]
    Internal {
        /// For the log, never for the peer.
        detail: String,
    },
}

/// `Result` of the model.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// One violated field.
    pub fn invalid(pointer: &str, value: impl fmt::Display, reason: impl Into<String>) -> Self {
        Self::Invalid(Violations(vec![Violation::new(pointer, value, reason)]))
    }

    /// An unexpected failure of something below.
    pub fn internal(detail: impl fmt::Display) -> Self {
        Self::Internal {
            detail: detail.to_string(),
        }
    }

    /// A missing thing.
    pub fn not_found(what: &'static str, token: impl Into<String>) -> Self {
        Self::NotFound {
            what,
            token: token.into(),
        }
    }
}

/// One field that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// JSON pointer into the section or request, for example `/bit_rate`.
    pub pointer: String,
    /// The refused value, shortened to 64 characters; empty for secrets.
    pub value: String,
    /// The rule with its bound, for example "must be 16 to 16384 kbit/s".
    pub reason: String,
}

impl Violation {
    /// Names field, value and bound.
    pub fn new(pointer: &str, value: impl fmt::Display, reason: impl Into<String>) -> Self {
        let value = value.to_string().chars().take(64).collect();
        Self {
            pointer: pointer.to_owned(),
            value,
            reason: reason.into(),
        }
    }
}

/// All violations of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Violations(pub Vec<Violation>);

impl Violations {
    /// Notes `violation` unless `ok`.
    pub fn require(&mut self, ok: bool, violation: impl FnOnce() -> Violation) {
        if !ok {
            self.0.push(violation());
        }
    }

    /// `Ok` when nothing was violated.
    ///
    /// # Errors
    /// [`Error::Invalid`] with everything noted so far.
    pub fn into_result(self) -> Result<()> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Error::Invalid(self))
        }
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, v) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{}", v.pointer)?;
            if !v.value.is_empty() {
                write!(f, " = {}", v.value)?;
            }
            write!(f, ": {}", v.reason)?;
        }
        Ok(())
    }
}
