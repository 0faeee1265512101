use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CheckContext, SecretText, Section, time::host_name, trust::check_ca, url};
use crate::{Permission, Violation, Violations, bounded};

bounded! {
    /// How often the address is asked for where the unit cannot see it by itself (DDNS-6).
    pub struct DdnsMinutes(u16) in 5..=1440, unit "min"
}

/// Whose dynamic DNS it is (DDNS-2). All of them speak the protocol that DynDNS published as its update API, "dyndns2".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum DdnsService {
    /// dyn.com.
    #[serde(rename = "DynDNS")]
    DynDns,
    /// noip.com.
    #[serde(rename = "No-IP")]
    NoIp,
    /// desec.io.
    #[serde(rename = "deSEC")]
    Desec,
    /// Any other server that speaks dyndns2, at the address below.
    Custom,
}

impl DdnsService {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::DynDns, Self::NoIp, Self::Desec, Self::Custom];

    /// Its name in the settings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DynDns => "DynDNS",
            Self::NoIp => "No-IP",
            Self::Desec => "deSEC",
            Self::Custom => "Custom",
        }
    }

    /// Where updates of a named service go (DDNS-3).
    #[must_use]
    pub const fn address(self) -> Option<&'static str> {
        match self {
            Self::DynDns => Some("https://members.dyndns.org/nic/update"),
            Self::NoIp => Some("https://dynupdate.no-ip.com/nic/update"),
            Self::Desec => Some("https://update.dedyn.io/nic/update"),
            Self::Custom => None,
        }
    }

    /// Where a named service tells from which address it was asked.
    #[must_use]
    pub const fn check_address(self) -> Option<&'static str> {
        match self {
            Self::DynDns => Some("http://checkip.dyndns.com/"),
            Self::NoIp => Some("http://ip1.dynupdate.no-ip.com/"),
            Self::Desec => Some("https://checkipv4.dedyn.io/"),
            Self::Custom => None,
        }
    }
}

/// Which address the name is to point to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "lowercase")]
pub enum DdnsSource {
    /// The one that the internet sees: the router's, where the unit stands behind one.
    Internet,
    /// The one of the unit's own network interface.
    Interface,
}

/// A name in the DNS that follows the unit's address (DDNS-1..7). ONVIF: `tds:SetDynamicDNS`. The server at the other end
/// belongs to somebody else and may collect data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetDdns {
    /// Keeps the name up to date.
    #[schemars(title = "Enable")]
    pub enabled: bool,
    /// Whose service it is; Custom is any server that speaks dyndns2.
    #[schemars(title = "Type")]
    pub service: DdnsService,
    /// Web address of the server's updates, such as `https://dyn.example.org/nic/update`. With `http://` everybody on the
    /// way reads the password.
    #[schemars(title = "Address", length(max = 255), extend("x-visible-when" = {"service": "Custom"}))]
    pub address: String,
    /// The host name that was registered there.
    #[schemars(title = "Domain", length(max = 253))]
    pub domain: String,
    /// Name of the account.
    #[schemars(title = "Username", length(max = 254))]
    pub username: String,
    /// Its password, or the token that the provider gave for updates.
    #[schemars(title = "Password")]
    pub password: SecretText,
    /// Which address the name points to: the one that the internet sees (the router's), or the unit's own.
    #[schemars(title = "Address to Publish", extend("x-widget" = "radio"))]
    pub source: DdnsSource,
    /// Web address of a page that tells from which address it was asked.
    #[schemars(title = "Address of the Check", length(max = 255), extend("x-visible-when" = {"service": "Custom", "source": "internet"}))]
    pub check_address: String,
    /// How often that is asked.
    #[schemars(title = "Check Interval", extend("x-visible-when" = {"source": "internet"}))]
    pub check_minutes: DdnsMinutes,
    /// PEM certificate that signed the server's; empty takes the machine's trusted roots.
    #[schemars(title = "CA Certificate", length(max = 16384), extend("x-widget" = "pem", "x-visible-when" = {"service": "Custom"}))]
    pub ca_certificate: String,
}

impl Default for NetDdns {
    fn default() -> Self {
        Self {
            enabled: false,
            service: DdnsService::DynDns,
            address: String::new(),
            domain: String::new(),
            username: String::new(),
            password: SecretText::default(),
            source: DdnsSource::Internet,
            check_address: String::new(),
            check_minutes: DdnsMinutes::clamped(10),
            ca_certificate: String::new(),
        }
    }
}

impl NetDdns {
    /// Where updates go.
    #[must_use]
    pub fn update_url(&self) -> &str {
        self.service.address().unwrap_or(&self.address)
    }

    /// Who tells the address that the internet sees.
    #[must_use]
    pub fn check_url(&self) -> &str {
        self.service.check_address().unwrap_or(&self.check_address)
    }

