//! Certificates, requests and certification paths (Security Service §5.2.7).

use onvif_contracts::tas;
use onvif_xml::{Base64, DateTime, soap::Fault};
use platecam_model::{
    Error, UtcTime,
    ports::{
        CertificateUpload, CertificationPath, Extension, RequestContent, SelfSigned,
        SignatureAlgorithm, StoredCertificate,
    },
};

use super::{faults, signing, subject};
use crate::{
    call::{Answer, Call},
    fault::shortened,
};

fn algorithm(wanted: &tas::AlgorithmIdentifier) -> Answer<SignatureAlgorithm> {
    let oid = wanted.algorithm.trim();
    SignatureAlgorithm::of(oid).ok_or_else(|| {
        let why = "is none of the SignatureAlgorithms of the capabilities";
        faults::of(Error::invalid("/signature_algorithm", shortened(oid), why))
    })
}

fn extension(e: tas::X509v3Extension) -> Extension {
    Extension {
        oid: e.extn_oid.trim().into(),
        critical: e.critical,
        value: e.extn_value.0,
    }
}

/// A key without its private half cannot sign: for the client it is none.
fn signing(error: Error, key: &str) -> Fault {
    if faults::no_private_key(&error) {
        return faults::of(Error::not_found("key", shortened(key)));
    }
    faults::of(error)
}

/// `CreatePKCS10CSR`.
pub(super) fn request(
    call: &Call<'_>,
    request: tas::CreatePKCS10CSR,
) -> Answer<tas::CreatePKCS10CSRResponse> {
    let mut content = RequestContent {
        subject: subject::of(&request.subject),
        key: request.key_id,
        extensions: Vec::new(),
        attributes: Vec::new(),
        algorithm: algorithm(&request.signature_algorithm)?,
    };
    for a in request.csr_attribute {
        match (a.x509v3_extension, a.basic_request_attribute) {
            (Some(e), None) => content.extensions.push(extension(*e)),
            (None, Some(b)) => content.attributes.push((b.oid.trim().into(), b.value.0)),
            _ => {
                let why = "must be an X509v3Extension or a BasicRequestAttribute";
                return Err(faults::of(Error::invalid("/attribute", "", why)));
            }
        }
    }
    let made = call.device().certification_request(call.actor, &content);
    Ok(tas::CreatePKCS10CSRResponse {
        pkcs10csr: Base64(made.map_err(|e| signing(e, &content.key))?),
    })
}

fn moment(at: Option<DateTime>) -> Option<UtcTime> {
    at.map(|at| UtcTime::from_millis(at.unix_millis()))
}

/// `CreateSelfSignedCertificate`.
pub(super) fn self_sign(
    call: &Call<'_>,
    request: tas::CreateSelfSignedCertificate,
) -> Answer<tas::CreateSelfSignedCertificateResponse> {
    if let Some(version) = request.x509_version
        && version != 3
    {
        let text = format!("X509Version {version}: must be 3");
        return Err(Fault::sender(
            &["InvalidArgVal", "UnsupportedX509Version"],
            text,
        ));
    }
    let content = SelfSigned {
        subject: subject::of(&request.subject),
        key: request.key_id,
        alias: request.alias.unwrap_or_default(),
        not_before: moment(request.not_valid_before),
        not_after: moment(request.not_valid_after),
        extensions: request.extension.into_iter().map(extension).collect(),
        algorithm: algorithm(&request.signature_algorithm)?,
    };
    let made = call.device().self_sign(call.actor, &content);
    Ok(tas::CreateSelfSignedCertificateResponse {
        certificate_id: made.map_err(|e| signing(e, &content.key))?,
    })
}

