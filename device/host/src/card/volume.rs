//! Files on a card. The card comes from anybody: no link on it is followed, nothing but plain files of a bounded size is read, and
//! no name leaves it.

use std::{
    fs::File,
    io::{Read, Write},
    os::fd::OwnedFd,
    path::Path,
};

use bytes::Bytes;
use platecam_model::{Error, Result};
use rustix::{
    fs::{
        AtFlags, CWD, Dir, Mode, OFlags, ResolveFlags, StatVfsMountFlags, fstatvfs, fsync, mkdirat,
        openat, openat2, renameat, unlinkat,
    },
    io::Errno,
};
use serde::{Deserialize, Serialize};

/// The folder of everything.
pub(super) const FOLDER: &str = "platecam";
/// The file that holds a card's name.
const MARK: &str = "platecam/card.json";
/// Largest file that is read.
const MAX_FILE: u64 = 32 << 20;
/// Most names of a folder that are listed or removed at once.
const MAX_NAMES: usize = 16_384;

#[derive(Serialize, Deserialize)]
struct Mark {
    id: String,
}

/// How much there is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    pub(super) total: u64,
    pub(super) free: u64,
    pub(super) read_only: bool,
}

/// The root of a card.
#[derive(Debug)]
pub(super) struct Volume {
    root: OwnedFd,
}

/// An error with what is needed to judge the card by it.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) errno: Option<Errno>,
    pub(super) error: Error,
}

type Done<T> = std::result::Result<T, Failure>;

fn failed(path: &str) -> impl Fn(Errno) -> Failure + '_ {
    move |errno| Failure {
        errno: Some(errno),
        error: match errno {
            Errno::NOENT => Error::not_found("file on the memory card", path),
            errno => Error::internal(format!("memory card: {path}: {errno}")),
        },
    }
}

fn errno(e: &std::io::Error) -> Errno {
    e.raw_os_error().map_or(Errno::IO, Errno::from_raw_os_error)
}

/// Names of letters, digits, dots, `-` and `_`, with `/` in between.
fn good(path: &str) -> Done<()> {
    let name = |n: &str| {
        !n.is_empty()
            && n.len() <= 64
            && !n.starts_with('.')
            && n.chars()
                .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    };
    let fine = path.split('/').count() <= 6 && path.split('/').all(name);
    fine.then_some(()).ok_or_else(|| Failure {
        errno: None,
        error: Error::internal(format!("memory card: '{path}' is no path")),
    })
}

