//! TLS clients with certificates: ADVANCED_SECURITY-3-3-x. The runner is their authority.

use std::time::Instant;

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::{Identity, blocking::Client};

use crate::{
    authority::Authority,
    case::{Case, Need, Outcome, Present, Stop, case},
    check,
    device::Device,
    fail,
    xml::escape,
};

const TAS: Need = Need::Service("tas");
const VERIFIED: Need = Need::Flag("tas", "TLSServerCapabilities@TLSClientAuthSupported");
const POLICIES: Need = Need::AtLeast(
    "tas",
    "TLSServerCapabilities@MaximumNumberOfTLSCertificationPathValidationPolicies",
    1,
);
const CLIENTS: &[Need] = &[TAS, VERIFIED, POLICIES, Need::Network];
const REVOCATION: &[Need] = &[
    TAS,
    VERIFIED,
    POLICIES,
    Need::AtLeast("tas", "KeystoreCapabilities@MaximumNumberOfCRLs", 1),
    Need::Network,
];

/// The cases of this file.
pub(super) fn cases() -> Vec<Case> {
    vec![
        case(
            "ADVANCED_SECURITY-3-3-1",
            "TLS client authentication: no connection with a certificate of another authority",
            "T",
            CLIENTS,
            authorities,
        )
        .within(180),
        case(
            "ADVANCED_SECURITY-3-3-2",
            "TLS client authentication: no connection with a revoked certificate",
            "T",
            REVOCATION,
            revocation,
        )
        .within(180),
    ]
}

/// A client of HTTPS: what it is for a reason's text, and its certificate with key.
struct Shown<'a>(&'static str, Option<&'a str>);

const NONE: Shown<'_> = Shown("no certificate", None);

fn authorities(d: &Device) -> Outcome {
    let (ours, strange) = (authority("ONVIF TT CA")?, authority("ONVIF TT CA 2")?);
    let (good, other) = (client(&ours, 1)?, client(&strange, 1)?);
    let good = Shown("a certificate of the trusted authority", Some(&good));
    let other = Shown("a certificate of another authority", Some(&other));
    with_required(d, &ours, |d, url| {
        until(d, url, &other, false)?;
        check!(connects(d, url, &good)?, "no connection with {}", good.0);
        check!(!connects(d, url, &NONE)?, "a connection with {}", NONE.0);
        Ok(())
    })
}

fn revocation(d: &Device) -> Outcome {
    let ours = authority("ONVIF TT CA")?;
    let (good, lost) = (client(&ours, 1)?, client(&ours, 2)?);
    let good = Shown("a certificate that is not revoked", Some(&good));
    let lost = Shown("a revoked certificate", Some(&lost));
    let list = STANDARD.encode(ours.revokes(2).map_err(not_made)?);
    with_required(d, &ours, |d, url| {
        until(d, url, &NONE, false)?;
        check!(connects(d, url, &lost)?, "no connection before the list");
        let body = format!("<tas:Crl>{list}</tas:Crl><tas:Alias>ONVIF_CRL_Test</tas:Alias>");
        let a = d.call("tas:UploadCRL", &body)?;
        let list = escape(a.text_of("CrlID").present("CrlID")?);
        let judged = until(d, url, &lost, false).and_then(|()| {
            check!(connects(d, url, &good)?, "no connection with {}", good.0);
            Ok(())
        });
        undo(
            d,
            judged,
            &[("tas:DeleteCRL", format!("<tas:CrlID>{list}</tas:CrlID>"))],
        )
    })
}

fn not_made(e: anyhow::Error) -> Stop {
    Stop::NotRun(format!("the runner cannot make its certificates: {e:#}"))
}

fn authority(name: &str) -> Outcome<Authority> {
    Authority::new(name).map_err(not_made)
}

fn client(of: &Authority, serial: u64) -> Outcome<String> {
    of.client("ONVIF TT", serial).map_err(not_made)
}

/// Takes back what was done, all of it; the first failure counts.
fn undo(d: &Device, judged: Outcome, steps: &[(&str, String)]) -> Outcome {
    steps.iter().fold(judged, |so_far, (operation, body)| {
        let undone = d.call(operation, body).map(drop);
        so_far.and(undone)
    })
}

/// Where HTTPS is served, of a device that requires no certificates and whom the runner reaches without HTTPS.
fn served(d: &Device) -> Outcome<String> {
    let not_run = |text: &str| Err(Stop::NotRun(text.to_owned()));
    if d.address("tas")?.starts_with("https:") {
        return not_run("the runner speaks to the device over HTTPS; give --host a plain address");
    }
    let a = d.call("tas:GetClientAuthenticationRequired", "")?;
    if a.text_of("clientAuthenticationRequired") != Some("false") {
        return not_run("client certificates are required already");
    }
    let assigned = d
        .call("tas:GetAssignedCertPathValidationPolicies", "")?
        .texts("CertPathValidationPolicyID");
    if !assigned.is_empty() {
        return not_run("a validation policy is assigned already");
    }
    let a = d.call("tds:GetNetworkProtocols", "")?;
    let https = a.all("NetworkProtocols").into_iter().find(|p| {
        p.text_of("Name") == Some("HTTPS") && matches!(p.text_of("Enabled"), Some("true" | "1"))
    });
    let Some(https) = https else {
        return not_run("HTTPS is not enabled");
    };
    let port: u16 = match https.text_of("Port").present("Port")?.parse() {
        Ok(port) => port,
        Err(e) => fail!("the port of HTTPS: {e}"),
    };
    let host = d.target().host();
    Ok(match d.target().is_ipv6() {
        true => format!("https://[{host}]:{port}/"),
        false => format!("https://{host}:{port}/"),
    })
}

