use lpr_core::UtcTime;
use serde::Serialize;

use crate::{
    Result,
    time::{PosixTz, YearMoment},
};

/// The NTP servers that the daemon is to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NtpPlan {
    /// Names or addresses, the first one preferred; checked to be such.
    pub servers: Vec<String>,
    /// UDP port.
    pub port: u16,
    /// Minutes between two questions.
    pub update_minutes: u16,
}

/// What the NTP daemon says. Nothing here is guessed (SYS-13, SYS-17).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct NtpStatus {
    /// A daemon answers.
    pub running: bool,
    /// It has a server that answers and that it trusts.
    pub synchronised: bool,
    /// That server.
    pub source: Option<String>,
    /// Its stratum.
    pub stratum: Option<u8>,
    /// Time of the last measurement that was accepted.
    pub last_sync: Option<UtcTime>,
    /// How far the clock was off then, milliseconds; positive when it was behind.
    pub offset_ms: Option<f64>,
    /// What of it the daemon has not corrected yet, milliseconds.
    pub remaining_ms: Option<f64>,
    /// Why it is not synchronised, for people.
    pub error: Option<String>,
}

/// A zone of the machine's tz database.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NamedZone {
    /// Name, for example `America/New_York`.
    pub name: String,
    /// Its rule as it is now.
    pub posix: PosixTz,
    /// Minutes east of UTC in standard time.
    pub offset_minutes: i32,
    /// `(UTC-05:00) America/New_York`.
    pub label: String,
    /// Start of DST when the page can show it (SYS-15).
    pub dst_start: Option<YearMoment>,
    /// End of DST.
    pub dst_end: Option<YearMoment>,
}

impl NamedZone {
    /// The entry of the list for a zone.
    pub fn new(name: impl Into<String>, posix: PosixTz) -> Self {
        let name = name.into();
        let minutes = posix.std_offset / 60;
        let sign = if minutes < 0 { '-' } else { '+' };
        let (h, m) = (minutes.abs() / 60, minutes.abs() % 60);
        let (dst_start, dst_end) = posix.page_rule().unzip();
        Self {
            label: format!("(UTC{sign}{h:02}:{m:02}) {name}"),
            name,
            posix,
            offset_minutes: minutes,
            dst_start,
            dst_end,
        }
    }
}

/// The host's clock, its time zone and its NTP daemon.
pub trait TimeControl: Send + Sync {
    /// Whether this program may change them.
    ///
    /// # Errors
    /// [`crate::Error::Unsupported`] with the reason; every change answers the same.
    fn changeable(&self) -> Result<()>;

    /// Sets the clock (SYS-9, SYS-10).
    ///
    /// # Errors
    /// [`crate::Error::Unsupported`], [`crate::Error::Internal`] when the kernel refuses.
    fn set_clock(&self, to: UtcTime) -> Result<()>;

    /// Makes `zone` the host's; `name` is that of the tz database when there is one.
    ///
    /// # Errors
    /// [`crate::Error::Unsupported`], [`crate::Error::Internal`].
    fn set_zone(&self, name: &str, zone: &PosixTz) -> Result<()>;

    /// Gives the daemon its servers, or `None` to leave the clock alone.
    ///
    /// # Errors
    /// [`crate::Error::Unsupported`], [`crate::Error::Internal`] when the daemon does not take them.
    fn set_ntp(&self, plan: Option<&NtpPlan>) -> Result<()>;

    /// Corrects at once what the daemon would correct slowly.
    ///
    /// # Errors
    /// [`crate::Error::Unsupported`], [`crate::Error::Internal`].
    fn step(&self) -> Result<()>;

    /// What the daemon says.
    fn ntp_status(&self) -> NtpStatus;

    /// The zones of the tz database, west to east, then by name.
    fn zones(&self) -> Vec<NamedZone>;

    /// The host's zone as a POSIX string; `UTC0` when unknown.
    fn host_zone(&self) -> PosixTz;
}
