//! Packetising a key frame, and giving one frame to ten viewers over real sockets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use divan::Bencher;
use divan::counter::BytesCount;
use rtsp::{
    AccessUnit, AuthOutcome, AuthRequest, Authorizer, Codec, Config, MediaSource, OpenError,
    Presentation, Server, Stream, StreamConfig, StreamRequest, TrackSink, User,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

/// A key frame of a 4-megapixel stream.
const KEY_FRAME: usize = 200_000;
/// A frame of 4 Mbit/s at 30 pictures a second.
const FRAME: usize = 16_700;

fn main() {
    divan::main();
}

fn unit(bytes: usize) -> AccessUnit {
    let header: &[u8] = &[
        0, 0, 0, 1, 0x67, 0x4d, 0, 0x28, 0, 0, 0, 1, 0x68, 1, 0, 0, 0, 1, 0x65,
    ];
    // Like entropy-coded data: a zero now and then, no start code.
    let body = (0..bytes)
        .map(|at| (at as u32).wrapping_mul(2_654_435_761).to_be_bytes()[0])
        .map(|byte| if byte < 3 { 3 } else { byte });
    let data: Vec<u8> = header.iter().copied().chain(body).collect();
    AccessUnit {
        pts: Duration::ZERO,
        utc: SystemTime::now(),
        key: true,
        data: Bytes::from(data),
    }
}

#[divan::bench(args = [FRAME, KEY_FRAME])]
fn packetise_h264(bencher: Bencher<'_, '_>, bytes: usize) {
    packetise(bencher, Codec::H264, bytes);
}

#[divan::bench(args = [2_000, 20_000])]
fn packetise_metadata(bencher: Bencher<'_, '_>, bytes: usize) {
    packetise(bencher, Codec::OnvifMetadata, bytes);
}

fn packetise(bencher: Bencher<'_, '_>, codec: Codec, bytes: usize) {
    let stream = Stream::new(StreamConfig::new("bench", [codec]), Arc::new(())).expect("one track");
    let sink = stream.sink(0).expect("the track");
    let unit = unit(bytes);
    bencher
        .counter(BytesCount::new(bytes))
        .bench_local(|| sink.push(&unit).expect("a good unit"));
}

struct OneStream(Arc<Stream>);

impl MediaSource for OneStream {
    fn open(&self, _request: &StreamRequest<'_>) -> Result<Presentation, OpenError> {
        Ok(self.0.clone().into())
    }
}

struct Anybody;

impl Authorizer for Anybody {
    fn challenge(&self, _stale: bool) -> Vec<String> {
        Vec::new()
    }

    fn authorize(&self, _request: &AuthRequest<'_>) -> AuthOutcome {
        AuthOutcome::Granted(User::new("anybody"))
    }
}

/// Reads interleaved frames up to the one with the marker.
async fn read_frame(stream: &mut TcpStream, buffer: &mut [u8]) {
    loop {
        let mut head = [0u8; 4];
        stream.read_exact(&mut head).await.expect("a frame");
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        stream
            .read_exact(&mut buffer[..length])
            .await
            .expect("a packet");
        if head[1] == 0 && buffer[1] & 0x80 != 0 {
            return;
        }
    }
}

async fn viewer(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let url = format!("rtsp://{address}/x");
    let mut session = String::new();
    for (method, url, header) in [
        (
            "SETUP",
            format!("{url}/trackID=0"),
            "Transport: RTP/AVP/TCP;interleaved=0-1\r\n".to_owned(),
        ),
        ("PLAY", url, String::new()),
    ] {
        let request = format!("{method} {url} RTSP/1.0\r\nCSeq: 1\r\n{header}{session}\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(stream.read_u8().await.expect("an answer"));
        }
        let answer = String::from_utf8(answer).expect("text");
        assert!(answer.starts_with("RTSP/1.0 200"), "{answer}");
        if let Some(id) = answer.split("Session: ").nth(1) {
            session = format!(
                "Session: {}\r\n",
                id.split([';', '\r']).next().unwrap_or("")
            );
        }
    }
    stream
}

/// From `push` until all viewers have read the frame, on one thread: both ends are in the figure.
#[divan::bench(args = [1, 10], sample_count = 50)]
fn fan_out_tcp(bencher: Bencher<'_, '_>, viewers: usize) {
    let runtime: Runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let stream =
        Stream::new(StreamConfig::new("bench", [Codec::H264]), Arc::new(())).expect("one track");
    let sink: TrackSink = stream.sink(0).expect("the track");
    let frame = unit(FRAME);
    let mut clients = runtime.block_on(async {
        let listen = [SocketAddr::from(([127, 0, 0, 1], 0))];
        let server = Server::bind(
            &listen,
            Config::default(),
            Arc::new(OneStream(stream)),
            Arc::new(Anybody),
        )
        .await
        .expect("a server");
        sink.push(&frame).expect("a good unit");
        let mut clients = Vec::new();
        for _ in 0..viewers {
            clients.push(viewer(server.local_addrs()[0]).await);
        }
        let mut buffer = vec![0; 2000];
        for client in &mut clients {
            read_frame(client, &mut buffer).await;
        }
        clients
    });
    bencher
        .counter(BytesCount::new(FRAME * viewers))
        .bench_local(|| {
            runtime.block_on(async {
                sink.push(&frame).expect("a good unit");
                let mut buffer = vec![0; 2000];
                for client in &mut clients {
                    read_frame(client, &mut buffer).await;
                }
            });
        });
}
