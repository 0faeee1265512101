use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CheckContext, NetPorts, Restore, Section, trust::check_pem};
use crate::{Permission, Violation, Violations};

/// Which of HTTP and HTTPS are served (HTTPS-6, HTTPS-7, HTTPS-10, SEC-7, C-16). ONVIF:
/// `tds:SetNetworkProtocols`.
///
/// A change applies at once and stays over restarts and Restore.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetHttps {
    /// Serves web and ONVIF over TLS.
    #[schemars(title = "Enable")]
    pub enabled: bool,
    /// Serves web and ONVIF without TLS; one of both has to stay.
    #[schemars(title = "Enable HTTP")]
    pub http_enabled: bool,
    /// Plain HTTP answers everything with the address under HTTPS.
    #[schemars(title = "Redirect HTTP to HTTPS", extend("x-visible-when" = {"enabled": true}))]
    pub redirect: bool,
    /// Connections of TLS 1.2 are accepted; older ones never are (HTTPS-8). ONVIF: `tas:SetEnabledTLSVersions`.
    #[schemars(title = "TLS 1.2", extend("x-visible-when" = {"enabled": true}))]
    pub tls12: bool,
    /// Connections of TLS 1.3 are accepted; one of both has to stay.
    #[schemars(title = "TLS 1.3", extend("x-visible-when" = {"enabled": true}))]
    pub tls13: bool,
    /// HTTPS and RTSPS take only who shows a certificate of a CA below; user and password are asked for as before.
    /// Who has none cannot reach this page over HTTPS any more. ONVIF: `tas:SetClientAuthenticationRequired`.
    #[schemars(title = "Require Client Certificates")]
    pub client_certificates: bool,
    /// PEM certificates of the CAs that sign those of clients. ONVIF: `tas:AddCertPathValidationPolicyAssignment`.
    #[schemars(title = "CA of Clients", length(max = 16384), extend("x-widget" = "pem", "x-visible-when" = {"client_certificates": true}))]
    pub client_ca: String,
    /// A certificate must say that it is for clients of TLS (extended key usage). Off: one that says nothing will do.
    #[schemars(title = "Only Certificates for Clients", extend("x-visible-when" = {"client_certificates": true}))]
    pub client_usage: bool,
}

impl Default for NetHttps {
    fn default() -> Self {
        Self {
            enabled: true,
            http_enabled: true,
            redirect: false,
            tls12: true,
            tls13: true,
            client_certificates: false,
            client_ca: String::new(),
            client_usage: false,
        }
    }
}

impl Section for NetHttps {
    const KEY: &'static str = "net.https";
    const TITLE: &'static str = "HTTPS";
    const PAGE: &'static str = "Setting/Network/HTTPS";
    const WRITE: Permission = Permission::SecurityConfig;
    const ON_RESTORE: Restore = Restore::Keep;

