//! From what happens on the device to notifications. Pure: time and events come in, notices go out.

use std::{collections::VecDeque, net::IpAddr, sync::Arc, time::Duration};

use lpr_core::{Direction, FrameSize, PlateRead, PxRect, Scene, UtcTime, WatchKind};
use onvif_contracts::tt;
use onvif_xml::{Any, Value, ns};
use platecam_model::{
    Event, EventKind, Picture, Record, RecordKind, SourceState,
    ports::{KeyStatus, Moment},
};
use tokio::time::Instant;

use super::{
    catalog::{
        AUTH_FAILED, BACKING, CONFIGURATION_CHANGED, DIGITAL_INPUT, KEY_STATUS, LAST_BACKUP,
        LAST_CLOCK_SYNCHRONIZATION, LAST_REBOOT, LAST_RESET, LICENSE_PLATE, MOTION_ALARM,
        MOTION_REGION, PROCESSOR_USAGE, PROFILE_CHANGED, RELAY, SCENE_CHANGE, SHUTDOWN,
        SIGNAL_LOSS, STORAGE_FAILURE, TOO_BLURRY, TOO_BRIGHT, TOO_DARK, Topic, UPLOAD,
        UPLOAD_STATUS, VEHICLE_DETECT,
    },
    notice::{ItemValue, Notice, Operation},
    rules::Rules,
    tracks::Tracks,
};
use crate::{
    deviceio::{inputs, relays},
    media::{self, SOURCE},
    metadata::{license_plate_info, rectangle, vehicle_info},
    pictures,
};

/// How long a read waits for its record, so that the notification can name the pictures.
const RECORD_WAIT: Duration = Duration::from_secs(3);
/// Reads that wait at a time; beyond it the oldest goes without pictures.
const MAX_WAITING: usize = 64;
/// A vehicle is gone when no plate was seen for so long.
const VEHICLE_HOLD: Duration = Duration::from_millis(1500);
/// Next time to look when nothing waits.
const IDLE: Duration = Duration::from_secs(3600);

/// What must be remembered from event to event.
#[derive(Debug, Default)]
pub(super) struct Translator {
    waiting: VecDeque<(Instant, Arc<PlateRead>)>,
    /// A vehicle is there; until when without news, and the last time it was seen.
    vehicle: Option<(Instant, UtcTime)>,
    /// As it was told last; at the start it is told as not lost.
    signal_lost: bool,
    /// As it was told last.
    pub(super) card_fails: bool,
    /// The end was told.
    stopping: bool,
    /// As they were told last.
    rules: Rules,
    /// Empty while no rule wants them.
    tracks: Tracks,
}

fn text(value: impl Into<String>) -> ItemValue {
    ItemValue::Text(value.into())
}

