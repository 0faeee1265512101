//! System log and audit trail on the disk (GEN-15, LOG-1, LOG-2, LOG-6, LOG-7).

use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

use platecam_host::{Database, DeviceKey, LogDatabase, check_export, write_log};
use platecam_model::{
    Actor, AuditEvent, EventBus, EventKind, LogKind, UtcTime,
    log::{LogQuery, NewLogEntry, Severity},
    ports::{LOG_CAPACITY, LogStore},
    testing::TestClock,
};
use proptest::prelude::*;
use tokio::sync::broadcast::error::TryRecvError;

fn at(ms: i64) -> UtcTime {
    UtcTime::from_millis(1_795_000_000_000 + ms)
}

fn open(dir: &Path) -> LogDatabase {
    let db = Database::open(&dir.join("db")).unwrap();
    let key = Arc::new(DeviceKey::open(&dir.join("key")).unwrap());
    LogDatabase::open(db, key, at(0), |_| true).unwrap()
}

fn entry(n: i64, kind: LogKind, user: Option<&str>) -> NewLogEntry {
    let by = Actor {
        user: user.map(str::to_owned),
        ..Actor::system()
    };
    NewLogEntry::new(at(n), kind, Severity::Info, &by, format!("entry {n}"))
        .with("n", n.to_string())
}

fn plain(n: i64) -> NewLogEntry {
    entry(n, LogKind::System, None)
}

fn sql(dir: &Path, statement: &str) {
    // Whoever has the file can also drop a trigger.
    let script = format!(
        "DROP TRIGGER IF EXISTS audit_is_append_only; DROP TRIGGER IF EXISTS audit_loses_the_oldest_only; {statement}"
    );
    let python = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.executescript(sys.argv[2]); c.commit()";
    let done = Command::new("python3")
        .args(["-c", python])
        .arg(dir.join("db"))
        .arg(script)
        .status()
        .expect("python3 is needed");
    assert!(done.success());
}

/// GEN-15, LOG-6: 1,024 are kept, entry 1,025 replaces the oldest, also over a restart.
#[test]
fn entry_1025_replaces_the_oldest() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    log.append((1..=1024).map(plain).collect()).unwrap();
    let all = LogQuery::default();
    let page = log.search(&all).unwrap();
    assert_eq!(
        (page.total, page.items.len(), page.next_before),
        (LOG_CAPACITY, 1024, None)
    );
    assert_eq!(page.items.last().unwrap().id, 1);
    drop(log);
    let log = open(dir.path());
    log.append(vec![plain(1025)]).unwrap();
    let page = log.search(&all).unwrap();
    assert_eq!(page.total, LOG_CAPACITY);
    assert_eq!((page.items[0].id, page.items.last().unwrap().id), (1025, 2));
    assert_eq!(
        log.trail(0, 1).unwrap()[0].entry.id,
        1,
        "the audit trail keeps it"
    );
    assert!(log.verify_trail().unwrap().ok);
}

/// LOG-1 (inclusive), LOG-2, paging.
#[test]
fn filters_and_pages() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let kinds = [LogKind::Login, LogKind::Logout, LogKind::SaveConfig];
    let users = [Some("Admin"), None, Some("guard")];
    let new = (0..30).map(|n| entry(n, kinds[n as usize % 3], users[n as usize % 3]));
    log.append(new.collect()).unwrap();
    let ids =
        |q: LogQuery| -> Vec<u64> { log.search(&q).unwrap().items.iter().map(|e| e.id).collect() };
    let bounds = LogQuery {
        from: Some(at(3)),
        to: Some(at(5)),
        ..LogQuery::default()
    };
    assert_eq!(
        ids(bounds),
        [6, 5, 4],
        "both ends are included, newest first"
    );
    let two = LogQuery {
        kinds: vec![LogKind::Login, LogKind::Logout],
        from: Some(at(26)),
        ..LogQuery::default()
    };
    assert_eq!(ids(two), [29, 28]);
    let user = LogQuery {
        user: Some("ADMIN".into()),
        limit: 4,
        ..LogQuery::default()
    };
    let first = log.search(&user).unwrap();
    assert_eq!((first.total, first.next_before), (10, Some(19)));
    let rest = LogQuery {
        before: first.next_before,
        limit: 0,
        ..user
    };
    assert_eq!(ids(rest), [16, 13, 10, 7, 4, 1]);
}

#[test]
fn clearing_leaves_its_note_and_the_trail() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    log.append((1..=7).map(plain).collect()).unwrap();
    let (removed, note) = log.clear(entry(8, LogKind::Clear, Some("admin"))).unwrap();
    assert_eq!((removed, note.id), (7, 8));
    let page = log.search(&LogQuery::default()).unwrap();
    assert_eq!((page.total, &page.items[0]), (1, &note));
    let check = log.verify_trail().unwrap();
    assert_eq!(
        (check.ok, check.entries, check.first_id),
        (true, 8, Some(1))
    );
}

