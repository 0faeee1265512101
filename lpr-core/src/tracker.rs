//! Which detection of a new frame belongs to which track.

use std::time::Duration;

use crate::geometry::FrameSize;
use crate::plausibility::similarity;
use crate::settings::Trajectory;
use crate::time::UtcTime;
use crate::track::{Observation, Track};

/// Tracks at one time; what comes beyond is not followed.
const MAX_TRACKS: usize = 32;
/// A track not seen for this long is over.
pub(crate) const LOST_AFTER: Duration = Duration::from_millis(1200);
/// A track of a single frame is over after this, unless its plate was read: where frames are few, that is one in three.
const FORGET_AFTER: Duration = Duration::from_millis(600);
/// A track whose vehicle is looked for around it is over when not seen for this long.
const BODY_LOST_AFTER: Duration = Duration::from_secs(3);
/// Both texts at least this sure: they count for and against belonging together.
const SURE: f32 = 0.6;
/// Both texts at least this sure, and unlike: two plates, wherever they are.
const VERY_SURE: f32 = 0.85;
/// Texts less alike than this are unlike.
const UNLIKE: f32 = 0.4;

/// All tracks.
pub(crate) struct Tracker {
    tracks: Vec<Track>,
    next_id: u64,
}

impl Tracker {
    /// No tracks; the first gets `first_id`.
    #[must_use]
    pub(crate) fn new(first_id: u64) -> Self {
        Self {
            tracks: Vec::new(),
            next_id: first_id,
        }
    }

    /// The tracks, by rising id.
    #[must_use]
    pub(crate) fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// Gives each observation its track: an old one that moves there, or a new one.
    ///
    /// Returns the index in [`tracks_mut`](Self::tracks_mut) for each observation, `None` where there are
    /// too many tracks.
    pub(crate) fn update(
        &mut self,
        at: UtcTime,
        frame: FrameSize,
        seen: &[Observation],
        trajectory: Trajectory,
    ) -> Vec<Option<usize>> {
        self.choose_bodies(trajectory);
        let mut pairs: Vec<(f32, usize, usize)> = Vec::new();
        for (t, track) in self.tracks.iter().enumerate() {
            pairs.extend(
                seen.iter()
                    .enumerate()
                    .filter_map(|(s, o)| cost(track, o, at).map(|c| (c, t, s))),
            );
        }
        pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let mut of: Vec<Option<usize>> = vec![None; seen.len()];
        let mut taken = vec![false; self.tracks.len()];
        for (_, t, s) in pairs {
            if !taken[t] && of[s].is_none() {
                taken[t] = true;
                of[s] = Some(t);
                self.tracks[t].follow(at, frame, &seen[s]);
            }
        }
        for (s, slot) in of.iter_mut().enumerate() {
            if slot.is_none() && self.tracks.len() < MAX_TRACKS {
                self.tracks
                    .push(Track::new(self.next_id, at, frame, &seen[s]));
                self.next_id += 1;
                *slot = Some(self.tracks.len() - 1);
            }
        }
        of
    }

    /// A number for what is told without a track.
    pub(crate) fn take_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id - 1
    }

    /// SNAPRULE-8: which tracks are followed by a body around the plate.
    fn choose_bodies(&mut self, trajectory: Trajectory) {
        for i in 0..self.tracks.len() {
            let track = &self.tracks[i];
            let body = Track::body(&track.rect);
            let others = self.tracks.iter().filter(|t| t.id != track.id);
            let by_body = match trajectory {
                Trajectory::VehicleBody => true,
                Trajectory::Plate => false,
                Trajectory::SelfAdaptive => {
                    let mut near = others.filter(|t| body.contains(t.rect.center()));
                    track.done && near.next().is_none()
                }
            };
            self.tracks[i].by_body = by_body;
        }
    }

    /// The tracks, for changes to what they know.
    pub(crate) fn tracks_mut(&mut self) -> &mut [Track] {
        &mut self.tracks
    }

    /// Takes out the tracks that are over at `at`.
    pub(crate) fn take_lost(&mut self, at: UtcTime, frame: FrameSize) -> Vec<Track> {
        self.tracks
            .extract_if(.., |t| is_over(t, at, frame))
            .collect()
    }

    /// Takes out all tracks: the scene changed or the source ended.
    pub(crate) fn take_all(&mut self) -> Vec<Track> {
        std::mem::take(&mut self.tracks)
    }
}

