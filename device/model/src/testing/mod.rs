//! In-memory implementations of the ports, for the tests of every crate above.

mod alarms;
mod broker;
mod card;
mod certificates;
mod ddns;
mod history;
mod keystore;
mod lens;
mod log;
mod mail;
mod network;
mod people;
mod picture;
mod serial;
mod services;
mod supplicant;
mod time;
mod upkeep;
mod upload;
mod wiegand;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use lpr_core::{FrameSize, UtcTime};
use parking_lot::Mutex;

pub use upkeep::{SimulatedMachine, SimulatedOutputs, SimulatedPower, simulated_upkeep};
pub use upload::MemoryUploads;

use crate::{
    Clock, Device, DeviceParts, Error, EventBus, Identity, NewRecord, NewSecond, Picture, Record,
    RecordId, RecordPage, RecordQuery, Result, Secret, SourceState,
    auth::Accounts,
    io::Io,
    lens::LensControl,
    network::Networking,
    ports::{
        Factory, HostServices, Media, MediaStatus, Records, ResetScope, Sealer, SettingsBackend,
        Snapshot, StoredSection, StreamId, StreamStatus,
    },
    settings::{Revision, SettingsStore, StreamConfig, VideoMain, VideoSub, all_sections},
    watermark::{SigningKey, Watermark},
};

/// Of some key: every device of the tests shows the same.
const VIDEO_CERTIFICATE: &str = include_str!("video.pem");

pub use alarms::MemoryAlarms;
pub use broker::MemoryBrokers;
pub use card::SimulatedCard;
pub use certificates::MemoryCertificates;
pub use ddns::MemoryDdns;
pub use history::MemoryHistory;
pub use lens::{MemoryLens, SimulatedLens};
pub use log::{MemoryLog, OffRemoteLog};
pub use mail::MemoryMailer;
pub use network::SimulatedNetwork;
pub use people::SimulatedButton;
pub use picture::png;
pub use serial::LoopbackSerial;
pub use services::{SimulatedNeighbours, SimulatedSsh};
pub use supplicant::SimulatedSupplicant;
pub use time::SimulatedTime;
pub use wiegand::{SimulatedWiegand, WiegandStep};

/// A clock that stands until it is moved.
#[derive(Debug)]
pub struct TestClock(Mutex<(UtcTime, Duration)>);

impl Default for TestClock {
    fn default() -> Self {
        Self(Mutex::new((
            UtcTime::from_millis(1_795_000_000_000),
            Duration::from_secs(1000),
        )))
    }
}

impl TestClock {
    /// Moves both times on.
    pub fn advance(&self, by: Duration) {
        let mut t = self.0.lock();
        t.0 = t.0 + by;
        t.1 += by;
    }
}

impl crate::SettableClock for TestClock {
    fn set(&self, to: UtcTime) {
        self.0.lock().0 = to;
    }
}

impl Clock for TestClock {
    fn now(&self) -> UtcTime {
        self.0.lock().0
    }

    fn monotonic(&self) -> Duration {
        self.0.lock().1
    }
}

/// Settings, users and records in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    sections: Mutex<Vec<StoredSection>>,
    people: people::MemoryPeople,
    history: Mutex<Vec<StoredSection>>,
    records: Mutex<Vec<(Record, NewRecord)>>,
    fail: Mutex<bool>,
    /// What was asked to go back to factory.
    pub reset: Mutex<Option<ResetScope>>,
}

impl MemoryStore {
    /// Makes every write fail, or work again.
    pub fn fail_writes(&self, fail: bool) {
        *self.fail.lock() = fail;
    }

    fn writable(&self) -> Result<()> {
        if *self.fail.lock() {
            Err(Error::internal("disk full"))
        } else {
            Ok(())
        }
    }
}

impl SettingsBackend for MemoryStore {
    fn load(&self) -> Result<Vec<StoredSection>> {
        Ok(self.sections.lock().clone())
    }

    fn commit(&self, sections: &[StoredSection]) -> Result<()> {
        self.writable()?;
        let mut all = self.sections.lock();
        for s in sections {
            all.retain(|old| old.key != s.key);
            all.push(s.clone());
        }
        self.history.lock().extend(sections.iter().cloned());
        Ok(())
    }