/// Client certificates of this authority are required; nothing of it is left afterwards, and anybody may connect.
fn with_required(
    d: &Device,
    trusted: &Authority,
    steps: impl FnOnce(&Device, &str) -> Outcome,
) -> Outcome {
    let url = served(d)?;
    // Later a port that nobody serves would look like a refusal.
    if !connects(d, &url, &NONE)? {
        return Err(Stop::NotRun(format!("nobody answers at {url}")));
    }
    with_policy(d, trusted, |d, policy| {
        d.call("tas:AddCertPathValidationPolicyAssignment", policy)?;
        let required = |on: bool| {
            format!("<tas:clientAuthenticationRequired>{on}</tas:clientAuthenticationRequired>")
        };
        let set = "tas:SetClientAuthenticationRequired";
        let judged = d.call(set, &required(true)).and_then(|_| {
            let read = d.call("tas:GetClientAuthenticationRequired", "");
            let judged = read.and_then(|a| {
                let found = a.text_of("clientAuthenticationRequired");
                check!(found == Some("true"), "required, and read as {found:?}");
                steps(d, &url)
            });
            undo(d, judged, &[(set, required(false))])
        });
        let judged = undo(
            d,
            judged,
            &[(
                "tas:RemoveCertPathValidationPolicyAssignment",
                policy.to_owned(),
            )],
        );
        judged.and_then(|()| until(d, &url, &NONE, true))
    })
}

fn with_policy(
    d: &Device,
    trusted: &Authority,
    steps: impl FnOnce(&Device, &str) -> Outcome,
) -> Outcome {
    let body = format!(
        "<tas:Certificate>{}</tas:Certificate><tas:Alias>ONVIF_CA_Test</tas:Alias><tas:PrivateKeyRequired>false</tas:PrivateKeyRequired>",
        STANDARD.encode(trusted.der())
    );
    let a = d.call("tas:UploadCertificate", &body)?;
    let of = |name: &str| -> Outcome<String> {
        let id = escape(a.text_of(name).present(name)?);
        Ok(format!("<tas:{name}>{id}</tas:{name}>"))
    };
    let (certificate, key) = (of("CertificateID")?, of("KeyID")?);
    let body = format!(
        "<tas:Alias>ONVIF_Policy_Test</tas:Alias><tas:Parameters/><tas:TrustAnchor>{certificate}</tas:TrustAnchor>"
    );
    let made = d.call("tas:CreateCertPathValidationPolicy", &body);
    let judged = made.and_then(|a| {
        let name = "CertPathValidationPolicyID";
        let id = escape(a.text_of(name).present(name)?);
        let policy = format!("<tas:{name}>{id}</tas:{name}>");
        let judged = steps(d, &policy);
        undo(d, judged, &[("tas:DeleteCertPathValidationPolicy", policy)])
    });
    undo(
        d,
        judged,
        &[
            ("tas:DeleteCertificate", certificate),
            ("tas:DeleteKey", key),
        ],
    )
}

/// Whether HTTPS answers a client that shows this. What comes over the connection does not matter.
fn connects(d: &Device, url: &str, shown: &Shown<'_>) -> Outcome<bool> {
    let not_made = |e: reqwest::Error| Stop::NotRun(format!("no TLS client: {e}"));
    let mut client = Client::builder()
        .no_proxy()
        .danger_accept_invalid_certs(true)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(d.options().message_timeout.min(d.left()?));
    if let Some(pem) = shown.1 {
        client = client.identity(Identity::from_pem(pem.as_bytes()).map_err(not_made)?);
    }
    let answer = client.build().map_err(not_made)?.get(url).send();
    let told = match &answer {
        Ok(answer) => format!("HTTP {}", answer.status()),
        Err(e) => format!("{e:?}"),
    };
    d.note("HTTPS", url, shown.0, &told);
    match answer {
        Err(e) if e.is_timeout() => fail!("HTTPS with {}: no answer in time", shown.0),
        answer => Ok(answer.is_ok()),
    }
}

/// Waits for a change to show, at most the operation delay.
fn until(d: &Device, url: &str, shown: &Shown<'_>, wanted: bool) -> Outcome {
    let end = Instant::now() + d.options().operation_delay;
    while connects(d, url, shown)? != wanted {
        let found = if wanted { "no" } else { "a" };
        check!(
            Instant::now() < end,
            "{found} connection with {}, after the operation delay",
            shown.0
        );
        d.wait(std::time::Duration::from_millis(200))?;
    }
    Ok(())
}
