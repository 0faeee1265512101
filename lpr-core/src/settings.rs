//! What a user sets about recognition.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::geometry::{NormPoint, NormRect};
use crate::plate::Direction;

/// Part of the world whose plates are expected; the "plate algorithm" of the manual (LPRCFG-16).
///
/// It weighs between likely texts and never forces one: a plate from elsewhere is still read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Region {
    /// The United States and Canada.
    #[default]
    Us,
    /// The European Union, the United Kingdom and their neighbours.
    Eu,
    /// Brazil, before and with Mercosur.
    Br,
    /// No expectation.
    Any,
}

impl Region {
    /// Every region, in the order shown to users.
    pub const ALL: [Self; 4] = [Self::Us, Self::Eu, Self::Br, Self::Any];

    /// The word used in settings and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Us => "us",
            Self::Eu => "eu",
            Self::Br => "br",
            Self::Any => "any",
        }
    }
}

impl std::fmt::Display for Region {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Region {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|r| r.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| Error::Setting {
                field: "region",
                value: text.chars().take(64).collect(),
                bounds: "one of us, eu, br, any",
            })
    }
}

/// Whose passes are reported, by the way they drive (SNAPRULE-5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "snake_case")]
pub enum DirectionFilter {
    /// Who comes nearer; the manual's "Positive".
    Approaching,
    /// Who drives away.
    Departing,
    /// Everybody, also who stands or was seen too shortly to tell.
    #[default]
    Both,
}

impl DirectionFilter {
    /// Whether a pass in this direction is reported; [`Direction::Unknown`] passes with [`Self::Both`] only.
    #[must_use]
    pub const fn passes(self, direction: Direction) -> bool {
        match self {
            Self::Both => true,
            Self::Approaching => matches!(direction, Direction::Approaching),
            Self::Departing => matches!(direction, Direction::Departing),
        }
    }
}

/// What captures a vehicle (SNAPRULE-1..3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "snake_case")]
pub enum CaptureMode {
    /// The analysis of the picture.
    #[default]
    Video,
    /// Detection loops; plates that pass without one are followed and not told.
    Loop,
    /// Both; a vehicle that both see is one.
    Mixed,
}

