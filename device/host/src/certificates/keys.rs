//! Key material: made, read, signed with. It stays in this process and on the disk sealed.

use p12_keystore::Pkcs12Archive;
use platecam_model::{
    Error, Result, Secret,
    ports::{NewKey, SignatureAlgorithm},
};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384};
use ring::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair,
        EcdsaSigningAlgorithm, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RsaEncoding,
        RsaKeyPair,
    },
};
use rsa::{
    Pkcs1v15Sign,
    pkcs8::{DecodePrivateKey, EncodePrivateKey},
    rand_core::UnwrapErr,
};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
use sha1::Digest;
use zeroize::Zeroizing;

use super::der;

/// Bytes of an uploaded key or PKCS#12 file.
pub(super) const MAX_FILE: usize = 64 * 1024;
/// Rounds of a password's derivation that an upload may ask for; more would only keep us busy.
const MAX_ROUNDS: u64 = 10_000_000;
/// Blocks of 128 bytes that scrypt may ask for: 32 MiB, twice what OpenSSL takes.
const MAX_BLOCKS: u64 = 1 << 18;

/// A private key with its public half.
pub(super) struct PrivateKey {
    der: PrivateKeyDer<'static>,
    public: Vec<u8>,
}

fn bad(pointer: &str, why: impl Into<String>) -> Error {
    Error::invalid(pointer, "", why)
}

impl PrivateKey {
    /// Takes a key that TLS can serve with: RSA of 2048 bits and more, secp256r1, secp384r1, Ed25519.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `/public_key`.
    pub(super) fn new(der: PrivateKeyDer<'static>) -> Result<Self> {
        let unknown = || {
            bad(
                "/public_key",
                "is of no algorithm or length that can be used here",
            )
        };
        let signer = rustls::crypto::ring::sign::any_supported_type(&der).map_err(|_| unknown())?;
        let public = signer.public_key().ok_or_else(unknown)?.to_vec();
        Ok(Self { der, public })
    }

    /// Out of the PEM that is sealed on the disk.
    pub(super) fn from_pem(pem: &[u8]) -> Result<Self> {
        Self::new(PrivateKeyDer::from_pem_slice(pem).map_err(Error::internal)?)
    }

    /// Makes a key; RSA takes up to some seconds.
    pub(super) fn generate(new: NewKey) -> Result<Self> {
        let der = match new {
            NewKey::Rsa(bits) => {
                let bits = usize::try_from(bits).map_err(Error::internal)?;
                let key = rsa::PrivateKey::new(&mut UnwrapErr(getrandom::SysRng), bits)
                    .map_err(Error::internal)?;
                let der = key.to_pkcs8_der().map_err(Error::internal)?;
                der.as_bytes().to_vec()
            }
            NewKey::P256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)
                .map_err(Error::internal)?
                .serialize_der(),
            NewKey::P384 => KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384)
                .map_err(Error::internal)?
                .serialize_der(),
        };
        Self::new(PrivateKeyDer::Pkcs8(der.into()))
    }

    /// Out of a PKCS#8 file, encrypted where there is a password (RFC 5958; PBES2, or 3DES of PKCS#12).
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `/pkcs8`, `/password` or `/public_key`.
    pub(super) fn from_pkcs8(file: &[u8], password: Option<&Secret>) -> Result<Self> {
        let plain = match password {
            Some(password) => decrypt(file, password)?,
            None => Zeroizing::new(file.to_vec()),
        };
        // PrivateKeyInfo: a version first. EncryptedPrivateKeyInfo begins with a sequence.
        let first = match der::split(&plain) {
            Some((0x30, (content, []))) => der::split(content),
            _ => None,
        };
        if !matches!(first, Some((0x02, _))) {
            let why = "is no PKCS#8 private key, or is encrypted and there is no passphrase";
            return Err(bad("/pkcs8", why));
        }
        Self::new(PrivateKeyDer::Pkcs8(plain.to_vec().into()))
    }

    /// The subject's public key info, DER.
    pub(super) fn public(&self) -> &[u8] {
        &self.public
    }

    pub(super) fn into_der(self) -> PrivateKeyDer<'static> {
        self.der
    }

    /// As it is sealed.
    pub(super) fn pem(&self) -> Zeroizing<String> {
        pem(&self.der)
    }

    /// Signs `message`.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `/key_algorithm` when the key cannot sign so.
    pub(super) fn sign(&self, how: SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>> {
        use SignatureAlgorithm as S;
        match how {
            S::RsaSha1 => self.sign_sha1(message),
            S::RsaSha256 => self.sign_rsa(&RSA_PKCS1_SHA256, message),
            S::RsaSha384 => self.sign_rsa(&RSA_PKCS1_SHA384, message),
            S::RsaSha512 => self.sign_rsa(&RSA_PKCS1_SHA512, message),
            S::EcdsaSha256 => self.sign_ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING, message),
            S::EcdsaSha384 => self.sign_ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING, message),
        }
    }

    fn sign_rsa(&self, how: &'static dyn RsaEncoding, message: &[u8]) -> Result<Vec<u8>> {
        let key = match &self.der {
            PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
            _ => return Err(mismatch()),
        };
        let key = key.map_err(|_| mismatch())?;
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(how, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| Error::internal("RSA could not sign"))?;
        Ok(signature)
    }

    /// With SHA-1, which ring does not sign with.
    fn sign_sha1(&self, message: &[u8]) -> Result<Vec<u8>> {
        let key = match &self.der {
            PrivateKeyDer::Pkcs8(der) => {
                rsa::PrivateKey::from_pkcs8_der(der.secret_pkcs8_der()).map_err(|_| mismatch())?
            }
            PrivateKeyDer::Pkcs1(der) => {
                rsa::pkcs1::DecodeRsaPrivateKey::from_pkcs1_der(der.secret_pkcs1_der())
                    .map_err(|_| mismatch())?
            }
            _ => return Err(mismatch()),
        };
        let digest = sha1::Sha1::digest(message);
        key.sign(Pkcs1v15Sign::new::<sha1::Sha1>(), &digest)
            .map_err(Error::internal)
    }

    fn sign_ecdsa(&self, how: &'static EcdsaSigningAlgorithm, message: &[u8]) -> Result<Vec<u8>> {
        let random = SystemRandom::new();
        let PrivateKeyDer::Pkcs8(der) = &self.der else {
            return Err(mismatch());
        };
        let key = EcdsaKeyPair::from_pkcs8(how, der.secret_pkcs8_der(), &random);
        let signature = key.map_err(|_| mismatch())?.sign(&random, message);
        let signature = signature.map_err(|_| Error::internal("ECDSA could not sign"))?;
        Ok(signature.as_ref().to_vec())
    }
}

