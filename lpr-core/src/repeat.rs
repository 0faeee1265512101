//! Keeps one vehicle from being reported twice (RECOG-8, SNAPRULE-6), and a parked one for ever.

use std::time::Duration;

use crate::geometry::PxRect;
use crate::plausibility::{edit_distance, folded};
use crate::time::UtcTime;

/// Plates remembered; when full, the one unseen longest goes.
const MAX_PLATES: usize = 256;
/// A parked plate that comes back to its place is no new one for this long.
const PARKED_MEMORY: Duration = Duration::from_secs(1800);
/// A track that broke is taken up again with one sign misread within this time.
const BROKEN_TRACK: Duration = Duration::from_millis(2500);

/// A plate that was reported.
struct Reported {
    folded: String,
    last_seen: UtcTime,
    rect: PxRect,
    parked: bool,
}

/// Plates reported lately.
#[derive(Default)]
pub(crate) struct Repeats {
    reported: Vec<Reported>,
}

/// A plate about to be reported, or still in sight.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sighting<'a> {
    /// Its text.
    pub(crate) text: &'a str,
    /// First frame of its track.
    pub(crate) first_seen: UtcTime,
    /// Last frame of its track.
    pub(crate) last_seen: UtcTime,
    /// Box in the last frame.
    pub(crate) rect: PxRect,
    /// Whether it stands.
    pub(crate) parked: bool,
}

impl Repeats {
    /// Whether `plate` is a repeat of one reported less than `delay` after that was last **seen**;
    /// remembers it either way.
    pub(crate) fn is_repeat(&mut self, plate: &Sighting<'_>, delay: Duration) -> bool {
        let text = folded(plate.text);
        let at = self.reported.iter().position(|r| r.is(&text, plate, delay));
        self.remember(at, text, plate);
        at.is_some()
    }

    /// Whether `plate` would be a repeat; remembers nothing.
    pub(crate) fn knows(&self, plate: &Sighting<'_>, delay: Duration) -> bool {
        let text = folded(plate.text);
        self.reported.iter().any(|r| r.is(&text, plate, delay))
    }

    /// Notes that a reported plate is still there, so that its time runs from now.
    pub(crate) fn still_there(&mut self, plate: &Sighting<'_>) {
        let text = folded(plate.text);
        if let Some(at) = self.reported.iter().position(|r| r.folded == text) {
            self.remember(Some(at), text, plate);
        }
    }

    /// The clock was set back by `by`: what was seen before it counts from now on as if it had been so all along. Otherwise a plate would stay a repeat
    /// until the clock is where it was (SYS-16).
    pub(crate) fn clock_set_back(&mut self, by: Duration) {
        let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        for r in &mut self.reported {
            r.last_seen = UtcTime::from_micros(r.last_seen.as_micros().saturating_sub(by));
        }
    }

    fn remember(&mut self, at: Option<usize>, folded: String, plate: &Sighting<'_>) {
        let entry = Reported {
            folded,
            last_seen: plate.last_seen,
            rect: plate.rect,
            parked: plate.parked,
        };
        match at {
            Some(at) => self.reported[at] = entry,
            None => {
                if self.reported.len() == MAX_PLATES
                    && let Some(oldest) =
                        (0..MAX_PLATES).min_by_key(|i| self.reported[*i].last_seen)
                {
                    self.reported.swap_remove(oldest);
                }
                self.reported.push(entry);
            }
        }
    }
}

impl Reported {
    /// Whether `plate` (its text folded) is this one again.
    fn is(&self, text: &str, plate: &Sighting<'_>, delay: Duration) -> bool {
        let gap = plate.first_seen.saturating_since(self.last_seen);
        // A track that began before this one was last seen belongs to the same time.
        let near = self.rect.grown(self.rect.width, 2.0 * self.rect.height);
        if self.folded == text {
            let in_place = self.parked && self.rect.iou(&plate.rect) > 0.3;
            return gap < delay || (in_place && gap < PARKED_MEMORY);
        }
        gap < BROKEN_TRACK.min(delay)
            && near.contains(plate.rect.center())
            && edit_distance(&self.folded, text) <= 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY: Duration = Duration::from_secs(5);

    fn at(ms: u64) -> UtcTime {
        UtcTime::EPOCH + Duration::from_millis(ms)
    }

    fn seen(text: &str, first: u64, last: u64, x: f32, parked: bool) -> Sighting<'_> {
        Sighting {
            text,
            first_seen: at(first),
            last_seen: at(last),
            rect: PxRect::new(x, 100.0, 120.0, 40.0),
            parked,
        }
    }