/// Whether a track will not be seen again.
fn is_over(track: &Track, at: UtcTime, frame: FrameSize) -> bool {
    let unseen = at.saturating_since(track.last_seen);
    let patience = if track.hits == 1 && track.text.is_none() {
        FORGET_AFTER
    } else if track.by_body {
        BODY_LOST_AFTER
    } else {
        LOST_AFTER
    };
    // Gone through the edge: its middle would be outside by now.
    let gone = !unseen.is_zero() && !frame.rect().contains(track.predicted(at).center());
    unseen > patience || gone
}

/// How badly `seen` fits `track` at `at`, 0 being perfect; `None` when it cannot be the same plate.
fn cost(track: &Track, seen: &Observation, at: UtcTime) -> Option<f32> {
    let dt = at.saturating_since(track.last_seen).as_secs_f32();
    let expected = track.predicted(at);
    let alike = text_likeness(track, seen);
    let width = expected.width.max(seen.rect.width).max(1.0);
    let away = expected.center().distance(seen.rect.center()) / width;
    let resize = (seen.rect.width.max(1.0) / expected.width.max(1.0))
        .ln()
        .abs();
    // Plate widths that it may be off: much before the speed is known, little after.
    let mut reach = if track.has_velocity() {
        0.7 + 4.0 * dt
    } else {
        1.0 + 14.0 * dt
    }
    .min(4.0);
    match alike {
        Likeness::Same(_) => reach *= 1.6,
        Likeness::Other if expected.iou(&seen.rect) < 0.3 => reach *= 0.5,
        Likeness::Never => return None,
        Likeness::Other | Likeness::Unsaid => {}
    }
    // Where the vehicle should be, its own plate is it again, or, soon, what was never read; late nothing else is.
    let late = dt > LOST_AFTER.as_secs_f32();
    let own = match alike {
        Likeness::Same(_) => true,
        Likeness::Unsaid => !late && track.text.is_none(),
        Likeness::Other | Likeness::Never => false,
    };
    let on_body = track.by_body && own && Track::body(&expected).contains(seen.rect.center());
    let longest = if on_body { 3.0 } else { 1.0 };
    if ((late || away > reach) && !on_body) || resize > 0.45 + 0.6 * dt.min(longest) {
        return None;
    }
    let text = match alike {
        Likeness::Same(s) => 1.0 - s,
        Likeness::Other | Likeness::Never => 1.0,
        Likeness::Unsaid => 0.5,
    };
    Some(away / reach + resize + 0.6 * text)
}

/// What the texts say about two being one plate.
#[derive(Clone, Copy)]
enum Likeness {
    /// Alike, to this degree.
    Same(f32),
    /// Unlike, but one of them may be misread.
    Other,
    /// Unlike, and both are sure.
    Never,
    /// One of them says nothing.
    Unsaid,
}

fn text_likeness(track: &Track, seen: &Observation) -> Likeness {
    let (Some(known), Some(read)) = (&track.text, &seen.read) else {
        return Likeness::Unsaid;
    };
    let (sure, text) = (known.likelihood.min(read.confidence()), read.text());
    if sure < SURE || text.len() < 4 || known.text.len() < 4 {
        return Likeness::Unsaid;
    }
    let alike = similarity(&known.text, &text);
    if alike >= UNLIKE {
        Likeness::Same(alike)
    } else if sure >= VERY_SURE {
        Likeness::Never
    } else {
        Likeness::Other
    }
}