fn property(
    topic: &'static Topic,
    at: UtcTime,
    source: Vec<(&'static str, String)>,
    state: bool,
) -> Notice {
    Notice {
        topic,
        at,
        operation: Some(Operation::Changed),
        source,
        data: vec![("State", text(state.to_string()))],
        elements: Vec::new(),
    }
}

fn vehicle(at: UtcTime, rule: &str, there: bool) -> Notice {
    let source = vec![("Source", SOURCE.to_owned()), ("Rule", rule.to_owned())];
    property(&VEHICLE_DETECT, at, source, there)
}

/// Motion in a region; its rule is called like it.
fn region(at: UtcTime, rule: &str, moves: bool) -> Notice {
    let source = vec![
        ("VideoSource", SOURCE.to_owned()),
        ("RuleName", rule.to_owned()),
    ];
    property(&MOTION_REGION, at, source, moves)
}

/// The end of a property: its rule is gone.
fn deleted(property: Notice) -> Notice {
    Notice {
        operation: Some(Operation::Deleted),
        ..property
    }
}

fn signal(at: UtcTime, lost: bool) -> Notice {
    property(&SIGNAL_LOSS, at, vec![("Source", SOURCE.to_owned())], lost)
}

/// State of an alarm output.
pub(super) fn relay(at: UtcTime, index: usize, active: bool) -> Notice {
    let state = if active { "active" } else { "inactive" };
    let source = vec![("RelayToken", relays::token(index))];
    Notice {
        data: vec![("LogicalState", text(state))],
        ..property(&RELAY, at, source, active)
    }
}

/// State of an alarm input.
pub(super) fn input(at: UtcTime, index: usize, active: bool) -> Notice {
    let source = vec![("InputToken", inputs::token(index))];
    Notice {
        data: vec![("LogicalState", text(active.to_string()))],
        ..property(&DIGITAL_INPUT, at, source, active)
    }
}

fn picture(at: UtcTime, alarm: WatchKind, active: bool) -> Notice {
    let topic = match alarm {
        WatchKind::Motion => &MOTION_ALARM,
        WatchKind::TooDark => &TOO_DARK,
        WatchKind::TooBright => &TOO_BRIGHT,
        WatchKind::TooBlurry => &TOO_BLURRY,
        WatchKind::SceneChange => &SCENE_CHANGE,
    };
    property(topic, at, vec![("Source", SOURCE.to_owned())], active)
}

/// A moment in the life of the device, `of`, told at `at`.
fn operating_time(topic: &'static Topic, of: UtcTime, at: UtcTime) -> Notice {
    Notice {
        topic,
        at,
        operation: Some(Operation::Changed),
        source: Vec::new(),
        data: vec![("Status", text(of.to_string()))],
        elements: Vec::new(),
    }
}

/// How much of a firmware package has come, per cent.
pub(super) fn upload_status(at: UtcTime, percent: u8) -> Notice {
    Notice {
        data: vec![("Status", text(percent.to_string()))],
        ..property(&UPLOAD_STATUS, at, Vec::new(), true)
    }
}

/// Token of the store of records.
pub(super) const STORE: &str = "storage";
/// Token of the memory card, as its storage configuration has it.
pub(super) const CARD: &str = "card";

/// Whether records cannot be stored.
pub(super) fn storage_failure(at: UtcTime, token: &str, failed: bool) -> Notice {
    let source = vec![("Token", token.to_owned())];
    Notice {
        data: vec![("Failed", text(failed.to_string()))],
        ..property(&STORAGE_FAILURE, at, source, failed)
    }
}

/// When something that is remembered happened last; 1970 for never (Core §8.10.2).
pub(super) fn moment(what: Moment, of: Option<UtcTime>, at: UtcTime) -> Notice {
    let topic = match what {
        Moment::Reset => &LAST_RESET,
        Moment::Backup => &LAST_BACKUP,
    };
    operating_time(topic, of.unwrap_or(UtcTime::EPOCH), at)
}

/// A message of a topic without items.
fn plain(topic: &'static Topic, at: UtcTime) -> Notice {
    Notice {
        topic,
        at,
        operation: None,
        source: Vec::new(),
        data: Vec::new(),
        elements: Vec::new(),
    }
}

/// Too many failed logins from `peer`, which came in by `interface`.
pub(super) fn auth_failed(at: UtcTime, interface: String, peer: IpAddr) -> Notice {
    let address = match peer.to_canonical() {
        IpAddr::V4(v4) => ("SourceIPv4", text(v4.to_string())),
        IpAddr::V6(v6) => ("SourceIPv6", text(v6.to_string())),
    };
    Notice {
        source: vec![("NetworkInterface", interface)],
        data: vec![address],
        ..plain(&AUTH_FAILED, at)
    }
}

/// How busy the processors were, per cent.
pub(super) fn processor_usage(at: UtcTime, percent: f64) -> Notice {
    let source = vec![("Token", "processor".to_owned())];
    Notice {
        data: vec![("Value", text(format!("{percent:.0}")))],
        ..property(&PROCESSOR_USAGE, at, source, true)
    }
}

impl Translator {
    /// With these rules, which were told already.
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            ..Self::default()
        }
    }

    /// Other rules: properties of those that are gone end, those of new ones begin.
    pub(super) fn set_rules(&mut self, rules: Rules, at: UtcTime) -> Vec<Notice> {
        let before = std::mem::replace(&mut self.rules, rules);
        let now = &self.rules;
        if now.tracks.is_none() {
            self.tracks.forget();
        }
        let mut notices = Vec::new();
        if before.plates != now.plates {
            let there = self.vehicle.is_some();
            let gone = before.plates.iter().map(|rule| vehicle(at, rule, there));
            notices.extend(gone.map(deleted));
            notices.extend(now.plates.iter().map(|rule| vehicle(at, rule, there)));
        }
        let gone = before.regions.iter().filter(|r| !now.regions.contains(r));
        notices.extend(gone.map(|rule| deleted(region(at, rule, false))));
        let new = now.regions.iter().filter(|r| !before.regions.contains(r));
        notices.extend(new.map(|rule| region(at, rule, false)));
        notices
    }

    /// All properties as they are told at the start; what differs then follows as a change.
    pub(super) fn initial(now: UtcTime, rules: &Rules) -> Vec<Notice> {
        let plates = rules.plates.iter();
        let mut all: Vec<_> = plates.map(|rule| vehicle(now, rule, false)).collect();
        all.push(signal(now, false));
        all.extend(rules.regions.iter().map(|rule| region(now, rule, false)));
        all.extend(WatchKind::ALL.map(|alarm| picture(now, alarm, false)));
        all.push(operating_time(&LAST_CLOCK_SYNCHRONIZATION, now, now));
        all.push(operating_time(&LAST_REBOOT, now, now));
        all
    }

    /// When [`Translator::tick`] has something to do.
    pub(super) fn due(&self, now: Instant) -> Instant {
        let read = self.waiting.front().map(|(until, _)| *until);
        let vehicle = self.vehicle.map(|(until, _)| until);
        let all = [read, vehicle, self.tracks.due()].into_iter().flatten();
        all.min().unwrap_or(now + IDLE)
    }

    /// What is due.
    pub(super) fn tick(&mut self, now: Instant, wall: UtcTime) -> Vec<Notice> {
        let mut notices = Vec::new();
        while let Some((_, read)) = self.waiting.pop_front_if(|(until, _)| *until <= now) {
            tracing::warn!(plate = %read.plate_number, "no record of this read yet: told without pictures");
            notices.extend(self.plate(&read, None));
        }
        if self.vehicle.take_if(|(until, _)| *until <= now).is_some() {
            notices.extend(self.vehicle_is(wall, false));
        }
        if let Some(rule) = &self.rules.tracks {
            notices.extend(self.tracks.left(now, rule));
        }
        notices
    }

    /// Translates an event.
    pub(super) fn event(&mut self, event: &Event, now: Instant) -> Vec<Notice> {
        match &event.kind {
            EventKind::PlateRead(read) => {
                self.waiting.push_back((now + RECORD_WAIT, read.clone()));
                if self.waiting.len() > MAX_WAITING {
                    let oldest = self.waiting.pop_front();
                    return oldest.and_then(|(_, read)| self.plate(&read, None)).into_iter().collect();
                }
                Vec::new()
            }
            EventKind::TurnedBack(read) => {
                let rule = self.rules.backing.as_ref();
                rule.map(|rule| returned(read, rule)).into_iter().collect()
            }
            // Beside the record of the pass: nobody waits for it.
            EventKind::RecordStored(record)
                if [RecordKind::Backing, RecordKind::Unlicensed].contains(&record.kind) =>
            {
                Vec::new()
            }
            EventKind::RecordStored(record) => {
                let at = self
                    .waiting
                    .iter()
                    .position(|(_, r)| r.track_id == record.track_id);
                // A snapshot by hand, or a read that was told already, has nobody waiting.
                let read = at.and_then(|i| self.waiting.remove(i));
                read.iter()
                    .filter_map(|(_, read)| self.plate(read, Some(record)))
                    .collect()
            }
            EventKind::Source(state) => self.source(state, event.at),
            EventKind::PictureAlarm { alarm, active } => vec![picture(event.at, *alarm, *active)],
            EventKind::RegionMotion { region: rule, active } => {
                // One of a rule that was deleted meanwhile tells nobody.
                let known = self.rules.regions.contains(rule);
                known.then(|| region(event.at, rule, *active)).into_iter().collect()
            }
            EventKind::Relay { index, active } => vec![relay(event.at, *index, *active)],
            EventKind::Input { index, active } => vec![input(event.at, *index, *active)],
            EventKind::ClockSynchronised { at, .. } => {
                vec![operating_time(&LAST_CLOCK_SYNCHRONIZATION, *at, event.at)]
            }
            EventKind::ClockJumped { after, .. } => {
                vec![operating_time(
                    &LAST_CLOCK_SYNCHRONIZATION,
                    *after,
                    event.at,
                )]
            }
            EventKind::KeyStatus { key, old, new } => vec![key_status(key, *old, *new, event.at)],
            EventKind::SettingsChanged { key, .. } => changed(key)
                .into_iter()
                .map(|(token, kind)| Notice {
                    topic: &CONFIGURATION_CHANGED,
                    at: event.at,
                    operation: None,
                    source: vec![("Token", token.to_owned())],
                    data: vec![("Type", text(kind))],
                    elements: Vec::new(),
                })
                .collect(),
            EventKind::Storage { failure } => vec![storage_failure(event.at, STORE, failure.is_some())],
            EventKind::Card(card) => {
                let fails = card.fails();
                let news = std::mem::replace(&mut self.card_fails, fails) != fails;
                let told = || storage_failure(event.at, CARD, fails);
                news.then(told).into_iter().collect()
            }
            EventKind::Moment(what) => vec![moment(*what, Some(event.at), event.at)],
            EventKind::Upgrading { percent, begins } => {
                let begin = begins.then(|| plain(&UPLOAD, event.at));
                begin
                    .into_iter()
                    .chain([upload_status(event.at, *percent)])
                    .collect()
            }
            EventKind::RestartWanted { .. } | EventKind::ShuttingDown => {
                if std::mem::replace(&mut self.stopping, true) {
                    return Vec::new();
                }
                vec![plain(&SHUTDOWN, event.at)]
            }
            // The event of its read has named it.
            EventKind::SecondStored(_)
            // Needs to know the interfaces: see the caller.
            | EventKind::LockedOut { .. }
            | EventKind::Login(_)
            | EventKind::RecordLost { .. }
            | EventKind::Audit(_)
            // The input and the outputs of an alarm are told.
            | EventKind::Alarm(_)
            | EventKind::AlarmStored(_)
            | EventKind::Log(_)
            | EventKind::Initialised(_)
            | EventKind::UpgradeAvailable { .. }
            | EventKind::StreamChanged { .. }
            | EventKind::ServiceReady(_)
            // ONVIF has no topic for them.
            | EventKind::Network(_)
            // The read that follows is told.
            | EventKind::AtLoop(_) => Vec::new(),
        }
    }

    /// Translates the state of the picture source.
    pub(super) fn source(&mut self, state: &SourceState, at: UtcTime) -> Vec<Notice> {
        let mut notices = Vec::new();
        if let Some(lost) = is_lost(state)
            && std::mem::replace(&mut self.signal_lost, lost) != lost
        {
            notices.push(signal(at, lost));
        }
        if matches!(state, SourceState::Failed { .. }) && self.vehicle.take().is_some() {
            notices.extend(self.vehicle_is(at, false));
        }
        if matches!(state, SourceState::Failed { .. })
            && let Some(rule) = &self.rules.tracks
        {
            notices.extend(self.tracks.all(rule));
        }
        notices
    }

    /// Translates an analysed frame.
    pub(super) fn scene(&mut self, scene: &Scene, now: Instant) -> Vec<Notice> {
        if scene.objects.is_empty() {
            return Vec::new();
        }
        if self.rules.tracks.is_some() {
            self.tracks.see(scene, now);
        }
        let came = self
            .vehicle
            .replace((now + VEHICLE_HOLD, scene.captured_at))
            .is_none();
        let told = came.then(|| self.vehicle_is(scene.captured_at, true));
        told.flatten().into_iter().collect()
    }

    /// Whether a vehicle is there, as the plate rule tells it.
    fn vehicle_is(&self, at: UtcTime, there: bool) -> Option<Notice> {
        let rule = self.rules.plates.as_ref()?;
        Some(vehicle(at, rule, there))
    }

    /// A read, as the plate rule tells it.
    fn plate(&self, read: &PlateRead, record: Option<&Record>) -> Option<Notice> {
        let rule = self.rules.plates.as_ref()?;
        Some(plate(read, rule, record, self.rules.twice))
    }
}