    #[test]
    fn what_counts_as_a_repeat() {
        let rows: [(&str, u64, f32, bool, bool, &str); 8] = [
            // text, ms after the first was last seen, x, first parked, repeat?
            ("ABC123", 100, 900.0, false, true, "same text, soon"),
            (
                "ABC123",
                4900,
                900.0,
                false,
                true,
                "same text, within the delay",
            ),
            (
                "ABC123",
                5100,
                900.0,
                false,
                false,
                "same text, later: a new pass",
            ),
            ("ABC123", 600_000, 110.0, true, true, "parked, in its place"),
            (
                "ABC123",
                600_000,
                900.0,
                true,
                false,
                "parked, elsewhere: it drove",
            ),
            ("A8C123", 1000, 900.0, false, true, "folded the same"),
            (
                "ABC124",
                1000,
                110.0,
                false,
                true,
                "one sign off where the track broke",
            ),
            (
                "ABC124",
                1000,
                900.0,
                false,
                false,
                "one sign off elsewhere: a neighbour",
            ),
        ];
        for (text, gap, x, parked, repeat, why) in rows {
            let mut r = Repeats::default();
            assert!(!r.is_repeat(&seen("ABC123", 0, 1000, 100.0, parked), DELAY));
            assert_eq!(
                r.is_repeat(&seen(text, 1000 + gap, 2000 + gap, x, false), DELAY),
                repeat,
                "{why}"
            );
        }
    }

    #[test]
    fn a_plate_in_sight_stays_a_repeat() {
        let mut r = Repeats::default();
        assert!(!r.is_repeat(&seen("ABC123", 0, 1000, 100.0, false), DELAY));
        r.still_there(&seen("ABC123", 0, 60_000, 100.0, false));
        assert!(r.is_repeat(&seen("ABC123", 61_000, 62_000, 700.0, false), DELAY));
        r.still_there(&seen("NEVER1", 0, 90_000, 0.0, false));
        assert!(!r.is_repeat(&seen("NEVER1", 90_000, 91_000, 0.0, false), DELAY));
    }

    #[test]
    fn a_clock_set_back_makes_no_plate_a_repeat_for_longer() {
        let mut r = Repeats::default();
        assert!(!r.is_repeat(&seen("ABC123", 3_600_000, 3_601_000, 100.0, false), DELAY));
        r.clock_set_back(Duration::from_millis(3_600_500));
        // Seen last at 0.5 s of the new time.
        assert!(r.is_repeat(&seen("ABC123", 5_400, 5_450, 900.0, false), DELAY));
        assert!(!r.is_repeat(&seen("ABC123", 10_500, 11_000, 900.0, false), DELAY));
        r.clock_set_back(Duration::MAX);
    }

    #[test]
    fn no_delay_reports_every_track() {
        let mut r = Repeats::default();
        assert!(!r.is_repeat(&seen("ABC123", 0, 1000, 100.0, false), Duration::ZERO));
        assert!(!r.is_repeat(&seen("ABC123", 1000, 2000, 100.0, false), Duration::ZERO));
    }

    #[test]
    fn memory_is_bounded() {
        let mut r = Repeats::default();
        for i in 0..1000u64 {
            let text = format!("T{i:04}");
            r.is_repeat(&seen(&text, i, i, 1000.0 * i as f32, false), DELAY);
        }
        assert_eq!(r.reported.len(), MAX_PLATES);
        assert!(r.reported.iter().any(|p| p.folded == "T0999"));
    }
}
