//! The connection to a broker: TCP, TLS over it, and a WebSocket over either.

use std::{io, sync::Arc, time::Duration};

use platecam_model::settings::BrokerConfig;
use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::web_socket::WebSocket;
use crate::log::roots;

/// For connecting and the handshakes of TLS and the WebSocket, each.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes to and from a broker.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// Connects as the settings say.
pub(super) async fn connect(to: &BrokerConfig) -> io::Result<Box<dyn Wire>> {
    let late = |_| io::Error::from(io::ErrorKind::TimedOut);
    let address = (to.host.as_str(), to.port.get());
    let tcp = timeout(PATIENCE, TcpStream::connect(address))
        .await
        .map_err(late)??;
    tcp.set_nodelay(true)?;
    let stream: Box<dyn Wire> = if to.transport.is_encrypted() {
        let name = ServerName::try_from(to.host.clone()).map_err(io::Error::other)?;
        let tls = TlsConnector::from(Arc::new(config(to)?));
        let stream = timeout(PATIENCE, tls.connect(name, tcp))
            .await
            .map_err(late)??;
        Box::new(stream)
    } else {
        Box::new(tcp)
    };
    if to.transport.is_web_socket() {
        let address = to.address();
        let socket = timeout(PATIENCE, WebSocket::open(stream, &address));
        return Ok(Box::new(socket.await.map_err(late)??));
    }
    Ok(stream)
}

fn config(to: &BrokerConfig) -> io::Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let builder = if to.verify_certificate {
        builder.with_root_certificates(roots(&to.ca_certificate)?)
    } else {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Unverified(provider)))
    };
    Ok(builder.with_no_client_auth())
}

/// Takes any certificate: what ONVIF says of a broker without a validation policy (Core §11.12). The channel
/// is encrypted, but not proof against somebody in the middle.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
