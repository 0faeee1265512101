//! Ports that the settings take.

use std::{
    io,
    net::{Ipv4Addr, TcpListener},
};

/// A listener on a port of loopback that the product does not reserve (NET-16).
///
/// # Errors
/// When the system has none.
pub fn unreserved() -> io::Result<TcpListener> {
    loop {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        if !matches!(port, 5000 | 5050 | 9999 | 37776..=37880 | 39999 | 42323) {
            return Ok(listener);
        }
    }
}

/// Such ports, free at this moment.
///
/// # Errors
/// When the system has none.
pub fn free_ports<const N: usize>() -> io::Result<[u16; N]> {
    let mut held = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = unreserved()?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}
