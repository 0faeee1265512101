//! A gateway that waits for its segment (NET-7): ONVIF sets address and gateway by two operations, and one of them comes first.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::Serialize;

use super::{Ipv4Mode, Ipv6Mode, MaybeAddress, NetIp};
use crate::{Violation, Violations};

/// A gateway that is wanted and not used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WaitingGateway {
    /// The gateway.
    pub gateway: IpAddr,
    /// The segment that it is not in, `192.0.2.10/24`.
    pub segment: String,
}

/// A gateway and the one that waits.
type Pair<A> = (MaybeAddress<A>, MaybeAddress<A>);

/// `now` after `before`: a waiting gateway that `fits` takes over; it ends where another one is entered or none can be.
fn settled<A: Copy + PartialEq>(
    now: Pair<A>,
    before: Pair<A>,
    by_hand: bool,
    fits: impl Fn(A) -> bool,
) -> Pair<A> {
    let ((gateway, waiting), (had, waited)) = (now, before);
    let Some(wanted) = waiting.0 else { return now };
    // One that is new and cannot wait is refused by the check.
    let old = waiting == waited;
    let entered = gateway.0.is_some() && gateway != had;
    if old && (!by_hand || entered) {
        (gateway, MaybeAddress(None))
    } else if by_hand && fits(wanted) {
        (waiting, MaybeAddress(None))
    } else {
        now
    }
}

impl NetIp {
    /// The IPv4 address is entered by hand.
    fn by_hand_v4(&self) -> bool {
        self.managed && self.ipv4_mode == Ipv4Mode::Static
    }

    fn by_hand_v6(&self) -> bool {
        self.managed && self.ipv6_mode == Ipv6Mode::Static
    }

    /// Lets waiting gateways take over or end.
    pub(super) fn settle_gateways(&mut self, before: &Self) {
        let v4 = |net: &Self| (net.ipv4_gateway, net.ipv4_gateway_waiting);
        let v6 = |net: &Self| (net.ipv6_gateway, net.ipv6_gateway_waiting);
        let fits_v4 = |gateway: Ipv4Addr| self.holds_v4(gateway);
        let fits_v6 = |gateway: Ipv6Addr| self.holds_v6(gateway);
        let new_v4 = settled(v4(self), v4(before), self.by_hand_v4(), fits_v4);
        let new_v6 = settled(v6(self), v6(before), self.by_hand_v6(), fits_v6);
        (self.ipv4_gateway, self.ipv4_gateway_waiting) = new_v4;
        (self.ipv6_gateway, self.ipv6_gateway_waiting) = new_v6;
    }

    /// A gateway waits for an address that is entered by hand, and for no other.
    pub(super) fn check_waiting(&self, violations: &mut Violations) {
        let v4 = self.ipv4_gateway_waiting.0.map(IpAddr::V4);
        let v6 = self.ipv6_gateway_waiting.0.map(IpAddr::V6);
        for (pointer, waiting, by_hand) in [
            ("/ipv4_gateway_waiting", v4, self.by_hand_v4()),
            ("/ipv6_gateway_waiting", v6, self.by_hand_v6()),
        ] {
            if let Some(gateway) = waiting {
                violations.require(by_hand, || {
                    Violation::new(pointer, gateway, "waits for a static address only")
                });
            }
        }
    }

    /// Gateways that wait.
    pub fn waiting_gateways(&self) -> Vec<WaitingGateway> {
        let one = |gateway: Option<IpAddr>, segment: String| {
            gateway.map(|gateway| WaitingGateway { gateway, segment })
        };
        let v4 = self.ipv4_gateway_waiting.0.map(IpAddr::V4);
        let v6 = self.ipv6_gateway_waiting.0.map(IpAddr::V6);
        let segment_v4 = format!("{}/{}", self.ipv4_address, self.ipv4_prefix.get());
        let segment_v6 = format!("{}/{}", self.ipv6_address, self.ipv6_prefix.get());
        let all = [one(v4, segment_v4), one(v6, segment_v6)];
        all.into_iter().flatten().collect()
    }

