//! Kept events survive `kill -9`: batches are whole, none that was acknowledged is lost (Core §11.1.6).
#![allow(missing_docs, reason = "a test")]

use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
};

use platecam_host::Database;
use platecam_model::{
    UtcTime,
    ports::{EventHistory, HistoryPlace},
};

const CHILD: &str = "PLATECAM_HISTORY_TEST_DIR";
/// Events of a batch.
const BATCH: i64 = 3;

/// Appends batches for ever, and says so after each.
#[test]
fn child_process() {
    let Ok(dir) = env::var(CHILD) else { return };
    let db = Database::open(&Path::new(&dir).join("db")).unwrap();
    let mut out = std::io::stdout();
    for n in db.newest().unwrap() / BATCH.. {
        let events: Vec<_> = (0..BATCH)
            .map(|i| (UtcTime::from_millis(n * BATCH + i), n.to_string()))
            .collect();
        db.append(&events).unwrap();
        writeln!(out, "acknowledged {n}").unwrap();
    }
}

#[test]
fn no_acknowledged_event_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    for round in 1..=6 {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "child_process", "--nocapture"])
            .env(CHILD, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let (mut line, mut last, mut seen) = (String::new(), -1, 0);
        let mut killed = false;
        // What it acknowledged before the kill reached it counts as well.
        while out.read_line(&mut line).unwrap() > 0 {
            let whole = line.ends_with('\n');
            if let [.., "acknowledged", n] = line.split_whitespace().collect::<Vec<_>>()[..]
                && whole
            {
                last = n.parse::<i64>().unwrap();
                seen += 1;
            }
            line.clear();
            if seen >= 7 * round && !killed {
                child.kill().unwrap();
                killed = true;
            }
        }
        child.wait().unwrap();
        let db = Database::open(&dir.path().join("db")).unwrap();
        let newest = db.newest().unwrap();
        assert_eq!(newest % BATCH, 0, "a batch is half stored");
        assert!(newest >= (last + 1) * BATCH, "{newest} of {last}");
        let from = HistoryPlace::from(UtcTime::EPOCH, false);
        let all = db.read(from, i64::MAX, usize::MAX).unwrap();
        assert_eq!(all.len() as i64, newest);
        assert!(
            all.iter()
                .enumerate()
                .all(|(i, e)| e.at.as_millis() == i as i64)
        );
    }
}
