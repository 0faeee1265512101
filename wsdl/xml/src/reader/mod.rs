//! Pulling one bounded document.

mod fields;

use std::borrow::Cow;

use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::attributes::Attributes;
use quick_xml::events::{BytesRef, Event};

use crate::ns;
use crate::qname::Scope;
use crate::{Error, ErrorKind, Ns};

/// Bounds of one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Length in bytes.
    pub bytes: usize,
    /// Open elements at once.
    pub depth: usize,
    /// Elements in all.
    pub elements: usize,
    /// Attributes of one element, namespace declarations included.
    pub attributes: usize,
}

impl Default for Limits {
    /// What a SOAP request needs at most: 1 MiB, 64 levels, 20,000 elements, 64 attributes.
    fn default() -> Self {
        Self {
            bytes: 1 << 20,
            depth: 64,
            elements: 20_000,
            attributes: 64,
        }
    }
}

/// Declarations that may be in scope at once. Names are looked up among them one by one.
const MAX_BINDINGS: usize = 256;

#[derive(Debug)]
struct Attribute<'a> {
    ns: Ns,
    prefix: &'a str,
    name: &'a str,
    value: Cow<'a, str>,
}

#[derive(Clone, Debug)]
pub(crate) struct Binding<'a> {
    pub(crate) prefix: &'a str,
    pub(crate) uri: Cow<'a, str>,
    pub(crate) ns: Ns,
    depth: usize,
}

/// One step of the document.
#[derive(Debug)]
pub(crate) enum Token<'a> {
    Start { ns: Ns, name: &'a str },
    Text(Cow<'a, str>),
    End,
    Eof,
}

/// Reads one document, front to back.
#[derive(Debug)]
pub struct Reader<'a> {
    input: &'a str,
    xml: quick_xml::Reader<&'a [u8]>,
    limits: Limits,
    elements: usize,
    path: Vec<&'a str>,
    bindings: Vec<Binding<'a>>,
    attributes: Vec<Attribute<'a>>,
    /// Offset of the start tag read last.
    start: usize,
    /// Length of the qualified name in it.
    name_len: usize,
    collapse: bool,
}

impl<'a> Reader<'a> {
    /// Starts reading; a byte order mark is skipped.
    ///
    /// # Errors
    /// The document is longer than `limits.bytes`.
    pub fn new(input: &'a str, limits: Limits) -> Result<Self, Error> {
        if input.len() > limits.bytes {
            return Err(Error::new(ErrorKind::Limit {
                what: "document bytes",
                bound: limits.bytes,
            }));
        }
        let input = input.strip_prefix('\u{FEFF}').unwrap_or(input);
        let mut xml = quick_xml::Reader::from_str(input);
        let config = xml.config_mut();
        config.expand_empty_elements = true;
        let xml_binding = Binding {
            prefix: "xml",
            uri: ns::XML.uri().into(),
            ns: ns::XML,
            depth: 0,
        };
        Ok(Self {
            input,
            xml,
            limits,
            elements: 0,
            path: Vec::with_capacity(16),
            bindings: vec![xml_binding],
            attributes: Vec::new(),
            start: 0,
            name_len: 0,
            collapse: false,
        })
    }

    /// Declares the fixed prefixes of `set`, as if the document stood inside an element with them.
    pub fn assume(&mut self, set: crate::NsSet) {
        for ns in set.iter() {
            self.bindings.push(Binding {
                prefix: ns.prefix(),
                uri: ns.uri().into(),
                ns,
                depth: 0,
            });
        }
    }

    /// An error at the current place.
    #[must_use]
    pub fn error(&self, kind: ErrorKind) -> Error {
        Error {
            path: self.path.join("/"),
            kind,
        }
    }

    /// An error that says which text was not what.
    #[must_use]
    pub fn bad_value(&self, value: &str, expected: &'static str) -> Error {
        let value = value.chars().take(64).collect();
        self.error(ErrorKind::Value { value, expected })
    }

