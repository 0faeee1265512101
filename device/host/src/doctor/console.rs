//! The debugging port: a console on it asks for a password, or there is none (HW-9).

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{Check, Verdict};

/// Where systemd looks for units and their drop-ins.
const UNITS: [&str; 4] = [
    "etc/systemd/system",
    "run/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
];
/// Files looked at; a machine has a few hundred units.
const MOST: usize = 10_000;

/// Looks below `root` for consoles, serial ones and others, at which anybody is let in without a password: a getty with
/// automatic login or a shell for a login, the debug shell, a kernel told to start one.
pub fn console(root: &Path) -> Check {
    let mut open = Vec::new();
    for file in units(root) {
        let Some(name) = file.file_name().and_then(|n| n.to_str()) else {
            continue;
        };
        let wanted = file
            .parent()
            .is_some_and(|dir| dir.extension().is_some_and(|e| e == "wants"));
        if name == "debug-shell.service" && wanted {
            open.push(format!("{} is enabled", file.display()));
        } else if is_getty(&file) && fs::read_to_string(&file).is_ok_and(|t| lets_in(&t)) {
            open.push(format!("{} logs in by itself", file.display()));
        }
    }
    let kernel = fs::read_to_string(root.join("proc/cmdline")).unwrap_or_default();
    let shell = |word: &&str| {
        matches!(*word, "systemd.debug_shell" | "systemd.debug_shell=1")
            || word
                .strip_prefix("init=")
                .is_some_and(|p| p.ends_with("sh"))
    };
    open.extend(
        kernel
            .split_ascii_whitespace()
            .filter(shell)
            .map(|word| format!("the kernel was started with {word}")),
    );
    if open.is_empty() {
        let text = "no console lets anybody in without a password";
        return Check::new("console", Verdict::Ok, text);
    }
    let text = format!(
        "{}: whoever reaches the debugging port is in",
        open.join("; ")
    );
    Check::new("console", Verdict::Warning, text)
}

/// Units, links to them and drop-ins, two levels deep.
fn units(root: &Path) -> Vec<PathBuf> {
    let list = |dir: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        entries.map(|e| e.path()).take(MOST).collect()
    };
    let mut all = Vec::new();
    for dir in UNITS {
        for path in list(&root.join(dir)) {
            let folder = path.extension().is_some_and(|e| e == "d" || e == "wants");
            if folder {
                all.extend(list(&path));
            } else {
                all.push(path);
            }
        }
    }
    all
}

/// Whether the unit, or the unit that the drop-in belongs to, is one of systemd's gettys.
fn is_getty(file: &Path) -> bool {
    let of = |path: &Path| {
        let name = path.file_name().and_then(|n| n.to_str());
        name.is_some_and(|n| n.contains("getty"))
    };
    of(file) || file.parent().is_some_and(of)
}

/// Whether a getty's command logs somebody in: agetty's `--autologin` (`-a`), or a program that is no login.
fn lets_in(unit: &str) -> bool {
    let mut commands = unit
        .lines()
        .filter_map(|l| l.trim().strip_prefix("ExecStart="));
    commands.any(|command| {
        let mut words = command.split_ascii_whitespace();
        let program = words.next().unwrap_or_default();
        program.ends_with("/sh")
            || program.ends_with("/bash")
            || words.any(|w| {
                w.starts_with("--autologin") || w == "-a" || w == "--skip-login" || w == "-n"
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    /// HW-9: a console that asks is fine, and so is none; one that does not ask is named.
    #[test]
    fn a_console_without_a_password_is_found() {
        const ASKS: &str =
            "[Service]\nExecStart=-/sbin/agetty -o '-p -- \\\\u' --keep-baud 115200 - $TERM\n";
        let stock = "usr/lib/systemd/system/serial-getty@.service";
        for files in [
            &[][..],
            &[(stock, ASKS)],
            &[(
                "proc/cmdline",
                "console=ttyS0,115200 init=/lib/systemd/systemd",
            )],
        ] {
            let root = machine(files);
            assert_eq!(console(root.path()).verdict, Verdict::Ok, "{files:?}");
        }
        for (name, text) in [
            (
                "etc/systemd/system/serial-getty@ttyS0.service.d/override.conf",
                "[Service]\nExecStart=\nExecStart=-/sbin/agetty --autologin root %I $TERM\n",
            ),
            (
                "etc/systemd/system/getty@tty1.service.d/x.conf",
                "[Service]\nExecStart=-/sbin/agetty -a root %I\n",
            ),
            (
                "etc/systemd/system/serial-getty@ttyS1.service",
                "[Service]\nExecStart=-/bin/bash\n",
            ),
            (
                "etc/systemd/system/sysinit.target.wants/debug-shell.service",
                "",
            ),
            ("proc/cmdline", "quiet systemd.debug_shell=1"),
            ("proc/cmdline", "quiet init=/bin/sh"),
        ] {
            let root = machine(&[(stock, ASKS), (name, text)]);
            let found = console(root.path());
            assert_eq!(found.verdict, Verdict::Warning, "{name}");
            let what = name.rsplit('/').next().unwrap();
            assert!(
                found.text.contains(what) || name == "proc/cmdline",
                "{}",
                found.text
            );
        }
    }
}
