use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CheckContext, Restore, SecretText, Section, time::host_name, trust::check_ca};
use crate::{Permission, Secret, Violation, Violations, ports::SupplicantPlan};

/// How the unit shows itself to a switch (DOT1X-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum Dot1xMethod {
    /// Name and password within TLS; only the server has a certificate.
    #[serde(rename = "PEAP")]
    Peap,
    /// The same in its other form.
    #[serde(rename = "EAP-TTLS")]
    Ttls,
    /// Both sides have certificates.
    #[serde(rename = "EAP-TLS")]
    Tls,
}

/// Admission to a network whose switches ask who is there, IEEE 802.1X (DOT1X-1..6). ONVIF:
/// `tas:AddDot1XConfiguration`, `tas:SetNetworkInterfaceDot1XConfiguration`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetDot1x {
    /// Answers a switch that asks.
    #[schemars(title = "Enable")]
    pub enabled: bool,
    /// Which proof the authentication server wants.
    #[schemars(title = "Authentication Mode")]
    pub method: Dot1xMethod,
    /// Name that the authentication server knows.
    #[schemars(title = "Username", length(max = 128))]
    pub identity: String,
    /// Name that everybody on the way may read instead; empty shows the real one.
    #[schemars(title = "Anonymous Identity", length(max = 128), extend("x-visible-when" = [{"method": "PEAP"}, {"method": "EAP-TTLS"}]))]
    pub anonymous_identity: String,
    /// Password that goes with the user name.
    #[schemars(title = "Password", extend("x-visible-when" = [{"method": "PEAP"}, {"method": "EAP-TTLS"}]))]
    pub password: SecretText,
    /// What shows who the unit is, with its private key: a certificate of the store (HTTPS page), for example `cert-3`,
    /// or ONVIF's CertificationPathID, `path-1`.
    #[schemars(title = "Client Certificate", length(max = 64), extend("x-visible-when" = {"method": "EAP-TLS"}))]
    pub certification_path: String,
    /// Trusts only a server with a certificate of the CA below. Off: everybody who poses as the switch may ask for the
    /// password.
    #[schemars(title = "Verify Server")]
    pub verify_server: bool,
    /// PEM certificate that signed the server's.
    #[schemars(title = "CA Certificate", length(max = 16384), extend("x-widget" = "pem", "x-visible-when" = {"verify_server": true}))]
    pub ca_certificate: String,
    /// Name, or end of the name, that the server's certificate has; empty takes any of that CA.
    #[schemars(title = "Server Name", length(max = 253), extend("x-visible-when" = {"verify_server": true}))]
    pub server_name: String,
}

impl Default for NetDot1x {
    fn default() -> Self {
        Self {
            enabled: false,
            method: Dot1xMethod::Peap,
            identity: String::new(),
            anonymous_identity: String::new(),
            password: SecretText::default(),
            certification_path: String::new(),
            verify_server: true,
            ca_certificate: String::new(),
            server_name: String::new(),
        }
    }
}

impl NetDot1x {
    /// Longest name, characters.
    pub const MAX_NAME: usize = 128;

    /// What the supplicant is to do; `None` while it is switched off.
    pub fn plan(&self, interface: &str) -> Option<SupplicantPlan> {
        let ca = || self.ca_certificate.trim().to_owned() + "\n";
        self.enabled.then(|| SupplicantPlan {
            interface: interface.to_owned(),
            method: self.method,
            identity: self.identity.clone(),
            anonymous_identity: self.anonymous_identity.clone(),
            password: Secret::new(self.password.expose()),
            certification_path: self.certification_path.clone(),
            ca: self.verify_server.then(ca),
            server_name: self.server_name.clone(),
        })
    }

    /// Whether there is anything to show, switched on or not.
    pub fn is_configured(&self) -> bool {
        !self.identity.is_empty()
    }
}

