//! The smallest request of an operation that its contract allows.

use std::fmt::Write;

use super::model::{Complex, Element, Facets, Particle, Schemas, Simple, Term, Type, TypeRef, XS};
use crate::xml::{QName, escape};

/// The token in generated requests; no device has a thing of that name.
pub(super) const UNKNOWN: &str = "conformance-unknown";
/// Nesting at which generating gives up.
const MAX_DEPTH: usize = 12;

impl Schemas {
    /// The smallest valid element of a global declaration: what is optional is left out, tokens name
    /// nothing that exists. `None` when the contracts declare no such element.
    #[must_use]
    pub fn sample(&self, name: &QName) -> Option<String> {
        let element = self.elements.get(name)?;
        let mut out = String::new();
        self.sample_element(element, &mut out, 0);
        Some(out)
    }

    fn sample_element(&self, element: &Element, out: &mut String, depth: usize) {
        let name = &element.name.name;
        // Writing into a string cannot fail.
        let _ = if element.name.ns.is_empty() {
            write!(out, "<{name} xmlns=\"\"")
        } else {
            write!(out, "<{name} xmlns=\"{}\"", element.name.ns)
        };
        if depth < MAX_DEPTH {
            match self.known(&element.of) {
                Some(Type::Complex(complex)) => self.sample_complex(complex, out, depth),
                _ => {
                    let _ = write!(out, ">{}", escape(&self.sample_value(&element.of)));
                }
            }
        } else {
            out.push('>');
        }
        let _ = write!(out, "</{name}>");
    }

    fn known<'a>(&'a self, of: &'a TypeRef) -> Option<&'a Type> {
        match of {
            TypeRef::Named(name) => self.types.get(name),
            TypeRef::Inline(of) => Some(of),
        }
    }

    fn sample_complex(&self, complex: &Complex, out: &mut String, depth: usize) {
        let mut chain = vec![complex];
        while let Some(base) = chain
            .last()
            .and_then(|c| c.extends.as_ref())
            .and_then(|n| self.complex(n))
        {
            chain.push(base);
        }
        for used in chain.iter().flat_map(|c| &c.attributes.uses) {
            if used.required
                && let Some(of) = &used.of
            {
                let _ = write!(
                    out,
                    " {}=\"{}\"",
                    used.name.name,
                    escape(&self.sample_value(of))
                );
            }
        }
        out.push('>');
        if let Some(of) = &complex.simple {
            out.push_str(&escape(&self.sample_value(of)));
        }
        for part in chain.iter().rev().filter_map(|c| c.content.as_ref()) {
            self.sample_particle(part, out, depth);
        }
    }

    fn sample_particle(&self, particle: &Particle, out: &mut String, depth: usize) {
        for _ in 0..particle.min {
            match &particle.term {
                Term::Local(element) => self.sample_element(element, out, depth + 1),
                Term::Global(name) => {
                    if let Some(element) = self.elements.get(name) {
                        self.sample_element(element, out, depth + 1);
                    }
                }
                Term::Sequence(parts) | Term::All(parts) => {
                    for part in parts {
                        self.sample_particle(part, out, depth);
                    }
                }
                Term::Choice(parts) => {
                    if let Some(first) = parts.first() {
                        self.sample_particle(first, out, depth);
                    }
                }
                Term::Any(_) => {}
            }
        }
    }

    fn sample_value(&self, of: &TypeRef) -> String {
        match (self.known(of), of) {
            (Some(Type::Simple(Simple::Restriction { base, facets })), _) => {
                restricted(facets).unwrap_or_else(|| self.sample_value(base))
            }
            (Some(Type::Simple(Simple::Union(members))), _) => members
                .first()
                .map(|m| self.sample_value(m))
                .unwrap_or_default(),
            (Some(_), _) => String::new(),
            (None, TypeRef::Named(name)) if name.ns == XS => value_of(&name.name).to_owned(),
            (None, _) => String::new(),
        }
    }
}

fn restricted(facets: &Facets) -> Option<String> {
    if let Some(first) = facets.enumeration.first() {
        return Some(first.clone());
    }
    facets.min.map(|(min, inclusive)| {
        let n = if inclusive { min } else { min + 1.0 };
        n.to_string()
    })
}

fn value_of(builtin: &str) -> &'static str {
    match builtin {
        "boolean" => "false",
        "float" | "double" | "decimal" | "integer" | "int" | "long" | "short" | "byte"
        | "nonNegativeInteger" | "unsignedInt" | "unsignedShort" | "unsignedByte"
        | "unsignedLong" => "0",
        "positiveInteger" => "1",
        "dateTime" => "2020-01-01T00:00:00Z",
        "date" => "2020-01-01",
        "time" => "00:00:00",
        "duration" => "PT1S",
        "anyURI" => "urn:conformance-unknown",
        "base64Binary" | "hexBinary" => "",
        "language" => "en",
        _ => UNKNOWN,
    }
}