    fn check(&self, cx: &CheckContext<'_>, violations: &mut Violations) {
        violations.require(self.enabled || self.http_enabled, || {
            let reason = "cannot be off together with HTTPS: the unit would not be reachable";
            Violation::new("/http_enabled", false, reason)
        });
        violations.require(self.enabled || !self.redirect, || {
            Violation::new("/redirect", true, "needs HTTPS to be enabled")
        });
        violations.require(self.tls12 || self.tls13, || {
            let reason = "cannot be off together with TLS 1.2: nobody could connect";
            Violation::new("/tls13", false, reason)
        });
        check_pem("/client_ca", &self.client_ca, violations);
        let known = !self.client_certificates || !self.client_ca.trim().is_empty();
        violations.require(known, || {
            let reason = "must be set when client certificates are required: nobody could connect";
            Violation::new("/client_ca", "", reason)
        });
        let (before, ports) = (cx.before.get::<Self>(), cx.settings.get::<NetPorts>());
        let had = cx.before.get::<NetPorts>();
        // A port that changes in the same step is checked where it changes.
        for (pointer, on, port) in [
            (
                "/enabled",
                self.enabled && !before.enabled && ports.https == had.https,
                ports.https,
            ),
            (
                "/http_enabled",
                self.http_enabled && !before.http_enabled && ports.http == had.http,
                ports.http,
            ),
        ] {
            if on && let Err(reason) = cx.listen.probe(port.get()) {
                let reason = format!("its port {} cannot be listened on: {reason}", port.get());
                violations.0.push(Violation::new(pointer, true, reason));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use crate::{
        Actor, Error,
        ports::ListenProbe,
        settings::{Patch, SettingsStore, trust::tests::CA},
        testing::uninitialised,
    };

    /// Port 8081 is somebody else's.
    struct Taken;

    impl ListenProbe for Taken {
        fn probe(&self, port: u16) -> Result<(), String> {
            match port {
                8081 => Err("taken".into()),
                _ => Ok(()),
            }
        }
    }

    fn refused(settings: &SettingsStore, patches: &[(&str, Value)]) -> Vec<(String, String)> {
        let patches: Vec<Patch> = patches
            .iter()
            .map(|(key, value)| Patch {
                key: (*key).into(),
                value: value.clone(),
                if_revision: None,
            })
            .collect();
        match settings.apply(&patches, &Actor::system()) {
            Ok(_) => Vec::new(),
            Err(Error::Invalid(v)) => v.0.into_iter().map(|v| (v.pointer, v.reason)).collect(),
            Err(e) => panic!("{e}"),
        }
    }

    /// SEC-7: the unit stays reachable.
    #[test]
    fn one_of_both_stays() {
        let settings = uninitialised().device.settings.clone();
        let first = |value| {
            let all = refused(&settings, &[("net.https", value)]);
            all.first().map(|(pointer, _)| pointer.clone())
        };
        let both = json!({"enabled": false, "http_enabled": false});
        assert_eq!(first(both).as_deref(), Some("/http_enabled"));
        let redirect = json!({"enabled": false, "redirect": true});
        assert_eq!(first(redirect).as_deref(), Some("/redirect"));
        assert_eq!(first(json!({"http_enabled": false})), None);
        assert_eq!(
            first(json!({"enabled": false})).as_deref(),
            Some("/http_enabled")
        );
        assert_eq!(first(json!({"http_enabled": true, "redirect": true})), None);
        let none = json!({"tls12": false, "tls13": false});
        assert_eq!(first(none).as_deref(), Some("/tls13"));
        assert_eq!(first(json!({"tls12": false})), None);
    }

    /// HTTPS-8, SEC-7: client certificates are not demanded of a CA that is not there.
    #[test]
    fn client_certificates_need_their_ca() {
        let settings = uninitialised().device.settings.clone();
        let at = |value| {
            let all = refused(&settings, &[("net.https", value)]);
            all.into_iter()
                .map(|(pointer, _)| pointer)
                .collect::<Vec<_>>()
        };
        assert_eq!(at(json!({"client_certificates": true})), ["/client_ca"]);
        let words = json!({"client_certificates": true, "client_ca": "words"});
        assert_eq!(at(words), ["/client_ca"]);
        let both = json!({"client_certificates": true, "client_ca": CA});
        assert!(at(both).is_empty());
        assert_eq!(at(json!({"client_ca": ""})), ["/client_ca"]);
        assert!(at(json!({"client_certificates": false, "client_ca": ""})).is_empty());
    }

    /// NET-13..17: only a port that is to be listened on anew is asked for, and the reason is told.
    #[test]
    fn ports_that_cannot_be_had_are_refused() {
        let settings = uninitialised().device.settings.clone();
        settings.set_listen_probe(Arc::new(Taken));
        let taken = |pointer: &str, reason: &str| vec![(pointer.to_owned(), reason.to_owned())];
        assert_eq!(
            refused(&settings, &[("net.ports", json!({"http": 8081}))]),
            taken("/http", "cannot be listened on: taken")
        );
        // A listener that is off may have any port, until it is switched on.
        let off = ("net.https", json!({"enabled": false}));
        let port = ("net.ports", json!({"https": 8081}));
        assert_eq!(refused(&settings, &[off, port]), []);
        assert_eq!(
            refused(&settings, &[("net.https", json!({"enabled": true}))]),
            taken("/enabled", "its port 8081 cannot be listened on: taken")
        );
        // What is not changed is not asked for.
        assert_eq!(
            refused(&settings, &[("net.ports", json!({"rtsp": 8555}))]),
            []
        );
    }
}
