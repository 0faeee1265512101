//! Finds and loads ONNX Runtime's shared library, once for the process.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use ort::environment::Environment;

use crate::Error;

/// The environment variable that names the shared library.
const VARIABLE: &str = "ORT_DYLIB_PATH";
/// The library's file name.
const FILE: &str = "libonnxruntime.so";
/// Where a checkout keeps the library that `make setup` fetches, from the root of the repository.
const IN_CHECKOUT: &str = ".cache/onnxruntime";
/// Where an installed device keeps it.
const INSTALLED: [&str; 3] = ["/usr/lib/platecam", "/usr/local/lib", "/usr/lib"];

/// The engine, loaded; cheap to clone.
#[derive(Clone)]
pub struct Runtime {
    environment: Environment,
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Runtime")
    }
}

/// The process's only engine: a second one is not allowed, and the first must not go away.
static LOADED: OnceLock<Runtime> = OnceLock::new();
/// Held while loading, so that two threads do not both try.
static LOADING: Mutex<()> = Mutex::new(());

impl Runtime {
    /// Loads the engine, or gives the one that is loaded.
    ///
    /// The library is the file that `ORT_DYLIB_PATH` names. Without that variable it is looked for beside the
    /// program, in `.cache/onnxruntime` of the checkout that the program was built in, and in
    /// `/usr/lib/platecam`, `/usr/local/lib` and `/usr/lib`.
    ///
    /// # Errors
    /// [`Error::LibraryMissing`] names every path tried; [`Error::Library`] when the file is no ONNX
    /// Runtime of version 1.24 or later.
    pub fn load() -> Result<Self, Error> {
        // A panic of another loader leaves nothing half done.
        let _loading = LOADING
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(loaded) = LOADED.get() {
            return Ok(loaded.clone());
        }
        let exe = std::env::current_exe().ok();
        let (path, origin) = find(std::env::var_os(VARIABLE), exe.as_deref(), Path::is_file)?;
        let fail = |message: String| Error::Library {
            path: path.clone(),
            origin,
            message,
        };
        let environment = ort::init_from(&path)
            .map_err(|e| fail(e.to_string()))?
            .with_name("platecam")
            .with_telemetry(false)
            .build()
            .map_err(|e| fail(e.to_string()))?;
        tracing::info!(library = %path.display(), origin, "onnx runtime loaded");
        Ok(LOADED.get_or_init(|| Self { environment }).clone())
    }

    /// The engine's handle.
    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
    }
}

/// The library's path and where it came from.
fn find(
    variable: Option<OsString>,
    exe: Option<&Path>,
    exists: impl Fn(&Path) -> bool,
) -> Result<(PathBuf, &'static str), Error> {
    if let Some(named) = variable.filter(|v| !v.is_empty()) {
        // Relative to the working directory, as a user expects, not to the program.
        let path = std::path::absolute(&named).unwrap_or_else(|_| named.into());
        return Ok((path, VARIABLE));
    }
    let mut tried = Vec::new();
    if let Some(folder) = exe.and_then(Path::parent) {
        tried.push(folder.join(FILE));
        // target/release, target/debug/deps and the like lie up to four folders below the checkout.
        tried.extend(
            folder
                .ancestors()
                .skip(1)
                .take(4)
                .map(|a| a.join(IN_CHECKOUT).join(FILE)),
        );
    }
    tried.extend(INSTALLED.iter().map(|folder| Path::new(folder).join(FILE)));
    match tried.iter().find(|p| exists(p)) {
        Some(found) => Ok((found.clone(), "search")),
        None => Err(Error::LibraryMissing {
            variable: VARIABLE,
            tried,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXE: &str = "/src/target/debug/deps/test-1";

    #[test]
    fn the_variable_wins_even_when_its_file_is_missing() {
        let (path, origin) =
            find(Some("/opt/ort.so".into()), Some(Path::new(EXE)), |_| true).unwrap();
        assert_eq!(
            (path.as_path(), origin),
            (Path::new("/opt/ort.so"), VARIABLE)
        );
    }

    #[test]
    fn the_checkout_comes_before_the_system() {
        let there = [
            "/src/.cache/onnxruntime/libonnxruntime.so",
            "/usr/lib/platecam/libonnxruntime.so",
        ];
        for (present, expect) in [(&there[..], there[0]), (&there[1..], there[1])] {
            let found = find(None, Some(Path::new(EXE)), |p| {
                present.iter().any(|t| p == Path::new(t))
            });
            assert_eq!(found.unwrap().0, Path::new(expect));
        }
    }

    #[test]
    fn a_missing_library_names_the_variable_and_every_path() {
        let e = find(Some(OsString::new()), Some(Path::new(EXE)), |_| false)
            .unwrap_err()
            .to_string();
        for part in [
            VARIABLE,
            "/src/target/debug/deps/libonnxruntime.so",
            "/src/.cache/onnxruntime",
            "/usr/lib/platecam",
        ] {
            assert!(e.contains(part), "{part} not in: {e}");
        }
    }
}
