//! Whether a TCP port may be listened on: the system is asked by doing it.

use std::net::{IpAddr, SocketAddr, TcpListener};

use platecam_model::ports::ListenProbe;

/// Listens on a port for a moment.
pub struct PortProbe {
    address: IpAddr,
    own: Box<dyn Fn(u16) -> bool + Send + Sync>,
}

impl std::fmt::Debug for PortProbe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PortProbe")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl PortProbe {
    /// Asks for ports of `address`; `own` tells the ports on which this process listens now.
    pub fn new(address: IpAddr, own: impl Fn(u16) -> bool + Send + Sync + 'static) -> Self {
        Self {
            address,
            own: Box::new(own),
        }
    }
}

impl ListenProbe for PortProbe {
    fn probe(&self, port: u16) -> Result<(), String> {
        if (self.own)(port) {
            return Ok(());
        }
        TcpListener::bind(SocketAddr::new(self.address, port))
            .map(drop)
            .map_err(|e| e.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    /// NET-17: another program's port is refused with the system's reason, our own is not.
    #[test]
    fn the_system_is_asked() {
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let taken = TcpListener::bind((here, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let reason = PortProbe::new(here, |_| false).probe(port).unwrap_err();
        assert!(reason.contains("in use"), "{reason}");
        PortProbe::new(here, move |p| p == port)
            .probe(port)
            .unwrap();
        drop(taken);
        let probe = PortProbe::new(here, |_| false);
        probe.probe(port).unwrap();
        probe.probe(port).unwrap();
    }
}
