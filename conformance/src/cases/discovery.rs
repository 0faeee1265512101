//! WS-Discovery: DISCOVERY-1-1-x, DISCOVERY-2-1-x.
//!
//! Several devices may live on one machine and share the port: answers of others are passed over, and a
//! unicast Probe is sent again from another port until the right one hears it.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr, ToSocketAddrs, UdpSocket},
    time::{Duration, Instant},
};

use crate::{
    auth::message_id,
    case::{Case, LIMIT, Need, Outcome, Present, Run, Stop, case},
    check,
    device::{Device, Reply},
    fail, soap,
    xml::{self, Element},
};

const WSA: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing";
const WSD: &str = "http://schemas.xmlsoap.org/ws/2005/04/discovery";
const DN: &str = "http://www.onvif.org/ver10/network/wsdl";
/// DISCOVERY_TIMEOUT of the specification.
const TIMEOUT: Duration = Duration::from_secs(5);
const ANY: &[Need] = &[];

/// The cases of this file.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        case(
            "DISCOVERY-1-1-3",
            "multicast Probe for each mandatory scope",
            "STG",
            ANY,
            |d| by_scope(d, true),
        )
        .within(120),
        case(
            "DISCOVERY-1-1-4",
            "multicast Probe without types and scopes",
            "STG",
            ANY,
            |d| found(d, true, "", "").map(drop),
        ),
        case(
            "DISCOVERY-1-1-5",
            "multicast Probe for a type and a scope that nobody has",
            "STG",
            ANY,
            |d| nobody(d, true),
        ),
        case("DISCOVERY-1-1-6", "the same by unicast", "STG", ANY, |d| {
            found(d, false, "", "")?;
            by_scope(d, false)?;
            nobody(d, false)
        })
        .within(180),
        case(
            "DISCOVERY-1-1-9",
            "a device that is not discoverable is silent",
            "STG",
            ANY,
            not_discoverable,
        ),
        case(
            "DISCOVERY-1-1-10",
            "unicast Probe with an unknown matching rule",
            "STG",
            ANY,
            matching_rule,
        ),
        case(
            "DISCOVERY-1-1-11",
            "scopes that are added are found, removed ones are not",
            "STG",
            ANY,
            added_scope,
        ),
        case(
            "X-DISCOVERY-TYPES",
            "unicast Probe finds tds:Device and dn:NetworkVideoTransmitter",
            "STM",
            ANY,
            |d| {
                found(
                    d,
                    false,
                    &format!(
                        "<d:Types xmlns:q=\"{}\">q:Device</d:Types>",
                        soap::ns("tds")
                    ),
                    "",
                )?;
                found(
                    d,
                    false,
                    &format!("<d:Types xmlns:q=\"{DN}\">q:NetworkVideoTransmitter</d:Types>"),
                    "",
                )?;
                Ok(())
            },
        ),
    ];
    for (id, style) in [
        ("DISCOVERY-2-1-1", "tag"),
        ("DISCOVERY-2-1-2", "parent"),
        ("DISCOVERY-2-1-3", "odd"),
        ("DISCOVERY-2-1-4", "several"),
        ("DISCOVERY-2-1-5", "one"),
    ] {
        cases.push(Case {
            id: id.into(),
            title: format!("Probe with namespaces declared in an unusual way: {style}"),
            profiles: "STG",
            needs: ANY.into(),
            run: Run::For(namespaces, style),
            limit: LIMIT,
        });
    }
    cases
}

fn probe(id: &str, types: &str, scopes: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><s:Envelope xmlns:s=\"{}\" xmlns:a=\"{WSA}\" xmlns:d=\"{WSD}\"><s:Header>\
         <a:MessageID>{id}</a:MessageID><a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To><a:Action>{WSD}/Probe</a:Action>\
         </s:Header><s:Body><d:Probe>{types}{scopes}</d:Probe></s:Body></s:Envelope>",
        soap::ENVELOPE
    )
}

fn failed(what: &str, e: &std::io::Error) -> Stop {
    Stop::NotRun(format!("{what}: {e}"))
}

/// Sends a datagram and hands every answer to `wanted` until it takes one or `time` is over.
fn ask(
    d: &Device,
    multicast: bool,
    text: &str,
    time: Duration,
    mut wanted: impl FnMut(&Element) -> bool,
) -> Outcome<Option<Element>> {
    let host = d.target().host();
    let address = (host.as_str(), 3702)
        .to_socket_addrs()
        .ok()
        .and_then(|mut a| a.next())
        .present("the device's address")?;
    let v6 = address.is_ipv6();
    let own: IpAddr = if v6 {
        IpAddr::from([0u16; 8])
    } else {
        IpAddr::from([0u8; 4])
    };
    let to = match (multicast, v6) {
        (false, _) => address,
        (true, false) => SocketAddr::from(([239, 255, 255, 250], 3702)),
        (true, true) => SocketAddr::from(([0xff02, 0, 0, 0, 0, 0, 0, 0xc], 3702)),
    };
    let socket = UdpSocket::bind((own, 0)).map_err(|e| failed("no UDP socket", &e))?;
    socket
        .set_read_timeout(Some(Duration::from_millis(100)))
        .map_err(|e| failed("no UDP socket", &e))?;
    socket
        .send_to(text.as_bytes(), to)
        .map_err(|e| failed("cannot send", &e))?;
    let end = Instant::now() + time.min(d.left()?);
    let mut buffer = vec![0; 65_536];
    while Instant::now() < end {
        let Ok((n, _)) = socket.recv_from(&mut buffer) else {
            continue;
        };
        let heard = String::from_utf8_lossy(&buffer[..n]).into_owned();
        d.note("WS-Discovery", &to.to_string(), text, &heard);
        if let Ok(envelope) = xml::parse(&heard)
            && wanted(&envelope)
        {
            return Ok(Some(envelope));
        }
    }
    Ok(None)
}

