use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CheckContext, SecretText, Section, Settings, time::host_name, trust::check_ca};
use crate::{
    Permission, Violation, Violations, bounded,
    product::{Limit, Need},
};

bounded! {
    /// Port of an event broker.
    pub struct BrokerPort(u16) in 1..=65535, unit ""
}
bounded! {
    /// Guarantee of delivery: 0 at most once, 1 at least once, 2 exactly once.
    pub struct BrokerQos(u8) in 0..=2, unit ""
}

/// How an event broker is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "lowercase")]
pub enum BrokerTransport {
    /// MQTT over TCP.
    Mqtt,
    /// MQTT over TLS.
    Mqtts,
    /// MQTT over a WebSocket (MQTT 3.1.1 and 5 §6).
    Ws,
    /// MQTT over a WebSocket in TLS.
    Wss,
}

impl BrokerTransport {
    /// All.
    pub const ALL: [Self; 4] = [Self::Mqtt, Self::Mqtts, Self::Ws, Self::Wss];

    /// Scheme of its addresses.
    #[must_use]
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::Mqtt => "mqtt",
            Self::Mqtts => "mqtts",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }

    /// Its usual port.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Mqtt => 1883,
            Self::Mqtts => 8883,
            Self::Ws => 80,
            Self::Wss => 443,
        }
    }

    /// Whether it is a WebSocket, whose address has a path.
    #[must_use]
    pub const fn is_web_socket(self) -> bool {
        matches!(self, Self::Ws | Self::Wss)
    }

    /// Whether it is encrypted.
    #[must_use]
    pub const fn is_encrypted(self) -> bool {
        matches!(self, Self::Mqtts | Self::Wss)
    }
}

/// Version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum MqttVersion {
    /// OASIS MQTT 3.1.1, which every broker speaks.
    #[serde(rename = "3.1.1")]
    V3,
    /// OASIS MQTT 5.
    #[serde(rename = "5")]
    V5,
}

/// An MQTT broker that events are published to. ONVIF: `tev:AddEventBroker` (Core §11.12).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BrokerConfig {
    /// Publishes events to this broker.
    #[schemars(title = "Enable")]
    pub enabled: bool,
    /// How the broker is reached.
    #[schemars(title = "Transport", extend("x-widget" = "radio"))]
    pub transport: BrokerTransport,
    /// Name or address of the broker.
    #[schemars(title = "Address", length(max = 253))]
    pub host: String,
    /// Its port.
    #[schemars(title = "Port")]
    pub port: BrokerPort,
    /// Path of the WebSocket at the broker; many want `/mqtt`.
    #[schemars(title = "Path", length(max = 256), extend("x-visible-when" = {"transport": ["ws", "wss"]}))]
    pub path: String,
    /// Version of MQTT.
    #[schemars(title = "MQTT Version", extend("x-widget" = "radio"))]
    pub version: MqttVersion,
    /// Begins the topic of every message, so that units can be told apart.
    #[schemars(title = "Topic Prefix", length(max = 128))]
    pub topic_prefix: String,
    /// User name at the broker; empty connects without.
    #[schemars(title = "User Name", length(max = 128))]
    pub user_name: String,
    /// Password at the broker.
    #[schemars(title = "Password")]
    pub password: SecretText,
    /// Guarantee of delivery: 0 at most once, 1 at least once, 2 exactly once.
    #[schemars(title = "Quality of Service")]
    pub qos: BrokerQos,
    /// ONVIF topic expression of the events that are published, such as `tns1:RuleEngine//.`; empty publishes all.
    #[schemars(title = "Event Filter", length(max = 1024))]
    pub publish_filter: String,
    /// Checks that the broker's certificate is trusted and its own.
    #[schemars(title = "Check Certificate", extend("x-visible-when" = {"transport": ["mqtts", "wss"]}))]
    pub verify_certificate: bool,
    /// PEM certificate that signed the broker's; empty takes the machine's trusted roots.
    #[schemars(title = "CA Certificate", length(max = 16384), extend("x-widget" = "pem", "x-visible-when" = {"transport": ["mqtts", "wss"]}))]
    pub ca_certificate: String,
}

