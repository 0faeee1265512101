//! What the release engineer does: a directory becomes a manifest, a file is read as a unit would.

use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use ring::digest::{Context, SHA256};

use super::{FileEntry, Manifest, Refused, TrustedKeys, Verifier};

const PIECE: usize = 64 * 1024;

/// All files below `root` by path, links followed.
///
/// # Errors
/// What the system says.
pub fn collect(root: &Path) -> io::Result<Vec<FileEntry>> {
    let mut files = Vec::new();
    walk(root, root, &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn walk(root: &Path, dir: &Path, files: &mut Vec<FileEntry>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let meta = fs::metadata(&path)?;
        if meta.is_dir() {
            walk(root, &path, files)?;
            continue;
        }
        let relative = path.strip_prefix(root).map_err(io::Error::other)?;
        files.push(FileEntry {
            path: relative.to_string_lossy().into_owned(),
            size: meta.len(),
            sha256: sha256(&path)?,
            executable: meta.permissions().mode() & 0o100 != 0,
        });
    }
    Ok(())
}

fn sha256(path: &Path) -> io::Result<String> {
    let mut hash = Context::new(&SHA256);
    pieces(path, |piece| {
        hash.update(piece);
        Ok::<_, io::Error>(())
    })?;
    Ok(hex::encode(hash.finish().as_ref()))
}

/// Checks a package as a unit does, but for model, processor and version.
///
/// # Errors
/// [`Refused`].
pub fn read(file: &Path, keys: &TrustedKeys) -> Result<Manifest, Refused> {
    let mut verifier = Verifier::new(keys.clone(), None, ());
    pieces(file, |piece| verifier.push(piece))?;
    verifier.finish().map(|(manifest, ())| manifest)
}

fn pieces<E: From<io::Error>>(
    path: &Path,
    mut each: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; PIECE];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(()),
            n => each(&buffer[..n])?,
        }
    }
}
