//! What can be wrong with a document.

use std::fmt;

/// Why a document was refused, and where in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Error {
    /// Local names of the open elements, `Envelope/Body/SetHostname`.
    pub path: String,
    /// What was wrong.
    pub kind: ErrorKind,
}

/// What was wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Not well-formed XML, cut short, or not UTF-8.
    Syntax(String),
    /// A document type, an undefined entity, or another construct that is never accepted.
    Forbidden(&'static str),
    /// More than [`crate::Limits`] allow.
    Limit {
        /// What there was too much of.
        what: &'static str,
        /// How much is allowed.
        bound: usize,
    },
    /// A prefix without a declaration.
    UndeclaredPrefix(String),
    /// A required element, or attribute (`@name`), is absent.
    Missing(&'static str),
    /// An element or attribute that may occur once occurs again.
    Duplicate,
    /// Text that is no value of its type.
    Value {
        /// The text, cut to 64 characters.
        value: String,
        /// What was expected.
        expected: &'static str,
    },
    /// Another element than the one expected.
    Unexpected {
        /// The element found, `{namespace}local`.
        found: String,
        /// The element expected.
        expected: String,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ErrorKind::Syntax(reason) => write!(f, "not well-formed: {reason}")?,
            ErrorKind::Forbidden(what) => write!(f, "{what} is not accepted")?,
            ErrorKind::Limit { what, bound } => write!(f, "{what}: more than {bound}")?,
            ErrorKind::UndeclaredPrefix(p) => write!(f, "prefix `{p}` is not declared")?,
            ErrorKind::Missing(name) => match name.strip_prefix('@') {
                Some(attribute) => write!(f, "required attribute `{attribute}` is missing")?,
                None => write!(f, "required element `{name}` is missing")?,
            },
            ErrorKind::Duplicate => write!(f, "occurs more than once")?,
            ErrorKind::Value { value, expected } => write!(f, "`{value}` is not {expected}")?,
            ErrorKind::Unexpected { found, expected } => {
                write!(f, "found {found} instead of {expected}")?
            }
        }
        if self.path.is_empty() {
            Ok(())
        } else {
            write!(f, " (at {})", self.path)
        }
    }
}

impl Error {
    /// An error of `kind` at no particular element.
    #[must_use]
    pub fn new(kind: ErrorKind) -> Self {
        Self {
            path: String::new(),
            kind,
        }
    }
}
