//! Parameters of rules and modules: descriptions, options, values.

use lpr_core::NormPoint;
use onvif_contracts::{tan, tt};
use onvif_xml::{Any, Ns, QName, Value, ns};

use crate::fault::shortened;

/// A parameter: its name and type.
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) r#type: (Ns, &'static str),
    /// Whether it is an element rather than a text.
    pub(super) element: bool,
}

/// A parameter whose value is a text.
pub(super) const fn simple(name: &'static str, r#type: (Ns, &'static str)) -> Parameter {
    Parameter {
        name,
        r#type,
        element: false,
    }
}

/// A parameter whose value is an element.
pub(super) const fn element(name: &'static str, r#type: (Ns, &'static str)) -> Parameter {
    Parameter {
        name,
        r#type,
        element: true,
    }
}

/// Parameters as `GetSupported...` describes them.
pub(super) fn described(parameters: &[Parameter]) -> tt::ItemListDescription {
    let of = |p: &Parameter| QName::new(p.r#type.0, p.r#type.1);
    let plain = parameters.iter().filter(|p| !p.element);
    let elements = parameters.iter().filter(|p| p.element);
    tt::ItemListDescription {
        simple_item_description: plain
            .map(|p| tt::ItemListDescriptionSimpleItemDescription {
                name: p.name.into(),
                r#type: of(p),
            })
            .collect(),
        element_item_description: elements
            .map(|p| tt::ItemListDescriptionElementItemDescription {
                name: p.name.into(),
                r#type: of(p),
            })
            .collect(),
        ..Default::default()
    }
}

/// An optional parameter's option; rule or module type is added by who lists it.
fn option(name: &str, any: Any) -> tan::ConfigOptions {
    tan::ConfigOptions {
        any: vec![any],
        name: name.into(),
        min_occurs: Some(0),
        ..Default::default()
    }
}

/// From `min` to `max`.
pub(super) fn floats(name: &str, min: f32, max: f32) -> tan::ConfigOptions {
    let range = tt::FloatRange { min, max };
    option(name, Any::written(|w| range.write(w, ns::TT, "FloatRange")))
}

/// From `min` to `max`.
pub(super) fn ints(name: &str, min: u32, max: u32) -> tan::ConfigOptions {
    let int = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    let range = tt::IntRange {
        min: int(min),
        max: int(max),
    };
    option(name, Any::written(|w| range.write(w, ns::TT, "IntRange")))
}

/// One of these words.
pub(super) fn words(name: &str, all: &[&str]) -> tan::ConfigOptions {
    let items = tt::StringItems {
        item: all.iter().map(|s| (*s).to_owned()).collect(),
    };
    option(
        name,
        Any::written(|w| items.write(w, ns::TT, "StringItems")),
    )
}

/// The words of a table.
pub(super) fn names<T>(all: &[(&'static str, T)]) -> Vec<&'static str> {
    all.iter().map(|(w, _)| *w).collect()
}

/// The word of a value in its table.
pub(super) fn word<T: PartialEq>(all: &[(&'static str, T)], of: &T) -> String {
    let found = all.iter().find(|(_, t)| t == of);
    found.map_or("", |(w, _)| w).to_owned()
}

/// A polygon of so many corners.
pub(super) fn polygons(name: &str, min: usize, max: usize) -> tan::ConfigOptions {
    let options = tt::PolygonOptions {
        rectangle_only: Some(false),
        vertex_limits: Some(Box::new(corners(min, max))),
    };
    let any = Any::written(|w| options.write(w, ns::TT, "PolygonOptions"));
    option(name, any)
}

/// Any other option.
pub(super) fn of(name: &str, any: Any) -> tan::ConfigOptions {
    option(name, any)
}

/// A number of corners.
pub(super) fn corners(min: usize, max: usize) -> tt::IntRange {
    let int = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    tt::IntRange {
        min: int(min),
        max: int(max),
    }
}

/// Values as a configuration gives them.
pub(super) fn values(simple: Vec<(&str, String)>, elements: Vec<(&str, Any)>) -> tt::ItemList {
    tt::ItemList {
        simple_item: simple
            .into_iter()
            .map(|(name, value)| tt::ItemListSimpleItem {
                name: name.into(),
                value,
            })
            .collect(),
        element_item: elements
            .into_iter()
            .map(|(name, any)| tt::ItemListElementItem {
                any: vec![any],
                name: name.into(),
            })
            .collect(),
        ..Default::default()
    }
}

/// Corners as `tt:Polygon`, in their order.
pub(super) fn polygon(corners: &[NormPoint]) -> tt::Polygon {
    let point = |p: &NormPoint| tt::Vector { x: p.x, y: p.y };
    tt::Polygon {
        point: corners.iter().map(point).collect(),
    }
}

/// The corners of a polygon.
pub(super) fn points(polygon: &tt::Polygon) -> Vec<NormPoint> {
    let point = |v: &tt::Vector| NormPoint { x: v.x, y: v.y };
    polygon.point.iter().map(point).collect()
}

/// A `tt:Polygon` as the value of a parameter.
pub(super) fn polygon_item(corners: &[NormPoint]) -> Any {
    let polygon = polygon(corners);
    Any::written(|w| polygon.write(w, ns::TT, "Polygon"))
}

/// Parameters as a client sent them. Who reads them takes what it knows; a rest is refused.
pub(super) struct Sent<'a> {
    simple: Vec<&'a tt::ItemListSimpleItem>,
    elements: Vec<&'a tt::ItemListElementItem>,
}

/// What of a parameter is wrong, for the fault's text.
pub(super) type Wrong = String;

impl<'a> Sent<'a> {
    pub(super) fn new(list: &'a tt::ItemList) -> Self {
        Self {
            simple: list.simple_item.iter().collect(),
            elements: list.element_item.iter().collect(),
        }
    }

    /// The text of a parameter, once.
    pub(super) fn text(&mut self, name: &str) -> Option<&'a str> {
        let at = self.simple.iter().position(|i| i.name == name)?;
        Some(self.simple.remove(at).value.trim())
    }

    /// A number between bounds.
    pub(super) fn number(&mut self, name: &str, min: f32, max: f32) -> Result<Option<f32>, Wrong> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        match text.parse::<f32>() {
            Ok(n) if (min..=max).contains(&n) => Ok(Some(n)),
            _ => Err(format!(
                "{name} '{}': must be a number from {min} to {max}",
                shortened(text)
            )),
        }
    }

    /// A whole number between bounds.
    pub(super) fn whole(&mut self, name: &str, min: u32, max: u32) -> Result<Option<i64>, Wrong> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        match text.parse::<u32>() {
            Ok(n) if (min..=max).contains(&n) => Ok(Some(n.into())),
            _ => Err(format!(
                "{name} '{}': must be a whole number from {min} to {max}",
                shortened(text)
            )),
        }
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, name: &str) -> Result<Option<bool>, Wrong> {
        match self.text(name) {
            None => Ok(None),
            Some("true" | "1") => Ok(Some(true)),
            Some("false" | "0") => Ok(Some(false)),
            Some(text) => Err(format!(
                "{name} '{}': must be true or false",
                shortened(text)
            )),
        }
    }

    /// The meaning of one of some words, whatever their case.
    pub(super) fn word<T: Copy>(
        &mut self,
        name: &str,
        all: &[(&str, T)],
    ) -> Result<Option<T>, Wrong> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let found = all.iter().find(|(w, _)| w.eq_ignore_ascii_case(text));
        found.map(|(_, meaning)| Some(*meaning)).ok_or_else(|| {
            let words: Vec<_> = all.iter().map(|(w, _)| *w).collect();
            format!(
                "{name} '{}': must be one of {}",
                shortened(text),
                words.join(", ")
            )
        })
    }

    /// The element of a parameter, once.
    pub(super) fn element<T: Value>(
        &mut self,
        name: &str,
        wanted: &str,
    ) -> Result<Option<T>, Wrong> {
        let Some(at) = self.elements.iter().position(|i| i.name == name) else {
            return Ok(None);
        };
        let item = self.elements.remove(at);
        let any = item.any.iter().find(|a| a.name().1 == wanted);
        let any = any.ok_or_else(|| format!("{name}: must hold a {wanted}"))?;
        let value = any.read_as::<T>();
        value.map(Some).map_err(|e| format!("{name}: {e}"))
    }

    /// Refuses what nobody took.
    pub(super) fn finish(self) -> Result<(), Wrong> {
        let plain = self.simple.iter().map(|i| &i.name);
        let first = plain.chain(self.elements.iter().map(|i| &i.name)).next();
        match first {
            Some(name) => Err(format!(
                "there is no parameter '{}', or it came twice",
                shortened(name)
            )),
            None => Ok(()),
        }
    }
}
