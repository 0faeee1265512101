use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CheckContext, RESERVED_PORTS, Restore, Section, Settings};
use crate::{Permission, Violation, Violations, bounded};

bounded! {
    /// Port of RTP by multicast, even; RTCP has the next (MCAST-4).
    pub struct MulticastPort(u16) in 1026..=65534, unit ""
}
bounded! {
    /// Routers that a multicast packet may pass, its own network included.
    pub struct MulticastTtl(u8) in 1..=255, unit "hops"
}

/// Means "unset", as the manual's form shows it (C-8).
const UNSET: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 0);
/// First and last IPv4 group (MCAST-1).
const GROUPS: (Ipv4Addr, Ipv4Addr) = (
    Ipv4Addr::new(224, 0, 1, 0),
    Ipv4Addr::new(238, 255, 255, 255),
);

/// A group that one thing is sent to. ONVIF: `Multicast` of its configuration, `tr2:StartMulticastStreaming`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MulticastConfig {
    /// Sends all the time, also while nobody asks for it over RTSP.
    #[schemars(title = "Enable")]
    pub enabled: bool,
    /// Group, 224.0.1.0 to 238.255.255.255 or an IPv6 multicast address; 224.0.0.0 is none.
    #[schemars(title = "Multicast Address", length(max = 45))]
    pub address: String,
    /// Even port of the pictures or documents; the next one carries reports.
    #[schemars(title = "Port")]
    pub port: MulticastPort,
    /// Routers that a packet may pass; with 1 it stays in its own network.
    #[schemars(title = "TTL")]
    pub ttl: MulticastTtl,
}

impl MulticastConfig {
    fn new(last: u8, port: u16) -> Self {
        Self {
            enabled: false,
            address: Ipv4Addr::new(224, 2, 200, last).to_string(),
            port: MulticastPort::clamped(port.into()),
            ttl: MulticastTtl::clamped(1),
        }
    }

    /// The group's address, if one is set.
    #[must_use]
    pub fn group(&self) -> Option<IpAddr> {
        self.address.parse().ok().filter(is_group)
    }

    fn check(&self, others: [(&str, &Self); 3], violations: &mut Violations) {
        let mut require = |good: bool, pointer: &str, value: &str, reason: String| {
            violations.require(good, || Violation::new(pointer, value, reason));
        };
        let unset = self.address == UNSET.to_string() && !self.enabled;
        require(
            unset || self.group().is_some(),
            "/address",
            &self.address,
            format!(
                "must be {} to {}, or IPv6 multicast of link-local to global scope",
                GROUPS.0, GROUPS.1
            ),
        );
        let port = self.port.get();
        let reserved = [port, port + 1]
            .iter()
            .any(|port| RESERVED_PORTS.iter().any(|r| r.contains(port)));
        require(
            port.is_multiple_of(2),
            "/port",
            &port.to_string(),
            "must be even: reports go to the next port".into(),
        );
        require(
            !reserved,
            "/port",
            &port.to_string(),
            "is a reserved port, or the one before it".into(),
        );
        for (name, other) in others {
            require(
                unset || self.address != other.address,
                "/address",
                &self.address,
                format!("is the address of the {name} already"),
            );
        }
    }
}

/// Whether RTP may go to it: link-local control groups and those beyond the manual's range are left out.
fn is_group(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => (GROUPS.0..=GROUPS.1).contains(address),
        IpAddr::V6(address) => address.is_multicast() && (2..=14).contains(&scope(address)),
    }
}

/// Scope of an IPv6 multicast address (RFC 4291 §2.7).
fn scope(address: &Ipv6Addr) -> u16 {
    address.segments()[0] & 0xf
}

macro_rules! multicast {
    ($(#[$doc:meta])* $name:ident, $key:literal, $title:literal, default $last:literal port $port:literal,
     others $(($what:literal, $other:ident)),*) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(pub MulticastConfig);

        impl Default for $name {
            fn default() -> Self {
                Self(MulticastConfig::new($last, $port))
            }
        }

        impl Section for $name {
            const KEY: &'static str = $key;
            const TITLE: &'static str = $title;
            const PAGE: &'static str = "Setting/Network/Multicast";
            const WRITE: Permission = Permission::VideoConfig;
            const ON_RESTORE: Restore = Restore::Keep;

            fn check(&self, cx: &CheckContext<'_>, violations: &mut Violations) {
                self.0.check([$(($what, &cx.settings.get::<$other>().0)),*], violations);
            }
        }
    };
}

