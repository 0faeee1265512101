//! The Debian package: made of the binary under test, installed into a copy of this machine, started, asked, removed.

use std::{path::PathBuf, process::Command, time::Duration};

use conformance::{binary, output, root};

const PATIENCE: Duration = Duration::from_secs(300);

fn deb() -> PathBuf {
    let made = output(
        Command::new(root().join("scripts/deb.sh")).arg(binary().unwrap().canonicalize().unwrap()),
        PATIENCE,
    )
    .unwrap();
    root().join(made.trim())
}

/// Runs a script of conformance/deb as root, with a package of the binary under test.
fn as_root(script: &str) -> String {
    let script = root().join("conformance/deb").join(script);
    // Who we are: the owner of our own entry in /proc.
    let uid = std::fs::metadata("/proc/self").map(|m| std::os::unix::fs::MetadataExt::uid(&m));
    let mut command = if uid.is_ok_and(|u| u == 0) {
        Command::new(script)
    } else {
        let mut sudo = Command::new("sudo");
        sudo.arg("-n").arg(script);
        sudo
    };
    let said = output(command.arg(deb()), PATIENCE).unwrap();
    println!("{said}");
    said
}

#[test]
fn the_package_is_installed_answers_and_goes_without_a_trace() {
    let said = as_root("install.sh");
    assert!(said.contains("INSTALLED, ANSWERED, REMOVED"), "{said}");
    assert!(said.contains("runs as: platecam"), "{said}");
}

/// Under a real systemd the unit, which is not root, sets the machine's address, takes it back or keeps it (NET-2, NET-10, NET-11), takes address,
/// name and time server from a DHCP server and an address of the link beside it (NET-3, NET-4, SYS-13), sets
/// the zone, commands the time daemon, comes back after a kill -9 and reboots the machine (SYS-15, SYS-16, SYS-22).
#[test]
fn the_unit_keeps_the_machine_and_reboots_it() {
    let said = as_root("systemd.sh");
    assert!(said.contains("BOOTED, INSTALLED, REBOOTED"), "{said}");
    assert!(said.contains("ADDRESS CHANGED, KEPT, TAKEN BACK"), "{said}");
    assert!(
        said.contains("NAME, TIME SERVER AND LINK-LOCAL ADDRESS TAKEN"),
        "{said}"
    );
    assert!(said.contains("active, enabled, runs as platecam"), "{said}");
}

/// No tool here builds images: the recipe is done word by word in a copy of this machine, without its base image and apt. What is
/// copied is what `make deb` makes; its options are those of the program.
#[test]
fn the_container_recipe_is_done_by_hand() {
    let said = as_root("container.sh");
    assert!(said.contains("RUN AND HEALTHY AS platecam"), "{said}");
    let recipe = std::fs::read_to_string(root().join("packaging/Containerfile")).unwrap();
    assert!(recipe.contains("COPY target/deb/platecam_*.deb"));
    assert!(recipe.contains("apt-get install -y --no-install-recommends /tmp/platecam_*.deb"));
    let makefile = std::fs::read_to_string(root().join("Makefile")).unwrap();
    assert!(makefile.contains("\ndeb:"), "make deb makes it");
}

/// SEC-20: what no device can do itself is advised, and the advice comes with the product.
#[test]
fn the_security_guide_is_part_of_the_package() {
    let said = output(Command::new("dpkg-deb").arg("-c").arg(deb()), PATIENCE).unwrap();
    for page in ["guide/security.md", "SECURITY.md", "copyright"] {
        let path = format!("./usr/share/doc/platecam/{page}\n");
        assert!(format!("{said}\n").contains(&path), "{page}: {said}");
    }
    let guide = std::fs::read_to_string(root().join("docs/guide/security.md")).unwrap();
    for advice in ["port mapping", "VLAN", "out of reach", "Update the clients"] {
        assert!(guide.contains(advice), "{advice}");
    }
}

/// HW-9: an image that is made with the package's preset has no console on the debugging port, and no SSH (SEC-9).
#[test]
fn the_preset_leaves_the_debugging_port_closed() {
    let name = "packaging/systemd/80-platecam.preset";
    let preset = std::fs::read_to_string(root().join(name)).unwrap();
    let lines: Vec<_> = preset.lines().collect();
    for off in ["disable serial-getty@.service", "disable ssh.service"] {
        assert!(lines.contains(&off), "{off}: {preset}");
    }
    let script = std::fs::read_to_string(root().join("scripts/deb.sh")).unwrap();
    assert!(script.contains(&format!("{name} usr/lib/systemd/system-preset/")));
}

/// The unit keeps its privileges down; systemd itself gives the mark (0 is best, 10 worst).
#[test]
fn the_unit_is_sound_and_hardened() {
    let unit = root().join("packaging/systemd/platecam.service");
    let mut command = Command::new("systemd-analyze");
    command
        .args(["security", "--offline=true", "--threshold=30"])
        .arg(&unit);
    let said = output(&mut command, PATIENCE).unwrap();
    assert!(said.contains("Overall exposure level"), "{said}");
    let text = std::fs::read_to_string(&unit).unwrap();
    for line in [
        "User=platecam",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "WatchdogSec=",
        "LimitCORE=0",
        "Type=notify",
    ] {
        assert!(text.contains(line), "{line}");
    }
}
