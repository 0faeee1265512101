//! What is said: announcements and answers to received datagrams. No sockets here.

use std::sync::atomic::{AtomicU32, Ordering};

use onvif_xml::{
    QName,
    discovery::{
        AppSequence, Endpoint, Envelope, MATCH_RFC2396, MATCH_STRCMP0, Message, Probe, unknown_rule,
    },
    ns,
};

use super::scope::{matches_rfc3986, matches_strcmp0};

/// The unit as discovery describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Described {
    /// `urn:uuid:...`, the same over restarts.
    pub address: String,
    /// All scopes.
    pub scopes: Vec<String>,
    /// Counts changes of scopes and addresses.
    pub metadata_version: u64,
}

/// Makes datagrams and numbers them.
#[derive(Debug)]
pub struct Responder {
    instance_id: u32,
    message_number: AtomicU32,
}

/// Matching rule of RFC 3986, the mandatory one, under its newer name.
const MATCH_RFC3986: &str = "http://docs.oasis-open.org/ws-dd/ns/discovery/2009/01/rfc3986";
/// All rules, as a fault names them.
const RULES: [&str; 3] = [MATCH_RFC2396, MATCH_RFC3986, MATCH_STRCMP0];

fn types() -> Vec<QName> {
    vec![
        QName::new(ns::DN, "NetworkVideoTransmitter"),
        QName::new(ns::TDS, "Device"),
    ]
}

impl Responder {
    /// `instance_id` must be higher than in any earlier run: seconds since 1970 do.
    pub fn new(instance_id: u32) -> Self {
        Self {
            instance_id,
            message_number: AtomicU32::new(0),
        }
    }

    fn envelope(&self, relates_to: Option<String>, message: Message) -> Vec<u8> {
        let envelope = Envelope {
            message_id: uuid::Uuid::new_v4().urn().to_string(),
            relates_to,
            app_sequence: Some(AppSequence {
                instance_id: self.instance_id,
                message_number: self.message_number.fetch_add(1, Ordering::Relaxed) + 1,
            }),
            message,
        };
        envelope.write()
    }

    fn endpoint(described: &Described, xaddrs: &[String]) -> Endpoint {
        Endpoint {
            address: described.address.clone(),
            types: types(),
            scopes: described.scopes.clone(),
            xaddrs: xaddrs.to_vec(),
            metadata_version: Some(described.metadata_version),
        }
    }

    /// The unit came, or changed.
    pub fn hello(&self, described: &Described, xaddrs: &[String]) -> Vec<u8> {
        self.envelope(None, Message::Hello(Self::endpoint(described, xaddrs)))
    }

    /// The unit leaves.
    pub fn bye(&self, described: &Described, xaddrs: &[String]) -> Vec<u8> {
        self.envelope(None, Message::Bye(Self::endpoint(described, xaddrs)))
    }

    /// The answer to a datagram that was sent `directly` to this unit or to the group; `None` for what is not for us or
    /// not readable (Core §9.3.6: silence). A direct probe with a matching rule that is not known gets a fault.
    pub fn answer(
        &self,
        datagram: &[u8],
        directly: bool,
        described: &Described,
        xaddrs: &[String],
    ) -> Option<Vec<u8>> {
        let envelope = match Envelope::parse(datagram) {
            Ok(envelope) => envelope,
            Err(e) => {
                tracing::trace!("unreadable discovery datagram: {e}");
                return None;
            }
        };
        let endpoint = || Self::endpoint(described, xaddrs);
        let message = match envelope.message {
            Message::Probe(probe) if directly && rule(&probe).is_none() => {
                let id = uuid::Uuid::new_v4().urn().to_string();
                return Some(unknown_rule(&envelope.message_id, &id, &RULES));
            }
            Message::Probe(probe) if wanted(&probe, described) => {
                Message::ProbeMatches(vec![endpoint()])
            }
            Message::Resolve(address) if address == described.address => {
                Message::ResolveMatches(Some(Box::new(endpoint())))
            }
            // Others' announcements and answers, our own among them.
            Message::Probe(_)
            | Message::Resolve(_)
            | Message::Hello(_)
            | Message::Bye(_)
            | Message::ProbeMatches(_)
            | Message::ResolveMatches(_) => return None,
        };
        Some(self.envelope(Some(envelope.message_id), message))
    }
}

/// How a probe compares scopes; `None` for a rule that is not known.
fn rule(probe: &Probe) -> Option<fn(&str, &str) -> bool> {
    match probe.match_by.as_deref() {
        None | Some("" | MATCH_RFC2396 | MATCH_RFC3986) => Some(matches_rfc3986),
        Some(MATCH_STRCMP0) => Some(matches_strcmp0),
        Some(_) => None,
    }
}

/// Whether a probe is for us: all its types are ours, all its scopes match by its rule.
fn wanted(probe: &Probe, described: &Described) -> bool {
    let ours = types();
    if !probe.types.iter().all(|t| ours.contains(t)) {
        return false;
    }
    let Some(rule) = rule(probe) else {
        return false;
    };
    let matched = |scope: &String| described.scopes.iter().any(|s| rule(s, scope));
    probe.scopes.iter().all(matched)
}

#[cfg(test)]
mod tests {
    use std::slice;

    use super::*;

