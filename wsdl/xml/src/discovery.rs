//! WS-Discovery 2005/04 over WS-Addressing 2004/08: Hello, Bye, Probe, Resolve and their matches.
//!
//! Written by hand: the schema is not in ONVIF's contract set. ONVIF Core Specification, device discovery.

use crate::soap::{Code, Fault, Message as Soap, Reply, Version, envelope, fault_envelope};
use crate::value::{Complex, Value};
use crate::{Any, Error, ErrorKind, Limits, List, Ns, QName, Reader, Writer, complex_values, ns};

/// Where Hello, Bye, Probe and Resolve are addressed to.
pub const TO_ALL: &str = "urn:schemas-xmlsoap-org:ws:2005:04:discovery";
/// Where matches are addressed to.
pub const ANONYMOUS: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous";
/// Scope matching rule that applies when a probe names none.
pub const MATCH_RFC2396: &str = "http://schemas.xmlsoap.org/ws/2005/04/discovery/rfc2396";
/// Scope matching rule: equal strings.
pub const MATCH_STRCMP0: &str = "http://schemas.xmlsoap.org/ws/2005/04/discovery/strcmp0";

/// Bounds for a datagram.
pub const LIMITS: Limits = Limits {
    bytes: 65_536,
    depth: 16,
    elements: 500,
    attributes: 32,
};

/// A device as it is announced.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Endpoint {
    /// Stable address of the endpoint, `urn:uuid:...`.
    pub address: String,
    /// Types, such as `dn:NetworkVideoTransmitter` and `tds:Device`.
    pub types: Vec<QName>,
    /// Scope URIs.
    pub scopes: Vec<String>,
    /// Addresses of the device service.
    pub xaddrs: Vec<String>,
    /// Counts changes of the above; a Bye may leave it out.
    pub metadata_version: Option<u64>,
}

/// What a client looks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Probe {
    /// All of these types; none means any.
    pub types: Vec<QName>,
    /// All of these scopes, by the rule.
    pub scopes: Vec<String>,
    /// The matching rule; none means [`MATCH_RFC2396`].
    pub match_by: Option<String>,
}

/// A discovery message.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// A device came, or changed.
    Hello(Endpoint),
    /// A device leaves.
    Bye(Endpoint),
    /// Who is there?
    Probe(Probe),
    /// Answer to a probe.
    ProbeMatches(Vec<Endpoint>),
    /// Where is the endpoint with this address?
    Resolve(String),
    /// Answer to a resolve.
    ResolveMatches(Option<Box<Endpoint>>),
}

/// Orders the messages of one device (`d:AppSequence`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AppSequence {
    /// Rises with each start of the device.
    pub instance_id: u32,
    /// Rises with each message.
    pub message_number: u32,
}

/// A discovery message with its headers.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    /// `wsa:MessageID`.
    pub message_id: String,
    /// `wsa:RelatesTo` of a match: the message ID of the probe.
    pub relates_to: Option<String>,
    /// Required on what a device sends; not read.
    pub app_sequence: Option<AppSequence>,
    /// The message.
    pub message: Message,
}

impl Envelope {
    /// Reads a datagram.
    ///
    /// # Errors
    /// It is no discovery message, malformed, or beyond [`LIMITS`].
    pub fn parse(datagram: &[u8]) -> Result<Self, Error> {
        let soap = Soap::parse(datagram, LIMITS)?;
        let header = soap.header;
        let message = match (soap.body.ns, soap.body.name) {
            (ns::D, "Hello") => Message::Hello(soap.body.read_as()?),
            (ns::D, "Bye") => Message::Bye(soap.body.read_as()?),
            (ns::D, "Probe") => Message::Probe(soap.body.read_as()?),
            (ns::D, "Resolve") => Message::Resolve(soap.body.read_as::<Endpoint>()?.address),
            (ns::D, "ProbeMatches") => Message::ProbeMatches(soap.body.read_as::<Matches>()?.0),
            (ns::D, "ResolveMatches") => {
                Message::ResolveMatches(soap.body.read_as::<Matches>()?.0.pop().map(Box::new))
            }
            (_, name) => {
                return Err(Error::new(ErrorKind::Unexpected {
                    found: format!("{{{}}}{name}", soap.body.uri),
                    expected: "a discovery message".to_owned(),
                }));
            }
        };
        let message_id = header
            .message_id
            .ok_or_else(|| Error::new(ErrorKind::Missing("MessageID")))?;
        Ok(Self {
            message_id,
            relates_to: header.relates_to,
            app_sequence: None,
            message,
        })
    }