/// `UploadCertificate`.
pub(super) fn upload(
    call: &Call<'_>,
    request: tas::UploadCertificate,
) -> Answer<tas::UploadCertificateResponse> {
    let upload = CertificateUpload {
        der: request.certificate.0,
        alias: request.alias.unwrap_or_default(),
        key_alias: request.key_alias.unwrap_or_default(),
        private_key_required: request.private_key_required.unwrap_or(false),
    };
    let done = call.device().upload_der(call.actor, &upload);
    let (certificate_id, key_id) = done.map_err(|e| {
        if faults::no_private_key(&e) {
            return Fault::receiver(&["Action", "NoMatchingPrivateKey"], e.to_string());
        }
        faults::of(e)
    })?;
    Ok(tas::UploadCertificateResponse {
        certificate_id,
        key_id,
    })
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn certificate(c: StoredCertificate) -> tas::X509Certificate {
    tas::X509Certificate {
        certificate_id: c.id,
        key_id: c.key,
        alias: some(c.alias),
        certificate_content: Base64(c.der),
        has_private_key: Some(c.has_private),
    }
}

/// `GetCertificate`: never the private key.
pub(super) fn one(call: &Call<'_>, id: &str) -> Answer<tas::GetCertificateResponse> {
    let all = call.device().stored_certificates(call.actor);
    let found = all.map_err(faults::of)?.into_iter().find(|c| c.id == id);
    let found = found
        .map(certificate)
        .or_else(|| signing::certificate(call, id));
    let missing = || faults::of(Error::not_found("certificate", shortened(id)));
    Ok(tas::GetCertificateResponse {
        certificate: found.ok_or_else(missing)?,
    })
}

/// `GetAllCertificates`.
pub(super) fn all(call: &Call<'_>) -> Answer<tas::GetAllCertificatesResponse> {
    let all = call.device().stored_certificates(call.actor);
    let all = all.map_err(faults::of)?;
    Ok(tas::GetAllCertificatesResponse {
        certificate: all.into_iter().map(certificate).collect(),
    })
}

/// `DeleteCertificate`.
pub(super) fn delete(call: &Call<'_>, id: &str) -> Answer<()> {
    let device = call.device();
    device
        .delete_stored_certificate(call.actor, id)
        .map_err(faults::of)
}

/// `CreateCertificationPath`.
pub(super) fn create_path(
    call: &Call<'_>,
    request: &tas::CreateCertificationPath,
) -> Answer<tas::CreateCertificationPathResponse> {
    let alias = request.alias.as_deref().unwrap_or_default();
    let ids = &request.certificate_i_ds.certificate_id;
    let made = call
        .device()
        .create_certification_path(call.actor, ids, alias);
    Ok(tas::CreateCertificationPathResponse {
        certification_path_id: made.map_err(faults::of)?,
    })
}

fn stored(call: &Call<'_>) -> Answer<Vec<CertificationPath>> {
    call.device()
        .certification_paths(call.actor)
        .map_err(faults::of)
}

/// `GetCertificationPath`.
pub(super) fn path(call: &Call<'_>, id: &str) -> Answer<tas::GetCertificationPathResponse> {
    let found = stored(call)?.into_iter().find(|p| p.id == id);
    let missing = || faults::of(Error::not_found("certification path", shortened(id)));
    let found = found.map(|path| tas::CertificationPath {
        certificate_id: path.certificates,
        alias: some(path.alias),
        any_element: None,
    });
    let found = found.or_else(|| signing::path(call, id));
    Ok(tas::GetCertificationPathResponse {
        certification_path: found.ok_or_else(missing)?,
    })
}

/// `GetAllCertificationPaths`.
pub(super) fn paths(call: &Call<'_>) -> Answer<tas::GetAllCertificationPathsResponse> {
    Ok(tas::GetAllCertificationPathsResponse {
        certification_path_id: stored(call)?.into_iter().map(|p| p.id).collect(),
    })
}

/// `SetCertificationPath`.
pub(super) fn set_path(call: &Call<'_>, request: tas::SetCertificationPath) -> Answer<()> {
    let path = CertificationPath {
        id: request.certification_path_id,
        alias: request.certification_path.alias.unwrap_or_default(),
        certificates: request.certification_path.certificate_id,
    };
    let device = call.device();
    device
        .set_certification_path(call.actor, &path)
        .map_err(faults::of)
}

/// `DeleteCertificationPath`.
pub(super) fn delete_path(call: &Call<'_>, id: &str) -> Answer<()> {
    let device = call.device();
    device
        .delete_certification_path(call.actor, id)
        .map_err(faults::of)
}
