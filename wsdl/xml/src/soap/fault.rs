//! Faults.

use crate::{Any, Error, ErrorKind, QName, ns};

/// Who is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The request is wrong; sent as `Sender`, in SOAP 1.1 `Client`.
    Sender,
    /// The device cannot do it; sent as `Receiver`, in SOAP 1.1 `Server`.
    Receiver,
    /// The envelope's version is unknown.
    VersionMismatch,
    /// A header that must be understood is not.
    MustUnderstand,
}

/// A SOAP fault: code, ONVIF subcodes from the general one to the particular, reason, detail.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Who is to blame.
    pub code: Code,
    /// Subcodes, outermost first: `ter:InvalidArgVal`, then `ter:NoProfile`.
    pub subcodes: Vec<QName>,
    /// Text for people, in English.
    pub reason: String,
    /// Elements of the detail.
    pub detail: Vec<Any>,
}

impl Fault {
    /// A fault whose subcodes are in ONVIF's error namespace.
    #[must_use]
    pub fn new(code: Code, subcodes: &[&'static str], reason: impl Into<String>) -> Self {
        let subcodes = subcodes.iter().map(|s| QName::new(ns::TER, *s)).collect();
        Self {
            code,
            subcodes,
            reason: reason.into(),
            detail: Vec::new(),
        }
    }

    /// The sender's fault; see [`Fault::new`].
    #[must_use]
    pub fn sender(subcodes: &[&'static str], reason: impl Into<String>) -> Self {
        Self::new(Code::Sender, subcodes, reason)
    }

    /// The device's fault; see [`Fault::new`].
    #[must_use]
    pub fn receiver(subcodes: &[&'static str], reason: impl Into<String>) -> Self {
        Self::new(Code::Receiver, subcodes, reason)
    }

    /// `ter:ActionNotSupported` for an operation that is not implemented.
    #[must_use]
    pub fn action_not_supported(operation: &str) -> Self {
        Self::receiver(
            &["ActionNotSupported"],
            format!("{operation} is not supported"),
        )
    }

    /// `ter:NotAuthorized`.
    #[must_use]
    pub fn not_authorized(reason: impl Into<String>) -> Self {
        Self::sender(&["NotAuthorized"], reason)
    }

    /// With one more element in the detail.
    #[must_use]
    pub fn with_detail(mut self, detail: Any) -> Self {
        self.detail.push(detail);
        self
    }

    /// Whether `ter:name` is among the subcodes.
    #[must_use]
    pub fn has_subcode(&self, name: &str) -> bool {
        self.subcodes.iter().any(|s| s.is(ns::TER, name))
    }
}

impl From<Error> for Fault {
    /// What the sender is told about a request that cannot be read.
    fn from(error: Error) -> Self {
        let subcodes: &[&'static str] = match &error.kind {
            ErrorKind::Syntax(_) | ErrorKind::Forbidden(_) | ErrorKind::UndeclaredPrefix(_) => {
                &["WellFormed"]
            }
            ErrorKind::Limit { .. } => &["OperationProhibited"],
            ErrorKind::Missing(name) if name.starts_with('@') => &["MissingAttr"],
            ErrorKind::Value { .. } => &["InvalidArgVal"],
            ErrorKind::Missing(_) | ErrorKind::Duplicate | ErrorKind::Unexpected { .. } => {
                &["InvalidArgs"]
            }
        };
        Self::sender(subcodes, error.to_string())
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.code)?;
        for s in &self.subcodes {
            write!(f, "/{s}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

impl std::error::Error for Fault {}
