//! Upgrade packages and slots (SYS-26..28, HW-7): what is refused and why, and what a power cut leaves behind.

use std::{
    env, fs,
    io::{BufRead, BufReader, Cursor, Write},
    path::Path,
    process::{Command, Stdio},
};

use platecam_host::upgrade::{
    FileEntry, HostUpgrades, Manifest, Offer, PRODUCT, PROGRAM, Refused, SigningKey, Slots,
    TrustedKeys, Verifier, VersionList, Wanted, write_package,
};
use platecam_model::{
    Error, UtcTime,
    ports::{Expectation, FirmwareVersion, Outcome, UpgradePhase, Upgrades},
};
use proptest::prelude::*;

const EXPECT: Expectation = Expectation { recognition: true };

fn version(text: &str) -> FirmwareVersion {
    text.parse().unwrap()
}

fn key() -> (tempfile::TempDir, SigningKey) {
    let dir = tempfile::tempdir().unwrap();
    let key = SigningKey::generate(&dir.path().join("k")).unwrap();
    (dir, key)
}

fn wanted(current: &str) -> Wanted {
    Wanted {
        model: "Platecam".into(),
        arch: "x86_64".into(),
        current: version(current),
    }
}

fn entry(path: &str, content: &[u8], executable: bool) -> FileEntry {
    let digest = ring::digest::digest(&ring::digest::SHA256, content);
    FileEntry {
        path: path.into(),
        size: content.len() as u64,
        sha256: hex::encode(digest.as_ref()),
        executable,
    }
}

/// A package whose program says its version; `filler` makes it larger.
struct Built {
    manifest: Manifest,
    content: Vec<(String, Vec<u8>)>,
}

impl Built {
    fn new(v: &str, filler: usize) -> Self {
        let content = vec![
            (PROGRAM.to_owned(), format!("program {v}").into_bytes()),
            ("share/empty".to_owned(), Vec::new()),
            (
                "share/data.bin".to_owned(),
                (0..filler).map(|n| n as u8).collect(),
            ),
        ];
        let files = content
            .iter()
            .map(|(p, c)| entry(p, c, p == PROGRAM))
            .collect();
        let manifest = Manifest {
            product: PRODUCT.into(),
            model: "Platecam".into(),
            arch: "x86_64".into(),
            version: version(v),
            min_version: version("0.1.0"),
            built_at: UtcTime::from_millis(1_795_000_000_000),
            notes: "more plates".into(),
            files,
        };
        Self { manifest, content }
    }

    fn bytes(&self, key: &SigningKey) -> Vec<u8> {
        let mut out = Vec::new();
        write_package(&self.manifest, key, &mut out, |f| {
            let found = self.content.iter().find(|(p, _)| *p == f.path).unwrap();
            Ok(Cursor::new(found.1.clone()))
        })
        .unwrap();
        out
    }
}

fn trusted(key: &SigningKey) -> TrustedKeys {
    TrustedKeys::parse(&format!("# release\n{}\n", key.public())).unwrap()
}

fn verify(
    bytes: &[u8],
    keys: &TrustedKeys,
    current: &str,
    piece: usize,
) -> Result<Manifest, Refused> {
    let mut verifier = Verifier::new(keys.clone(), Some(wanted(current)), ());
    for piece in bytes.chunks(piece) {
        verifier.push(piece)?;
    }
    verifier.finish().map(|(m, ())| m)
}

#[test]
fn a_genuine_package_is_taken_in_pieces_of_any_size() {
    let (_dir, key) = key();
    let built = Built::new("0.2.0", 5000);
    let bytes = built.bytes(&key);
    for piece in [1, 7, 4096, bytes.len()] {
        let manifest = verify(&bytes, &trusted(&key), "0.1.0", piece).unwrap();
        assert_eq!(manifest, built.manifest);
    }
}

