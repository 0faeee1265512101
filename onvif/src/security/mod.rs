//! Security configuration service (`tas`): keys, certificates and what HTTPS serves (HTTPS-1..4, SEC-18). It is
//! the store of the web's certificates page; nothing is kept here.

pub(crate) mod capabilities;
mod certificates;
mod dot1x;
mod faults;
mod keys;
mod policies;
mod revocation;
mod signing;
mod subject;
mod tls;

use onvif_contracts::{
    ports::{
        advanced_security_service::AdvancedSecurityService, dot1x::Dot1X, keystore::Keystore,
        media_signing::MediaSigning, tls_server::TLSServer,
    },
    tas,
};

use crate::call::{Answer, Call};

impl AdvancedSecurityService for Call<'_> {
    fn get_service_capabilities(
        &self,
        _: tas::GetServiceCapabilities,
    ) -> Answer<tas::GetServiceCapabilitiesResponse> {
        Ok(tas::GetServiceCapabilitiesResponse {
            capabilities: capabilities::all(self),
        })
    }
}

impl Keystore for Call<'_> {
    fn create_rsa_key_pair(
        &self,
        request: tas::CreateRSAKeyPair,
    ) -> Answer<tas::CreateRSAKeyPairResponse> {
        keys::create_rsa(self, &request)
    }

    fn create_ecc_key_pair(
        &self,
        request: tas::CreateECCKeyPair,
    ) -> Answer<tas::CreateECCKeyPairResponse> {
        keys::create_ecc(self, &request)
    }

    fn upload_key_pair_in_pkcs8(
        &self,
        request: tas::UploadKeyPairInPKCS8,
    ) -> Answer<tas::UploadKeyPairInPKCS8Response> {
        keys::upload(self, &request)
    }

    fn upload_certificate_with_private_key_in_pkcs12(
        &self,
        request: tas::UploadCertificateWithPrivateKeyInPKCS12,
    ) -> Answer<tas::UploadCertificateWithPrivateKeyInPKCS12Response> {
        keys::upload_pkcs12(self, request)
    }

    fn get_key_status(&self, request: tas::GetKeyStatus) -> Answer<tas::GetKeyStatusResponse> {
        let key_status = keys::one(self, &request.key_id)?.status.word().into();
        Ok(tas::GetKeyStatusResponse { key_status })
    }

    fn get_private_key_status(
        &self,
        request: tas::GetPrivateKeyStatus,
    ) -> Answer<tas::GetPrivateKeyStatusResponse> {
        let has_private_key = keys::one(self, &request.key_id)?.has_private;
        Ok(tas::GetPrivateKeyStatusResponse { has_private_key })
    }

    fn get_all_keys(&self, _: tas::GetAllKeys) -> Answer<tas::GetAllKeysResponse> {
        keys::all(self)
    }

    fn delete_key(&self, request: tas::DeleteKey) -> Answer<tas::DeleteKeyResponse> {
        keys::delete(self, &request.key_id)?;
        Ok(Default::default())
    }

    fn create_pkcs10csr(
        &self,
        request: tas::CreatePKCS10CSR,
    ) -> Answer<tas::CreatePKCS10CSRResponse> {
        certificates::request(self, request)
    }

    fn create_self_signed_certificate(
        &self,
        request: tas::CreateSelfSignedCertificate,
    ) -> Answer<tas::CreateSelfSignedCertificateResponse> {
        certificates::self_sign(self, request)
    }

    fn upload_certificate(
        &self,
        request: tas::UploadCertificate,
    ) -> Answer<tas::UploadCertificateResponse> {
        certificates::upload(self, request)
    }

    fn get_certificate(&self, request: tas::GetCertificate) -> Answer<tas::GetCertificateResponse> {
        certificates::one(self, &request.certificate_id)
    }

    fn get_all_certificates(
        &self,
        _: tas::GetAllCertificates,
    ) -> Answer<tas::GetAllCertificatesResponse> {
        certificates::all(self)
    }

    fn delete_certificate(
        &self,
        request: tas::DeleteCertificate,
    ) -> Answer<tas::DeleteCertificateResponse> {
        certificates::delete(self, &request.certificate_id)?;
        Ok(Default::default())
    }

    fn create_certification_path(
        &self,
        request: tas::CreateCertificationPath,
    ) -> Answer<tas::CreateCertificationPathResponse> {
        certificates::create_path(self, &request)
    }

    fn get_certification_path(
        &self,
        request: tas::GetCertificationPath,
    ) -> Answer<tas::GetCertificationPathResponse> {
        certificates::path(self, &request.certification_path_id)
    }

    fn get_all_certification_paths(
        &self,
        _: tas::GetAllCertificationPaths,
    ) -> Answer<tas::GetAllCertificationPathsResponse> {
        certificates::paths(self)
    }

    fn set_certification_path(
        &self,
        request: tas::SetCertificationPath,
    ) -> Answer<tas::SetCertificationPathResponse> {
        certificates::set_path(self, request)?;
        Ok(Default::default())
    }

    fn delete_certification_path(
        &self,
        request: tas::DeleteCertificationPath,
    ) -> Answer<tas::DeleteCertificationPathResponse> {
        certificates::delete_path(self, &request.certification_path_id)?;
        Ok(Default::default())
    }

    fn create_cert_path_validation_policy(
        &self,
        request: tas::CreateCertPathValidationPolicy,
    ) -> Answer<tas::CreateCertPathValidationPolicyResponse> {
        policies::create(self, &request)
    }

    fn get_cert_path_validation_policy(
        &self,
        request: tas::GetCertPathValidationPolicy,
    ) -> Answer<tas::GetCertPathValidationPolicyResponse> {
        let policy = policies::one(self, &request.cert_path_validation_policy_id)?;
        Ok(tas::GetCertPathValidationPolicyResponse {
            cert_path_validation_policy: policy,
        })
    }

    fn get_all_cert_path_validation_policies(
        &self,
        _: tas::GetAllCertPathValidationPolicies,
    ) -> Answer<tas::GetAllCertPathValidationPoliciesResponse> {
        Ok(tas::GetAllCertPathValidationPoliciesResponse {
            cert_path_validation_policy: policies::all(self)?,
        })
    }

    fn set_cert_path_validation_policy(
        &self,
        request: tas::SetCertPathValidationPolicy,
    ) -> Answer<tas::SetCertPathValidationPolicyResponse> {
        policies::set(self, &request.cert_path_validation_policy)?;
        Ok(Default::default())
    }

    fn delete_cert_path_validation_policy(
        &self,
        request: tas::DeleteCertPathValidationPolicy,
    ) -> Answer<tas::DeleteCertPathValidationPolicyResponse> {
        policies::delete(self, &request.cert_path_validation_policy_id)?;
        Ok(Default::default())
    }

    fn upload_crl(&self, request: tas::UploadCRL) -> Answer<tas::UploadCRLResponse> {
        let crl_id = revocation::upload(self, &request)?;
        Ok(tas::UploadCRLResponse { crl_id })
    }

    fn get_crl(&self, request: tas::GetCRL) -> Answer<tas::GetCRLResponse> {
        let crl = revocation::one(self, &request.crl_id)?;
        Ok(tas::GetCRLResponse { crl })
    }

    fn get_all_crls(&self, _: tas::GetAllCRLs) -> Answer<tas::GetAllCRLsResponse> {
        let crl = revocation::all(self)?;
        Ok(tas::GetAllCRLsResponse { crl })
    }

    fn delete_crl(&self, request: tas::DeleteCRL) -> Answer<tas::DeleteCRLResponse> {
        revocation::delete(self, &request.crl_id)?;
        Ok(Default::default())
    }

    fn upload_passphrase(
        &self,
        request: tas::UploadPassphrase,
    ) -> Answer<tas::UploadPassphraseResponse> {
        keys::upload_passphrase(self, request)
    }

    fn get_all_passphrases(
        &self,
        _: tas::GetAllPassphrases,
    ) -> Answer<tas::GetAllPassphrasesResponse> {
        keys::passphrases(self)
    }

    fn delete_passphrase(
        &self,
        request: tas::DeletePassphrase,
    ) -> Answer<tas::DeletePassphraseResponse> {
        keys::delete_passphrase(self, &request.passphrase_id)?;
        Ok(Default::default())
    }
}

