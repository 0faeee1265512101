//! The parts of a schema, compiled.

use std::collections::HashMap;

use crate::xml::QName;

/// Namespace of XML Schema itself.
pub(super) const XS: &str = "http://www.w3.org/2001/XMLSchema";

/// Every global definition of a set of contracts.
#[derive(Debug, Default)]
pub struct Schemas {
    pub(super) elements: HashMap<QName, Element>,
    pub(super) types: HashMap<QName, Type>,
    pub(super) attributes: HashMap<QName, TypeRef>,
    pub(super) attribute_groups: HashMap<QName, Attributes>,
}

/// A declaration of an element.
#[derive(Clone, Debug)]
pub(super) struct Element {
    pub(super) name: QName,
    pub(super) of: TypeRef,
    pub(super) nillable: bool,
    pub(super) is_abstract: bool,
}

/// A type by name or in place.
#[derive(Clone, Debug)]
pub(super) enum TypeRef {
    Named(QName),
    Inline(Box<Type>),
}

#[derive(Clone, Debug)]
pub(super) enum Type {
    Simple(Simple),
    Complex(Complex),
}

#[derive(Clone, Debug)]
pub(super) enum Simple {
    Restriction { base: TypeRef, facets: Facets },
    List(TypeRef),
    Union(Vec<TypeRef>),
}

/// What a restriction adds.
#[derive(Clone, Debug, Default)]
pub(super) struct Facets {
    pub(super) enumeration: Vec<String>,
    /// The enumeration of a restricted `xs:QName`.
    pub(super) names: Vec<QName>,
    pub(super) patterns: Vec<String>,
    pub(super) length: Option<usize>,
    pub(super) min_length: Option<usize>,
    pub(super) max_length: Option<usize>,
    pub(super) min: Option<(f64, bool)>,
    pub(super) max: Option<(f64, bool)>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Complex {
    /// The type that is extended; its content and attributes come first.
    pub(super) extends: Option<QName>,
    /// The type that is restricted; only its attributes are inherited.
    pub(super) restricts: Option<QName>,
    /// Simple content and its type.
    pub(super) simple: Option<TypeRef>,
    pub(super) content: Option<Particle>,
    pub(super) attributes: Attributes,
    pub(super) mixed: bool,
    pub(super) is_abstract: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Attributes {
    pub(super) uses: Vec<AttributeUse>,
    pub(super) groups: Vec<QName>,
    pub(super) any: Option<Wildcard>,
}

#[derive(Clone, Debug)]
pub(super) struct AttributeUse {
    pub(super) name: QName,
    /// `None` refers to a global attribute of that name.
    pub(super) of: Option<TypeRef>,
    pub(super) required: bool,
    pub(super) prohibited: bool,
    pub(super) fixed: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Particle {
    pub(super) term: Term,
    pub(super) min: u32,
    /// `None` is unbounded.
    pub(super) max: Option<u32>,
}

#[derive(Clone, Debug)]
pub(super) enum Term {
    Local(Element),
    Global(QName),
    Any(Wildcard),
    Sequence(Vec<Particle>),
    Choice(Vec<Particle>),
    All(Vec<Particle>),
}

#[derive(Clone, Debug)]
pub(super) struct Wildcard {
    pub(super) namespaces: Namespaces,
    pub(super) process: Process,
}

#[derive(Clone, Debug)]
pub(super) enum Namespaces {
    Any,
    /// Not this namespace, and not none.
    Other(String),
    Of(Vec<String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Process {
    Strict,
    Lax,
    Skip,
}

impl Wildcard {
    pub(super) fn admits(&self, ns: &str) -> bool {
        match &self.namespaces {
            Namespaces::Any => true,
            Namespaces::Other(own) => !ns.is_empty() && ns != own,
            Namespaces::Of(list) => list.iter().any(|n| n == ns),
        }
    }
}

impl Schemas {
    /// Whether an element of that name is declared globally.
    #[must_use]
    pub fn declares(&self, name: &QName) -> bool {
        self.elements.contains_key(name)
    }

    /// Names of the global elements of a namespace.
    pub fn declared(&self, ns: &str) -> Vec<&str> {
        let mut names: Vec<&str> = self
            .elements
            .keys()
            .filter(|n| n.ns == ns)
            .map(|n| n.name.as_str())
            .collect();
        names.sort_unstable();
        names
    }

    pub(super) fn complex(&self, name: &QName) -> Option<&Complex> {
        match self.types.get(name) {
            Some(Type::Complex(c)) => Some(c),
            _ => None,
        }
    }

    /// Whether `name` is `base` or derived from it.
    pub(super) fn derives(&self, name: &QName, base: &QName) -> bool {
        let mut here = name.clone();
        for _ in 0..32 {
            if here == *base {
                return true;
            }
            let next = match self.types.get(&here) {
                Some(Type::Complex(c)) => match (&c.extends, &c.restricts, &c.simple) {
                    (Some(b), _, _) | (_, Some(b), _) => b.clone(),
                    (_, _, Some(TypeRef::Named(b))) => b.clone(),
                    _ => break,
                },
                Some(Type::Simple(Simple::Restriction {
                    base: TypeRef::Named(b),
                    ..
                })) => b.clone(),
                _ => break,
            };
            here = next;
        }
        base.ns == XS && matches!(base.name.as_str(), "anyType" | "anySimpleType")
    }
}