/// SYS-26: each refusal names its reason.
#[test]
fn what_is_not_wanted_is_refused_with_its_reason() {
    let (_dir, key) = key();
    let (_other_dir, other) = self::key();
    let keys = trusted(&key);
    let good = Built::new("0.2.0", 100);
    let bytes = good.bytes(&key);
    let with = |change: &dyn Fn(&mut Manifest)| {
        let mut built = Built::new("0.2.0", 100);
        change(&mut built.manifest);
        built.bytes(&key)
    };
    let cut = |n: usize| bytes[..bytes.len() - n].to_vec();
    let flipped = |at: usize| {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        bytes
    };
    for (package, says) in [
        (Vec::new(), "truncated"),
        (
            b"PK\x03\x04 something else entirely".to_vec(),
            "not a Platecam package",
        ),
        (b"PLATECAM-PKG-1\n\n".to_vec(), "not a Platecam package"),
        (cut(1), "truncated"),
        (cut(bytes.len() - 30), "truncated"),
        ([bytes.clone(), vec![0]].concat(), "after the last file"),
        (flipped(40), "signature"),
        (flipped(bytes.len() - 1), "hash of share/data.bin"),
        (good.bytes(&other), "unknown key"),
        (with(&|m| m.product = "toaster".into()), "product 'toaster'"),
        (
            with(&|m| m.model = "Platecam Mini".into()),
            "for model 'Platecam Mini'",
        ),
        (
            with(&|m| m.arch = "aarch64".into()),
            "for architecture 'aarch64'",
        ),
        (with(&|m| m.version = version("0.0.9")), "older"),
        (with(&|m| m.version = version("0.1.0")), "runs already"),
        (
            with(&|m| m.min_version = version("0.1.5")),
            "needs at least version 0.1.5",
        ),
    ] {
        let refused = verify(&package, &keys, "0.1.0", 512)
            .unwrap_err()
            .to_string();
        assert!(refused.contains(says), "{refused}, not {says}");
    }
}

