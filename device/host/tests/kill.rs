//! What was acknowledged survives kill -9 (issue: nothing lost).

use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    sync::Arc,
};

use platecam_host::{Database, DeviceKey};
use platecam_model::{
    Actor, EventBus, SystemClock,
    settings::{Patch, Revision, SettingsStore, VideoMain, VideoSub, all_sections},
};
use serde_json::json;

const CHILD: &str = "PLATECAM_KILL_TEST_DIR";

fn open(dir: &Path) -> SettingsStore {
    let db = Arc::new(Database::open(&dir.join("db")).unwrap());
    let key = Arc::new(DeviceKey::open(&dir.join("key")).unwrap());
    SettingsStore::load(
        all_sections(),
        db,
        key,
        EventBus::default(),
        Arc::new(SystemClock::default()),
    )
    .unwrap()
}

/// Writes both streams in one step, for ever, and says so after each acknowledgement.
#[test]
fn child_process() {
    let Ok(dir) = env::var(CHILD) else { return };
    let store = open(Path::new(&dir));
    let mut out = std::io::stdout();
    for i in 0u32.. {
        let n = 100 + i % 5000;
        let patches = ["video.main", "video.sub"].map(|key| Patch {
            key: key.into(),
            value: json!({"bit_rate": n}),
            if_revision: None,
        });
        let revisions = store.apply(&patches, &Actor::system()).unwrap();
        writeln!(out, "acknowledged {} {n}", revisions[0]).unwrap();
    }
}

fn spawn(dir: &Path) -> (Child, BufReader<ChildStdout>) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "child_process", "--nocapture"])
        .env(CHILD, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    (child, out)
}

#[test]
fn no_acknowledged_change_is_lost_nor_half_done() {
    let dir = tempfile::tempdir().unwrap();
    for round in 1..=6 {
        let (mut child, mut out) = spawn(dir.path());
        let mut acknowledged = None;
        let mut lines = 0;
        let mut line = String::new();
        // Let it work for a while that differs from round to round, then kill it in mid-flight.
        while lines < 15 * round {
            line.clear();
            assert!(
                out.read_line(&mut line).unwrap() > 0,
                "the child ended by itself"
            );
            let words: Vec<_> = line.split_whitespace().collect();
            if let [.., "acknowledged", revision, n] = words[..] {
                acknowledged = Some((revision.parse::<u64>().unwrap(), n.parse::<u32>().unwrap()));
                lines += 1;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let (revision, n) = acknowledged.unwrap();
        let store = open(dir.path());
        let view = store.read("video.main", &Actor::system()).unwrap();
        assert!(
            view.revision >= Revision(revision),
            "{} was acknowledged, {} is stored",
            revision,
            view.revision
        );
        let (main, sub) = (
            store.get::<VideoMain>().bit_rate,
            store.get::<VideoSub>().bit_rate,
        );
        assert_eq!(main, sub, "both or none");
        assert!(view.revision > Revision(revision) || main.get() == n);
    }
}
