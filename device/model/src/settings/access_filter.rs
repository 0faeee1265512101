use std::{fmt, net::IpAddr, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::{CheckContext, Section};
use crate::{
    Permission, Violation, Violations,
    product::{Function, Need},
};

/// Addresses with a common beginning: `192.0.2.0/24`, `2001:db8::/32`; without a length one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IpPrefix {
    address: IpAddr,
    length: u8,
}

impl IpPrefix {
    /// The addresses whose first `length` bits are those of `address`.
    ///
    /// # Errors
    /// A text when the length is beyond that of the address.
    pub fn new(address: IpAddr, length: u8) -> Result<Self, String> {
        let most = if address.is_ipv4() { 32 } else { 128 };
        if length > most {
            return Err(format!("the prefix length {length} is outside 0 to {most}"));
        }
        Ok(Self { address, length })
    }

    /// The address as it was given.
    pub fn address(self) -> IpAddr {
        self.address
    }

    /// How many bits count.
    pub fn length(self) -> u8 {
        self.length
    }

    /// Whether `ip` begins so. An IPv4 address is the same in its IPv6 form.
    pub fn contains(self, ip: IpAddr) -> bool {
        match (self.address, ip.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                let unlike = u32::from(a) ^ u32::from(b);
                unlike.leading_zeros() >= u32::from(self.length)
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                let unlike = u128::from(a) ^ u128::from(b);
                unlike.leading_zeros() >= u32::from(self.length)
            }
            _ => false,
        }
    }
}

impl FromStr for IpPrefix {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        let shown: String = s.chars().take(64).collect();
        let bad = || {
            format!("'{shown}' is not an address or prefix such as 192.0.2.0/24 or 2001:db8::/32")
        };
        let (address, length) = match s.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (s, None),
        };
        let address: IpAddr = address.parse().map_err(|_| bad())?;
        let length = match length {
            Some(n) if n.len() <= 3 && n.bytes().all(|b| b.is_ascii_digit()) => {
                n.parse().map_err(|_| bad())?
            }
            Some(_) => return Err(bad()),
            None if address.is_ipv4() => 32,
            None => 128,
        };
        Self::new(address, length)
    }
}

impl TryFrom<String> for IpPrefix {
    type Error = String;

    fn try_from(s: String) -> Result<Self, String> {
        s.parse()
    }
}

impl From<IpPrefix> for String {
    fn from(p: IpPrefix) -> Self {
        p.to_string()
    }
}

impl fmt::Display for IpPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

impl JsonSchema for IpPrefix {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "IpPrefix".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "maxLength": 49})
    }

    fn inline_schema() -> bool {
        true
    }
}

/// What the list of addresses means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "lowercase")]
pub enum FilterMode {
    /// Nothing: everybody may connect.
    #[default]
    Off,
    /// Only these may connect.
    Allow,
    /// All but these may connect.
    Deny,
}

/// Who may connect at all, by address: web, ONVIF, CGI and RTSP (SEC-12). ONVIF: `tds:SetIPAddressFilter`.
///
/// The machine itself (loopback) is never locked out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessFilter {
    /// What the list means.
    #[schemars(title = "Access Filter", extend("x-widget" = "radio"))]
    pub mode: FilterMode,
    /// IPv4 and IPv6 addresses, or networks with the length of their prefix (`192.0.2.0/24`); at most 256.
    #[schemars(title = "Addresses", length(max = 256))]
    pub addresses: Vec<IpPrefix>,
    /// A change may shut out the address from which it is made. Off: such a change is refused.
    #[schemars(title = "Allow Own Lock-Out")]
    pub own_lock_out: bool,
}

impl AccessFilter {
    /// Most addresses.
    pub const MAX: usize = 256;

    /// Whether somebody at `peer` may connect.
    pub fn admits(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        if peer.is_loopback() {
            return true;
        }
        let listed = || self.addresses.iter().any(|p| p.contains(peer));
        match self.mode {
            FilterMode::Off => true,
            FilterMode::Allow => listed(),
            FilterMode::Deny => !listed(),
        }
    }
}

impl Section for AccessFilter {
    const KEY: &'static str = "security.access_filter";
    const TITLE: &'static str = "Access Filter";
    const PAGE: &'static str = "Setting/Network/Access Filter";
    const WRITE: Permission = Permission::SecurityConfig;
    const NEEDS: Option<Need> = Some(Need::Function(Function::AddressFilter));

