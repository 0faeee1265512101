//! From XML Schema to the model.

mod fold;
mod simple;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use anyhow::{Context, Result, ensure};
use onvif_xml::Ns;

use crate::dom::{Node, XS};
use crate::model::{Body, Field, Part, Struct, Type, Unit};
use crate::names::type_name;
use simple::{builtin, enumeration, is_enum, xs_type};

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
            if global.node.attr("type").is_some()
                && let Type::Complex { module, name } = self.element_type(key)?
            {
                users.entry((module, name)).or_default().push(key.clone());
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
