//! Revocation lists (Security Service §5.2.6.4): those of the authorities whose clients the TLS server takes.

use onvif_contracts::tas;
use onvif_xml::Base64;
use platecam_model::ports::RevocationList;

use super::faults;
use crate::call::{Answer, Call};

fn written(list: RevocationList) -> tas::CRL {
    tas::CRL {
        crlid: list.id,
        alias: list.alias,
        crl_content: Base64(list.der),
    }
}

/// `UploadCRL`.
pub(super) fn upload(call: &Call<'_>, request: &tas::UploadCRL) -> Answer<String> {
    let alias = request.alias.as_deref().unwrap_or_default();
    call.device()
        .upload_revocation_list(call.actor, &request.crl.0, alias)
        .map_err(faults::of)
}

/// `GetAllCRLs`.
pub(super) fn all(call: &Call<'_>) -> Answer<Vec<tas::CRL>> {
    let all = call.device().revocation_lists(call.actor);
    Ok(all.map_err(faults::of)?.into_iter().map(written).collect())
}

/// `GetCRL`.
pub(super) fn one(call: &Call<'_>, id: &str) -> Answer<tas::CRL> {
    let found = call.device().revocation_list(call.actor, id);
    found.map(written).map_err(faults::of)
}

/// `DeleteCRL`: nothing refers to a list, it counts for every policy.
pub(super) fn delete(call: &Call<'_>, id: &str) -> Answer<()> {
    call.device()
        .delete_revocation_list(call.actor, id)
        .map_err(faults::of)
}
