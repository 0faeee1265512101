//! What the kernel knows of a TCP connection of ours.

use std::{fs, net::SocketAddr};

/// Bytes that were written to the connection and that the peer's system has not confirmed; `None` when the
/// kernel does not list it.
pub(super) fn unconfirmed(local: SocketAddr, peer: SocketAddr) -> Option<u64> {
    ["/proc/self/net/tcp", "/proc/self/net/tcp6"]
        .into_iter()
        .find_map(|file| find(&fs::read_to_string(file).ok()?, local.port(), peer.port()))
}

/// The send queue in a table such as `/proc/net/tcp` (`Documentation/networking/proc_net_tcp.rst`): of a
/// connection, that is what was written and not confirmed. The two ports tell a connection of this
/// machine apart well enough; in doubt the larger queue counts.
fn find(table: &str, local: u16, peer: u16) -> Option<u64> {
    let port = |address: &str| u16::from_str_radix(address.rsplit_once(':')?.1, 16).ok();
    let queue = |line: &str| {
        let columns: Vec<_> = line.split_whitespace().collect();
        let (ours, theirs) = (port(columns.get(1)?)?, port(columns.get(2)?)?);
        let queue = u64::from_str_radix(columns.get(4)?.split_once(':')?.0, 16).ok()?;
        (ours == local && theirs == peer).then_some(queue)
    };
    table.lines().skip(1).filter_map(queue).max()
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        net::{TcpListener, TcpStream},
    };

    use super::*;

    #[test]
    fn reads_the_kernels_table() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n\
            0: 0100007F:9C40 0100007F:0202 01 0000002A:00000000 00:00000000 00000000 0 0 1 1\n\
            1: 0100007F:9C41 0100007F:0202 01 00000000:00000000 00:00000000 00000000 0 0 1 1\n garbage\n";
        assert_eq!(find(table, 40000, 514), Some(42));
        assert_eq!(find(table, 40001, 514), Some(0));
        assert_eq!(find(table, 1, 514), None);
        assert_eq!(find("", 1, 2), None);
    }

    /// The peer's system confirms what it has room for; the rest counts.
    #[test]
    fn counts_what_a_real_peer_did_not_confirm() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut ours = TcpStream::connect(server.local_addr().unwrap()).unwrap();
        let (_theirs, _) = server.accept().unwrap();
        let (local, peer) = (ours.local_addr().unwrap(), ours.peer_addr().unwrap());
        ours.set_nonblocking(true).unwrap();
        while ours.write(&[0; 65536]).is_ok() {}
        assert!(unconfirmed(local, peer).unwrap() > 0, "nobody reads");
        assert_eq!(unconfirmed(local, ([127, 0, 0, 1], 1).into()), None);
    }
}