impl CaptureMode {
    /// All modes with their words in ONVIF.
    pub const ALL: [(&'static str, Self); 3] = [
        ("Video", Self::Video),
        ("Loop", Self::Loop),
        ("Mixed", Self::Mixed),
    ];

    /// Whether loops capture.
    #[must_use]
    pub const fn has_loops(self) -> bool {
        !matches!(self, Self::Video)
    }

    /// How long a best frame stays the best although later ones are worse; `None` is as long as the plate is there.
    /// Where a loop decides the moment, the picture is to be of about that moment.
    pub(crate) const fn best_frame_lasts(self) -> Option<Duration> {
        match self {
            Self::Loop => Some(Duration::from_secs(1)),
            Self::Video | Self::Mixed => None,
        }
    }
}

/// How a vehicle is followed while its plate is not seen (SNAPRULE-8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "snake_case")]
pub enum Trajectory {
    /// By a body around its plate: for large vehicles, whose plates are hidden for seconds.
    VehicleBody,
    /// By its plate alone: for small vehicles, one close after the other.
    Plate,
    /// By its body once it was reported and while no other plate is in it, else by its plate.
    #[default]
    SelfAdaptive,
}

/// What the camera sees mostly (SCENE-1..4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "snake_case")]
pub enum DetectionScene {
    /// Vehicles from the front: a plate that comes nearer is followed with six tenths of the score.
    #[default]
    HeadFirst,
    /// Vehicles from behind: the same of a plate that goes away.
    TailFirst,
    /// Small plates from high above: the net sees half as many pixels more each way, and plates a quarter narrower are read.
    MountingHeight,
}

impl Trajectory {
    /// All of them with their words in ONVIF.
    pub const ALL: [(&'static str, Self); 3] = [
        ("VehicleBody", Self::VehicleBody),
        ("Plate", Self::Plate),
        ("SelfAdaptive", Self::SelfAdaptive),
    ];
}

impl DetectionScene {
    /// All scenes with their words in ONVIF.
    pub const ALL: [(&'static str, Self); 3] = [
        ("HeadFirst", Self::HeadFirst),
        ("TailFirst", Self::TailFirst),
        ("MountingHeight", Self::MountingHeight),
    ];

    /// The direction in which plates are looked for more closely.
    #[must_use]
    pub const fn prefers(self) -> Option<Direction> {
        match self {
            Self::HeadFirst => Some(Direction::Approaching),
            Self::TailFirst => Some(Direction::Departing),
            Self::MountingHeight => None,
        }
    }
}

/// Widest input of the detector in pixels.
const MAX_DETECTOR_WIDTH: u32 = 1280;
/// Narrowest plate that can be read in pixels.
const LEAST_PLATE_WIDTH: u32 = 30;

/// Settings of recognition on video.
///
/// Plain values with bounds that [`RecognitionSettings::check`] states; a pipeline takes
/// only settings that pass.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RecognitionSettings {
    /// Whose plates are expected.
    pub region: Region,
    /// Plates narrower than this are followed but not read, in pixels of the analysed frame, 30..=1000.
    #[schemars(range(min = 30, max = 1000))]
    pub min_plate_width_px: u32,
    /// Least likelihood of a read that is reported, 0.05..=0.99.
    #[schemars(range(min = 0.05, max = 0.99))]
    pub min_likelihood: f32,
    /// Least detector score of a plate, 0.05..=0.95; the manual's detection sensitivity, turned round.
    #[schemars(range(min = 0.05, max = 0.95))]
    pub min_detection_score: f32,
    /// Time between two analysed frames in milliseconds, 0..=2000; 0 analyses every frame that is offered.
    #[schemars(range(min = 0, max = 2000))]
    pub detection_interval_ms: u32,
    /// The same plate is reported once within this time in milliseconds, 0..=600000 (RECOG-8, SNAPRULE-6).
    #[schemars(range(min = 0, max = 600_000))]
    pub duplicate_delay_ms: u32,
    /// Frames in which a plate must have been read before its read is sent early, 1..=100
    /// (SNAPRULE-10); a track
    /// that ends before is sent at its end, if it was read in at least two frames.
    #[schemars(range(min = 1, max = 100))]
    pub stable_reads: u32,
    /// Largest width of the detector's input in pixels, 256..=1280, a multiple of 32; its height
    /// follows from the region's aspect. Smaller is faster and misses small plates.
    #[schemars(range(min = 256, max = 1280))]
    pub detector_width_px: u32,
    /// Corners of the area in which plates are recognised (LPRCFG-2), 3..=16 points; empty is everywhere.
    #[schemars(length(max = 16))]
    pub capture_area: Vec<NormPoint>,
    /// Whose passes are reported (SNAPRULE-5).
    pub direction: DirectionFilter,
    /// What captures a vehicle (SNAPRULE-1..3).
    pub capture: CaptureMode,
    /// Areas in which plates are ignored (LPRCFG-4, LPRCFG-5), at most 3 of 3..=16 points.
    #[schemars(length(max = 3))]
    pub shield_areas: Vec<Vec<NormPoint>>,
    /// How a vehicle is followed while its plate is not seen (SNAPRULE-8).
    pub trajectory: Trajectory,
    /// What the camera sees mostly (SCENE-1..4).
    pub scene: DetectionScene,
    /// Frames in which the plate of a passing vehicle must have been found before the vehicle is told though the plate was never
    /// read, 0..=100 (SNAPRULE-9, SNAPRULE-11); 0 tells none.
    #[schemars(range(min = 0, max = 100))]
    pub unread_frames: u32,
    /// Whether vehicles that turn back are told (INTEL-6).
    pub tell_returns: bool,
    /// Whether a second, later picture is taken of each vehicle (SNAPRULE-4).
    pub second_picture: bool,
}

impl Default for RecognitionSettings {
    fn default() -> Self {
        Self {
            region: Region::Us,
            min_plate_width_px: 50,
            min_likelihood: 0.5,
            min_detection_score: 0.35,
            detection_interval_ms: 100,
            duplicate_delay_ms: 5000,
            stable_reads: 1,
            detector_width_px: 640,
            capture_area: Vec::new(),
            direction: DirectionFilter::Both,
            capture: CaptureMode::Video,
            shield_areas: Vec::new(),
            trajectory: Trajectory::SelfAdaptive,
            scene: DetectionScene::HeadFirst,
            unread_frames: 0,
            tell_returns: false,
            second_picture: false,
        }
    }
}

/// Fails with `field`'s bounds unless `ok`.
fn ensure(
    ok: bool,
    field: &'static str,
    value: impl ToString,
    bounds: &'static str,
) -> Result<(), Error> {
    if ok {
        Ok(())
    } else {
        Err(Error::Setting {
            field,
            value: value.to_string(),
            bounds,
        })
    }
}

impl RecognitionSettings {
    /// Whether every value is within its bounds.
    ///
    /// # Errors
    /// [`Error::Setting`] names the first field that is not, its value and its bounds.
    pub fn check(&self) -> Result<(), Error> {
        let (width, input) = (self.min_plate_width_px, self.detector_width_px);
        ensure(
            (30..=1000).contains(&width),
            "min_plate_width_px",
            width,
            "30 to 1000 pixels",
        )?;
        ensure(
            (0.05..=0.99).contains(&self.min_likelihood),
            "min_likelihood",
            self.min_likelihood,
            "0.05 to 0.99",
        )?;
        let score = self.min_detection_score;
        ensure(
            (0.05..=0.95).contains(&score),
            "min_detection_score",
            score,
            "0.05 to 0.95",
        )?;
        let interval = self.detection_interval_ms;
        ensure(
            interval <= 2000,
            "detection_interval_ms",
            interval,
            "0 to 2000 ms",
        )?;
        ensure(
            self.duplicate_delay_ms <= 600_000,
            "duplicate_delay_ms",
            self.duplicate_delay_ms,
            "0 to 600000 ms",
        )?;
        ensure(
            (1..=100).contains(&self.stable_reads),
            "stable_reads",
            self.stable_reads,
            "1 to 100 frames",
        )?;
        ensure(
            self.unread_frames <= 100,
            "unread_frames",
            self.unread_frames,
            "0 to 100 frames",
        )?;
        let ok = (256..=MAX_DETECTOR_WIDTH).contains(&input) && input.is_multiple_of(32);
        ensure(
            ok,
            "detector_width_px",
            input,
            "a multiple of 32 from 256 to 1280 pixels",
        )?;
        if !self.capture_area.is_empty() {
            check_area("capture_area", &self.capture_area)?;
        }
        ensure(
            self.shield_areas.len() <= 3,
            "shield_areas",
            self.shield_areas.len(),
            "at most 3 areas",
        )?;
        self.shield_areas
            .iter()
            .try_for_each(|a| check_area("shield_areas", a))
    }

