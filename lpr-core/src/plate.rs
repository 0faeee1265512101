//! What recognition says: plates found in one frame, objects followed over frames, one read per pass.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::color::Colors;
use crate::geometry::{FrameSize, PxQuad, PxRect};
use crate::picture::Picture;
use crate::time::UtcTime;
use crate::vehicle_type::TypeRead;

/// A plate found by the detector in one frame; not read yet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlateDetection {
    /// Upright box around the plate, pixels of the frame.
    pub rect: PxRect,
    /// The plate's corners, pixels of the frame.
    pub quad: PxQuad,
    /// The detector's score, 0..=1.
    pub score: f32,
}

/// One character of a plate and how sure its place is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CharRead {
    /// The character, `0-9` or `A-Z`.
    pub sign: char,
    /// Probability of `sign`, 0..=1.
    pub likelihood: f32,
    /// Other candidates with their probabilities, best first, at most three.
    pub alternatives: Vec<(char, f32)>,
}

/// The text of a plate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlateText {
    /// Capital letters and digits, without blanks, dots and dashes.
    pub text: String,
    /// How likely the whole text is right, 0..=1: the calibrated worst place, never the mean.
    pub likelihood: f32,
    /// One entry for each character of `text`.
    pub chars: Vec<CharRead>,
}

impl PlateText {
    /// The likeliest texts, best first, `most` at most: this one, then those with one or more places read as an alternative. Each comes with
    /// the product of its places' likelihoods over this text's, times this text's likelihood (0..=1).
    #[must_use]
    pub fn n_best(&self, most: usize) -> Vec<(String, f32)> {
        let mut texts = vec![(String::new(), self.likelihood)];
        for c in &self.chars {
            let ways = |(text, p): &(String, f32)| {
                let own = std::iter::once((c.sign, 1.0));
                let others = c.alternatives.iter().map(|(s, q)| (*s, q / c.likelihood));
                let longer = |(sign, factor): (char, f32)| (format!("{text}{sign}"), p * factor);
                own.chain(others.filter(|o| o.1.is_finite()))
                    .map(longer)
                    .collect::<Vec<_>>()
            };
            texts = texts.iter().flat_map(ways).collect();
            texts.sort_by(|a, b| b.1.total_cmp(&a.1));
            texts.truncate(most.max(1));
        }
        // The region's rules may have preferred a text whose places are not each the likeliest.
        texts.retain(|t| t.0 != self.text);
        texts.insert(0, (self.text.clone(), self.likelihood));
        for t in &mut texts {
            t.1 = t.1.min(self.likelihood);
        }
        texts.truncate(most);
        texts
    }
}

/// Travel of a vehicle as the camera sees it (RECOG-4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The distance to the camera shrinks ("Positive" in the manual).
    Approaching,
    /// The distance to the camera grows.
    Departing,
    /// The track is too short or the vehicle stands.
    #[default]
    Unknown,
}

impl Direction {
    /// Every direction.
    pub const ALL: [Self; 3] = [Self::Approaching, Self::Departing, Self::Unknown];

    /// The word for it wherever directions are written or asked for, the same as in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approaching => "approaching",
            Self::Departing => "departing",
            Self::Unknown => "unknown",
        }
    }

    /// The direction with this word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|d| d.as_str() == word)
    }
}

/// One followed plate in one analysed frame (RECOG-3, LIVE-9).
#[derive(Clone, Debug, PartialEq)]
pub struct TrackedObject {
    /// The track; unique and rising within one run of a pipeline. ONVIF `ObjectId`.
    pub track_id: u64,
    /// Upright box, pixels of the frame.
    pub rect: PxRect,
    /// Corners, pixels of the frame.
    pub quad: PxQuad,
    /// The detector's score, 0..=1.
    pub score: f32,
    /// What is known of the plate by now, from this frame and the ones before.
    pub plate: Option<PlateText>,
    /// Travel as far as known by now.
    pub direction: Direction,
    /// Why the plate cannot be read, when it cannot.
    pub unreadable: Option<Unreadable>,
    /// Colours of plate and vehicle as far as known by now.
    pub colors: Colors,
    /// Type of the vehicle as far as known by now.
    pub vehicle_type: Option<TypeRead>,
}

