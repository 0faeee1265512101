//! Plays a stream many times at once and counts what arrives: a load for measuring the server.
//!
//! `viewers ADDRESS:PORT COUNT tcp|udp SECONDS`

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Default)]
struct Counts {
    bytes: AtomicU64,
    lost: AtomicU64,
    first: parking_lot::Mutex<Vec<Duration>>,
}

async fn ask(stream: &mut TcpStream, text: String) -> Result<String, Failure> {
    stream.write_all(text.as_bytes()).await?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await?);
    }
    let answer = String::from_utf8(answer)?;
    if answer.starts_with("RTSP/1.0 200") {
        Ok(answer)
    } else {
        Err(answer.into())
    }
}

async fn view(address: SocketAddr, udp: bool, counts: Arc<Counts>) -> Result<(), Failure> {
    let began = Instant::now();
    let mut stream = TcpStream::connect(address).await?;
    let url = format!("rtsp://{address}/video/livemedia?Ch=1&Streamtype=0");
    let socket = UdpSocket::bind((address.ip(), 0)).await?;
    let port = socket.local_addr()?.port();
    let transport = if udp {
        format!("RTP/AVP;unicast;client_port={port}-{port}")
    } else {
        "RTP/AVP/TCP;interleaved=0-1".into()
    };
    let answer = ask(
        &mut stream,
        format!("SETUP {url}/trackID=0 RTSP/1.0\r\nCSeq: 1\r\nTransport: {transport}\r\n\r\n"),
    )
    .await?;
    let id = answer
        .split("Session: ")
        .nth(1)
        .and_then(|rest| rest.split([';', '\r']).next())
        .ok_or("no session")?
        .to_owned();
    ask(
        &mut stream,
        format!("PLAY {url} RTSP/1.0\r\nCSeq: 2\r\nSession: {id}\r\n\r\n"),
    )
    .await?;
    let mut expected: Option<u16> = None;
    let mut buffer = vec![0u8; 65_536];
    let mut check = |packet: &[u8]| {
        if packet.len() < 12 || packet[1] & 0x7f == 72 {
            return;
        }
        if expected.is_none() {
            counts.first.lock().push(began.elapsed());
        }
        let seq = u16::from_be_bytes([packet[2], packet[3]]);
        counts.lost.fetch_add(
            u64::from(expected.map_or(0, |expected| seq.wrapping_sub(expected))),
            Ordering::Relaxed,
        );
        counts
            .bytes
            .fetch_add(packet.len() as u64, Ordering::Relaxed);
        expected = Some(seq.wrapping_add(1));
    };
    if udp {
        loop {
            let length = socket.recv(&mut buffer).await?;
            check(&buffer[..length]);
        }
    }
    let mut reader = tokio::io::BufReader::with_capacity(256 << 10, stream);
    loop {
        let mut head = [0u8; 4];
        reader.read_exact(&mut head).await?;
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        reader.read_exact(&mut buffer[..length]).await?;
        if head[1] == 0 {
            check(&buffer[..length]);
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, count, transport, seconds] = arguments.as_slice() else {
        return Err("viewers ADDRESS:PORT COUNT tcp|udp SECONDS".into());
    };
    let (address, count): (SocketAddr, usize) = (address.parse()?, count.parse()?);
    let counts = Arc::new(Counts::default());
    for _ in 0..count {
        let counts = counts.clone();
        let udp = transport == "udp";
        tokio::spawn(async move {
            if let Err(error) = view(address, udp, counts).await {
                eprintln!("viewer: {error}");
            }
        });
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_secs(seconds.parse()?)).await;
    let mut first = std::mem::take(&mut *counts.first.lock());
    first.sort();
    let percentile = |share: usize| {
        first
            .get(first.len().saturating_sub(1) * share / 100)
            .copied()
            .unwrap_or_default()
    };
    println!(
        "viewers {} bytes {} lost {} first packet p50 {:.1?} p95 {:.1?}",
        first.len(),
        counts.bytes.load(Ordering::Relaxed),
        counts.lost.load(Ordering::Relaxed),
        percentile(50),
        percentile(95),
    );
    Ok(())
}