    fn history(
        &self,
        key: &str,
        before: Option<Revision>,
        limit: usize,
    ) -> Result<Vec<StoredSection>> {
        let all = self.history.lock();
        let of_key = all.iter().rev().filter(|s| s.key == key);
        let older = of_key.filter(|s| before.is_none_or(|b| s.revision < b));
        Ok(older.take(limit).cloned().collect())
    }
}

impl Factory for MemoryStore {
    fn request(&self, scope: ResetScope) -> Result<()> {
        self.writable()?;
        *self.reset.lock() = Some(scope);
        Ok(())
    }
}

impl Sealer for MemoryStore {
    fn seal(&self, plain: &[u8], context: &[u8]) -> Result<Vec<u8>> {
        Ok([context, b"|", plain].concat())
    }

    fn open(&self, sealed: &[u8], context: &[u8]) -> Result<Vec<u8>> {
        let plain = sealed
            .strip_prefix(context)
            .and_then(|s| s.strip_prefix(b"|"));
        plain
            .map(<[u8]>::to_vec)
            .ok_or_else(|| Error::internal("sealed for another context"))
    }
}

impl Records for MemoryStore {
    fn insert(&self, new: NewRecord) -> Result<Record> {
        self.writable()?;
        let mut all = self.records.lock();
        let record = Record {
            id: RecordId(all.len() as i64 + 1),
            kind: new.kind,
            captured_at: new.captured_at,
            plate_number: new.plate_number.clone(),
            likelihood: new.likelihood,
            direction: new.direction,
            country_code: new.country_code.clone(),
            issuing_entity: new.issuing_entity.clone(),
            colors: new.colors,
            vehicle_type: new.vehicle_type,
            plate_rect: new.plate_rect,
            frame: new.frame_size,
            has_picture: !new.full.is_empty(),
            has_plate: !new.plate.is_empty(),
            second_at: new.second.as_ref().map(|s| s.captured_at),
            track_id: new.track_id,
            speed_mps: new.speed_mps,
        };
        all.push((record.clone(), new));
        Ok(record)
    }

    fn add_second(&self, id: RecordId, second: NewSecond) -> Result<Record> {
        self.writable()?;
        let mut all = self.records.lock();
        let found = all.iter_mut().find(|(r, _)| r.id == id);
        let (record, new) = found.ok_or_else(|| Error::not_found("record", id.0.to_string()))?;
        record.second_at = Some(second.captured_at);
        new.second = Some(second);
        Ok(record.clone())
    }

    fn set_speed(&self, id: RecordId, speed_mps: f32) -> Result<()> {
        self.writable()?;
        let mut all = self.records.lock();
        let record = all.iter_mut().find(|(r, _)| r.id == id);
        let (record, _) = record.ok_or_else(|| Error::not_found("record", id.0.to_string()))?;
        record.speed_mps = Some(speed_mps);
        Ok(())
    }

    fn get(&self, id: RecordId) -> Result<Record> {
        let all = self.records.lock();
        all.iter()
            .find(|(r, _)| r.id == id)
            .map(|(r, _)| r.clone())
            .ok_or_else(|| Error::not_found("record", id.0.to_string()))
    }

    fn search(&self, q: &RecordQuery) -> Result<RecordPage> {
        let all = self.records.lock();
        let hit = |r: &&Record| {
            q.from.is_none_or(|t| r.captured_at >= t)
                && q.to.is_none_or(|t| r.captured_at < t)
                && q.kind.is_none_or(|k| r.kind == k)
                && q.direction.is_none_or(|d| r.direction == d)
                && q.plate
                    .as_ref()
                    .is_none_or(|p| r.plate_number.contains(p.as_str()))
        };
        let matching: Vec<_> = all.iter().rev().map(|(r, _)| r).filter(hit).collect();
        let limit = if q.limit == 0 { 50 } else { q.limit as usize };
        let mut page: Vec<Record> = matching
            .iter()
            .filter(|r| q.before.is_none_or(|b| r.id < b))
            .take(limit + 1)
            .map(|r| (*r).clone())
            .collect();
        let more = page.len() > limit;
        page.truncate(limit);
        let next_before = page.last().filter(|_| more).map(|r| r.id);
        Ok(RecordPage {
            items: page,
            next_before,
            total: matching.len() as u64,
        })
    }