    fn check(&self, cx: &CheckContext<'_>, violations: &mut Violations) {
        let n = self.addresses.len();
        violations.require(n <= Self::MAX, || {
            Violation::new("/addresses", n, format!("at most {} addresses", Self::MAX))
        });
        let own = cx
            .actor
            .peer
            .filter(|_| cx.touches::<Self>() && !self.own_lock_out);
        if let Some(peer) = own {
            violations.require(self.admits(peer), || {
                let reason = "would lock out the address from which this is changed; \
                    switch on own_lock_out to do it all the same";
                Violation::new("/addresses", peer.to_canonical(), reason)
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Actor, Error, testing::uninitialised};

    fn filter(mode: FilterMode, addresses: &[&str]) -> AccessFilter {
        AccessFilter {
            mode,
            addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(),
            own_lock_out: false,
        }
    }

    /// SEC-12.
    #[test]
    fn the_list_decides_and_the_machine_itself_is_never_shut_out() {
        let listed = ["192.0.2.0/24", "198.51.100.7", "2001:db8::/33"];
        for (peer, is_listed) in [
            ("192.0.2.255", true),
            ("192.0.3.0", false),
            ("198.51.100.7", true),
            ("198.51.100.8", false),
            ("::ffff:192.0.2.1", true),
            ("2001:db8:7fff::1", true),
            ("2001:db8:8000::1", false),
        ] {
            let peer: IpAddr = peer.parse().unwrap();
            assert_eq!(filter(FilterMode::Allow, &listed).admits(peer), is_listed);
            assert_eq!(filter(FilterMode::Deny, &listed).admits(peer), !is_listed);
            assert!(filter(FilterMode::Off, &listed).admits(peer));
        }
        for here in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            let here: IpAddr = here.parse().unwrap();
            assert!(filter(FilterMode::Allow, &[]).admits(here));
            assert!(filter(FilterMode::Deny, &["0.0.0.0/0", "::/0"]).admits(here));
        }
        let all = filter(FilterMode::Deny, &["0.0.0.0/0"]);
        assert!(!all.admits("203.0.113.9".parse().unwrap()));
        assert!(all.admits("2001:db8::1".parse().unwrap()));
    }

    #[test]
    fn prefixes_are_read_strictly_and_written_back_as_given() {
        for (text, want) in [
            ("192.0.2.7", "192.0.2.7/32"),
            ("192.0.2.7/24", "192.0.2.7/24"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:DB8::1", "2001:db8::1/128"),
        ] {
            assert_eq!(text.parse::<IpPrefix>().unwrap().to_string(), want);
        }
        for bad in [
            "",
            "192.0.2",
            "192.0.2.0/33",
            "192.0.2.0/",
            "192.0.2.0/+8",
            "192.0.2.0/256",
            "::/129",
            "cam.example",
            "192.0.2.0/24/8",
            "192.0.2.0/24 ",
            "fe80::1%eth0",
        ] {
            assert!(bad.parse::<IpPrefix>().is_err(), "{bad}");
        }
    }

    /// SEC-12: who changes the filter stays in, unless that is wanted.
    #[test]
    fn nobody_locks_the_own_address_out_by_mistake() {
        let t = uninitialised();
        let settings = &t.device.settings;
        let by = Actor {
            peer: Some("198.51.100.7".parse().unwrap()),
            ..Actor::system()
        };
        let set = |value, by: &Actor| settings.patch("security.access_filter", &value, None, by);
        let only = json!({"mode": "allow", "addresses": ["192.0.2.0/24"]});
        let Err(Error::Invalid(v)) = set(only.clone(), &by) else {
            panic!("locked out")
        };
        assert_eq!(v.0[0].value, "198.51.100.7");
        assert!(v.0[0].reason.contains("own_lock_out"), "{v}");
        // On the machine itself there is nothing to lose.
        set(only, &Actor::system()).unwrap();
        // Another section does not suffer from what the filter says.
        settings
            .patch("services", &json!({"cgi": false}), None, &by)
            .unwrap();
        set(json!({"own_lock_out": true}), &by).unwrap();
        let deny = json!({"mode": "deny", "addresses": ["198.51.100.0/24"], "own_lock_out": false});
        assert!(set(deny, &by).is_err());
        set(json!({"mode": "deny", "addresses": []}), &by).unwrap();
    }

    #[test]
    fn the_list_is_bounded() {
        let t = uninitialised();
        let all: Vec<_> = (0..=AccessFilter::MAX)
            .map(|n| format!("10.0.{}.{}", n / 256, n % 256))
            .collect();
        let set = |n: usize| {
            let value = json!({"addresses": all[..n]});
            t.device
                .settings
                .patch("security.access_filter", &value, None, &Actor::system())
        };
        set(AccessFilter::MAX).unwrap();
        let e = set(AccessFilter::MAX + 1).unwrap_err().to_string();
        assert!(e.contains("at most 256"), "{e}");
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in ".{0,60}") {
            if let Ok(p) = text.parse::<IpPrefix>() {
                proptest::prop_assert_eq!(p.to_string().parse::<IpPrefix>(), Ok(p));
                proptest::prop_assert!(p.contains(p.address()) || p.address().to_canonical() != p.address());
            }
        }
    }
}
