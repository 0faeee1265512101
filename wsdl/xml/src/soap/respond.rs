//! Envelopes that we send.

use super::{Code, Fault};
use crate::writer::push_declarations;
use crate::{Any, Ns, NsSet, Writer, ns};

/// Version of the envelope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Version {
    /// SOAP 1.2, `application/soap+xml`.
    #[default]
    Soap12,
    /// SOAP 1.1, `text/xml`: older clients; answered in kind.
    Soap11,
}

impl Version {
    /// The envelope's namespace.
    #[must_use]
    pub fn ns(self) -> Ns {
        match self {
            Self::Soap12 => ns::SOAP12,
            Self::Soap11 => ns::SOAP11,
        }
    }

    /// The HTTP `Content-Type` of an answer.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Soap12 => "application/soap+xml; charset=utf-8",
            Self::Soap11 => "text/xml; charset=utf-8",
        }
    }
}

/// Headers of what we send.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply<'a> {
    /// Version of the envelope.
    pub version: Version,
    /// WS-Addressing to use; without one no addressing headers are written.
    pub addressing: Option<Ns>,
    /// `wsa:Action`.
    pub action: Option<&'a str>,
    /// `wsa:RelatesTo`.
    pub relates_to: Option<&'a str>,
    /// `wsa:MessageID`.
    pub message_id: Option<&'a str>,
    /// `wsa:To`.
    pub to: Option<&'a str>,
    /// More header elements.
    pub extra: &'a [Any],
}

impl<'a> Reply<'a> {
    /// The answer to a request: its version and its WS-Addressing.
    #[must_use]
    pub fn to(request: &'a super::Message<'_>, action: &'a str) -> Self {
        Self::to_header(request.version, &request.header, action)
    }

    /// As [`Reply::to`], for a message whose body is already taken.
    #[must_use]
    pub fn to_header(version: Version, header: &'a super::Header, action: &'a str) -> Self {
        Self {
            version,
            addressing: header.addressing,
            action: Some(action),
            relates_to: header.message_id.as_deref(),
            ..Self::default()
        }
    }
}

/// Writes an envelope around the body that `w` holds. Namespaces are declared once, on the envelope.
#[must_use]
pub fn envelope(reply: &Reply<'_>, body: Writer) -> Vec<u8> {
    let mut head = Writer::new();
    if let Some(addressing) = reply.addressing {
        let headers = [
            ("Action", reply.action),
            ("MessageID", reply.message_id),
            ("RelatesTo", reply.relates_to),
            ("To", reply.to),
        ];
        for (name, value) in headers {
            if let Some(value) = value {
                head.str_element(addressing, name, value);
            }
        }
    }
    Any::write_all(reply.extra, &mut head);
    let (header, mut used) = head.into_parts();
    let (body, body_used) = body.into_parts();
    used.extend(body_used);
    let mut out = String::with_capacity(header.len() + body.len() + 1024);
    out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<s:Envelope xmlns:s=\"");
    out.push_str(reply.version.ns().uri());
    out.push('"');
    let declared: NsSet = used.iter().filter(|n| *n != ns::SOAP12).collect();
    push_declarations(&mut out, declared);
    out.push('>');
    if !header.is_empty() {
        out.push_str("<s:Header>");
        out.push_str(&header);
        out.push_str("</s:Header>");
    }
    out.push_str("<s:Body>");
    out.push_str(&body);
    out.push_str("</s:Body></s:Envelope>");
    out.into_bytes()
}

/// Writes an envelope with a fault. `reply.action` should be the fault action of the contract, or
/// [`Fault::ACTION`].
#[must_use]
pub fn fault_envelope(reply: &Reply<'_>, fault: &Fault) -> Vec<u8> {
    let mut w = Writer::new();
    match reply.version {
        Version::Soap12 => write_12(&mut w, fault),
        Version::Soap11 => write_11(&mut w, fault),
    }
    envelope(reply, w)
}

impl Fault {
    /// The WS-Addressing action of a fault that the contract does not name.
    pub const ACTION: &'static str = "http://www.w3.org/2005/08/addressing/soap/fault";

    /// The HTTP status that goes with the fault.
    #[must_use]
    pub fn http_status(&self) -> u16 {
        match self.code {
            Code::Sender if self.has_subcode("NotAuthorized") => 401,
            Code::Sender => 400,
            Code::Receiver | Code::VersionMismatch | Code::MustUnderstand => 500,
        }
    }
}

/// Prefix `s` is the envelope's own, so that both versions can use it.
fn write_12(w: &mut Writer, fault: &Fault) {
    let code = match fault.code {
        Code::Sender => "s:Sender",
        Code::Receiver => "s:Receiver",
        Code::VersionMismatch => "s:VersionMismatch",
        Code::MustUnderstand => "s:MustUnderstand",
    };
    open(w, "Fault");
    open(w, "Code");
    w.str_element(ns::SOAP12, "Value", code);
    for subcode in &fault.subcodes {
        open(w, "Subcode");
        w.text_element(ns::SOAP12, "Value", subcode);
    }
    for _ in &fault.subcodes {
        w.end(ns::SOAP12, "Subcode");
    }
    w.end(ns::SOAP12, "Code");
    open(w, "Reason");
    w.start(ns::SOAP12, "Text");
    w.attribute_str(ns::XML, "lang", "en");
    w.end_start();
    w.push_escaped(&fault.reason);
    w.end(ns::SOAP12, "Text");
    w.end(ns::SOAP12, "Reason");
    if !fault.detail.is_empty() {
        open(w, "Detail");
        Any::write_all(&fault.detail, w);
        w.end(ns::SOAP12, "Detail");
    }
    w.end(ns::SOAP12, "Fault");
}

fn write_11(w: &mut Writer, fault: &Fault) {
    let code = match fault.code {
        Code::Sender => "s:Client",
        Code::Receiver => "s:Server",
        Code::VersionMismatch => "s:VersionMismatch",
        Code::MustUnderstand => "s:MustUnderstand",
    };
    open(w, "Fault");
    match fault.subcodes.last() {
        // SOAP 1.1 has no subcodes: the most particular one is the code.
        Some(subcode) => w.text_element(Ns::NONE, "faultcode", subcode),
        None => w.str_element(Ns::NONE, "faultcode", code),
    }
    w.str_element(Ns::NONE, "faultstring", &fault.reason);
    if !fault.detail.is_empty() {
        w.start(Ns::NONE, "detail");
        w.end_start();
        Any::write_all(&fault.detail, w);
        w.end(Ns::NONE, "detail");
    }
    w.end(ns::SOAP12, "Fault");
}

fn open(w: &mut Writer, name: &str) {
    w.start(ns::SOAP12, name);
    w.end_start();
}
