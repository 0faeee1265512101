//! Content that the contract leaves open: kept as XML, with the namespaces it needs.

use crate::qname::{Scope, uses};
use crate::value::{Element, Value};
use crate::writer::name_end;
use crate::{Error, Limits, Ns, NsSet, Reader, Writer};

/// One element kept as it was read, or built by us. Equal when the content is equal, whatever the prefixes.
#[derive(Clone, Debug)]
pub struct Any {
    xml: String,
    /// Fixed prefixes used but not declared in `xml`.
    needs: NsSet,
}

impl Any {
    /// Keeps a value under its own element name.
    #[must_use]
    pub fn of<T: Element>(value: &T) -> Self {
        Self::written(|w| value.write(w, T::NS, T::NAME))
    }

    /// Keeps the one element that `write` writes.
    #[must_use]
    pub fn written(write: impl FnOnce(&mut Writer)) -> Self {
        let mut w = Writer::with_capacity(256);
        write(&mut w);
        let (xml, needs) = w.into_parts();
        Self { xml, needs }
    }

    /// Reads a document of one element.
    ///
    /// # Errors
    /// It is malformed.
    pub fn parse(xml: &str, limits: Limits) -> Result<Self, Error> {
        let mut r = Reader::new(xml, limits)?;
        r.root()?;
        let any = r.any()?;
        r.finish()?;
        Ok(any)
    }

    /// The element's namespace and local name; [`Ns::OTHER`] stands for every namespace outside the table.
    #[must_use]
    pub fn name(&self) -> (Ns, String) {
        let (_, local, ns) = self.full_name();
        (ns, local)
    }

    /// The element's namespace URI and local name.
    #[must_use]
    pub fn uri_and_name(&self) -> (String, String) {
        let (uri, local, _) = self.full_name();
        (uri, local)
    }

    fn full_name(&self) -> (String, String, Ns) {
        match self.reader().and_then(|mut r| {
            let (ns, name) = r.root()?;
            Ok((r.element_uri().to_owned(), name.to_owned(), ns))
        }) {
            Ok(found) => found,
            Err(_) => (String::new(), String::new(), Ns::NONE),
        }
    }

    /// Reads the content as a type, whatever the element is called.
    ///
    /// # Errors
    /// The content is not of that type.
    pub fn read_as<T: Value>(&self) -> Result<T, Error> {
        let mut r = self.reader()?;
        r.root()?;
        let mut value = T::default();
        value.read(&mut r)?;
        r.finish()?;
        Ok(value)
    }

    /// Reads the element as `T` when it is `T`'s element.
    ///
    /// # Errors
    /// The content is not of that type.
    pub fn read_if<T: Element>(&self) -> Result<Option<T>, Error> {
        let (ns, name) = self.name();
        if ns == T::NS && name == T::NAME {
            self.read_as().map(Some)
        } else {
            Ok(None)
        }
    }

    /// A reader over the element, in its scope.
    ///
    /// # Errors
    /// None today; reading itself can fail.
    pub fn reader(&self) -> Result<Reader<'_>, Error> {
        let limits = Limits {
            bytes: usize::MAX,
            elements: usize::MAX,
            ..Limits::default()
        };
        let mut r = Reader::new(&self.xml, limits)?;
        r.assume(self.needs);
        Ok(r)
    }

    /// The XML with every namespace declared.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let (head, tail) = self.xml.split_at(name_end(&self.xml));
        let mut out = String::with_capacity(self.xml.len() + 64);
        out.push_str(head);
        crate::writer::push_declarations(&mut out, self.needs);
        out.push_str(tail);
        out
    }

    /// Writes the element.
    pub fn write(&self, w: &mut Writer) {
        w.needs_all(self.needs);
        w.push_raw(&self.xml);
    }

    /// Writes each element of a list.
    pub fn write_all(list: &[Self], w: &mut Writer) {
        for any in list {
            any.write(w);
        }
    }

    /// From the captured text and the declarations it inherits; its `<name` is `name_end` long.
    pub(crate) fn captured(raw: &str, name_end: usize, inherited: &Scope) -> Self {
        let (head, tail) = raw.split_at(name_end.min(raw.len()));
        let mut w = Writer::with_capacity(raw.len() + 64);
        w.push_raw(head);
        for (prefix, uri) in inherited
            .iter()
            .filter(|(p, u)| !p.is_empty() || !u.is_empty())
        {
            w.declare_prefix(prefix, uri);
        }
        w.push_raw(tail);
        Self {
            xml: w.into_parts().0,
            needs: NsSet::EMPTY,
        }
    }
}

