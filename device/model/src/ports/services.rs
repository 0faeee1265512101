//! The machine's SSH server and its table of neighbours.

use std::{fmt, net::Ipv4Addr, str::FromStr, sync::Arc};

use serde::Serialize;

use super::{SerialPorts, Supplicant, WiegandOut};
use crate::Result;

/// Services of the machine below the camera.
#[derive(Clone)]
pub struct HostServices {
    /// Remote log-in.
    pub ssh: Arc<dyn SshControl>,
    /// Hardware addresses.
    pub neighbours: Arc<dyn Neighbours>,
    /// 802.1X.
    pub supplicant: Arc<dyn Supplicant>,
    /// Serial ports.
    pub serial: Arc<dyn SerialPorts>,
    /// The Wiegand output, where lines for it were named.
    pub wiegand: Option<Arc<dyn WiegandOut>>,
}

impl fmt::Debug for HostServices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostServices").finish_non_exhaustive()
    }
}

/// How the SSH server is doing. Nothing here is guessed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SshState {
    /// The server's unit, for example `ssh.service`; `None` when the machine has none.
    pub unit: Option<String>,
    /// It runs, or waits for the first connection.
    pub running: bool,
    /// A boot starts it.
    pub enabled: bool,
    /// Why nothing is known, for people.
    pub error: Option<String>,
}

/// The machine's SSH server (SYS-30).
pub trait SshControl: Send + Sync {
    /// Whether this program may start and stop it.
    ///
    /// # Errors
    /// [`crate::Error::Unsupported`] with the reason.
    fn changeable(&self) -> Result<()>;

    /// How it is doing now; asks the machine.
    fn state(&self) -> SshState;

    /// Starts it for this and every later boot, or stops it for good. What holds already is left as it is.
    ///
    /// # Errors
    /// [`crate::Error::Unsupported`]; [`crate::Error::Internal`] when the machine does not follow.
    fn set(&self, on: bool) -> Result<()>;

    /// Stops it if this camera had started it, also in an earlier run or before it went back to factory; what the
    /// machine had running by itself stays. Says whether it did anything.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] when the machine does not follow.
    fn release(&self) -> Result<bool>;
}

/// The default IPv4 gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gateway {
    /// Its address.
    pub address: Ipv4Addr,
    /// The interface behind which it is.
    pub interface: String,
}

/// What the machine knows of the hardware address of a neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Neighbour {
    /// The address.
    pub mac: MacAddress,
    /// It was bound, and no answer from the network changes it.
    pub permanent: bool,
}

/// The machine's table of hardware addresses (SEC-13).
pub trait Neighbours: Send + Sync {
    /// Whether this program may change it.
    ///
    /// # Errors
    /// [`crate::Error::Unsupported`] with the reason.
    fn changeable(&self) -> Result<()>;

    /// The default gateway of this moment.
    fn gateway(&self) -> Option<Gateway>;

    /// What is known of the gateway's hardware address; `None` when nothing is.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] when the table cannot be read.
    fn look(&self, gateway: &Gateway) -> Result<Option<Neighbour>>;

    /// Binds the gateway to `mac`.
    ///
    /// # Errors
    /// [`crate::Error::Unsupported`], [`crate::Error::Internal`] with what the machine said.
    fn bind(&self, gateway: &Gateway, mac: MacAddress) -> Result<()>;

    /// Forgets a binding; the address is asked for in the network again.
    ///
    /// # Errors
    /// As [`Neighbours::bind`].
    fn release(&self, gateway: &Gateway) -> Result<()>;
}

/// Hardware address (EUI-48) of one station: neither zero nor a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MacAddress([u8; 6]);

impl FromStr for MacAddress {
    type Err = String;

    fn from_str(s: &str) -> std::result::Result<Self, String> {
        let bad =
            || "must be the hardware address of one station, such as 00:11:22:33:44:55".to_owned();
        let mut bytes = [0; 6];
        let mut parts = s.split(':');
        for byte in &mut bytes {
            let part = parts.next().ok_or_else(bad)?;
            let hex = part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit());
            *byte = u8::from_str_radix(part, 16)
                .ok()
                .filter(|_| hex)
                .ok_or_else(bad)?;
        }
        // The lowest bit of the first byte marks groups, the broadcast address among them (IEEE 802).
        if parts.next().is_some() || bytes == [0; 6] || bytes[0] & 1 == 1 {
            return Err(bad());
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl Serialize for MacAddress {
    fn serialize<S: serde::Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