impl Default for BrokerConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            transport: BrokerTransport::Mqtt,
            host: String::new(),
            port: BrokerPort::clamped(1883),
            path: "/".into(),
            version: MqttVersion::V3,
            topic_prefix: "platecam".into(),
            user_name: String::new(),
            password: SecretText::default(),
            qos: BrokerQos::clamped(1),
            publish_filter: String::new(),
            verify_certificate: true,
            ca_certificate: String::new(),
        }
    }
}

impl BrokerConfig {
    /// Its address as ONVIF writes it: `mqtt://host:port`, and `ws://host:port/path` of a WebSocket.
    #[must_use]
    pub fn address(&self) -> String {
        let (scheme, port, path) = (self.transport.scheme(), self.port.get(), self.resource());
        let path = if path == "/" { "" } else { path };
        if self.host.contains(':') {
            format!("{scheme}://[{}]:{port}{path}", self.host)
        } else {
            format!("{scheme}://{}:{port}{path}", self.host)
        }
    }

    /// The path of its WebSocket; `/` without one.
    #[must_use]
    pub fn resource(&self) -> &str {
        if self.transport.is_web_socket() {
            &self.path
        } else {
            "/"
        }
    }

    fn check(&self, others: &[Self], violations: &mut Violations) {
        let mut require = |good: bool, pointer: &str, value: &str, reason: &str| {
            violations.require(good, || Violation::new(pointer, value, reason));
        };
        let set = !self.host.is_empty();
        require(
            set || !self.enabled,
            "/host",
            "",
            "must be set when the broker is enabled",
        );
        require(
            !set || host_name(&self.host),
            "/host",
            &self.host,
            "must be a host's name of at most 253 characters, or an address",
        );
        let twin = |o: &Self| o.enabled && o.address() == self.address();
        require(
            !self.enabled || !others.iter().any(twin),
            "/host",
            &self.address(),
            "is the address of the other broker",
        );
        let of_path = |c: char| c.is_ascii_graphic() && !"\"#<>\\^`{|}".contains(c);
        require(
            self.path.len() <= 256 && self.path.starts_with('/') && self.path.chars().all(of_path),
            "/path",
            &self.path,
            "must be a path of at most 256 bytes that begins with /, in the characters of web addresses",
        );
        let plain = |c: char| !c.is_control() && !matches!(c, '#' | '+');
        require(
            (1..=128).contains(&self.topic_prefix.len()) && self.topic_prefix.chars().all(plain),
            "/topic_prefix",
            &self.topic_prefix,
            "must have 1 to 128 bytes without control characters, # and +",
        );
        require(
            self.user_name.len() <= 128 && !self.user_name.chars().any(char::is_control),
            "/user_name",
            &self.user_name,
            "must have at most 128 bytes without control characters",
        );
        require(
            !self.password.is_set() || !self.user_name.is_empty(),
            "/user_name",
            "",
            "must be set where there is a password",
        );
        let expression = |c: char| c.is_alphanumeric() || " :/.*|_-".contains(c);
        require(
            self.publish_filter.len() <= 1024 && self.publish_filter.chars().all(expression),
            "/publish_filter",
            &self.publish_filter,
            "must be an ONVIF topic expression of at most 1024 bytes",
        );
        check_ca(&self.ca_certificate, violations);
    }
}

/// A broker that events are published to. ONVIF: `tev:AddEventBroker`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct EventBroker<const N: usize>(pub BrokerConfig);

/// Most event brokers.
pub const MAX_BROKERS: usize = 2;

