//! Ed25519 keys: whose packages are taken, and the release engineer's own.

use std::{fs, io::Write, os::unix::fs::OpenOptionsExt, path::Path};

use platecam_model::{Error, Result};
use ring::{
    rand::SystemRandom,
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};

use super::Refused;

/// The development key. Its private half lies beside it in the repository, so only debug builds trust it.
const DEVELOPMENT: &str = include_str!("../../../../packaging/keys/development.pub");

/// Public keys whose signatures count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedKeys(Vec<[u8; 32]>);

impl TrustedKeys {
    /// Those of the trust file, one key a line (64 hexadecimal digits, `#` begins a comment). Without a file nobody is
    /// trusted; a debug build trusts the development key then.
    ///
    /// # Errors
    /// [`Error::Internal`] naming file and line: a trust file that cannot be read must not fall back to another key.
    pub fn load(file: &Path) -> Result<Self> {
        match fs::read_to_string(file) {
            Ok(text) => {
                Self::parse(&text).map_err(|e| Error::internal(format!("{}: {e}", file.display())))
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(if cfg!(debug_assertions) {
                Self::development()
            } else {
                Self::default()
            }),
            Err(e) => Err(Error::internal(format!("{}: {e}", file.display()))),
        }
    }

    /// The development key alone.
    pub fn development() -> Self {
        Self::parse(DEVELOPMENT).unwrap_or_default()
    }

    /// Reads the lines of a trust file.
    ///
    /// # Errors
    /// The line that is no key.
    pub fn parse(text: &str) -> std::result::Result<Self, String> {
        let mut keys = Vec::new();
        for (n, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let mut key = [0; 32];
            hex::decode_to_slice(line, &mut key)
                .map_err(|_| format!("line {}: not a key of 64 hexadecimal digits", n + 1))?;
            keys.push(key);
        }
        Ok(Self(keys))
    }

    /// Whether nobody is trusted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys' numbers, hexadecimal.
    pub fn ids(&self) -> Vec<String> {
        self.0
            .iter()
            .map(|k| hex::encode(id(k.as_slice())))
            .collect()
    }

    /// Checks a signature by the key with the number `of`.
    ///
    /// # Errors
    /// [`Refused::UnknownKey`], [`Refused::Signature`].
    pub fn verify(
        &self,
        of: &[u8],
        signed: &[u8],
        signature: &[u8],
    ) -> std::result::Result<(), Refused> {
        let key = self
            .0
            .iter()
            .find(|k| id(k.as_slice()) == of)
            .ok_or_else(|| Refused::UnknownKey(hex::encode(&of[..of.len().min(8)])))?;
        UnparsedPublicKey::new(&ED25519, key)
            .verify(signed, signature)
            .map_err(|_| Refused::Signature)
    }
}

fn id(public: &[u8]) -> [u8; 8] {
    let digest = ring::digest::digest(&ring::digest::SHA256, public);
    let mut id = [0; 8];
    id.copy_from_slice(&digest.as_ref()[..8]);
    id
}

/// The release engineer's key.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// Makes a key: PKCS #8 in hexadecimal to `file` (mode 0600, never overwritten), the public half to `file.pub`.
    ///
    /// # Errors
    /// [`Error::Internal`] with what the system says.
    pub fn generate(file: &Path) -> Result<Self> {
        let failed =
            |e: &dyn std::fmt::Display| Error::internal(format!("{}: {e}", file.display()));
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
            .map_err(|_| Error::internal("no random numbers"))?;
        let key = Self::parse(document.as_ref()).map_err(|e| failed(&e))?;
        let mut out = fs::OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(file)
            .map_err(|e| failed(&e))?;
        writeln!(out, "{}", hex::encode(document.as_ref())).map_err(|e| failed(&e))?;
        fs::write(file.with_extension("pub"), format!("{}\n", key.public()))
            .map_err(|e| failed(&e))?;
        Ok(key)
    }

    /// Reads a key that [`SigningKey::generate`] made.
    ///
    /// # Errors
    /// [`Error::Internal`] naming the file.
    pub fn load(file: &Path) -> Result<Self> {
        let failed =
            |e: &dyn std::fmt::Display| Error::internal(format!("{}: {e}", file.display()));
        let text = fs::read_to_string(file).map_err(|e| failed(&e))?;
        let bytes = hex::decode(text.trim()).map_err(|e| failed(&e))?;
        Self::parse(&bytes).map_err(|e| failed(&e))
    }

    fn parse(pkcs8: &[u8]) -> std::result::Result<Self, String> {
        Ed25519KeyPair::from_pkcs8(pkcs8)
            .map(Self)
            .map_err(|e| format!("not an Ed25519 key: {e}"))
    }

    /// The public half, 64 hexadecimal digits.
    pub fn public(&self) -> String {
        hex::encode(self.0.public_key().as_ref())
    }

    /// The key's number.
    pub fn id(&self) -> [u8; 8] {
        id(self.0.public_key().as_ref())
    }

    /// Signs, 64 bytes.
    pub fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        let mut out = [0; 64];
        out.copy_from_slice(self.0.sign(bytes).as_ref());
        out
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", hex::encode(self.id()))
    }
}
