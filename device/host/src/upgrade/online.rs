//! The upgrade server: a signed list of versions, and packages beside it.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use platecam_model::{
    Error, Result, UtcTime,
    ports::{Available, FirmwareVersion},
    upkeep::MAX_PACKAGE,
};
use serde::{Deserialize, Serialize};

use crate::http::{self, cause};

use super::{PRODUCT, SigningKey, TrustedKeys, Wanted};

/// Longest list, bytes.
const MAX_LIST: usize = 256 * 1024;
/// Signed before the list, so that a list is nothing else.
const PURPOSE: &[u8] = b"PLATECAM-VERSIONS-1\n";
/// Time for the list.
const LIST_TIMEOUT: Duration = Duration::from_secs(20);
/// A package may take so long; slower servers are given up.
const FETCH_TIMEOUT: Duration = Duration::from_secs(3600);

/// What an upgrade server offers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VersionList {
    /// Always `platecam`.
    pub product: String,
    /// The packages, in any order.
    pub packages: Vec<Offer>,
}

/// One package on the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// Model.
    pub model: String,
    /// Processor.
    pub arch: String,
    /// Version.
    pub version: FirmwareVersion,
    /// Oldest version that can be upgraded to it.
    pub min_version: FirmwareVersion,
    /// When it was built.
    pub built_at: UtcTime,
    /// Bytes.
    pub size: u64,
    /// Address, absolute or relative to the list's.
    pub url: String,
    /// What is new, for people.
    #[serde(default)]
    pub notes: String,
}

/// The list as it travels: the signed bytes are carried as they are, so that no rewriting of JSON can change them.
#[derive(Serialize, Deserialize)]
struct Envelope {
    payload: String,
    key: String,
    signature: String,
}

impl VersionList {
    /// The file for the server.
    ///
    /// # Errors
    /// [`Error::Internal`] never in practice: a list has a JSON form.
    pub fn seal(&self, key: &SigningKey) -> Result<String> {
        let payload = serde_json::to_vec(self).map_err(Error::internal)?;
        let envelope = Envelope {
            signature: hex::encode(key.sign(&signed(&payload))),
            payload: STANDARD.encode(payload),
            key: hex::encode(key.id()),
        };
        serde_json::to_string_pretty(&envelope).map_err(Error::internal)
    }

    /// Reads and verifies such a file.
    ///
    /// # Errors
    /// What is wrong, for people.
    pub fn open(text: &[u8], keys: &TrustedKeys) -> std::result::Result<Self, String> {
        let envelope: Envelope =
            serde_json::from_slice(text).map_err(|_| "not a signed list of versions".to_owned())?;
        let bad = |what: &str| format!("malformed list: {what}");
        let payload = STANDARD
            .decode(&envelope.payload)
            .map_err(|_| bad("payload"))?;
        let id = hex::decode(&envelope.key).map_err(|_| bad("key"))?;
        let signature = hex::decode(&envelope.signature).map_err(|_| bad("signature"))?;
        keys.verify(&id, &signed(&payload), &signature)
            .map_err(|e| e.to_string())?;
        let list: Self = serde_json::from_slice(&payload).map_err(|_| bad("content"))?;
        if list.product != PRODUCT {
            return Err(bad("product"));
        }
        Ok(list)
    }

    /// The newest version for this unit that is newer than the running one.
    fn best(self, wanted: &Wanted) -> Option<Offer> {
        self.packages
            .into_iter()
            .filter(|o| o.model == wanted.model && o.arch == wanted.arch)
            .filter(|o| o.version > wanted.current && o.min_version <= wanted.current)
            .filter(|o| (1..=MAX_PACKAGE).contains(&o.size))
            .max_by_key(|o| o.version)
    }
}

fn signed(payload: &[u8]) -> Vec<u8> {
    [PURPOSE, payload].concat()
}

fn failed(url: &str, why: impl std::fmt::Display) -> Error {
    Error::invalid("/url", url, format!("the upgrade server: {why}"))
}

/// Asks the server.
pub(super) fn check(url: &str, keys: &TrustedKeys, wanted: &Wanted) -> Result<Option<Available>> {
    let mut text = Vec::new();
    get(url, LIST_TIMEOUT, &mut |bytes| {
        text.extend_from_slice(bytes);
        if text.len() > MAX_LIST {
            return Err(failed(
                url,
                format_args!("the list has more than {MAX_LIST} bytes"),
            ));
        }
        Ok(())
    })?;
    let list = VersionList::open(&text, keys).map_err(|e| failed(url, e))?;
    let Some(best) = list.best(wanted) else {
        return Ok(None);
    };
    let at = reqwest::Url::parse(url)
        .and_then(|base| base.join(&best.url))
        .map_err(|e| failed(url, e))?;
    Ok(Some(Available {
        version: best.version,
        built_at: best.built_at,
        size: best.size,
        notes: best.notes.chars().take(2000).collect(),
        url: at.into(),
    }))
}

/// Fetches a package; its own signature and hashes say whether it is the right one.
pub(super) fn fetch(
    available: &Available,
    take: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    get(&available.url, FETCH_TIMEOUT, take)
}

/// A GET, piece by piece. Blocks; call it off the event loop.
fn get(url: &str, within: Duration, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::internal)?;
    runtime.block_on(async {
        let client = http::client()
            .read_timeout(Duration::from_secs(30))
            .timeout(within)
            .redirect(reqwest::redirect::Policy::limited(3))
            .build()
            .map_err(|e| failed(url, cause(&e)))?;
        let mut answer = client
            .get(url)
            .send()
            .await
            .map_err(|e| failed(url, cause(&e)))?;
        if !answer.status().is_success() {
            return Err(failed(url, answer.status()));
        }
        while let Some(bytes) = answer.chunk().await.map_err(|e| failed(url, cause(&e)))? {
            take(&bytes)?;
        }
        Ok(())
    })
}
