use std::process::{Command, Stdio};

/// How a command ended.
pub(super) struct Said {
    pub(super) code: i32,
    pub(super) out: String,
    pub(super) err: String,
}

/// Runs a command to its end, in the C locale; an error when it cannot start.
pub(super) fn ask(command: &str, words: &[&str]) -> Result<Said, String> {
    let done = Command::new(command)
        .args(words)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("{command}: {e}"))?;
    Ok(Said {
        code: done.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&done.stdout).into_owned(),
        err: String::from_utf8_lossy(&done.stderr).into_owned(),
    })
}

/// The standard output of a command that must succeed; otherwise what it said.
pub(super) fn run(command: &str, words: &[&str]) -> Result<String, String> {
    let said = ask(command, words)?;
    if said.code == 0 {
        return Ok(said.out);
    }
    Err(format!(
        "{command} {}: {} {}",
        words.join(" "),
        said.out.trim(),
        said.err.trim()
    ))
}

/// Whether somebody on the system bus has this name.
pub(super) fn on_the_bus(name: &str) -> bool {
    let bus = "org.freedesktop.DBus";
    let words = [
        "call",
        bus,
        "/org/freedesktop/DBus",
        bus,
        "NameHasOwner",
        "s",
        name,
    ];
    run("busctl", &words).is_ok_and(|out| out.trim() == "b true")
}
