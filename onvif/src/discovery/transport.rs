//! Sockets of discovery: one an interface, joined to the multicast group.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket as StdSocket},
    os::fd::AsRawFd,
};

use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt,
};
use platecam_model::ports::Interface;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::net::UdpSocket;

/// Port of WS-Discovery.
pub const PORT: u16 = 3702;
/// Its group in IPv4.
pub const MULTICAST_V4: Ipv4Addr = Ipv4Addr::new(239, 255, 255, 250);
/// Its group in IPv6, link-local.
pub const MULTICAST_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xc);

/// A socket that hears the group and unicast probes.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) socket: UdpSocket,
    /// Where announcements go.
    pub(super) group: SocketAddr,
}

/// A socket that hears everything sent to `port` over IPv4; `join` adds interfaces.
pub(super) fn open_v4(port: u16) -> io::Result<Listener> {
    let socket = shared(Domain::IPV4)?;
    socket.set_multicast_ttl_v4(1)?;
    socket.set_multicast_loop_v4(true)?;
    setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
    socket.bind(&SockAddr::from(SocketAddr::from((
        Ipv4Addr::UNSPECIFIED,
        port,
    ))))?;
    listener(socket, SocketAddr::from((MULTICAST_V4, port)))
}

/// As [`open_v4`] for IPv6.
pub(super) fn open_v6(port: u16) -> io::Result<Listener> {
    let socket = shared(Domain::IPV6)?;
    socket.set_only_v6(true)?;
    socket.set_multicast_hops_v6(1)?;
    setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
    socket.bind(&SockAddr::from(SocketAddr::from((
        Ipv6Addr::UNSPECIFIED,
        port,
    ))))?;
    listener(socket, SocketAddr::from((MULTICAST_V6, port)))
}

fn shared(domain: Domain) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    // Other programs of the host (a client, a second unit) listen on the same port.
    socket.set_reuse_address(true)?;
    #[cfg(unix)]
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn listener(socket: Socket, group: SocketAddr) -> io::Result<Listener> {
    let socket: StdSocket = socket.into();
    Ok(Listener {
        socket: UdpSocket::from_std(socket)?,
        group,
    })
}

/// A datagram that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Received {
    /// Its length; at most that of the buffer.
    pub(super) len: usize,
    /// Who sent it.
    pub(super) from: SocketAddr,
    /// Whether it was sent to this unit and not to the group.
    pub(super) directly: bool,
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

impl Listener {
    /// The next datagram that is there; [`io::ErrorKind::WouldBlock`] without one.
    pub(super) fn try_receive(&self, buffer: &mut [u8]) -> io::Result<Received> {
        self.socket.try_io(tokio::io::Interest::READABLE, || {
            receive(&self.socket, buffer)
        })
    }

    /// Joins the group on every interface that can; counts them.
    pub(super) fn join(&self, interfaces: &[Interface]) -> usize {
        interfaces
            .iter()
            .filter(|i| i.up)
            .filter(|i| self.join_one(i).is_ok())
            .count()
    }

    fn join_one(&self, interface: &Interface) -> io::Result<()> {
        let joined = match self.group.ip() {
            IpAddr::V4(group) => {
                let Some(own) = v4_of(interface) else {
                    return Err(io::ErrorKind::AddrNotAvailable.into());
                };
                self.socket.join_multicast_v4(group, own)
            }
            IpAddr::V6(group) => self
                .socket
                .join_multicast_v6(&group, index_of(&interface.name)?),
        };
        match joined {
            // Joined before: interfaces are joined again when addresses change.
            Err(e) if e.kind() == io::ErrorKind::AddrInUse => Ok(()),
            Err(e) => {
                tracing::debug!(interface = %interface.name, "cannot join discovery's group: {e}");
                Err(e)
            }
            Ok(()) => Ok(()),
        }
    }

    /// Sends `datagram` to the group out of `interface`.
    pub(super) async fn announce(&self, interface: &Interface, datagram: &[u8]) -> io::Result<()> {
        let sock = socket2::SockRef::from(&self.socket);
        let to = match self.group {
            SocketAddr::V4(group) => {
                let Some(own) = v4_of(interface) else {
                    return Err(io::ErrorKind::AddrNotAvailable.into());
                };
                sock.set_multicast_if_v4(&own)?;
                SocketAddr::V4(group)
            }
            SocketAddr::V6(group) => {
                let index = index_of(&interface.name)?;
                sock.set_multicast_if_v6(index)?;
                SocketAddr::V6(SocketAddrV6::new(*group.ip(), group.port(), 0, index))
            }
        };
        self.socket.send_to(datagram, to).await.map(|_| ())
    }
}

/// `recvmsg` with the address that the datagram was sent to (`IP_PKTINFO`).
fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Received> {
    let mut parts = [io::IoSliceMut::new(buffer)];
    let mut space = nix::cmsg_space!(nix::libc::in_pktinfo, nix::libc::in6_pktinfo);
    let message = recvmsg::<SockaddrStorage>(
        socket.as_raw_fd(),
        &mut parts,
        Some(&mut space),
        MsgFlags::MSG_DONTWAIT,
    )?;
    let from = message.address.ok_or_else(|| bad("no sender"))?;
    let from = match (from.as_sockaddr_in(), from.as_sockaddr_in6()) {
        (Some(v4), _) => SocketAddr::from((v4.ip(), v4.port())),
        (_, Some(v6)) => SocketAddr::from(SocketAddrV6::from(*v6)),
        _ => return Err(bad("a sender without an IP address")),
    };
    let to = message.cmsgs()?.find_map(|c| match c {
        ControlMessageOwned::Ipv4PacketInfo(info) => {
            Some(IpAddr::from(info.ipi_addr.s_addr.to_ne_bytes()))
        }
        ControlMessageOwned::Ipv6PacketInfo(info) => Some(IpAddr::from(info.ipi6_addr.s6_addr)),
        _ => None,
    });
    Ok(Received {
        len: message.bytes,
        from,
        directly: to.is_some_and(|ip| !ip.is_multicast()),
    })
}

