//! `platecam config export` and `import`.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use platecam_model::config::MAX_CONFIG;
use serde_json::Value;

use super::{differences, print, told, word};
use crate::{
    Failure,
    cli::{ConfigExportArgs, ConfigImportArgs, exit},
    local::{self, Request},
};

/// Longest password file, bytes.
const MAX_PASSWORD_FILE: usize = 4096;

pub(super) fn export(args: &ConfigExportArgs) -> Result<(), Failure> {
    let request = Request::Export {
        sections: (!args.sections.is_empty()).then(|| args.sections.clone()),
        password: password(args.password_file.as_deref())?,
    };
    let answer = local::ask(&args.local.state_dir, &request)?;
    let file = answer.get("file").map(word).unwrap_or_default();
    let Some(path) = &args.file else {
        return print(&file);
    };
    let written = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut f| f.write_all(file.as_bytes()).and_then(|()| f.sync_all()));
    written.map_err(|e| failed(path, e))
}

pub(super) fn import(args: &ConfigImportArgs) -> Result<(), Failure> {
    let request = Request::Import {
        file: read(&args.file, MAX_CONFIG)?,
        password: password(args.password_file.as_deref())?,
        dry_run: args.dry_run,
    };
    let report = local::ask(&args.local.state_dir, &request)?;
    let sections = report.get("sections").and_then(Value::as_array);
    let section = |s: &Value| differences(&s.get("key").map(word).unwrap_or_default(), s);
    let text = sections.into_iter().flatten().map(section).collect();
    told(&args.local, &report, text)
}

/// The first line of a file, so that no password is on a command line.
fn password(path: Option<&Path>) -> Result<Option<String>, Failure> {
    let Some(path) = path else { return Ok(None) };
    let text = read(path, MAX_PASSWORD_FILE)?;
    let first = text.lines().next().unwrap_or_default();
    Ok(Some(first.to_owned()))
}

fn read(path: &Path, max: usize) -> Result<String, Failure> {
    let mut text = String::new();
    let file = File::open(path).map_err(|e| failed(path, e))?;
    file.take(max as u64 + 1)
        .read_to_string(&mut text)
        .map_err(|e| failed(path, e))?;
    if text.len() > max {
        return Err(failed(path, format!("is larger than {max} bytes")));
    }
    Ok(text)
}

fn failed(path: &Path, e: impl std::fmt::Display) -> Failure {
    Failure::new(exit::FAILED, format!("{}: {e}", path.display()))
}
