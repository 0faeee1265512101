//! A whole RTSP connection: requests, interleaved frames, RTCP, whatever a peer sends; and the upstream half of an HTTP tunnel.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, SystemTime},
};

use rtsp::{
    AccessUnit, AuthOutcome, AuthRequest, Authorizer, BackChannel, Codec, Config,
    ConnectionContext, Heard, MediaSource, OpenError, Presentation, Server, Stream, StreamConfig,
    StreamHooks, StreamRequest, Talk, Transport, User,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    runtime::Runtime,
};

use crate::Target;

/// A connection whose peer has hung up must end by itself within this time.
const END_WITHIN: Duration = Duration::from_secs(20);

/// The peer waits so long for answers that name the session.
const PAUSE: Duration = Duration::from_millis(2);

struct Quiet;

impl StreamHooks for Quiet {
    fn key_frame_wanted(&self) {}
    fn viewers_changed(&self, _viewers: usize) {}
}

struct Anybody;

impl Authorizer for Anybody {
    fn challenge(&self, _stale: bool) -> Vec<String> {
        vec!["Digest realm=\"r\", nonce=\"n\"".into()]
    }

    fn authorize(&self, _request: &AuthRequest<'_>) -> AuthOutcome {
        AuthOutcome::Granted(User::new("anybody"))
    }
}

struct One(Arc<Stream>);

impl MediaSource for One {
    fn open(&self, _request: &StreamRequest<'_>) -> Result<Presentation, OpenError> {
        Ok(Presentation::from(self.0.clone()).with_back_channel(Arc::new(Ear)))
    }
}

/// Hears everybody.
struct Ear;

impl BackChannel for Ear {
    fn talk(&self, _user: &User, _peer: SocketAddr) -> Result<Arc<dyn Talk>, OpenError> {
        Ok(Arc::new(Self))
    }
}

impl Talk for Ear {
    fn hear(&self, packet: Heard<'_>) {
        assert!(packet.samples.len() < 1 << 16, "more than a packet holds");
    }
}

const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A server of one stream of two tracks. Everybody is let in, so that what comes after the password is reached too.
fn server(runtime: &Runtime) -> Server {
    let stream = Stream::new(
        StreamConfig::new("main", [Codec::H264, Codec::OnvifMetadata]),
        Arc::new(Quiet),
    )
    .expect("a stream of two tracks");
    // With the parameter sets known, DESCRIBE answers at once.
    let key = [
        &[
            0, 0, 1, 0x67, 0x4d, 0, 0x28, 0, 0, 1, 0x68, 1, 0, 0, 1, 0x65,
        ][..],
        &[0x55; 64],
    ]
    .concat();
    let unit = AccessUnit {
        pts: Duration::ZERO,
        utc: SystemTime::UNIX_EPOCH,
        key: true,
        data: key.into(),
    };
    let pushed = stream.sink(0).and_then(|sink| sink.push(&unit));
    pushed.expect("a key picture");
    runtime
        .block_on(Server::bind(
            &[LOOPBACK],
            Config::default(),
            Arc::new(One(stream)),
            Arc::new(Anybody),
        ))
        .expect("a free port on loopback")
}

/// Serves the far end of a new connection until it ends; the near end is the peer's.
fn serving(server: &Server) -> (DuplexStream, impl Future<Output = ()> + '_) {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let context = ConnectionContext {
        user: None,
        local: Some(LOOPBACK),
        secure: false,
        transport: Transport::WebSocket,
    };
    (near, server.serve_connection(far, LOOPBACK, context))
}

async fn ends(all: impl Future) {
    let ended = tokio::time::timeout(END_WITHIN, all).await;
    assert!(ended.is_ok(), "the connection does not end");
}

/// One connection that begins with the input.
pub(crate) fn connection() -> Box<dyn Target> {
    let runtime = runtime();
    let server = server(&runtime);
    Box::new(move |input: &[u8]| {
        runtime.block_on(async {
            let (near, serving) = serving(&server);
            ends(async { tokio::join!(serving, talk(near, input)) }).await;
        });
    })
}

/// A tunnel whose GET is open; the input follows the head of its POST, base64 or not.
pub(crate) fn tunnel() -> Box<dyn Target> {
    let runtime = runtime();
    let server = server(&runtime);
    let head = |method: &str| format!("{method} /live HTTP/1.0\r\nx-sessioncookie: c\r\n\r\n");
    let (get, post) = (head("GET"), head("POST").into_bytes());
    Box::new(move |input: &[u8]| {
        runtime.block_on(async {
            let (mut down, get_serving) = serving(&server);
            let (up, post_serving) = serving(&server);
            let peer = async {
                down.write_all(get.as_bytes())
                    .await
                    .expect("the GET is read");
                let mut granted = [0; 256];
                let n = down.read(&mut granted).await.expect("the GET is answered");
                assert!(
                    granted[..n].starts_with(b"HTTP/1.0 200"),
                    "the GET is granted"
                );
                let (mut answers, closing) = tokio::io::split(down);
                let mut sink = tokio::io::sink();
                let sending = async {
                    talk(up, &[&post, input].concat()).await;
                    // The end of the GET is the end of the tunnel.
                    let mut closing = closing;
                    let _ = closing.shutdown().await;
                };
                let _ = tokio::join!(tokio::io::copy(&mut answers, &mut sink), sending);
            };
            ends(async { tokio::join!(get_serving, post_serving, peer) }).await;
        });
    })
}

/// Sends the input in pieces; `SESSION` in it stands for the session that the server has named.
async fn talk(mut peer: DuplexStream, input: &[u8]) {
    let mut session = String::new();
    let mut rest = input;
    while let Some(at) = find(rest, b"SESSION") {
        if peer.write_all(&rest[..at]).await.is_err() {
            return;
        }
        rest = &rest[at + b"SESSION".len()..];
        let mut answers = [0; 4096];
        while let Ok(Ok(n @ 1..)) = tokio::time::timeout(PAUSE, peer.read(&mut answers)).await {
            let text = String::from_utf8_lossy(&answers[..n]);
            if let Some((_, named)) = text.split_once("Session: ") {
                session = named.split([';', '\r']).next().unwrap_or_default().into();
            }
        }
        if peer.write_all(session.as_bytes()).await.is_err() {
            return;
        }
    }
    let (mut answers, mut requests) = tokio::io::split(peer);
    let send = async {
        let _ = requests.write_all(rest).await;
        let _ = requests.shutdown().await;
    };
    let mut sink = Vec::new();
    let (_, ()) = tokio::join!(answers.read_to_end(&mut sink), send);
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|w| w == what)
}

/// One thread, for targets that are asynchronous.
pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

/// The payload of a packet of AAC of the back channel.
pub(crate) fn back_channel() -> Box<dyn Target> {
    Box::new(|input: &[u8]| {
        let frames = rtsp::aac_frames(input).unwrap_or_default();
        let bytes: usize = frames.iter().map(|f| f.len()).sum();
        assert!(
            bytes + 2 * frames.len() < input.len().max(1),
            "more than was sent"
        );
        assert!(
            frames
                .iter()
                .all(|f| (1..=rtsp::MAX_AAC_FRAME).contains(&f.len()))
        );
    })
}