/// Whether a ProbeMatch speaks of the device under test.
fn ours(found: &Element, endpoint: &str) -> bool {
    found
        .text_of("EndpointReference/Address")
        .is_some_and(|a| a == endpoint || a.ends_with(endpoint))
}

fn endpoint(d: &Device) -> Outcome<String> {
    match d.reply("tds:GetEndpointReference", "")? {
        Reply::Answer(a, _) => Ok(a.text_of("GUID").present("GUID")?.to_owned()),
        _ => {
            // An older device: its address in the answer must do.
            Ok(d.target().host())
        }
    }
}

/// The ProbeMatch of our device, judged; `None` when it stays silent.
fn matched(d: &Device, multicast: bool, text: &str, id: &str) -> Outcome<Option<Element>> {
    let endpoint = endpoint(d)?;
    // Unicast may reach another device of this machine.
    let tries = if multicast { 1 } else { 8 };
    let time = if multicast {
        TIMEOUT
    } else {
        Duration::from_millis(800)
    };
    for _ in 0..tries {
        let mut hit = None;
        ask(d, multicast, text, time, |envelope| {
            hit = envelope
                .all("Body/ProbeMatches/ProbeMatch")
                .into_iter()
                .find(|m| ours(m, &endpoint))
                .cloned()
                .map(|m| (m, envelope.clone()));
            hit.is_some()
        })?;
        let Some((m, envelope)) = hit else { continue };
        let relates = envelope.text_of("Header/RelatesTo").unwrap_or_default();
        check!(relates == id, "RelatesTo {relates} where {id} is due");
        let types = m.find("Types").present("Types")?;
        for t in types.text.split_whitespace() {
            types
                .resolve(t)
                .present(&format!("the namespace of type {t}"))?;
        }
        check!(
            !m.text_of("Scopes").unwrap_or_default().is_empty(),
            "no Scopes"
        );
        let addresses = m.text_of("XAddrs").unwrap_or_default();
        check!(
            addresses.contains("/onvif/device_service"),
            "XAddrs {addresses:?}"
        );
        m.text_of("MetadataVersion").present("MetadataVersion")?;
        return Ok(Some(m));
    }
    Ok(None)
}

fn found(d: &Device, multicast: bool, types: &str, scopes: &str) -> Outcome<Element> {
    let id = message_id();
    // A datagram may be lost once.
    for _ in 0..2 {
        if let Some(m) = matched(d, multicast, &probe(&id, types, scopes), &id)? {
            return Ok(m);
        }
    }
    fail!("no ProbeMatch of the device for {types:?} {scopes:?}")
}

fn by_scope(d: &Device, multicast: bool) -> Outcome {
    let scopes = d.call("tds:GetScopes", "")?.texts("Scopes/ScopeItem");
    let mut asked = BTreeSet::new();
    for scope in &scopes {
        let kind = scope.split('/').nth(3).unwrap_or_default().to_owned();
        if ["type", "location", "hardware", "name"].contains(&kind.as_str()) && asked.insert(kind) {
            found(
                d,
                multicast,
                "",
                &format!("<d:Scopes>{}</d:Scopes>", xml::escape(scope)),
            )?;
        }
    }
    check!(!asked.is_empty(), "no mandatory scope: {scopes:?}");
    Ok(())
}

fn nobody(d: &Device, multicast: bool) -> Outcome {
    for (types, scopes) in [
        (
            "<d:Types xmlns:q=\"urn:conformance\">q:Unknown</d:Types>",
            "",
        ),
        (
            "",
            "<d:Scopes>onvif://www.onvif.org/conformance/unknown</d:Scopes>",
        ),
    ] {
        let id = message_id();
        check!(
            matched(d, multicast, &probe(&id, types, scopes), &id)?.is_none(),
            "answered {types}{scopes}"
        );
    }
    Ok(())
}

