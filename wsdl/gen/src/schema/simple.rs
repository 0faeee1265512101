//! Simple types: XML Schema's own, lists, unions and enumerations.

use std::collections::HashSet;
use std::rc::Rc;

use anyhow::{Result, bail};

use super::Schemas;
use crate::dom::Node;
use crate::model::{Enumeration, Type};
use crate::names::variant_name;

impl Schemas {
    /// A simple type that is no enumeration.
    pub(super) fn simple_type(&self, node: &Rc<Node>) -> Result<Type> {
        if let Some(r) = node.xs("restriction").next() {
            return match r.qname("base") {
                Some(base) => self.named_type(&base),
                None => r
                    .xs("simpleType")
                    .next()
                    .map_or_else(|| Ok(builtin("String", false)), |s| self.simple_type(s)),
            };
        }
        if let Some(list) = node.xs("list").next() {
            let item = match (list.qname("itemType"), list.xs("simpleType").next()) {
                (Some(item), _) => self.named_type(&item)?,
                (None, Some(simple)) => self.simple_type(simple)?,
                (None, None) => bail!("list without item type"),
            };
            let item = match item {
                Type::Builtin { rust, .. } => rust,
                Type::Enum { module, name } => format!("crate::{module}::{name}"),
                Type::Complex { .. } => bail!("list of complex items"),
            };
            return Ok(builtin(&format!("x::List<{item}>"), false));
        }
        if let Some(union) = node.xs("union").next() {
            let members: Vec<&str> = union
                .attr("memberTypes")
                .unwrap_or("")
                .split_whitespace()
                .collect();
            return match members.as_slice() {
                [only] => self.named_type(&union.resolve(only)),
                _ => Ok(builtin("String", false)),
            };
        }
        bail!("a simple type of no known kind")
    }
}

pub(super) fn is_enum(node: &Node) -> bool {
    node.xs("restriction").any(|r| {
        r.xs("enumeration").next().is_some() && r.qname("base").is_none_or(|b| b.1 != "QName")
    })
}

pub(super) fn enumeration(node: &Node, name: &str, doc: String) -> Enumeration {
    let mut taken = HashSet::new();
    let mut variants = Vec::new();
    let mut texts = HashSet::new();
    for value in node.xs("restriction").flat_map(|r| r.xs("enumeration")) {
        let text = value.attr("value").unwrap_or("").to_owned();
        if !texts.insert(text.clone()) {
            continue;
        }
        let mut variant = variant_name(&text);
        while !taken.insert(variant.clone()) {
            variant.push('X');
        }
        variants.push((variant, text));
    }
    Enumeration {
        name: name.to_owned(),
        doc,
        variants,
    }
}

pub(super) fn builtin(rust: &str, collapse: bool) -> Type {
    Type::Builtin {
        rust: rust.to_owned(),
        collapse,
    }
}

pub(super) fn xs_type(name: &str) -> Result<Type> {
    Ok(match name {
        "string" | "anySimpleType" | "normalizedString" => builtin("String", false),
        "anyURI" | "token" | "NCName" | "Name" | "ID" | "IDREF" | "language" | "NMTOKEN"
        | "date" => builtin("String", true),
        "boolean" => builtin("bool", false),
        "int" | "short" | "byte" => builtin("i32", false),
        "unsignedInt" | "unsignedShort" | "unsignedByte" => builtin("u32", false),
        "integer" | "long" | "negativeInteger" | "nonPositiveInteger" => builtin("i64", false),
        "nonNegativeInteger" | "positiveInteger" | "unsignedLong" => builtin("u64", false),
        "float" => builtin("f32", false),
        "double" | "decimal" => builtin("f64", false),
        "dateTime" => builtin("x::DateTime", false),
        "time" => builtin("x::TimeOfDay", false),
        "duration" => builtin("x::Duration", false),
        "base64Binary" => builtin("x::Base64", false),
        "hexBinary" => builtin("x::Hex", false),
        "QName" => builtin("x::QName", false),
        "anyType" => builtin("x::Mixed", false),
        "IDREFS" | "NMTOKENS" => builtin("x::List<String>", false),
        other => bail!("xs:{other} is not understood"),
    })
}
