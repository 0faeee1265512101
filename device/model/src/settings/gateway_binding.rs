use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CheckContext, Section};
use crate::{
    Permission, Violation, Violations,
    ports::MacAddress,
    product::{Function, Need},
};

/// Binds the default IPv4 gateway to its hardware address, so that nobody in the network can pose as it by
/// forged ARP answers (SEC-13, C-33).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GatewayBinding {
    /// The gateway has this hardware address and no other. With a wrong one other networks are out of reach.
    #[schemars(title = "Gateway Binding")]
    pub enabled: bool,
    /// Hardware address of the gateway, for example `00:11:22:33:44:55`.
    #[schemars(title = "Gateway MAC Address", length(max = 17), extend("x-visible-when" = {"enabled": true}))]
    pub mac: String,
}

impl GatewayBinding {
    /// The address to bind to, when it is on.
    pub fn wanted(&self) -> Option<MacAddress> {
        self.mac.parse().ok().filter(|_| self.enabled)
    }
}

impl Section for GatewayBinding {
    const KEY: &'static str = "net.gateway_binding";
    const TITLE: &'static str = "Gateway Binding";
    const PAGE: &'static str = "Setting/Network/Access Filter";
    const WRITE: Permission = Permission::SecurityConfig;
    const NEEDS: Option<Need> = Some(Need::Function(Function::GatewayBinding));

    fn check(&self, cx: &CheckContext<'_>, violations: &mut Violations) {
        let mac = &self.mac;
        let good = mac.parse::<MacAddress>().map(|_| ());
        let unused = mac.is_empty() && !self.enabled;
        if let Err(reason) = good
            && !unused
        {
            violations.0.push(Violation::new("/mac", mac, reason));
        }
        if self.enabled
            && *self != *cx.before.get::<Self>()
            && let Some(Err(e)) = cx.host.map(|host| host.neighbours.changeable())
        {
            violations
                .0
                .push(Violation::new("/enabled", "true", e.to_string()));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Actor, Error, testing::uninitialised};

    /// SEC-13.
    #[test]
    fn only_an_address_of_one_station_can_be_bound() {
        let t = uninitialised();
        let set = |value| {
            t.device
                .settings
                .patch("net.gateway_binding", &value, None, &Actor::system())
        };
        for bad in [
            "",
            "00:11:22:33:44",
            "00-11-22-33-44-55",
            "00:11:22:33:44:5g",
            "ff:ff:ff:ff:ff:ff",
            "00:00:00:00:00:00",
            "01:00:5e:00:00:01",
        ] {
            let Err(Error::Invalid(v)) = set(json!({"enabled": true, "mac": bad})) else {
                panic!("'{bad}' was accepted")
            };
            assert_eq!(v.0[0].pointer, "/mac");
        }
        set(json!({"enabled": true, "mac": "02:00:5E:10:00:01"})).unwrap();
        let now = t.device.settings.get::<GatewayBinding>();
        assert_eq!(now.wanted().unwrap().to_string(), "02:00:5e:10:00:01");
        t.neighbours.fix("belongs to the machine");
        assert!(set(json!({"mac": "02:00:5e:10:00:02"})).is_err());
        set(json!({"enabled": false})).unwrap();
        assert_eq!(t.device.settings.get::<GatewayBinding>().wanted(), None);
    }
}
