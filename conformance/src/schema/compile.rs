//! From schema documents to [`Schemas`].

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::model::{
    AttributeUse, Attributes, Complex, Element, Facets, Namespaces, Particle, Process, Schemas,
    Simple, Term, Type, TypeRef, Wildcard, XS,
};
use crate::xml::{self, Element as Node, QName};

/// Documents that define again what others do, or that no case needs.
const LEFT_OUT: &[&str] = &[
    "event-vs.wsdl",
    "bw-2-vs-mod.wsdl",
    "mpqf.xsd",
    "federatedsearch.wsdl",
];

/// Reads every schema below `folder`: files, and the schemas inside WSDL files.
///
/// # Errors
/// When there is none, or one cannot be read.
pub fn load(folder: &Path) -> Result<Schemas> {
    let mut schemas = Schemas::default();
    builtin(&mut schemas);
    let mut folders = vec![folder.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).with_context(|| {
            format!(
                "{}: no ONVIF contracts; `make setup` obtains them",
                folder.display()
            )
        })?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if wanted(&path) {
                files.push(path);
            }
        }
    }
    // The same order everywhere: the first definition of a name counts.
    files.sort();
    for path in &files {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let root = xml::parse(&text).with_context(|| path.display().to_string())?;
        for schema in root
            .walk()
            .into_iter()
            .filter(|e| e.name.ns == XS && e.name.name == "schema")
        {
            add(&mut schemas, schema);
        }
    }
    ensure!(
        schemas.declares(&QName::new(
            "http://www.onvif.org/ver10/device/wsdl",
            "GetServices"
        )),
        "{}: the contract of the device service is not there",
        folder.display()
    );
    Ok(schemas)
}

fn wanted(path: &Path) -> bool {
    let name = path
        .file_name()
        .and_then(|n| n.to_str())
        .unwrap_or_default();
    let xml = [".wsdl", ".xsd"].iter().any(|e| name.ends_with(e))
        || ["include", "xmlmime", "soap-envelope"].contains(&name);
    xml && !LEFT_OUT.contains(&name)
}

/// Attributes that are known without a document.
fn builtin(schemas: &mut Schemas) {
    let xml = "http://www.w3.org/XML/1998/namespace";
    for (name, of) in [
        ("lang", "language"),
        ("space", "NCName"),
        ("base", "anyURI"),
    ] {
        schemas
            .attributes
            .insert(QName::new(xml, name), TypeRef::Named(QName::new(XS, of)));
    }
}

/// Adds one schema.
pub(super) fn add(schemas: &mut Schemas, schema: &Node) {
    let target = schema.attr("targetNamespace").unwrap_or_default();
    let at = Place {
        target,
        qualified: schema.attr("elementFormDefault") == Some("qualified"),
        qualified_attributes: schema.attr("attributeFormDefault") == Some("qualified"),
    };
    for node in xs(schema) {
        let Some(name) = node.attr("name") else {
            continue;
        };
        let name = QName::new(target, name);
        match node.name.name.as_str() {
            "element" => {
                let element = at.element(node, name.clone());
                schemas.elements.entry(name).or_insert(element);
            }
            "complexType" => {
                let of = Type::Complex(at.complex(node));
                schemas.types.entry(name).or_insert(of);
            }
            "simpleType" => {
                let of = Type::Simple(at.simple(node));
                schemas.types.entry(name).or_insert(of);
            }
            "attribute" => {
                let of = at.type_of(node);
                schemas.attributes.entry(name).or_insert(of);
            }
            "attributeGroup" => {
                let group = at.attributes(node);
                schemas.attribute_groups.entry(name).or_insert(group);
            }
            _ => {}
        }
    }
}

fn xs(node: &Node) -> impl Iterator<Item = &Node> {
    node.children.iter().filter(|c| c.name.ns == XS)
}

fn child<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    xs(node).find(|c| c.name.name == name)
}

