//! A small owned tree of elements: what an answer is judged on, and what is changed and sent back.

use std::{fmt::Write, sync::Arc};

use anyhow::{Context, Result, ensure};

/// Longest document that is read, in bytes.
pub const MAX_DOCUMENT: usize = 8 * 1024 * 1024;
/// Deepest nesting that is read.
const MAX_DEPTH: usize = 100;

/// Namespace of `xsi:type` and its kin.
pub const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// A name with its namespace; `ns` is empty without one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QName {
    /// Namespace.
    pub ns: String,
    /// Local name.
    pub name: String,
}

impl QName {
    /// A name in a namespace.
    #[must_use]
    pub fn new(ns: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            ns: ns.into(),
            name: name.into(),
        }
    }
}

impl std::fmt::Display for QName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.ns.is_empty() {
            write!(f, "{}", self.name)
        } else {
            write!(f, "{{{}}}{}", self.ns, self.name)
        }
    }
}

/// Prefixes in scope, innermost last; the default namespace has an empty prefix.
pub type Scope = Arc<Vec<(String, String)>>;

/// An element with everything below it. Comments and processing instructions are dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// Its name.
    pub name: QName,
    /// Its attributes without namespace declarations.
    pub attributes: Vec<(QName, String)>,
    /// Its child elements.
    pub children: Vec<Element>,
    /// Its own text, joined.
    pub text: String,
    /// Prefixes that its values may use.
    pub scope: Scope,
}

/// Parses a document.
///
/// # Errors
/// When it is not well-formed, too long or too deep.
pub fn parse(text: &str) -> Result<Element> {
    ensure!(
        text.len() <= MAX_DOCUMENT,
        "{} bytes of XML, more than {MAX_DOCUMENT}",
        text.len()
    );
    let document = roxmltree::Document::parse(text).context("not well-formed")?;
    element(document.root_element(), &Scope::default(), 0)
}

fn element(node: roxmltree::Node<'_, '_>, outer: &Scope, depth: usize) -> Result<Element> {
    ensure!(depth < MAX_DEPTH, "nested deeper than {MAX_DEPTH}");
    let here: Vec<(String, String)> = node
        .namespaces()
        .map(|n| (n.name().unwrap_or_default().to_owned(), n.uri().to_owned()))
        .collect();
    let scope = if here == **outer {
        outer.clone()
    } else {
        Arc::new(here)
    };
    let mut result = Element {
        name: QName::new(
            node.tag_name().namespace().unwrap_or_default(),
            node.tag_name().name(),
        ),
        attributes: node
            .attributes()
            .map(|a| {
                let name = QName::new(a.namespace().unwrap_or_default(), a.name());
                (name, a.value().to_owned())
            })
            .collect(),
        ..Element::default()
    };
    for child in node.children() {
        if child.is_element() {
            result.children.push(element(child, &scope, depth + 1)?);
        } else if child.is_text() {
            result.text.push_str(child.text().unwrap_or_default());
        }
    }
    result.scope = scope;
    Ok(result)
}

impl Element {
    /// The value of an attribute without namespace.
    #[must_use]
    pub fn attr(&self, name: &str) -> Option<&str> {
        self.attribute("", name)
    }

