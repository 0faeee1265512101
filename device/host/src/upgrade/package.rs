//! The package format: written by [`write`], read piece by piece by [`Verifier`].
//!
//! ```text
//! 16 bytes   "PLATECAM-PKG-1\r\n"; the line end shows a transfer in text mode
//!  4 bytes   length of the manifest, big endian, at most 256 KiB
//!  n bytes   manifest, JSON
//!  8 bytes   number of the key: the first bytes of SHA-256 of the public key
//! 64 bytes   Ed25519 signature over all bytes before the number of the key
//!            the files, one after the other, as the manifest lists them
//! ```
//! The signature comes before the files: what is not signed is refused before anything is stored.

use std::io::{self, Read, Write};

use ring::digest::{Context, SHA256};

use super::{
    Refused, TrustedKeys,
    keys::SigningKey,
    manifest::{FileEntry, Manifest, Wanted},
};

/// First bytes of every package.
pub const MAGIC: &[u8; 16] = b"PLATECAM-PKG-1\r\n";
/// Longest manifest, bytes.
pub const MAX_MANIFEST: usize = 256 * 1024;
const KEY_ID: usize = 8;
const SIGNATURE: usize = 64;

/// Where verified content goes. Called in the order of the manifest.
pub trait Sink {
    /// The manifest is genuine and wanted.
    ///
    /// # Errors
    /// What the system says.
    fn begin(&mut self, manifest: &Manifest) -> io::Result<()>;

    /// A file begins.
    ///
    /// # Errors
    /// What the system says.
    fn open(&mut self, file: &FileEntry) -> io::Result<()>;

    /// The next bytes of the file; not verified before [`Sink::close`].
    ///
    /// # Errors
    /// What the system says.
    fn data(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// The file is complete and its hash right.
    ///
    /// # Errors
    /// What the system says.
    fn close(&mut self) -> io::Result<()>;
}

/// Nothing is kept: for `platecam package verify`.
impl Sink for () {
    fn begin(&mut self, _: &Manifest) -> io::Result<()> {
        Ok(())
    }

    fn open(&mut self, _: &FileEntry) -> io::Result<()> {
        Ok(())
    }

    fn data(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn close(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads a package as it comes, in pieces of any size, with the memory of one manifest.
pub struct Verifier<S> {
    keys: TrustedKeys,
    wanted: Option<Wanted>,
    sink: S,
    state: State,
}

#[allow(
    clippy::large_enum_variant,
    reason = "one of them exists at a time, and the large one most of the time"
)]
enum State {
    /// Up to and including the signature.
    Head(Vec<u8>),
    /// In the file with this number.
    File {
        manifest: Manifest,
        at: usize,
        left: u64,
        hash: Context,
    },
    Complete(Manifest),
    Failed,
}

impl<S: Sink> Verifier<S> {
    /// For this unit; without `wanted` model, processor and version are not looked at.
    pub fn new(keys: TrustedKeys, wanted: Option<Wanted>, sink: S) -> Self {
        Self {
            keys,
            wanted,
            sink,
            state: State::Head(Vec::new()),
        }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`Refused`]; every later call fails too.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<(), Refused> {
        while !bytes.is_empty() {
            let state = std::mem::replace(&mut self.state, State::Failed);
            self.state = match state {
                State::Head(head) => self.head(head, &mut bytes)?,
                State::File {
                    manifest,
                    at,
                    left,
                    hash,
                } => self.content(manifest, at, left, hash, &mut bytes)?,
                State::Complete(_) => return Err(Refused::Trailing),
                State::Failed => return Err(Refused::Truncated),
            };
        }
        Ok(())
    }

    /// The package has ended.
    ///
    /// # Errors
    /// [`Refused::Truncated`] when something is missing.
    pub fn finish(self) -> Result<(Manifest, S), Refused> {
        match self.state {
            State::Complete(manifest) => Ok((manifest, self.sink)),
            State::Head(head) if !MAGIC.starts_with(&head[..head.len().min(MAGIC.len())]) => {
                Err(Refused::NotAPackage)
            }
            State::Head(_) | State::File { .. } | State::Failed => Err(Refused::Truncated),
        }
    }

    fn head(&mut self, mut head: Vec<u8>, bytes: &mut &[u8]) -> Result<State, Refused> {
        loop {
            let want = head_length(&head)?;
            let Some(missing) = want.checked_sub(head.len()).filter(|n| *n > 0) else {
                break;
            };
            if bytes.is_empty() {
                return Ok(State::Head(head));
            }
            let (now, rest) = bytes.split_at(missing.min(bytes.len()));
            head.extend_from_slice(now);
            *bytes = rest;
        }
        let manifest = self.manifest(&head)?;
        self.sink.begin(&manifest)?;
        self.next(manifest, 0)
    }