impl TLSServer for Call<'_> {
    fn add_server_certificate_assignment(
        &self,
        request: tas::AddServerCertificateAssignment,
    ) -> Answer<tas::AddServerCertificateAssignmentResponse> {
        tls::add(self, &request.certification_path_id)?;
        Ok(Default::default())
    }

    fn remove_server_certificate_assignment(
        &self,
        request: tas::RemoveServerCertificateAssignment,
    ) -> Answer<tas::RemoveServerCertificateAssignmentResponse> {
        tls::remove(self, &request.certification_path_id)?;
        Ok(Default::default())
    }

    fn replace_server_certificate_assignment(
        &self,
        request: tas::ReplaceServerCertificateAssignment,
    ) -> Answer<tas::ReplaceServerCertificateAssignmentResponse> {
        tls::replace(self, &request)?;
        Ok(Default::default())
    }

    fn set_enabled_tls_versions(
        &self,
        request: tas::SetEnabledTLSVersions,
    ) -> Answer<tas::SetEnabledTLSVersionsResponse> {
        tls::set_versions(self, &request.versions.0)?;
        Ok(Default::default())
    }

    fn get_enabled_tls_versions(
        &self,
        _: tas::GetEnabledTLSVersions,
    ) -> Answer<tas::GetEnabledTLSVersionsResponse> {
        Ok(tls::versions(self))
    }

    fn set_client_authentication_required(
        &self,
        request: tas::SetClientAuthenticationRequired,
    ) -> Answer<tas::SetClientAuthenticationRequiredResponse> {
        tls::require_clients(self, request.client_authentication_required)?;
        Ok(Default::default())
    }

    fn get_client_authentication_required(
        &self,
        _: tas::GetClientAuthenticationRequired,
    ) -> Answer<tas::GetClientAuthenticationRequiredResponse> {
        Ok(tls::clients_required(self))
    }

    fn add_cert_path_validation_policy_assignment(
        &self,
        request: tas::AddCertPathValidationPolicyAssignment,
    ) -> Answer<tas::AddCertPathValidationPolicyAssignmentResponse> {
        tls::add_policy(self, &request.cert_path_validation_policy_id)?;
        Ok(Default::default())
    }

    fn remove_cert_path_validation_policy_assignment(
        &self,
        request: tas::RemoveCertPathValidationPolicyAssignment,
    ) -> Answer<tas::RemoveCertPathValidationPolicyAssignmentResponse> {
        tls::remove_policy(self, &request.cert_path_validation_policy_id)?;
        Ok(Default::default())
    }

    fn replace_cert_path_validation_policy_assignment(
        &self,
        request: tas::ReplaceCertPathValidationPolicyAssignment,
    ) -> Answer<tas::ReplaceCertPathValidationPolicyAssignmentResponse> {
        tls::replace_policy(self, &request)?;
        Ok(Default::default())
    }

    fn get_assigned_cert_path_validation_policies(
        &self,
        _: tas::GetAssignedCertPathValidationPolicies,
    ) -> Answer<tas::GetAssignedCertPathValidationPoliciesResponse> {
        tls::policies(self)
    }

    fn get_assigned_server_certificates(
        &self,
        _: tas::GetAssignedServerCertificates,
    ) -> Answer<tas::GetAssignedServerCertificatesResponse> {
        tls::assigned(self)
    }
}