    /// Width of the detector's input in this scene, pixels (SCENE-3).
    #[must_use]
    pub fn input_width_px(&self) -> u32 {
        match self.scene {
            DetectionScene::MountingHeight => (self.detector_width_px * 3 / 2)
                .next_multiple_of(32)
                .min(MAX_DETECTOR_WIDTH),
            DetectionScene::HeadFirst | DetectionScene::TailFirst => self.detector_width_px,
        }
    }

    /// Width from which a plate is read in this scene, pixels of the analysed frame (SCENE-3).
    #[must_use]
    pub fn readable_width_px(&self) -> u32 {
        match self.scene {
            DetectionScene::MountingHeight => {
                (self.min_plate_width_px * 3 / 4).max(LEAST_PLATE_WIDTH)
            }
            DetectionScene::HeadFirst | DetectionScene::TailFirst => self.min_plate_width_px,
        }
    }

    /// [`RecognitionSettings::detection_interval_ms`] as a duration.
    #[must_use]
    pub fn detection_interval(&self) -> Duration {
        Duration::from_millis(self.detection_interval_ms.into())
    }

    /// [`RecognitionSettings::duplicate_delay_ms`] as a duration.
    #[must_use]
    pub fn duplicate_delay(&self) -> Duration {
        Duration::from_millis(self.duplicate_delay_ms.into())
    }