impl Default for Any {
    fn default() -> Self {
        Self {
            xml: String::new(),
            needs: NsSet::EMPTY,
        }
    }
}

impl PartialEq for Any {
    fn eq(&self, other: &Self) -> bool {
        if self.xml == other.xml && self.needs == other.needs {
            return true;
        }
        match (crate::canon::of_any(self), crate::canon::of_any(other)) {
            (Ok(a), Ok(b)) => a == b,
            _ => false,
        }
    }
}

/// Mixed content (topic expressions, content filters): the text, the raw XML, and the prefixes in scope.
///
/// Equal when text, raw XML and the namespaces of the prefixes that occur in it are equal.
#[derive(Clone, Debug, Default)]
pub struct Mixed {
    raw: String,
    text: String,
    scope: Scope,
    needs: NsSet,
}

impl Mixed {
    /// Plain text that uses the fixed prefixes of `needs`, such as a topic expression with `tns1:`.
    #[must_use]
    pub fn new(text: impl Into<String>, needs: &[Ns]) -> Self {
        let text = text.into();
        let mut w = Writer::with_capacity(text.len());
        w.push_escaped(&text);
        let raw = w.into_parts().0;
        Self {
            raw,
            text,
            scope: Scope::default(),
            needs: needs.iter().copied().collect(),
        }
    }

    /// The text, without elements in it.
    #[must_use]
    pub fn text(&self) -> &str {
        self.text.trim_matches([' ', '\t', '\r', '\n'])
    }

    /// The namespace URI of a prefix used in the text.
    #[must_use]
    pub fn resolve(&self, prefix: &str) -> Option<&str> {
        self.scope.resolve(prefix).or_else(|| {
            Ns::of_prefix(prefix)
                .filter(|ns| self.needs.contains(*ns))
                .map(Ns::uri)
        })
    }

    /// The declarations that were in scope and that the content can refer to.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The content as XML, without the declarations.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// Writes the declarations of the content into the open start tag.
    pub fn declare(&self, w: &mut Writer) {
        w.needs_all(self.needs);
        for (prefix, uri) in self.scope.iter() {
            w.declare_prefix(prefix, uri);
        }
    }

    /// Writes the content.
    pub fn write_content(&self, w: &mut Writer) {
        w.push_raw(&self.raw);
    }

    pub(crate) fn captured(raw: &str, text: String, mut scope: Scope) -> Self {
        scope.sort();
        Self {
            raw: raw.to_owned(),
            text,
            scope,
            needs: NsSet::EMPTY,
        }
    }
}

impl Mixed {
    /// Prefixes that the content can refer to and their namespaces, sorted.
    fn bindings(&self) -> Vec<(&str, &str)> {
        let fixed = self.needs.iter().map(|ns| (ns.prefix(), ns.uri()));
        let mut all: Vec<_> = self
            .scope
            .iter()
            .chain(fixed)
            .filter(|(p, _)| uses(&self.raw, p))
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

impl PartialEq for Mixed {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.raw == other.raw && self.bindings() == other.bindings()
    }
}

impl Value for Mixed {
    fn read(&mut self, r: &mut Reader<'_>) -> Result<(), Error> {
        *self = r.mixed()?;
        Ok(())
    }

    fn write(&self, w: &mut Writer, ns: Ns, name: &'static str) {
        w.start(ns, name);
        self.declare(w);
        w.end_start();
        self.write_content(w);
        w.end(ns, name);
    }
}