fn not_discoverable(d: &Device) -> Outcome {
    let set = |mode: &str| {
        d.call(
            "tds:SetDiscoveryMode",
            &format!("<tds:DiscoveryMode>{mode}</tds:DiscoveryMode>"),
        )
    };
    let was = d.call("tds:GetDiscoveryMode", "")?;
    check!(
        was.text_of("DiscoveryMode") == Some("Discoverable"),
        "not Discoverable at the start"
    );
    set("NonDiscoverable")?;
    let id = message_id();
    let heard = matched(d, true, &probe(&id, "", ""), &id);
    set("Discoverable")?;
    check!(heard?.is_none(), "answered although NonDiscoverable");
    Ok(())
}

fn matching_rule(d: &Device) -> Outcome {
    let id = message_id();
    let text = probe(
        &id,
        "",
        "<d:Scopes MatchBy=\"urn:conformance:rule\">onvif://www.onvif.org/name</d:Scopes>",
    );
    for _ in 0..8 {
        let answer = ask(d, false, &text, Duration::from_millis(800), |e| {
            e.find("Body/Fault").is_some()
        })?;
        if let Some(answer) = answer {
            let code = answer
                .find("Body/Fault")
                .map(Element::to_xml)
                .unwrap_or_default();
            check!(
                code.contains("MatchingRuleNotSupported"),
                "another fault: {code}"
            );
            return Ok(());
        }
    }
    fail!("no fault")
}

fn added_scope(d: &Device) -> Outcome {
    let scope = "onvif://www.onvif.org/location/conformance/discovery";
    let body = format!("<tds:ScopeItem>{scope}</tds:ScopeItem>");
    let asked = format!("<d:Scopes>{scope}</d:Scopes>");
    d.call("tds:AddScopes", &body)?;
    let hit = found(d, true, "", &asked);
    d.call("tds:RemoveScopes", &body)?;
    let hit = hit?;
    check!(
        hit.text_of("Scopes").unwrap_or_default().contains(scope),
        "the scope is not in the ProbeMatch"
    );
    let id = message_id();
    check!(
        matched(d, true, &probe(&id, "", &asked), &id)?.is_none(),
        "still found after removal"
    );
    Ok(())
}

fn namespaces(d: &Device, style: &'static str) -> Outcome {
    let env = soap::ENVELOPE;
    let (tds, id) = (soap::ns("tds"), message_id());
    let to = "urn:schemas-xmlsoap-org:ws:2005:04:discovery";
    let text = match style {
        "tag" => format!(
            "<Envelope xmlns=\"{env}\"><Header xmlns=\"{env}\"><MessageID xmlns=\"{WSA}\">{id}</MessageID><To xmlns=\"{WSA}\">{to}</To><Action xmlns=\"{WSA}\">{WSD}/Probe</Action></Header><Body xmlns=\"{env}\"><Probe xmlns=\"{WSD}\"><Types xmlns=\"{WSD}\" xmlns:t=\"{tds}\">t:Device</Types></Probe></Body></Envelope>"
        ),
        "parent" => format!(
            "<s:Envelope xmlns:s=\"{env}\" xmlns:t=\"{tds}\"><s:Header xmlns=\"{WSA}\"><MessageID>{id}</MessageID><To>{to}</To><Action>{WSD}/Probe</Action></s:Header><s:Body xmlns=\"{WSD}\"><Probe><Types>t:Device</Types></Probe></s:Body></s:Envelope>"
        ),
        "odd" => format!(
            "<wsd:Envelope xmlns:wsd=\"{env}\" xmlns:tds=\"{WSA}\" xmlns:soap=\"{WSD}\" xmlns:d=\"{tds}\"><wsd:Header><tds:MessageID>{id}</tds:MessageID><tds:To>{to}</tds:To><tds:Action>{WSD}/Probe</tds:Action></wsd:Header><wsd:Body><soap:Probe><soap:Types>d:Device</soap:Types></soap:Probe></wsd:Body></wsd:Envelope>"
        ),
        "several" => format!(
            "<a:Envelope xmlns:a=\"{env}\" xmlns:b=\"{env}\" xmlns:c=\"{WSA}\" xmlns:e=\"{WSA}\" xmlns:f=\"{WSD}\" xmlns:g=\"{WSD}\" xmlns:h=\"{tds}\"><b:Header><c:MessageID>{id}</c:MessageID><e:To>{to}</e:To><c:Action>{WSD}/Probe</c:Action></b:Header><a:Body><f:Probe><g:Types>h:Device</g:Types></f:Probe></a:Body></a:Envelope>"
        ),
        _ => format!(
            "<x:Envelope xmlns:x=\"{env}\"><x:Header><x:MessageID xmlns:x=\"{WSA}\">{id}</x:MessageID><x:To xmlns:x=\"{WSA}\">{to}</x:To><x:Action xmlns:x=\"{WSA}\">{WSD}/Probe</x:Action></x:Header><x:Body><x:Probe xmlns:x=\"{WSD}\" xmlns:y=\"{tds}\"><x:Types>y:Device</x:Types></x:Probe></x:Body></x:Envelope>"
        ),
    };
    for _ in 0..2 {
        if matched(d, true, &text, &id)?.is_some() {
            return Ok(());
        }
    }
    fail!("no ProbeMatch of the device")
}