impl Volume {
    pub(super) fn open(root: &Path) -> std::result::Result<Self, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        openat(CWD, root, flags, Mode::empty()).map(|root| Self { root })
    }

    fn at(&self, path: &str, flags: OFlags) -> std::result::Result<OwnedFd, Errno> {
        let within = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
        let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        openat2(&self.root, path, flags, Mode::empty(), within)
    }

    fn folder(&self, path: &str) -> std::result::Result<OwnedFd, Errno> {
        match path {
            "" => self.root.try_clone().map_err(|e| errno(&e)),
            path => self.at(path, OFlags::RDONLY | OFlags::DIRECTORY),
        }
    }

    /// The folder above a path, made where it is missing, and the last name.
    fn parent<'a>(&self, path: &'a str, make: bool) -> Done<(OwnedFd, &'a str)> {
        good(path)?;
        let fail = failed(path);
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        match self.folder(above) {
            Err(Errno::NOENT) if make => {}
            other => return Ok((other.map_err(fail)?, name)),
        }
        let ends = above.match_indices('/').map(|(i, _)| i);
        for end in ends.chain([above.len()]) {
            let (outer, inner) = above[..end].rsplit_once('/').unwrap_or(("", &above[..end]));
            let dir = self.folder(outer).map_err(&fail)?;
            match mkdirat(&dir, inner, Mode::from_raw_mode(0o700)) {
                Ok(()) => fsync(&dir).map_err(&fail)?,
                Err(Errno::EXIST) => {}
                Err(e) => return Err(fail(e)),
            }
        }
        Ok((self.folder(above).map_err(&fail)?, name))
    }

    /// Writes a whole file; it is there as a whole or not at all.
    pub(super) fn write(&self, path: &str, content: &[u8]) -> Done<()> {
        let (dir, name) = self.parent(path, true)?;
        let part = format!("{name}.part");
        let written = self.replace(&dir, &part, name, content);
        if written.is_err() {
            // What is left of it would take the room that is missing.
            let _ = unlinkat(&dir, &part, AtFlags::empty());
        }
        written.map_err(failed(path))
    }

    fn replace(
        &self,
        dir: &OwnedFd,
        part: &str,
        name: &str,
        content: &[u8],
    ) -> std::result::Result<(), Errno> {
        match unlinkat(dir, part, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(e) => return Err(e),
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mut file = File::from(openat(dir, part, flags, Mode::from_raw_mode(0o600))?);
        file.write_all(content).map_err(|e| errno(&e))?;
        file.sync_all().map_err(|e| errno(&e))?;
        renameat(dir, part, dir, name)?;
        fsync(dir)
    }

    /// Reads a whole file.
    pub(super) fn read(&self, path: &str) -> Done<Bytes> {
        good(path)?;
        let fail = failed(path);
        // NONBLOCK: a pipe on the card must not hold anybody up.
        let file = self.at(path, OFlags::RDONLY | OFlags::NONBLOCK);
        let file = File::from(file.map_err(&fail)?);
        let meta = file.metadata().map_err(|e| fail(errno(&e)))?;
        if !meta.is_file() || meta.len() > MAX_FILE {
            return Err(Failure {
                errno: None,
                error: Error::internal(format!(
                    "memory card: {path} is no file of at most {MAX_FILE} bytes"
                )),
            });
        }
        let mut content = Vec::with_capacity(meta.len() as usize);
        file.take(MAX_FILE)
            .read_to_end(&mut content)
            .map_err(|e| fail(errno(&e)))?;
        Ok(content.into())
    }

    /// Names in a folder; none where there is none.
    pub(super) fn list(&self, path: &str) -> Done<Vec<String>> {
        good(path)?;
        let dir = match self.folder(path) {
            Err(Errno::NOENT) => return Ok(Vec::new()),
            other => other.map_err(failed(path))?,
        };
        names(dir).map_err(failed(path))
    }

    /// Removes a file, or a folder with the files in it; what is not there is fine.
    pub(super) fn remove(&self, path: &str) -> Done<()> {
        let fail = failed(path);
        let (dir, name) = match self.parent(path, false) {
            Err(Failure {
                errno: Some(Errno::NOENT),
                ..
            }) => return Ok(()),
            other => other?,
        };
        match unlinkat(&dir, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => return Ok(()),
            Err(Errno::ISDIR | Errno::PERM) => {}
            Err(e) => return Err(fail(e)),
        }
        // Folders of folders: as deep as paths may be, see `good`.
        for name in names(self.folder(path).map_err(&fail)?).map_err(&fail)? {
            self.remove(&format!("{path}/{name}"))?;
        }
        match unlinkat(&dir, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(e) => Err(fail(e)),
        }
    }

    /// The card's name; one without gets `new`.
    pub(super) fn id(&self, new: &str, read_only: bool) -> Done<String> {
        let known = match self.read(MARK) {
            Ok(text) => serde_json::from_slice::<Mark>(&text).ok().map(|m| m.id),
            Err(Failure {
                errno: Some(Errno::NOENT),
                ..
            }) => None,
            Err(e) => return Err(e),
        };
        let plain =
            |id: &String| (8..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_hexdigit());
        if let Some(id) = known.filter(plain) {
            return Ok(id);
        }
        if !read_only {
            let mark = serde_json::to_vec(&Mark { id: new.to_owned() });
            self.write(MARK, &mark.unwrap_or_default())?;
        }
        Ok(new.to_owned())
    }

    pub(super) fn figures(&self) -> std::result::Result<Figures, Errno> {
        let fs = fstatvfs(&self.root)?;
        Ok(Figures {
            total: fs.f_blocks * fs.f_frsize,
            free: fs.f_bavail * fs.f_frsize,
            read_only: fs.f_flag.contains(StatVfsMountFlags::RDONLY),
        })
    }

    /// Everything of ours is removed; for a folder, which cannot be formatted.
    pub(super) fn empty(&self) -> Result<()> {
        self.remove(FOLDER).map_err(|f| f.error)
    }
}

