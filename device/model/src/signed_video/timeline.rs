//! Which seconds of a video are what.

use std::{fmt, time::Duration};

/// What stretches of a video are, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// As it was signed.
    Genuine,
    /// Without a signature.
    Unsigned,
    /// As somebody else signed it.
    Foreign,
    /// Was signed, and is not there.
    Missing,
    /// Not as it was signed.
    Changed,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Genuine => "genuine",
            Self::Unsigned => "unsigned",
            Self::Foreign => "foreign",
            Self::Missing => "missing",
            Self::Changed => "changed",
        })
    }
}

/// A stretch of one verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its first picture.
    pub from: Duration,
    /// End of its last picture.
    pub to: Duration,
    /// What it is.
    pub verdict: Verdict,
    /// Why.
    pub reason: &'static str,
}

/// Spans that grow picture by picture.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    spans: Vec<Span>,
    /// The picture that is being judged; of several slices the worst counts.
    picture: Option<(Duration, Verdict, &'static str)>,
    /// Shortest time from one picture to the next.
    step: Option<Duration>,
}

impl Timeline {
    /// A slice of the picture at `at` is this.
    pub(super) fn slice(&mut self, at: Duration, verdict: Verdict, reason: &'static str) {
        match &mut self.picture {
            Some((same, worst, why)) if *same == at => {
                if verdict > *worst {
                    (*worst, *why) = (verdict, reason);
                }
            }
            _ => {
                self.flush(Some(at));
                self.picture = Some((at, verdict, reason));
            }
        }
    }

    /// Pictures are missing before `at`.
    pub(super) fn missing(&mut self, at: Duration, reason: &'static str) {
        self.flush(Some(at));
        let from = self.spans.last().map_or(Duration::ZERO, |s| s.to.min(at));
        match self.spans.last_mut() {
            Some(last) if last.verdict == Verdict::Missing => last.to = at,
            _ => self.spans.push(Span {
                from,
                to: at,
                verdict: Verdict::Missing,
                reason,
            }),
        }
    }

    fn flush(&mut self, next: Option<Duration>) {
        let Some((at, verdict, reason)) = self.picture.take() else {
            return;
        };
        if let Some(step) = next
            .and_then(|n| n.checked_sub(at))
            .filter(|s| !s.is_zero())
        {
            self.step = Some(self.step.map_or(step, |s| s.min(step)));
        }
        let end = at + self.step.unwrap_or_default();
        let to = next.map_or(end, |next| end.min(next.max(at)));
        match self.spans.last_mut() {
            Some(last) if (last.verdict, last.reason) == (verdict, reason) => last.to = to,
            _ => self.spans.push(Span {
                from: at,
                to,
                verdict,
                reason,
            }),
        }
    }

    pub(super) fn finish(mut self) -> Vec<Span> {
        self.flush(None);
        self.spans
    }
}
