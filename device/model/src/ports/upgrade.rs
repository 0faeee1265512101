use std::{fmt, str::FromStr};

use lpr_core::UtcTime;
use serde::{Deserialize, Serialize};

use crate::Result;

/// Version of the firmware: three numbers, `1.4.0`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct FirmwareVersion {
    /// Incompatible changes.
    pub major: u32,
    /// Additions.
    pub minor: u32,
    /// Repairs.
    pub patch: u32,
}

impl FromStr for FirmwareVersion {
    type Err = String;

    fn from_str(s: &str) -> std::result::Result<Self, String> {
        let number = |t: Option<&str>| {
            let t = t?;
            let plain = !t.is_empty() && t.len() <= 9 && t.bytes().all(|b| b.is_ascii_digit());
            plain.then(|| t.parse().ok()).flatten()
        };
        let mut parts = s.split('.');
        let version = (|| {
            Some(Self {
                major: number(parts.next())?,
                minor: number(parts.next())?,
                patch: number(parts.next())?,
            })
        })();
        version
            .filter(|_| parts.next().is_none())
            .ok_or_else(|| format!("'{s:.32}' is not a version such as 1.4.0"))
    }
}

impl fmt::Display for FirmwareVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl TryFrom<String> for FirmwareVersion {
    type Error = String;

    fn try_from(s: String) -> std::result::Result<Self, String> {
        s.parse()
    }
}

impl From<FirmwareVersion> for String {
    fn from(v: FirmwareVersion) -> Self {
        v.to_string()
    }
}

/// Where an upgrade is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum UpgradePhase {
    /// Nothing runs.
    #[default]
    Idle,
    /// The package comes in and is verified on the way.
    Receiving,
    /// It is written through to the disk.
    Verifying,
    /// Done; the unit restarts into it.
    Installed,
}

/// One place that holds a version.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Slot {
    /// `base` (as packaged), `a` or `b`.
    pub name: String,
    /// Its version.
    pub version: FirmwareVersion,
    /// When it was built; `None` for `base`.
    pub built_at: Option<UtcTime>,
    /// Whether it runs now.
    pub active: bool,
}

/// A new version that has to prove itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trial {
    /// Its version.
    pub version: FirmwareVersion,
    /// Returned from at this moment unless it has proved itself.
    pub until: Option<UtcTime>,
}

/// How an upgrade ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The new version runs.
    Confirmed,
    /// The old version runs again.
    Returned,
}

/// The last upgrade.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LastUpgrade {
    /// The version that was tried.
    pub version: FirmwareVersion,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, for people; empty when it went well.
    pub reason: String,
    /// When.
    pub at: UtcTime,
}

/// A newer version that the upgrade server offers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Available {
    /// Its version.
    pub version: FirmwareVersion,
    /// When it was built.
    pub built_at: UtcTime,
    /// Bytes of the package.
    pub size: u64,
    /// What is new, for people.
    pub notes: String,
    /// Address of the package.
    pub url: String,
}

/// Everything a page shows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UpgradeStatus {
    /// The running version.
    pub current: FirmwareVersion,
    /// Model that packages must name.
    pub model: String,
    /// Processor that packages must name.
    pub arch: String,
    /// Whether there is a second slot.
    pub supported: bool,
    /// Why not.
    pub unsupported_reason: Option<String>,
    /// Where a running upgrade is.
    pub phase: UpgradePhase,
    /// Bytes that came in.
    pub received: u64,
    /// Bytes of the package; 0 when unknown.
    pub total: u64,
    /// Why the last attempt of this run failed.
    pub error: Option<String>,
    /// What is installed.
    pub slots: Vec<Slot>,
    /// Name of the slot that runs.
    pub active: String,
    /// A version on trial.
    pub trial: Option<Trial>,
    /// The last upgrade.
    pub last: Option<LastUpgrade>,
    /// What the last check found.
    pub available: Option<Available>,
    /// When that was.
    pub checked_at: Option<UtcTime>,
    /// Key numbers that packages may be signed with.
    pub trusted_keys: Vec<String>,
}

/// What the old version knows and the new one must do as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// Recognition ran before the upgrade.
    pub recognition: bool,
}

/// A package on its way in. Dropping it leaves everything as it was.
pub trait Upload: Send {
    /// Takes the next bytes, verifies and stores them.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] for `/package` with the reason it is refused, [`crate::Error::Internal`]. Nothing
    /// more is taken then.
    fn write(&mut self, bytes: &[u8]) -> Result<()>;

    /// The package is complete: it becomes the version of the next start, on trial. Durable when it returns.
    ///
    /// # Errors
    /// As [`Upload::write`].
    fn finish(self: Box<Self>) -> Result<FirmwareVersion>;
}

/// Installs versions beside the running one.
pub trait Upgrades: Send + Sync {
    /// Everything a page shows.
    fn status(&self) -> UpgradeStatus;

    /// Begins to take in a package of `total` bytes.
    ///
    /// # Errors
    /// [`crate::Error::Unsupported`] without slots, [`crate::Error::Conflict`] while another runs or a version is on trial.
    fn begin(&self, total: u64, expect: Expectation) -> Result<Box<dyn Upload>>;

    /// Asks the upgrade server. `None`: nothing newer.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] for `/url` with what went wrong.
    fn check(&self, url: &str, now: UtcTime) -> Result<Option<Available>>;

    /// Fetches what the last check found, piece by piece.
    ///
    /// # Errors
    /// Those of `take`; [`crate::Error::Invalid`] for `/url` with what went wrong.
    fn fetch(&self, available: &Available, take: &mut dyn FnMut(&[u8]) -> Result<()>)
    -> Result<()>;

    /// The version on trial has proved itself.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] when that cannot be kept.
    fn confirm(&self, now: UtcTime) -> Result<()>;

    /// The version on trial fails for `reason`; the next start is the old version.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] when that cannot be kept.
    fn give_up(&self, reason: &str) -> Result<()>;

    /// The end of an upgrade that the log was not told yet; marks it as told.
    fn untold(&self) -> Option<LastUpgrade>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_three_numbers_and_compare_by_them() {
        let v = |s: &str| s.parse::<FirmwareVersion>();
        assert!(v("1.10.0").unwrap() > v("1.9.9").unwrap());
        assert!(v("2.0.0").unwrap() > v("1.99.99").unwrap());
        assert_eq!(v("0.1.0").unwrap().to_string(), "0.1.0");
        for bad in [
            "",
            "1",
            "1.2",
            "1.2.3.4",
            "1.2.x",
            "1.2.-3",
            "+1.2.3",
            "1.2.99999999999",
            "1..2",
        ] {
            assert!(v(bad).is_err(), "{bad}");
        }
    }
}