    /// Writes the datagram.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut w = Writer::new();
        let (name, to) = match &self.message {
            Message::Hello(e) => write(&mut w, "Hello", TO_ALL, |w| e.write(w, ns::D, "Hello")),
            Message::Bye(e) => write(&mut w, "Bye", TO_ALL, |w| e.write(w, ns::D, "Bye")),
            Message::Probe(p) => write(&mut w, "Probe", TO_ALL, |w| p.write(w, ns::D, "Probe")),
            Message::Resolve(address) => write(&mut w, "Resolve", TO_ALL, |w| {
                w.start(ns::D, "Resolve");
                w.end_start();
                write_reference(w, address);
                w.end(ns::D, "Resolve");
            }),
            Message::ProbeMatches(all) => write(&mut w, "ProbeMatches", ANONYMOUS, |w| {
                write_matches(w, "ProbeMatches", "ProbeMatch", all)
            }),
            Message::ResolveMatches(one) => write(&mut w, "ResolveMatches", ANONYMOUS, |w| {
                let list = one.as_deref().map(std::slice::from_ref).unwrap_or_default();
                write_matches(w, "ResolveMatches", "ResolveMatch", list);
            }),
        };
        let extra: Vec<Any> = self
            .app_sequence
            .iter()
            .map(|s| Any::written(|w| write_sequence(w, *s)))
            .collect();
        let reply = Reply {
            version: Version::Soap12,
            addressing: Some(ns::WSA04),
            action: Some(&format!("{}/{name}", ns::D.uri())),
            relates_to: self.relates_to.as_deref(),
            message_id: Some(&self.message_id),
            to: Some(to),
            extra: &extra,
        };
        envelope(&reply, w)
    }
}

/// The answer to a probe whose scope matching rule is not one of `rules` (WS-Discovery 2005/04 §5.2).
#[must_use]
pub fn unknown_rule(relates_to: &str, message_id: &str, rules: &[&str]) -> Vec<u8> {
    let fault = Fault {
        code: Code::Sender,
        subcodes: vec![QName::new(ns::D, "MatchingRuleNotSupported")],
        reason: "the matching rule specified is not supported".to_owned(),
        detail: vec![Any::written(|w| {
            w.str_element(ns::D, "SupportedMatchingRules", &rules.join(" "));
        })],
    };
    let reply = Reply {
        version: Version::Soap12,
        addressing: Some(ns::WSA04),
        action: Some(&format!("{}/fault", ns::D.uri())),
        relates_to: Some(relates_to),
        message_id: Some(message_id),
        to: Some(ANONYMOUS),
        extra: &[],
    };
    fault_envelope(&reply, &fault)
}

fn write<'t>(
    w: &mut Writer,
    name: &'t str,
    to: &'t str,
    body: impl FnOnce(&mut Writer),
) -> (&'t str, &'t str) {
    body(w);
    (name, to)
}

fn write_matches(w: &mut Writer, outer: &str, inner: &'static str, all: &[Endpoint]) {
    w.start(ns::D, outer);
    w.end_start();
    w.many(ns::D, inner, all);
    w.end(ns::D, outer);
}

fn write_sequence(w: &mut Writer, sequence: AppSequence) {
    w.start(ns::D, "AppSequence");
    w.attribute("InstanceId", &sequence.instance_id);
    w.attribute("MessageNumber", &sequence.message_number);
    w.end_empty();
}

fn write_reference(w: &mut Writer, address: &str) {
    w.start(ns::WSA04, "EndpointReference");
    w.end_start();
    w.str_element(ns::WSA04, "Address", address);
    w.end(ns::WSA04, "EndpointReference");
}

/// Texts separated by white space.
fn write_list(w: &mut Writer, name: &'static str, items: &[String]) {
    if !items.is_empty() {
        w.str_element(ns::D, name, &items.join(" "));
    }
}

