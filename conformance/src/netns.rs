//! Tests on a machine of their own: `conformance/netns/run.sh` gives one in network namespaces, with a second host at the
//! other end of the cable, whose namespace is named by `$PEER`.

use std::{process::Command, time::Duration};

use anyhow::{Result, ensure};

use crate::{output, root};

/// Time for all of such a test.
const WITHIN: Duration = Duration::from_secs(580);

/// Runs the ignored test `inside` of this very test binary there, as root; `daemon` sets the machine's addresses (`networkd`,
/// `NetworkManager`, `none`).
///
/// # Errors
/// When it does not pass; the message has what it printed.
pub fn run_inside(daemon: &str) -> Result<()> {
    run_test_inside(daemon, "inside")
}

/// As [`run_inside`], another test.
///
/// # Errors
/// As there.
pub fn run_test_inside(daemon: &str, test: &str) -> Result<()> {
    let mut command = Command::new(root().join("conformance/netns/run.sh"));
    command.arg(daemon).arg(std::env::current_exe()?).args([
        "--ignored",
        "--exact",
        "--nocapture",
        test,
    ]);
    let said = output(&mut command, WITHIN)?;
    println!("{said}");
    ensure!(said.contains("1 passed"), "{said}");
    Ok(())
}
