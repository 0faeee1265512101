//! Multicast groups.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::error::MediaError;

/// Where a track goes by multicast: RTP to `port`, RTCP to the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Group {
    address: IpAddr,
    port: u16,
    ttl: u8,
}

impl Group {
    /// A group `address`, its even RTP port, and how many routers a packet may pass (`ttl`, 0 stays on the machine).
    ///
    /// # Errors
    /// [`MediaError::Group`] for an address that is not multicast, or a port that is 0 or odd.
    pub fn new(address: IpAddr, port: u16, ttl: u8) -> Result<Group, MediaError> {
        if !address.is_multicast() || port == 0 || port % 2 == 1 {
            return Err(MediaError::Group { address, port });
        }
        Ok(Group { address, port, ttl })
    }

    pub(crate) fn address(&self) -> IpAddr {
        self.address
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn ttl(&self) -> u8 {
        self.ttl
    }

    pub(crate) fn rtp(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }

    pub(crate) fn rtcp(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port + 1)
    }
}

/// As the connection data of a session description says it (RFC 4566 §5.7): `IP4 224.2.1.1/15`, `IP6 ff05::1`.
impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            IpAddr::V4(address) => write!(f, "IP4 {address}/{}", self.ttl),
            IpAddr::V6(address) => write!(f, "IP6 {address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_multicast_with_a_pair_of_ports() {
        let group = |address: &str, port| Group::new(address.parse().unwrap(), port, 5);
        let v4 = group("224.2.1.1", 5000).unwrap();
        assert_eq!(v4.to_string(), "IP4 224.2.1.1/5");
        assert_eq!(v4.rtcp().to_string(), "224.2.1.1:5001");
        assert_eq!(group("ff05::1", 65534).unwrap().to_string(), "IP6 ff05::1");
        for (address, port) in [
            ("192.0.2.1", 5000),
            ("::1", 5000),
            ("224.2.1.1", 0),
            ("224.2.1.1", 5001),
        ] {
            let refused = group(address, port).unwrap_err().to_string();
            assert!(
                refused.contains(address) && refused.contains(&port.to_string()),
                "{refused}"
            );
        }
    }
}
