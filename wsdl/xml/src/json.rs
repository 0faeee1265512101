//! XML as JSON by the rules of the Core specification's annex "JSON payload format".

use quick_xml::{Reader, XmlVersion, events::BytesStart, events::Event};
use serde_json::{Map, Value};

use crate::Any;

/// An element as JSON, without its own name: an empty element is `null`, one with text alone is a string.
///
/// Attributes become `"@name"`, text beside attributes `"#text"`, children keys by their local names, repeated
/// children arrays. Attributes that are numbers or truth values are written as such; text of elements stays
/// text: a plate of digits is no number. Prefixes are dropped: it is meant for types of ONVIF.
#[must_use]
pub fn to_json(any: &Any) -> Value {
    let xml = any.to_xml();
    let mut reader = Reader::from_str(&xml);
    let mut open: Vec<Node> = Vec::new();
    loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => open.push(Node::of(&start)),
            Ok(Event::Empty(start)) => {
                if let Some(done) = close(&mut open, Node::of(&start)) {
                    return done;
                }
            }
            Ok(Event::End(_)) => {
                let Some(node) = open.pop() else {
                    return Value::Null;
                };
                if let Some(done) = close(&mut open, node) {
                    return done;
                }
            }
            Ok(Event::Text(text)) => {
                if let Some(node) = open.last_mut() {
                    node.text.push_str(&text.xml10_content());
                }
            }
            Ok(Event::GeneralRef(name)) => {
                if let Some(node) = open.last_mut() {
                    node.text.push_str(&entity(&name));
                }
            }
            Ok(Event::CData(data)) => {
                if let Some(node) = open.last_mut() {
                    node.text.push_str(&data.xml10_content());
                }
            }
            Ok(Event::Eof) | Err(_) => return Value::Null,
            Ok(_) => {}
        }
    }
}

struct Node {
    name: String,
    members: Map<String, Value>,
    text: String,
}

impl Node {
    fn of(start: &BytesStart<'_>) -> Self {
        let mut members = Map::new();
        for attribute in start.attributes().flatten() {
            let name: &str = attribute.key.as_ref();
            if name == "xmlns" || name.starts_with("xmlns:") {
                continue;
            }
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .unwrap_or_default();
            members.insert(format!("@{}", local(name)), plain(&value));
        }
        Self {
            name: local(start.name().as_ref()).to_owned(),
            members,
            text: String::new(),
        }
    }

    fn value(mut self) -> Value {
        let text = self.text.trim();
        match (self.members.is_empty(), text.is_empty()) {
            (true, true) => Value::Null,
            (true, false) => text.into(),
            (false, true) => self.members.into(),
            (false, false) => {
                self.members.insert("#text".into(), text.into());
                self.members.into()
            }
        }
    }
}

/// Puts a whole node into the one around it; the value of the outermost one.
fn close(open: &mut [Node], node: Node) -> Option<Value> {
    let name = node.name.clone();
    let value = node.value();
    let Some(parent) = open.last_mut() else {
        return Some(value);
    };
    match parent.members.get_mut(&name) {
        None => drop(parent.members.insert(name, value)),
        Some(Value::Array(list)) => list.push(value),
        Some(first) => {
            let first_value = first.take();
            *first = Value::Array(vec![first_value, value]);
        }
    }
    None
}

fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

/// A number or truth value as such, else text.
fn plain(text: &str) -> Value {
    match serde_json::from_str::<Value>(text) {
        Ok(v @ (Value::Number(_) | Value::Bool(_))) => v,
        _ => text.into(),
    }
}

fn entity(name: &str) -> String {
    let number = |digits: &str, radix| {
        u32::from_str_radix(digits, radix)
            .ok()
            .and_then(char::from_u32)
    };
    let c = match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => match name.strip_prefix("#x") {
            Some(hex) => number(hex, 16),
            None => name.strip_prefix('#').and_then(|d| number(d, 10)),
        },
    };
    c.map(String::from).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Limits;

    #[test]
    fn elements_become_json_by_the_rules() {
        for (xml, wanted) in [
            ("<a/>", json!(null)),
            ("<a>x &amp; y&#65;</a>", json!("x & yA")),
            ("<a>12</a>", json!("12")),
            (
                "<a n='1.5' b='true' s='1x'/>",
                json!({"@n": 1.5, "@b": true, "@s": "1x"}),
            ),
            ("<a n='1'>text</a>", json!({"@n": 1, "#text": "text"})),
            (
                "<a><b>1</b><c/><b>2</b><b/></a>",
                json!({"b": ["1", "2", null], "c": null}),
            ),
            (
                "<tt:LicensePlateInfo xmlns:tt='http://www.onvif.org/ver10/schema'><tt:PlateNumber Likelihood='0.93'>ABC123</tt:PlateNumber><tt:CountryCode>SE</tt:CountryCode></tt:LicensePlateInfo>",
                json!({"PlateNumber": {"@Likelihood": 0.93, "#text": "ABC123"}, "CountryCode": "SE"}),
            ),
        ] {
            let any = Any::parse(xml, Limits::default()).unwrap();
            assert_eq!(to_json(&any), wanted, "{xml}");
        }
    }
}
