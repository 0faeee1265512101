//! `platecam log`: system log and audit trail of a camera, whether it runs or not, and exported trails anywhere.

use std::{
    fs::File,
    io::{self, BufReader, Write},
    ops::ControlFlow,
    path::Path,
};

use platecam_host::check_export;
use platecam_model::log::AuditCheck;
use serde_json::Value;

use crate::{
    Failure,
    cli::{LogCommand, LogShowArgs, exit},
    local::{self, LogRequest, Request, Wanted},
};

pub(crate) fn log(command: &LogCommand) -> Result<(), Failure> {
    match command {
        LogCommand::Show(args) => show(args),
        LogCommand::Audit { state_dir } => audit(state_dir),
        LogCommand::Verify {
            state_dir,
            export: None,
        } => {
            let check = ask(state_dir, LogRequest::Verify)?;
            report(&serde_json::from_value(check).map_err(|e| Failure::new(exit::FAILED, e))?)
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

fn ask(state_dir: &Path, request: LogRequest) -> Result<Value, Failure> {
    local::ask(state_dir, &Request::Log { request })
}

fn show(args: &LogShowArgs) -> Result<(), Failure> {
    let wanted = Wanted {
        kinds: args.kind.clone(),
        user: args.user.clone(),
        limit: args.limit,
    };
    if args.follow {
        return local::follow(&args.state_dir, wanted, |told| shown(args, &told));
    }
    shown(args, &ask(&args.state_dir, LogRequest::Show(wanted))?).map(drop)
}

/// Prints a page, or one entry that came later.
fn shown(args: &LogShowArgs, told: &Value) -> Result<ControlFlow<()>, Failure> {
    if let Some(missed) = told["missed"].as_u64() {
        eprintln!("platecam: {missed} entries came faster than they could be printed");
        return Ok(ControlFlow::Continue(()));
    }
    let line = |e: &Value| {
        if args.json {
            format!("{}\n", e["json"].as_str().unwrap_or_default())
        } else {
            e["line"].as_str().unwrap_or_default().to_owned()
        }
    };
    let mut text = String::new();
    if !args.json {
        text += told["header"].as_str().unwrap_or_default();
    }
    match told["entries"].as_array() {
        Some(page) => text.extend(page.iter().map(line)),
        None => text += &line(told),
    }
    print(&text)
}

fn audit(state_dir: &Path) -> Result<(), Failure> {
    let mut after = 0;
    loop {
        let page = ask(state_dir, LogRequest::Trail { after })?;
        let lines = page["lines"].as_array().into_iter().flatten();
        let lines = lines.filter_map(Value::as_str);
        if print(&lines.map(|l| format!("{l}\n")).collect::<String>())?.is_break() {
            return Ok(());
        }
        match page["next"].as_u64() {
            Some(next) => after = next,
            None => return Ok(()),
        }
    }
}

fn report(check: &AuditCheck) -> Result<(), Failure> {
    let number = |n: Option<u64>| n.map_or_else(|| "-".into(), |n| n.to_string());
    let head = Some(check.head.as_str()).filter(|head| !head.is_empty());
    let _ = print(&format!(
        "{} entries, {} to {}, head {}\n",
        check.entries,
        number(check.first_id),
        number(check.last_id),
        head.unwrap_or("-"),
    ))?;
    match &check.problem {
        None if check.ok => print("intact\n").map(drop),
        problem => {
            let why = problem.as_deref().unwrap_or("no reason is told");
            Err(Failure::new(exit::FAILED, format!("not intact: {why}")))
        }
    }
}

/// A reader that went away (`| head`) is no failure, and there is nothing more to do for it.
fn print(text: &str) -> Result<ControlFlow<()>, Failure> {
    match io::stdout().write_all(text.as_bytes()) {
        Ok(()) => Ok(ControlFlow::Continue(())),
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(ControlFlow::Break(())),
        Err(e) => Err(Failure::new(exit::FAILED, e)),
    }
}