    /// The smallest upright rectangle that holds the capture area.
    #[must_use]
    pub fn capture_bounds(&self) -> NormRect {
        if self.capture_area.is_empty() {
            return NormRect::FULL;
        }
        let mut r = NormRect {
            left: 1.0,
            top: -1.0,
            right: -1.0,
            bottom: 1.0,
        };
        for p in &self.capture_area {
            (r.left, r.right) = (r.left.min(p.x), r.right.max(p.x));
            (r.bottom, r.top) = (r.bottom.min(p.y), r.top.max(p.y));
        }
        r
    }
}

/// A polygon of 3..=16 points, all inside the picture.
fn check_area(field: &'static str, area: &[NormPoint]) -> Result<(), Error> {
    ensure(
        (3..=16).contains(&area.len()),
        field,
        format!("{} points", area.len()),
        "3 to 16 points",
    )?;
    let outside = area
        .iter()
        .find(|p| !(p.x.abs() <= 1.0 && p.y.abs() <= 1.0));
    match outside {
        Some(p) => ensure(
            false,
            field,
            format!("{}, {}", p.x, p.y),
            "points from -1 to 1",
        ),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_pass() {
        RecognitionSettings::default().check().unwrap();
    }

    #[test]
    fn bad_values_are_named_with_their_bounds() {
        type Spoil = fn(&mut RecognitionSettings);
        let rows: [(&str, Spoil); 12] = [
            ("unread_frames is 101", |s| s.unread_frames = 101),
            ("min_plate_width_px is 29, must be 30 to 1000 pixels", |s| {
                s.min_plate_width_px = 29
            }),
            ("min_likelihood is NaN", |s| s.min_likelihood = f32::NAN),
            ("min_detection_score is 0", |s| s.min_detection_score = 0.0),
            ("detection_interval_ms is 2001", |s| {
                s.detection_interval_ms = 2001
            }),
            ("duplicate_delay_ms is 600001", |s| {
                s.duplicate_delay_ms = 600_001
            }),
            ("stable_reads is 0", |s| s.stable_reads = 0),
            ("detector_width_px is 600", |s| s.detector_width_px = 600),
            ("capture_area is 2 points", |s| {
                s.capture_area = vec![NormPoint::default(); 2]
            }),
            ("capture_area is 2, 0", |s| {
                s.capture_area = vec![NormPoint { x: 2.0, y: 0.0 }; 3]
            }),
            ("shield_areas is 4", |s| {
                s.shield_areas = vec![vec![NormPoint::default(); 3]; 4]
            }),
            ("shield_areas is 17 points", |s| {
                s.shield_areas = vec![vec![NormPoint::default(); 17]]
            }),
        ];
        for (text, spoil) in rows {
            let mut s = RecognitionSettings::default();
            spoil(&mut s);
            let e = s.check().unwrap_err().to_string();
            assert!(e.starts_with(text), "{e} <> {text}");
        }
    }

    #[test]
    fn regions_are_words() {
        for r in Region::ALL {
            assert_eq!(r.as_str().parse::<Region>().unwrap(), r);
            assert_eq!(r.to_string().to_uppercase().parse::<Region>().unwrap(), r);
        }
        assert!(
            "mars"
                .parse::<Region>()
                .unwrap_err()
                .to_string()
                .contains("us, eu, br, any")
        );
    }

    #[test]
    fn bounds_of_the_capture_area() {
        let s = RecognitionSettings {
            capture_area: vec![
                NormPoint { x: -0.5, y: -1.0 },
                NormPoint { x: 0.5, y: -0.2 },
                NormPoint { x: 0.1, y: 0.4 },
            ],
            ..RecognitionSettings::default()
        };
        assert_eq!(
            s.capture_bounds(),
            NormRect {
                left: -0.5,
                top: 0.4,
                right: 0.5,
                bottom: -1.0
            }
        );
        assert_eq!(
            RecognitionSettings::default().capture_bounds(),
            NormRect::FULL
        );
    }
}
