//! Who answers a switch that asks who is there (IEEE 802.1X).

use serde::Serialize;

use crate::{Result, Secret, settings::Dot1xMethod};

/// What the unit shows of itself; every value was checked by the settings.
#[derive(Clone, Debug, PartialEq)]
pub struct SupplicantPlan {
    /// The interface; empty takes the unit's.
    pub interface: String,
    /// How.
    pub method: Dot1xMethod,
    /// Its name.
    pub identity: String,
    /// The name that everybody may read; empty shows the real one.
    pub anonymous_identity: String,
    /// Its password, for methods with one.
    pub password: Secret,
    /// Certification path of the store, for methods with one.
    pub certification_path: String,
    /// PEM certificates of whom the server's must be; `None` trusts everybody.
    pub ca: Option<String>,
    /// Name, or end of the name, in the server's certificate; empty takes any.
    pub server_name: String,
}

/// How the admission stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state", content = "reason")]
pub enum SupplicantState {
    /// Switched off.
    #[default]
    Off,
    /// Nobody has asked yet, or the exchange is under way.
    Waiting,
    /// The switch admitted the unit.
    Authenticated,
    /// It did not; tried again by itself.
    Failed(String),
}

/// The supplicant of the machine (DOT1X-6).
pub trait Supplicant: Send + Sync {
    /// Whether this program may run one.
    ///
    /// # Errors
    /// [`crate::Error::Unsupported`] with the reason.
    fn changeable(&self) -> Result<()>;

    /// Answers by this plan from now on; `None` stops. Doing what is done already changes nothing.
    ///
    /// # Errors
    /// [`crate::Error::Unsupported`]; [`crate::Error::NotFound`] or [`crate::Error::Invalid`] for a certificate that
    /// cannot be used; [`crate::Error::Internal`] when the machine does not follow. Nothing answers then.
    fn apply(&self, plan: Option<&SupplicantPlan>) -> Result<()>;

    /// How it stands now.
    fn state(&self) -> SupplicantState;
}
