//! Day and night by the light of the picture.

use std::time::Duration;

use crate::time::MediaTime;

/// How long it must be dark, or light again, before the mode changes: head lights pass sooner.
const LASTS: Duration = Duration::from_secs(5);
/// The picture must be this much lighter than the threshold for day.
const ABOVE: f32 = 1.35;

/// Whether it is night, with a wait and a gap between both ways.
#[derive(Clone, Debug, Default)]
pub struct Twilight {
    night: bool,
    differs_since: Option<MediaTime>,
}

impl Twilight {
    /// Whether it is night.
    #[must_use]
    pub fn is_night(&self) -> bool {
        self.night
    }

    /// One look: the scene's light, without the unit's own corrections of it, and the threshold, both 0 to 1. Returns
    /// the new state on a change.
    pub fn step(&mut self, light: f32, threshold: f32, now: MediaTime) -> Option<bool> {
        let dark = if self.night {
            light < threshold * ABOVE
        } else {
            light < threshold
        };
        if dark == self.night {
            self.differs_since = None;
            return None;
        }
        let since = *self.differs_since.get_or_insert(now);
        if now.saturating_since(since) < LASTS {
            return None;
        }
        (self.night, self.differs_since) = (dark, None);
        Some(dark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// IMG-5: night falls when it stays dark, and day breaks only when it is plainly lighter.
    #[test]
    fn night_falls_when_it_stays_dark() {
        let mut twilight = Twilight::default();
        let mut seconds = 0;
        let mut look = |light: f32, for_seconds: u64| {
            for _ in 0..for_seconds {
                seconds += 1;
                twilight.step(light, 0.2, MediaTime::from_nanos(seconds * 1_000_000_000));
            }
            twilight.is_night()
        };
        assert!(!look(0.5, 10));
        assert!(!look(0.1, 3), "a lorry passes");
        assert!(!look(0.5, 1));
        assert!(!look(0.1, 4));
        assert!(look(0.1, 3));
        assert!(look(0.24, 20), "between both thresholds it stays");
        assert!(look(0.9, 4), "head lights");
        assert!(look(0.1, 1));
        assert!(!look(0.3, 8));
    }
}
