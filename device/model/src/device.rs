use std::{fmt, sync::Arc};

use crate::{
    Clock, EventBus,
    auth::{Accounts, Sessions},
    ports::{Media, Network, Records},
    settings::SettingsStore,
};

/// Who this unit is. Fixed for one state directory and one firmware.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Manufacturer.
    pub manufacturer: String,
    /// Model.
    pub model: String,
    /// Firmware version, the crate's version.
    pub firmware: String,
    /// Serial number, made once per state directory.
    pub serial: String,
    /// Hardware revision.
    pub hardware_id: String,
    /// Endpoint reference of WS-Discovery; stays over restarts.
    pub uuid: uuid::Uuid,
}

/// Everything an adapter needs; built once by the binary.
pub struct DeviceParts {
    /// Who this is.
    pub identity: Identity,
    /// All settings.
    pub settings: Arc<SettingsStore>,
    /// Users and their proofs.
    pub accounts: Arc<Accounts>,
    /// Web sessions.
    pub sessions: Arc<Sessions>,
    /// The event bus.
    pub bus: EventBus,
    /// Stored reads and snapshots.
    pub records: Arc<dyn Records>,
    /// The picture.
    pub media: Arc<dyn Media>,
    /// The host's network.
    pub network: Arc<dyn Network>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// The device as adapters see it. Cheap to clone.
#[derive(Clone)]
pub struct Device(Arc<DeviceParts>);

impl Device {
    /// Puts the parts together.
    pub fn new(parts: DeviceParts) -> Self {
        Self(Arc::new(parts))
    }
}

impl std::ops::Deref for Device {
    type Target = DeviceParts;

    fn deref(&self) -> &DeviceParts {
        &self.0
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device")
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}