/// The status of a key; what it was is left out for a new one (Security Service, key status event).
fn key_status(key: &str, old: Option<KeyStatus>, new: KeyStatus, at: UtcTime) -> Notice {
    let old = old.map(|old| ("OldStatus", text(old.word())));
    let data = old.into_iter().chain([("NewStatus", text(new.word()))]);
    Notice {
        topic: &KEY_STATUS,
        at,
        operation: None,
        source: vec![("KeyID", key.to_owned())],
        data: data.collect(),
        elements: Vec::new(),
    }
}

/// A media profile was made, changed or deleted.
pub(crate) fn profile_changed(token: &str, at: UtcTime) -> Notice {
    Notice {
        topic: &PROFILE_CHANGED,
        at,
        operation: None,
        source: vec![("Token", token.to_owned())],
        data: Vec::new(),
        elements: Vec::new(),
    }
}

/// Whether there is no picture; `None` while it is not known.
fn is_lost(state: &SourceState) -> Option<bool> {
    match state {
        SourceState::Running { .. } => Some(false),
        SourceState::Failed { .. } => Some(true),
        SourceState::Connecting => None,
    }
}

/// The configurations behind a settings section: token and kind.
fn changed(key: &str) -> Vec<(&'static str, &'static str)> {
    use platecam_model::ports::StreamId;
    match key {
        "video.main" => vec![(media::encoder_token(StreamId::Main), "VideoEncoder")],
        "video.sub" => vec![(media::encoder_token(StreamId::Sub), "VideoEncoder")],
        "onvif.metadata" => vec![(media::METADATA_CONFIG, "Metadata")],
        // One section holds both.
        "audio.output" => vec![
            (media::loudspeaker::AUDIO_OUTPUT_CONFIG, "AudioOutput"),
            (media::loudspeaker::AUDIO_DECODER, "AudioDecoder"),
        ],
        "audio.input" => vec![(media::audio::AUDIO_ENCODER, "AudioEncoder")],
        "lpr.recognition"
        | "lpr.areas"
        | "lpr.tracks"
        | "lpr.intelligence"
        | "event.motion_regions" => {
            vec![(media::ANALYTICS_CONFIG, "Analytics")]
        }
        _ => Vec::new(),
    }
}

