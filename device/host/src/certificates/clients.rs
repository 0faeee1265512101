//! Whether a client of the TLS server is whom it says (HTTPS-8): its certificate leads to an authority that is trusted,
//! and no revocation list has it.

use std::sync::Arc;

use platecam_model::{Error, Result};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime, pem::PemObject},
    server::{
        WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};

use super::{parse, revocation::signed_by, store::CertificateStore};

impl CertificateStore {
    /// Verifies clients by the authorities of a PEM text and by the revocation lists that are here now. With `usage` a
    /// certificate must say that it is for clients. Where none of the authorities can be used, nobody is let in.
    pub fn client_verifier(&self, ca: &str, usage: bool) -> Arc<dyn ClientCertVerifier> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        match self.verifier(ca, provider.clone()) {
            Ok(inner) if usage => Arc::new(ForClients(inner)),
            Ok(inner) => inner,
            Err(error) => {
                tracing::error!(error = ?error, "no client can be verified: TLS lets nobody in");
                Arc::new(Nobody(provider))
            }
        }
    }

    fn verifier(
        &self,
        ca: &str,
        provider: Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ClientCertVerifier>> {
        let anchors = CertificateDer::pem_slice_iter(ca.as_bytes());
        let anchors: Vec<CertificateDer<'static>> = anchors
            .collect::<std::result::Result<_, _>>()
            .map_err(Error::internal)?;
        let mut roots = RootCertStore::empty();
        for anchor in &anchors {
            if let Err(error) = roots.add(anchor.clone()) {
                tracing::warn!(%error, "an authority of clients cannot be used: left out");
            }
        }
        let mut lists = self.all_crls()?;
        // TLS takes the first list of an authority: the newest counts.
        lists.sort_by_key(|l| std::cmp::Reverse(l.this_update));
        let authentic = |der: &[u8]| {
            let mut of = anchors.iter().filter_map(|a| signed_by(der, a)).peekable();
            of.peek().is_none() || of.any(|signed| signed)
        };
        let mut taken: Vec<CertificateRevocationListDer<'static>> = Vec::new();
        for list in lists {
            if authentic(&list.der) {
                taken.push(list.der.into());
            } else {
                tracing::warn!(list = %list.id, "a revocation list is not of the authority it names: left out");
            }
        }
        // An authority without a list has revoked nothing; one whose next list is late has revoked what the last one says.
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
            .with_crls(taken)
            .allow_unknown_revocation_status()
            .build()
            .map_err(Error::internal)
    }
}

/// Lets in only certificates that say they are for clients (RFC 5280 §4.2.1.12); those that say something else are
/// refused anyway.
#[derive(Debug)]
struct ForClients(Arc<dyn ClientCertVerifier>);

fn for_clients(der: &[u8]) -> bool {
    let Ok(certificate) = parse::certificate(der) else {
        return false;
    };
    let usage = certificate.extended_key_usage().ok().flatten();
    usage.is_some_and(|u| u.value.client_auth)
}

impl ClientCertVerifier for ForClients {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> std::result::Result<ClientCertVerified, rustls::Error> {
        let verified = self.0.verify_client_cert(end_entity, intermediates, now)?;
        match for_clients(end_entity) {
            true => Ok(verified),
            false => Err(CertificateError::InvalidPurpose.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// Lets nobody in.
#[derive(Debug)]
struct Nobody(Arc<CryptoProvider>);

impl ClientCertVerifier for Nobody {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> std::result::Result<ClientCertVerified, rustls::Error> {
        Err(CertificateError::UnknownIssuer.into())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        Err(CertificateError::UnknownIssuer.into())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        Err(CertificateError::UnknownIssuer.into())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
