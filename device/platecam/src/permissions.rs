//! `docs/reference/permissions.md` is generated from the tables of all adapters; `UPDATE_DOCS=1`
//! writes it anew. A route, operation or command that is not in it fails the test.

use std::{collections::BTreeMap, fmt::Write, fs, path::Path};

use clap::CommandFactory;
use platecam_model::{Permission, UserLevel};

use crate::cli::Cli;

const HEAD: &str = "\
# Permissions

Generated from the code by `UPDATE_DOCS=1 cargo nextest run -p platecam permissions`; a test keeps it true, and matrix tests call
every route, operation and method as everybody and compare (`web/tests/it/permissions.rs`, `onvif/tests/security.rs`,
`conformance/tests/permissions.rs` for RTSP).

**Adding a route of the web API:** `routes()` of a resource returns `Routes` (`web/src/routes.rs`) and names method, path and
`Access` in one line, for example `Routes::new().get(\"/status\", Access::Needs(Permission::LiveView), show)`. The gate checks it before the
handler runs and hands the `Login` over, so a handler only asks the model. A route cannot exist without an entry; run the command above
so that this page has it too. **Adding an ONVIF operation:** its access class comes from the contract. **Adding a command:** it acts as the owner of the device.

A user has the permissions chosen for it, never more than its group's (GEN-2). What is not allowed is refused (default deny).

";

const ONVIF: &str = "
## ONVIF

The access class of an operation (Core §7.9.4) needs one permission; model calls check their own in addition.
The ONVIF level of a group or user is the greatest one whose whole default policy its permissions cover:

| level | permissions that it takes |
|---|---|
";

const RTSP: &str = "
## RTSP

| method | needs |
|---|---|
| OPTIONS | anybody |
| DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER | `live-view`; a session belongs to the user who set it up |

";

/// Commands act on files of the machine: the system's rights to the state directory decide.
const COMMANDS: &str = "\
## Command line

Whoever may read and write the state directory (its owner, root) is the owner of the device and may everything; others get exit code 3.
Changes are logged with the origin *local*.

| command | needs |
|---|---|
";

fn levels(out: &mut String) {
    out.push_str("## Permissions and built-in groups\n\n| permission | allows | admin | operator | user |\n|---|---|---|---|---|\n");
    for p in Permission::ALL {
        let has = |level: UserLevel| if level.permissions().has(*p) { "x" } else { "" };
        writeln!(
            out,
            "| `{p}` | {} | {} | {} | {} |",
            p.title(),
            has(UserLevel::Administrator),
            has(UserLevel::Operator),
            has(UserLevel::User),
        )
        .unwrap();
    }
}

fn web(out: &mut String) {
    out.push_str(
        "\n## Web API\n\nPaths below `/api/v1`.\n\n| method | path | needs |\n|---|---|---|\n",
    );
    for r in platecam_web::permission_table() {
        writeln!(out, "| {} | `{}` | {} |", r.method, r.path, r.access).unwrap();
    }
}

fn cgi(out: &mut String) {
    out.push_str("\n## CGI\n\nBy HTTP Digest; nothing is open ([cgi.md](cgi.md)).\n\n| method | path | needs |\n|---|---|---|\n");
    for r in platecam_web::cgi_table() {
        writeln!(out, "| {} | `{}` | {} |", r.method, r.path, r.access).unwrap();
    }
}

fn onvif(out: &mut String) {
    out.push_str(ONVIF);
    for level in [
        UserLevel::Administrator,
        UserLevel::Operator,
        UserLevel::User,
    ] {
        let words: Vec<_> = level.policy().iter().map(|p| format!("`{p}`")).collect();
        writeln!(out, "| {} | {} |", level.word(), words.join(", ")).unwrap();
    }
    out.push_str("| extended | anything less |\n\n| service | class | needs | operations |\n|---|---|---|---|\n");
    let mut rows: BTreeMap<(String, String, String), Vec<&str>> = BTreeMap::new();
    for (service, op) in platecam_onvif::operations() {
        let needs = platecam_onvif::needed(op).map_or("anybody".into(), |p| format!("`{p}`"));
        rows.entry((service.into(), format!("{:?}", op.access), needs))
            .or_default()
            .push(op.name);
    }
    for ((service, class, needs), names) in rows {
        writeln!(
            out,
            "| {service} | {class} | {needs} | {} |",
            names.join(", ")
        )
        .unwrap();
    }
}

fn commands(out: &mut String, command: &clap::Command, name: &str) {
    for sub in command.get_subcommands() {
        let name = format!("{name} {}", sub.get_name());
        if sub.has_subcommands() {
            commands(out, sub, &name);
        } else {
            let needs = match name.as_str() {
                "platecam check-picture"
                | "platecam check-video"
                | "platecam recognize"
                | "platecam recognize-video"
                | "platecam version" => "nobody in particular",
                _ if sub.get_arguments().any(|a| a.get_id() == "state_dir") => {
                    "owner of the state directory"
                }
                _ => "nobody in particular: reads and writes only the files named",
            };
            writeln!(out, "| `{name}` | {needs} |").unwrap();
        }
    }
}

#[test]
fn the_permission_reference_is_true() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/permissions.md");
    let mut now = String::from(HEAD);
    levels(&mut now);
    web(&mut now);
    cgi(&mut now);
    onvif(&mut now);
    now.push_str(RTSP);
    now.push_str(COMMANDS);
    commands(&mut now, &Cli::command(), "platecam");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &now).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == now,
        "docs/reference/permissions.md is old: run UPDATE_DOCS=1 cargo nextest run -p platecam permissions"
    );
}