/// The exported chain can be computed by anybody: SHA-256 over the hash before and the line's entry.
#[test]
fn the_chain_is_what_the_document_says() {
    use ring::digest::{Context, SHA256};
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    log.append((1..=3).map(plain).collect()).unwrap();
    let mut prev = [0; 32];
    for line in log.trail(0, 10).unwrap() {
        let mut c = Context::new(&SHA256);
        c.update(&prev);
        c.update(serde_json::to_string(&line.entry).unwrap().as_bytes());
        let hash = c.finish();
        let hex = |b: &[u8]| b.iter().map(|b| format!("{b:02x}")).collect::<String>();
        assert_eq!((line.prev, line.hash), (hex(&prev), hex(hash.as_ref())));
        prev.copy_from_slice(hash.as_ref());
    }
}

/// An export is checked without the unit: whole, filtered, cut, changed, hostile.
#[test]
fn an_export_is_checked_anywhere() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    log.append((1..=9).map(plain).collect()).unwrap();
    let trail = log.trail(0, 100).unwrap();
    let lines: Vec<String> = trail
        .iter()
        .map(|e| serde_json::to_string(e).unwrap())
        .collect();
    let check = |lines: &[String]| check_export(lines.join("\n").as_bytes()).unwrap();
    let whole = check(&lines);
    assert_eq!(
        (whole.ok, whole.entries, whole.first_id, whole.last_id),
        (true, 9, Some(1), Some(9))
    );
    assert_eq!(whole.head, trail[8].hash);
    assert!(check(&lines[3..]).ok, "older ones leave at the front");
    let mut other = lines.clone();
    other[4] = other[4].replace("entry 5", "entry 6");
    assert_eq!(
        check(&other).problem.unwrap(),
        "line 5 (entry 5) was changed"
    );
    let mut missing = lines.clone();
    missing.remove(4);
    assert_eq!(
        check(&missing).problem.unwrap(),
        "1 gaps: entries were left out"
    );
    let mut swapped = lines.clone();
    swapped.swap(2, 3);
    assert!(!check(&swapped).ok);
    // Computed anew from the fifth on: it does not continue what was before.
    let forged = tempfile::tempdir().unwrap();
    let log = open(forged.path());
    log.append((1..=9).map(|n| entry(n, LogKind::Login, None)).collect())
        .unwrap();
    let tail = log.trail(4, 100).unwrap();
    let tail = tail.iter().map(|e| serde_json::to_string(e).unwrap());
    let spliced: Vec<_> = lines[..4].iter().cloned().chain(tail).collect();
    assert_eq!(
        check(&spliced).problem.unwrap(),
        "line 5 (entry 5) does not continue the chain"
    );
    for hostile in [
        "x".repeat(1 << 20),
        "{}".into(),
        lines[0].replace("\"hash\":\"", "\"hash\":\"ü"),
    ] {
        assert!(check(&[hostile]).problem.unwrap().contains("no entry"));
    }
}

#[test]
fn tampering_is_found_and_told_at_the_next_start() {
    for (what, statement, told_at_start) in [
        (
            "entry 5 was changed",
            "UPDATE audit SET entry = replace(entry, 'entry 5', 'entry 6') WHERE id = 5",
            false,
        ),
        (
            "entry 6 is not the one after",
            "DELETE FROM audit WHERE id = 5",
            false,
        ),
        ("missing at an end", "DELETE FROM audit WHERE id > 7", true),
        ("missing at an end", "DELETE FROM audit WHERE id < 3", true),
        ("sealed head is missing", "DELETE FROM audit_head", true),
        (
            "not of this device's key",
            "UPDATE audit_head SET sealed = x'00112233'",
            true,
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let log = open(dir.path());
        log.append((1..=9).map(plain).collect()).unwrap();
        assert!(log.verify_trail().unwrap().ok);
        sql(dir.path(), statement);
        let check = log.verify_trail().unwrap();
        let problem = check.problem.unwrap_or_default();
        assert!(
            !check.ok && problem.contains(what),
            "{statement}: {problem}"
        );
        drop(log);
        let newest = open(dir.path())
            .search(&LogQuery::default())
            .unwrap()
            .items
            .remove(0);
        let told = newest.kind == LogKind::Alarm && newest.text.contains("audit trail was changed");
        assert_eq!(told, told_at_start, "{statement}: {newest:?}");
    }
}

/// What was changed with the chain computed anew but without the key is found by the seal.
#[test]
fn the_database_refuses_changes_of_the_trail_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    log.append((1..=5).map(plain).collect()).unwrap();
    for statement in [
        "UPDATE audit SET entry = '' WHERE id = 2",
        "DELETE FROM audit WHERE id = 3",
    ] {
        let python = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute(sys.argv[2])";
        let out = Command::new("python3")
            .args(["-c", python])
            .arg(dir.path().join("db"))
            .arg(statement)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(text.contains("audit trail"), "{statement}: {text}");
    }
    assert!(log.verify_trail().unwrap().ok);
}

