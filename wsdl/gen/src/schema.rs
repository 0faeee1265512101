//! From XML Schema to the model.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use anyhow::{Context, Result, bail, ensure};
use onvif_xml::Ns;

use crate::dom::{Node, XS};
use crate::model::{Body, Enumeration, Field, Occurs, Part, Struct, Type, Unit};
use crate::names::{snake, type_name, variant_name};

/// Where a declaration stands.
#[derive(Debug)]
pub struct Place {
    /// Namespace URI.
    pub uri: String,
    /// Our prefix for it.
    pub prefix: String,
    /// Name of the file's unit within the namespace.
    pub unit: String,
    /// Whether local elements are in the namespace.
    pub qualified: bool,
}

type Name = (String, String);

#[derive(Clone, Debug)]
struct Global {
    node: Rc<Node>,
    place: Rc<Place>,
}

/// Who owns an anonymous type: the struct it stands in.
#[derive(Clone)]
struct Owner {
    rust: String,
    place: Rc<Place>,
}

/// All schemas, and the model made of them so far.
#[derive(Default, Debug)]
pub struct Schemas {
    complex: HashMap<Name, Global>,
    simple: HashMap<Name, Global>,
    elements: HashMap<Name, Global>,
    groups: HashMap<Name, Global>,
    /// Global names in the order of the files.
    order: Vec<(Kind, Name)>,
    taken: HashSet<(String, String)>,
    names: HashMap<(Kind, Name), Type>,
    anonymous: HashMap<*const Node, Type>,
    choices: HashMap<*const Node, String>,
    /// The model: by prefix and unit.
    pub units: BTreeMap<(String, String), Unit>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Complex,
    Simple,
    Element,
}

/// What a complex type comes to when its bases are folded in.
#[derive(Default)]
struct Shape {
    attributes: Vec<Field>,
    parts: Vec<Part>,
    text: Option<Type>,
    mixed: bool,
}

impl Schemas {
    /// Takes in one `xs:schema`.
    ///
    /// # Errors
    /// Its namespace is not in the table of `onvif_xml::ns`.
    pub fn add(&mut self, schema: &Rc<Node>, unit: &str) -> Result<()> {
        let Some(uri) = schema.attr("targetNamespace") else {
            return Ok(()); // Only imports.
        };
        let ns = Ns::of(uri);
        ensure!(ns != Ns::OTHER, "namespace {uri} is not in onvif_xml::ns");
        let place = Rc::new(Place {
            uri: uri.to_owned(),
            prefix: ns.prefix().to_owned(),
            unit: unit.to_owned(),
            qualified: schema.attr("elementFormDefault") == Some("qualified"),
        });
        self.units
            .entry((place.prefix.clone(), place.unit.clone()))
            .or_default();
        for node in &schema.children {
            let Some(name) = node.attr("name") else {
                continue;
            };
            let key = (uri.to_owned(), name.to_owned());
            let global = Global {
                node: Rc::clone(node),
                place: Rc::clone(&place),
            };
            let (map, kind) = match node.name.as_str() {
                "complexType" => (&mut self.complex, Some(Kind::Complex)),
                "simpleType" => (&mut self.simple, Some(Kind::Simple)),
                "element" => (&mut self.elements, Some(Kind::Element)),
                "group" => (&mut self.groups, None),
                _ => continue,
            };
            ensure!(
                map.insert(key.clone(), global).is_none(),
                "{uri} {name} is declared twice"
            );
            self.order.extend(kind.map(|k| (k, key)));
        }
        Ok(())
    }

    /// Builds the model of everything that was taken in.
    ///
    /// # Errors
    /// A construct is not understood or a name cannot be resolved.
    pub fn build(&mut self) -> Result<()> {
        let order = std::mem::take(&mut self.order);
        // Named types first, so that they get their own names.
        for kind in [Kind::Complex, Kind::Simple, Kind::Element] {
            for (_, key) in order.iter().filter(|(k, _)| *k == kind) {
                self.allocate(kind, key)?;
            }
        }
        for (kind, key) in &order {
            let global = self.global(*kind, key)?;
            match (kind, self.names.get(&(*kind, key.clone())).cloned()) {
                (Kind::Complex, Some(Type::Complex { name, .. })) => {
                    let doc = format!("`{}:{}`.", global.place.prefix, key.1);
                    self.build_struct(&global.node, &global.place, &name, doc)?;
                }
                (Kind::Simple, Some(Type::Enum { name, .. })) => {
                    self.build_enum(&global, &name, &key.1)
                }
                (Kind::Element, Some(Type::Complex { name, .. })) => {
                    if let Some(anonymous) = global.node.xs("complexType").next() {
                        let doc = format!("Element `{}:{}`.", global.place.prefix, key.1);
                        self.build_struct(anonymous, &global.place, &name, doc)?;
                        self.unit(&global.place)
                            .elements
                            .push((name, key.1.clone()));
                    }
                }
                _ => {}
            }
        }
        self.name_elements(&order)
    }

