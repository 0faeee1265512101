//! Names with a namespace in content: rule types, item types, topic prefixes.

use std::borrow::Cow;
use std::fmt;

use crate::reader::trim;
use crate::value::{Text, ValueError};
use crate::{Ns, Reader, Writer};

/// A qualified name as a value (`xs:QName`): namespace and local name, whatever prefix it came with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct QName {
    uri: Cow<'static, str>,
    local: Cow<'static, str>,
}

impl QName {
    /// A name in a namespace of the table.
    #[must_use]
    pub fn new(ns: Ns, local: impl Into<Cow<'static, str>>) -> Self {
        Self {
            uri: Cow::Borrowed(ns.uri()),
            local: local.into(),
        }
    }

    /// A name in any namespace; an empty `uri` is none.
    #[must_use]
    pub fn with_uri(
        uri: impl Into<Cow<'static, str>>,
        local: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            uri: uri.into(),
            local: local.into(),
        }
    }

    /// The namespace, [`Ns::OTHER`] when it is not in the table.
    #[must_use]
    pub fn ns(&self) -> Ns {
        Ns::of(&self.uri)
    }

    /// The namespace URI, empty for none.
    #[must_use]
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// The local name.
    #[must_use]
    pub fn local(&self) -> &str {
        &self.local
    }

    /// Whether this is `local` in `ns`.
    #[must_use]
    pub fn is(&self, ns: Ns, local: &str) -> bool {
        self.local == local && self.ns() == ns
    }
}

impl fmt::Display for QName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ns() {
            Ns::NONE => f.write_str(&self.local),
            Ns::OTHER => write!(f, "{{{}}}{}", self.uri, self.local),
            ns => write!(f, "{}:{}", ns.prefix(), self.local),
        }
    }
}

impl Text for QName {
    /// A prefix that is not declared is taken as ours when we have one of that name: clients send
    /// `tt:CellMotionDetector` without a declaration of `tt`.
    fn parse_text(text: &str, r: &Reader<'_>) -> Result<Self, ValueError> {
        let text = trim(text);
        let (prefix, local) = text.split_once(':').unwrap_or(("", text));
        if !is_nc_name(local) {
            return Err(ValueError("a qualified name"));
        }
        let uri = match r.resolve(prefix) {
            Some(uri) => uri.to_owned(),
            None if prefix.is_empty() => String::new(),
            None => Ns::of_prefix(prefix)
                .map(|ns| ns.uri().to_owned())
                .ok_or(ValueError("a name with a declared prefix"))?,
        };
        Ok(Self {
            uri: Cow::Owned(uri),
            local: Cow::Owned(local.to_owned()),
        })
    }

    fn declare(&self, w: &mut Writer) {
        match self.ns() {
            Ns::OTHER => w.declare_foreign(&self.uri),
            ns => w.needs(ns),
        }
    }

    fn write_text(&self, w: &mut Writer) {
        match self.ns() {
            Ns::NONE => {}
            Ns::OTHER => w.push_foreign_prefix(&self.uri),
            ns => {
                w.needs(ns);
                w.push_escaped(ns.prefix());
                w.push_escaped(":");
            }
        }
        w.push_escaped(&self.local);
    }
}

/// Whether `text` is a name without a colon.
pub(crate) fn is_nc_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c == '_' || c.is_alphabetic())
        && chars.all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '\u{B7}'))
}

/// Prefixes and the namespaces they stood for where a text was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope(Vec<(String, String)>);

impl Scope {
    /// The namespace URI of a prefix; the empty prefix is the default namespace.
    #[must_use]
    pub fn resolve(&self, prefix: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(p, _)| p == prefix)
            .map(|(_, uri)| uri.as_str())
    }

    /// Prefixes and URIs.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(p, u)| (p.as_str(), u.as_str()))
    }

    /// Whether no prefix is declared.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a declaration from further out; an inner one of the same prefix stays.
    pub(crate) fn add_outer(&mut self, prefix: &str, uri: &str) {
        if self.resolve(prefix).is_none() {
            self.0.push((prefix.to_owned(), uri.to_owned()));
        }
    }

    /// Sorts by prefix.
    pub(crate) fn sort(&mut self) {
        self.0.sort();
    }
}

/// Whether `prefix:` occurs in the text. It may say yes too often; that costs only a declaration.
pub(crate) fn uses(text: &str, prefix: &str) -> bool {
    text.match_indices(prefix)
        .any(|(at, _)| text[at + prefix.len()..].starts_with(':'))
}