struct Place<'a> {
    target: &'a str,
    qualified: bool,
    qualified_attributes: bool,
}

impl Place<'_> {
    fn name(&self, node: &Node, value: &str) -> QName {
        // A prefix that is not declared stays visible in the message of whoever misses the type.
        node.resolve(value).unwrap_or_else(|| QName::new("", value))
    }

    fn type_of(&self, node: &Node) -> TypeRef {
        if let Some(name) = node.attr("type") {
            return TypeRef::Named(self.name(node, name));
        }
        if let Some(complex) = child(node, "complexType") {
            return TypeRef::Inline(Box::new(Type::Complex(self.complex(complex))));
        }
        if let Some(simple) = child(node, "simpleType") {
            return TypeRef::Inline(Box::new(Type::Simple(self.simple(simple))));
        }
        TypeRef::Named(QName::new(XS, "anyType"))
    }

    fn element(&self, node: &Node, name: QName) -> Element {
        Element {
            name,
            of: self.type_of(node),
            nillable: node.attr("nillable") == Some("true"),
            is_abstract: node.attr("abstract") == Some("true"),
        }
    }

    fn simple(&self, node: &Node) -> Simple {
        if let Some(list) = child(node, "list") {
            let of = match list.attr("itemType") {
                Some(name) => TypeRef::Named(self.name(list, name)),
                None => self.type_of(list),
            };
            return Simple::List(of);
        }
        if let Some(union) = child(node, "union") {
            let named = union.attr("memberTypes").unwrap_or_default();
            let named = named
                .split_whitespace()
                .map(|n| TypeRef::Named(self.name(union, n)));
            let inline = xs(union)
                .filter(|c| c.name.name == "simpleType")
                .map(|c| TypeRef::Inline(Box::new(Type::Simple(self.simple(c)))));
            return Simple::Union(named.chain(inline).collect());
        }
        match child(node, "restriction") {
            Some(restriction) => self.restriction(restriction),
            None => Simple::Union(Vec::new()),
        }
    }

    fn restriction(&self, node: &Node) -> Simple {
        let base = match node.attr("base") {
            Some(name) => TypeRef::Named(self.name(node, name)),
            None => self.type_of(node),
        };
        let mut facets = Facets::default();
        let names = matches!(&base, TypeRef::Named(n) if *n == QName::new(XS, "QName"));
        for facet in xs(node) {
            let value = facet.attr("value").unwrap_or_default();
            let number = || value.parse().ok();
            match facet.name.name.as_str() {
                "enumeration" if names => facets.names.extend(facet.resolve(value)),
                "enumeration" => facets.enumeration.push(value.to_owned()),
                "pattern" => facets.patterns.push(value.to_owned()),
                "length" => facets.length = value.parse().ok(),
                "minLength" => facets.min_length = value.parse().ok(),
                "maxLength" => facets.max_length = value.parse().ok(),
                "minInclusive" => facets.min = number().map(|n| (n, true)),
                "minExclusive" => facets.min = number().map(|n| (n, false)),
                "maxInclusive" => facets.max = number().map(|n| (n, true)),
                "maxExclusive" => facets.max = number().map(|n| (n, false)),
                _ => {}
            }
        }
        Simple::Restriction { base, facets }
    }

    fn complex(&self, node: &Node) -> Complex {
        let mut result = Complex {
            mixed: node.attr("mixed") == Some("true"),
            is_abstract: node.attr("abstract") == Some("true"),
            ..Complex::default()
        };
        let mut body = node;
        if let Some(content) = child(node, "complexContent").or(child(node, "simpleContent")) {
            let simple = content.name.name == "simpleContent";
            result.mixed |= content.attr("mixed") == Some("true");
            if let Some(derivation) = child(content, "extension").or(child(content, "restriction"))
            {
                let base = derivation.attr("base").unwrap_or_default();
                let base = self.name(derivation, base);
                let extension = derivation.name.name == "extension";
                body = derivation;
                if simple {
                    result.simple = Some(if extension {
                        TypeRef::Named(base)
                    } else {
                        TypeRef::Inline(Box::new(Type::Simple(self.restriction(derivation))))
                    });
                } else if base == QName::new(XS, "anyType") {
                    // The default: nothing is inherited.
                } else if extension {
                    result.extends = Some(base);
                } else {
                    result.restricts = Some(base);
                }
            }
        }
        result.attributes = self.attributes(body);
        result.content = xs(body).find_map(|c| self.group(c));
        result
    }

    /// A sequence, choice or all; `None` for anything else.
    fn group(&self, node: &Node) -> Option<Particle> {
        let parts = || xs(node).filter_map(|c| self.particle(c)).collect();
        let term = match node.name.name.as_str() {
            "sequence" => Term::Sequence(parts()),
            "choice" => Term::Choice(parts()),
            "all" => Term::All(parts()),
            _ => return None,
        };
        Some(occurs(node, term))
    }

    fn particle(&self, node: &Node) -> Option<Particle> {
        let term = match node.name.name.as_str() {
            "element" => match node.attr("ref") {
                Some(name) => Term::Global(self.name(node, name)),
                None => {
                    let qualified = match node.attr("form") {
                        Some(form) => form == "qualified",
                        None => self.qualified,
                    };
                    let ns = if qualified { self.target } else { "" };
                    let name = QName::new(ns, node.attr("name").unwrap_or_default());
                    Term::Local(self.element(node, name))
                }
            },
            "any" => Term::Any(self.wildcard(node)),
            _ => return self.group(node),
        };
        Some(occurs(node, term))
    }

    fn wildcard(&self, node: &Node) -> Wildcard {
        let namespaces = match node.attr("namespace").unwrap_or("##any") {
            "##any" => Namespaces::Any,
            "##other" => Namespaces::Other(self.target.to_owned()),
            list => Namespaces::Of(
                list.split_whitespace()
                    .map(|n| match n {
                        "##targetNamespace" => self.target.to_owned(),
                        "##local" => String::new(),
                        n => n.to_owned(),
                    })
                    .collect(),
            ),
        };
        let process = match node.attr("processContents") {
            Some("lax") => Process::Lax,
            Some("skip") => Process::Skip,
            _ => Process::Strict,
        };
        Wildcard {
            namespaces,
            process,
        }
    }

    fn attributes(&self, node: &Node) -> Attributes {
        let mut result = Attributes::default();
        for c in xs(node) {
            match c.name.name.as_str() {
                "attribute" => {
                    let (name, of) = match c.attr("ref") {
                        Some(name) => (self.name(c, name), None),
                        None => {
                            let qualified = match c.attr("form") {
                                Some(form) => form == "qualified",
                                None => self.qualified_attributes,
                            };
                            let ns = if qualified { self.target } else { "" };
                            let name = QName::new(ns, c.attr("name").unwrap_or_default());
                            (name, Some(self.type_of(c)))
                        }
                    };
                    result.uses.push(AttributeUse {
                        name,
                        of,
                        required: c.attr("use") == Some("required"),
                        prohibited: c.attr("use") == Some("prohibited"),
                        fixed: c.attr("fixed").map(str::to_owned),
                    });
                }
                "attributeGroup" => {
                    let name = c.attr("ref").unwrap_or_default();
                    result.groups.push(self.name(c, name));
                }
                "anyAttribute" => result.any = Some(self.wildcard(c)),
                _ => {}
            }
        }
        result
    }
}

fn occurs(node: &Node, term: Term) -> Particle {
    let min = node.attr("minOccurs").and_then(|v| v.parse().ok());
    let max = match node.attr("maxOccurs") {
        Some("unbounded") => None,
        Some(v) => Some(v.parse().unwrap_or(1)),
        None => Some(1),
    };
    Particle {
        term,
        min: min.unwrap_or(1),
        max,
    }
}
