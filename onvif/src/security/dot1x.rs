//! 802.1X (Security Service §5.4; DOT1X-1..4): one configuration, the settings section `net.dot1x`; bound to the
//! interface it is enabled.
//!
//! A passphrase of the store is copied into the section and not told back; the trust anchors of a validation policy
//! become what the page has too (`verify_server`, `ca_certificate`), and the policy is found again by them.

use onvif_contracts::tas;
use onvif_xml::soap::Fault;
use platecam_model::settings::{Dot1xMethod, NetDot1x, NetIp};
use serde_json::{Value, json};

use super::faults;
use crate::{
    call::{Answer, Call},
    fault::{self, shortened},
};

/// Identifier of the configuration.
const ID: &str = "dot1x_1";
/// The method within PEAP and TTLS, with its other names.
const INNER: [&str; 3] = ["MSCHAPv2", "MSCHAP-V2", "EAP-MSCHAPv2"];
/// Methods of the outer stage.
const OUTER: [(Dot1xMethod, &str); 3] = [
    (Dot1xMethod::Peap, "EAP-PEAP"),
    (Dot1xMethod::Ttls, "EAP-TTLS"),
    (Dot1xMethod::Tls, "EAP-TLS"),
];

/// What is announced, where a supplicant can be run.
pub(super) fn capabilities(call: &Call<'_>) -> Option<Box<tas::Dot1XCapabilities>> {
    let methods = OUTER.map(|(method, name)| match method {
        Dot1xMethod::Peap | Dot1xMethod::Ttls => format!("{name}/{}", INNER[0]),
        Dot1xMethod::Tls => name.to_owned(),
    });
    let there = call.device().host.supplicant.changeable().is_ok();
    there.then(|| {
        Box::new(tas::Dot1XCapabilities {
            maximum_number_of_dot1x_configurations: Some(1),
            dot1x_methods: Some(onvif_xml::List(methods.to_vec())),
            any: Vec::new(),
        })
    })
}

fn unknown(id: &str) -> Fault {
    let text = format!("there is no 802.1X configuration '{}'", shortened(id));
    Fault::sender(&["InvalidArgVal", "Dot1XConfigurationID"], text)
}

fn refused(subcode: &'static str, text: String) -> Fault {
    Fault::sender(&["InvalidArgVal", subcode], text)
}

fn now(call: &Call<'_>) -> Option<NetDot1x> {
    let s = call.device().settings.get::<NetDot1x>();
    s.is_configured().then(|| (*s).clone())
}

fn named(call: &Call<'_>, id: &str) -> Answer<NetDot1x> {
    now(call).filter(|_| id == ID).ok_or_else(|| unknown(id))
}

fn patch(call: &Call<'_>, value: &Value) -> Answer<()> {
    let settings = &call.device().settings;
    let done = settings.patch("net.dot1x", value, None, call.actor);
    done.map(drop).map_err(fault::of)
}

fn written(call: &Call<'_>, s: &NetDot1x) -> Answer<tas::Dot1XConfiguration> {
    let method = OUTER.iter().find(|(m, _)| *m == s.method);
    let mut outer = tas::Dot1XStage {
        method: method.map_or("", |(_, name)| *name).to_owned(),
        ..Default::default()
    };
    if s.verify_server {
        let policy = call.device().policy_of(&s.ca_certificate);
        outer.cert_path_validation_policy_id = policy.map_err(faults::of)?;
    }
    let name = |text: &str| Some(text.to_owned()).filter(|t| !t.is_empty());
    match s.method {
        Dot1xMethod::Tls => {
            outer.identity = name(&s.identity);
            outer.certification_path_id = name(&s.certification_path);
        }
        Dot1xMethod::Peap | Dot1xMethod::Ttls => {
            outer.identity = name(&s.anonymous_identity);
            outer.inner = Some(Box::new(tas::Dot1XStage {
                identity: name(&s.identity),
                method: INNER[0].to_owned(),
                ..Default::default()
            }));
        }
    }
    Ok(tas::Dot1XConfiguration {
        dot1xid: Some(ID.to_owned()),
        alias: None,
        outer,
    })
}

/// `GetAllDot1XConfigurations`.
pub(super) fn all(call: &Call<'_>) -> Answer<tas::GetAllDot1XConfigurationsResponse> {
    let all = now(call).into_iter().map(|s| written(call, &s));
    Ok(tas::GetAllDot1XConfigurationsResponse {
        configuration: all.collect::<Answer<_>>()?,
    })
}

/// `GetDot1XConfiguration`.
pub(super) fn get(call: &Call<'_>, id: &str) -> Answer<tas::GetDot1XConfigurationResponse> {
    Ok(tas::GetDot1XConfigurationResponse {
        dot1x_configuration: written(call, &named(call, id)?)?,
    })
}