    /// Elements that share a named type: the type's own element when it has only one, and an alias.
    fn name_elements(&mut self, order: &[(Kind, Name)]) -> Result<()> {
        let mut users: HashMap<(String, String), Vec<Name>> = HashMap::new();
        let typed = order.iter().filter(|(k, _)| *k == Kind::Element);
        for (_, key) in typed.clone() {
            let global = self.global(Kind::Element, key)?;
            if global.node.attr("type").is_some() {
                if let Type::Complex { module, name } = self.element_type(key)? {
                    users.entry((module, name)).or_default().push(key.clone());
                }
            }
        }
        for (_, key) in typed {
            let global = self.global(Kind::Element, key)?;
            if global.node.attr("type").is_none() {
                continue;
            }
            let Type::Complex { module, name } = self.element_type(key)? else {
                continue;
            };
            let sole = users
                .get(&(module.clone(), name.clone()))
                .is_some_and(|u| u.len() == 1);
            let local = module == global.place.prefix;
            if sole && local {
                self.unit(&global.place)
                    .elements
                    .push((name.clone(), key.1.clone()));
            }
            let alias = type_name(&key.1);
            if local && self.taken.insert((module.clone(), alias.clone())) {
                self.unit(&global.place).aliases.push((alias, name));
            }
        }
        Ok(())
    }

    /// The type of a global element.
    ///
    /// # Errors
    /// There is no such element.
    pub fn element_type(&self, key: &(String, String)) -> Result<Type> {
        let global = self.global(Kind::Element, key)?;
        if let Some(ty) = self.names.get(&(Kind::Element, key.clone())) {
            return Ok(ty.clone());
        }
        match global.node.qname("type") {
            Some(ty) => self.named_type(&ty),
            None => Ok(builtin("x::Mixed", false)),
        }
    }

    fn allocate(&mut self, kind: Kind, key: &Name) -> Result<()> {
        let global = self.global(kind, key)?;
        let module = global.place.prefix.clone();
        let wanted = match kind {
            Kind::Complex => true,
            Kind::Simple => is_enum(&global.node),
            Kind::Element => global.node.xs("complexType").next().is_some(),
        };
        if wanted {
            let name = self.take(&module, &type_name(&key.1), "Element");
            let ty = if kind == Kind::Simple {
                Type::Enum { module, name }
            } else {
                Type::Complex { module, name }
            };
            self.names.insert((kind, key.clone()), ty);
        }
        Ok(())
    }

    fn take(&mut self, module: &str, name: &str, suffix: &str) -> String {
        let mut name = name.to_owned();
        while !self.taken.insert((module.to_owned(), name.clone())) {
            name.push_str(suffix);
        }
        name
    }

    fn global(&self, kind: Kind, key: &Name) -> Result<Global> {
        let map = match kind {
            Kind::Complex => &self.complex,
            Kind::Simple => &self.simple,
            Kind::Element => &self.elements,
        };
        map.get(key)
            .cloned()
            .with_context(|| format!("no {kind:?} {{{}}}{}", key.0, key.1))
    }

    fn unit(&mut self, place: &Place) -> &mut Unit {
        self.units
            .entry((place.prefix.clone(), place.unit.clone()))
            .or_default()
    }

    fn build_enum(&mut self, global: &Global, name: &str, contract: &str) {
        let doc = format!("`{}:{contract}`.", global.place.prefix);
        let e = enumeration(&global.node, name, doc);
        self.unit(&global.place).enums.push(e);
    }

    fn build_struct(
        &mut self,
        node: &Rc<Node>,
        place: &Rc<Place>,
        name: &str,
        doc: String,
    ) -> Result<()> {
        let owner = Owner {
            rust: name.to_owned(),
            place: Rc::clone(place),
        };
        let mut shape = Shape::default();
        self.fold(node, &owner, &mut shape)
            .with_context(|| format!("in {name}"))?;
        let body = if shape.mixed {
            Body::Mixed
        } else if let Some(text) = shape.text {
            let clash = shape.attributes.iter().any(|a| a.rust == "value");
            Body::Text(if clash { "text" } else { "value" }.to_owned(), text)
        } else {
            Body::Parts(kept(shape.parts, &place.prefix))
        };
        let mut built = Struct {
            name: name.to_owned(),
            doc,
            attributes: shape.attributes,
            body,
        };
        make_unique(&mut built);
        self.unit(place).structs.push(built);
        Ok(())
    }