fn mismatch() -> Error {
    bad("/key_algorithm", "does not fit the key")
}

/// A private key as PEM.
pub(super) fn pem(key: &PrivateKeyDer<'_>) -> Zeroizing<String> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let label = match key {
        PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
        PrivateKeyDer::Sec1(_) => "EC PRIVATE KEY",
        _ => "PRIVATE KEY",
    };
    let body = Zeroizing::new(STANDARD.encode(key.secret_der()));
    Zeroizing::new(format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        *body
    ))
}

/// Opens an EncryptedPrivateKeyInfo. The PKCS#12 reader knows every scheme of it, so it is handed a file
/// without integrity that has this one bag.
fn decrypt(file: &[u8], password: &Secret) -> Result<Zeroizing<Vec<u8>>> {
    let no_file = || bad("/pkcs8", "is no encrypted PKCS#8 private key");
    // EncryptedPrivateKeyInfo ::= SEQUENCE { AlgorithmIdentifier, OCTET STRING }
    let Some((0x30, (content, []))) = der::split(file) else {
        return Err(no_file());
    };
    match der::split(content) {
        Some((0x30, (_, rest))) if der::tag_of(rest) == Some(0x04) => {}
        _ => return Err(no_file()),
    }
    let oid = |dotted| der::oid(dotted).ok_or_else(no_file);
    let data = oid("1.2.840.113549.1.7.1")?;
    let wrapped =
        |inner: &[u8]| der::sequence(&[&data, &der::value(0xa0, &der::value(0x04, inner))]);
    let shrouded = oid("1.2.840.113549.1.12.10.1.2")?;
    let bag = der::sequence(&[&shrouded, &der::value(0xa0, file)]);
    let safe = der::sequence(&[&wrapped(&der::sequence(&[&bag]))]);
    let outer = der::sequence(&[&der::positive(&[3]), &wrapped(&safe)]);
    let archive = archive(&outer, password).map_err(|_| {
        bad(
            "/password",
            "does not open the private key, or the file is damaged",
        )
    })?;
    let key = archive.keys.first().ok_or_else(no_file)?;
    Ok(Zeroizing::new(key.key.as_der().to_vec()))
}

/// Opens a PKCS#12 file whose derivations stay within bounds.
///
/// # Errors
/// [`Error::Invalid`] naming `/pkcs12` or `/password`.
pub(super) fn archive(file: &[u8], password: &Secret) -> Result<Pkcs12Archive> {
    use p12_keystore::error::Error as P;
    bounded(file)?;
    Pkcs12Archive::from_pkcs12(file, password.expose()).map_err(|e| match e {
        P::DerError(_) | P::InvalidVersion | P::UnsupportedContentType => {
            bad("/pkcs12", format!("cannot be read: {e}"))
        }
        P::IoError(_)
        | P::UnsupportedCertificateType
        | P::X509Error(_)
        | P::InvalidLength
        | P::UnpadError
        | P::InvalidParameters
        | P::InvalidData
        | P::UnsupportedEncryptionScheme
        | P::UnsupportedMacAlgorithm
        | P::Pkcs5Error(_)
        | P::MacError(_)
        | P::InvalidPrivateKey => bad(
            "/password",
            format!("does not open the file, or it is damaged: {e}"),
        ),
    })
}