/// `AddDot1XConfiguration`: there is room for one.
pub(super) fn add(call: &Call<'_>, wanted: &tas::Dot1XConfiguration) -> Answer<String> {
    if now(call).is_some() {
        let text = "there is an 802.1X configuration already; at most 1";
        let subcode = "MaximumNumberOfDot1XConfigurationsReached";
        return Err(Fault::receiver(&["Action", subcode], text));
    }
    let outer = &wanted.outer;
    let method = outer.method.split('/').next().unwrap_or_default();
    let method = OUTER
        .iter()
        .find(|(_, name)| name.eq_ignore_ascii_case(method));
    let (method, name) = method.ok_or_else(|| {
        let names = OUTER.map(|(_, name)| name).join(", ");
        let text = format!(
            "Method {}: must be one of {names}",
            shortened(&outer.method)
        );
        refused("Dot1XMethod", text)
    })?;
    let inner_policy = |s: &tas::Dot1XStage| s.cert_path_validation_policy_id.clone();
    if let Some(policy) = outer.inner.as_deref().and_then(inner_policy) {
        let text = format!(
            "CertPathValidationPolicyID {} of the inner method: the server shows its certificate to the outer one",
            shortened(&policy)
        );
        return Err(refused("CertPathValidationPolicyID", text));
    }
    let mut value = json!({ "enabled": false, "method": method, "anonymous_identity": "", "password": null, "certification_path": "" });
    let mut own = outer;
    if *method == Dot1xMethod::Tls {
        let path = outer.certification_path_id.as_deref().unwrap_or_default();
        let paths = call.device().certification_paths(call.actor);
        if !paths.map_err(faults::of)?.iter().any(|p| p.id == path) {
            let text = format!("there is no certification path '{}'", shortened(path));
            return Err(refused("CertificationPathID", text));
        }
        value["certification_path"] = json!(path);
    } else {
        if let Some(inner) = outer.inner.as_deref() {
            if !INNER.iter().any(|n| n.eq_ignore_ascii_case(&inner.method)) {
                let text = format!(
                    "Method {} within {name}: must be {}",
                    shortened(&inner.method),
                    INNER[0]
                );
                return Err(refused("Dot1XMethod", text));
            }
            value["anonymous_identity"] = json!(outer.identity.as_deref().unwrap_or_default());
            own = inner;
        }
        let id = own.passphrase_id.as_deref().unwrap_or_default();
        let passphrase = call.device().passphrase(call.actor, id);
        value["password"] = json!(passphrase.map_err(faults::of)?.expose());
    }
    let identity = own.identity.as_deref().unwrap_or_default();
    if identity.is_empty() {
        let text = format!("Identity: is missing; {name} needs one");
        return Err(refused("Dot1XMethod", text));
    }
    value["identity"] = json!(identity);
    if let Some(policy) = outer.cert_path_validation_policy_id.as_deref() {
        let pem = call.device().policy_pem(call.actor, policy);
        value["ca_certificate"] = json!(pem.map_err(faults::of)?);
        value["verify_server"] = json!(true);
    } else {
        // Who has entered no CA cannot be made to verify by it.
        let ca = &call.device().settings.get::<NetDot1x>().ca_certificate;
        value["verify_server"] = json!(!ca.trim().is_empty());
    }
    patch(call, &value)?;
    Ok(ID.to_owned())
}

/// `DeleteDot1XConfiguration`, while no interface is bound to it.
pub(super) fn delete(call: &Call<'_>, id: &str) -> Answer<()> {
    if named(call, id)?.enabled {
        let text = format!("{id} is bound to the interface");
        return Err(refused("ReferenceExists", text));
    }
    let value = json!({ "identity": "", "anonymous_identity": "", "password": null, "certification_path": "" });
    patch(call, &value)
}

/// Refuses an interface that is not the unit's.
fn check_interface(call: &Call<'_>, token: &str) -> Answer<()> {
    let set = call.device().settings.get::<NetIp>().interface.clone();
    let all = call.device().network.interfaces();
    let named = |name: &str| set.is_empty() || set == name;
    let found = all
        .iter()
        .any(|i| !i.loopback && i.name == token && named(&i.name));
    if found {
        return Ok(());
    }
    let text = format!("there is no network interface '{}'", shortened(token));
    Err(refused("InvalidNetworkInterface", text))
}

/// `SetNetworkInterfaceDot1XConfiguration`.
pub(super) fn bind(call: &Call<'_>, token: &str, id: &str) -> Answer<()> {
    check_interface(call, token)?;
    named(call, id)?;
    patch(call, &json!({ "enabled": true }))
}

/// `GetNetworkInterfaceDot1XConfiguration`.
pub(super) fn bound(call: &Call<'_>, token: &str) -> Answer<Option<String>> {
    check_interface(call, token)?;
    Ok(now(call).filter(|s| s.enabled).map(|_| ID.to_owned()))
}

/// `DeleteNetworkInterfaceDot1XConfiguration`.
pub(super) fn unbind(call: &Call<'_>, token: &str) -> Answer<()> {
    check_interface(call, token)?;
    match now(call).filter(|s| s.enabled) {
        Some(_) => patch(call, &json!({ "enabled": false })),
        None => Ok(()),
    }
}
