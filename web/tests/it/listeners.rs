//! Listeners come and go while the server runs (NET-13, NET-15, HTTPS-6, SEC-7).

use std::{net::SocketAddr, sync::Arc};

use http::StatusCode;
use platecam_model::testing::{self, TestDevice};
use platecam_web::{Config, Error, Server, Tls, serve};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use crate::support::{Client, Echo};

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// A TLS listener for the name `cam.lan`, and a client that trusts it.
pub(crate) fn tls() -> (Tls, TlsConnector) {
    let made = rcgen::generate_simple_self_signed(vec!["cam.lan".into()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = rustls_pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tls = Tls {
        address: ANY,
        config: Arc::new(config),
    };
    (tls, TlsConnector::from(Arc::new(client)))
}

async fn start(test: &TestDevice, http: Option<SocketAddr>, https: Option<Tls>) -> Server {
    let config = Config {
        http,
        https,
        ..Config::default()
    };
    serve(config, test.device.clone(), Vec::new(), Arc::new(Echo))
        .await
        .unwrap()
}

/// One request over a connection that is kept.
async fn ask(stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin), path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: cam.lan:1\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut buffer = vec![0; 8192];
    let n = stream.read(&mut buffer).await.unwrap();
    String::from_utf8_lossy(&buffer[..n]).into_owned()
}

#[tokio::test]
async fn http_moves_and_https_is_not_disturbed() {
    let test = testing::initialised();
    let (tls, connector) = tls();
    let server = start(&test, Some(ANY), Some(tls.clone())).await;
    let (old, https) = (server.http().unwrap(), server.https().unwrap());
    let tcp = TcpStream::connect(https).await.unwrap();
    let name = "cam.lan".try_into().unwrap();
    let mut secure = connector.connect(name, tcp).await.unwrap();
    assert!(
        ask(&mut secure, "/healthz")
            .await
            .starts_with("HTTP/1.1 200")
    );
    // One connection rests, of the other the server has half a request.
    let mut idle = TcpStream::connect(old).await.unwrap();
    assert!(ask(&mut idle, "/healthz").await.starts_with("HTTP/1.1 200"));
    assert!(!server.set_http(Some(old)).await.unwrap(), "it is there");
    assert!(server.set_http(None).await.unwrap());
    assert_eq!(server.http(), None);
    assert!(TcpStream::connect(old).await.is_err());
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).await.unwrap();
    assert!(rest.is_empty(), "an idle connection ends in order");
    assert!(server.set_http(Some(ANY)).await.unwrap());
    let new = server.http().unwrap();
    let mut moved = TcpStream::connect(new).await.unwrap();
    assert!(
        ask(&mut moved, "/healthz")
            .await
            .starts_with("HTTP/1.1 200")
    );
    assert!(
        ask(&mut secure, "/healthz")
            .await
            .starts_with("HTTP/1.1 200")
    );
    // The port given up is free at once.
    drop(std::net::TcpListener::bind(old).unwrap());
    // HTTPS goes and comes.
    assert!(server.set_https(None).await.unwrap());
    assert!(TcpStream::connect(https).await.is_err());
    let again = Tls {
        address: https,
        ..tls
    };
    assert!(server.set_https(Some(again)).await.unwrap());
    assert_eq!(server.https(), Some(https));
    server.shutdown().await;
    assert!(TcpStream::connect(new).await.is_err());
}

/// The request that moved the listener is answered first.
#[tokio::test]
async fn a_request_under_way_is_answered() {
    let test = testing::initialised();
    let server = start(&test, Some(ANY), None).await;
    let mut tcp = TcpStream::connect(server.http().unwrap()).await.unwrap();
    let body = json!({"username": "admin", "password": testing::PASSWORD}).to_string();
    let head = format!(
        "POST /api/v1/session HTTP/1.1\r\nHost: cam.lan\r\nExpect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    tcp.write_all(head.as_bytes()).await.unwrap();
    let mut buffer = vec![0; 8192];
    // The handler wants the body: the request is under way.
    let n = tcp.read(&mut buffer).await.unwrap();
    assert!(buffer[..n].starts_with(b"HTTP/1.1 100"));
    server
        .set_http(Some(SocketAddr::new(ANY.ip(), 0)))
        .await
        .unwrap();
    server.set_http(None).await.unwrap();
    tcp.write_all(body.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    tcp.read_to_end(&mut answer).await.unwrap();
    assert!(
        answer.starts_with(b"HTTP/1.1 201"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    server.shutdown().await;
}

#[tokio::test]
async fn a_port_that_cannot_be_had_changes_nothing() {
    let test = testing::initialised();
    let server = start(&test, Some(ANY), None).await;
    let before = server.http().unwrap();
    let taken = std::net::TcpListener::bind(ANY).unwrap();
    let other = taken.local_addr().unwrap();
    let error = server.set_http(Some(other)).await.unwrap_err();
    assert!(matches!(error, Error::Listen { address, .. } if address == other));
    assert_eq!(server.http(), Some(before));
    let mut tcp = TcpStream::connect(before).await.unwrap();
    assert!(ask(&mut tcp, "/healthz").await.starts_with("HTTP/1.1 200"));
    server.shutdown().await;
}

/// SEC-7.
#[tokio::test]
async fn http_redirects_while_https_is_served() {
    let test = testing::initialised();
    let (tls, connector) = tls();
    let server = start(&test, Some(ANY), Some(tls)).await;
    let https = server.https().unwrap();
    let mut plain = TcpStream::connect(server.http().unwrap()).await.unwrap();
    assert!(
        ask(&mut plain, "/healthz")
            .await
            .starts_with("HTTP/1.1 200")
    );
    server.set_redirect(true);
    let answer = ask(&mut plain, "/api/v1/device?a=b").await;
    assert!(answer.starts_with("HTTP/1.1 308"), "{answer}");
    let location = format!(
        "location: https://cam.lan:{}/api/v1/device?a=b\r\n",
        https.port()
    );
    assert!(answer.contains(&location), "{answer}");
    let tcp = TcpStream::connect(https).await.unwrap();
    let name = "cam.lan".try_into().unwrap();
    let mut secure = connector.connect(name, tcp).await.unwrap();
    assert!(
        ask(&mut secure, "/healthz")
            .await
            .starts_with("HTTP/1.1 200")
    );
    server.set_https(None).await.unwrap();
    assert!(
        ask(&mut plain, "/healthz")
            .await
            .starts_with("HTTP/1.1 200"),
        "nowhere to send anybody to"
    );
    server.shutdown().await;
}

/// SEC-7: the unit stays reachable.
#[tokio::test]
async fn both_off_is_refused() {
    let client = Client::logged_in().await;
    let off = json!({"enabled": false, "http_enabled": false});
    let reply = client.patch("net.https", "\"0\"", &off).await;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(reply.pointers(), ["/http_enabled"]);
}
