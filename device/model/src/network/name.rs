use std::time::Duration;

use crate::{
    Device,
    settings::{NetIp, is_host_name},
};

/// Time between two looks at the name that the DHCP server gives.
const LOOK: Duration = Duration::from_secs(10);

impl Device {
    /// The name that the DHCP server gives this unit (option 12; RFC 2132 3.14); none when it cannot be a host's.
    pub(super) fn leased_name(&self, wanted: &NetIp) -> Option<String> {
        let interface = self.managed_interface(wanted)?;
        let lease = self.networking.control.lease(&interface.name)?;
        lease.hostname.filter(|name| is_host_name(name))
    }

    /// Gives the machine the name of its lease where that is wanted (`tds:SetHostnameFromDHCP`).
    pub(super) fn take_leased_name(&self, wanted: &NetIp, now: Duration) {
        if !wanted.named_by_dhcp() || !self.networking.name_due(now, LOOK) {
            return;
        }
        let Some(name) = self.leased_name(wanted) else {
            return;
        };
        if name == self.network.hostname() {
            return;
        }
        match self.networking.control.set_hostname(&name) {
            Ok(()) => {
                self.networking.name_refused(None);
                tracing::info!(name, "the DHCP server named this machine");
            }
            // It is tried again at every look; the same reason is told once.
            Err(e) if self.networking.name_refused(Some(format!("{name}: {e:?}"))) => {
                tracing::warn!(error = ?e, name, "the name of the DHCP server is not taken");
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::initialised;

    #[test]
    fn a_refusal_is_told_once_and_again_when_it_is_another() {
        let device = initialised().device;
        let told = |why: Option<&str>| device.networking.name_refused(why.map(String::from));
        assert!(told(Some("a: no right")));
        assert!(!told(Some("a: no right")));
        assert!(told(Some("b: no right")));
        assert!(told(None) && !told(None));
        assert!(told(Some("b: no right")), "after it had worked");
    }
}
