use std::time::Duration;

use lpr_core::UtcTime;

use crate::ports::NtpStatus;

/// How long a daemon may take to find a server before that counts as a failure.
const NTP_GRACE: Duration = Duration::from_secs(60);

/// What is new about NTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NtpNews {
    /// A measurement was accepted.
    Synchronised {
        /// When.
        at: UtcTime,
        /// From whom.
        source: String,
        /// The first one since it was switched on or failed: worth a log entry.
        first: bool,
    },
    /// It does not work; told once until it works again (SYS-17).
    Failed {
        /// Why.
        why: String,
    },
}

/// Tells from what the daemon says what the log and the bus should hear. Pure.
#[derive(Clone, Debug)]
pub struct NtpWatch {
    grace: Duration,
    /// Not synchronised since then.
    without: Option<Duration>,
    failed: bool,
    /// Synchronised, and told so.
    good: bool,
    last_sync: Option<UtcTime>,
}

impl Default for NtpWatch {
    fn default() -> Self {
        Self::new(NTP_GRACE)
    }
}

impl NtpWatch {
    /// With another time until a failure is told.
    pub const fn new(grace: Duration) -> Self {
        Self {
            grace,
            without: None,
            failed: false,
            good: false,
            last_sync: None,
        }
    }

    /// Looks at `status` at the monotonic time `now`.
    pub fn look(&mut self, enabled: bool, status: &NtpStatus, now: Duration) -> Option<NtpNews> {
        if !enabled {
            *self = Self::new(self.grace);
            return None;
        }
        if !status.synchronised {
            self.good = false;
            let since = *self.without.get_or_insert(now);
            if self.failed || now.saturating_sub(since) < self.grace {
                return None;
            }
            self.failed = true;
            let why = status.error.clone();
            return Some(NtpNews::Failed {
                why: why.unwrap_or_else(|| "no server is trusted yet".into()),
            });
        }
        (self.without, self.failed) = (None, false);
        let first = !std::mem::replace(&mut self.good, true);
        let at = status.last_sync?;
        if self.last_sync.replace(at) == Some(at) && !first {
            return None;
        }
        let source = status.source.clone().unwrap_or_default();
        Some(NtpNews::Synchronised { at, source, first })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(ms: i64) -> NtpStatus {
        NtpStatus {
            running: true,
            synchronised: true,
            source: Some("192.0.2.2".into()),
            last_sync: Some(UtcTime::from_millis(ms)),
            ..NtpStatus::default()
        }
    }

    fn bad() -> NtpStatus {
        NtpStatus {
            error: Some("no answer from a".into()),
            ..NtpStatus::default()
        }
    }

    /// SYS-17: a failure is told once after a grace, its end once, every synchronisation as an event.
    #[test]
    fn failures_are_told_once() {
        let mut w = NtpWatch::default();
        let s = Duration::from_secs;
        let sync = |ms, first| {
            Some(NtpNews::Synchronised {
                at: UtcTime::from_millis(ms),
                source: "192.0.2.2".into(),
                first,
            })
        };
        assert_eq!(w.look(true, &bad(), s(0)), None);
        assert_eq!(w.look(true, &bad(), s(59)), None);
        let failed = NtpNews::Failed {
            why: "no answer from a".into(),
        };
        assert_eq!(w.look(true, &bad(), s(60)), Some(failed.clone()));
        assert_eq!(w.look(true, &bad(), s(600)), None, "once");
        assert_eq!(w.look(true, &good(1), s(610)), sync(1, true));
        assert_eq!(w.look(true, &good(1), s(620)), None);
        assert_eq!(w.look(true, &good(2), s(630)), sync(2, false));
        assert_eq!(w.look(true, &bad(), s(640)), None);
        assert_eq!(
            w.look(true, &good(2), s(650)),
            sync(2, true),
            "it may come back within the grace"
        );
        assert_eq!(w.look(true, &bad(), s(700)), None);
        assert_eq!(w.look(true, &bad(), s(760)), Some(failed));
        assert_eq!(w.look(false, &bad(), s(770)), None);
        assert_eq!(
            w.look(true, &bad(), s(780)),
            None,
            "switching it on starts anew"
        );
    }
}
