//! Upgrade packages of the binary under test, with keys of their own.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::PathBuf,
    process::Command,
};

use anyhow::Result;
use tempfile::TempDir;

use crate::{Camera, Options, PATIENCE, QUIET, binary, output};

/// Keys, packages and the camera's state of one test; deleted with it.
#[derive(Debug)]
pub struct Workshop {
    dir: TempDir,
}

impl Workshop {
    /// An empty one with a pair of keys.
    ///
    /// # Errors
    /// When the binary makes none.
    pub fn new() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let this = Self { dir };
        this.package(&["keygen", &this.text("key")])?;
        Ok(this)
    }

    /// A file of this workshop.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The same as text.
    #[must_use]
    pub fn text(&self, name: &str) -> String {
        self.path(name).to_string_lossy().into_owned()
    }

    fn package(&self, args: &[&str]) -> Result<String> {
        let mut command = Command::new(binary()?);
        output(command.arg("package").args(args), PATIENCE)
    }

    /// Makes the package `package` and returns its bytes. Its program is `script`, or the binary under test, which
    /// scripts find as `real`; what else lies in `root-VERSION` goes with it.
    ///
    /// # Errors
    /// When the binary makes none.
    pub fn build(&self, version: &str, script: Option<&str>) -> Result<Vec<u8>> {
        let root = self.path(&format!("root-{version}"));
        let real = binary()?.canonicalize()?;
        let program = root.join("bin/platecam");
        fs::create_dir_all(root.join("bin"))?;
        match script {
            None => symlink(&real, program)?,
            Some(script) => {
                let script = format!("#!/bin/sh\nreal='{}'\n{script}\n", real.display());
                fs::write(&program, script)?;
                fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
            }
        }
        let (root, out) = (root.to_string_lossy().into_owned(), self.text("package"));
        let key = self.text("key");
        self.package(&["build", "--key", &key, "--version", version, &root, &out])?;
        Ok(fs::read(out)?)
    }

    /// The signed list of an upgrade server that offers the package `name`.
    ///
    /// # Errors
    /// When the binary makes none.
    pub fn announce(&self, name: &str) -> Result<String> {
        self.package(&["announce", "--key", &self.text("key"), &self.text(name)])
    }

    /// How a camera is started that trusts the keys of this workshop, by its launcher.
    #[must_use]
    pub fn options(&self, trial_seconds: u32) -> Options {
        Options {
            source: QUIET.into(),
            args: vec!["--upgrade-keys".into(), self.text("key.pub")],
            launcher: Some(vec!["--trial-seconds".into(), trial_seconds.to_string()]),
            ..Options::default()
        }
    }

    /// Starts such a camera, each time on the same state.
    ///
    /// # Errors
    /// As [`Camera::start_in`].
    pub fn start(&self, trial_seconds: u32) -> Result<Camera> {
        Camera::start_in(&self.options(trial_seconds), &self.path("state"))
    }
}
