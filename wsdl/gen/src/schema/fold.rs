//! Complex types: bases, groups and choices folded into one list of parts.

use std::rc::Rc;

use anyhow::{Context, Result, bail, ensure};
use onvif_xml::Ns;

use super::simple::builtin;
use super::{Kind, Owner, Schemas, Shape};
use crate::dom::{Node, XS};
use crate::model::{Field, Occurs, Part, Type};
use crate::names::snake;

impl Schemas {
    /// Adds what a complex type declares, its base's first.
    pub(super) fn fold(&mut self, node: &Rc<Node>, owner: &Owner, shape: &mut Shape) -> Result<()> {
        shape.mixed |= node.attr("mixed") == Some("true");
        for child in &node.children {
            match child.name.as_str() {
                "sequence" | "all" => {
                    self.fold_group(child, owner, shape, occurs_least(child) == 0)?
                }
                "choice" => self.fold_choice(child, owner, shape)?,
                "group" => self.fold_group_ref(child, owner, shape)?,
                "attribute" => self.fold_attribute(child, owner, shape)?,
                "simpleContent" | "complexContent" => {
                    shape.mixed |= child.attr("mixed") == Some("true");
                    let extension = child
                        .xs("extension")
                        .next()
                        .context("only extensions are understood")?;
                    let base = extension.qname("base").context("extension without base")?;
                    if let Some(global) = self.complex.get(&base).cloned() {
                        let rust = match self.names.get(&(Kind::Complex, base.clone())) {
                            Some(Type::Complex { name, .. }) => name.clone(),
                            _ => bail!("{base:?} has no name"),
                        };
                        let owner = Owner {
                            rust,
                            place: Rc::clone(&global.place),
                        };
                        self.fold(&global.node, &owner, shape)?;
                    } else if base == (XS.to_owned(), "anyType".to_owned()) {
                        shape.mixed = true;
                    } else {
                        shape.text = Some(self.named_type(&base)?);
                    }
                    self.fold(extension, owner, shape)?;
                }
                "anyAttribute" | "annotation" => {}
                other => bail!("`{other}` in a complex type is not understood"),
            }
        }
        Ok(())
    }

    fn fold_group(
        &mut self,
        node: &Rc<Node>,
        owner: &Owner,
        shape: &mut Shape,
        optional: bool,
    ) -> Result<()> {
        ensure!(
            occurs_most(node) == 1,
            "a repeated sequence is not understood"
        );
        for child in &node.children {
            match child.name.as_str() {
                "element" => {
                    let mut field = self.element(child, owner)?;
                    if optional {
                        field.occurs = relaxed(field.occurs);
                    }
                    shape.parts.push(Part::Element(field));
                }
                "any" => shape.parts.push(Part::Any),
                "choice" => self.fold_choice(child, owner, shape)?,
                "sequence" => {
                    self.fold_group(child, owner, shape, optional || occurs_least(child) == 0)?
                }
                "group" => self.fold_group_ref(child, owner, shape)?,
                "annotation" => {}
                other => bail!("`{other}` in a sequence is not understood"),
            }
        }
        Ok(())
    }

    fn fold_group_ref(&mut self, node: &Rc<Node>, owner: &Owner, shape: &mut Shape) -> Result<()> {
        let key = node.qname("ref").context("group without ref")?;
        let group = self
            .groups
            .get(&key)
            .cloned()
            .with_context(|| format!("no group {key:?}"))?;
        let owner = Owner {
            rust: owner.rust.clone(),
            place: Rc::clone(&group.place),
        };
        for child in &group.node.children {
            match child.name.as_str() {
                "choice" => self.fold_choice(child, &owner, shape)?,
                _ => self.fold_group(child, &owner, shape, occurs_least(node) == 0)?,
            }
        }
        Ok(())
    }