#[test]
fn a_signed_manifest_cannot_leave_its_slot_either() {
    for change in [
        (|m: &mut Manifest| m.files[2].path = "../../etc/passwd".into()) as fn(&mut Manifest),
        |m| m.files[2].path = PROGRAM.into(),
        |m| m.files[2].path = "bin/platecam/x".into(),
        |m| m.files[2].size = u64::MAX,
        |m| m.files[2].sha256 = "xyz".into(),
        |m| m.files[0].executable = false,
        |m| m.files.clear(),
    ] {
        let mut built = Built::new("0.2.0", 10);
        change(&mut built.manifest);
        assert!(matches!(
            built.manifest.check_files(),
            Err(Refused::Malformed(_))
        ));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// SEC-17: whatever is changed in whichever place, nothing panics and nothing is accepted.
    #[test]
    fn a_changed_package_is_never_accepted(at in any::<prop::sample::Index>(), to in any::<u8>(), piece in 1usize..600) {
        let (_dir, key) = key();
        let mut bytes = Built::new("0.2.0", 300).bytes(&key);
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        prop_assert!(verify(&bytes, &trusted(&key), "0.1.0", piece).is_err());
    }

    /// Random bytes behind a right beginning: bounded, never a panic.
    #[test]
    fn noise_is_refused(noise in prop::collection::vec(any::<u8>(), 0..600), magic in any::<bool>()) {
        let (_dir, key) = key();
        let bytes = if magic { [&b"PLATECAM-PKG-1\r\n"[..], &noise].concat() } else { noise };
        prop_assert!(verify(&bytes, &trusted(&key), "0.1.0", 64).is_err());
    }
}

fn upgrades(dir: &Path, key: &SigningKey, running: &str, current: &str) -> HostUpgrades {
    let slots = Slots::open(dir).unwrap();
    HostUpgrades::new(
        wanted(current),
        trusted(key),
        Some((slots, running.into())),
        version("0.1.0"),
        None,
    )
}

fn install(upgrades: &HostUpgrades, bytes: &[u8]) -> Result<FirmwareVersion, Error> {
    let mut upload = upgrades.begin(bytes.len() as u64, EXPECT)?;
    for piece in bytes.chunks(1000) {
        upload.write(piece)?;
    }
    upload.finish()
}

fn choose(dir: &Path, state: &Path) -> platecam_host::upgrade::Choice {
    Slots::open(dir)
        .unwrap()
        .choose(version("0.1.0"), state, UtcTime::EPOCH)
        .unwrap()
}

fn program(choice: &platecam_host::upgrade::Choice) -> String {
    fs::read_to_string(choice.program.as_ref().unwrap()).unwrap()
}

#[test]
fn a_version_that_proves_itself_stays() {
    let (tmp, key) = key();
    let (dir, state) = (tmp.path().join("slots"), tmp.path().join("state"));
    fs::create_dir(&state).unwrap();
    let running = upgrades(&dir, &key, "base", "0.1.0");
    assert_eq!(choose(&dir, &state).slot, "base");
    assert_eq!(
        install(&running, &Built::new("0.2.0", 5000).bytes(&key)).unwrap(),
        version("0.2.0")
    );
    assert_eq!(running.status().phase, UpgradePhase::Installed);
    let choice = choose(&dir, &state);
    assert!(choice.trial && choice.slot == "a" && program(&choice) == "program 0.2.0");
    let new = upgrades(&dir, &key, "a", "0.2.0");
    assert!(new.expects_recognition());
    assert!(
        matches!(new.begin(10, EXPECT), Err(Error::Conflict(_))),
        "not while on trial"
    );
    new.confirm(UtcTime::EPOCH).unwrap();
    assert_eq!(new.untold().unwrap().outcome, Outcome::Confirmed);
    assert!(new.untold().is_none(), "told once");
    let choice = choose(&dir, &state);
    assert!(!choice.trial && choice.slot == "a");
    // The next one goes to the other slot, and fails: the way leads back to a.
    install(&new, &Built::new("0.3.0", 10).bytes(&key)).unwrap();
    let choice = choose(&dir, &state);
    assert!(choice.trial && choice.slot == "b");
    upgrades(&dir, &key, "b", "0.3.0")
        .give_up("no picture")
        .unwrap();
    let choice = choose(&dir, &state);
    assert!(!choice.trial && choice.slot == "a");
    let last = upgrades(&dir, &key, "a", "0.2.0").untold().unwrap();
    assert_eq!(
        (last.outcome, last.reason.as_str()),
        (Outcome::Returned, "no picture")
    );
    // The package manager brings a newer base: it counts.
    let newer = Slots::open(&dir)
        .unwrap()
        .choose(version("0.4.0"), &state, UtcTime::EPOCH)
        .unwrap();
    assert_eq!(newer.slot, "base");
}

#[test]
fn a_version_that_crashes_at_every_start_is_left_after_three_and_finds_the_state_as_it_was() {
    let (tmp, key) = key();
    let (dir, state) = (tmp.path().join("slots"), tmp.path().join("state"));
    fs::create_dir(&state).unwrap();
    fs::write(state.join("platecam.db"), b"old form").unwrap();
    fs::write(state.join("platecam.db-wal"), b"old wal").unwrap();
    install(
        &upgrades(&dir, &key, "base", "0.1.0"),
        &Built::new("0.2.0", 10).bytes(&key),
    )
    .unwrap();
    for start in 0..3 {
        assert!(choose(&dir, &state).trial, "start {start}");
        // It lifts the database and dies.
        fs::write(state.join("platecam.db"), b"new form").unwrap();
        fs::write(state.join("platecam.db-shm"), b"new").unwrap();
        let _ = fs::remove_file(state.join("platecam.db-wal"));
    }
    let choice = choose(&dir, &state);
    assert_eq!((choice.slot.as_str(), choice.trial), ("base", false));
    assert_eq!(fs::read(state.join("platecam.db")).unwrap(), b"old form");
    assert_eq!(fs::read(state.join("platecam.db-wal")).unwrap(), b"old wal");
    assert!(!state.join("platecam.db-shm").exists());
    let last = upgrades(&dir, &key, "base", "0.1.0").untold().unwrap();
    assert!(last.reason.contains("3 starts"), "{}", last.reason);
}

/// Nothing is changed by what is refused or given up, and the next one may come.
#[test]
fn refused_and_abandoned_uploads_leave_no_trace() {
    let (tmp, key) = key();
    let dir = tmp.path().join("slots");
    let u = upgrades(&dir, &key, "base", "0.1.0");
    let good = Built::new("0.2.0", 5000).bytes(&key);
    let mut bad = good.clone();
    *bad.last_mut().unwrap() ^= 1;
    let e = install(&u, &bad).unwrap_err();
    assert!(
        matches!(&e, Error::Invalid(v) if v.0[0].pointer == "/package"),
        "{e}"
    );
    assert!(u.status().error.unwrap().contains("hash of share/data.bin"));
    let mut half = u.begin(good.len() as u64, EXPECT).unwrap();
    half.write(&good[..good.len() / 2]).unwrap();
    assert!(
        matches!(u.begin(10, EXPECT), Err(Error::Conflict(_))),
        "one at a time"
    );
    drop(half);
    let names: Vec<_> = fs::read_dir(&dir)
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert!(names.is_empty(), "{names:?}");
    assert_eq!(u.status().phase, UpgradePhase::Idle);
    install(&u, &good).unwrap();
}

#[test]
fn without_launcher_or_keys_the_reason_is_told() {
    let (tmp, key) = key();
    let none = HostUpgrades::new(wanted("0.1.0"), trusted(&key), None, version("0.1.0"), None);
    assert!(
        matches!(none.begin(10, EXPECT), Err(Error::Unsupported(why)) if why.contains("launch"))
    );
    let slots = Some((
        Slots::open(&tmp.path().join("s")).unwrap(),
        "base".to_owned(),
    ));
    let nobody = HostUpgrades::new(
        wanted("0.1.0"),
        TrustedKeys::default(),
        slots,
        version("0.1.0"),
        None,
    );
    assert!(
        matches!(nobody.begin(10, EXPECT), Err(Error::Unsupported(why)) if why.contains("key"))
    );
    assert!(!nobody.status().supported);
}

#[test]
fn trust_files_are_read_strictly() {
    let (_dir, key) = key();
    let text = format!("# a\n\n{} # release 2026\n", key.public());
    assert_eq!(
        TrustedKeys::parse(&text).unwrap().ids(),
        [hex::encode(key.id())]
    );
    assert!(TrustedKeys::parse("12ab").unwrap_err().contains("line 1"));
    let tmp = tempfile::tempdir().unwrap();
    let file = tmp.path().join("keys");
    fs::write(&file, "nonsense").unwrap();
    assert!(
        TrustedKeys::load(&file).is_err(),
        "no silent fall-back to another key"
    );
}

const CHILD: &str = "PLATECAM_UPGRADE_TEST_DIR";

/// Installs one version after the other, for ever: each is confirmed by the next start.
#[test]
fn child_process() {
    let Ok(dir) = env::var(CHILD) else { return };
    let dir = Path::new(&dir);
    let key = SigningKey::load(&dir.join("key")).unwrap();
    let (slots, state) = (dir.join("slots"), dir.join("state"));
    println!("up");
    for _ in 0.. {
        let choice = choose(&slots, &state);
        let current = choice.program.as_ref().map_or("0.1.0".to_owned(), |_| {
            program(&choice).trim_start_matches("program ").to_owned()
        });
        let running = upgrades(&slots, &key, &choice.slot, &current);
        running.confirm(UtcTime::EPOCH).unwrap();
        let next = format!("0.1.{}", version(&current).patch + 1);
        install(&running, &Built::new(&next, 200_000).bytes(&key)).unwrap();
        println!("installed {next}");
        std::io::stdout().flush().unwrap();
    }
}

/// SYS-26, HW-7: killed at random moments, the unit always starts a whole version, at least the last acknowledged one
/// or the one before it.
#[test]
fn a_power_cut_at_any_moment_leaves_a_bootable_unit() {
    let tmp = tempfile::tempdir().unwrap();
    let dir = tmp.path();
    SigningKey::generate(&dir.join("key")).unwrap();
    fs::create_dir(dir.join("state")).unwrap();
    let mut last = 0;
    for round in 0u64..25 {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "child_process", "--nocapture"])
            .env(CHILD, dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        let mut wait_for = 1 + round % 3;
        while wait_for > 0 {
            line.clear();
            assert!(
                out.read_line(&mut line).unwrap() > 0,
                "the child ended by itself"
            );
            if let Some(v) = line.trim().strip_prefix("installed ") {
                last = version(v).patch;
                wait_for -= 1;
            }
        }
        // In the middle of the next one: a moment that differs from round to round.
        std::thread::sleep(std::time::Duration::from_micros(round * 997 % 20_000));
        child.kill().unwrap();
        child.wait().unwrap();
        let choice = choose(&dir.join("slots"), &dir.join("state"));
        let text = program(&choice);
        let now = version(text.trim_start_matches("program ")).patch;
        assert!(now >= last, "{now} starts, {last} was acknowledged");
        let root = choice
            .program
            .unwrap()
            .parent()
            .unwrap()
            .parent()
            .unwrap()
            .to_owned();
        let whole = fs::read(root.join("share/data.bin")).unwrap();
        assert_eq!(whole.len(), 200_000, "the slot is whole");
    }
}

