use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CheckContext, Section, time::host_name, trust::check_ca};
use crate::{
    LogEntry, Permission, Violation, Violations, bounded,
    log::Severity,
    product::{Function, Need},
};

bounded! {
    /// Port of a log server (RLOG-2).
    pub struct LogPort(u16) in 1..=65535, unit ""
}
bounded! {
    /// The manual's device number: the facility of RFC 5424 (RLOG-2, C-94).
    pub struct Facility(u8) in 0..=23, unit ""
}

/// How messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "lowercase")]
pub enum LogTransport {
    /// UDP (RFC 5426): what is lost is lost.
    Udp,
    /// TCP with octet counting (RFC 6587).
    Tcp,
    /// TLS (RFC 5425).
    Tls,
}

/// Where every log entry is sent as well (RLOG-1..3, SEC-15).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogRemote {
    /// Sends every new entry.
    #[schemars(title = "Enable")]
    pub enabled: bool,
    /// Name or address of the log server.
    #[schemars(title = "IP Address", length(max = 253))]
    pub host: String,
    /// Its port.
    #[schemars(title = "Port")]
    pub port: LogPort,
    /// How messages travel.
    #[schemars(title = "Transport", extend("x-widget" = "radio"))]
    pub transport: LogTransport,
    /// Facility of the messages; 16 to 23 are local0 to local7.
    #[schemars(title = "Device Number")]
    pub facility: Facility,
    /// Lesser entries stay on the unit.
    #[schemars(title = "Lowest Severity")]
    pub min_severity: Severity,
    /// PEM certificate that signed the server's; empty takes the machine's trusted roots.
    #[schemars(title = "CA Certificate", length(max = 16384), extend("x-widget" = "pem", "x-visible-when" = {"transport": "tls"}))]
    pub ca_certificate: String,
}

impl Default for LogRemote {
    fn default() -> Self {
        Self {
            enabled: false,
            host: String::new(),
            port: LogPort::clamped(514),
            transport: LogTransport::Udp,
            facility: Facility::clamped(16),
            min_severity: Severity::Info,
            ca_certificate: String::new(),
        }
    }
}

impl LogRemote {
    /// Whether an entry is to be sent.
    pub fn wants(&self, entry: &LogEntry) -> bool {
        self.enabled && entry.severity >= self.min_severity
    }
}

impl Section for LogRemote {
    const KEY: &'static str = "log.remote";
    const TITLE: &'static str = "Remote Log";
    const PAGE: &'static str = "Setting/System/Remote Log";
    const WRITE: Permission = Permission::SystemConfig;
    const NEEDS: Option<Need> = Some(Need::Function(Function::RemoteLog));

    fn check(&self, _cx: &CheckContext<'_>, violations: &mut Violations) {
        let set = !self.host.is_empty();
        violations.require(set || !self.enabled, || {
            Violation::new("/host", "", "must be set when the remote log is enabled")
        });
        violations.require(!set || host_name(&self.host), || {
            let reason = "must be a host's name of at most 253 characters, or an address";
            Violation::new("/host", &self.host, reason)
        });
        check_ca(&self.ca_certificate, violations);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{Actor, Error, testing::uninitialised};

    /// RLOG-1, RLOG-2.
    #[test]
    fn values_outside_their_bounds_are_named() {
        let t = uninitialised();
        let patch = |p| {
            t.device
                .settings
                .patch("log.remote", &p, None, &Actor::system())
        };
        for (value, pointer) in [
            (json!({"enabled": true}), "/host"),
            (json!({"host": "a b"}), "/host"),
            (json!({"facility": 24}), "/facility"),
            (json!({"port": 0}), "/port"),
            (json!({"transport": "carrier pigeon"}), "/transport"),
            (json!({"ca_certificate": "x"}), "/ca_certificate"),
        ] {
            let e = patch(value.clone()).unwrap_err();
            let Error::Invalid(v) = e else {
                panic!("{value}: {e}")
            };
            assert_eq!(v.0[0].pointer, pointer, "{value}");
        }
        patch(json!({"enabled": true, "host": "log.example", "facility": 23})).unwrap();
    }
}