multicast!(
    /// Multicast of the main stream's video (MCAST-1).
    MulticastMain, "net.multicast_main", "Main Stream", default 1 port 37700,
    others ("sub stream", MulticastSub), ("metadata", MulticastMetadata), ("audio", MulticastAudio)
);
multicast!(
    /// Multicast of the sub stream's video (MCAST-2).
    MulticastSub, "net.multicast_sub", "Sub Stream", default 2 port 37710,
    others ("main stream", MulticastMain), ("metadata", MulticastMetadata), ("audio", MulticastAudio)
);
multicast!(
    /// Multicast of the metadata track: that of the main stream goes to the port, that of the sub stream to the next but one.
    MulticastMetadata, "net.multicast_metadata", "Metadata", default 3 port 37720,
    others ("main stream", MulticastMain), ("sub stream", MulticastSub), ("audio", MulticastAudio)
);
multicast!(
    /// Multicast of the audio track, where the unit hears anything: that of the main stream goes to the port, that of the
    /// sub stream to the next but one.
    MulticastAudio, "net.multicast_audio", "Audio", default 4 port 37730,
    others ("main stream", MulticastMain), ("sub stream", MulticastSub), ("metadata", MulticastMetadata)
);

/// Groups by what goes there.
#[derive(Clone, Debug, PartialEq)]
pub struct MulticastGroups {
    /// Video of the main stream.
    pub main: MulticastConfig,
    /// Video of the sub stream.
    pub sub: MulticastConfig,
    /// Metadata of both.
    pub metadata: MulticastConfig,
    /// Audio of both.
    pub audio: MulticastConfig,
}

impl MulticastGroups {
    /// As they are set.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        Self {
            main: settings.get::<MulticastMain>().0.clone(),
            sub: settings.get::<MulticastSub>().0.clone(),
            metadata: settings.get::<MulticastMetadata>().0.clone(),
            audio: settings.get::<MulticastAudio>().0.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{Actor, Error, testing::uninitialised};

    /// MCAST-1..4.
    #[test]
    fn groups_and_ports_outside_their_bounds_are_refused_by_name() {
        let t = uninitialised();
        let patch =
            |key, value: &Value| t.device.settings.patch(key, value, None, &Actor::system());
        for (value, pointer) in [
            (json!({"enabled": true, "address": "224.0.0.0"}), "/address"),
            (json!({"address": "224.0.0.255"}), "/address"),
            (json!({"address": "239.0.0.0"}), "/address"),
            (json!({"address": "192.0.2.1"}), "/address"),
            (json!({"address": "ff01::1"}), "/address"),
            (json!({"address": "fe80::1"}), "/address"),
            (json!({"address": ""}), "/address"),
            (json!({"address": "224.2.200.2"}), "/address"),
            (json!({"address": "224.2.200.3"}), "/address"),
            (json!({"address": "224.2.200.4"}), "/address"),
            (json!({"port": 1024}), "/port"),
            (json!({"port": 37701}), "/port"),
            (json!({"port": 5000}), "/port"),
            (json!({"port": 9998}), "/port"),
            (json!({"port": 65535}), "/port"),
            (json!({"ttl": 0}), "/ttl"),
        ] {
            let Err(Error::Invalid(v)) = patch("net.multicast_main", &value) else {
                panic!("{value} was accepted")
            };
            assert_eq!(v.0[0].pointer, pointer, "{value}");
        }
        for good in [
            json!({"enabled": false, "address": "224.0.0.0"}),
            json!({"enabled": true, "address": "224.0.1.0", "port": 1026}),
            json!({"enabled": true, "address": "238.255.255.255", "port": 65534, "ttl": 255}),
            json!({"enabled": true, "address": "ff15::42"}),
        ] {
            patch("net.multicast_main", &good).unwrap();
        }
        let unset = json!({"address": "224.0.0.0"});
        patch("net.multicast_sub", &unset).unwrap();
        patch("net.multicast_metadata", &unset).unwrap();
        let groups = MulticastGroups::of(&t.device.settings.snapshot());
        assert_eq!(groups.main.group(), Some("ff15::42".parse().unwrap()));
        assert_eq!((groups.sub.group(), groups.metadata.group()), (None, None));
    }
}
