//! Motion and tampering from the picture itself: what a few thousand samples of luma tell.
//!
//! Pure and cheap: each looked-at frame is sampled on a grid of 64 x 36 cells (see [`cells`]); nothing is
//! decoded, scaled or kept for it.

pub mod cells;
mod latch;
mod regions;

use std::time::Duration;

use crate::frame::FrameView;
use crate::time::MediaTime;
use cells::{CELLS, Cells};
use latch::Latch;
use regions::Regions;
pub use regions::{RegionChange, RegionWatch};

/// Shortest time between two looks: five a second are enough.
const INTERVAL: Duration = Duration::from_millis(200);
/// Time constant of the background that motion is seen against.
const MOTION_BACKGROUND: Duration = Duration::from_secs(2);
/// Time constant of the reference that the whole scene is compared with.
const SCENE_REFERENCE: Duration = Duration::from_secs(30);
/// After it the changed scene is the scene.
const ACCEPT_SCENE: Duration = Duration::from_secs(30);
/// Standard deviation of the cells below which a picture has no structure to compare.
const FLAT: f32 = 3.0;

/// What is watched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WatchKind {
    /// Something moves.
    Motion,
    /// Almost everything is black.
    TooDark,
    /// Almost everything is white.
    TooBright,
    /// No edge is sharp.
    TooBlurry,
    /// Another scene: the camera was turned, or its view is covered.
    SceneChange,
}

impl WatchKind {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Motion,
        Self::TooDark,
        Self::TooBright,
        Self::TooBlurry,
        Self::SceneChange,
    ];
}

/// How sensitive a watch is: 1 (least) to 100 (most).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sensitivity(u8);

impl Sensitivity {
    /// The nearest value within 1 to 100.
    #[must_use]
    pub const fn clamped(percent: u32) -> Self {
        Self(if percent < 1 {
            1
        } else if percent > 100 {
            100
        } else {
            percent as u8
        })
    }

    /// Least difference of a cell's luma from its background that is motion.
    fn least_difference(self) -> f32 {
        self.between(24.0, 6.0)
    }

    /// From `least` at 1 to `most` at 100.
    fn between(self, least: f32, most: f32) -> f32 {
        least + (most - least) * (f32::from(self.0) - 1.0) / 99.0
    }
}

/// What is watched for, and how patiently. `None` switches a kind off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WatchSettings {
    /// Motion.
    pub motion: Option<Sensitivity>,
    /// Motion lasts so long beyond the last change.
    pub motion_hold: Duration,
    /// Picture too dark.
    pub dark: Option<Sensitivity>,
    /// Picture too bright.
    pub bright: Option<Sensitivity>,
    /// Picture too blurry.
    pub blurry: Option<Sensitivity>,
    /// Another scene.
    pub scene: Option<Sensitivity>,
    /// Tampering must last so long to be told, and be gone so long to end.
    pub tampering_after: Duration,
}

/// A state that changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchChange {
    /// What.
    pub kind: WatchKind,
    /// Whether it is the case now.
    pub active: bool,
}

/// Watches one picture source.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    settings: WatchSettings,
    looked: Option<MediaTime>,
    /// What motion is seen against.
    background: Option<Box<[f32; CELLS]>>,
    /// What the scene looked like.
    reference: Option<Box<[f32; CELLS]>>,
    /// Since when the scene is told as another one.
    changed_since: Option<MediaTime>,
    latches: [Latch; 5],
    regions: Regions,
}

impl Watch {
    /// Begins with everything quiet.
    #[must_use]
    pub fn new(settings: WatchSettings) -> Self {
        Self {
            settings,
            ..Self::default()
        }
    }

    /// Other settings; what is switched off ends at once.
    pub fn set_settings(&mut self, settings: WatchSettings) -> Vec<WatchChange> {
        self.settings = settings;
        let on = self.sensitivities();
        let mut changes = Vec::new();
        for (kind, sensitivity) in on {
            if sensitivity.is_none() && self.latches[kind as usize].end() {
                changes.push(WatchChange {
                    kind,
                    active: false,
                });
            }
        }
        changes
    }

    /// Other regions that are watched for motion; it lasts as long in them as in the whole picture.
    pub fn set_regions(&mut self, regions: Vec<RegionWatch>) {
        self.regions.set(regions);
    }

    /// Regions in which motion began or ended since the last call, by a look or because they are gone.
    pub fn region_changes(&mut self) -> Vec<RegionChange> {
        self.regions.take_changes()
    }

    fn sensitivities(&self) -> [(WatchKind, Option<Sensitivity>); 5] {
        let s = &self.settings;
        [
            (WatchKind::Motion, s.motion),
            (WatchKind::TooDark, s.dark),
            (WatchKind::TooBright, s.bright),
            (WatchKind::TooBlurry, s.blurry),
            (WatchKind::SceneChange, s.scene),
        ]
    }

    /// Whether a frame at this time is worth a look.
    #[must_use]
    pub fn wants(&self, pts: MediaTime) -> bool {
        (self.sensitivities().iter().any(|(_, s)| s.is_some()) || !self.regions.is_empty())
            && self
                .looked
                .is_none_or(|last| pts.saturating_since(last) >= INTERVAL || pts < last)
    }

    /// Whether this is the case now.
    #[must_use]
    pub fn is_active(&self, kind: WatchKind) -> bool {
        self.latches[kind as usize].active()
    }

