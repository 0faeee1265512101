//! Signed upgrade packages, two slots to install them in, and the way back (ADR 0012).

mod build;
mod install;
mod keys;
mod manifest;
mod online;
mod package;
mod slots;

use std::io;

pub use build::{collect, read as read_package};
pub use install::HostUpgrades;
pub use keys::{SigningKey, TrustedKeys};
pub use manifest::{FileEntry, Manifest, PRODUCT, PROGRAM, Wanted};
pub use online::{Offer, VersionList};
pub use package::{MAGIC, MAX_MANIFEST, Sink, Verifier, write as write_package};
use platecam_model::{Error, ports::FirmwareVersion};
pub use slots::{Choice, Slots};

/// Why a package is not taken. The texts are for people; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The first bytes are others.
    #[error("not a Platecam package")]
    NotAPackage,
    /// It ends too early.
    #[error("truncated: the package is not complete")]
    Truncated,
    /// It does not end where it should.
    #[error("malformed: there are bytes after the last file")]
    Trailing,
    /// Sizes, names or the manifest make no sense.
    #[error("malformed: {0}")]
    Malformed(String),
    /// Signed with a key that is not trusted here.
    #[error("signed by an unknown key ({0})")]
    UnknownKey(String),
    /// The signature does not fit: changed after it was signed.
    #[error("the signature does not fit: the package was changed")]
    Signature,
    /// A file was changed.
    #[error("the hash of {0} does not fit: the package was changed")]
    Hash(String),
    /// For another product.
    #[error("for the product '{0}'")]
    Product(String),
    /// For another model.
    #[error("for model '{its}'; this is model '{ours}'")]
    Model {
        /// The package's.
        its: String,
        /// This unit's.
        ours: String,
    },
    /// For another processor.
    #[error("for architecture '{its}'; this is '{ours}'")]
    Arch {
        /// The package's.
        its: String,
        /// This unit's.
        ours: String,
    },
    /// Older than what runs.
    #[error("older: version {version}, and version {current} runs")]
    Older {
        /// The package's.
        version: FirmwareVersion,
        /// The running one.
        current: FirmwareVersion,
    },
    /// What runs.
    #[error("version {version} runs already")]
    Same {
        /// The package's and the running one.
        version: FirmwareVersion,
    },
    /// An upgrade between has to come first.
    #[error("needs at least version {needs}; version {current} runs")]
    TooFar {
        /// The oldest that will do.
        needs: FirmwareVersion,
        /// The running one.
        current: FirmwareVersion,
    },
    /// The disk.
    #[error("cannot be stored: {0}")]
    Io(#[from] io::Error),
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Io(e) if e.kind() == io::ErrorKind::StorageFull => Self::Exhausted {
                what: "bytes free for an upgrade",
                limit: 0,
            },
            Refused::Io(e) => Self::internal(format!("upgrade: {e}")),
            other => Self::invalid("/package", "", other.to_string()),
        }
    }
}
