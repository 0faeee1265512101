//! What a package says of itself, and whether that is wanted here.

use std::path::PathBuf;

use platecam_model::{UtcTime, ports::FirmwareVersion};
use serde::{Deserialize, Serialize};

use super::Refused;

/// The product that packages are for.
pub const PRODUCT: &str = "platecam";
/// The file that is started.
pub const PROGRAM: &str = "bin/platecam";

/// Files of a package at most.
const MAX_FILES: usize = 4096;
/// Bytes of all files at most.
const MAX_TOTAL: u64 = 2 << 30;

/// The signed head of a package.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Always `platecam`.
    pub product: String,
    /// Model that it is for.
    pub model: String,
    /// Processor that it is for, as Rust names it: `x86_64`, `aarch64`.
    pub arch: String,
    /// Its version.
    pub version: FirmwareVersion,
    /// The oldest version that can be upgraded to it.
    pub min_version: FirmwareVersion,
    /// When it was built.
    pub built_at: UtcTime,
    /// What is new, for people.
    #[serde(default)]
    pub notes: String,
    /// The files in the order of their content.
    pub files: Vec<FileEntry>,
}

/// One file of a package.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Relative path of plain names: letters, digits, `.`, `_`, `-`, `+`.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the content, lower-case hexadecimal.
    pub sha256: String,
    /// Whether it is a program.
    #[serde(default)]
    pub executable: bool,
}

/// What this unit takes.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Its model.
    pub model: String,
    /// Its processor.
    pub arch: String,
    /// The running version.
    pub current: FirmwareVersion,
}

impl Manifest {
    /// Checks everything but the content of the files.
    ///
    /// # Errors
    /// [`Refused`] with the first thing that is wrong.
    pub fn check(&self, wanted: &Wanted) -> Result<(), Refused> {
        if self.product != PRODUCT {
            return Err(Refused::Product(short(&self.product)));
        }
        if self.model != wanted.model {
            return Err(Refused::Model {
                its: short(&self.model),
                ours: wanted.model.clone(),
            });
        }
        if self.arch != wanted.arch {
            return Err(Refused::Arch {
                its: short(&self.arch),
                ours: wanted.arch.clone(),
            });
        }
        let (version, current) = (self.version, wanted.current);
        if version < current {
            return Err(Refused::Older { version, current });
        }
        if version == current {
            return Err(Refused::Same { version });
        }
        if current < self.min_version {
            return Err(Refused::TooFar {
                needs: self.min_version,
                current,
            });
        }
        self.check_files()
    }

    /// Checks names, sizes and hashes as texts.
    ///
    /// # Errors
    /// [`Refused::Malformed`].
    pub fn check_files(&self) -> Result<(), Refused> {
        let bad = |why: String| Err(Refused::Malformed(why));
        if self.files.is_empty() || self.files.len() > MAX_FILES {
            return bad(format!(
                "{} files; 1 to {MAX_FILES} are allowed",
                self.files.len()
            ));
        }
        let mut paths: Vec<&str> = Vec::with_capacity(self.files.len());
        let mut total = 0u64;
        for file in &self.files {
            if !safe(&file.path) {
                return bad(format!("the path '{}'", short(&file.path)));
            }
            if file.sha256.len() != 64 || hex::decode(&file.sha256).is_err() {
                return bad(format!("the hash of {}", file.path));
            }
            total = total.saturating_add(file.size);
            paths.push(&file.path);
        }
        if total > MAX_TOTAL {
            return bad(format!("{total} bytes; at most {MAX_TOTAL}"));
        }
        // By the names between slashes, so that a folder stands beside what is in it: "a-b" comes after "a/b".
        paths.sort_unstable_by(|a, b| a.split('/').cmp(b.split('/')));
        for pair in paths.windows(2) {
            // A file cannot be a folder too.
            if pair[0] == pair[1]
                || pair[1]
                    .strip_prefix(pair[0])
                    .is_some_and(|r| r.starts_with('/'))
            {
                return bad(format!("{} is there twice", pair[0]));
            }
        }
        if !self.files.iter().any(|f| f.path == PROGRAM && f.executable) {
            return bad(format!("there is no program {PROGRAM}"));
        }
        Ok(())
    }
}

fn safe(path: &str) -> bool {
    let name = |n: &str| {
        !n.is_empty()
            && !n.starts_with('.')
            && n.len() <= 100
            && n.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-+".contains(&b))
    };
    path.len() <= 200 && path.split('/').count() <= 8 && path.split('/').all(name)
}

fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}

/// The path of a file below a slot.
pub(crate) fn below(slot: &std::path::Path, file: &FileEntry) -> PathBuf {
    // `safe` allows no way out.
    slot.join(&file.path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_below_the_slot() {
        for good in [
            "bin/platecam",
            "share/ui/index-1.2.js",
            "lib/libonnxruntime.so",
            "a/b/c/d/e/f/g/h",
        ] {
            assert!(safe(good), "{good}");
        }
        for bad in [
            "",
            "/bin/x",
            "../x",
            "a/../x",
            "a//b",
            "a/",
            ".hidden",
            "a/.b",
            "a b",
            "ä",
            "a\0",
            "a\\b",
            "a/b/c/d/e/f/g/h/i",
        ] {
            assert!(!safe(bad), "{bad}");
        }
        assert!(!safe(&"x".repeat(201)));
    }
}