fn write_types(w: &mut Writer, types: &[QName]) {
    if !types.is_empty() {
        List(types.to_vec()).write(w, ns::D, "Types");
    }
}

fn read_types(r: &mut Reader<'_>, into: &mut Vec<QName>) -> Result<bool, Error> {
    *into = r.text_value::<List<QName>>()?.0;
    Ok(true)
}

fn read_list(r: &mut Reader<'_>, into: &mut Vec<String>) -> Result<bool, Error> {
    *into = r
        .text()?
        .split_ascii_whitespace()
        .map(str::to_owned)
        .collect();
    Ok(true)
}

impl Complex for Endpoint {
    fn required(&self) -> &'static [&'static str] {
        &["EndpointReference"]
    }

    fn child(
        &mut self,
        r: &mut Reader<'_>,
        n: Ns,
        name: &str,
        seen: &mut u64,
    ) -> Result<bool, Error> {
        match (n, name) {
            (ns::WSA04 | ns::WSA, "EndpointReference") => {
                *seen |= 1;
                while let Some(child) = r.next_child()? {
                    if child == (n, "Address") {
                        self.address = r.text()?.trim().to_owned();
                    } else {
                        r.skip()?;
                    }
                }
                Ok(true)
            }
            (ns::D, "Types") => read_types(r, &mut self.types),
            (ns::D, "Scopes") => read_list(r, &mut self.scopes),
            (ns::D, "XAddrs") => read_list(r, &mut self.xaddrs),
            (ns::D, "MetadataVersion") => r.opt(&mut self.metadata_version),
            _ => Ok(false),
        }
    }

    fn write_content(&self, w: &mut Writer) {
        write_reference(w, &self.address);
        write_types(w, &self.types);
        write_list(w, "Scopes", &self.scopes);
        write_list(w, "XAddrs", &self.xaddrs);
        w.opt(ns::D, "MetadataVersion", &self.metadata_version);
    }
}

impl Complex for Probe {
    fn child(&mut self, r: &mut Reader<'_>, n: Ns, name: &str, _: &mut u64) -> Result<bool, Error> {
        match (n, name) {
            (ns::D, "Types") => read_types(r, &mut self.types),
            (ns::D, "Scopes") => {
                self.match_by = r
                    .attribute_of(Ns::NONE, "MatchBy")
                    .map(|m| m.trim().to_owned());
                read_list(r, &mut self.scopes)
            }
            _ => Ok(false),
        }
    }

    fn write_content(&self, w: &mut Writer) {
        write_types(w, &self.types);
        if !self.scopes.is_empty() || self.match_by.is_some() {
            w.start(ns::D, "Scopes");
            if let Some(rule) = &self.match_by {
                w.attribute_str(Ns::NONE, "MatchBy", rule);
            }
            w.end_start();
            w.push_escaped(&self.scopes.join(" "));
            w.end(ns::D, "Scopes");
        }
    }
}

/// `ProbeMatches` and `ResolveMatches`.
#[derive(Default)]
struct Matches(Vec<Endpoint>);

impl Complex for Matches {
    fn child(&mut self, r: &mut Reader<'_>, n: Ns, name: &str, _: &mut u64) -> Result<bool, Error> {
        match (n, name) {
            (ns::D, "ProbeMatch" | "ResolveMatch") => r.many(&mut self.0),
            _ => Ok(false),
        }
    }
}

