//! Files for download that only a password opens.

use std::io::{Cursor, Write};

use platecam_model::{Error, Result, Secret};
use zip::{AesMode, ZipWriter, write::SimpleFileOptions};

/// A ZIP with one file in it, encrypted by AES-256 (WinZip AE-2, which 7-Zip and others open).
///
/// # Errors
/// [`Error::Internal`], never in practice: it is written to memory.
pub(crate) fn encrypted_zip(name: &str, content: &[u8], password: &Secret) -> Result<Vec<u8>> {
    let mut out = ZipWriter::new(Cursor::new(Vec::new()));
    let options =
        SimpleFileOptions::default().with_aes_encryption(AesMode::Aes256, password.expose());
    out.start_file(name, options).map_err(Error::internal)?;
    out.write_all(content).map_err(Error::internal)?;
    Ok(out.finish().map_err(Error::internal)?.into_inner())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use zip::ZipArchive;

    use super::*;

    /// LOG-5: opened by its password only, and nothing of the content is readable.
    #[test]
    fn only_the_password_opens_it() {
        let text = "the quick brown fox ".repeat(50);
        let zip = encrypted_zip("a.txt", text.as_bytes(), &Secret::new("correct horse")).unwrap();
        assert!(!zip.windows(9).any(|w| w == b"quick bro"));
        let mut archive = ZipArchive::new(Cursor::new(zip)).unwrap();
        assert!(archive.by_name("a.txt").is_err());
        assert!(archive.by_name_decrypt("a.txt", b"wrong horse").is_err());
        let mut back = String::new();
        archive
            .by_name_decrypt("a.txt", b"correct horse")
            .unwrap()
            .read_to_string(&mut back)
            .unwrap();
        assert_eq!(back, text);
    }
}
