//! The exported file: what it is of, its sections, and a proof that it is whole.

use argon2::{Algorithm, Argon2, Params, Version};
use base64::{Engine, engine::general_purpose::STANDARD};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{Error, Result, Secret};

/// Largest file that is read, bytes.
pub const MAX_CONFIG: usize = 4 * 1024 * 1024;
/// Names the file's kind.
const FORMAT: &str = "platecam-config";
/// Newest form of the file; older ones are read.
const VERSION: u32 = 1;
/// Argon2id: memory in KiB, passes, lanes (RFC 9106 has more; a camera has 2 cores and logs in with these).
const COST: Kdf = Kdf {
    memory_kib: 19 * 1024,
    passes: 2,
    lanes: 1,
};
/// What a foreign file may ask for.
const COST_AT_MOST: Kdf = Kdf {
    memory_kib: 64 * 1024,
    passes: 8,
    lanes: 4,
};

/// Which unit a file is of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// Product.
    pub product: String,
    /// Model.
    pub model: String,
    /// Firmware that wrote it.
    pub firmware: String,
    /// Serial number; for people, not checked: a second unit takes the file too (SYS-25).
    pub serial: String,
    /// When, RFC 3339.
    pub created: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kdf {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    argon2id: Kdf,
    salt: String,
    nonce: String,
    /// AES-256-GCM over the sections, bound to everything else in the file.
    data: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: String,
    format_version: u32,
    source: Source,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sections: Option<Map<String, Value>>,
    /// SHA-256 of the sections as compact JSON with sorted keys and whole numbers without a point, hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealed: Option<Sealed>,
}

fn malformed(reason: impl Into<String>) -> Error {
    Error::Malformed {
        what: "configuration file",
        reason: reason.into(),
    }
}

/// The value as every JSON program writes it again: a browser that passes a file on makes `0` of `0.0`.
fn canonical(value: &Value) -> Value {
    /// Up to here each whole number is a 64-bit float, and the other way round.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(n) if n.is_f64() => match n.as_f64() {
            Some(f) if f.fract() == 0.0 && f.abs() < EXACT => Value::from(f as i64),
            _ => value.clone(),
        },
        Value::Array(all) => all.iter().map(canonical).collect(),
        Value::Object(all) => {
            let named = all.iter().map(|(name, v)| (name.clone(), canonical(v)));
            Value::Object(named.collect())
        }
        _ => value.clone(),
    }
}

fn digest(sections: &Map<String, Value>) -> Result<String> {
    let canonical: Map<_, _> = sections
        .iter()
        .map(|(key, value)| (key.clone(), canonical(value)))
        .collect();
    let text = serde_json::to_vec(&canonical).map_err(Error::internal)?;
    Ok(hex::encode(Sha256::digest(text)))
}

fn key(password: &Secret, salt: &[u8], cost: Kdf) -> Result<LessSafeKey> {
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32))
        .map_err(|e| malformed(format!("argon2id: {e}")))?;
    let mut bytes = Zeroizing::new([0u8; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password.expose().as_bytes(), salt, bytes.as_mut())
        .map_err(|e| malformed(format!("argon2id: {e}")))?;
    let key = UnboundKey::new(&AES_256_GCM, bytes.as_ref()).map_err(Error::internal)?;
    Ok(LessSafeKey::new(key))
}

/// What the cipher binds: format, version and source cannot be exchanged.
fn bound(source: &Source) -> Result<Vec<u8>> {
    serde_json::to_vec(&(FORMAT, VERSION, source)).map_err(Error::internal)
}

