//! Writing straight into one buffer.

use std::fmt::Write as _;

use crate::value::{Complex, Text, Value};
use crate::{Ns, NsSet};

/// Writes XML into a `String`, with the fixed prefix of each namespace.
///
/// Namespaces are not declared where they are used: the writer notes them, and whoever writes the root
/// declares them there ([`Writer::into_document`], [`crate::soap`]). Characters that XML cannot carry are
/// written as U+FFFD.
#[derive(Debug, Default)]
pub struct Writer {
    buf: String,
    used: NsSet,
    in_attribute: bool,
    /// Namespaces outside the table, for QName content: number N is prefix `qN`.
    foreign: Vec<String>,
    /// Foreign prefixes declared in the start tag that is open.
    declared: Vec<usize>,
    /// Length of the first start tag's `<prefix:name`: where a document's declarations go.
    root_name_end: usize,
}

impl Writer {
    /// An empty writer.
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(1024)
    }

    /// An empty writer with room for `bytes`.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self {
            buf: String::with_capacity(bytes),
            ..Self::default()
        }
    }

    /// Namespaces used so far.
    #[must_use]
    pub fn used(&self) -> NsSet {
        self.used
    }

    /// What was written so far, without declarations.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.buf
    }

    /// What was written, and the namespaces that must be declared around it.
    #[must_use]
    pub fn into_parts(self) -> (String, NsSet) {
        (self.buf, self.used)
    }

    /// Makes the one element that was written a document: XML declaration and namespaces added.
    #[must_use]
    pub fn into_document(self) -> String {
        let mut out = String::with_capacity(self.buf.len() + 512);
        out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        let (name, rest) = self.buf.split_at(self.root_name_end.min(self.buf.len()));
        out.push_str(name);
        push_declarations(&mut out, self.used);
        out.push_str(rest);
        out
    }

    /// Notes that `ns` must be declared around what is written.
    pub fn needs(&mut self, ns: Ns) {
        self.used.insert(ns);
    }

    /// Notes that all of `set` must be declared around what is written.
    pub fn needs_all(&mut self, set: NsSet) {
        self.used.extend(set);
    }

    /// Writes `<prefix:name`; attributes may follow, then [`Writer::end_start`] or
    /// [`Writer::end_empty`].
    pub fn start(&mut self, ns: Ns, name: &str) {
        self.buf.push('<');
        self.push_name(ns, name);
        if self.root_name_end == 0 {
            self.root_name_end = self.buf.len();
        }
        self.declared.clear();
    }

    /// Ends a start tag.
    pub fn end_start(&mut self) {
        self.buf.push('>');
    }

    /// Ends a start tag of an element without content.
    pub fn end_empty(&mut self) {
        self.buf.push_str("/>");
    }

    /// Writes an end tag.
    pub fn end(&mut self, ns: Ns, name: &str) {
        self.buf.push_str("</");
        self.push_name(ns, name);
        self.buf.push('>');
    }

    /// Writes an attribute without namespace into the open start tag.
    pub fn attribute<T: Text>(&mut self, name: &str, value: &T) {
        self.attribute_ns(Ns::NONE, name, value);
    }

    /// Writes an attribute into the open start tag.
    pub fn attribute_ns<T: Text>(&mut self, ns: Ns, name: &str, value: &T) {
        value.declare(self);
        self.buf.push(' ');
        self.push_name(ns, name);
        self.buf.push_str("=\"");
        self.in_attribute = true;
        value.write_text(self);
        self.in_attribute = false;
        self.buf.push('"');
    }

    /// Writes an attribute that may be absent.
    pub fn attribute_opt<T: Text>(&mut self, ns: Ns, name: &str, value: &Option<T>) {
        if let Some(value) = value {
            self.attribute_ns(ns, name, value);
        }
    }

    /// Writes an attribute from plain text.
    pub fn attribute_str(&mut self, ns: Ns, name: &str, value: &str) {
        self.buf.push(' ');
        self.push_name(ns, name);
        self.buf.push_str("=\"");
        self.in_attribute = true;
        self.push_escaped(value);
        self.in_attribute = false;
        self.buf.push('"');
    }

    /// Writes an optional element.
    pub fn opt<T: Value>(&mut self, ns: Ns, name: &'static str, value: &Option<T>) {
        if let Some(value) = value {
            value.write(self, ns, name);
        }
    }

    /// Writes one element for each value.
    pub fn many<T: Value>(&mut self, ns: Ns, name: &'static str, values: &[T]) {
        for value in values {
            value.write(self, ns, name);
        }
    }

    /// Writes a required element whose value may be nil.
    pub fn nillable<T: Value>(&mut self, ns: Ns, name: &'static str, value: &Option<T>) {
        match value {
            Some(value) => value.write(self, ns, name),
            None => {
                self.start(ns, name);
                self.attribute_str(crate::ns::XSI, "nil", "true");
                self.end_empty();
            }
        }
    }

    /// Writes an element with plain text.
    pub fn str_element(&mut self, ns: Ns, name: &str, text: &str) {
        self.start(ns, name);
        self.end_start();
        self.push_escaped(text);
        self.end(ns, name);
    }

    /// Writes an element with the text of a simple type.
    pub fn text_element<T: Text>(&mut self, ns: Ns, name: &str, value: &T) {
        self.start(ns, name);
        value.declare(self);
        self.end_start();
        value.write_text(self);
        self.end(ns, name);
    }

    /// Writes an element of a complex type: the one loop for all of them.
    pub fn complex(&mut self, ns: Ns, name: &'static str, value: &dyn Complex) {
        self.start(ns, name);
        value.write_attributes(self);
        self.end_start();
        let before = self.buf.len();
        value.write_content(self);
        if self.buf.len() == before {
            self.buf.pop();
            self.end_empty();
        } else {
            self.end(ns, name);
        }
    }

    /// Writes text, escaped for where it stands (attribute or element).
    pub fn push_escaped(&mut self, text: &str) {
        let mut rest = text;
        // Bytes 0xEF start U+FFFE and U+FFFF among many others; `escape` looks closer.
        let special = |b: u8| b < b' ' || matches!(b, b'&' | b'<' | b'>' | b'"' | 0xEF);
        while let Some(at) = rest.bytes().position(special) {
            self.buf.push_str(&rest[..at]);
            let mut tail = rest[at..].chars();
            if let Some(c) = tail.next() {
                self.push_special(c);
            }
            rest = tail.as_str();
        }
        self.buf.push_str(rest);
    }

    fn push_special(&mut self, c: char) {
        match c {
            '&' => self.buf.push_str("&amp;"),
            '<' => self.buf.push_str("&lt;"),
            '>' => self.buf.push_str("&gt;"),
            '"' if self.in_attribute => self.buf.push_str("&quot;"),
            '\n' if self.in_attribute => self.buf.push_str("&#10;"),
            '\t' if self.in_attribute => self.buf.push_str("&#9;"),
            '\r' => self.buf.push_str("&#13;"),
            '"' | '\n' | '\t' => self.buf.push(c),
            c if c < ' ' || matches!(c, '\u{FFFE}' | '\u{FFFF}') => self.buf.push('\u{FFFD}'),
            c => self.buf.push(c),
        }
    }

    /// Writes a value whose text needs no escaping (numbers, times).
    pub fn push_display(&mut self, value: impl std::fmt::Display) {
        // Writing to a String cannot fail.
        let _ = write!(self.buf, "{value}");
    }

    /// Writes XML as it is. The caller vouches for it.
    pub(crate) fn push_raw(&mut self, xml: &str) {
        if self.root_name_end == 0 {
            self.root_name_end = name_end(xml);
        }
        self.buf.push_str(xml);
    }

    /// Declares a prefix in the open start tag.
    pub(crate) fn declare_prefix(&mut self, prefix: &str, uri: &str) {
        self.buf.push_str(" xmlns");
        if !prefix.is_empty() {
            self.buf.push(':');
            self.buf.push_str(prefix);
        }
        self.buf.push_str("=\"");
        self.in_attribute = true;
        self.push_escaped(uri);
        self.in_attribute = false;
        self.buf.push('"');
    }

    /// Declares a prefix for a namespace outside the table in the open start tag, once.
    pub(crate) fn declare_foreign(&mut self, uri: &str) {
        let number = self.foreign_number(uri);
        if !self.declared.contains(&number) {
            self.declared.push(number);
            self.declare_prefix(&format!("q{number}"), uri);
        }
    }

    /// Writes `qN:` for a namespace outside the table.
    pub(crate) fn push_foreign_prefix(&mut self, uri: &str) {
        let number = self.foreign_number(uri);
        self.push_display(format_args!("q{number}:"));
    }

    fn foreign_number(&mut self, uri: &str) -> usize {
        self.foreign
            .iter()
            .position(|u| u == uri)
            .unwrap_or_else(|| {
                self.foreign.push(uri.to_owned());
                self.foreign.len() - 1
            })
    }

    fn push_name(&mut self, ns: Ns, name: &str) {
        let prefix = ns.prefix();
        if !prefix.is_empty() {
            self.used.insert(ns);
            self.buf.push_str(prefix);
            self.buf.push(':');
        }
        self.buf.push_str(name);
    }
}

/// Writes ` xmlns:p="uri"` for each namespace of the set.
pub(crate) fn push_declarations(out: &mut String, set: NsSet) {
    for ns in set.iter().filter(|n| *n != crate::ns::XML) {
        out.push_str(" xmlns:");
        out.push_str(ns.prefix());
        out.push_str("=\"");
        out.push_str(ns.uri());
        out.push('"');
    }
}

/// Offset behind `<name` in a text that starts with a start tag.
pub(crate) fn name_end(xml: &str) -> usize {
    xml.find(|c: char| c.is_ascii_whitespace() || c == '>' || c == '/')
        .unwrap_or(xml.len())
}