    /// Looks at a frame; `broken` when it does not follow from the last one (another clip, a source that came
    /// back): then it is no motion. Returns what changed.
    pub fn look(&mut self, frame: &FrameView<'_>, broken: bool) -> Vec<WatchChange> {
        let now = frame.pts;
        let cells = Cells::of(frame);
        let step = match self.looked.replace(now) {
            Some(last) if !broken && now > last => now.saturating_since(last),
            _ => {
                self.background = None;
                Duration::ZERO
            }
        };
        let motion = self.motion(&cells, step, now);
        let s = self.settings;
        let dark = s.dark.is_some_and(|s| too_dark(&cells, s));
        let bright = s.bright.is_some_and(|s| too_bright(&cells, s));
        let blurry = s.blurry.is_some_and(|s| too_blurry(&cells, s)) && !dark && !bright;
        let scene = self.scene(&cells, step, dark || bright, now);
        let patience = s.tampering_after;
        let mut changes = Vec::new();
        for (kind, raw, rise, fall) in [
            (WatchKind::Motion, motion, Duration::ZERO, s.motion_hold),
            (WatchKind::TooDark, dark, patience, patience),
            (WatchKind::TooBright, bright, patience, patience),
            (WatchKind::TooBlurry, blurry, patience, patience),
            (WatchKind::SceneChange, scene, patience, patience),
        ] {
            if let Some(active) = self.latches[kind as usize].update(raw, now, rise, fall) {
                changes.push(WatchChange { kind, active });
            }
        }
        changes
    }

    fn motion(&mut self, cells: &Cells, step: Duration, now: MediaTime) -> bool {
        let Some(background) = &mut self.background else {
            self.background = Some(Box::new(cells.mean));
            return false;
        };
        let differences = differences(background, &cells.mean);
        let share = |s: Sensitivity| {
            let least = s.least_difference();
            let changed = differences.iter().filter(|d| d.abs() > least).count();
            changed as f32 / CELLS as f32
        };
        let motion = self.settings.motion;
        let moved = motion.is_some_and(|s| share(s) >= s.between(0.033, 0.002));
        self.regions
            .look(&differences, now, self.settings.motion_hold);
        blend(background, &cells.mean, step, MOTION_BACKGROUND);
        moved
    }

    fn scene(&mut self, cells: &Cells, step: Duration, blind: bool, now: MediaTime) -> bool {
        let Some(sensitivity) = self.settings.scene else {
            self.reference = None;
            return false;
        };
        if blind {
            // Night, or a lamp into the lens: there is nothing to compare, and nothing to learn.
            return false;
        }
        let Some(reference) = &mut self.reference else {
            self.reference = Some(Box::new(cells.mean));
            return false;
        };
        let other = correlation(reference, &cells.mean) < sensitivity.between(0.15, 0.7);
        if !other {
            self.changed_since = None;
            blend(reference, &cells.mean, step, SCENE_REFERENCE);
            return false;
        }
        let since = *self.changed_since.get_or_insert(now);
        if now.saturating_since(since) >= ACCEPT_SCENE + self.settings.tampering_after {
            self.changed_since = None;
            **reference = cells.mean;
            return false;
        }
        true
    }
}

/// Moves `old` towards `new` as far as a first-order filter does in `step`.
fn blend(old: &mut [f32; CELLS], new: &[f32; CELLS], step: Duration, constant: Duration) {
    let share = 1.0 - (-step.as_secs_f32() / constant.as_secs_f32()).exp();
    for (o, n) in old.iter_mut().zip(new) {
        *o += (n - *o) * share;
    }
}

/// How far each cell is from its background, less what light does to all: the median difference is the light's.
fn differences(background: &[f32; CELLS], now: &[f32; CELLS]) -> [f32; CELLS] {
    let mut differences = [0.0f32; CELLS];
    for ((d, b), n) in differences.iter_mut().zip(background).zip(now) {
        *d = n - b;
    }
    let mut sorted = differences;
    let (_, light, _) = sorted.select_nth_unstable_by(CELLS / 2, f32::total_cmp);
    let light = *light;
    differences.map(|d| d - light)
}

/// Almost no cell is brighter than black.
fn too_dark(cells: &Cells, s: Sensitivity) -> bool {
    let level = s.between(20.0, 52.0);
    cells.share(|c| c < level) >= 0.97
}

/// Almost no cell is darker than white.
fn too_bright(cells: &Cells, s: Sensitivity) -> bool {
    let level = s.between(234.0, 200.0);
    cells.share(|c| c > level) >= 0.9
}

/// There are edges, but over two hundredths of the width rather than at once.
fn too_blurry(cells: &Cells, s: Sensitivity) -> bool {
    cells
        .softness()
        .is_some_and(|soft| soft < s.between(1.2, 2.0))
}

/// Correlation of two pictures, -1 to 1: what light does to all cells alike does not change it. A picture
/// without structure is like no other.
fn correlation(a: &[f32; CELLS], b: &[f32; CELLS]) -> f32 {
    let n = CELLS as f32;
    let mean = |v: &[f32; CELLS]| v.iter().sum::<f32>() / n;
    let (ma, mb) = (mean(a), mean(b));
    let (mut aa, mut bb, mut ab) = (0.0f32, 0.0f32, 0.0f32);
    for (x, y) in a.iter().zip(b) {
        let (x, y) = (x - ma, y - mb);
        aa += x * x;
        bb += y * y;
        ab += x * y;
    }
    let flat = |squares: f32| (squares / n).sqrt() < FLAT;
    match (flat(aa), flat(bb)) {
        (false, false) => ab / (aa * bb).sqrt(),
        // There never was anything to see.
        (true, _) => 1.0,
        (false, true) => 0.0,
    }
}

#[cfg(test)]
mod tests;
