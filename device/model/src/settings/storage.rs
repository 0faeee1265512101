use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Section;
use crate::Permission;

/// What happens when there is no room for another picture (STOR-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum DiskFull {
    /// The oldest records make room.
    Overwrite,
    /// Nothing is kept any more, and that is told.
    Stop,
}

/// Pictures that are kept in the unit: on the memory card while there is one, otherwise in the unit itself (GEN-12..14).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StorageLocal {
    /// Keeps pictures on the memory card while one is in the unit.
    #[schemars(title = "Use the Memory Card")]
    pub use_card: bool,
    /// What happens when it is full.
    #[schemars(title = "Disk Full Options", extend("x-widget" = "radio"))]
    pub when_full: DiskFull,
}

impl Default for StorageLocal {
    fn default() -> Self {
        Self {
            use_card: true,
            when_full: DiskFull::Overwrite,
        }
    }
}

impl Section for StorageLocal {
    const KEY: &'static str = "storage.local";
    const TITLE: &'static str = "Local Storage";
    const PAGE: &'static str = "Setting/Storage/Local Storage";
    const WRITE: Permission = Permission::StorageConfig;
}
