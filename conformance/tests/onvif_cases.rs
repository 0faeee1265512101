//! The conformance runner against our own device: every case that applies passes.

use std::{collections::BTreeSet, time::Duration};

use conformance::{
    Camera, Options as Start, PASSWORD,
    auth::Credentials,
    device::{Options, Target},
    report::{self, Verdict},
    root,
    runner::{self, Selection},
};

/// Cases that our device does not pass yet, and why. They must fail: who repairs one deletes its line.
const KNOWN: &[(&str, &str)] = &[];

/// Cases that could be left out unseen for want of something that our device has: they must pass.
const RUN: &[&str] = &[
    "ADVANCED_SECURITY-3-3-1",
    "ADVANCED_SECURITY-3-3-2",
    "DEVICE-2-1-30",
];

/// Cases of ONVIF's own; those of the runner come on top.
const AT_LEAST: usize = 300;

fn target(camera: &Camera) -> Target {
    Target {
        device_service: camera.url("/onvif/device_service").parse().unwrap(),
        administrator: Credentials::new("admin", PASSWORD),
    }
}

#[test]
fn identifiers_are_unique_and_there_are_enough_of_them() {
    let cases = Selection::default().cases();
    let ids: BTreeSet<&str> = cases.iter().map(|c| c.id.as_str()).collect();
    assert_eq!(ids.len(), cases.len(), "an identifier is used twice");
    let named = ids.iter().filter(|i| !i.starts_with("X-")).count();
    println!("{} cases, {named} of ONVIF's own", cases.len());
    assert!(named >= AT_LEAST, "{named} cases of ONVIF's own");
}

/// Cases by which `docs/reference/profiles.md` proves what the device has of Profiles S, T and M.
fn proofs() -> BTreeSet<String> {
    let page = std::fs::read_to_string(root().join("docs/reference/profiles.md")).unwrap();
    let named = page.split('`').filter_map(|t| t.strip_prefix("case "));
    // The page's own explanation is no case.
    named.filter(|id| *id != "…").map(str::to_owned).collect()
}

/// At least 200 cases of ONVIF's own belong to S, T or M, and the page of the profiles names existing ones.
#[test]
fn the_profiles_have_their_cases() {
    let cases = Selection::default().cases();
    let of = |letters: &str| {
        let own = |c: &&conformance::case::Case| {
            !c.id.starts_with("X-") && c.profiles.contains(|p| letters.contains(p))
        };
        cases.iter().filter(own).count()
    };
    let (all, each) = (of("STM"), ["S", "T", "M"].map(of));
    println!("{all} cases of ONVIF's own for S, T and M: {each:?}");
    assert!(
        all >= 200 && each.iter().all(|n| *n >= 60),
        "{all}, {each:?}"
    );
    let ids: BTreeSet<&str> = cases.iter().map(|c| c.id.as_str()).collect();
    let unknown: Vec<String> = proofs()
        .into_iter()
        .filter(|id| !ids.contains(id.as_str()))
        .collect();
    assert!(unknown.is_empty(), "profiles.md names {unknown:?}");
}

#[test]
fn our_device_passes_every_case_that_applies() {
    let camera = Camera::start(&Start {
        args: vec!["--host".into(), "simulated".into()],
        ..Start::default()
    })
    .unwrap();
    let options = Options {
        network: true,
        operation_delay: Duration::from_secs(15),
        ..Options::default()
    };
    let contracts = root().join(".cache/wsdl/onvif/wsdl");
    let report = runner::run(
        target(&camera),
        options,
        &contracts,
        &Selection::default(),
        |result| println!("{}", report::line(result)),
    )
    .unwrap();
    println!("{}\n{}", report.failures(), report.summary());
    let passed = |id: &str| {
        let mut results = report.results.iter();
        results.any(|r| r.id == id && r.verdict == Verdict::Pass)
    };
    let unproven: Vec<String> = proofs().into_iter().filter(|id| !passed(id)).collect();
    let left_out: Vec<&&str> = RUN.iter().filter(|id| !passed(id)).collect();
    let failed: BTreeSet<&str> = report
        .results
        .iter()
        .filter(|r| r.verdict == Verdict::Fail)
        .map(|r| r.id.as_str())
        .collect();
    let known: BTreeSet<&str> = KNOWN.iter().map(|(id, _)| *id).collect();
    let new: Vec<&&str> = failed.difference(&known).collect();
    let repaired: Vec<&&str> = known.difference(&failed).collect();
    assert!(new.is_empty(), "these fail: {new:?}");
    assert!(
        repaired.is_empty(),
        "no longer fail, delete them from KNOWN: {repaired:?}"
    );
    assert!(left_out.is_empty(), "these must pass: {left_out:?}");
    assert!(
        unproven.is_empty(),
        "profiles.md says that these pass: {unproven:?}"
    );
}

/// A runner that finds nothing wrong anywhere would pass the test above as well.
#[test]
fn a_wrong_password_is_told_and_not_called_conformance() {
    let camera = Camera::demo().unwrap();
    let mut target = target(&camera);
    target.administrator.password = "Wrong-2026-gate".into();
    let contracts = root().join(".cache/wsdl/onvif/wsdl");
    let end = runner::run(
        target,
        Options::default(),
        &contracts,
        &Selection::default(),
        |_| {},
    );
    assert!(end.is_err());
}