/// Video is signed with the unit's own key alone: nothing can be assigned, as the capabilities say.
impl MediaSigning for Call<'_> {
    fn get_assigned_media_signing_certificates(
        &self,
        _: tas::GetAssignedMediaSigningCertificates,
    ) -> Answer<tas::GetAssignedMediaSigningCertificatesResponse> {
        signing::assigned(self)
    }
}

impl Dot1X for Call<'_> {
    fn add_dot1x_configuration(
        &self,
        request: tas::AddDot1XConfiguration,
    ) -> Answer<tas::AddDot1XConfigurationResponse> {
        let dot1xid = dot1x::add(self, &request.dot1x_configuration)?;
        Ok(tas::AddDot1XConfigurationResponse { dot1xid })
    }

    fn get_all_dot1x_configurations(
        &self,
        _: tas::GetAllDot1XConfigurations,
    ) -> Answer<tas::GetAllDot1XConfigurationsResponse> {
        dot1x::all(self)
    }

    fn get_dot1x_configuration(
        &self,
        request: tas::GetDot1XConfiguration,
    ) -> Answer<tas::GetDot1XConfigurationResponse> {
        dot1x::get(self, &request.dot1xid)
    }

    fn delete_dot1x_configuration(
        &self,
        request: tas::DeleteDot1XConfiguration,
    ) -> Answer<tas::DeleteDot1XConfigurationResponse> {
        dot1x::delete(self, &request.dot1xid)?;
        Ok(Default::default())
    }

    fn set_network_interface_dot1x_configuration(
        &self,
        request: tas::SetNetworkInterfaceDot1XConfiguration,
    ) -> Answer<tas::SetNetworkInterfaceDot1XConfigurationResponse> {
        dot1x::bind(self, &request.token, &request.dot1xid)?;
        Ok(Default::default())
    }

    fn get_network_interface_dot1x_configuration(
        &self,
        request: tas::GetNetworkInterfaceDot1XConfiguration,
    ) -> Answer<tas::GetNetworkInterfaceDot1XConfigurationResponse> {
        let dot1xid = dot1x::bound(self, &request.token)?;
        Ok(tas::GetNetworkInterfaceDot1XConfigurationResponse { dot1xid })
    }

    fn delete_network_interface_dot1x_configuration(
        &self,
        request: tas::DeleteNetworkInterfaceDot1XConfiguration,
    ) -> Answer<tas::DeleteNetworkInterfaceDot1XConfigurationResponse> {
        dot1x::unbind(self, &request.token)?;
        Ok(Default::default())
    }
}