    fn picture(&self, id: RecordId, which: Picture) -> Result<Bytes> {
        let all = self.records.lock();
        let found = all
            .iter()
            .find(|(r, _)| r.id == id)
            .map(|(_, n)| n.jpeg(which).clone());
        found
            .filter(|b| !b.is_empty())
            .ok_or_else(|| Error::not_found("picture", id.0.to_string()))
    }
}

/// A camera with one grey picture. Follows the video settings in its status.
#[derive(Debug)]
pub struct TestMedia {
    settings: Arc<SettingsStore>,
    clock: Arc<TestClock>,
    /// Streams whose key frame was asked for, in order.
    pub key_frames: Mutex<Vec<StreamId>>,
}

impl Media for TestMedia {
    fn status(&self) -> MediaStatus {
        let status = |stream, c: StreamConfig, enabled| StreamStatus {
            stream,
            codec: c.codec,
            bit_rate_type: c.bit_rate_type,
            width: c.resolution.width(),
            height: c.resolution.height(),
            encoder: "x264enc".into(),
            fps: c.frame_rate.get() as f32,
            kbps: c.bit_rate.get(),
            enabled,
        };
        let (main, sub) = (
            self.settings.get::<VideoMain>(),
            self.settings.get::<VideoSub>(),
        );
        MediaStatus {
            source: "test:".into(),
            state: SourceState::Running {
                width: 1920,
                height: 1080,
                millifps: 25_000,
            },
            streams: vec![
                status(StreamId::Main, main.stream(), true),
                status(StreamId::Sub, sub.stream(), sub.enabled),
            ],
            capture_fps: 25.0,
            analysed_fps: 10.0,
            recognition_dropped: 0,
            recognition_ms: 20.0,
            recognition_error: None,
        }
    }

    fn snapshot(&self, _stream: StreamId) -> Result<Snapshot> {
        // The smallest JFIF frame: start and end of image. Enough to be carried, not to be shown.
        let jpeg = Bytes::from_static(&[0xFF, 0xD8, 0xFF, 0xD9]);
        Ok(Snapshot {
            jpeg,
            captured_at: self.clock.now(),
            width: 1920,
            height: 1080,
        })
    }

    fn newest_picture(&self) -> Result<(lpr_core::Picture, UtcTime)> {
        let size = FrameSize::new(16, 8).map_err(Error::internal)?;
        let grey = vec![128; 16 * 8];
        let picture = lpr_core::Picture::new(size, lpr_core::PixelFormat::Grey, grey)
            .map_err(Error::internal)?;
        Ok((picture, self.clock.now()))
    }

    fn request_key_frame(&self, stream: StreamId) {
        self.key_frames.lock().push(stream);
    }
}

/// A device in memory with its parts at hand.
#[derive(Debug)]
pub struct TestDevice {
    /// The device as adapters see it.
    pub device: Device,
    /// What lies behind its stores.
    pub store: Arc<MemoryStore>,
    /// Its clock.
    pub clock: Arc<TestClock>,
    /// Its camera.
    pub media: Arc<TestMedia>,
    /// Its power switch.
    pub power: Arc<SimulatedPower>,
    /// Its alarm outputs.
    pub outputs: Arc<SimulatedOutputs>,
    /// Its stored alarms.
    pub alarms: Arc<MemoryAlarms>,
    /// Its log.
    pub log: Arc<MemoryLog>,
    /// Its kept events.
    pub history: Arc<MemoryHistory>,
    /// Its event brokers.
    pub brokers: Arc<MemoryBrokers>,
    /// Its mail server.
    pub mail: Arc<MemoryMailer>,
    /// Its dynamic DNS.
    pub ddns: Arc<MemoryDdns>,
    /// Its upload.
    pub uploads: Arc<MemoryUploads>,
    /// Its memory card.
    pub card: Arc<SimulatedCard>,
    /// Its way to set the clock.
    pub time: Arc<SimulatedTime>,
    /// Its network.
    pub network: Arc<SimulatedNetwork>,
    /// Its machine's SSH server.
    pub ssh: Arc<SimulatedSsh>,
    /// Its machine's neighbours.
    pub neighbours: Arc<SimulatedNeighbours>,
    /// Its way past a switch.
    pub supplicant: Arc<SimulatedSupplicant>,
    /// Its serial ports.
    pub serial: Arc<LoopbackSerial>,
    /// Its lens.
    pub lens: Arc<SimulatedLens>,
    /// Its Wiegand output.
    pub wiegand: Arc<SimulatedWiegand>,
}

