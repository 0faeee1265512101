//! TLS to the log server (RFC 5425).

use std::{io, net::TcpStream, sync::Arc};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};

/// Where Debian keeps the roots that the machine trusts.
const SYSTEM_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Shakes hands; the server's certificate must be of `host` and signed by `ca` (PEM; empty takes the
/// machine's roots).
pub(super) fn connect(
    mut tcp: TcpStream,
    host: &str,
    ca: &str,
) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let other = |e: &dyn std::fmt::Display| io::Error::other(e.to_string());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| other(&e))?
        .with_root_certificates(roots(ca)?)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(|e| other(&e))?;
    let mut tls = ClientConnection::new(Arc::new(config), name).map_err(|e| other(&e))?;
    while tls.is_handshaking() {
        tls.complete_io(&mut tcp)?;
    }
    Ok(StreamOwned::new(tls, tcp))
}

/// Certificates that a server's must be signed by (PEM; empty takes the machine's roots).
///
/// # Errors
/// When there is none that can be read.
pub(crate) fn roots(ca: &str) -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let system;
    let pem = if ca.trim().is_empty() {
        system = std::fs::read(SYSTEM_ROOTS)?;
        &system
    } else {
        ca.as_bytes()
    };
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .filter_map(Result::ok)
        .collect();
    let (added, _) = roots.add_parsable_certificates(certificates);
    if added == 0 {
        return Err(io::Error::other("the CA certificate cannot be read"));
    }
    Ok(roots)
}

/// Takes in what the server sent (session tickets, alerts) without waiting.
///
/// # Errors
/// When the server closed or broke the connection.
pub(super) fn look(stream: &mut StreamOwned<ClientConnection, TcpStream>) -> io::Result<()> {
    stream.sock.set_nonblocking(true)?;
    let read = stream.conn.read_tls(&mut stream.sock);
    stream.sock.set_nonblocking(false)?;
    match read {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(_) => {
            let state = stream
                .conn
                .process_new_packets()
                .map_err(io::Error::other)?;
            if state.peer_has_closed() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            Ok(())
        }
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(()),
        Err(e) => Err(e),
    }
}