#[derive(Clone, Debug)]
enum Step {
    Append(usize),
    Clear,
    Reopen,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    /// LOG-6 against the plainest model there is: a list of which the last 1,024 are kept.
    #[test]
    fn the_ring_is_the_newest_1024(steps in prop::collection::vec(prop_oneof![
        4 => (1usize..700).prop_map(Step::Append), 1 => Just(Step::Clear), 1 => Just(Step::Reopen),
    ], 1..8)) {
        let dir = tempfile::tempdir().unwrap();
        let mut log = open(dir.path());
        let (mut model, mut n): (Vec<u64>, i64) = (Vec::new(), 0);
        for step in steps {
            match step {
                Step::Append(count) => {
                    let new = (0..count as i64).map(|i| plain(n + i)).collect();
                    model.extend(log.append(new).unwrap().iter().map(|e| e.id));
                    n += count as i64;
                }
                Step::Clear => {
                    n += 1;
                    model = vec![log.clear(plain(n)).unwrap().1.id];
                }
                Step::Reopen => {
                    drop(log);
                    log = open(dir.path());
                }
            }
            let first = model.len().saturating_sub(1024);
            model.drain(..first);
            let kept: Vec<u64> = log.search(&LogQuery::default()).unwrap().items.iter().rev().map(|e| e.id).collect();
            prop_assert_eq!(&kept, &model);
            prop_assert_eq!(log.trail(0, 1).unwrap().first().map_or(0, |e| e.entry.id), u64::from(!model.is_empty()));
        }
        prop_assert!(log.verify_trail().unwrap().ok);
    }
}

/// A subscriber that lags notes the gap; what is on the bus at the stop is written.
#[tokio::test]
async fn the_writer_notes_gaps_and_writes_the_rest_at_the_stop() {
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(open(dir.path()));
    let (bus, clock) = (EventBus::default(), Arc::new(TestClock::default()));
    let events = bus.subscribe();
    for i in 0..1030 {
        let what = format!("did {i}");
        let audit = AuditEvent {
            kind: LogKind::Account,
            actor: Actor::system(),
            what,
        };
        bus.publish(at(i), EventKind::Audit(audit));
    }
    let mut live = bus.subscribe_entries();
    write_log(
        events,
        log.clone(),
        bus.clone(),
        clock,
        std::future::ready(()),
    )
    .await;
    let page = log.search(&LogQuery::default()).unwrap();
    assert_eq!(page.items[0].text, "did 1029");
    let gap = log.trail(0, 1).unwrap().remove(0).entry;
    assert!(gap.text.contains("6 events"), "{gap:?}");
    let mut newest = String::new();
    loop {
        match live.try_recv() {
            Ok(entry) => newest.clone_from(&entry.text),
            Err(TryRecvError::Lagged(_)) => {}
            Err(_) => break,
        }
    }
    assert_eq!(newest, "did 1029", "live readers are told");
}

const CHILD: &str = "PLATECAM_LOG_KILL_TEST_DIR";

/// Writes entries for ever and says so after each.
#[test]
fn child_process() {
    let Ok(dir) = env::var(CHILD) else { return };
    let log = open(Path::new(&dir));
    for i in 0.. {
        let written = log.append(vec![plain(i)]).unwrap();
        writeln!(std::io::stdout(), "written {}", written[0].id).unwrap();
    }
}

/// Entries that wait for the log server.
fn queued(dir: &Path) -> u64 {
    let python = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('SELECT count(*) FROM log_queue').fetchone()[0])";
    let out = Command::new("python3")
        .args(["-c", python])
        .arg(dir.join("db"))
        .output()
        .expect("python3 is needed");
    String::from_utf8_lossy(&out.stdout).trim().parse().unwrap()
}

/// LOG-6: what was written survives kill -9, in log, trail and queue alike.
#[test]
fn nothing_written_is_lost_by_kill() {
    let dir = tempfile::tempdir().unwrap();
    for round in 1..=4 {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "child_process", "--nocapture"])
            .env(CHILD, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let (mut written, mut lines, mut line) = (0, 0, String::new());
        while lines < 17 * round {
            line.clear();
            assert!(
                out.read_line(&mut line).unwrap() > 0,
                "the child ended by itself"
            );
            if let Some(id) = line.trim().split("written ").nth(1) {
                written = id.parse().unwrap();
                lines += 1;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let log = open(dir.path());
        let page = log.search(&LogQuery::default()).unwrap();
        assert!(page.items[0].id >= written);
        assert!(
            page.items.iter().all(|e| e.text.starts_with("entry")),
            "no false alarm"
        );
        let check = log.verify_trail().unwrap();
        assert_eq!(
            queued(dir.path()),
            check.entries,
            "the log server's queue as well"
        );
        assert_eq!(
            (check.ok, check.last_id),
            (true, Some(page.items[0].id)),
            "{:?}",
            check.problem
        );
    }
}