fn v4_of(interface: &Interface) -> Option<Ipv4Addr> {
    interface.addresses.iter().find_map(|(ip, _)| match ip {
        IpAddr::V4(v4) => Some(*v4),
        IpAddr::V6(_) => None,
    })
}

/// The kernel's number of an interface.
fn index_of(name: &str) -> io::Result<u32> {
    let path = format!("/sys/class/net/{name}/ifindex");
    // A name with a slash is no interface of ours.
    if name.contains('/') {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    std::fs::read_to_string(path)?
        .trim()
        .parse()
        .map_err(|_| io::ErrorKind::InvalidData.into())
}

/// The address that an interface tells those in its network: an IPv6 address of the link alone only without another,
/// as a URL cannot say of which link.
pub(super) fn own_address(interface: &Interface, v4: bool) -> Option<IpAddr> {
    let own = interface.addresses.iter().map(|(ip, _)| *ip);
    let local = |ip: &IpAddr| matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
    own.filter(|ip| ip.is_ipv4() == v4).min_by_key(local)
}

/// The address of ours for somebody who asked from `from`; who asks from an address of the link came by that link.
pub(super) fn answering(interfaces: &[Interface], from: SocketAddr) -> Option<IpAddr> {
    let link = match from {
        SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() => interfaces
            .iter()
            .find(|i| index_of(&i.name).is_ok_and(|index| index == v6.scope_id())),
        _ => None,
    };
    match link {
        Some(interface) => own_address(interface, false),
        None => facing(interfaces, from.ip()),
    }
}

/// The address of ours that a peer in the same network sees; `None` when it is in none of them.
pub(crate) fn facing(interfaces: &[Interface], peer: IpAddr) -> Option<IpAddr> {
    let peer = peer.to_canonical();
    interfaces
        .iter()
        .flat_map(|i| &i.addresses)
        .find(|(ip, prefix)| same_net(*ip, peer, *prefix))
        .map(|(ip, _)| *ip)
}

fn same_net(a: IpAddr, b: IpAddr, prefix: u8) -> bool {
    match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            let mask = u32::MAX
                .checked_shl(32u32.saturating_sub(u32::from(prefix)))
                .unwrap_or(0);
            u32::from(a) & mask == u32::from(b) & mask
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            let mask = u128::MAX
                .checked_shl(128u32.saturating_sub(u32::from(prefix)))
                .unwrap_or(0);
            u128::from(a) & mask == u128::from(b) & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(name: &str, addresses: &[(&str, u8)]) -> Interface {
        Interface {
            name: name.into(),
            mac: String::new(),
            addresses: addresses
                .iter()
                .map(|(a, p)| (a.parse().unwrap(), *p))
                .collect(),
            mtu: 1500,
            up: true,
            loopback: false,
        }
    }

    /// Multicast of the link comes from addresses of the link, which say nothing in a URL.
    #[test]
    fn who_asks_by_the_link_is_told_an_address_that_can_be_used() {
        let link = ("fe80::10", 64);
        let lo = index_of("lo").unwrap();
        let from = |scope| {
            SocketAddr::from(SocketAddrV6::new(
                "fe80::1".parse().unwrap(),
                3702,
                0,
                scope,
            ))
        };
        let all = [
            interface("other", &[("fe80::99", 64), ("2001:db8:9::1", 64)]),
            interface("lo", &[link, ("2001:db8::10", 64)]),
        ];
        let ip = |text: &str| text.parse::<IpAddr>().ok();
        assert_eq!(answering(&all, from(lo)), ip("2001:db8::10"));
        assert_eq!(
            answering(&[interface("lo", &[link])], from(lo)),
            ip("fe80::10")
        );
        let far = SocketAddr::from(([0x2001, 0xdb8, 9, 0, 0, 0, 0, 7], 3702));
        assert_eq!(answering(&all, far), ip("2001:db8:9::1"));
        assert_eq!(own_address(&all[1], true), None);
    }

    #[test]
    fn the_address_in_the_peers_network_is_given() {
        let all = [
            interface("eth0", &[("192.0.2.10", 24), ("2001:db8::10", 64)]),
            interface("eth1", &[("198.51.100.10", 25), ("10.0.0.1", 0)]),
        ];
        for (peer, ours) in [
            ("192.0.2.77", "192.0.2.10"),
            ("::ffff:192.0.2.77", "192.0.2.10"),
            ("2001:db8::77", "2001:db8::10"),
            ("198.51.100.126", "198.51.100.10"),
            // prefix 0 faces everybody
            ("198.51.100.129", "10.0.0.1"),
        ] {
            let found = facing(&all, peer.parse().unwrap());
            assert_eq!(found, Some(ours.parse().unwrap()), "{peer}");
        }
        assert_eq!(facing(&all[..1], "203.0.113.1".parse().unwrap()), None);
    }
}