/// Whether a PKCS#12 file has a message authentication code: the third part of its sequence.
pub(super) fn has_mac(file: &[u8]) -> bool {
    let Some((0x30, (content, _))) = der::split(file) else {
        return false;
    };
    let mut rest = content;
    for _ in 0..2 {
        match der::split(rest) {
            Some((_, (_, after))) => rest = after,
            None => return false,
        }
    }
    !rest.is_empty()
}

/// Refuses large files, and those whose derivations together take very many rounds. The number of rounds is the INTEGER that
/// follows the OCTET STRING of the salt, in PBKDF2 (RFC 8018 A.2), in the schemes of PKCS#12 and in its MAC (RFC 7292 §4,
/// appendix C); scrypt (RFC 7914 §7) has two more, and costs their product. What is inside encrypted parts is bounded by the
/// reader, one by one.
pub(super) fn bounded(file: &[u8]) -> Result<()> {
    /// Adds up the rounds; `None` for numbers that are none.
    fn walk(mut bytes: &[u8], depth: usize, total: &mut u64) -> Option<()> {
        let mut before = 0;
        // Those that follow one another after an OCTET STRING.
        let mut numbers: Option<Vec<u64>> = None;
        while let Some((tag, (content, after))) = der::split(bytes) {
            match tag {
                0x02 if before == 0x04 => numbers = Some(vec![number(content)?]),
                0x02 if before == 0x02 => {
                    let n = number(content)?;
                    numbers.iter_mut().for_each(|all| all.push(n));
                }
                // Constructed ones, and octet strings, which may hold more of it.
                _ if (tag & 0x20 != 0 || tag == 0x04) && depth < 16 => {
                    walk(content, depth + 1, total)?;
                }
                _ => {}
            }
            (before, bytes) = (tag, after);
        }
        let cost = match numbers.as_deref() {
            // Rounds, block size, parallelization.
            Some([n, r, p, ..]) => {
                let blocks = n.saturating_mul(*r);
                if blocks > MAX_BLOCKS {
                    return None;
                }
                blocks.saturating_mul(*p)
            }
            // Rounds, and perhaps the length of the key.
            Some([n, ..]) => *n,
            Some([]) | None => 0,
        };
        *total = total.saturating_add(cost);
        Some(())
    }
    fn number(content: &[u8]) -> Option<u64> {
        let add = |n: u64, b: &u8| (n << 8) | u64::from(*b);
        (content.len() <= 8).then(|| content.iter().fold(0, add))
    }
    if file.len() > MAX_FILE {
        let why = format!("has {} bytes; at most {MAX_FILE}", file.len());
        return Err(bad("/pkcs12", why));
    }
    let mut total = 0;
    if walk(file, 0, &mut total).is_some() && total <= MAX_ROUNDS {
        return Ok(());
    }
    let why = format!("asks for more than {MAX_ROUNDS} rounds of its password's derivation");
    Err(bad("/pkcs12", why))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn integer(n: u64) -> Vec<u8> {
        der::positive(&n.to_be_bytes())
    }

    /// Parameters of a derivation as they stand in a file: the salt, then numbers.
    fn derivation(numbers: &[u64]) -> Vec<u8> {
        let numbers: Vec<_> = numbers.iter().flat_map(|n| integer(*n)).collect();
        der::sequence(&[&der::value(0x04, b"salt"), &numbers])
    }

    /// SEC-17: who uploads a file does not decide how long the unit works on it.
    #[test]
    fn derivations_are_bounded_together() {
        let fits = |parts: &[&[u8]]| {
            // As in PKCS#12, within octet strings.
            bounded(&der::sequence(&[&der::value(0x04, &der::sequence(parts))])).is_ok()
        };
        let (few, many) = (derivation(&[6_000_000]), derivation(&[MAX_ROUNDS + 1]));
        assert!(fits(&[&few, &integer(3)]));
        assert!(!fits(&[&many]));
        assert!(!fits(&[&few, &few]), "two together");
        assert!(
            fits(&[&derivation(&[600_000, 32])]),
            "a length of the key is no cost"
        );
        assert!(fits(&[&derivation(&[16_384, 8, 1])]), "scrypt of OpenSSL");
        assert!(!fits(&[&derivation(&[1 << 20, 8, 1])]), "1 GiB");
        assert!(
            !fits(&[&derivation(&[16_384, 8, 100])]),
            "13 million rounds"
        );
        assert!(!fits(&[&der::sequence(&[
            &der::value(4, b"s"),
            &der::value(2, &[0xff; 9])
        ])]));
        assert!(bounded(&vec![0; MAX_FILE + 1]).is_err());
    }
}