impl Section for NetDot1x {
    const KEY: &'static str = "net.dot1x";
    const TITLE: &'static str = "802.1x";
    const PAGE: &'static str = "Setting/Network Settings/Advanced/802.1x";
    const WRITE: Permission = Permission::NetworkConfig;
    // Without it the switch would not admit the unit any more.
    const ON_RESTORE: Restore = Restore::Keep;
    const SECRETS: &'static [&'static str] = &["password"];

    fn check(&self, cx: &CheckContext<'_>, violations: &mut Violations) {
        for (pointer, name) in [
            ("/identity", &self.identity),
            ("/anonymous_identity", &self.anonymous_identity),
        ] {
            let good =
                name.chars().count() <= Self::MAX_NAME && !name.chars().any(char::is_control);
            violations.require(good, || {
                let reason = format!(
                    "must be at most {} characters without control characters",
                    Self::MAX_NAME
                );
                Violation::new(pointer, name, reason)
            });
        }
        let path = &self.certification_path;
        let word = path.len() <= 64 && !path.chars().any(|c| c.is_whitespace() || c.is_control());
        violations.require(word, || {
            let reason = "must be the identifier of a certification path";
            Violation::new("/certification_path", path, reason)
        });
        check_ca(&self.ca_certificate, violations);
        let server = &self.server_name;
        violations.require(server.is_empty() || host_name(server), || {
            let reason = "must be a host's name of at most 253 characters";
            Violation::new("/server_name", server, reason)
        });
        if !self.enabled {
            return;
        }
        let tls = self.method == Dot1xMethod::Tls;
        for (pointer, there) in [
            ("/identity", !self.identity.is_empty()),
            ("/password", tls || self.password.is_set()),
            ("/certification_path", !tls || !path.is_empty()),
            (
                "/ca_certificate",
                !self.verify_server || !self.ca_certificate.trim().is_empty(),
            ),
        ] {
            violations.require(there, || {
                Violation::new(pointer, "", "must be set when 802.1x is enabled")
            });
        }
        if *self != *cx.before.get::<Self>()
            && let Some(Err(e)) = cx.host.map(|host| host.supplicant.changeable())
        {
            let violation = Violation::new("/enabled", "true", e.to_string());
            violations.0.push(violation);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::{Actor, Error, settings::trust::tests::CA, testing::uninitialised};

    /// DOT1X-1..5: what each mode needs; the password never comes out.
    #[test]
    fn each_mode_needs_its_proofs() {
        let t = uninitialised();
        let by = Actor::system();
        let set = |value: Value| t.device.settings.patch("net.dot1x", &value, None, &by);
        let ca = CA;
        for (value, pointer) in [
            (json!({"enabled": true}), "/identity"),
            (json!({"enabled": true, "identity": "camera"}), "/password"),
            (
                json!({"enabled": true, "identity": "camera", "password": "x"}),
                "/ca_certificate",
            ),
            (
                json!({"enabled": true, "identity": "camera", "method": "EAP-TLS", "verify_server": false}),
                "/certification_path",
            ),
            (json!({"identity": "a\nb"}), "/identity"),
            (
                json!({"anonymous_identity": "x".repeat(129)}),
                "/anonymous_identity",
            ),
            (json!({"method": "EAP-MD5"}), "/method"),
            (json!({"ca_certificate": "x"}), "/ca_certificate"),
            (json!({"server_name": "no host"}), "/server_name"),
            (json!({"certification_path": "a b"}), "/certification_path"),
        ] {
            let Err(Error::Invalid(found)) = set(value.clone()) else {
                panic!("{value} was taken");
            };
            assert!(
                found.0.iter().any(|v| v.pointer == pointer),
                "{value}: {found:?}"
            );
        }
        set(json!({"enabled": true, "identity": "camera", "password": "secret-1", "ca_certificate": ca}))
            .unwrap();
        let shown = t.device.settings.read("net.dot1x", &by).unwrap();
        assert!(!serde_json::to_string(&shown).unwrap().contains("secret-1"));
        t.supplicant.fix("no supplicant here");
        let Err(Error::Invalid(found)) = set(json!({"identity": "other"})) else {
            panic!("nobody could follow");
        };
        assert_eq!(found.0[0].pointer, "/enabled");
        set(json!({"enabled": false})).unwrap();
    }
}