    /// The value of an attribute.
    #[must_use]
    pub fn attribute(&self, ns: &str, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(n, _)| n.ns == ns && n.name == name)
            .map(|(_, v)| v.as_str())
    }

    /// The first element at a path of local names, such as `Configurations/VideoSource`.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<&Element> {
        self.all(path).into_iter().next()
    }

    /// Every element at a path of local names.
    #[must_use]
    pub fn all(&self, path: &str) -> Vec<&Element> {
        let mut found = vec![self];
        for step in path.split('/').filter(|s| !s.is_empty()) {
            found = found
                .into_iter()
                .flat_map(|e| e.children.iter().filter(|c| c.name.name == step))
                .collect();
        }
        found
    }

    /// Trimmed text of the first element at a path.
    #[must_use]
    pub fn text_of(&self, path: &str) -> Option<&str> {
        self.find(path).map(|e| e.text.trim())
    }

    /// Trimmed text of the first element at a path as a number.
    #[must_use]
    pub fn number(&self, path: &str) -> Option<f64> {
        self.text_of(path)?.parse().ok()
    }

    /// Trimmed texts of every element at a path.
    #[must_use]
    pub fn texts(&self, path: &str) -> Vec<String> {
        self.all(path)
            .iter()
            .map(|e| e.text.trim().to_owned())
            .collect()
    }

    /// This element and all below it, in document order.
    #[must_use]
    pub fn walk(&self) -> Vec<&Element> {
        let mut all = vec![self];
        for child in &self.children {
            all.extend(child.walk());
        }
        all
    }

    /// The first element below with this local name, at any depth.
    #[must_use]
    pub fn deep(&self, name: &str) -> Option<&Element> {
        self.walk().into_iter().find(|e| e.name.name == name)
    }

    /// The element at a path, to change it.
    pub fn find_mut(&mut self, path: &str) -> Option<&mut Element> {
        let mut here = self;
        for step in path.split('/').filter(|s| !s.is_empty()) {
            here = here.children.iter_mut().find(|c| c.name.name == step)?;
        }
        Some(here)
    }

    /// A copy with another text at `path`; unchanged when there is no such element.
    #[must_use]
    pub fn with(mut self, path: &str, text: &str) -> Self {
        if let Some(found) = self.find_mut(path) {
            found.text = text.to_owned();
        }
        self
    }

    /// A copy without the child elements of this local name.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.children.retain(|c| c.name.name != name);
        self
    }

    /// A copy under another name.
    #[must_use]
    pub fn named(mut self, ns: &str, name: &str) -> Self {
        self.name = QName::new(ns, name);
        self
    }

    /// Resolves a prefixed value such as the one of `xsi:type`.
    #[must_use]
    pub fn resolve(&self, value: &str) -> Option<QName> {
        let (prefix, name) = value.trim().split_once(':').unwrap_or(("", value.trim()));
        if prefix == "xml" {
            return Some(QName::new("http://www.w3.org/XML/1998/namespace", name));
        }
        let ns = self
            .scope
            .iter()
            .rev()
            .find(|(p, _)| p == prefix)
            .map(|(_, ns)| ns.as_str());
        match ns {
            Some(ns) => Some(QName::new(ns, name)),
            None if prefix.is_empty() => Some(QName::new("", name)),
            None => None,
        }
    }

    /// The element as text that stands on its own: every prefix in scope is declared where it changes.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, &Scope::default());
        out
    }

    fn write(&self, out: &mut String, outer: &Scope) {
        // Writing into a string cannot fail.
        let _ = write!(
            out,
            "<e:{} xmlns:e=\"{}\"",
            self.name.name,
            escape(&self.name.ns)
        );
        if self.scope != *outer {
            for (prefix, ns) in self.scope.iter().filter(|(p, _)| p != "e" && p != "xml") {
                let _ = if prefix.is_empty() {
                    write!(out, " xmlns=\"{}\"", escape(ns))
                } else {
                    write!(out, " xmlns:{prefix}=\"{}\"", escape(ns))
                };
            }
        }
        for (n, (name, value)) in self.attributes.iter().enumerate() {
            let _ = match name.ns.as_str() {
                "" => write!(out, " {}=\"{}\"", name.name, escape(value)),
                "http://www.w3.org/XML/1998/namespace" => {
                    write!(out, " xml:{}=\"{}\"", name.name, escape(value))
                }
                ns => write!(
                    out,
                    " xmlns:a{n}=\"{}\" a{n}:{}=\"{}\"",
                    escape(ns),
                    name.name,
                    escape(value)
                ),
            };
        }
        out.push('>');
        out.push_str(&escape(self.text.trim()));
        for child in &self.children {
            child.write(out, &self.scope);
        }
        let _ = write!(out, "</e:{}>", self.name.name);
    }
}

/// Text for element content and attribute values.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_written_and_read_again_means_the_same() {
        let text = r#"<a:r xmlns:a="urn:a" xmlns="urn:d" k="1 &lt; 2"><x a:t="a:T">v &amp; w</x><a:y/></a:r>"#;
        let first = parse(text).unwrap();
        let again = parse(&first.to_xml()).unwrap();
        assert_eq!(again.attr("k"), Some("1 < 2"));
        let x = again.find("x").unwrap();
        assert_eq!(x.name, QName::new("urn:d", "x"));
        assert_eq!(x.text, "v & w");
        assert_eq!(x.attribute("urn:a", "t"), Some("a:T"));
        assert_eq!(x.resolve("a:T"), Some(QName::new("urn:a", "T")));
        assert_eq!(again.children.len(), 2);
    }

    #[test]
    fn hostile_documents_are_refused() {
        assert!(parse("<a><b></a>").is_err());
        let deep = "<a>".repeat(200) + &"</a>".repeat(200);
        assert!(parse(&deep).is_err());
        assert!(parse("<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>").is_err());
    }
}
