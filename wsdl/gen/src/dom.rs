//! A contract file as a tree.

use std::path::Path;
use std::rc::Rc;

use anyhow::{Context, Result};
use onvif_xml::{Limits, Reader, Scope, ns};

/// XML Schema's namespace.
pub const XS: &str = "http://www.w3.org/2001/XMLSchema";
/// WSDL 1.1's namespace.
pub const WSDL: &str = "http://schemas.xmlsoap.org/wsdl/";

/// One element.
#[derive(Debug)]
pub struct Node {
    /// Namespace URI.
    pub uri: String,
    /// Local name.
    pub name: String,
    attributes: Vec<(String, String, String)>,
    scope: Scope,
    /// Child elements; text is of no use here.
    pub children: Vec<Rc<Self>>,
}

impl Node {
    /// Value of an attribute without namespace.
    #[must_use]
    pub fn attr(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(uri, n, _)| uri.is_empty() && n == name)
            .map(|a| a.2.as_str())
    }

    /// Value of an attribute in any namespace.
    #[must_use]
    pub fn attr_any(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(_, n, _)| n == name)
            .map(|a| a.2.as_str())
    }

    /// A qualified name in an attribute, as namespace URI and local name.
    #[must_use]
    pub fn qname(&self, attribute: &str) -> Option<(String, String)> {
        self.attr(attribute).map(|text| self.resolve(text))
    }

    /// A qualified name in the scope of this element.
    #[must_use]
    pub fn resolve(&self, text: &str) -> (String, String) {
        let (prefix, local) = text.split_once(':').unwrap_or(("", text));
        // `xml` is bound without a declaration (Namespaces in XML §3): `ref="xml:lang"` needs none.
        let uri = match self.scope.resolve(prefix) {
            None if prefix == "xml" => ns::XML.uri(),
            uri => uri.unwrap_or(""),
        };
        (uri.to_owned(), local.to_owned())
    }

    /// Whether this is `name` of XML Schema.
    #[must_use]
    pub fn is_xs(&self, name: &str) -> bool {
        self.uri == XS && self.name == name
    }

    /// Children of XML Schema with this name.
    pub fn xs<'n>(&'n self, name: &'n str) -> impl Iterator<Item = &'n Rc<Self>> {
        self.children.iter().filter(move |c| c.is_xs(name))
    }

    /// Children of WSDL with this name.
    pub fn wsdl<'n>(&'n self, name: &'n str) -> impl Iterator<Item = &'n Rc<Self>> {
        self.children
            .iter()
            .filter(move |c| c.uri == WSDL && c.name == name)
    }
}

/// Reads a contract file.
///
/// # Errors
/// The file cannot be read or is not well-formed.
pub fn load(path: &Path) -> Result<Rc<Node>> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let limits = Limits {
        bytes: 4 << 20,
        depth: 64,
        elements: 100_000,
        attributes: 64,
    };
    let mut r = Reader::new(&text, limits)?;
    r.root()
        .with_context(|| format!("reading {}", path.display()))?;
    read(&mut r).with_context(|| format!("reading {}", path.display()))
}

fn read(r: &mut Reader<'_>) -> Result<Rc<Node>> {
    let attributes = r
        .sorted_attributes()
        .into_iter()
        .map(|(u, n, v)| (u.to_owned(), n.to_owned(), v.to_owned()))
        .collect();
    let mut node = Node {
        uri: r.element_uri().to_owned(),
        name: r.element_name().to_owned(),
        attributes,
        scope: r.scope(),
        children: Vec::new(),
    };
    while r.next_child()?.is_some() {
        if node.name == "documentation" || node.name == "annotation" {
            r.skip()?;
        } else {
            node.children.push(read(r)?);
        }
    }
    Ok(Rc::new(node))
}