/// SYS-28: the signed list, over HTTP from a server of this test.
#[test]
fn the_upgrade_server_is_asked_and_believed_only_with_a_signature() {
    let (_dir, key) = key();
    let (_other_dir, other) = self::key();
    let tmp = tempfile::tempdir().unwrap();
    let offer = |v: &str, model: &str, min: &str| Offer {
        model: model.into(),
        arch: "x86_64".into(),
        version: version(v),
        min_version: version(min),
        built_at: UtcTime::EPOCH,
        size: 1000,
        url: format!("platecam-{v}.pkg"),
        notes: "n".into(),
    };
    let list = VersionList {
        product: PRODUCT.into(),
        packages: vec![
            offer("0.2.0", "Platecam", "0.1.0"),
            offer("0.3.0", "Platecam", "0.1.0"),
            offer("9.0.0", "Other", "0.1.0"),
            offer("8.0.0", "Platecam", "7.0.0"),
        ],
    };
    let sealed = list.seal(&key).unwrap();
    let u = upgrades(&tmp.path().join("slots"), &key, "base", "0.1.0");
    let at = UtcTime::from_millis(7);
    let url = serve(sealed.clone());
    let found = u.check(&url, at).unwrap().unwrap();
    assert_eq!(found.version, version("0.3.0"));
    assert!(found.url.ends_with("/platecam-0.3.0.pkg"), "{}", found.url);
    assert_eq!(u.status().checked_at, Some(at));
    for (text, says) in [
        (list.seal(&other).unwrap(), "unknown key"),
        (
            sealed.replace("\"signature\": \"", "\"signature\": \"00"),
            "signature",
        ),
        ("<html>".into(), "signed list"),
        ("x".repeat(300_000), "262144"),
    ] {
        let e = u.check(&serve(text), at).unwrap_err().to_string();
        assert!(e.contains(says), "{e}");
    }
    let e = u
        .check("http://127.0.0.1:1/none", at)
        .unwrap_err()
        .to_string();
    assert!(e.contains("/url") && e.contains("refused"), "{e}");
    assert!(
        u.status().available.is_some(),
        "a failed check forgets nothing"
    );
    let newest = upgrades(&tmp.path().join("slots"), &key, "base", "0.3.0");
    assert_eq!(newest.check(&serve(sealed), at).unwrap(), None);
}

/// Answers one request with `body`.
fn serve(body: String) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/list.json", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut tcp, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(tcp.try_clone().unwrap()).lines();
        while lines.next().is_some_and(|l| l.is_ok_and(|l| !l.is_empty())) {}
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        // The client hangs up on lists that are too long.
        let _ = tcp
            .write_all(head.as_bytes())
            .and_then(|()| tcp.write_all(body.as_bytes()));
    });
    url
}
