//! `platecam user`, `reset-password`, `reset-key`, `reset-code`: people from the command line.
//!
//! Whoever may write the state directory owns the device; the camera must not run meanwhile.

use std::{
    fs::OpenOptions,
    io::{self, BufRead, IsTerminal, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::Arc,
};

use platecam_host::{Database, DeviceKey, LogDatabase, StateDir};
use platecam_model::{
    Actor, Clock, EventBus, Origin, Permission, Permissions, Secret, Subscription, SystemClock,
    auth::{Accounts, GroupUpdate, NewUser, ResetKey, ResetRequest, UserUpdate},
    log::Scribe,
    ports::LogStore,
    settings::{SettingsStore, all_sections},
};

use crate::{
    Failure,
    cli::{GroupCommand, ResetCodeArgs, ResetPasswordArgs, UserCommand, exit},
};

/// The people of a camera that is not running.
struct People {
    /// Keeps the directory locked.
    _dir: StateDir,
    accounts: Accounts,
    events: Subscription,
    log: LogDatabase,
    by: Actor,
}

impl People {
    fn open(path: &Path) -> Result<Self, Failure> {
        if !path.join("platecam.db").exists() {
            let text = format!("{} is no state directory of a camera", path.display());
            return Err(Failure::new(exit::STATE, text));
        }
        let dir = StateDir::open(path).map_err(|e| {
            let hint = "stop the camera first, or use its web interface";
            Failure::new(exit::STATE, format!("{e}; {hint}"))
        })?;
        let db = Database::open(&dir.join("platecam.db"))?;
        let key = Arc::new(DeviceKey::open(&dir.join("device.key"))?);
        let (bus, clock) = (EventBus::default(), Arc::new(SystemClock::default()));
        let events = bus.subscribe();
        let backend = Arc::new(db.clone());
        let settings = SettingsStore::load(
            all_sections(),
            backend.clone(),
            key.clone(),
            bus.clone(),
            clock.clone(),
        )?;
        let log = LogDatabase::open(db, key.clone(), clock.now(), |_| false)?;
        let accounts = Accounts::load(backend, key, Arc::new(settings), bus, clock)?;
        let by = Actor {
            origin: Origin::Local,
            ..Actor::system()
        };
        Ok(Self {
            _dir: dir,
            accounts,
            events,
            log,
            by,
        })
    }

    /// Writes what was done to log and audit trail.
    fn finish(mut self) -> Result<(), Failure> {
        let mut scribe = Scribe::default();
        let mut entries = Vec::new();
        while let Ok(event) = self.events.try_recv() {
            entries.extend(scribe.entry(&event));
        }
        if !entries.is_empty() {
            self.log.append(entries)?;
        }
        Ok(())
    }
}

pub(crate) fn user(command: UserCommand) -> Result<(), Failure> {
    match command {
        UserCommand::List { state_dir, json } => list(&state_dir, json),
        UserCommand::Add(args) => {
            let people = People::open(&args.state_dir)?;
            let new = NewUser {
                name: args.name,
                password: ask("Password")?,
                group: args.group,
                permissions: permissions(args.permission)?,
                remark: args.remark,
            };
            people.accounts.create_one(new, &people.by)?;
            people.finish()
        }
        UserCommand::Passwd { state_dir, name } => {
            let people = People::open(&state_dir)?;
            let update = UserUpdate {
                name,
                password: Some(ask("New password")?),
                ..UserUpdate::default()
            };
            people.accounts.update_one(update, &people.by)?;
            people.finish()
        }
        UserCommand::Delete { state_dir, name } => {
            let people = People::open(&state_dir)?;
            people.accounts.delete(&[name], &people.by)?;
            people.finish()
        }
        UserCommand::Group(command) => group(command),
    }
}

fn list(state_dir: &Path, json: bool) -> Result<(), Failure> {
    let people = People::open(state_dir)?;
    let mut text = String::new();
    for u in people.accounts.list(&people.by)? {
        text += &if json {
            serde_json::to_string(&u).map_err(|e| Failure::new(exit::FAILED, e))?
        } else {
            let words: Vec<_> = u.effective.iter().map(Permission::word).collect();
            let factor = if u.totp { "totp" } else { "-" };
            [&u.name, &u.group, factor, &words.join(","), &u.remark]
                .map(String::from)
                .join("\t")
        };
        text.push('\n');
    }
    print(&text)
}

fn group(command: GroupCommand) -> Result<(), Failure> {
    match command {
        GroupCommand::List { state_dir } => {
            let people = People::open(&state_dir)?;
            let mut text = String::new();
            for g in people.accounts.groups(&people.by)? {
                let words: Vec<_> = g.permissions.iter().map(Permission::word).collect();
                let level = g.level.word();
                text += &format!(
                    "{}\t{level}\t{}\t{}\t{}\n",
                    g.name,
                    g.members,
                    words.join(","),
                    g.remark
                );
            }
            print(&text)
        }
        GroupCommand::Add(args) => {
            let people = People::open(&args.state_dir)?;
            let list = permissions(args.permission)?.unwrap_or_default();
            let remark = args.remark.unwrap_or_default();
            people
                .accounts
                .create_group(&args.name, &remark, list, &people.by)?;
            people.finish()
        }
        GroupCommand::Set(args) => {
            let people = People::open(&args.state_dir)?;
            let update = GroupUpdate {
                name: args.name,
                remark: args.remark,
                permissions: permissions(args.permission)?,
            };
            people.accounts.update_group(update, &people.by)?;
            people.finish()
        }
        GroupCommand::Delete { state_dir, name } => {
            let people = People::open(&state_dir)?;
            people.accounts.delete_group(&name, &people.by)?;
            people.finish()
        }
    }
}

/// The physical alternative to the reset by a code (ADR 0010).
pub(crate) fn reset_password(args: &ResetPasswordArgs) -> Result<(), Failure> {
    let people = People::open(&args.state_dir)?;
    let password = ask("New password of admin")?;
    people
        .accounts
        .reset_local(password, args.without_second_factor, &people.by)?;
    people.finish()
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

fn permissions(list: Vec<Permission>) -> Result<Option<Permissions>, Failure> {
    Ok((!list.is_empty()).then(|| list.into_iter().collect()))
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
