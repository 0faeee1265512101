//! The file for the tests: a sample of every generated type, and a visit of all of them.

use std::fmt::Write as _;

use crate::emit::{HEADER, ns_path};
use crate::model::{Body, Field, Occurs, Part, Struct, Type, Unit};

/// Source of the file; `units` have the prefix of their namespace.
pub fn source<'u>(units: impl Iterator<Item = (&'u str, &'u Unit)> + Clone) -> String {
    let mut out = format!(
        "//! A sample of every type, and a visit of all of them. The tests include it; it is no part of the crate.\n\n{HEADER}\nuse onvif_contracts as c;\nuse onvif_xml::ns;\n\nuse super::{{Dice, Sample, Visit}};\n"
    );
    for (module, unit) in units.clone() {
        for e in &unit.enums {
            let _ = write!(
                out,
                "\nimpl Sample for c::{module}::{0} {{\n    fn sample(d: &mut Dice) -> Self {{\n        Self::from(d.word(Self::ALL).as_str())\n    }}\n}}\n",
                e.name
            );
        }
        for s in &unit.structs {
            structure(&mut out, module, s);
        }
    }
    out.push_str("\n/// Visits every struct under the namespace of its contract.\npub fn visit(v: &mut impl Visit) {\n");
    for (module, unit) in units {
        for s in &unit.structs {
            let _ = writeln!(
                out,
                "    v.one::<c::{module}::{0}>({1}, {0:?});",
                s.name,
                ns_path(module)
            );
        }
    }
    out.push_str("}\n");
    out
}

fn structure(out: &mut String, module: &str, s: &Struct) {
    let mut fields = Vec::new();
    match &s.body {
        Body::Parts(parts) => {
            for part in parts {
                match part {
                    Part::Element(f) => fields.push((f.rust.clone(), field(f, false))),
                    Part::Any => fields.push(("any".to_owned(), "d.many(Dice::any)".to_owned())),
                    Part::Choice { name, options } => {
                        choice(out, module, name, options);
                        fields.push(("items".to_owned(), "d.many(Dice::sample)".to_owned()));
                    }
                }
            }
        }
        Body::Text(field, ty) => fields.push((field.clone(), value(ty))),
        Body::Mixed => fields.push(("content".to_owned(), "d.sample()".to_owned())),
    }
    fields.extend(
        s.attributes
            .iter()
            .map(|a| (a.rust.clone(), field(a, true))),
    );
    let used = if fields.is_empty() { "_" } else { "d" };
    let _ = write!(
        out,
        "\nimpl Sample for c::{module}::{} {{\n    fn sample({used}: &mut Dice) -> Self {{\n",
        s.name
    );
    if fields.is_empty() {
        out.push_str("        Self {}\n    }\n}\n");
        return;
    }
    out.push_str("        d.enter();\n        Self {\n");
    for (name, value) in fields {
        let _ = writeln!(out, "            {name}: {value},");
    }
    out.push_str("        }\n    }\n}\n");
}

fn choice(out: &mut String, module: &str, name: &str, options: &[Field]) {
    let _ = write!(
        out,
        "\nimpl Sample for c::{module}::{name} {{\n    fn sample(d: &mut Dice) -> Self {{\n        match d.below({}) {{\n",
        options.len()
    );
    for (n, f) in options.iter().enumerate() {
        let variant = crate::names::type_name(&f.xml);
        let key = if n + 1 == options.len() {
            "_".to_owned()
        } else {
            n.to_string()
        };
        let _ = writeln!(
            out,
            "            {key} => Self::{variant}({}),",
            boxed(&f.ty)
        );
    }
    out.push_str("        }\n    }\n}\n");
}

/// The expression of a field's value.
fn field(f: &Field, attribute: bool) -> String {
    let one = value(&f.ty);
    match f.occurs {
        Occurs::One => one,
        _ if attribute => format!("d.maybe(|d| {one})"),
        Occurs::Optional | Occurs::Nillable => format!("d.maybe(|d| {})", boxed(&f.ty)),
        Occurs::Many => format!("d.many(|d| {one})"),
        Occurs::Some => format!("d.some(|d| {one})"),
    }
}

fn boxed(ty: &Type) -> String {
    let one = value(ty);
    match ty {
        Type::Complex { .. } => format!("Box::new({one})"),
        _ => one,
    }
}

fn value(ty: &Type) -> String {
    match ty {
        Type::Builtin { rust, collapse } => match (rust.as_str(), collapse) {
            ("String", true) => "d.token()".to_owned(),
            ("String", false) => "d.text()".to_owned(),
            ("x::List<String>", _) => "d.list(Dice::name)".to_owned(),
            (list, _) if list.starts_with("x::List<") => "d.list(Dice::sample)".to_owned(),
            _ => "d.sample()".to_owned(),
        },
        _ => "d.sample()".to_owned(),
    }
}
