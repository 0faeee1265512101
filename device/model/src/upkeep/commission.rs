//! Device commission: test capture, voice, barrier (COMM-2..5, COMM-7).

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use lpr_core::{Direction, PlateRead, PxQuad, PxRect};
use serde::{Deserialize, Serialize};

use crate::{
    Actor, Device, Error, EventKind, LogKind, NewRecord, Permission, Record, RecordKind, Result,
    broadcast::{MAX_TEXT, speakable},
    io::PULSE,
    ports::StreamId,
};

/// Signs of a test plate.
const PLATE: std::ops::RangeInclusive<usize> = 1..=12;
/// Characters that can be said.
const SPEECH: std::ops::RangeInclusive<usize> = 1..=MAX_TEXT;
/// A text is heard within this time, or is given up.
const VOICE_TEST: Duration = Duration::from_secs(60);
/// Track numbers of test captures begin here; recognition counts from 1 and never gets so far.
const TEST_TRACKS: u64 = 1 << 40;

/// What a test does with the barrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BarrierAction {
    /// The first output.
    Open,
    /// The second output.
    Close,
}

/// Whether a test can be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Availability {
    /// It can.
    pub available: bool,
    /// Why not.
    pub reason: Option<String>,
}

impl From<Option<String>> for Availability {
    fn from(reason: Option<String>) -> Self {
        Self {
            available: reason.is_none(),
            reason,
        }
    }
}

/// What the commission page can test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tests {
    /// The loudspeaker.
    pub voice: Availability,
    /// The barrier's outputs.
    pub barrier: Availability,
}

impl Device {
    /// What the commission page can test.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn commission_tests(&self, by: &Actor) -> Result<Tests> {
        by.require(Permission::LprConfig)?;
        let outputs = self.io.outputs();
        let missing = (outputs == 0).then(|| "this unit has no alarm output".to_owned());
        Ok(Tests {
            voice: self.mute().into(),
            barrier: missing.into(),
        })
    }

    /// A read of `plate` that nobody drove by: told and stored as every read, with the picture of now, marked as a
    /// test. What acts on reads (barrier, lists, counts) leaves reads with the mark out (COMM-3, COMM-7).
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Invalid`] for `/plate`, [`Error::Unsupported`] without a picture.
    pub fn test_capture(&self, by: &Actor, plate: &str) -> Result<Record> {
        by.require(Permission::LprConfig)?;
        let number = sign_text(plate)?;
        let (picture, captured_at) = self.media.newest_picture()?;
        let full = self.media.snapshot(StreamId::Main)?.jpeg;
        let size = picture.size();
        let (w, h) = (size.width() as f32, size.height() as f32);
        let rect = PxRect {
            x: w * 0.4,
            y: h * 0.6,
            width: w * 0.2,
            height: h * 0.1,
        };
        let track_id = TEST_TRACKS + self.clock.monotonic().as_millis() as u64;
        let read = PlateRead {
            track_id,
            plate_number: number.clone(),
            likelihood: 1.0,
            chars: Vec::new(),
            country_code: None,
            issuing_entity: None,
            colors: lpr_core::Colors::default(),
            vehicle_type: None,
            direction: Direction::Unknown,
            captured_at,
            first_seen: captured_at,
            last_seen: captured_at,
            plate_rect: Some(rect),
            plate_quad: Some(PxQuad::from(rect)),
            frame_size: size,
            frames_seen: 0,
            frames_read: 0,
            speed_mps: None,
            test: true,
        };
        self.bus
            .publish(captured_at, EventKind::PlateRead(Arc::new(read)));
        let record = self.records.insert(NewRecord {
            kind: RecordKind::Test,
            captured_at,
            plate_number: number.clone(),
            likelihood: 1.0,
            direction: Direction::Unknown,
            country_code: None,
            issuing_entity: None,
            colors: lpr_core::Colors::default(),
            vehicle_type: None,
            plate_rect: None,
            frame_size: size,
            full,
            plate: Bytes::new(),
            second: None,
            track_id,
            speed_mps: None,
        })?;
        self.bus.publish(
            record.captured_at,
            EventKind::RecordStored(Arc::new(record.clone())),
        );
        self.audit(
            LogKind::Record,
            by,
            format!("Test capture of the plate {number}."),
        );
        Ok(record)
    }

    /// Why no text can be said; `None` when it can.
    fn mute(&self) -> Option<String> {
        let output = self.upkeep.loudspeaker.unavailable();
        output.or_else(|| self.upkeep.voice.unavailable())
    }

    /// Says a text (COMM-4) and returns when it was heard. Signs that the voice does not know are left out (AUDIO-5).
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Invalid`] for `/text`, [`Error::Conflict`] when it was cut or waited too long,
    /// [`Error::Unsupported`].
    pub fn test_voice(&self, by: &Actor, text: &str) -> Result<()> {
        by.require(Permission::LprConfig)?;
        let n = text.chars().count();
        if !SPEECH.contains(&n) || text.chars().any(char::is_control) {
            let reason = "must have 1 to 256 characters and no control characters";
            return Err(Error::invalid("/text", text, reason));
        }
        if let Some(reason) = self.mute() {
            return Err(Error::Unsupported(reason));
        }
        let said = speakable(text);
        if !said.is_empty() {
            let sound = self.upkeep.voice.speak(&said, self.manner())?;
            let end = self.clock.monotonic() + VOICE_TEST;
            let go_on = || self.clock.monotonic() < end;
            if !self.upkeep.loudspeaker.play(&sound, None, &go_on)? {
                let why = "another sound was heard, and the text was not heard to its end";
                return Err(Error::Conflict(why.into()));
            }
        }
        self.audit(LogKind::Alarm, by, "Test of the voice broadcast.");
        Ok(())
    }

    /// Opens or closes the barrier by hand (COMM-5).
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Unsupported`] without an output.
    pub fn test_barrier(&self, by: &Actor, action: BarrierAction) -> Result<()> {
        by.require(Permission::LprConfig)?;
        by.require(Permission::BarrierControl)?;
        let (index, done) = match action {
            BarrierAction::Open => (0, "opened"),
            BarrierAction::Close => (1, "closed"),
        };
        if self.io.outputs() <= index {
            let which = format!("there is no output NO{} for the barrier", index + 1);
            return Err(Error::Unsupported(which));
        }
        self.drive_output(index, Some(PULSE))?;
        self.audit(
            LogKind::Alarm,
            by,
            format!("The barrier was {done} by a test."),
        );
        Ok(())
    }
}

/// A plate as recognition writes it: capital letters and digits.
fn sign_text(plate: &str) -> Result<String> {
    let text: String = plate
        .chars()
        .filter(|c| !matches!(c, ' ' | '-' | '.'))
        .map(|c| c.to_ascii_uppercase())
        .collect();
    let sound = text
        .chars()
        .all(|c| c.is_ascii_digit() || c.is_ascii_uppercase());
    if sound && PLATE.contains(&text.len()) {
        Ok(text)
    } else {
        Err(Error::invalid(
            "/plate",
            plate,
            "must have 1 to 12 letters A to Z and digits",
        ))
    }
}