complex_values!(Endpoint, Probe, Matches);

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint() -> Endpoint {
        Endpoint {
            address: "urn:uuid:5f5a69c2-e0ae-504f-829b-00deadbeef01".to_owned(),
            types: vec![
                QName::new(ns::DN, "NetworkVideoTransmitter"),
                QName::new(ns::TDS, "Device"),
            ],
            scopes: vec![
                "onvif://www.onvif.org/name/gate".to_owned(),
                "onvif://www.onvif.org/Profile/T".to_owned(),
            ],
            xaddrs: vec!["http://192.0.2.7/onvif/device_service".to_owned()],
            metadata_version: Some(3),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let probe = Probe {
            types: vec![
                QName::new(ns::DN, "NetworkVideoTransmitter"),
                QName::with_uri("urn:x", "Y"),
            ],
            scopes: vec!["onvif://a".to_owned()],
            match_by: Some(MATCH_STRCMP0.to_owned()),
        };
        for message in [
            Message::Hello(endpoint()),
            Message::Bye(Endpoint {
                metadata_version: None,
                ..endpoint()
            }),
            Message::Probe(probe),
            Message::Probe(Probe::default()),
            Message::ProbeMatches(vec![endpoint(), endpoint()]),
            Message::ProbeMatches(Vec::new()),
            Message::Resolve("urn:uuid:1".to_owned()),
            Message::ResolveMatches(Some(Box::new(endpoint()))),
            Message::ResolveMatches(None),
        ] {
            let sent = Envelope {
                message_id: "urn:uuid:m".to_owned(),
                relates_to: Some("urn:uuid:p".to_owned()),
                app_sequence: None,
                message,
            };
            let bytes = sent.write();
            assert_eq!(
                Envelope::parse(&bytes).unwrap(),
                sent,
                "{}",
                String::from_utf8_lossy(&bytes)
            );
        }
    }

    #[test]
    fn a_hello_says_what_the_standard_asks() {
        let hello = Envelope {
            message_id: "urn:uuid:m".to_owned(),
            relates_to: None,
            app_sequence: Some(AppSequence {
                instance_id: 7,
                message_number: 2,
            }),
            message: Message::Hello(endpoint()),
        };
        let text = String::from_utf8(hello.write()).unwrap();
        for part in [
            "<a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Hello</a:Action>",
            "<a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To>",
            "<d:AppSequence InstanceId=\"7\" MessageNumber=\"2\"/>",
            "<d:Types>dn:NetworkVideoTransmitter tds:Device</d:Types>",
            "xmlns:dn=\"http://www.onvif.org/ver10/network/wsdl\"",
            "<d:MetadataVersion>3</d:MetadataVersion>",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }

    #[test]
    fn the_fault_names_the_rules() {
        let rules = [MATCH_RFC2396, MATCH_STRCMP0];
        let text = unknown_rule("urn:uuid:probe", "urn:uuid:m", &rules);
        let text = String::from_utf8(text).unwrap();
        for part in [
            "<a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/fault</a:Action>",
            "<a:RelatesTo>urn:uuid:probe</a:RelatesTo>",
            "<s:Value>s:Sender</s:Value>",
            "<s:Value>d:MatchingRuleNotSupported</s:Value>",
            &format!(
                "<d:SupportedMatchingRules>{}</d:SupportedMatchingRules>",
                rules.join(" ")
            ),
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }

    #[test]
    fn probes_of_clients_are_read() {
        let e = |types: &str, rest: &str| {
            format!(
                "<?xml version=\"1.0\"?><Envelope xmlns:tds=\"http://www.onvif.org/ver10/device/wsdl\" xmlns=\"http://www.w3.org/2003/05/soap-envelope\"><Header><wsa:MessageID xmlns:wsa=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\">uuid:1</wsa:MessageID></Header><Body><Probe xmlns=\"http://schemas.xmlsoap.org/ws/2005/04/discovery\">{types}{rest}</Probe></Body></Envelope>"
            )
        };
        let probe = |xml: String| match Envelope::parse(xml.as_bytes()).unwrap().message {
            Message::Probe(p) => p,
            other => panic!("{other:?}"),
        };
        let local = "<Types xmlns:q=\"http://www.onvif.org/ver10/network/wsdl\">q:NetworkVideoTransmitter\n tds:Device</Types>";
        let p = probe(e(local, "<Scopes />"));
        assert_eq!(p.types, endpoint().types);
        assert!(p.scopes.is_empty() && p.match_by.is_none());
        // `dn:` without declaration, as several tools send it.
        assert_eq!(
            probe(e("<Types>dn:NetworkVideoTransmitter</Types>", "")).types,
            endpoint().types[..1]
        );
        assert_eq!(probe(e("", "")), Probe::default());
        assert!(Envelope::parse(e("<Types>zz:Y</Types>", "").as_bytes()).is_err());
        assert!(Envelope::parse(b"<a/>").is_err());
        assert!(Envelope::parse(&[0xFF, 0xFE]).is_err());
        assert!(Envelope::parse(&vec![b' '; 70_000]).is_err());
    }
}
