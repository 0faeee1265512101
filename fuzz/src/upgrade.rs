//! Upgrade packages and lists of versions (SYS-26, SYS-28).

use std::io;

use platecam_host::upgrade::{
    FileEntry, MAGIC, Manifest, SigningKey, Sink, TrustedKeys, Verifier, VersionList,
};

use crate::Target;

/// Files of a package may not leave its folder, nor be a folder too.
#[derive(Default)]
struct Slot {
    open: Option<u64>,
}

impl Sink for Slot {
    fn begin(&mut self, manifest: &Manifest) -> io::Result<()> {
        for file in &manifest.files {
            let names: Vec<_> = file.path.split('/').collect();
            assert!(
                names.iter().all(|n| !matches!(*n, "" | "." | "..")),
                "{} leaves its folder",
                file.path
            );
            let inside = format!("{}/", file.path);
            let clash = manifest.files.iter().find(|f| f.path.starts_with(&inside));
            assert!(clash.is_none(), "{} is a folder too", file.path);
        }
        Ok(())
    }

    fn open(&mut self, file: &FileEntry) -> io::Result<()> {
        assert!(self.open.is_none(), "the file before is still open");
        self.open = Some(file.size);
        Ok(())
    }

    fn data(&mut self, bytes: &[u8]) -> io::Result<()> {
        let left = self.open.expect("a file is open");
        let left = left.checked_sub(bytes.len() as u64);
        self.open = Some(left.expect("no more than the manifest says"));
        Ok(())
    }

    fn close(&mut self) -> io::Result<()> {
        assert_eq!(self.open.take(), Some(0), "the whole file");
        Ok(())
    }
}

/// A package as it is; and one of a manifest (up to an empty line) and content, with the head and the signature that
/// belong to them, as only somebody with the key can make it.
pub(crate) fn package() -> Box<dyn Target> {
    let dir = tempfile::tempdir().expect("a folder");
    let key = SigningKey::generate(&dir.path().join("key")).expect("a key");
    let keys = TrustedKeys::parse(&key.public()).expect("its public half");
    Box::new(move |input: &[u8]| {
        let split = input.windows(2).position(|w| w == b"\n\n");
        let (manifest, content) = match split {
            Some(at) => (&input[..at], &input[at + 2..]),
            None => (input, &[][..]),
        };
        let mut signed = MAGIC.to_vec();
        signed.extend(u32::try_from(manifest.len()).unwrap_or(0).to_be_bytes());
        signed.extend_from_slice(manifest);
        let signature = key.sign(&signed);
        signed.extend(key.id());
        signed.extend(signature);
        signed.extend_from_slice(content);
        for package in [input, &signed] {
            let outcomes = [1, 7, package.len().max(1)].map(|piece| {
                let mut verifier = Verifier::new(keys.clone(), None, Slot::default());
                let mut pieces = package.chunks(piece);
                let taken = pieces.try_for_each(|piece| verifier.push(piece));
                taken.and_then(|()| verifier.finish()).is_ok()
            });
            assert!(
                outcomes.iter().all(|o| *o == outcomes[0]),
                "it depends on how it comes"
            );
            assert!(!outcomes[0] || package != input, "nobody has signed this");
        }
        let opened = VersionList::open(input, &keys);
        assert!(opened.is_err(), "nobody has signed this list");
    })
}