    /// Adds what a complex type declares, its base's first.
    fn fold(&mut self, node: &Rc<Node>, owner: &Owner, shape: &mut Shape) -> Result<()> {
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

    fn anonymous_complex(&mut self, node: &Rc<Node>, owner: &Owner, element: &str) -> Result<Type> {
        if let Some(ty) = self.anonymous.get(&Rc::as_ptr(node)) {
            return Ok(ty.clone());
        }
        let module = owner.place.prefix.clone();
        let name = self.take(
            &module,
            &format!("{}{}", owner.rust, type_name(element)),
            "Element",
        );
        let ty = Type::Complex {
            module,
            name: name.clone(),
        };
        self.anonymous.insert(Rc::as_ptr(node), ty.clone());
        let doc = format!("Type of `{element}` in [`{}`].", owner.rust);
        self.build_struct(node, &owner.place, &name, doc)?;
        Ok(ty)
    }

    fn anonymous_simple(&mut self, node: &Rc<Node>, owner: &Owner, part: &str) -> Result<Type> {
        if !is_enum(node) {
            return self.simple_type(node);
        }
        if let Some(ty) = self.anonymous.get(&Rc::as_ptr(node)) {
            return Ok(ty.clone());
        }
        let module = owner.place.prefix.clone();
        let name = self.take(
            &module,
            &format!("{}{}", owner.rust, type_name(part)),
            "Value",
        );
        let ty = Type::Enum {
            module,
            name: name.clone(),
        };
        self.anonymous.insert(Rc::as_ptr(node), ty.clone());
        let e = enumeration(
            node,
            &name,
            format!("Type of `{part}` in [`{}`].", owner.rust),
        );
        self.unit(&owner.place).enums.push(e);
        Ok(ty)
    }

    fn named_type(&self, key: &Name) -> Result<Type> {
        if key.0 == XS {
            return xs_type(&key.1);
        }
        if Ns::of(&key.0) == onvif_xml::ns::WSNT && key.1 == "AbsoluteOrRelativeTimeType" {
            return Ok(builtin("x::AbsoluteOrRelative", false));
        }
        if Ns::of(&key.0) == onvif_xml::ns::SOAP12 {
            return Ok(builtin("x::Mixed", false)); // A whole envelope as a field: kept as it is.
        }
        for kind in [Kind::Complex, Kind::Simple] {
            if let Some(ty) = self.names.get(&(kind, key.clone())) {
                return Ok(ty.clone());
            }
        }
        self.simple_type(&self.global(Kind::Simple, key)?.node)
    }

    /// A simple type that is no enumeration.
    fn simple_type(&self, node: &Rc<Node>) -> Result<Type> {
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

/// Open content is kept where it is all there is, and in the OASIS and W3C types, where it carries meaning.
/// Elsewhere it is room for extensions: accepted and passed over.
fn kept(mut parts: Vec<Part>, prefix: &str) -> Vec<Part> {
    let alone = parts.iter().all(|p| matches!(p, Part::Any));
    let foreign = matches!(
        prefix,
        "wsa" | "wsnt" | "wstop" | "wsrf_bf" | "wsrf_r" | "xop"
    );
    let mut last = parts.iter().filter(|p| matches!(p, Part::Any)).count();
    parts.retain(|p| match p {
        Part::Any => {
            last -= 1;
            (alone || foreign) && last == 0
        }
        _ => true,
    });
    parts
}

/// A name may stand twice: `Extension` in a base and again in the type. The first is read.
fn make_unique(s: &mut Struct) {
    let mut seen_xml = HashSet::new();
    let mut taken = HashSet::new();
    match &mut s.body {
        Body::Parts(parts) => {
            parts.retain(|p| match p {
                Part::Element(f) => seen_xml.insert((f.ns.clone(), f.xml.clone())),
                _ => true,
            });
            for part in parts {
                match part {
                    Part::Element(f) => unique(&mut f.rust, &mut taken),
                    Part::Any => drop(taken.insert("any".to_owned())),
                    Part::Choice { .. } => drop(taken.insert("items".to_owned())),
                }
            }
        }
        Body::Text(field, _) => drop(taken.insert(field.clone())),
        Body::Mixed => drop(taken.insert("content".to_owned())),
    }
    for attribute in &mut s.attributes {
        unique(&mut attribute.rust, &mut taken);
    }
}

fn unique(name: &mut String, taken: &mut HashSet<String>) {
    while !taken.insert(name.clone()) {
        *name = name.trim_start_matches("r#").to_owned() + "_attribute";
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

fn is_enum(node: &Node) -> bool {
    node.xs("restriction").any(|r| {
        r.xs("enumeration").next().is_some() && !r.qname("base").is_some_and(|b| b.1 == "QName")
    })
}

fn enumeration(node: &Node, name: &str, doc: String) -> Enumeration {
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

fn builtin(rust: &str, collapse: bool) -> Type {
    Type::Builtin {
        rust: rust.to_owned(),
        collapse,
    }
}

fn xs_type(name: &str) -> Result<Type> {
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