/// The notification of a read (Analytics Service §13.3). With `twice` vehicles have a second picture, which may be still to come.
fn plate(read: &PlateRead, rule: &str, record: Option<&Record>, twice: bool) -> Notice {
    let mut data = vec![("Likelihood", text(read.likelihood.to_string()))];
    if let Some(record) = record {
        let comes = |which| twice && which == Picture::Second && record.kind == RecordKind::Lpr;
        let mut uri = |name, which| {
            if record.has(which) || comes(which) {
                data.push((
                    name,
                    ItemValue::Path(pictures::record_path(record.id, which)),
                ));
            }
        };
        uri("ImageURI", Picture::Plate);
        uri("VehicleImageURI", Picture::Full);
        uri("SecondVehicleImageURI", Picture::Second);
    }
    match read.direction {
        Direction::Approaching => data.push(("Direction", text("Approaching"))),
        Direction::Departing => data.push(("Direction", text("Departing"))),
        Direction::Unknown => {}
    }
    if let Some(speed) = read.speed_mps {
        data.push(("Speed", text(speed.to_string())));
    }
    if read.test {
        // Said only when it is one: nobody drove by (COMM-7).
        data.push(("IsTest", text("true")));
    }
    Notice {
        topic: &LICENSE_PLATE,
        at: read.captured_at,
        operation: None,
        source: vec![
            ("VideoSource", SOURCE.to_owned()),
            ("Rule", rule.to_owned()),
        ],
        data,
        elements: elements(read),
    }
}