    fn manifest(&self, head: &[u8]) -> Result<Manifest, Refused> {
        let (signed, proof) = head.split_at(head.len() - KEY_ID - SIGNATURE);
        let (id, signature) = proof.split_at(KEY_ID);
        self.keys.verify(id, signed, signature)?;
        // From here on it is what somebody with a key wrote; it is bounded all the same.
        let manifest: Manifest = serde_json::from_slice(&signed[MAGIC.len() + 4..])
            .map_err(|e| Refused::Malformed(format!("manifest: {e}")))?;
        match &self.wanted {
            Some(wanted) => manifest.check(wanted)?,
            None => manifest.check_files()?,
        }
        Ok(manifest)
    }

    /// Begins the file `at`; empty ones are complete at once.
    fn next(&mut self, manifest: Manifest, mut at: usize) -> Result<State, Refused> {
        while let Some(file) = manifest.files.get(at) {
            self.sink.open(file)?;
            if file.size > 0 {
                let left = file.size;
                let hash = Context::new(&SHA256);
                return Ok(State::File {
                    manifest,
                    at,
                    left,
                    hash,
                });
            }
            self.close(file, Context::new(&SHA256))?;
            at += 1;
        }
        Ok(State::Complete(manifest))
    }

    fn content(
        &mut self,
        manifest: Manifest,
        at: usize,
        mut left: u64,
        mut hash: Context,
        bytes: &mut &[u8],
    ) -> Result<State, Refused> {
        let n = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        let (now, rest) = bytes.split_at(n);
        *bytes = rest;
        hash.update(now);
        self.sink.data(now)?;
        left -= n as u64;
        if left > 0 {
            return Ok(State::File {
                manifest,
                at,
                left,
                hash,
            });
        }
        if let Some(file) = manifest.files.get(at) {
            self.close(file, hash)?;
        }
        self.next(manifest, at + 1)
    }

    fn close(&mut self, file: &FileEntry, hash: Context) -> Result<(), Refused> {
        if hex::encode(hash.finish().as_ref()) != file.sha256 {
            return Err(Refused::Hash(file.path.clone()));
        }
        self.sink.close()?;
        Ok(())
    }
}

/// Bytes of the head as far as `head` tells.
fn head_length(head: &[u8]) -> Result<usize, Refused> {
    let known = head.len().min(MAGIC.len());
    if head[..known] != MAGIC[..known] {
        return Err(Refused::NotAPackage);
    }
    let Some(length) = head.get(MAGIC.len()..MAGIC.len() + 4) else {
        return Ok(MAGIC.len() + 4);
    };
    let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]) as usize;
    if length == 0 || length > MAX_MANIFEST {
        return Err(Refused::Malformed(format!(
            "a manifest of {length} bytes; 1 to {MAX_MANIFEST} are allowed"
        )));
    }
    Ok(MAGIC.len() + 4 + length + KEY_ID + SIGNATURE)
}

/// Writes a package: `open` gives the content of each file of the manifest.
///
/// # Errors
/// [`Refused::Malformed`] for a manifest that no unit would take, [`Refused::Io`].
pub fn write<R: Read>(
    manifest: &Manifest,
    key: &SigningKey,
    out: &mut impl Write,
    mut open: impl FnMut(&FileEntry) -> io::Result<R>,
) -> Result<(), Refused> {
    manifest.check_files()?;
    let json = serde_json::to_vec(manifest).map_err(|e| Refused::Malformed(e.to_string()))?;
    if json.len() > MAX_MANIFEST {
        return Err(Refused::Malformed(format!(
            "a manifest of {} bytes",
            json.len()
        )));
    }
    let mut head = MAGIC.to_vec();
    head.extend_from_slice(&(json.len() as u32).to_be_bytes());
    head.extend_from_slice(&json);
    let signature = key.sign(&head);
    out.write_all(&head)?;
    out.write_all(&key.id())?;
    out.write_all(&signature)?;
    for file in &manifest.files {
        let copied = io::copy(&mut open(file)?, out)?;
        if copied != file.size {
            return Err(Refused::Malformed(format!(
                "{} changed meanwhile",
                file.path
            )));
        }
    }
    Ok(())
}
