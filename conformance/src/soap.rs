//! SOAP 1.2 messages as ONVIF uses them.

use crate::xml::{Element, QName};

/// Namespace of SOAP 1.2.
pub const ENVELOPE: &str = "http://www.w3.org/2003/05/soap-envelope";
/// Namespace of ONVIF's fault codes.
pub const ERROR: &str = "http://www.onvif.org/ver10/error";
/// Namespace of WS-Addressing 1.0.
pub const ADDRESSING: &str = "http://www.w3.org/2005/08/addressing";

/// Prefixes that cases write their requests with.
pub const PREFIXES: &[(&str, &str)] = &[
    ("tds", "http://www.onvif.org/ver10/device/wsdl"),
    ("trt", "http://www.onvif.org/ver10/media/wsdl"),
    ("tr2", "http://www.onvif.org/ver20/media/wsdl"),
    ("tev", "http://www.onvif.org/ver10/events/wsdl"),
    ("timg", "http://www.onvif.org/ver20/imaging/wsdl"),
    ("tan", "http://www.onvif.org/ver20/analytics/wsdl"),
    ("tmd", "http://www.onvif.org/ver10/deviceIO/wsdl"),
    ("tas", "http://www.onvif.org/ver10/advancedsecurity/wsdl"),
    ("tptz", "http://www.onvif.org/ver20/ptz/wsdl"),
    ("trc", "http://www.onvif.org/ver10/recording/wsdl"),
    ("tse", "http://www.onvif.org/ver10/search/wsdl"),
    ("trp", "http://www.onvif.org/ver10/replay/wsdl"),
    ("trv", "http://www.onvif.org/ver10/receiver/wsdl"),
    ("tt", "http://www.onvif.org/ver10/schema"),
    ("axt", "http://www.onvif.org/ver20/analytics"),
    ("tns1", "http://www.onvif.org/ver10/topics"),
    ("wsnt", "http://docs.oasis-open.org/wsn/b-2"),
    ("wsa", ADDRESSING),
    ("xs", "http://www.w3.org/2001/XMLSchema"),
    ("xsi", "http://www.w3.org/2001/XMLSchema-instance"),
];

/// Namespace behind a prefix of [`PREFIXES`]; empty for another.
#[must_use]
pub fn ns(prefix: &str) -> &'static str {
    PREFIXES
        .iter()
        .find(|(p, _)| *p == prefix)
        .map_or("", |(_, ns)| ns)
}

/// Splits `tds:GetHostname`.
#[must_use]
pub fn operation(name: &str) -> QName {
    let (prefix, local) = name.split_once(':').unwrap_or(("", name));
    QName::new(ns(prefix), local)
}

/// An envelope; `header` and `body` are XML with the prefixes of [`PREFIXES`].
#[must_use]
pub fn envelope(header: &str, body: &str) -> String {
    let declared: String = PREFIXES
        .iter()
        .filter(|(p, _)| body.contains(p) || header.contains(p))
        .map(|(p, ns)| format!(" xmlns:{p}=\"{ns}\""))
        .collect();
    let header = if header.is_empty() {
        String::new()
    } else {
        format!("<s:Header>{header}</s:Header>")
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<s:Envelope xmlns:s=\"{ENVELOPE}\"{declared}>{header}<s:Body>{body}</s:Body></s:Envelope>"
    )
}

/// The `Action` of a request to the event service.
#[must_use]
pub fn action(name: &str) -> String {
    let (prefix, local) = name.split_once(':').unwrap_or(("", name));
    let port = match (prefix, local) {
        ("wsnt", "Subscribe" | "GetCurrentMessage") => {
            "http://docs.oasis-open.org/wsn/bw-2/NotificationProducer"
        }
        ("wsnt", _) => "http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager",
        (_, "PullMessages" | "SetSynchronizationPoint" | "Seek") => {
            "http://www.onvif.org/ver10/events/wsdl/PullPointSubscription"
        }
        ("tev", _) => "http://www.onvif.org/ver10/events/wsdl/EventPortType",
        _ => return format!("{}/{local}", ns(prefix)),
    };
    format!("{port}/{local}Request")
}

/// A SOAP 1.2 fault.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Code and subcodes, outermost first, local names: `Sender`, `InvalidArgVal`, `NoConfig`.
    pub codes: Vec<String>,
    /// Reason for people.
    pub reason: String,
    /// The element itself.
    pub element: Element,
}

impl Fault {
    /// Reads `env:Fault`, judging its form (SOAP 1.2 part 1 §5.4).
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(element: &Element) -> Result<Self, String> {
        let code = element.find("Code").ok_or("a fault without Code")?;
        let value = code.find("Value").ok_or("a fault code without Value")?;
        let first = value
            .resolve(&value.text)
            .ok_or_else(|| format!("fault code {:?}: its prefix is not declared", value.text))?;
        if first.ns != ENVELOPE {
            return Err(format!("fault code {first} is not SOAP's"));
        }
        let mut codes = vec![first.name];
        let mut here = code.find("Subcode");
        while let Some(subcode) = here {
            let value = subcode.find("Value").ok_or("a subcode without Value")?;
            let name = value
                .resolve(&value.text)
                .ok_or_else(|| format!("subcode {:?}: its prefix is not declared", value.text))?;
            codes.push(name.name);
            here = subcode.find("Subcode");
        }
        let text = element
            .find("Reason/Text")
            .ok_or("a fault without Reason/Text")?;
        if text
            .attribute("http://www.w3.org/XML/1998/namespace", "lang")
            .is_none()
        {
            return Err("Reason/Text without xml:lang".into());
        }
        Ok(Self {
            codes,
            reason: text.text.trim().to_owned(),
            element: element.clone(),
        })
    }

    /// `Sender/InvalidArgVal/NoConfig`.
    #[must_use]
    pub fn chain(&self) -> String {
        self.codes.join("/")
    }

    /// Whether it refuses for want of rights.
    #[must_use]
    pub fn not_authorized(&self) -> bool {
        self.codes.iter().any(|c| c == "NotAuthorized")
    }

    /// Name of the WS-BaseNotification fault in the detail, if there is one.
    #[must_use]
    pub fn detail(&self) -> Option<&Element> {
        self.element.find("Detail").and_then(|d| d.children.first())
    }
}
