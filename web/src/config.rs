use std::{net::SocketAddr, sync::Arc, time::Duration};

/// Where and how to listen.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Address of plain HTTP; port 0 takes a free one.
    pub http: Option<SocketAddr>,
    /// HTTP over TLS.
    pub https: Option<Tls>,
    /// Bounds on what peers may use.
    pub limits: Limits,
}

/// A TLS listener.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Address; port 0 takes a free one.
    pub address: SocketAddr,
    /// Certificate and protocol choice. ALPN is set by this crate.
    pub config: Arc<rustls::ServerConfig>,
}

/// Bounds on what peers may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time, all listeners together; more wait in the backlog.
    pub connections: usize,
    /// Connections of one address; more are closed at once.
    pub connections_per_peer: usize,
    /// Bytes of a request's head.
    pub header_bytes: usize,
    /// Bytes of a request body of the JSON API.
    pub body_bytes: usize,
    /// From the accepted connection, or the end of the last answer, to a complete request head.
    pub header_timeout: Duration,
    /// From the request head to the answer's head, the body's arrival included.
    pub request_timeout: Duration,
    /// The same for a request that brings a file.
    pub upload_timeout: Duration,
    /// `/api/v1/events` sockets at a time.
    pub event_sockets: usize,
    /// `/api/v1/live` sockets at a time.
    pub live_sockets: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            connections_per_peer: 128,
            header_bytes: 32 * 1024,
            body_bytes: 64 * 1024,
            header_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_secs(30),
            upload_timeout: Duration::from_secs(3600),
            event_sockets: 64,
            live_sockets: 64,
        }
    }
}
