//! Judges an element and everything below it.

use super::{
    content::{self, Match},
    model::{Attributes, Complex, Element as Decl, Particle, Process, Schemas, Type, TypeRef, XS},
    simple,
};
use crate::xml::{Element, QName, XSI};

/// Violations that are told; more are counted nowhere.
const MAX_VIOLATIONS: usize = 20;

impl Schemas {
    /// Every violation below `root`, which must be declared globally. Empty when it is valid.
    #[must_use]
    pub fn violations(&self, root: &Element) -> Vec<String> {
        let mut judge = Judge {
            schemas: self,
            violations: Vec::new(),
        };
        match self.elements.get(&root.name) {
            Some(decl) => judge.element(root, decl, &root.name.name),
            None => judge.say(&root.name.name, format!("{} is not declared", root.name)),
        }
        judge.violations
    }

    /// Every violation of `root` by a named type.
    #[must_use]
    pub fn violations_of_type(&self, root: &Element, of: &QName) -> Vec<String> {
        let mut judge = Judge {
            schemas: self,
            violations: Vec::new(),
        };
        judge.typed(root, &TypeRef::Named(of.clone()), &root.name.name);
        judge.violations
    }

    /// Whether `value` belongs to a simple type; `scope` resolves prefixes.
    ///
    /// # Errors
    /// Why not.
    pub fn check_value(&self, of: &QName, value: &str, scope: &Element) -> Result<(), String> {
        simple::check(self, &TypeRef::Named(of.clone()), value, scope)
    }
}

struct Judge<'a> {
    schemas: &'a Schemas,
    violations: Vec<String>,
}

impl<'a> Judge<'a> {
    fn say(&mut self, path: &str, what: String) {
        if self.violations.len() < MAX_VIOLATIONS {
            self.violations.push(format!("{path}: {what}"));
        }
    }

    fn element(&mut self, node: &Element, decl: &Decl, path: &str) {
        if node.attribute(XSI, "nil").map(str::trim) == Some("true") {
            if !decl.nillable {
                self.say(path, "xsi:nil, but it is not nillable".into());
            } else if !node.children.is_empty() || !node.text.trim().is_empty() {
                self.say(path, "xsi:nil, but not empty".into());
            }
            return;
        }
        if let Some(value) = node.attribute(XSI, "type") {
            let Some(name) = node.resolve(value) else {
                return self.say(
                    path,
                    format!("xsi:type {value}: the prefix is not declared"),
                );
            };
            if name.ns != XS && !self.schemas.types.contains_key(&name) {
                return self.say(path, format!("xsi:type {name} does not exist"));
            }
            if let TypeRef::Named(base) = &decl.of
                && !self.schemas.derives(&name, base)
            {
                return self.say(path, format!("xsi:type {name} is not derived from {base}"));
            }
            return self.typed(node, &TypeRef::Named(name), path);
        }
        self.typed(node, &decl.of, path);
    }

    fn typed(&mut self, node: &Element, of: &TypeRef, path: &str) {
        let schemas = self.schemas;
        match of {
            TypeRef::Named(name) if name.ns == XS && name.name == "anyType" => {
                for child in &node.children {
                    self.wild(child, Process::Lax, &below(path, child));
                }
            }
            TypeRef::Named(name) => match schemas.types.get(name) {
                Some(Type::Complex(complex)) => self.complex(node, complex, path),
                _ => self.simple(node, of, path),
            },
            TypeRef::Inline(inline) => match &**inline {
                Type::Complex(complex) => self.complex(node, complex, path),
                Type::Simple(_) => self.simple(node, of, path),
            },
        }
    }

    fn simple(&mut self, node: &Element, of: &TypeRef, path: &str) {
        if !node.children.is_empty() {
            return self.say(path, "has elements, but its type is simple".into());
        }
        for (name, _) in &node.attributes {
            if name.ns != XSI {
                self.say(path, format!("attribute {name} on a simple type"));
            }
        }
        if let Err(why) = simple::check(self.schemas, of, &node.text, node) {
            self.say(path, why);
        }
    }

