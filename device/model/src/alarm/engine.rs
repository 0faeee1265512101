//! When a trigger is an alarm. Pure: time is an argument.

use std::time::Duration;

use chrono::NaiveDateTime;

use crate::settings::{AlarmInput, WeekSchedule};

/// What the trigger of an input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Nothing but an event: the alarm is off, or it is outside of the schedule (ALARM-7).
    Event,
    /// A part of the alarm before it: outputs are driven anew, everything else stays one (ALARM-8).
    Again,
    /// A new alarm.
    Alarm,
}

/// Remembers the alarms of each input as long as their interval lasts.
#[derive(Clone, Debug)]
pub struct AlarmEngine {
    /// Monotonic time of the last alarm of each input.
    raised: Vec<Option<Duration>>,
}

impl AlarmEngine {
    /// For so many inputs.
    #[must_use]
    pub fn new(inputs: usize) -> Self {
        Self {
            raised: vec![None; inputs],
        }
    }

    /// The input `index` became active at `local`, the time on the wall, and `now`, monotonic time.
    ///
    /// The interval begins with the alarm, not with the last trigger: a contact that never rests still raises one
    /// alarm in each interval.
    pub fn trigger(
        &mut self,
        index: usize,
        input: &AlarmInput,
        week: &WeekSchedule,
        local: NaiveDateTime,
        now: Duration,
    ) -> Trigger {
        let Some(raised) = self.raised.get_mut(index) else {
            return Trigger::Event;
        };
        if !input.enabled || !week.contains(local) {
            return Trigger::Event;
        }
        if raised.is_some_and(|at| now < at + input.interval()) {
            return Trigger::Again;
        }
        *raised = Some(now);
        Trigger::Alarm
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::settings::EventInterval;

    const NOON: &str = "2026-11-27T12:00:00";

    fn input(interval: i64) -> AlarmInput {
        AlarmInput {
            enabled: true,
            interval_seconds: EventInterval::clamped(interval),
            ..AlarmInput::default()
        }
    }

    /// ALARM-1, ALARM-7: off and outside of the schedule a trigger is an event, and begins no interval.
    #[test]
    fn only_an_enabled_input_within_its_schedule_raises_alarms() {
        let mut engine = AlarmEngine::new(2);
        let noon: NaiveDateTime = NOON.parse().unwrap();
        let on = input(100);
        let off = AlarmInput {
            enabled: false,
            ..on.clone()
        };
        let all_day = WeekSchedule::default();
        let never_on_fridays = WeekSchedule {
            friday: Vec::new().try_into().unwrap(),
            ..WeekSchedule::default()
        };
        let at = Duration::from_secs;
        let mut trigger = |index, input, week, now| engine.trigger(index, input, week, noon, now);
        assert_eq!(trigger(0, &off, &all_day, at(1)), Trigger::Event);
        assert_eq!(trigger(0, &on, &never_on_fridays, at(2)), Trigger::Event);
        assert_eq!(trigger(0, &on, &all_day, at(3)), Trigger::Alarm);
        assert_eq!(
            trigger(1, &on, &all_day, at(4)),
            Trigger::Alarm,
            "each its own"
        );
        assert_eq!(trigger(0, &on, &all_day, at(102)), Trigger::Again);
        assert_eq!(trigger(0, &on, &all_day, at(103)), Trigger::Alarm);
        assert_eq!(
            trigger(2, &on, &all_day, at(104)),
            Trigger::Event,
            "no such input"
        );
    }

    proptest! {
        /// ALARM-8: whatever comes, alarms of an input are an interval apart, and each trigger of an enabled input is
        /// less than an interval after an alarm: no trigger goes unseen.
        #[test]
        fn alarms_are_an_interval_apart_and_leave_no_gap(
            interval in 1i64..=100, gaps in proptest::collection::vec(0u64..120_000, 1..60)
        ) {
            let (mut engine, mut now, mut last) = (AlarmEngine::new(1), Duration::ZERO, None);
            let (input, noon) = (input(interval), NOON.parse().unwrap());
            for gap in gaps {
                now += Duration::from_millis(gap);
                match engine.trigger(0, &input, &WeekSchedule::default(), noon, now) {
                    Trigger::Event => prop_assert!(false, "an enabled input"),
                    Trigger::Again => prop_assert!(now - last.unwrap() < input.interval()),
                    Trigger::Alarm => {
                        prop_assert!(last.is_none_or(|l| now - l >= input.interval()));
                        last = Some(now);
                    }
                }
            }
        }
    }
}