    /// A choice that may repeat is a list in document order; any other is a set of optional fields.
    fn fold_choice(&mut self, node: &Rc<Node>, owner: &Owner, shape: &mut Shape) -> Result<()> {
        if occurs_most(node) == 1 {
            return self.fold_group(node, owner, shape, true);
        }
        let mut options = Vec::new();
        for child in node.xs("element") {
            let mut field = self.element(child, owner)?;
            field.occurs = Occurs::One;
            options.push(field);
        }
        let key = Rc::as_ptr(node);
        let name = match self.choices.get(&key) {
            Some(name) => name.clone(),
            None => {
                let name = self.take(&owner.place.prefix, &format!("{}Item", owner.rust), "s");
                self.choices.insert(key, name.clone());
                name
            }
        };
        shape.parts.push(Part::Choice { name, options });
        Ok(())
    }

    fn fold_attribute(&mut self, node: &Rc<Node>, owner: &Owner, shape: &mut Shape) -> Result<()> {
        if node.attr("use") == Some("prohibited") {
            return Ok(());
        }
        let (ns, xml, ty) = match (node.qname("ref"), node.attr("name")) {
            (Some((uri, name)), _) => (
                Ns::of(&uri).prefix().to_owned(),
                name,
                builtin("String", false),
            ),
            (None, Some(name)) => {
                let ty = match (node.qname("type"), node.xs("simpleType").next()) {
                    (Some(ty), _) => self.named_type(&ty)?,
                    (None, Some(simple)) => self.anonymous_simple(simple, owner, name)?,
                    (None, None) => builtin("String", false),
                };
                (String::new(), name.to_owned(), ty)
            }
            (None, None) => bail!("attribute without name"),
        };
        let required = node.attr("use") == Some("required");
        let occurs = if required {
            Occurs::One
        } else {
            Occurs::Optional
        };
        // An extension may repeat an attribute of its base.
        shape.attributes.retain(|a| a.xml != xml || a.ns != ns);
        shape.attributes.push(Field {
            rust: snake(&xml),
            xml,
            ns,
            occurs,
            ty,
        });
        Ok(())
    }

    fn element(&mut self, node: &Rc<Node>, owner: &Owner) -> Result<Field> {
        let mut nillable = node.attr("nillable") == Some("true");
        let (ns, xml, ty) = if let Some(key) = node.qname("ref") {
            let global = self.global(Kind::Element, &key)?;
            nillable |= global.node.attr("nillable") == Some("true");
            (
                global.place.prefix.clone(),
                key.1.clone(),
                self.element_type(&key)?,
            )
        } else {
            let xml = node
                .attr("name")
                .context("element without name")?
                .to_owned();
            let anonymous = || {
                node.children
                    .iter()
                    .find(|c| c.is_xs("complexType") || c.is_xs("simpleType"))
            };
            let ty = match (node.qname("type"), anonymous()) {
                (Some(ty), _) => self
                    .named_type(&ty)
                    .with_context(|| format!("element {xml}"))?,
                (None, Some(c)) if c.is_xs("complexType") => {
                    self.anonymous_complex(c, owner, &xml)?
                }
                (None, Some(c)) => self.anonymous_simple(c, owner, &xml)?,
                (None, None) => builtin("x::Mixed", false),
            };
            let qualified = match node.attr("form") {
                Some(form) => form == "qualified",
                None => owner.place.qualified,
            };
            (
                if qualified {
                    owner.place.prefix.clone()
                } else {
                    String::new()
                },
                xml,
                ty,
            )
        };
        let occurs = match (occurs_least(node), occurs_most(node)) {
            (0, 1) => Occurs::Optional,
            (0, _) => Occurs::Many,
            (_, 1) if nillable => Occurs::Nillable,
            (_, 1) => Occurs::One,
            (_, _) => Occurs::Some,
        };
        Ok(Field {
            rust: snake(&xml),
            xml,
            ns,
            occurs,
            ty,
        })
    }
}

fn relaxed(occurs: Occurs) -> Occurs {
    match occurs {
        Occurs::One | Occurs::Optional | Occurs::Nillable => Occurs::Optional,
        Occurs::Many | Occurs::Some => Occurs::Many,
    }
}

fn occurs_least(node: &Node) -> u32 {
    node.attr("minOccurs")
        .and_then(|v| v.parse().ok())
        .unwrap_or(1)
}

fn occurs_most(node: &Node) -> u32 {
    match node.attr("maxOccurs") {
        None => 1,
        Some(v) => v.parse().unwrap_or(u32::MAX),
    }
}
