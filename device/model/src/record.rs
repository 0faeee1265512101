use bytes::Bytes;
use lpr_core::{Colors, Direction, FrameSize, PxRect, TypeRead, UtcTime};
use serde::{Deserialize, Serialize};

/// Number of a record; counts up, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecordId(pub i64);

/// What made the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordKind {
    /// A recognised plate.
    Lpr,
    /// A snapshot by hand (LIVE-13).
    Manual,
    /// A test capture: nobody drove by (COMM-3, COMM-7).
    Test,
    /// A vehicle that came, turned back and leaves (INTEL-6), beside the record of its pass.
    Backing,
    /// A vehicle that drove by with a plate that was never read (SNAPRULE-9).
    Unlicensed,
}

impl RecordKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::Lpr,
        Self::Manual,
        Self::Test,
        Self::Backing,
        Self::Unlicensed,
    ];

    /// The kind with this word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.word() == word)
    }

    /// The word used in the store and the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Lpr => "lpr",
            Self::Manual => "manual",
            Self::Test => "test",
            Self::Backing => "backing",
            Self::Unlicensed => "unlicensed",
        }
    }
}

/// Which picture of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Picture {
    /// The whole frame.
    Full,
    /// The plate's cut-out.
    Plate,
    /// The whole frame of a later moment (SNAPRULE-4).
    Second,
}

impl Picture {
    /// Every picture that a record may have.
    pub const ALL: [Self; 3] = [Self::Full, Self::Plate, Self::Second];
}

/// The second picture of a vehicle (SNAPRULE-4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSecond {
    /// Capture time of its frame.
    pub captured_at: UtcTime,
    /// The whole frame, JPEG.
    pub jpeg: Bytes,
}

/// A record to store. Pictures are JPEG.
#[derive(Clone, Debug)]
pub struct NewRecord {
    /// What made it.
    pub kind: RecordKind,
    /// Capture time of the best frame.
    pub captured_at: UtcTime,
    /// Plate text; empty without a plate.
    pub plate_number: String,
    /// Confidence, 0 to 1.
    pub likelihood: f32,
    /// Travel.
    pub direction: Direction,
    /// ISO 3166-1 alpha-2.
    pub country_code: Option<String>,
    /// State, province or authority.
    pub issuing_entity: Option<String>,
    /// Colours of plate and vehicle; null is unknown.
    pub colors: Colors,
    /// Type of the vehicle; null is unknown.
    pub vehicle_type: Option<TypeRead>,
    /// Plate box in the full picture.
    pub plate_rect: Option<PxRect>,
    /// Size of the full picture.
    pub frame_size: FrameSize,
    /// Full picture, JPEG; empty when none could be made.
    pub full: Bytes,
    /// Plate cut-out, JPEG; empty without a plate.
    pub plate: Bytes,
    /// Second picture, where one was taken.
    pub second: Option<NewSecond>,
    /// Number of the track in this run, joins the record with metadata and events.
    pub track_id: u64,
    /// Metres a second, measured between two loops.
    pub speed_mps: Option<f32>,
}

impl NewRecord {
    /// The JPEG of a picture; empty where there is none.
    #[must_use]
    pub fn jpeg(&self, which: Picture) -> &Bytes {
        static NONE: Bytes = Bytes::new();
        match which {
            Picture::Full => &self.full,
            Picture::Plate => &self.plate,
            Picture::Second => self.second.as_ref().map_or(&NONE, |s| &s.jpeg),
        }
    }
}

/// A stored record without its pictures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Record {
    /// Its number.
    pub id: RecordId,
    /// What made it.
    pub kind: RecordKind,
    /// Capture time of the best frame.
    pub captured_at: UtcTime,
    /// Plate text; empty without a plate.
    pub plate_number: String,
    /// Confidence, 0 to 1.
    pub likelihood: f32,
    /// Travel.
    pub direction: Direction,
    /// ISO 3166-1 alpha-2.
    pub country_code: Option<String>,
    /// State, province or authority.
    pub issuing_entity: Option<String>,
    /// Colours of plate and vehicle; null is unknown.
    pub colors: Colors,
    /// Type of the vehicle; null is unknown.
    pub vehicle_type: Option<TypeRead>,
    /// Plate box in the full picture.
    pub plate_rect: Option<PxRect>,
    /// Size of the full picture.
    pub frame: FrameSize,
    /// Whether there is a full picture.
    pub has_picture: bool,
    /// Whether there is a plate cut-out.
    pub has_plate: bool,
    /// Capture time of the second picture; null without one (SNAPRULE-4).
    pub second_at: Option<UtcTime>,
    /// Number of the track in the run that made it.
    pub track_id: u64,
    /// Metres a second, measured between two loops.
    pub speed_mps: Option<f32>,
}

impl Record {
    /// Whether there is this picture.
    #[must_use]
    pub const fn has(&self, which: Picture) -> bool {
        match which {
            Picture::Full => self.has_picture,
            Picture::Plate => self.has_plate,
            Picture::Second => self.second_at.is_some(),
        }
    }
}

/// A search. Empty fields do not restrict.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecordQuery {
    /// Captured at or after.
    pub from: Option<UtcTime>,
    /// Captured before.
    pub to: Option<UtcTime>,
    /// Part of the plate text, upper case; `?` stands for one character, `*` for any number.
    pub plate: Option<String>,
    /// Only this kind.
    pub kind: Option<RecordKind>,
    /// Only this direction.
    pub direction: Option<Direction>,
    /// Only records older than this one (paging, newest first).
    pub before: Option<RecordId>,
    /// Rows per page, 1 to 500; 0 means 50.
    pub limit: u32,
}

/// One page of results, newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordPage {
    /// The rows.
    pub items: Vec<Record>,
    /// Pass as `before` to get the next page.
    pub next_before: Option<RecordId>,
    /// How many match in all.
    pub total: u64,
}