fn names(dir: OwnedFd) -> std::result::Result<Vec<String>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(&dir)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name != "." && name != ".." {
            names.push(name);
        }
        if names.len() >= MAX_NAMES {
            break;
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    fn volume() -> (tempfile::TempDir, Volume) {
        let dir = tempfile::tempdir().unwrap();
        let volume = Volume::open(dir.path()).unwrap();
        (dir, volume)
    }

    #[test]
    fn files_come_whole_and_go_with_their_folder() {
        let (dir, v) = volume();
        v.write("platecam/PC1/000000/1-full.jpg", b"one").unwrap();
        v.write("platecam/PC1/000000/1-full.jpg", b"two").unwrap();
        v.write("platecam/PC1/000001/1000-full.jpg", b"x").unwrap();
        assert_eq!(v.read("platecam/PC1/000000/1-full.jpg").unwrap(), "two");
        let files = fs::read_dir(dir.path().join("platecam/PC1/000000"));
        assert_eq!(files.unwrap().count(), 1, "nothing is left behind");
        let mut names = v.list("platecam/PC1").unwrap();
        names.sort();
        assert_eq!(names, ["000000", "000001"]);
        assert_eq!(v.list("platecam/PC2").unwrap(), [""; 0]);
        v.remove("platecam/PC1/000000").unwrap();
        v.remove("platecam/PC1/000000/1-full.jpg").unwrap();
        assert_eq!(v.list("platecam/PC1").unwrap(), ["000001"]);
        let e = v.read("platecam/PC1/000000/1-full.jpg").unwrap_err();
        assert!(matches!(e.error, Error::NotFound { .. }), "{e:?}");
        let (free, total) = v.figures().map(|f| (f.free, f.total)).unwrap();
        assert!(0 < free && free <= total);
    }

    #[test]
    fn a_card_keeps_its_first_name() {
        let (dir, v) = volume();
        assert_eq!(v.id("00000000000000aa", true).unwrap(), "00000000000000aa");
        assert_eq!(v.id("00000000000000bb", false).unwrap(), "00000000000000bb");
        assert_eq!(v.id("00000000000000cc", false).unwrap(), "00000000000000bb");
        // A mark that is none of ours is replaced.
        fs::write(dir.path().join(MARK), b"{\"id\": \"../../etc\"}").unwrap();
        assert_eq!(v.id("00000000000000dd", false).unwrap(), "00000000000000dd");
    }

    /// A card of somebody who means ill.
    #[test]
    fn nothing_on_a_card_leads_away_from_it() {
        let (dir, v) = volume();
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), b"secret").unwrap();
        fs::create_dir(dir.path().join("platecam")).unwrap();
        symlink(outside.path(), dir.path().join("platecam/away")).unwrap();
        symlink(
            outside.path().join("secret"),
            dir.path().join("platecam/file"),
        )
        .unwrap();
        rustix::fs::mknodat(
            CWD,
            dir.path().join("platecam/pipe"),
            rustix::fs::FileType::Fifo,
            Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        for path in ["platecam/away/secret", "platecam/file", "platecam/pipe"] {
            assert!(v.read(path).is_err(), "{path}");
        }
        assert!(v.write("platecam/away/new", b"x").is_err());
        assert!(v.list("platecam/away").is_err());
        for path in [
            "",
            "/etc/passwd",
            "../x",
            "platecam/../x",
            "a//b",
            ".x",
            "a b",
        ] {
            assert!(v.read(path).is_err(), "{path}");
            assert!(v.write(path, b"x").is_err(), "{path}");
        }
        // A link in the way of a file is replaced, not followed.
        symlink(
            outside.path().join("secret"),
            dir.path().join("platecam/p.jpg.part"),
        )
        .unwrap();
        v.write("platecam/p.jpg", b"x").unwrap();
        v.remove("platecam/away").unwrap();
        v.empty().unwrap();
        assert!(!dir.path().join("platecam").exists());
        let secret = fs::read(outside.path().join("secret")).unwrap();
        assert_eq!(secret, b"secret");
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    }
}