    fn described() -> Described {
        Described {
            address: "urn:uuid:00000000-0000-0000-0000-000000001234".into(),
            scopes: vec![
                "onvif://www.onvif.org/type/video_encoder".into(),
                "onvif://www.onvif.org/name/Gate%201".into(),
            ],
            metadata_version: 3,
        }
    }

    fn xaddrs() -> Vec<String> {
        vec!["http://192.0.2.10/onvif/device_service".into()]
    }

    fn ask(message: Message) -> Option<Envelope> {
        let probe = Envelope {
            message_id: "urn:uuid:probe-1".into(),
            relates_to: None,
            app_sequence: None,
            message,
        };
        let answer = Responder::new(7).answer(&probe.write(), false, &described(), &xaddrs());
        answer.map(|a| Envelope::parse(&a).unwrap())
    }

    fn probe(types: &[QName], scopes: &[&str], rule: Option<&str>) -> Message {
        Message::Probe(Probe {
            types: types.to_vec(),
            scopes: scopes.iter().map(|s| (*s).to_owned()).collect(),
            match_by: rule.map(str::to_owned),
        })
    }

    /// DISCOVERY-1-1-3..6: answers with everything to those who mean us, silence for the rest.
    #[test]
    fn probes_for_us_are_answered() {
        let nvt = QName::new(ns::DN, "NetworkVideoTransmitter");
        let device = QName::new(ns::TDS, "Device");
        let printer = QName::with_uri("urn:printers", "Printer");
        let (name, video) = (
            "onvif://www.onvif.org/name",
            "onvif://www.onvif.org/type/video_encoder",
        );
        for (types, scopes, rule, answered) in [
            (&[][..], &[][..], None, true),
            (slice::from_ref(&nvt), &[], None, true),
            (slice::from_ref(&device), &[], None, true),
            (&[nvt.clone(), device.clone()], &[name, video], None, true),
            (&[], &[name], Some(MATCH_RFC2396), true),
            (&[], &[name], Some(MATCH_RFC3986), true),
            (&[], &[video], Some(MATCH_STRCMP0), true),
            (&[], &[name], Some(MATCH_STRCMP0), false),
            (&[], &[name], Some("urn:other-rule"), false),
            (slice::from_ref(&printer), &[], None, false),
            (&[nvt.clone(), printer.clone()], &[], None, false),
            (&[], &["onvif://www.onvif.org/name/Gate"], None, false),
            (
                &[],
                &[video, "onvif://www.onvif.org/location/x"],
                None,
                false,
            ),
            // the right name in the wrong namespace
            (
                &[QName::new(ns::TDS, "NetworkVideoTransmitter")],
                &[],
                None,
                false,
            ),
        ] {
            let message = probe(types, scopes, rule);
            let answer = ask(message.clone());
            assert_eq!(answer.is_some(), answered, "{message:?}");
            let Some(answer) = answer else { continue };
            assert_eq!(answer.relates_to.as_deref(), Some("urn:uuid:probe-1"));
            let Message::ProbeMatches(matches) = answer.message else {
                panic!("{answer:?}");
            };
            let [one] = matches.as_slice() else {
                panic!("{matches:?}")
            };
            assert_eq!(one.address, described().address);
            assert_eq!(one.types, [nvt.clone(), device.clone()]);
            assert_eq!(one.scopes, described().scopes);
            assert_eq!(one.xaddrs, xaddrs());
            assert_eq!(one.metadata_version, Some(3));
        }
    }

    /// DISCOVERY-1-1-10: who asks us alone learns that the rule is unknown; who asks everybody gets silence.
    #[test]
    fn an_unknown_rule_is_a_fault_to_a_direct_probe() {
        let envelope = |rule| Envelope {
            message_id: "urn:uuid:probe-1".into(),
            relates_to: None,
            app_sequence: None,
            message: probe(&[], &["onvif://www.onvif.org/name"], Some(rule)),
        };
        let answer = |rule, directly| {
            let datagram = envelope(rule).write();
            let answer = Responder::new(7).answer(&datagram, directly, &described(), &xaddrs());
            answer.map(|a| String::from_utf8(a).unwrap())
        };
        let fault = answer("urn:other-rule", true).unwrap();
        assert!(fault.contains("d:MatchingRuleNotSupported"), "{fault}");
        assert!(fault.contains("urn:uuid:probe-1"), "{fault}");
        assert_eq!(answer("urn:other-rule", false), None);
        let known = answer(MATCH_RFC3986, true).unwrap();
        assert!(known.contains("ProbeMatches"), "{known}");
    }

    #[test]
    fn resolve_is_answered_for_our_address_only() {
        let answer = ask(Message::Resolve(described().address)).unwrap();
        assert!(matches!(answer.message, Message::ResolveMatches(Some(e)) if e.xaddrs == xaddrs()));
        assert_eq!(ask(Message::Resolve("urn:uuid:other".into())), None);
        assert_eq!(ask(Message::Hello(Endpoint::default())), None);
        assert_eq!(ask(Message::ProbeMatches(vec![])), None);
    }

    #[test]
    fn messages_are_numbered() {
        let r = Responder::new(7);
        for n in 1..=3 {
            let hello = String::from_utf8(r.hello(&described(), &xaddrs())).unwrap();
            assert!(
                hello.contains(&format!("InstanceId=\"7\" MessageNumber=\"{n}\"")),
                "{hello}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn any_datagram_is_answered_or_ignored(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            Responder::new(1).answer(&bytes, true, &described(), &xaddrs());
        }
    }
}
