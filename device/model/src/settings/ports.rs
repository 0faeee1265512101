use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CheckContext, NetHttps, Restore, Section};
use crate::{Permission, Violation, Violations, bounded};

bounded! {
    /// A TCP port (NET-18).
    pub struct Port(u16) in 1..=65535, unit ""
}

/// Ports that no service may take (NET-16); each service's own default is allowed all the same (C-7).
pub const RESERVED_PORTS: &[std::ops::RangeInclusive<u16>] = &[
    0..=1024,
    1900..=1900,
    3800..=3800,
    5000..=5000,
    5050..=5050,
    9999..=9999,
    37776..=37776,
    37780..=37880,
    39999..=39999,
    42323..=42323,
];

/// Listening ports (NET-13..18). ONVIF: `tds:SetNetworkProtocols`.
///
/// The command line may override them for one run; the stored values stay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetPorts {
    /// Web and ONVIF.
    #[schemars(title = "HTTP Port")]
    pub http: Port,
    /// Web and ONVIF over TLS.
    #[schemars(title = "HTTPS Port")]
    pub https: Port,
    /// Streaming.
    #[schemars(title = "RTSP Port")]
    pub rtsp: Port,
    /// Streaming under TLS beside the other, with the certificate and the TLS versions of HTTPS.
    #[schemars(title = "Enable RTSPS")]
    pub rtsps_enabled: bool,
    /// Streaming under TLS.
    #[schemars(title = "RTSPS Port", extend("x-visible-when" = {"rtsps_enabled": true}))]
    pub rtsps: Port,
}

impl Default for NetPorts {
    fn default() -> Self {
        Self {
            http: Port::clamped(80),
            https: Port::clamped(443),
            rtsp: Port::clamped(554),
            rtsps_enabled: false,
            rtsps: Port::clamped(322),
        }
    }
}

impl Section for NetPorts {
    const KEY: &'static str = "net.ports";
    const TITLE: &'static str = "Port";
    const PAGE: &'static str = "Setting/Network/Port";
    const WRITE: Permission = Permission::NetworkConfig;
    const ON_RESTORE: Restore = Restore::Keep;

    fn check(&self, cx: &CheckContext<'_>, violations: &mut Violations) {
        let fields = [
            ("/http", self.http, 80),
            ("/https", self.https, 443),
            ("/rtsp", self.rtsp, 554),
            ("/rtsps", self.rtsps, 322),
        ];
        let refused = violations.0.len();
        for (i, (pointer, port, default)) in fields.iter().enumerate() {
            let n = port.get();
            let reserved = n != *default && RESERVED_PORTS.iter().any(|r| r.contains(&n));
            violations.require(!reserved, || {
                Violation::new(pointer, n, "is a reserved port")
            });
            for (other, taken, _) in &fields[..i] {
                violations.require(taken != port, || {
                    Violation::new(
                        pointer,
                        n,
                        format!("is already the port of {}", &other[1..]),
                    )
                });
            }
        }
        if violations.0.len() == refused && cx.touches::<Self>() {
            self.probe(cx, violations);
        }
    }
}

impl NetPorts {
    /// Asks the system for the ports that are to be listened on and were not before.
    fn probe(&self, cx: &CheckContext<'_>, violations: &mut Violations) {
        let (before, on) = (cx.before.get::<Self>(), cx.settings.get::<NetHttps>());
        let rtsps = (self.rtsps, self.rtsps_enabled);
        let moved = (before.rtsps, before.rtsps_enabled) != rtsps;
        for (pointer, port, moved, on) in [
            (
                "/http",
                self.http,
                self.http != before.http,
                on.http_enabled,
            ),
            ("/https", self.https, self.https != before.https, on.enabled),
            ("/rtsp", self.rtsp, self.rtsp != before.rtsp, true),
            ("/rtsps", self.rtsps, moved, self.rtsps_enabled),
        ] {
            if on
                && moved
                && let Err(reason) = cx.listen.probe(port.get())
            {
                let reason = format!("cannot be listened on: {reason}");
                violations
                    .0
                    .push(Violation::new(pointer, port.get(), reason));
            }
        }
    }
}
