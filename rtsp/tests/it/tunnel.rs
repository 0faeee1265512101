//! RTSP tunnelled in HTTP: a GET and a POST that belong together (ONVIF Streaming Specification 5.1.1.4).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rtsp::{Codec, Config};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::clip::Clip;
use crate::server::{BOB, H264, MAIN, TestServer, within};

/// Both connections of a tunnel, and what came down so far.
struct Tunnel {
    get: TcpStream,
    post: TcpStream,
    came: Vec<u8>,
}

/// Opens one connection and sends an HTTP head.
async fn half(server: &TestServer, method: &str, cookie: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    // In two pieces, the first one shorter than the method.
    let head = format!(
        "{method} {MAIN} HTTP/1.0\r\nx-sessioncookie: {cookie}\r\nContent-Length: 32767\r\n\r\n"
    );
    stream.set_nodelay(true).unwrap();
    stream.write_all(&head.as_bytes()[..2]).await.unwrap();
    tokio::task::yield_now().await;
    stream.write_all(&head.as_bytes()[2..]).await.unwrap();
    stream
}

/// What a connection says before it is closed.
async fn rest(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    let _ = within(stream.read_to_end(&mut all)).await;
    String::from_utf8_lossy(&all).into_owned()
}

impl Tunnel {
    async fn open(server: &TestServer, cookie: &str) -> Tunnel {
        let mut tunnel = Tunnel {
            get: half(server, "GET", cookie).await,
            // A place-holder until the GET is answered.
            post: TcpStream::connect(server.address).await.unwrap(),
            came: Vec::new(),
        };
        let head = tunnel.until("\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.0 200 OK\r\n"), "{head}");
        assert!(head.contains("application/x-rtsp-tunnelled"), "{head}");
        tunnel.post = half(server, "POST", cookie).await;
        tunnel
    }

    /// What came down up to and with `mark`.
    async fn until(&mut self, mark: &str) -> String {
        loop {
            let found = self
                .came
                .windows(mark.len())
                .position(|window| window == mark.as_bytes());
            if let Some(at) = found {
                let text: Vec<u8> = self.came.drain(..at + mark.len()).collect();
                return String::from_utf8_lossy(&text).into_owned();
            }
            let got = within(self.get.read_buf(&mut self.came)).await.unwrap();
            assert!(got > 0, "closed before {mark:?}");
        }
    }

    /// Sends text in base64, with a line break after every `line` characters and `piece` bytes at once.
    async fn send(&mut self, text: &str, line: usize, piece: usize) {
        let encoded = STANDARD.encode(text);
        let lines: Vec<&[u8]> = encoded.as_bytes().chunks(line).collect();
        let body = lines.join(b"\r\n".as_slice());
        for piece in body.chunks(piece) {
            self.post.write_all(piece).await.unwrap();
        }
    }

    async fn ask(&mut self, method: &str, url: &str, more: &str) -> String {
        let text = format!("{method} {url} RTSP/1.0\r\nCSeq: 1\r\n{BOB}\r\n{more}\r\n");
        self.send(&text, usize::MAX, usize::MAX).await;
        self.until("\r\n\r\n").await
    }
}

/// MEDIA2_RTSS-1-1-2, RTSS-1-1-45: pictures come down a GET while requests go up a POST, in whatever pieces, past
/// what its Content-Length says.
#[tokio::test]
async fn plays_with_requests_in_odd_pieces() {
    let server = TestServer::new(Config::default()).await;
    let _feed = server.feed(Clip::new(Codec::H264, H264));
    let url = format!("http://{}{MAIN}", server.address);
    let mut tunnel = Tunnel::open(&server, "aB3xyz").await;
    // More than 32767 bytes of base64, all on one POST.
    for (line, piece) in [(1, 7), (3, 1), (76, 33), (5, 1000)] {
        for _ in 0..40 {
            let text = format!(
                "OPTIONS {url} RTSP/1.0\r\nCSeq: 5\r\nX-Long: {}\r\n\r\n",
                "a".repeat(100)
            );
            tunnel.send(&text, line, piece).await;
            let answer = tunnel.until("\r\n\r\n").await;
            assert!(answer.starts_with("RTSP/1.0 200 OK"), "{answer}");
        }
    }
    let challenge = {
        tunnel
            .send(&format!("DESCRIBE {url} RTSP/1.0\r\nCSeq: 6\r\n\r\n"), 9, 4)
            .await;
        tunnel.until("\r\n\r\n").await
    };
    assert!(challenge.starts_with("RTSP/1.0 401"), "{challenge}");
    let transport = "Transport: RTP/AVP;unicast;client_port=5000-5001\r\n";
    let udp = tunnel
        .ask("SETUP", &format!("{url}/trackID=0"), transport)
        .await;
    assert!(udp.starts_with("RTSP/1.0 461"), "no UDP in a tunnel: {udp}");
    let transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";
    let setup = tunnel
        .ask("SETUP", &format!("{url}/trackID=0"), transport)
        .await;
    assert!(setup.starts_with("RTSP/1.0 200"), "{setup}");
    let play = tunnel.ask("PLAY", &url, "").await;
    assert!(play.starts_with("RTSP/1.0 200"), "{play}");
    // Sender report and pictures.
    for mark in ["$\x01", "$\0", "$\0"] {
        tunnel.until(mark).await;
    }
    let sessions = server.server.sessions();
    assert_eq!(
        (sessions.len(), sessions[0].transport),
        (1, rtsp::Transport::HttpTunnel)
    );
    // A client may end its POST and begin another one.
    tunnel.post = half(&server, "POST", "aB3xyz").await;
    tunnel
        .send(
            &format!("TEARDOWN {url} RTSP/1.0\r\nCSeq: 7\r\n{BOB}\r\n\r\n"),
            4,
            9,
        )
        .await;
    tunnel.until("CSeq: 7").await;
    server.viewers(0).await;
}