/// Writes a file; with a password its sections can be read only with it.
///
/// # Errors
/// [`Error::Internal`] without random numbers.
pub(super) fn write(
    source: Source,
    sections: Map<String, Value>,
    password: Option<&Secret>,
) -> Result<Vec<u8>> {
    let mut file = File {
        format: FORMAT.into(),
        format_version: VERSION,
        source,
        sections: None,
        sha256: None,
        sealed: None,
    };
    match password {
        None => {
            file.sha256 = Some(digest(&sections)?);
            file.sections = Some(sections);
        }
        Some(password) => {
            let (mut salt, mut nonce) = ([0u8; 16], [0u8; NONCE_LEN]);
            getrandom::fill(&mut salt).map_err(Error::internal)?;
            getrandom::fill(&mut nonce).map_err(Error::internal)?;
            let mut data = serde_json::to_vec(&sections).map_err(Error::internal)?;
            key(password, &salt, COST)?
                .seal_in_place_append_tag(
                    Nonce::assume_unique_for_key(nonce),
                    Aad::from(bound(&file.source)?),
                    &mut data,
                )
                .map_err(Error::internal)?;
            file.sealed = Some(Sealed {
                argon2id: COST,
                salt: STANDARD.encode(salt),
                nonce: STANDARD.encode(nonce),
                data: STANDARD.encode(data),
            });
        }
    }
    serde_json::to_vec_pretty(&file).map_err(Error::internal)
}

/// Reads a file: its source and its sections.
///
/// # Errors
/// [`Error::Malformed`] for what is no such file, is damaged or of a newer form; [`Error::Invalid`] naming
/// `/password` when it is missing, not wanted or wrong.
pub(super) fn read(
    bytes: &[u8],
    password: Option<&Secret>,
) -> Result<(Source, Map<String, Value>)> {
    if bytes.len() > MAX_CONFIG {
        let text = format!("has {} bytes; at most {MAX_CONFIG}", bytes.len());
        return Err(malformed(text));
    }
    let file: File = serde_json::from_slice(bytes).map_err(|e| malformed(e.to_string()))?;
    if file.format != FORMAT {
        return Err(malformed(format!(
            "its format is '{}', not '{FORMAT}'",
            file.format.chars().take(32).collect::<String>()
        )));
    }
    if !(1..=VERSION).contains(&file.format_version) {
        return Err(malformed(format!(
            "format_version {} is unknown; this firmware reads 1 to {VERSION}",
            file.format_version
        )));
    }
    match (file.sections, file.sealed, file.sha256) {
        (Some(sections), None, Some(sha256)) => {
            if digest(&sections)? != sha256 {
                return Err(malformed("damaged: the sections do not fit sha256"));
            }
            Ok((file.source, sections))
        }
        (None, Some(sealed), None) => {
            let password = password.ok_or_else(|| {
                Error::invalid(
                    "/password",
                    "",
                    "the file is encrypted: its password is needed",
                )
            })?;
            let sections = open(&file.source, &sealed, password)?;
            Ok((file.source, sections))
        }
        _ => Err(malformed(
            "must have either sections with sha256, or sealed sections",
        )),
    }
}

fn open(source: &Source, sealed: &Sealed, password: &Secret) -> Result<Map<String, Value>> {
    let cost = sealed.argon2id;
    if cost.memory_kib > COST_AT_MOST.memory_kib
        || cost.passes > COST_AT_MOST.passes
        || cost.lanes > COST_AT_MOST.lanes
    {
        return Err(malformed("argon2id: asks for more than this unit gives"));
    }
    let decode = |what: &str, text: &str| {
        STANDARD
            .decode(text)
            .map_err(|e| malformed(format!("sealed/{what}: {e}")))
    };
    let salt = decode("salt", &sealed.salt)?;
    let nonce = decode("nonce", &sealed.nonce)?;
    let mut data = decode("data", &sealed.data)?;
    let nonce = Nonce::try_assume_unique_for_key(&nonce)
        .map_err(|_| malformed(format!("sealed/nonce: must have {NONCE_LEN} bytes")))?;
    let plain = key(password, &salt, cost)?
        .open_in_place(nonce, Aad::from(bound(source)?), &mut data)
        .map_err(|_| Error::invalid("/password", "", "wrong password, or the file is damaged"))?;
    serde_json::from_slice(plain).map_err(|e| malformed(e.to_string()))
}