/// The notification of a vehicle that turned back and leaves (INTEL-6).
fn returned(read: &PlateRead, rule: &str) -> Notice {
    let word = match read.direction {
        Direction::Approaching => Some("Approaching"),
        Direction::Departing => Some("Departing"),
        Direction::Unknown => None,
    };
    Notice {
        topic: &BACKING,
        at: read.captured_at,
        operation: None,
        source: vec![
            ("VideoSource", SOURCE.to_owned()),
            ("Rule", rule.to_owned()),
        ],
        data: word.map(|w| ("Direction", text(w))).into_iter().collect(),
        elements: elements(read),
    }
}

fn elements(read: &PlateRead) -> Vec<(&'static str, Any)> {
    fn element(value: &impl Value, name: &'static str) -> (&'static str, Any) {
        (name, Any::written(|w| value.write(w, ns::TT, name)))
    }
    let id = tt::ObjectId {
        object_id: i64::try_from(read.track_id).ok(),
        uuid: None,
    };
    let mut elements = vec![element(&id, "ObjectId")];
    elements.extend(read.plate_rect.map(|rect| boxed(rect, read.frame_size)));
    let info = license_plate_info(
        &read.plate_number,
        read.likelihood,
        read.country_code.as_deref(),
        read.issuing_entity.as_deref(),
        read.colors.plate,
    );
    // A vehicle without a readable plate has none (RECOG-6).
    if !read.plate_number.is_empty() {
        elements.push(element(&info, "LicensePlateInfo"));
    }
    if let Some(info) = vehicle_info(read.vehicle_type, read.colors.vehicle) {
        elements.push(element(&info, "VehicleInfo"));
    }
    elements
}

/// The item is called `BoundingBox`, its element after the type `tt:Rectangle`.
fn boxed(rect: PxRect, size: FrameSize) -> (&'static str, Any) {
    let rectangle = rectangle(rect, size);
    (
        "BoundingBox",
        Any::written(|w| rectangle.write(w, ns::TT, "Rectangle")),
    )
}