    /// Number of elements that are open.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.path.len()
    }

    /// The namespace URI of a prefix in scope; the empty prefix is the default namespace.
    #[must_use]
    pub fn resolve(&self, prefix: &str) -> Option<&str> {
        self.binding(prefix).map(|b| b.uri.as_ref())
    }

    /// Prefixes in scope, innermost declaration of each.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.scope_with(&[], |_| true)
    }

    /// Prefixes in scope that `wanted` keeps; `own` are further in than those that are open.
    fn scope_with(&self, own: &[Binding<'a>], wanted: impl Fn(&str) -> bool) -> Scope {
        let mut scope = Scope::default();
        for b in self.bindings.iter().chain(own).rev() {
            if b.prefix != "xml" && wanted(b.prefix) {
                scope.add_outer(b.prefix, &b.uri);
            }
        }
        scope
    }

    /// Declarations of the element whose start tag was just read.
    fn own_bindings(&self) -> Vec<Binding<'a>> {
        let depth = self.path.len();
        let own = self
            .bindings
            .iter()
            .rev()
            .take_while(|b| b.depth == depth && depth > 0);
        let mut own: Vec<Binding<'a>> = own.cloned().collect();
        own.reverse();
        own
    }

    fn binding(&self, prefix: &str) -> Option<&Binding<'a>> {
        self.bindings.iter().rev().find(|b| b.prefix == prefix)
    }

    fn syntax(&self, reason: impl ToString) -> Error {
        self.error(ErrorKind::Syntax(reason.to_string()))
    }

    fn limit(&self, what: &'static str, bound: usize) -> Error {
        self.error(ErrorKind::Limit { what, bound })
    }

    fn offset(&self) -> usize {
        usize::try_from(self.xml.buffer_position())
            .unwrap_or(usize::MAX)
            .min(self.input.len())
    }

    /// The next step of the document. Comments and processing instructions are passed over.
    pub(crate) fn next(&mut self) -> Result<Token<'a>, Error> {
        loop {
            let from = self.offset();
            let event = self.xml.read_event().map_err(|e| self.syntax(e))?;
            match event {
                Event::Start(_) => return self.open(from),
                Event::End(_) => {
                    let depth = self.path.len();
                    while self
                        .bindings
                        .last()
                        .is_some_and(|b| b.depth == depth && depth > 0)
                    {
                        self.bindings.pop();
                    }
                    self.path.pop();
                    return Ok(Token::End);
                }
                Event::Text(t) => return self.checked(t.xml10_content()),
                Event::CData(t) => return self.checked(t.xml10_content()),
                Event::GeneralRef(r) => return self.reference(&r),
                Event::DocType(_) => {
                    return Err(self.error(ErrorKind::Forbidden("a document type declaration")));
                }
                Event::Eof if !self.path.is_empty() => {
                    return Err(self.syntax("the document ends inside an element"));
                }
                Event::Eof => return Ok(Token::Eof),
                Event::Comment(_) | Event::PI(_) | Event::Decl(_) => {}
                Event::Empty(_) => return Err(self.syntax("unexpected empty element")),
            }
        }
    }

    fn checked(&self, text: Cow<'a, str>) -> Result<Token<'a>, Error> {
        if text
            .bytes()
            .any(|b| b < b' ' && !matches!(b, b'\t' | b'\n' | b'\r'))
        {
            return Err(self.syntax("a control character"));
        }
        Ok(Token::Text(text))
    }

    fn reference(&self, r: &BytesRef<'a>) -> Result<Token<'a>, Error> {
        match r.resolve_char_ref() {
            Err(e) => Err(self.syntax(e)),
            Ok(Some(c)) if c >= ' ' || matches!(c, '\t' | '\n' | '\r') => {
                Ok(Token::Text(Cow::Owned(c.to_string())))
            }
            Ok(Some(_)) => Err(self.syntax("a reference to a control character")),
            Ok(None) => match resolve_predefined_entity(&r.xml10_content()) {
                Some(text) => Ok(Token::Text(Cow::Borrowed(text))),
                None => Err(self.error(ErrorKind::Forbidden("an entity that XML does not define"))),
            },
        }
    }

    /// Takes in the start tag at `from`: declarations, attributes, name.
    fn open(&mut self, from: usize) -> Result<Token<'a>, Error> {
        let tag = &self.input[from..self.offset()];
        let inner = tag.strip_prefix('<').unwrap_or(tag);
        let inner = inner.strip_suffix('>').unwrap_or(inner);
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        let name_len = inner.find([' ', '\t', '\r', '\n']).unwrap_or(inner.len());
        let qualified = &inner[..name_len];
        self.start = from;
        self.name_len = name_len;
        self.elements += 1;
        if self.elements > self.limits.elements {
            return Err(self.limit("elements", self.limits.elements));
        }
        if self.path.len() >= self.limits.depth {
            return Err(self.limit("nested elements", self.limits.depth));
        }
        let (prefix, local) = split(qualified);
        self.path.push(local);
        let depth = self.path.len();
        self.attributes.clear();
        // Two passes: a declaration counts for the attributes before it too.
        let mut plain = false;
        for (count, attribute) in Attributes::new(inner, name_len)
            .with_checks(true)
            .enumerate()
        {
            if count >= self.limits.attributes {
                return Err(self.limit("attributes", self.limits.attributes));
            }
            let attribute = attribute.map_err(|e| self.syntax(e))?;
            let key = attribute.key.0;
            let declared = match key.strip_prefix("xmlns") {
                Some("") => Some(""),
                Some(rest) => rest.strip_prefix(':'),
                None => None,
            };
            match declared {
                Some(prefix) => {
                    let uri = self.attribute_value(&attribute)?;
                    if uri.is_empty() && !prefix.is_empty() {
                        return Err(self.syntax(format_args!("prefix `{prefix}` declared empty")));
                    }
                    if self.bindings.len() >= MAX_BINDINGS {
                        return Err(self.limit("namespace declarations in scope", MAX_BINDINGS));
                    }
                    let ns = Ns::of(&uri);
                    self.bindings.push(Binding {
                        prefix,
                        uri,
                        ns,
                        depth,
                    });
                }
                None => plain = true,
            }
        }
        if plain {
            for attribute in Attributes::new(inner, name_len).with_checks(false) {
                let attribute = attribute.map_err(|e| self.syntax(e))?;
                let key: &'a str = attribute.key.0;
                if key == "xmlns" || key.starts_with("xmlns:") {
                    continue;
                }
                let value = self.attribute_value(&attribute)?;
                let (prefix, name) = split(key);
                let ns = if prefix.is_empty() {
                    Ns::NONE
                } else {
                    self.ns_of_prefix(prefix)?
                };
                self.attributes.push(Attribute {
                    ns,
                    prefix,
                    name,
                    value,
                });
            }
        }
        let ns = self.ns_of_prefix(prefix)?;
        Ok(Token::Start { ns, name: local })
    }

    fn ns_of_prefix(&self, prefix: &str) -> Result<Ns, Error> {
        match self.binding(prefix) {
            Some(b) => Ok(b.ns),
            None if prefix.is_empty() => Ok(Ns::NONE),
            None => Err(self.error(ErrorKind::UndeclaredPrefix(prefix.to_owned()))),
        }
    }

    fn attribute_value(
        &self,
        attribute: &quick_xml::events::attributes::Attribute<'a>,
    ) -> Result<Cow<'a, str>, Error> {
        if attribute.value.contains('<') {
            return Err(self.syntax("`<` in an attribute"));
        }
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|e| self.syntax(e))?;
        if value
            .bytes()
            .any(|b| b < b' ' && !matches!(b, b'\t' | b'\n' | b'\r'))
        {
            return Err(self.syntax("a control character in an attribute"));
        }
        Ok(value)
    }

    /// Reads to the root's start tag.
    ///
    /// # Errors
    /// There is none, or text stands before it.
    pub fn root(&mut self) -> Result<(Ns, &'a str), Error> {
        loop {
            match self.next()? {
                Token::Start { ns, name } => return Ok((ns, name)),
                Token::Text(t) if t.trim().is_empty() => {}
                Token::Text(_) => return Err(self.syntax("text outside the root element")),
                Token::End | Token::Eof => return Err(self.syntax("no root element")),
            }
        }
    }

    /// Reads to the root's start tag, which must be this one.
    ///
    /// # Errors
    /// As [`Reader::root`], and [`ErrorKind::Unexpected`] for another root.
    pub fn expect_root(&mut self, ns: Ns, name: &str) -> Result<(), Error> {
        let found = self.root()?;
        if found == (ns, name) {
            return Ok(());
        }
        Err(self.error(ErrorKind::Unexpected {
            found: format!("{{{}}}{}", self.element_uri(), found.1),
            expected: format!("{{{}}}{name}", ns.uri()),
        }))
    }

    /// Namespace URI of the element whose start tag was just read.
    #[must_use]
    pub fn element_uri(&self) -> &str {
        let qualified = self
            .input
            .get(self.start + 1..self.start + 1 + self.name_len)
            .unwrap_or("");
        self.resolve(split(qualified).0).unwrap_or("")
    }

    /// Local name of the innermost open element.
    #[must_use]
    pub fn element_name(&self) -> &'a str {
        self.path.last().copied().unwrap_or("")
    }

    /// Reads to the next child's start tag; `None` at the end tag. Text must be white space.
    ///
    /// # Errors
    /// The document is malformed.
    pub fn next_child(&mut self) -> Result<Option<(Ns, &'a str)>, Error> {
        loop {
            match self.next()? {
                Token::Start { ns, name } => return Ok(Some((ns, name))),
                Token::Text(_) => {}
                Token::End | Token::Eof => return Ok(None),
            }
        }
    }

    /// Reads what is left of the document, which must be well-formed.
    ///
    /// # Errors
    /// It is not, or something but white space follows the root.
    pub fn finish(&mut self) -> Result<(), Error> {
        loop {
            let outside = self.path.is_empty();
            match self.next()? {
                Token::Eof => return Ok(()),
                Token::Start { .. } if outside => return Err(self.syntax("a second root element")),
                Token::Text(t) if outside && !t.trim().is_empty() => {
                    return Err(self.syntax("text outside the root element"));
                }
                _ => {}
            }
        }
    }

    /// Passes over the element whose start tag was just read.
    ///
    /// # Errors
    /// It is malformed.
    pub fn skip(&mut self) -> Result<(), Error> {
        let depth = self.path.len();
        while self.path.len() >= depth {
            if matches!(self.next()?, Token::Eof) {
                break;
            }
        }
        Ok(())
    }

    /// An attribute of the element whose start tag was just read.
    #[must_use]
    pub fn attribute_of(&self, ns: Ns, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|a| a.ns == ns && a.name == name)
            .map(|a| a.value.as_ref())
    }

    /// Reads text to the end tag: pieces, CDATA and references joined.
    ///
    /// # Errors
    /// The document is malformed, or a child element stands in the text.
    pub fn text(&mut self) -> Result<Cow<'a, str>, Error> {
        let mut text: Cow<'a, str> = Cow::Borrowed("");
        loop {
            match self.next()? {
                Token::Text(t) if text.is_empty() => text = t,
                Token::Text(t) => text.to_mut().push_str(&t),
                Token::Start { name, .. } => {
                    return Err(self.error(ErrorKind::Unexpected {
                        found: format!("element `{name}`"),
                        expected: "text".to_owned(),
                    }));
                }
                Token::End | Token::Eof => return Ok(text),
            }
        }
    }

    /// Attributes of the element whose start tag was just read: URI, name, value; sorted.
    #[must_use]
    pub fn sorted_attributes(&self) -> Vec<(&str, &str, &str)> {
        let uri = |a: &Attribute<'a>| {
            if a.prefix.is_empty() {
                ""
            } else {
                self.resolve(a.prefix).unwrap_or("")
            }
        };
        let mut all: Vec<_> = self
            .attributes
            .iter()
            .map(|a| (uri(a), a.name, a.value.as_ref()))
            .collect();
        all.sort_unstable();
        all
    }
}

fn split(qualified: &str) -> (&str, &str) {
    qualified.split_once(':').unwrap_or(("", qualified))
}

/// Without XML white space at both ends.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\r', '\n'])
}
