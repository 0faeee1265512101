//! What a device says that it has; decides which cases apply.

use std::collections::BTreeMap;

use crate::{
    case::{Need, Outcome, Stop},
    device::Device,
    soap::{self, PREFIXES},
    xml::Element,
};

/// A service as `GetServices` lists it.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its address.
    pub address: String,
    /// `major.minor`.
    pub version: String,
}

/// Services, capabilities, topics and encodings.
#[derive(Clone, Debug, Default)]
pub struct Features {
    /// By prefix of [`PREFIXES`].
    pub services: BTreeMap<&'static str, Service>,
    /// `Capabilities` of `GetServiceCapabilities`, by prefix.
    pub capabilities: BTreeMap<&'static str, Element>,
    /// Topics of `GetEventProperties` as paths of local names, without prefix.
    pub topics: Vec<String>,
    /// Encodings of media 2's encoder options.
    pub encodings: Vec<String>,
    /// Something that kept the list from being complete.
    pub problems: Vec<String>,
}

impl Features {
    /// Asks the device.
    ///
    /// # Errors
    /// When it does not answer `GetServices`.
    pub fn detect(device: &Device) -> Outcome<Self> {
        let mut features = Self::default();
        let services = device.call(
            "tds:GetServices",
            "<tds:IncludeCapability>false</tds:IncludeCapability>",
        )?;
        for service in services.all("Service") {
            let ns = service.text_of("Namespace").unwrap_or_default();
            if let Some((prefix, _)) = PREFIXES.iter().find(|(_, n)| *n == ns) {
                let number = |p: &str| service.text_of(p).unwrap_or("0").to_owned();
                features.services.insert(
                    prefix,
                    Service {
                        address: service.text_of("XAddr").unwrap_or_default().to_owned(),
                        version: format!("{}.{}", number("Version/Major"), number("Version/Minor")),
                    },
                );
            }
        }
        device.know(&features);
        let prefixes: Vec<&'static str> = features.services.keys().copied().collect();
        for prefix in prefixes {
            match device.call(&format!("{prefix}:GetServiceCapabilities"), "") {
                Ok(answer) => {
                    if let Some(capabilities) = answer.find("Capabilities") {
                        features.capabilities.insert(prefix, capabilities.clone());
                    }
                }
                Err(stop) => features.problems.push(told(&stop)),
            }
        }
        if features.services.contains_key("tev") {
            match device.call("tev:GetEventProperties", "") {
                Ok(answer) => {
                    if let Some(set) = answer.find("TopicSet") {
                        topics(set, "", &mut features.topics);
                    }
                }
                Err(stop) => features.problems.push(told(&stop)),
            }
        }
        if features.services.contains_key("tr2") {
            match device.call("tr2:GetVideoEncoderConfigurationOptions", "") {
                Ok(answer) => features.encodings = answer.texts("Options/Encoding"),
                Err(stop) => features.problems.push(told(&stop)),
            }
        }
        device.know(&features);
        Ok(features)
    }

    /// A capability: `Element/Element@Attribute`, or an element's text.
    #[must_use]
    pub fn capability(&self, prefix: &str, path: &str) -> Option<&str> {
        let capabilities = self.capabilities.get(prefix)?;
        match path.split_once('@') {
            Some((path, attribute)) => capabilities.find(path)?.attr(attribute),
            None => capabilities.text_of(path),
        }
    }

    /// Whether a capability is present and true.
    #[must_use]
    pub fn flag(&self, prefix: &str, path: &str) -> bool {
        matches!(
            self.capability(prefix, path).map(str::trim),
            Some("true" | "1")
        )
    }

    /// A capability as a number.
    #[must_use]
    pub fn number(&self, prefix: &str, path: &str) -> Option<u32> {
        self.capability(prefix, path)?.trim().parse().ok()
    }

    /// Whether a topic is announced: `Media/ProfileChanged`.
    #[must_use]
    pub fn topic(&self, path: &str) -> bool {
        self.topics.iter().any(|t| t == path)
    }

    /// Why a need is not met; `None` when it is.
    #[must_use]
    pub fn lacks(&self, need: Need, device: &Device) -> Option<Stop> {
        let no = |text: String| Some(Stop::NotApplicable(text));
        match need {
            Need::Service(p) if !self.services.contains_key(p) => {
                no(format!("GetServices does not list {}", soap::ns(p)))
            }
            Need::Flag(p, path) if !self.flag(p, path) => {
                no(format!("{p} capability {path} is not true"))
            }
            Need::AtLeast(p, path, n) if self.number(p, path).unwrap_or(0) < n => {
                no(format!("{p} capability {path} is below {n}"))
            }
            Need::Lists(p, path, word)
                if !self
                    .capability(p, path)
                    .is_some_and(|l| l.split([' ', ',', '\n']).any(|w| w.trim() == word)) =>
            {
                no(format!("{p} capability {path} does not list {word}"))
            }
            Need::Topic(topic) if !self.topic(topic) => {
                no(format!("topic tns1:{topic} is not announced"))
            }
            Need::Encoding(name) if !self.encodings.iter().any(|e| e == name) => {
                no(format!("media 2 has no encoder option for {name}"))
            }
            Need::Ipv6 if !device.target().is_ipv6() => Some(Stop::NotRun(
                "the runner speaks to the device over IPv4; give --host an IPv6 address".into(),
            )),
            Need::Disruptive if !device.options().disruptive => Some(Stop::NotRun(
                "interrupts the device; allow it with --disruptive".into(),
            )),
            Need::Network if !device.options().network => Some(Stop::NotRun(
                "changes the device's address or name; allow it with --network".into(),
            )),
            _ => None,
        }
    }
}

/// The text of a stop.
#[must_use]
pub fn told(stop: &Stop) -> String {
    match stop {
        Stop::Fail(text) | Stop::NotApplicable(text) | Stop::NotRun(text) => text.clone(),
    }
}

/// Every topic below a topic set, as paths of local names.
pub fn topics(set: &Element, above: &str, found: &mut Vec<String>) {
    let wstop = "http://docs.oasis-open.org/wsn/t-1";
    for node in set.children.iter().filter(|c| {
        c.name.name != "MessageDescription" && c.name.ns != soap::ns("tt") && c.name.ns != wstop
    }) {
        let path = if above.is_empty() {
            node.name.name.clone()
        } else {
            format!("{above}/{}", node.name.name)
        };
        if node
            .attribute(wstop, "topic")
            .is_some_and(|t| matches!(t.trim(), "true" | "1"))
        {
            found.push(path.clone());
        }
        topics(node, &path, found);
    }
}
