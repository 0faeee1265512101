//! How long a button is held, without any clock or pin (HW-10, C-79).

use std::time::Duration;

use crate::{Clock, Result, ports::Contact};

/// Tells once a button was held long enough. A press that began before the device did counts only
/// after it was released: a jammed button must not wipe the unit at every start.
#[derive(Clone, Copy, Debug)]
pub struct HoldTimer {
    hold: Duration,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing was seen yet.
    Unknown,
    Released,
    PressedSince(Duration),
    /// Pressed, and not to be told (again) before it is released.
    Spent,
}

impl HoldTimer {
    /// Nothing before `hold` of a continuous press.
    pub fn new(hold: Duration) -> Self {
        Self {
            hold,
            state: State::Unknown,
        }
    }

    /// Takes the button's state at `now` (monotonic); true once, when it has been held long enough.
    pub fn update(&mut self, pressed: bool, now: Duration) -> bool {
        self.state = match (self.state, pressed) {
            (_, false) => State::Released,
            (State::Unknown, true) => State::Spent,
            (State::Released, true) => State::PressedSince(now),
            (other, true) => other,
        };
        match self.state {
            State::PressedSince(since) if now.saturating_sub(since) >= self.hold => {
                self.state = State::Spent;
                true
            }
            _ => false,
        }
    }

    /// How long to wait for the next change at most.
    pub fn due(&self, now: Duration) -> Duration {
        const IDLE: Duration = Duration::from_secs(1);
        match self.state {
            State::PressedSince(since) => (since + self.hold).saturating_sub(now).min(IDLE),
            _ => IDLE,
        }
    }
}

/// Watches a button until it was held long enough (`true`) or `go_on` says no (`false`).
///
/// # Errors
/// [`crate::Error::Internal`] when the button is gone.
pub fn watch_button(
    button: &mut dyn Contact,
    hold: Duration,
    clock: &dyn Clock,
    mut go_on: impl FnMut() -> bool,
) -> Result<bool> {
    let mut timer = HoldTimer::new(hold);
    while go_on() {
        let pressed = button.wait(timer.due(clock.monotonic()))?;
        if timer.update(pressed, clock.monotonic()) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_button_is_watched_with_the_clock_of_the_device() {
        use crate::testing::{SimulatedButton, TestClock};
        for (script, fires) in [([false, true, true], true), ([true, true, true], false)] {
            let clock = TestClock::default();
            let mut button = SimulatedButton {
                script: script.into(),
            };
            let mut looks = 0;
            let fired = watch_button(&mut button, Duration::from_secs(10), &clock, || {
                looks += 1;
                clock.advance(Duration::from_secs(1));
                looks < 30
            });
            assert_eq!(fired.unwrap(), fires, "{script:?}");
            assert!(!fires || looks > 10, "{looks}");
        }
    }

    /// HW-10, C-79: ten seconds without a break, told once.
    #[test]
    fn only_a_long_unbroken_press_counts() {
        let s = Duration::from_secs_f64;
        for (changes, fires) in [
            (
                &[
                    (0.0, false),
                    (1.0, true),
                    (10.9, true),
                    (11.0, true),
                    (12.0, true),
                    (99.0, true),
                ][..],
                &[11.0][..],
            ),
            (
                &[
                    (0.0, false),
                    (1.0, true),
                    (10.9, false),
                    (10.95, true),
                    (20.9, true),
                    (21.0, true),
                ],
                &[21.0],
            ),
            (
                &[
                    (0.0, true),
                    (30.0, true),
                    (31.0, false),
                    (32.0, true),
                    (42.0, true),
                ],
                &[42.0],
            ),
            (
                &[(0.0, false), (1.0, true), (9.0, false), (50.0, false)],
                &[],
            ),
        ] {
            let mut timer = HoldTimer::new(s(10.0));
            let told: Vec<f64> = changes
                .iter()
                .filter(|(at, p)| timer.update(*p, s(*at)))
                .map(|(at, _)| *at)
                .collect();
            assert_eq!(told, fires, "{changes:?}");
        }
        let mut timer = HoldTimer::new(s(10.0));
        timer.update(false, s(0.0));
        timer.update(true, s(0.0));
        assert_eq!(timer.due(s(9.5)), s(0.5));
    }
}
