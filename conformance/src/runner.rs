//! Runs cases one after another against one device.

use std::{panic::AssertUnwindSafe, path::Path, rc::Rc, time::Instant};

use anyhow::{Result, bail};

use crate::{
    case::{Case, Profile, Stop},
    cases,
    device::{Device, Options, Target},
    features::{Features, told},
    report::{self, Report, Verdict},
    schema,
};

/// Exchanges of a failed case that the report keeps.
const KEPT: usize = 6;

/// Which cases run.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Only cases of these profiles; all when empty.
    pub profiles: Vec<Profile>,
    /// Only cases whose identifier contains one of these; all when empty.
    pub filters: Vec<String>,
}

impl Selection {
    /// The cases.
    #[must_use]
    pub fn cases(&self) -> Vec<Case> {
        cases::all()
            .into_iter()
            .filter(|c| c.belongs(&self.profiles))
            .filter(|c| {
                self.filters.is_empty() || self.filters.iter().any(|f| c.id.contains(f.as_str()))
            })
            .collect()
    }
}

/// Runs the selected cases; `told_each` hears each result.
///
/// # Errors
/// When the contracts cannot be read, or the device does not answer at all.
pub fn run(
    target: Target,
    options: Options,
    contracts: &Path,
    selection: &Selection,
    mut told_each: impl FnMut(&report::Result),
) -> Result<Report> {
    let schemas = Rc::new(schema::load(contracts)?);
    let device = Device::new(target, options, schemas)?;
    device.begin(std::time::Duration::from_secs(120));
    // First contact is without credentials; what announces no Digest is spoken to by UsernameToken.
    let features = match Features::detect(&device) {
        Ok(features) => features,
        Err(stop) => bail!("{}: {}", device.target().device_service, told(&stop)),
    };
    let digest = features.flag("tds", "Security@HttpDigest");
    if !digest && features.flag("tds", "Security@UsernameToken") {
        device.use_token(true);
    }
    let identity = match device.call("tds:GetDeviceInformation", "") {
        Ok(a) => ["Manufacturer", "Model", "FirmwareVersion"]
            .map(|n| a.text_of(n).unwrap_or_default().to_owned())
            .join(" "),
        Err(stop) => bail!("the administrator is not let in: {}", told(&stop)),
    };
    let mut report = Report {
        device: device.target().device_service.to_string(),
        identity,
        started: chrono::Utc::now().to_rfc3339(),
        results: Vec::new(),
    };
    let before = cases::state::snapshot(&device);
    let selected = selection.cases();
    for case in &selected {
        let result = one(&device, case);
        told_each(&result);
        report.results.push(result);
    }
    device.begin(std::time::Duration::from_secs(60));
    let dismissed = cases::access::dismiss(&device);
    let mut last = finish(&device, &before, selection);
    if let (Err(stop), Some(state)) = (dismissed, last.last_mut()) {
        state.verdict = Verdict::Fail;
        state.reason = told(&stop);
    }
    for result in last {
        told_each(&result);
        report.results.push(result);
    }
    Ok(report)
}

fn one(device: &Device, case: &Case) -> report::Result {
    let started = Instant::now();
    device.begin(case.limit);
    let lacking = {
        let features = device.features();
        case.needs.iter().find_map(|n| features.lacks(*n, device))
    };
    let outcome = match lacking {
        Some(stop) => Err(stop),
        // A mistake of a case ends that case alone.
        None => std::panic::catch_unwind(AssertUnwindSafe(|| case.run(device)))
            .unwrap_or_else(|_| Err(Stop::Fail("the runner itself panicked".into()))),
    };
    let (verdict, reason) = match outcome {
        Ok(()) => (Verdict::Pass, String::new()),
        Err(Stop::Fail(why)) => (Verdict::Fail, why),
        Err(Stop::NotApplicable(why)) => (Verdict::NotApplicable, why),
        Err(Stop::NotRun(why)) => (Verdict::NotRun, why),
    };
    let exchanges = if verdict == Verdict::Fail {
        let mut all = device.exchanges();
        all.split_off(all.len().saturating_sub(KEPT))
    } else {
        Vec::new()
    };
    report::Result {
        id: case.id.clone(),
        title: case.title.clone(),
        profiles: case.profiles.to_owned(),
        verdict,
        reason,
        seconds: report::seconds(started.elapsed()),
        exchanges,
    }
}

/// Cases that judge the whole run: schemas, and whether the device is as it was.
fn finish(
    device: &Device,
    before: &cases::state::Snapshot,
    selection: &Selection,
) -> Vec<report::Result> {
    let mut results = Vec::new();
    let mut add = |id: String, title: &str, verdict, reason| {
        results.push(report::Result {
            id,
            title: title.into(),
            profiles: "STMG".into(),
            verdict,
            reason,
            seconds: 0.0,
            exchanges: Vec::new(),
        });
    };
    for (prefix, judged) in device.judged() {
        let (verdict, reason) = if judged.violations.is_empty() {
            (Verdict::Pass, String::new())
        } else {
            let all: Vec<String> = judged
                .violations
                .iter()
                .map(|(operation, what)| format!("{operation}: {what}"))
                .collect();
            (Verdict::Fail, all.join("; "))
        };
        add(
            format!("X-SCHEMA-{prefix}"),
            &format!("every answer obeys the schemas ({} judged)", judged.answers),
            verdict,
            reason,
        );
    }
    if selection.filters.is_empty() {
        device.begin(std::time::Duration::from_secs(60));
        let changed = before.differences(&cases::state::snapshot(device));
        let verdict = if changed.is_empty() {
            Verdict::Pass
        } else {
            Verdict::Fail
        };
        add(
            "X-STATE".into(),
            "the device is as it was before the run",
            verdict,
            changed.join("; "),
        );
    }
    results
}
