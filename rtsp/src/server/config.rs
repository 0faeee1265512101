//! Limits and names of a server.

use std::time::Duration;

use crate::error::Error;

/// How a server behaves. The defaults suit a camera.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `Server` header of answers; empty leaves it out.
    pub server_name: String,
    /// RTCP canonical name, the same for all tracks of a device; empty chooses one.
    pub cname: String,
    /// Sessions at once, 1 to 4096; the next SETUP is answered 453.
    pub max_sessions: usize,
    /// Connections at once, at least 1; the next one is answered 503 and closed.
    pub max_connections: usize,
    /// Connections of one address that have not authenticated yet, at least 1; the next one is answered 503.
    pub max_pending_per_address: usize,
    /// Time a client has for each request until it has authenticated.
    pub unauthenticated_time: Duration,
    /// Promised in `Session: …;timeout=`; a UDP session that is silent this long and 10 s more ends.
    pub session_timeout: Duration,
    /// A viewer over TCP that takes no byte for this long is closed.
    pub stall_time: Duration,
    /// How long PLAY may wait for a key frame, so that RTP-Info is exact.
    pub start_wait: Duration,
    /// How long DESCRIBE may wait for parameter sets of a stream that has just begun.
    pub describe_wait: Duration,
    /// Offer RTP over UDP.
    pub udp: bool,
    /// Server port for RTP over UDP, even; RTCP has the next. 0 takes any free pair.
    pub udp_port: u16,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            server_name: String::new(),
            cname: String::new(),
            max_sessions: 64,
            max_connections: 4096 + 256,
            max_pending_per_address: 64,
            unauthenticated_time: Duration::from_secs(5),
            session_timeout: Duration::from_secs(60),
            stall_time: Duration::from_secs(10),
            start_wait: Duration::from_millis(400),
            describe_wait: Duration::from_secs(1),
            udp: true,
            udp_port: 0,
        }
    }
}

impl Config {
    pub(super) fn check(&self) -> Result<(), Error> {
        let bad = |field, value: usize, allowed| {
            Err(Error::Config {
                field,
                value: value as u64,
                allowed,
            })
        };
        if !(1..=4096).contains(&self.max_sessions) {
            return bad("max_sessions", self.max_sessions, "1 to 4096");
        }
        if self.max_connections == 0 {
            return bad("max_connections", 0, "1 and more");
        }
        if self.max_pending_per_address == 0 {
            return bad("max_pending_per_address", 0, "1 and more");
        }
        if self.udp_port % 2 == 1 {
            return bad("udp_port", usize::from(self.udp_port), "even ports, or 0");
        }
        if self.session_timeout < Duration::from_secs(10) {
            return bad(
                "session_timeout",
                self.session_timeout.as_secs() as usize,
                "10 seconds and more",
            );
        }
        Ok(())
    }
}
