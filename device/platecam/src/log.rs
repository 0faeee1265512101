//! `platecam log`: system log and audit trail of a camera that is not running, and exported trails anywhere.

use std::{
    fs::File,
    io::{self, BufReader, Write},
    path::Path,
    sync::Arc,
};

use platecam_host::{Database, DeviceKey, LogDatabase, StateDir, check_export};
use platecam_model::{
    Clock, EventBus, SystemClock,
    log::{AuditCheck, LogQuery, export_header, export_line},
    ports::LogStore,
    settings::{SettingsStore, TimeSettings, all_sections},
};

use crate::{
    Failure,
    cli::{LogCommand, LogShowArgs, exit},
};

/// Entries of the trail read in one step.
const PAGE: u32 = 1000;

pub(crate) fn log(command: &LogCommand) -> Result<(), Failure> {
    match command {
        LogCommand::Show(args) => show(args),
        LogCommand::Audit { state_dir } => audit(state_dir),
        LogCommand::Verify {
            state_dir,
            export: None,
        } => {
            let (_dir, db, key) = open(state_dir)?;
            report(&LogDatabase::verify(&db, &*key)?)
        }
        LogCommand::Verify {
            export: Some(file), ..
        } => {
            let failed = |e| Failure::new(exit::FAILED, format!("{}: {e}", file.display()));
            let export = File::open(file).map_err(failed)?;
            report(&check_export(BufReader::new(export)).map_err(failed)?)
        }
    }
}

/// The state of a camera that is not running; the directory is locked while it is.
fn open(path: &Path) -> Result<(StateDir, Database, Arc<DeviceKey>), Failure> {
    if !path.join("platecam.db").exists() {
        let text = format!("{} is no state directory of a camera", path.display());
        return Err(Failure::new(exit::STATE, text));
    }
    let dir = StateDir::open(path).map_err(|e| {
        let hint = "while the camera runs, use its web interface (Log page, /api/v1/log)";
        Failure::new(exit::STATE, format!("{e}; {hint}"))
    })?;
    let db = Database::open(&dir.join("platecam.db"))?;
    let key = Arc::new(DeviceKey::open(&dir.join("device.key"))?);
    Ok((dir, db, key))
}

fn store(db: &Database, key: Arc<DeviceKey>) -> Result<LogDatabase, Failure> {
    let now = SystemClock::default().now();
    Ok(LogDatabase::open(db.clone(), key, now, |_| false)?)
}

fn show(args: &LogShowArgs) -> Result<(), Failure> {
    let (_dir, db, key) = open(&args.state_dir)?;
    let clock = Arc::new(SystemClock::default());
    let backend = Arc::new(db.clone());
    let settings = SettingsStore::load(
        all_sections(),
        backend,
        key.clone(),
        EventBus::default(),
        clock,
    )?;
    let time = settings.get::<TimeSettings>();
    let query = LogQuery {
        kinds: args.kind.clone(),
        user: args.user.clone(),
        limit: args.limit,
        ..LogQuery::default()
    };
    let page = store(&db, key)?.search(&query)?;
    let mut text = String::new();
    if !args.json {
        text += &export_header(&time);
    }
    for entry in page.items.iter().rev() {
        if args.json {
            text += &serde_json::to_string(entry).map_err(|e| Failure::new(exit::FAILED, e))?;
            text.push('\n');
        } else {
            text += &export_line(entry, &time);
        }
    }
    print(&text)
}

fn audit(state_dir: &Path) -> Result<(), Failure> {
    let (_dir, db, key) = open(state_dir)?;
    let store = store(&db, key)?;
    let mut after = 0;
    loop {
        let page = store.trail(after, PAGE)?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = last.entry.id;
        let mut text = String::new();
        for entry in &page {
            text += &serde_json::to_string(entry).map_err(|e| Failure::new(exit::FAILED, e))?;
            text.push('\n');
        }
        print(&text)?;
    }
}

fn report(check: &AuditCheck) -> Result<(), Failure> {
    let number = |n: Option<u64>| n.map_or_else(|| "-".into(), |n| n.to_string());
    print(&format!(
        "{} entries, {} to {}, head {}\n",
        check.entries,
        number(check.first_id),
        number(check.last_id),
        if check.head.is_empty() {
            "-"
        } else {
            &check.head
        },
    ))?;
    match &check.problem {
        None => print("intact\n"),
        Some(problem) => Err(Failure::new(exit::FAILED, format!("not intact: {problem}"))),
    }
}

/// A reader that went away (`| head`) is no failure.
fn print(text: &str) -> Result<(), Failure> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(Failure::new(exit::FAILED, e)),
        _ => Ok(()),
    }
}