    fn complex(&mut self, node: &Element, complex: &Complex, path: &str) {
        if complex.is_abstract {
            self.say(
                path,
                "its type is abstract and no xsi:type says which".into(),
            );
        }
        self.attributes(node, complex, path);
        if let Some(of) = &complex.simple {
            if !node.children.is_empty() {
                self.say(path, "has elements, but its content is simple".into());
            }
            if let Err(why) = simple::check(self.schemas, of, &node.text, node) {
                self.say(path, why);
            }
            return;
        }
        let mixed = complex.mixed || self.ancestors(complex).iter().any(|a| a.mixed);
        if !mixed && !node.text.trim().is_empty() {
            let text: String = node.text.trim().chars().take(40).collect();
            self.say(path, format!("text {text:?} beside elements"));
        }
        let chain = self.ancestors(complex);
        let mut models: Vec<&Particle> = chain
            .iter()
            .rev()
            .filter_map(|c| c.content.as_ref())
            .collect();
        models.extend(complex.content.as_ref());
        match content::assign(self.schemas, &models, &node.children) {
            Ok(matches) => {
                for (child, found) in node.children.iter().zip(matches) {
                    let path = below(path, child);
                    match found {
                        Match::Element(decl) => self.element(child, decl, &path),
                        Match::Any(wildcard) => self.wild(child, wildcard.process, &path),
                    }
                }
            }
            Err(mismatch) => {
                let expected: Vec<&str> = mismatch.expected.iter().map(String::as_str).collect();
                let expected = if expected.is_empty() {
                    "nothing more".to_owned()
                } else {
                    expected.join(" or ")
                };
                let found = node
                    .children
                    .get(mismatch.at)
                    .map_or("the end".to_owned(), |c| c.name.to_string());
                self.say(path, format!("{found} where {expected} is due"));
            }
        }
    }

    /// The types that `complex` extends, nearest first.
    fn ancestors(&self, complex: &Complex) -> Vec<&'a Complex> {
        let mut chain = Vec::new();
        let mut next = complex.extends.clone();
        while let Some(base) = next.as_ref().and_then(|n| self.schemas.complex(n)) {
            chain.push(base);
            next = base.extends.clone();
            if chain.len() > 32 {
                break;
            }
        }
        chain
    }

    fn wild(&mut self, node: &Element, process: Process, path: &str) {
        if process == Process::Skip {
            return;
        }
        match self.schemas.elements.get(&node.name) {
            Some(decl) => self.element(node, decl, path),
            None if process == Process::Strict => {
                self.say(path, format!("{} is not declared", node.name));
            }
            None if node.attribute(XSI, "type").is_some() => {
                let anything = Decl {
                    name: node.name.clone(),
                    of: TypeRef::Named(QName::new(XS, "anyType")),
                    nillable: true,
                    is_abstract: false,
                };
                self.element(node, &anything, path);
            }
            None => {
                for child in &node.children {
                    self.wild(child, Process::Lax, &below(path, child));
                }
            }
        }
    }

    fn attributes(&mut self, node: &Element, complex: &Complex, path: &str) {
        let schemas = self.schemas;
        let mut sets: Vec<&Attributes> = vec![&complex.attributes];
        sets.extend(self.ancestors(complex).iter().map(|c| &c.attributes));
        if let Some(base) = complex.restricts.as_ref().and_then(|n| schemas.complex(n)) {
            sets.push(&base.attributes);
        }
        // Extended simple content may stand on a complex type with attributes of its own.
        if let Some(TypeRef::Named(name)) = &complex.simple
            && let Some(base) = schemas.complex(name)
        {
            sets.push(&base.attributes);
        }
        let groups: Vec<&QName> = sets.iter().flat_map(|s| &s.groups).collect();
        sets.extend(
            groups
                .iter()
                .filter_map(|g| schemas.attribute_groups.get(g)),
        );
        for (name, value) in node.attributes.iter().filter(|(n, _)| n.ns != XSI) {
            let declared = sets
                .iter()
                .flat_map(|s| &s.uses)
                .find(|u| u.name == *name && !u.prohibited);
            let of = match declared {
                Some(used) => {
                    if used.fixed.as_ref().is_some_and(|f| f != value) {
                        self.say(
                            path,
                            format!("attribute {name}: {value:?} is not the fixed value"),
                        );
                    }
                    used.of.as_ref().or_else(|| schemas.attributes.get(name))
                }
                None => {
                    let admitted = sets
                        .iter()
                        .filter_map(|s| s.any.as_ref())
                        .any(|w| w.admits(&name.ns));
                    if !admitted {
                        self.say(path, format!("attribute {name} is not allowed"));
                    }
                    schemas.attributes.get(name)
                }
            };
            if let Some(of) = of
                && let Err(why) = simple::check(schemas, of, value, node)
            {
                self.say(path, format!("attribute {name}: {why}"));
            }
        }
        let missing: Vec<QName> = sets
            .iter()
            .flat_map(|s| &s.uses)
            .filter(|u| u.required && node.attribute(&u.name.ns, &u.name.name).is_none())
            .map(|u| u.name.clone())
            .collect();
        for name in missing {
            self.say(path, format!("attribute {name} is missing"));
        }
    }
}

fn below(path: &str, child: &Element) -> String {
    format!("{path}/{}", child.name.name)
}