macro_rules! broker {
    ($n:literal, other $other:literal, $key:literal, $title:literal) => {
        impl Section for EventBroker<$n> {
            const KEY: &'static str = $key;
            const TITLE: &'static str = $title;
            const PAGE: &'static str = "Setting/Network/MQTT";
            const WRITE: Permission = Permission::EventConfig;
            const NEEDS: Option<Need> = Some(Need::AtLeast(Limit::EventBrokers, $n));
            const SECRETS: &'static [&'static str] = &["password"];

            fn check(&self, cx: &CheckContext<'_>, violations: &mut Violations) {
                let other = cx.settings.get::<EventBroker<$other>>();
                self.0.check(std::slice::from_ref(&other.0), violations);
            }
        }
    };
}

broker!(1, other 2, "event.broker1", "MQTT Broker 1");
broker!(2, other 1, "event.broker2", "MQTT Broker 2");

/// The settings of all brokers in their order.
#[must_use]
pub fn brokers(settings: &Settings) -> [BrokerConfig; MAX_BROKERS] {
    [
        settings.get::<EventBroker<1>>().0.clone(),
        settings.get::<EventBroker<2>>().0.clone(),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{BrokerConfig, BrokerTransport};
    use crate::{Actor, Error, testing::uninitialised};

    #[test]
    fn values_outside_their_bounds_are_named() {
        let t = uninitialised();
        let patch = |key, p| t.device.settings.patch(key, &p, None, &Actor::system());
        for (value, pointer) in [
            (json!({"enabled": true}), "/host"),
            (json!({"host": "a b"}), "/host"),
            (json!({"port": 0}), "/port"),
            (json!({"qos": 3}), "/qos"),
            (json!({"version": "4"}), "/version"),
            (json!({"transport": "tcp"}), "/transport"),
            (json!({"path": ""}), "/path"),
            (json!({"path": "mqtt"}), "/path"),
            (json!({"path": "/a b"}), "/path"),
            (json!({"path": "/a#b"}), "/path"),
            (json!({"path": format!("/{}", "x".repeat(256))}), "/path"),
            (json!({"topic_prefix": ""}), "/topic_prefix"),
            (json!({"topic_prefix": "a/#"}), "/topic_prefix"),
            (json!({"password": "secret"}), "/user_name"),
            (json!({"publish_filter": "<x>"}), "/publish_filter"),
            (json!({"ca_certificate": "x"}), "/ca_certificate"),
        ] {
            let e = patch("event.broker1", value.clone()).unwrap_err();
            let Error::Invalid(v) = e else {
                panic!("{value}: {e}")
            };
            assert_eq!(v.0[0].pointer, pointer, "{value}");
        }
        let good = json!({"enabled": true, "host": "broker.example", "user_name": "u", "password": "secret"});
        patch("event.broker1", good.clone()).unwrap();
        let Err(Error::Invalid(v)) = patch("event.broker2", good) else {
            panic!("one address twice")
        };
        assert_eq!(v.0[0].pointer, "/host");
        let shown = t.device.settings.read("event.broker1", &Actor::system());
        assert_eq!(shown.unwrap().value["password"], json!({"set": true}));
    }
    /// Only the address of a WebSocket has a path, and by it two brokers of one server differ.
    #[test]
    fn the_path_belongs_to_the_address_of_a_web_socket() {
        let at = |transport, path: &str| BrokerConfig {
            transport,
            host: "2001:db8::1".into(),
            path: path.into(),
            ..BrokerConfig::default()
        };
        for (transport, path, address) in [
            (BrokerTransport::Mqtt, "/a", "mqtt://[2001:db8::1]:1883"),
            (BrokerTransport::Ws, "/", "ws://[2001:db8::1]:1883"),
            (BrokerTransport::Wss, "/a?b", "wss://[2001:db8::1]:1883/a?b"),
        ] {
            assert_eq!(at(transport, path).address(), address);
        }
        let t = uninitialised();
        let patch = |key, p| t.device.settings.patch(key, &p, None, &Actor::system());
        let broker =
            |path| json!({"enabled": true, "transport": "ws", "host": "b.example", "path": path});
        patch("event.broker1", broker("/mqtt")).unwrap();
        patch("event.broker2", broker("/mqtt")).unwrap_err();
        patch("event.broker2", broker("/other")).unwrap();
    }
}
