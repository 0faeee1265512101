//! Results for people, programs and build servers.

use std::{fmt::Write, time::Duration};

use serde::Serialize;

use crate::{device::Exchange, xml::escape};

/// How a case ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything it demands was there.
    Pass,
    /// Something was not.
    Fail,
    /// The device has not what it needs.
    NotApplicable,
    /// The runner could not or was not allowed to try.
    NotRun,
}

impl Verdict {
    /// For the table.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Fail => "FAIL",
            Verdict::NotApplicable => "n/a",
            Verdict::NotRun => "not run",
        }
    }
}

/// The end of one case.
#[derive(Clone, Debug, Serialize)]
pub struct Result {
    /// Identifier.
    pub id: String,
    /// What it is about.
    pub title: String,
    /// Letters of its profiles.
    pub profiles: String,
    /// How it ended.
    pub verdict: Verdict,
    /// Why, unless it passed.
    pub reason: String,
    /// Seconds it took.
    pub seconds: f64,
    /// Requests and answers of a case that failed; the last ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exchanges: Vec<Exchange>,
}

/// Everything that a run found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Address of the device service.
    pub device: String,
    /// Manufacturer, model, firmware.
    pub identity: String,
    /// When it began, UTC.
    pub started: String,
    /// The cases, in order.
    pub results: Vec<Result>,
}

impl Report {
    /// How many cases ended so.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.results.iter().filter(|r| r.verdict == verdict).count()
    }

    /// One line of sums.
    #[must_use]
    pub fn summary(&self) -> String {
        format!(
            "{} cases: {} passed, {} failed, {} not applicable, {} not run",
            self.results.len(),
            self.count(Verdict::Pass),
            self.count(Verdict::Fail),
            self.count(Verdict::NotApplicable),
            self.count(Verdict::NotRun),
        )
    }

    /// The failures with their last exchange.
    #[must_use]
    pub fn failures(&self) -> String {
        let mut out = String::new();
        for result in self.results.iter().filter(|r| r.verdict == Verdict::Fail) {
            let _ = writeln!(out, "\n{} {}\n  {}", result.id, result.title, result.reason);
            if let Some(last) = result.exchanges.last() {
                let _ = writeln!(
                    out,
                    "  last: {} {}\n  sent:     {}\n  answered: {} {}",
                    last.what,
                    last.url,
                    short(&last.request),
                    last.status,
                    short(&last.answer)
                );
            }
        }
        out
    }

    /// JUnit, as build servers read it.
    #[must_use]
    pub fn junit(&self) -> String {
        let total: f64 = self.results.iter().map(|r| r.seconds).sum();
        let mut out = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"ONVIF conformance of {}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\" time=\"{total:.3}\">\n",
            clean(&self.device),
            self.results.len(),
            self.count(Verdict::Fail),
            self.count(Verdict::NotApplicable) + self.count(Verdict::NotRun),
        );
        for r in &self.results {
            let class = r.id.split('-').next().unwrap_or_default();
            let _ = write!(
                out,
                "<testcase classname=\"onvif.{}\" name=\"{} {}\" time=\"{:.3}\"",
                clean(class),
                clean(&r.id),
                clean(&r.title),
                r.seconds
            );
            let _ = match r.verdict {
                Verdict::Pass => writeln!(out, "/>"),
                Verdict::Fail => {
                    let log: String = r
                        .exchanges
                        .iter()
                        .map(|e| {
                            format!(
                                "{} {}\n{}\n-> {}\n{}\n\n",
                                e.what, e.url, e.request, e.status, e.answer
                            )
                        })
                        .collect();
                    writeln!(
                        out,
                        "><failure message=\"{}\">{}</failure></testcase>",
                        clean(&r.reason),
                        clean(&log)
                    )
                }
                Verdict::NotApplicable | Verdict::NotRun => writeln!(
                    out,
                    "><skipped message=\"{}: {}\"/></testcase>",
                    r.verdict.word(),
                    clean(&r.reason)
                ),
            };
        }
        out += "</testsuite>\n</testsuites>\n";
        out
    }
}

/// One line of the running table.
#[must_use]
pub fn line(result: &Result) -> String {
    let reason = if result.reason.is_empty() {
        String::new()
    } else {
        format!("\n{:26}{}", "", short(&result.reason))
    };
    format!(
        "{:7} {:>5.1} s  {:24} {}{reason}",
        result.verdict.word(),
        result.seconds,
        result.id,
        result.title
    )
}

/// Seconds with fractions.
#[must_use]
pub fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}

fn short(text: &str) -> String {
    let text = text.replace('\n', " ");
    if text.chars().count() > 600 {
        text.chars().take(600).collect::<String>() + " …"
    } else {
        text
    }
}

/// Text for XML, without characters that XML 1.0 does not have.
fn clean(text: &str) -> String {
    let text: String = text
        .chars()
        .filter(|c| matches!(c, '\t' | '\n' | '\r') || *c >= ' ')
        .filter(|c| !matches!(c, '\u{fffe}' | '\u{ffff}'))
        .collect();
    escape(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn junit_is_well_formed_whatever_a_device_answers() {
        let result = |verdict| Result {
            id: "DEVICE-1".into(),
            title: "a < b & \"c\"".into(),
            profiles: "S".into(),
            verdict,
            reason: "\u{1}<x>".into(),
            seconds: 0.5,
            exchanges: vec![Exchange {
                what: "w".into(),
                url: "u".into(),
                request: "<r/>".into(),
                status: 500,
                answer: "]]>\u{0}".into(),
            }],
        };
        let report = Report {
            results: vec![
                result(Verdict::Pass),
                result(Verdict::Fail),
                result(Verdict::NotApplicable),
                result(Verdict::NotRun),
            ],
            ..Report::default()
        };
        let suite = crate::xml::parse(&report.junit()).unwrap();
        let suite = suite.find("testsuite").unwrap();
        assert_eq!(suite.attr("tests"), Some("4"));
        assert_eq!(suite.attr("failures"), Some("1"));
        assert_eq!(suite.attr("skipped"), Some("2"));
        assert_eq!(suite.all("testcase/failure").len(), 1);
    }
}
