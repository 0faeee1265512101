use std::{fmt, sync::Arc};

use bytes::Bytes;
use lpr_core::{Direction, FrameSize};

use crate::{
    Actor, AuditEvent, Clock, Error, EventBus, EventKind, LogKind, NewRecord, Permission, Record,
    RecordKind, Result,
    auth::{Accounts, Sessions},
    broadcast::Broadcast,
    io::Io,
    lens::LensControl,
    network::Networking,
    peripheral::Peripherals,
    ports::{
        Alarms, Brokers, Certificates, DynamicDns, EventHistory, Factory, HostServices, LogStore,
        Mailer, Media, MemoryCard, Network, Records, RemoteLog, StreamId, TimeControl, Uploads,
    },
    product::{Limit, Need, Product},
    settings::SettingsStore,
    upkeep::Upkeep,
    watermark::Watermark,
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
    /// Day the firmware was built, `YYYY-MM-DD` (SYS-5).
    pub build_date: String,
    /// Version of the ONVIF interface, year and month as in `GetServices` (SYS-6).
    pub onvif_version: String,
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
    /// Stored alarms.
    pub alarms: Arc<dyn Alarms>,
    /// The picture.
    pub media: Arc<dyn Media>,
    /// The host's network as it is.
    pub network: Arc<dyn Network>,
    /// Changes it, and takes back what nobody confirms.
    pub networking: Networking,
    /// Restart, upgrade and what else keeps the unit running.
    pub upkeep: Upkeep,
    /// What is heard.
    pub broadcast: Broadcast,
    /// Alarm inputs and outputs.
    pub io: Arc<Io>,
    /// Plates on their way to devices that are wired to the unit.
    pub peripherals: Peripherals,
    /// The motorised lens, where the source has one.
    pub lens: Option<Arc<LensControl>>,
    /// Keys and certificates.
    pub certificates: Arc<dyn Certificates>,
    /// Back to factory.
    pub factory: Arc<dyn Factory>,
    /// Events that are kept.
    pub history: Arc<dyn EventHistory>,
    /// System log and audit trail.
    pub log: Arc<dyn LogStore>,
    /// The log server.
    pub remote_log: Arc<dyn RemoteLog>,
    /// The event brokers.
    pub brokers: Arc<dyn Brokers>,
    /// The mail server.
    pub mail: Arc<dyn Mailer>,
    /// The name that follows the address.
    pub ddns: Arc<dyn DynamicDns>,
    /// The upload server.
    pub uploads: Arc<dyn Uploads>,
    /// Marks pictures as this unit's.
    pub watermark: Watermark,
    /// The memory card.
    pub card: Arc<dyn MemoryCard>,
    /// The host's clock, zone and NTP daemon.
    pub time: Arc<dyn TimeControl>,
    /// Services of the machine.
    pub host: HostServices,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// The device as adapters see it. Cheap to clone.
#[derive(Clone)]
pub struct Device(Arc<DeviceParts>);

impl Device {
    /// Puts the parts together. What the machine has fewer of than its model, the model has no more of (GEN-24).
    pub fn new(parts: DeviceParts) -> Self {
        let product = (*parts.settings.product()).clone();
        let product = product
            .at_most(Limit::AlarmInputs, parts.io.inputs())
            .at_most(Limit::AlarmOutputs, parts.io.outputs())
            .at_most(Limit::SerialPorts, parts.host.serial.kinds().len())
            .at_most(
                Limit::WiegandOutputs,
                usize::from(parts.host.wiegand.is_some()),
            )
            .at_most(Limit::Lenses, usize::from(parts.lens.is_some()));
        let [outputs, inputs] =
            [Limit::AlarmOutputs, Limit::AlarmInputs].map(|limit| product.limit(limit));
        parts.io.narrow(outputs, inputs);
        parts.settings.set_product(product);
        parts.settings.set_host_services(parts.host.clone());
        Self(Arc::new(parts))
    }

    /// What this model has and how much of it.
    pub fn product(&self) -> Arc<Product> {
        self.settings.product()
    }

    /// Whether what needs this is there.
    pub fn meets(&self, need: Option<Need>) -> bool {
        self.settings.product().meets(need)
    }

    /// Tells the log that `by` did `what`, one sentence without secrets (LOG-7, LOG-8).
    pub fn audit(&self, kind: LogKind, by: &Actor, what: impl Into<String>) {
        let audit = AuditEvent {
            kind,
            actor: by.clone(),
            what: what.into(),
        };
        self.bus.publish(self.clock.now(), EventKind::Audit(audit));
    }

    /// Begins to erase the memory card (STOR-6).
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Unsupported`] without a card, [`Error::Conflict`] while it is being erased.
    pub fn format_card(&self, by: &Actor) -> Result<()> {
        by.require(Permission::StorageConfig)?;
        let before = self.card.status().id;
        self.card.format()?;
        let what = "The memory card is to be formatted.";
        self.audit(LogKind::Storage, by, what);
        if let Some(id) = before {
            self.records.forget_card(&id)?;
        }
        Ok(())
    }

    /// Takes a picture now and keeps it as a record of the kind "manual" (LIVE-13).
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Unsupported`] while there is no picture, [`Error::Internal`].
    pub fn take_snapshot(&self, by: &Actor) -> Result<Record> {
        by.require(Permission::ManualSnapshot)?;
        let snapshot = self.media.snapshot(StreamId::Main)?;
        let frame_size =
            FrameSize::new(snapshot.width, snapshot.height).map_err(Error::internal)?;
        let record = self.records.insert(NewRecord {
            kind: RecordKind::Manual,
            captured_at: snapshot.captured_at,
            plate_number: String::new(),
            likelihood: 0.0,
            direction: Direction::Unknown,
            country_code: None,
            issuing_entity: None,
            colors: lpr_core::Colors::default(),
            vehicle_type: None,
            plate_rect: None,
            frame_size,
            full: snapshot.jpeg,
            plate: Bytes::new(),
            second: None,
            track_id: 0,
            speed_mps: None,
        })?;
        self.bus.publish(
            record.captured_at,
            EventKind::RecordStored(Arc::new(record.clone())),
        );
        Ok(record)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Origin, testing::initialised};

    /// LIVE-13.
    #[test]
    fn a_snapshot_by_hand_becomes_a_record_and_an_event() {
        let t = initialised();
        let mut events = t.device.bus.subscribe();
        let nobody = Actor::anonymous(Origin::Web, None);
        assert!(matches!(
            t.device.take_snapshot(&nobody),
            Err(Error::Forbidden(_))
        ));
        let record = t.device.take_snapshot(&Actor::system()).unwrap();
        assert_eq!(
            (record.kind, record.has_picture, record.has_plate),
            (RecordKind::Manual, true, false)
        );
        assert_eq!(t.device.records.get(record.id).unwrap(), record);
        let event = events.try_recv().unwrap();
        assert!(matches!(&event.kind, EventKind::RecordStored(r) if **r == record));
    }
}