/// Whoever closes the GET is gone, with the session and whatever the POST does.
#[tokio::test]
async fn a_closed_get_ends_the_session() {
    let server = TestServer::new(Config::default()).await;
    let _feed = server.feed(Clip::new(Codec::H264, H264));
    let url = server.url();
    let mut tunnel = Tunnel::open(&server, "c").await;
    let transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";
    tunnel
        .ask("SETUP", &format!("{url}/trackID=0"), transport)
        .await;
    tunnel.ask("PLAY", &url, "").await;
    server.viewers(1).await;
    let Tunnel { get, mut post, .. } = tunnel;
    drop(get);
    server.viewers(0).await;
    assert!(server.server.sessions().is_empty());
    assert_eq!(rest(&mut post).await, "", "the POST is closed as well");
    // The cookie is free again.
    Tunnel::open(&server, "c").await;
}

#[tokio::test]
async fn halves_that_do_not_fit_are_refused() {
    let server = TestServer::new(Config::default()).await;
    // A POST alone leads nowhere.
    let mut post = half(&server, "POST", "nobody").await;
    assert!(rest(&mut post).await.starts_with("HTTP/1.0 404"));
    // One cookie, one tunnel.
    let mut first = Tunnel::open(&server, "one").await;
    let mut second = half(&server, "GET", "one").await;
    assert!(rest(&mut second).await.starts_with("HTTP/1.0 409"));
    // What is not base64 ends the tunnel, not the server.
    first.post.write_all(b"T1BU{}").await.unwrap();
    assert!(rest(&mut first.post).await.starts_with("HTTP/1.0 400"));
    assert_eq!(rest(&mut first.get).await, "");
    // HTTP without the cookie is not served.
    let mut other = TcpStream::connect(server.address).await.unwrap();
    other
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    assert!(rest(&mut other).await.starts_with("HTTP/1.0 400"));
    let mut long = TcpStream::connect(server.address).await.unwrap();
    let head = format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(16 << 10));
    long.write_all(head.as_bytes()).await.unwrap();
    assert!(rest(&mut long).await.starts_with("HTTP/1.0 431"));
}

/// Tunnels that wait for their POST count as connections that have not shown who they are, and do not wait long.
#[tokio::test]
async fn waiting_tunnels_are_bounded() {
    let mut config = Config::default();
    config.max_pending_per_address = 2;
    config.unauthenticated_time = std::time::Duration::from_millis(300);
    let server = TestServer::new(config).await;
    let mut first = half(&server, "GET", "1").await;
    let mut head = [0; 15];
    within(first.read_exact(&mut head)).await.unwrap();
    let mut second = half(&server, "GET", "2").await;
    within(second.read_exact(&mut head)).await.unwrap();
    // Refused before it says anything.
    let mut third = TcpStream::connect(server.address).await.unwrap();
    assert!(rest(&mut third).await.contains(" 503 "));
    assert!(rest(&mut first).await.contains("RTSP/1.0 408"));
    rest(&mut second).await;
    let mut again = half(&server, "GET", "3").await;
    within(again.read_exact(&mut head)).await.unwrap();
    assert_eq!(&head, b"HTTP/1.0 200 OK");
}
