//! `platecam user`, `reset-password`, `reset-key`, `reset-code`: people from the command line.
//!
//! Whoever may write the state directory owns the device, whether the camera runs or not.

use std::{
    fs::OpenOptions,
    io::{self, BufRead, IsTerminal, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use platecam_model::{
    Permission, Permissions, Secret,
    auth::{ResetKey, ResetRequest},
};
use serde_json::Value;

use crate::{
    Failure,
    cli::{GroupCommand, LocalArgs, ResetCodeArgs, ResetPasswordArgs, UserCommand, exit},
    local::{self, PeopleRequest, Request},
};

fn request(state_dir: &Path, request: PeopleRequest) -> Result<Value, Failure> {
    local::ask(state_dir, &Request::People { request })
}

pub(crate) fn user(command: UserCommand) -> Result<(), Failure> {
    match command {
        UserCommand::List(local) => table(&local, PeopleRequest::List, |u| {
            let factor = if u["totp"] == true { "totp" } else { "-" };
            let words = words(&u["effective"]);
            let mut cells = vec![text(u, "name"), text(u, "group"), factor.into(), words];
            cells.push(text(u, "remark"));
            cells.push(match u["locked_for_s"].as_u64() {
                Some(left) => format!("locked for {left} s"),
                None => String::new(),
            });
            cells
        }),
        UserCommand::Add(args) => {
            let add = PeopleRequest::Add {
                name: args.name,
                password: ask("Password")?.expose().to_owned(),
                group: args.group,
                permissions: permissions(args.permission),
                remark: args.remark,
            };
            request(&args.state_dir, add).map(drop)
        }
        UserCommand::SetPassword { state_dir, name } => {
            let password = ask("New password")?.expose().to_owned();
            request(&state_dir, PeopleRequest::SetPassword { name, password }).map(drop)
        }
        UserCommand::Unlock {
            state_dir,
            name,
            all: _,
        } => request(&state_dir, PeopleRequest::Unlock { name }).map(drop),
        UserCommand::Delete { state_dir, name } => {
            request(&state_dir, PeopleRequest::Delete { name }).map(drop)
        }
        UserCommand::Group(command) => group(command),
    }
}

fn group(command: GroupCommand) -> Result<(), Failure> {
    match command {
        GroupCommand::List(local) => table(&local, PeopleRequest::Groups, |g| {
            let members = g["members"].to_string();
            let words = words(&g["permissions"]);
            let (name, level) = (text(g, "name"), text(g, "level"));
            vec![name, level, members, words, text(g, "remark")]
        }),
        GroupCommand::Add(args) => {
            let add = PeopleRequest::AddGroup {
                name: args.name,
                permissions: permissions(args.permission).unwrap_or_default(),
                remark: args.remark.unwrap_or_default(),
            };
            request(&args.state_dir, add).map(drop)
        }
        GroupCommand::Set(args) => {
            let set = PeopleRequest::SetGroup {
                name: args.name,
                permissions: permissions(args.permission),
                remark: args.remark,
            };
            request(&args.state_dir, set).map(drop)
        }
        GroupCommand::Delete { state_dir, name } => {
            request(&state_dir, PeopleRequest::DeleteGroup { name }).map(drop)
        }
    }
}

/// A line for each item of the answer: cells separated by tabs, or one JSON object.
fn table(
    local: &LocalArgs,
    what: PeopleRequest,
    cells: impl Fn(&Value) -> Vec<String>,
) -> Result<(), Failure> {
    let items = request(&local.state_dir, what)?;
    let items = items.as_array().into_iter().flatten();
    let line = |item: &Value| {
        if local.json {
            return format!("{item}\n");
        }
        let line = cells(item).join("\t");
        format!("{}\n", line.trim_end_matches('\t'))
    };
    print(&items.map(line).collect::<String>())
}

fn text(of: &Value, field: &str) -> String {
    of[field].as_str().unwrap_or_default().to_owned()
}

/// Permissions, separated by commas.
fn words(list: &Value) -> String {
    let words = list.as_array().into_iter().flatten();
    words
        .filter_map(Value::as_str)
        .collect::<Vec<_>>()
        .join(",")
}

/// The physical alternative to the reset by a code (ADR 0010).
pub(crate) fn reset_password(args: &ResetPasswordArgs) -> Result<(), Failure> {
    let reset = PeopleRequest::ResetLocal {
        password: ask("New password of admin")?.expose().to_owned(),
        without_second_factor: args.without_second_factor,
    };
    request(&args.state_dir, reset).map(drop)
}

/// Makes the pair of keys of whoever answers password resets; prints the public one.
pub(crate) fn reset_key(out: &Path) -> Result<(), Failure> {
    let failed = |e: io::Error| Failure::new(exit::FAILED, format!("{}: {e}", out.display()));
    let (private, public) = ResetKey::generate();
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(out)
        .map_err(failed)?;
    writeln!(file, "{}", private.expose()).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    print(&format!("{public}\n"))
}

/// Reads the text of a password reset with the private key.
pub(crate) fn reset_code(args: &ResetCodeArgs) -> Result<(), Failure> {
    let failed = |e: io::Error| Failure::new(exit::FAILED, format!("{}: {e}", args.key.display()));
    let key = Secret::new(std::fs::read_to_string(&args.key).map_err(failed)?);
    let text = match args.text.as_str() {
        "-" => io::read_to_string(io::stdin().lock())
            .map_err(|e| Failure::new(exit::FAILED, format!("standard input: {e}")))?,
        text => text.to_owned(),
    };
    let request = ResetRequest::open(&text, &key)?;
    print(&format!(
        "serial\t{}\nemail\t{}\ncode\t{}\nvalid until\t{}\n",
        request.serial, request.email, request.code, request.expires_at
    ))
}

fn permissions(list: Vec<Permission>) -> Option<Permissions> {
    (!list.is_empty()).then(|| list.into_iter().collect())
}

/// One line of standard input. A terminal is asked twice and does not show what is typed.
fn ask(what: &str) -> Result<Secret, Failure> {
    let failed = |e: io::Error| Failure::new(exit::FAILED, format!("standard input: {e}"));
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        let mut line = String::new();
        stdin.lock().read_line(&mut line).map_err(failed)?;
        let password = Secret::new(line.trim_end_matches(['\r', '\n']));
        return Ok(password);
    }
    let (one, two) = (
        hidden(what).map_err(failed)?,
        hidden("Once more").map_err(failed)?,
    );
    if one == two {
        return Ok(one);
    }
    Err(Failure::new(exit::USAGE, "the passwords are not the same"))
}

fn hidden(what: &str) -> io::Result<Secret> {
    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
    eprint!("{what}: ");
    io::stderr().flush()?;
    let stdin = io::stdin();
    let before = tcgetattr(&stdin)?;
    let mut quiet = before.clone();
    quiet.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Flush, &quiet)?;
    let mut line = String::new();
    let read = stdin.lock().read_line(&mut line);
    tcsetattr(&stdin, OptionalActions::Flush, &before)?;
    eprintln!();
    read?;
    Ok(Secret::new(line.trim_end_matches(['\r', '\n'])))
}

fn print(text: &str) -> Result<(), Failure> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(Failure::new(exit::FAILED, e)),
        _ => Ok(()),
    }
}
