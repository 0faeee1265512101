//! Keys and passphrases (Security Service §5.2.5, §5.2.6).

use onvif_contracts::tas;
use onvif_xml::{Duration, soap::Fault};
use platecam_model::{
    Error, Secret,
    ports::{KeyInfo, NewKey, Pkcs12Upload},
};

use super::faults;
use crate::{
    call::{Answer, Call},
    fault::shortened,
};

/// How long RSA keys take on a small processor, by length (measured: docs/adr/0017).
fn estimate(bits: u32) -> Duration {
    Duration::from_secs(match bits {
        0..=2048 => 3,
        2049..=3072 => 8,
        _ => 20,
    })
}

/// `CreateRSAKeyPair`: the key comes later, `tns1:Advancedsecurity/Keystore/KeyStatus` tells when.
pub(super) fn create_rsa(
    call: &Call<'_>,
    request: &tas::CreateRSAKeyPair,
) -> Answer<tas::CreateRSAKeyPairResponse> {
    let bits = u32::try_from(request.key_length).unwrap_or(u32::MAX);
    let alias = request.alias.as_deref().unwrap_or_default();
    let made = call
        .device()
        .generate_key(call.actor, NewKey::Rsa(bits), alias);
    Ok(tas::CreateRSAKeyPairResponse {
        key_id: made.map_err(faults::of)?,
        estimated_creation_time: estimate(bits),
    })
}

/// `CreateECCKeyPair`.
pub(super) fn create_ecc(
    call: &Call<'_>,
    request: &tas::CreateECCKeyPair,
) -> Answer<tas::CreateECCKeyPairResponse> {
    let name = request.elliptic_curve.trim();
    let curve = NewKey::CURVES.iter().find(|(known, _)| *known == name);
    let (_, curve) = curve.ok_or_else(|| {
        let why = "must be secp256r1 or secp384r1";
        faults::of(Error::invalid("/elliptic_curve", name, why))
    })?;
    let alias = request.alias.as_deref().unwrap_or_default();
    let made = call.device().generate_key(call.actor, *curve, alias);
    Ok(tas::CreateECCKeyPairResponse {
        key_id: made.map_err(faults::of)?,
        estimated_creation_time: Duration::from_secs(1),
    })
}

/// The passphrase itself, or the stored one that is named.
fn passphrase(call: &Call<'_>, text: Option<&str>, id: Option<&str>) -> Answer<Option<Secret>> {
    match (text, id) {
        (Some(text), _) => Ok(Some(Secret::new(text))),
        (None, Some(id)) => {
            let stored = call.device().passphrase(call.actor, id);
            stored.map(Some).map_err(faults::of)
        }
        (None, None) => Ok(None),
    }
}

/// `UploadKeyPairInPKCS8`.
pub(super) fn upload(
    call: &Call<'_>,
    request: &tas::UploadKeyPairInPKCS8,
) -> Answer<tas::UploadKeyPairInPKCS8Response> {
    let password = passphrase(
        call,
        request.encryption_passphrase.as_deref(),
        request.encryption_passphrase_id.as_deref(),
    )?;
    let alias = request.alias.as_deref().unwrap_or_default();
    let device = call.device();
    let done = device.upload_key(call.actor, &request.key_pair.0, password.as_ref(), alias);
    Ok(tas::UploadKeyPairInPKCS8Response {
        key_id: done.map_err(faults::of)?,
    })
}

/// `UploadCertificateWithPrivateKeyInPKCS12`. One passphrase opens all of the file, as the operation itself
/// supposes where it takes the passphrase instead of identifiers.
pub(super) fn upload_pkcs12(
    call: &Call<'_>,
    request: tas::UploadCertificateWithPrivateKeyInPKCS12,
) -> Answer<tas::UploadCertificateWithPrivateKeyInPKCS12Response> {
    let text = request.passphrase.as_deref();
    let integrity = passphrase(call, text, request.integrity_passphrase_id.as_deref())?;
    let encryption = passphrase(call, text, request.encryption_passphrase_id.as_deref())?;
    if let (Some(one), Some(other)) = (&integrity, &encryption)
        && one.expose() != other.expose()
    {
        let why = "one passphrase must open the file and prove its integrity";
        return Err(faults::of(Error::invalid("/password", "", why)));
    }
    let protected = text.is_none() && integrity.is_some();
    let upload = Pkcs12Upload {
        file: request.cert_with_private_key.0,
        password: encryption.or(integrity).unwrap_or_else(|| Secret::new("")),
        integrity: protected,
        path_alias: request.certification_path_alias.unwrap_or_default(),
        key_alias: request.key_alias.unwrap_or_default(),
        first_only: request.ignore_additional_certificates.unwrap_or(false),
    };
    let done = call.device().upload_pkcs12(call.actor, &upload);
    let (certification_path_id, key_id) = done.map_err(faults::of)?;
    Ok(tas::UploadCertificateWithPrivateKeyInPKCS12Response {
        certification_path_id,
        key_id,
    })
}

/// One key.
pub(super) fn one(call: &Call<'_>, id: &str) -> Answer<KeyInfo> {
    let found = call.device().key(call.actor, id);
    found.map_err(|e| match e {
        Error::NotFound { what, .. } => faults::of(Error::not_found(what, shortened(id))),
        other => faults::of(other),
    })
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// `GetAllKeys`.
pub(super) fn all(call: &Call<'_>) -> Answer<tas::GetAllKeysResponse> {
    let keys = call.device().keys(call.actor).map_err(faults::of)?;
    let attribute = |k: KeyInfo| tas::KeyAttribute {
        alias: some(&k.alias),
        has_private_key: Some(k.has_private),
        key_status: k.status.word().into(),
        externally_generated: Some(k.external),
        // Sealed with a key of the unit, which is a file and no secure element.
        securely_stored: Some(false),
        key_id: k.id,
        extension: None,
    };
    Ok(tas::GetAllKeysResponse {
        key_attribute: keys.into_iter().map(attribute).collect(),
    })
}

/// `DeleteKey`.
pub(super) fn delete(call: &Call<'_>, id: &str) -> Result<(), Fault> {
    call.device().delete_key(call.actor, id).map_err(faults::of)
}

/// `UploadPassphrase`.
pub(super) fn upload_passphrase(
    call: &Call<'_>,
    request: tas::UploadPassphrase,
) -> Answer<tas::UploadPassphraseResponse> {
    let secret = Secret::new(request.passphrase);
    let alias = request.passphrase_alias.unwrap_or_default();
    let done = call.device().store_passphrase(call.actor, &secret, &alias);
    Ok(tas::UploadPassphraseResponse {
        passphrase_id: done.map_err(faults::of)?,
    })
}

/// `GetAllPassphrases`: never the passphrases.
pub(super) fn passphrases(call: &Call<'_>) -> Answer<tas::GetAllPassphrasesResponse> {
    let all = call.device().passphrases(call.actor).map_err(faults::of)?;
    let attribute = |p: platecam_model::ports::PassphraseInfo| tas::PassphraseAttribute {
        alias: some(&p.alias),
        passphrase_id: p.id,
    };
    Ok(tas::GetAllPassphrasesResponse {
        passphrase_attribute: all.into_iter().map(attribute).collect(),
    })
}

/// `DeletePassphrase`.
pub(super) fn delete_passphrase(call: &Call<'_>, id: &str) -> Answer<()> {
    let device = call.device();
    device.delete_passphrase(call.actor, id).map_err(faults::of)
}