/// Password of `admin` on an [`initialised`] device.
pub const PASSWORD: &str = "Passw0rd-1";

/// A device without users.
///
/// # Panics
/// Never in practice: memory does not fail to load.
#[must_use]
pub fn uninitialised() -> TestDevice {
    customised(|_| {})
}

/// A device without users, some parts of which are others than those in memory.
///
/// # Panics
/// Never in practice: memory does not fail to load.
#[must_use]
pub fn customised(change: impl FnOnce(&mut DeviceParts)) -> TestDevice {
    let store = Arc::new(MemoryStore::default());
    let clock = Arc::new(TestClock::default());
    let bus = EventBus::default();
    let settings = Arc::new(
        SettingsStore::load(
            all_sections(),
            store.clone(),
            store.clone(),
            bus.clone(),
            clock.clone(),
        )
        .expect("empty memory loads"),
    );
    let accounts = accounts_of(&store, &settings, &bus, &clock);
    let media = Arc::new(TestMedia {
        settings: settings.clone(),
        clock: clock.clone(),
        key_frames: Mutex::default(),
    });
    let power = Arc::new(SimulatedPower::default());
    let outputs = Arc::new(SimulatedOutputs::default());
    let alarms = Arc::new(MemoryAlarms::default());
    let log = Arc::new(MemoryLog::default());
    let history = Arc::new(MemoryHistory::default());
    let brokers = Arc::new(MemoryBrokers::default());
    let mail = Arc::new(MemoryMailer::default());
    let ddns = Arc::new(MemoryDdns::default());
    let uploads = Arc::new(MemoryUploads::default());
    let card = Arc::new(SimulatedCard::default());
    let time = Arc::new(SimulatedTime::new(clock.clone()));
    let network = Arc::new(SimulatedNetwork::default());
    let networking = Networking::new(network.clone(), store.clone(), &settings, &bus);
    let ssh = Arc::new(SimulatedSsh::default());
    let neighbours = Arc::new(SimulatedNeighbours::default());
    let supplicant = Arc::new(SimulatedSupplicant::default());
    let serial = Arc::new(LoopbackSerial::default());
    let wiegand = Arc::new(SimulatedWiegand::default());
    let lens = Arc::new(SimulatedLens::new(clock.clone()));
    let picture_key = SigningKey::generate().and_then(|der| SigningKey::from_pkcs8(&der));
    let picture_key = picture_key.expect("random numbers");
    let mut parts = DeviceParts {
        networking: networking.expect("memory loads"),
        host: HostServices {
            ssh: ssh.clone(),
            neighbours: neighbours.clone(),
            supplicant: supplicant.clone(),
            serial: serial.clone(),
            wiegand: Some(wiegand.clone()),
        },
        certificates: Arc::new(MemoryCertificates::default()),
        factory: store.clone(),
        history: history.clone(),
        log: log.clone(),
        remote_log: Arc::new(OffRemoteLog),
        brokers: brokers.clone(),
        mail: mail.clone(),
        ddns: ddns.clone(),
        uploads: uploads.clone(),
        watermark: Watermark::new(Arc::new(picture_key), "PC00000001")
            .with_chain(VIDEO_CERTIFICATE),
        card: card.clone(),
        time: time.clone(),
        identity: Identity {
            manufacturer: "Platecam".into(),
            model: "Platecam".into(),
            firmware: "0.1.0".into(),
            build_date: "2026-11-26".into(),
            onvif_version: "24.06".into(),
            serial: "PC00000001".into(),
            hardware_id: "test".into(),
            uuid: uuid::Uuid::from_u128(0x1234),
        },
        settings,
        sessions: accounts.sessions().clone(),
        accounts,
        bus,
        records: store.clone(),
        alarms: alarms.clone(),
        media: media.clone(),
        network: network.clone(),
        upkeep: {
            let mut upkeep = simulated_upkeep(power.clone());
            (upkeep.voice, upkeep.loudspeaker) = (outputs.clone(), outputs.clone());
            upkeep
        },
        broadcast: crate::broadcast::Broadcast::default(),
        peripherals: crate::peripheral::Peripherals::default(),
        io: Arc::new(Io::new(outputs.clone(), 2)),
        lens: Some(Arc::new(LensControl::new(
            lens.clone(),
            Arc::new(MemoryLens::default()),
            clock.monotonic(),
        ))),
        clock: clock.clone(),
    };
    change(&mut parts);
    let device = Device::new(parts);
    TestDevice {
        device,
        store,
        clock,
        media,
        power,
        outputs,
        alarms,
        log,
        history,
        brokers,
        mail,
        ddns,
        uploads,
        card,
        time,
        network,
        ssh,
        neighbours,
        supplicant,
        serial,
        lens,
        wiegand,
    }
}