    /// The gateways that are wanted, waiting ones first; of a family whose address comes from elsewhere those `in_use`.
    pub fn wanted_gateways(&self, in_use: &[IpAddr]) -> Vec<IpAddr> {
        let v4 = self.ipv4_gateway_waiting.0.or(self.ipv4_gateway.0);
        let v6 = self.ipv6_gateway_waiting.0.or(self.ipv6_gateway.0);
        let by_hand = |ip: &&IpAddr| match ip {
            IpAddr::V4(_) => self.by_hand_v4(),
            IpAddr::V6(_) => self.by_hand_v6(),
        };
        let v4 = v4.filter(|_| self.by_hand_v4()).map(IpAddr::V4);
        let v6 = v6.filter(|_| self.by_hand_v6()).map(IpAddr::V6);
        let others = in_use.iter().filter(|ip| !by_hand(ip)).copied();
        v4.into_iter().chain(v6).chain(others).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::{Actor, testing::uninitialised};

    /// The gateways, used and waiting, after these changes.
    fn after(changes: &[Value]) -> (String, String) {
        let t = uninitialised();
        let settings = &t.device.settings;
        for change in changes {
            let done = settings.patch("net.ip", change, None, &Actor::system());
            done.unwrap_or_else(|e| panic!("{change}: {e}"));
        }
        let net = settings.get::<NetIp>();
        let v4 = (net.ipv4_gateway, net.ipv4_gateway_waiting);
        let v6 = (net.ipv6_gateway, net.ipv6_gateway_waiting);
        match net.ipv6_mode {
            Ipv6Mode::Static => (v6.0.to_string(), v6.1.to_string()),
            _ => (v4.0.to_string(), v4.1.to_string()),
        }
    }

    fn both(gateway: &str, waiting: &str) -> (String, String) {
        (gateway.into(), waiting.into())
    }

    /// NET-7: the gateway in use stays in the segment; a waiting one takes over with the address, or ends.
    #[test]
    fn a_gateway_waits_for_its_segment() {
        let base = json!({"managed": true, "ipv4_mode": "static", "ipv4_address": "192.0.2.9",
            "ipv4_gateway": "192.0.2.1"});
        let wait = |ip: &str| json!({ "ipv4_gateway_waiting": ip });
        let x = "198.51.100.1";
        let moved = json!({"ipv4_address": "198.51.100.9"});
        for (then, found) in [
            (vec![], both("192.0.2.1", x)),
            // The old gateway would be refused at the new address.
            (vec![moved.clone()], both(x, "")),
            (vec![wait("192.0.2.254")], both("192.0.2.254", "")),
            (vec![wait("203.0.113.1")], both("192.0.2.1", "203.0.113.1")),
            (vec![wait("")], both("192.0.2.1", "")),
            (
                vec![json!({"ipv4_gateway": "192.0.2.2"})],
                both("192.0.2.2", ""),
            ),
            (vec![json!({"ipv4_gateway": ""})], both("", x)),
            (vec![json!({"ipv4_gateway": ""}), moved], both(x, "")),
            (
                vec![json!({"ipv4_address": "203.0.113.9", "ipv4_gateway": ""})],
                both("", x),
            ),
            // No address by hand, no gateway by hand.
            (vec![json!({"ipv4_mode": "dhcp"})], both("192.0.2.1", "")),
            (vec![json!({"managed": false})], both("192.0.2.1", "")),
        ] {
            let mut changes = vec![base.clone(), wait(x)];
            changes.extend(then);
            assert_eq!(after(&changes), found, "{changes:?}");
        }
        let base = json!({"managed": true, "ipv6_mode": "static", "ipv6_address": "2001:db8::9",
            "ipv6_gateway": "fe80::1"});
        let wait = json!({"ipv6_gateway_waiting": "2001:db8:1::1"});
        let moved = json!({"ipv6_address": "2001:db8:1::9"});
        let waits = both("fe80::1", "2001:db8:1::1");
        assert_eq!(after(&[base.clone(), wait.clone()]), waits);
        assert_eq!(after(&[base, wait, moved]), both("2001:db8:1::1", ""));
    }

    /// What cannot wait is refused, not dropped.
    #[test]
    fn a_gateway_waits_for_no_address_that_comes_by_itself() {
        let t = uninitialised();
        for (change, field) in [
            (
                json!({"ipv4_gateway_waiting": "192.0.2.1"}),
                "/ipv4_gateway_waiting",
            ),
            (
                json!({"ipv6_gateway_waiting": "ff02::1"}),
                "/ipv6_gateway_waiting",
            ),
            (
                json!({"managed": true, "ipv4_mode": "dhcp", "ipv4_gateway_waiting": "192.0.2.1"}),
                "/ipv4_gateway_waiting",
            ),
        ] {
            let settings = &t.device.settings;
            let refused = settings.patch("net.ip", &change, None, &Actor::system());
            let refused = refused.unwrap_err().to_string();
            assert!(refused.contains(field), "{change}: {refused}");
            assert!(refused.contains("static address"), "{change}: {refused}");
        }
    }

    #[test]
    fn a_waiting_gateway_is_told_with_the_segment_that_it_is_not_in() {
        let net = NetIp {
            managed: true,
            ipv4_mode: Ipv4Mode::Static,
            ipv4_address: MaybeAddress(Some([192, 0, 2, 9].into())),
            ipv4_gateway: MaybeAddress(Some([192, 0, 2, 1].into())),
            ipv4_gateway_waiting: MaybeAddress(Some([198, 51, 100, 1].into())),
            ..NetIp::default()
        };
        let router = IpAddr::V6("fe80::1".parse().unwrap());
        let waiting = IpAddr::from([198, 51, 100, 1]);
        let told = WaitingGateway {
            gateway: waiting,
            segment: "192.0.2.9/24".into(),
        };
        assert_eq!(net.waiting_gateways(), [told]);
        let in_use = [IpAddr::from([192, 0, 2, 1]), router];
        assert_eq!(net.wanted_gateways(&in_use), [waiting, router]);
        assert_eq!(NetIp::default().wanted_gateways(&in_use), in_use);
    }

    proptest! {
        /// Whatever is set in whatever order, what is used fits and what waits does not.
        #[test]
        fn used_fits_and_waiting_does_not(steps in prop::collection::vec((0u8..4, any::<u16>(), any::<bool>()), 0..12)) {
            let t = uninitialised();
            let settings = &t.device.settings;
            let ip = |n: u16| Ipv4Addr::from([192, 0, (n >> 8) as u8 & 3, n as u8]).to_string();
            for (what, n, empty) in steps {
                let text = if empty { String::new() } else { ip(n) };
                let patch = match what {
                    0 => json!({"managed": true, "ipv4_mode": "static", "ipv4_address": ip(n)}),
                    1 => json!({ "ipv4_gateway": text }),
                    2 => json!({ "ipv4_gateway_waiting": text }),
                    _ => json!({"ipv4_mode": if empty { "dhcp" } else { "static" }}),
                };
                // Much of it is refused.
                let _ = settings.patch("net.ip", &patch, None, &Actor::system());
                let net = settings.get::<NetIp>();
                if net.by_hand_v4() {
                    prop_assert!(net.ipv4_gateway.0.is_none_or(|g| net.holds_v4(g)));
                    prop_assert!(net.ipv4_gateway_waiting.0.is_none_or(|g| !net.holds_v4(g)));
                } else {
                    prop_assert_eq!(net.ipv4_gateway_waiting, MaybeAddress(None));
                }
            }
        }
    }
}