    /// Whether the password goes to the server as it is, readable on the way.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        self.enabled && !self.update_url().starts_with("https://")
    }
}

impl Section for NetDdns {
    const KEY: &'static str = "net.ddns";
    const TITLE: &'static str = "DDNS";
    const PAGE: &'static str = "Setting/Network Settings/Advanced/DDNS";
    const WRITE: Permission = Permission::NetworkConfig;
    const SECRETS: &'static [&'static str] = &["password"];

    fn check(&self, _cx: &CheckContext<'_>, violations: &mut Violations) {
        for (pointer, address) in [
            ("/address", &self.address),
            ("/check_address", &self.check_address),
        ] {
            url::require(pointer, address, violations);
        }
        let domain = &self.domain;
        let named = |d: &String| host_name(d) && d.parse::<std::net::IpAddr>().is_err();
        violations.require(domain.is_empty() || named(domain), || {
            let reason = "must be a host's name of at most 253 characters";
            Violation::new("/domain", domain, reason)
        });
        let name = &self.username;
        // A colon ends the name in HTTP's Basic authentication (RFC 7617).
        let good = name.len() <= 254 && !name.chars().any(|c| c.is_control() || c == ':');
        violations.require(good, || {
            let reason = "must have at most 254 bytes without control characters and colons";
            Violation::new("/username", name, reason)
        });
        check_ca(&self.ca_certificate, violations);
        if !self.enabled {
            return;
        }
        let custom = self.service == DdnsService::Custom;
        let asks = custom && self.source == DdnsSource::Internet;
        for (pointer, there) in [
            ("/address", !custom || !self.address.is_empty()),
            ("/check_address", !asks || !self.check_address.is_empty()),
            ("/domain", !self.domain.is_empty()),
            ("/username", !self.username.is_empty()),
            ("/password", self.password.is_set()),
        ] {
            violations.require(there, || {
                Violation::new(pointer, "", "must be set when DDNS is enabled")
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{Actor, Error, testing::uninitialised};

    /// DDNS-1..5: what each type needs; the password never comes out.
    #[test]
    fn an_account_is_needed_and_its_password_kept() {
        let t = uninitialised();
        let by = Actor::system();
        let set = |value: Value| t.device.settings.patch("net.ddns", &value, None, &by);
        for (value, pointer) in [
            (json!({"enabled": true}), "/domain"),
            (
                json!({"enabled": true, "domain": "cam.example.org"}),
                "/username",
            ),
            (
                json!({"enabled": true, "domain": "cam.example.org", "username": "u"}),
                "/password",
            ),
            (json!({"enabled": true, "service": "Custom"}), "/address"),
            (
                json!({"enabled": true, "service": "Custom"}),
                "/check_address",
            ),
            (json!({"service": "Nobody"}), "/service"),
            (json!({"address": "ftp://x"}), "/address"),
            (json!({"address": "https://u:p@x/"}), "/address"),
            (json!({"check_address": "x"}), "/check_address"),
            (json!({"domain": "no host"}), "/domain"),
            (json!({"domain": "192.0.2.1"}), "/domain"),
            (json!({"username": "a:b"}), "/username"),
            (json!({"check_minutes": 4}), "/check_minutes"),
            (json!({"source": "moon"}), "/source"),
            (json!({"ca_certificate": "x"}), "/ca_certificate"),
        ] {
            let Err(Error::Invalid(found)) = set(value.clone()) else {
                panic!("{value} was taken");
            };
            assert!(
                found.0.iter().any(|v| v.pointer == pointer),
                "{value}: {found:?}"
            );
        }
        let account = json!({"enabled": true, "domain": "cam.example.org", "username": "u", "password": "Ddns-2026"});
        set(account).unwrap();
        let shown = t.device.settings.read("net.ddns", &by).unwrap();
        assert!(!serde_json::to_string(&shown).unwrap().contains("Ddns-2026"));
        let s = t.device.settings.get::<NetDdns>();
        assert!(s.update_url().starts_with("https://members.dyndns.org/") && !s.is_readable());
        set(json!({"service": "Custom", "address": "http://[2001:db8::1]:8080/nic/update", "source": "interface"}))
            .unwrap();
        let s = t.device.settings.get::<NetDdns>();
        assert!(s.update_url().contains("2001:db8") && s.is_readable());
    }

    /// DDNS-3: named services have addresses of their own, none of which shows a password on the way.
    #[test]
    fn named_services_have_addresses() {
        for service in DdnsService::ALL {
            let (address, check) = (service.address(), service.check_address());
            assert_eq!(address.is_some(), service != DdnsService::Custom);
            assert!(address.is_none_or(|a| a.starts_with("https://") && url::check(a).is_ok()));
            assert!(check.is_none_or(|a| url::check(a).is_ok()));
        }
    }
}