fn accounts_of(
    store: &Arc<MemoryStore>,
    settings: &Arc<SettingsStore>,
    bus: &EventBus,
    clock: &Arc<TestClock>,
) -> Arc<Accounts> {
    let accounts = Accounts::for_tests(
        store.clone(),
        store.clone(),
        settings.clone(),
        bus.clone(),
        clock.clone(),
    );
    Arc::new(accounts.expect("memory loads"))
}

impl TestDevice {
    /// The accounts as a restart would load them.
    ///
    /// # Panics
    /// Never in practice: memory does not fail to load.
    #[must_use]
    pub fn restarted_accounts(&self) -> Arc<Accounts> {
        accounts_of(
            &self.store,
            &self.device.settings,
            &self.device.bus,
            &self.clock,
        )
    }
}

/// A device whose `admin` has the password [`PASSWORD`].
///
/// # Panics
/// Never in practice: the password meets the rules.
#[must_use]
pub fn initialised() -> TestDevice {
    with_admin(uninitialised())
}

/// The same, of the model that a model file describes (GEN-24).
///
/// # Panics
/// When the file has mistakes.
#[must_use]
pub fn of_model(file: &str) -> TestDevice {
    let product =
        crate::product::Product::parse(file.as_bytes()).expect("a model file without mistakes");
    with_admin(customised(|parts| parts.settings.set_product(product)))
}

fn with_admin(t: TestDevice) -> TestDevice {
    let by = crate::Actor::system();
    t.device
        .accounts
        .initialise(Secret::new(PASSWORD), None, &by)
        .expect("the test password meets the rules");
    t
}

/// A record to store, with recognisable pictures.
///
/// # Panics
/// Never: the size is within the bounds.
#[must_use]
pub fn new_record(plate: &str, captured_at: UtcTime) -> NewRecord {
    NewRecord {
        kind: crate::RecordKind::Lpr,
        captured_at,
        plate_number: plate.into(),
        likelihood: 0.9,
        direction: lpr_core::Direction::Approaching,
        country_code: Some("US".into()),
        issuing_entity: None,
        colors: lpr_core::Colors {
            plate: Some(lpr_core::ColorRead {
                color: lpr_core::Color::White,
                likelihood: 0.75,
            }),
            vehicle: None,
        },
        vehicle_type: Some(lpr_core::TypeRead {
            vehicle_type: lpr_core::VehicleType::Car,
            likelihood: 0.875,
        }),
        plate_rect: None,
        frame_size: FrameSize::new(1920, 1080).expect("within the bounds"),
        full: Bytes::from_static(b"\xFF\xD8full\xFF\xD9"),
        plate: Bytes::from_static(b"\xFF\xD8plate\xFF\xD9"),
        second: None,
        track_id: 1,
        speed_mps: None,
    }
}
