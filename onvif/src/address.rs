//! Addresses that we hand out: always those the client itself can reach.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use http::{HeaderMap, header::HOST};
use tokio::sync::watch;

/// Ports on which the services really listen, which need not be the configured ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServicePorts {
    /// Web and ONVIF, when plain HTTP listens.
    pub http: Option<u16>,
    /// Plain HTTP only sends everybody to HTTPS.
    pub redirect: bool,
    /// Web and ONVIF over TLS, when it listens.
    pub https: Option<u16>,
    /// Streaming.
    pub rtsp: u16,
    /// What the command line says otherwise.
    pub replaced: ReplacedPorts,
}

/// The stored ports, as they were when the run began, in whose place the command line has others for this run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplacedPorts {
    /// Of HTTP.
    pub http: Option<u16>,
    /// Of HTTPS.
    pub https: Option<u16>,
    /// Of RTSP.
    pub rtsp: Option<u16>,
}

/// [`ServicePorts`] that the binary may change while the service runs.
#[derive(Clone, Debug)]
pub struct Ports(Arc<watch::Sender<ServicePorts>>);

impl Ports {
    /// Starts with `ports`.
    pub fn new(ports: ServicePorts) -> Self {
        Self(Arc::new(watch::Sender::new(ports)))
    }

    /// The ports of this moment.
    pub fn get(&self) -> ServicePorts {
        *self.0.borrow()
    }

    /// Follows the listeners.
    pub(crate) fn watch(&self) -> watch::Receiver<ServicePorts> {
        self.0.subscribe()
    }

    /// Listeners moved.
    pub fn set(&self, ports: ServicePorts) {
        self.0.send_replace(ports);
    }
}

/// Scheme, host and port that a client used to reach us.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Base {
    tls: bool,
    /// As in a URL: IPv6 in brackets.
    host: String,
    port: u16,
}

impl Base {
    /// What the client used: the `Host` header if it can be true, else the socket's own address,
    /// else `fallback` (interop trap 2: never `0.0.0.0`, and no loopback to somebody in the network).
    pub fn of(
        headers: &HeaderMap,
        tls: bool,
        local: Option<SocketAddr>,
        peer: Option<IpAddr>,
        fallback: (Option<IpAddr>, u16),
    ) -> Self {
        let far = peer.is_some_and(|p| !p.to_canonical().is_loopback());
        let reachable = |ip: IpAddr| {
            let ip = ip.to_canonical();
            !(ip.is_unspecified() || far && ip.is_loopback())
        };
        let default_port = if tls { 443 } else { 80 };
        let named = headers
            .get(HOST)
            .and_then(|h| h.to_str().ok())
            .and_then(split_host)
            .filter(|(host, _)| {
                let bare = host.trim_matches(['[', ']']);
                match bare.parse() {
                    Ok(ip) => reachable(ip),
                    Err(_) => !(far && bare.eq_ignore_ascii_case("localhost")),
                }
            });
        let (host, port) = match (named, local.filter(|a| reachable(a.ip()))) {
            (Some((host, port)), _) => (host.to_owned(), port.unwrap_or(default_port)),
            (None, Some(local)) => (host_of(local.ip()), local.port()),
            (None, None) => {
                let port = local.map_or(fallback.1, |l| l.port());
                (
                    fallback.0.map_or_else(|| "localhost".to_owned(), host_of),
                    port,
                )
            }
        };
        Self { tls, host, port }
    }

    /// An address of ours, for discovery: plain HTTP where it is served.
    pub fn at(ip: IpAddr, ports: ServicePorts) -> Self {
        let plain = ports.http.filter(|_| !ports.redirect);
        let (tls, port) = match (plain, ports.https) {
            (None, Some(https)) => (true, https),
            (http, _) => (false, http.unwrap_or(80)),
        };
        Self {
            tls,
            host: host_of(ip),
            port,
        }
    }

    #[cfg(test)]
    pub(crate) fn for_tests() -> Self {
        Self {
            tls: false,
            host: "192.0.2.10".into(),
            port: 8080,
        }
    }

    /// `http://host:port` + `path`; default ports are left out.
    pub fn url(&self, path: &str) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        self.with(scheme, self.port, path)
    }

    /// `rtsp://host:port` + `path`.
    pub fn rtsp(&self, port: u16, path: &str) -> String {
        self.with("rtsp", port, path)
    }

    /// Whether the client came over TLS.
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    fn with(&self, scheme: &str, port: u16, path: &str) -> String {
        let host = &self.host;
        match (scheme, port) {
            ("http", 80) | ("https", 443) | ("rtsp", 554) => format!("{scheme}://{host}{path}"),
            _ => format!("{scheme}://{host}:{port}{path}"),
        }
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url(""))
    }
}

/// An address as host of a URL. Link-local IPv6 zones are the client's business: they are left out.
fn host_of(ip: IpAddr) -> String {
    match ip.to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("[{v6}]"),
    }
}

