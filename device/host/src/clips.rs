//! Uploaded sounds as files of the state directory.

use std::{
    fs::{self, DirBuilder},
    io::{self, Read},
    os::unix::fs::DirBuilderExt,
    path::PathBuf,
};

use platecam_model::{Error, Result, broadcast::MAX_CLIP_BYTES, ports::ClipFiles};

use crate::state_dir::write_atomic;

const END: &str = ".wav";

/// One file a sound, replaced in one step. The folder is made with the first.
#[derive(Debug)]
pub struct ClipFolder {
    path: PathBuf,
}

impl ClipFolder {
    /// Sounds in this folder.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// The file of a token; what is none names no file.
    fn file(&self, token: &str) -> Result<PathBuf> {
        let sign = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if token.is_empty() || !token.chars().all(sign) {
            return Err(Error::internal(format!("'{token}' is no name of a sound")));
        }
        Ok(self.path.join(format!("{token}{END}")))
    }

    fn failed(&self, e: &io::Error) -> Error {
        Error::internal(format!("{}: {e}", self.path.display()))
    }
}

impl ClipFiles for ClipFolder {
    fn put(&self, token: &str, file: &[u8]) -> Result<()> {
        let path = self.file(token)?;
        let mut folder = DirBuilder::new();
        let made = folder.recursive(true).mode(0o700).create(&self.path);
        made.and_then(|()| write_atomic(&path, file, 0o600))
            .map_err(|e| self.failed(&e))
    }

    fn get(&self, token: &str) -> Result<Option<Vec<u8>>> {
        let file = match fs::File::open(self.file(token)?) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(self.failed(&e)),
        };
        let mut sound = Vec::new();
        let read = file.take(MAX_CLIP_BYTES as u64).read_to_end(&mut sound);
        read.map_err(|e| self.failed(&e))?;
        Ok(Some(sound))
    }

    fn remove(&self, token: &str) -> Result<()> {
        match fs::remove_file(self.file(token)?) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(self.failed(&e)),
            _ => Ok(()),
        }
    }

    fn tokens(&self) -> Result<Vec<String>> {
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(self.failed(&e)),
        };
        let mut tokens = Vec::new();
        for entry in entries {
            let name = entry.map_err(|e| self.failed(&e))?.file_name();
            if let Some(token) = name.to_str().and_then(|n| n.strip_suffix(END)) {
                tokens.push(token.to_owned());
            }
        }
        tokens.sort();
        Ok(tokens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sounds_are_kept_listed_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let clips = ClipFolder::new(dir.path().join("clips"));
        assert!(clips.tokens().unwrap().is_empty(), "no folder yet");
        clips.put("gong", b"one").unwrap();
        clips.put("gong", b"two").unwrap();
        clips.put("a-1", b"three").unwrap();
        // What a kill in the middle of writing leaves is none.
        fs::write(dir.path().join("clips/half.tmp"), b"x").unwrap();
        let again = ClipFolder::new(dir.path().join("clips"));
        assert_eq!(again.tokens().unwrap(), ["a-1", "gong"]);
        assert_eq!(again.get("gong").unwrap().unwrap(), b"two");
        assert_eq!(again.get("other").unwrap(), None);
        again.remove("gong").unwrap();
        again.remove("gong").unwrap();
        assert_eq!(again.tokens().unwrap(), ["a-1"]);
        for outside in ["../x", "", "a/b", "a.b"] {
            assert!(again.put(outside, b"x").is_err(), "{outside}");
        }
    }
}