/// Why a plate is followed but not read; shown to whoever mounts the camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unreadable {
    /// Narrower than the least plate width of the settings.
    TooSmall,
    /// Too soft: motion or focus.
    Blurred,
    /// Hardly any contrast: too dark, overexposed or covered.
    LowContrast,
    /// Partly outside the picture.
    CutOff,
}

/// All objects of one analysed frame: the metadata stream's frame and the boxes of the live picture.
///
/// `objects` is empty when nothing is there; a scene is made for each analysed frame all the same,
/// so that boxes vanish in time.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// Capture time of the frame.
    pub captured_at: UtcTime,
    /// Size of the frame that the boxes belong to.
    pub frame_size: FrameSize,
    /// The objects, by rising `track_id`.
    pub objects: Vec<TrackedObject>,
}

/// Best-frame pictures of one read (CUT-1, FTP-10).
#[derive(Clone, Debug, PartialEq)]
pub struct PlatePictures {
    /// The whole best frame.
    pub full: Picture,
    /// The plate with a margin, cut out of the best frame; `None` for a vehicle without a readable one.
    pub cutout: Option<Picture>,
}

/// A read and its pictures, which are too big to go wherever the read goes.
#[derive(Clone, Debug, PartialEq)]
pub struct PlateCapture {
    /// The read.
    pub read: PlateRead,
    /// Pictures of its best frame.
    pub pictures: PlatePictures,
}

/// One recognised plate in one pass of a vehicle (RECOG-2). Sent once; not corrected later.
#[derive(Clone, Debug, PartialEq)]
pub struct PlateRead {
    /// The track that this read closes; see [`TrackedObject::track_id`].
    pub track_id: u64,
    /// Capital letters and digits; empty for a vehicle that a loop told of and whose plate could not be read (SNAPRULE-1).
    pub plate_number: String,
    /// How likely `plate_number` is right as a whole, 0..=1.
    pub likelihood: f32,
    /// Character by character.
    pub chars: Vec<CharRead>,
    /// ISO 3166-1 alpha-2, when it is known.
    pub country_code: Option<String>,
    /// State, province or authority, when it is known.
    pub issuing_entity: Option<String>,
    /// Colours of plate and vehicle; unknown where they are not likely enough (RECOG-1).
    pub colors: Colors,
    /// Type of the vehicle; `None` where none is likely enough (RECOG-1).
    pub vehicle_type: Option<TypeRead>,
    /// Travel over the track.
    pub direction: Direction,
    /// Capture time of the best frame: the time of the read.
    pub captured_at: UtcTime,
    /// Capture time of the track's first frame.
    pub first_seen: UtcTime,
    /// Capture time of the last frame with the plate when the read was sent.
    pub last_seen: UtcTime,
    /// Upright box in the best frame, pixels; `None` where the picture shows no plate that was read.
    pub plate_rect: Option<PxRect>,
    /// Corners in the best frame, pixels; there with the box.
    pub plate_quad: Option<PxQuad>,
    /// Size of the best frame.
    pub frame_size: FrameSize,
    /// Frames of this track in which the plate was found.
    pub frames_seen: u32,
    /// Frames of this track whose text took part in the vote.
    pub frames_read: u32,
    /// Metres a second, measured between two loops (SNAPRULE-15).
    pub speed_mps: Option<f32>,
    /// Made by hand to test what follows a read: nobody drove by. Never counts as traffic, never opens a barrier (COMM-7).
    pub test: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_texts_come_first() {
        let char = |sign, likelihood, alternatives: &[(char, f32)]| CharRead {
            sign,
            likelihood,
            alternatives: alternatives.to_vec(),
        };
        let text = PlateText {
            text: "A8B".into(),
            likelihood: 0.6,
            chars: vec![
                char('A', 0.9, &[('4', 0.09)]),
                char('8', 0.6, &[('B', 0.3), ('3', 0.1)]),
                char('B', 1.0, &[]),
            ],
        };
        let best = text.n_best(4);
        let texts: Vec<&str> = best.iter().map(|t| t.0.as_str()).collect();
        assert_eq!(texts, ["A8B", "ABB", "A3B", "48B"]);
        assert!((best[0].1 - 0.6).abs() < 1e-6 && (best[1].1 - 0.3).abs() < 1e-6);
        assert_eq!(text.n_best(1).len(), 1);
        assert!(text.n_best(0).is_empty());
    }
}