/// Host and port of a `Host` header; `None` when it holds anything but those.
fn split_host(text: &str) -> Option<(&str, Option<u16>)> {
    let text = text.trim();
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let end = rest.find(']')? + 2;
            text[1..end - 1].parse::<std::net::Ipv6Addr>().ok()?;
            let (host, tail) = text.split_at(end);
            let port = match tail {
                "" => None,
                tail => Some(tail.strip_prefix(':')?),
            };
            (host, port)
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = match port {
        Some(p) => Some(p.parse().ok().filter(|p| *p != 0)?),
        None => None,
    };
    let named = host.starts_with('[')
        || (!host.is_empty()
            && host.len() <= 253
            && host
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)));
    named.then_some((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(host: Option<&str>, tls: bool, local: &str, peer: &str) -> String {
        let mut headers = HeaderMap::new();
        if let Some(h) = host {
            headers.insert(HOST, h.parse().unwrap());
        }
        let fallback = (Some("192.0.2.10".parse().unwrap()), 8080);
        Base::of(
            &headers,
            tls,
            local.parse().ok(),
            peer.parse().ok(),
            fallback,
        )
        .url("/x")
    }

    /// Interop trap 2: addresses are those the client used and can reach.
    #[test]
    fn addresses_are_reachable_for_the_client() {
        let (lan, loopback) = ("198.51.100.7", "127.0.0.1");
        for (host, tls, local, peer, url) in [
            (
                Some("cam.example:8080"),
                false,
                "192.0.2.10:8080",
                lan,
                "http://cam.example:8080/x",
            ),
            (Some("cam"), false, "192.0.2.10:8080", lan, "http://cam/x"),
            (Some("cam:80"), false, "192.0.2.10:80", lan, "http://cam/x"),
            (Some("cam"), true, "192.0.2.10:443", lan, "https://cam/x"),
            (
                Some("cam:8443"),
                true,
                "192.0.2.10:8443",
                lan,
                "https://cam:8443/x",
            ),
            (
                Some("[2001:db8::1]:8080"),
                false,
                "",
                lan,
                "http://[2001:db8::1]:8080/x",
            ),
            (
                Some("[2001:db8::1]"),
                false,
                "",
                lan,
                "http://[2001:db8::1]/x",
            ),
            // a client on the device itself
            (
                Some("localhost:8080"),
                false,
                "127.0.0.1:8080",
                loopback,
                "http://localhost:8080/x",
            ),
            (
                Some("127.0.0.1:8080"),
                false,
                "127.0.0.1:8080",
                loopback,
                "http://127.0.0.1:8080/x",
            ),
            // hosts that cannot be meant
            (
                Some("127.0.0.1:8080"),
                false,
                "192.0.2.10:8080",
                lan,
                "http://192.0.2.10:8080/x",
            ),
            (
                Some("localhost:8080"),
                false,
                "192.0.2.10:8080",
                lan,
                "http://192.0.2.10:8080/x",
            ),
            (
                Some("0.0.0.0:8080"),
                false,
                "192.0.2.10:8080",
                lan,
                "http://192.0.2.10:8080/x",
            ),
            (
                None,
                false,
                "192.0.2.10:8080",
                lan,
                "http://192.0.2.10:8080/x",
            ),
            (
                None,
                false,
                "[::ffff:192.0.2.10]:80",
                lan,
                "http://192.0.2.10/x",
            ),
            (None, false, "0.0.0.0:8081", lan, "http://192.0.2.10:8081/x"),
            (None, false, "", lan, "http://192.0.2.10:8080/x"),
            // hosts that are no hosts
            (
                Some("a b"),
                false,
                "192.0.2.10:80",
                lan,
                "http://192.0.2.10/x",
            ),
            (
                Some("evil/<x>"),
                false,
                "192.0.2.10:80",
                lan,
                "http://192.0.2.10/x",
            ),
            (
                Some("cam:99999"),
                false,
                "192.0.2.10:80",
                lan,
                "http://192.0.2.10/x",
            ),
            (
                Some("cam:0"),
                false,
                "192.0.2.10:80",
                lan,
                "http://192.0.2.10/x",
            ),
            (
                Some("[::1"),
                false,
                "192.0.2.10:80",
                lan,
                "http://192.0.2.10/x",
            ),
            (
                Some("[::1]x"),
                false,
                "192.0.2.10:80",
                lan,
                "http://192.0.2.10/x",
            ),
            (Some(""), false, "192.0.2.10:80", lan, "http://192.0.2.10/x"),
        ] {
            assert_eq!(base(host, tls, local, peer), url, "{host:?} {local} {peer}");
        }
    }

    /// SEC-7: without plain HTTP, clients are sent to HTTPS.
    #[test]
    fn our_own_addresses_are_those_served() {
        let of = |ports| Base::at("192.0.2.10".parse().unwrap(), ports).url("/x");
        let ports = |http, https| ServicePorts {
            http,
            https,
            ..ServicePorts::default()
        };
        let at = |http, https| of(ports(http, https));
        assert_eq!(at(Some(8080), Some(443)), "http://192.0.2.10:8080/x");
        assert_eq!(at(None, Some(443)), "https://192.0.2.10/x");
        assert_eq!(at(None, Some(8443)), "https://192.0.2.10:8443/x");
        let redirect = ServicePorts {
            redirect: true,
            ..ports(Some(8080), Some(443))
        };
        assert_eq!(of(redirect), "https://192.0.2.10/x");
    }

    #[test]
    fn rtsp_urls_have_their_own_port() {
        let b = Base::for_tests();
        assert_eq!(b.rtsp(554, "/onvif/main"), "rtsp://192.0.2.10/onvif/main");
        assert_eq!(
            b.rtsp(8554, "/onvif/main"),
            "rtsp://192.0.2.10:8554/onvif/main"
        );
    }
}
