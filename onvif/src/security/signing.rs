//! The certificate that video is signed with (Security Service, media signing). It is the unit's own: it cannot be
//! changed or deleted, and is not among the certificates of the store.

use onvif_contracts::tas;
use onvif_xml::Base64;

use super::faults;
use crate::call::{Answer, Call};

/// Identifier of its path, of itself and of its key.
const OWN: &str = "media-signing";
/// Name that is shown.
const ALIAS: &str = "Media signing";

/// What can be signed; nothing without a certificate.
pub(super) fn capabilities(call: &Call<'_>) -> Option<Box<tas::MediaSigningCapabilities>> {
    let there = !call.device().watermark.chain().is_empty();
    there.then(|| {
        Box::new(tas::MediaSigningCapabilities {
            media_signing_supported: Some(true),
            user_media_signing_key_supported: Some(false),
        })
    })
}

/// `GetAssignedMediaSigningCertificates`.
pub(super) fn assigned(
    call: &Call<'_>,
) -> Answer<tas::GetAssignedMediaSigningCertificatesResponse> {
    // As every other look into the keys and certificates.
    call.device()
        .assigned_path(call.actor)
        .map_err(faults::of)?;
    let there = !call.device().watermark.chain().is_empty();
    Ok(tas::GetAssignedMediaSigningCertificatesResponse {
        certification_path_id: there.then(|| OWN.to_owned()).into_iter().collect(),
    })
}

/// Its path, where that is asked for.
pub(super) fn path(call: &Call<'_>, id: &str) -> Option<tas::CertificationPath> {
    let asked = id == OWN && !call.device().watermark.chain().is_empty();
    asked.then(|| tas::CertificationPath {
        certificate_id: vec![OWN.to_owned()],
        alias: Some(ALIAS.into()),
        any_element: None,
    })
}

/// The certificate, where that is asked for.
pub(super) fn certificate(call: &Call<'_>, id: &str) -> Option<tas::X509Certificate> {
    let der = call.device().watermark.certificate();
    der.filter(|_| id == OWN).map(|der| tas::X509Certificate {
        certificate_id: OWN.to_owned(),
        key_id: OWN.to_owned(),
        alias: Some(ALIAS.into()),
        certificate_content: Base64(der),
        has_private_key: Some(true),
    })
}
