//! Plays a stream many times at once and counts what arrives: a load for measuring any server of H.264 or H.265.
//!
//! `viewers rtsp://ADDRESS:PORT/PATH COUNT tcp|udp SECONDS`; without a password. It plays the first medium.

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
    picture: parking_lot::Mutex<Vec<Duration>>,
}

/// Sends a request; gives the answer's head and body.
async fn ask(stream: &mut TcpStream, text: String) -> Result<(String, String), Failure> {
    stream.write_all(text.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head)?;
    if !head.starts_with("RTSP/1.0 200") {
        return Err(head.into());
    }
    let mut body = vec![0; header(&head, "Content-Length").map_or(Ok(0), str::parse)?];
    stream.read_exact(&mut body).await?;
    Ok((head, String::from_utf8(body)?))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = head.lines().filter_map(|line| line.split_once(": "));
    let (_, value) = pairs.find(|(found, _)| found.eq_ignore_ascii_case(name))?;
    Some(value.trim())
}

/// Where the first medium is controlled.
fn control(url: &str, head: &str, sdp: &str) -> Option<String> {
    let medium = &sdp[sdp.find("\nm=")? + 1..];
    let lines = medium
        .lines()
        .filter_map(|line| line.strip_prefix("a=control:"));
    let control = { lines }.next()?;
    if control.contains("://") {
        return Some(control.to_owned());
    }
    let base = header(head, "Content-Base").unwrap_or(url);
    Some(format!("{}/{control}", base.trim_end_matches('/')))
}

/// True where decoding can begin: parameter sets or a key frame in an RTP packet.
fn begins(packet: &[u8], h265: bool) -> bool {
    // Those that aggregate and fragment name the kind in what follows.
    let (Some(&first), Some(&second), Some(&third)) =
        (packet.get(12), packet.get(13), packet.get(14))
    else {
        return false;
    };
    if h265 {
        let kind = match first >> 1 & 63 {
            48 => packet.get(16).map_or(0, |byte| byte >> 1 & 63),
            49 => third & 63,
            kind => kind,
        };
        matches!(kind, 16..=23 | 32..=34)
    } else {
        let kind = match first & 31 {
            24 => packet.get(15).map_or(0, |byte| byte & 31),
            28 => second & 31,
            kind => kind,
        };
        matches!(kind, 5 | 7 | 8)
    }
}

async fn view(url: &str, udp: bool, counts: Arc<Counts>) -> Result<(), Failure> {
    let began = Instant::now();
    let rest = url.strip_prefix("rtsp://").ok_or("no rtsp://")?;
    let address: SocketAddr = rest.split('/').next().unwrap_or_default().parse()?;
    let mut stream = TcpStream::connect(address).await?;
    let socket = UdpSocket::bind((address.ip(), 0)).await?;
    // As players do: half a megabyte.
    socket2::SockRef::from(&socket).set_recv_buffer_size(512 << 10)?;
    let port = socket.local_addr()?.port();
    let describe = format!("DESCRIBE {url} RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n");
    let (head, sdp) = ask(&mut stream, describe).await?;
    let h265 = sdp.contains("H265/90000");
    let control = control(url, &head, &sdp).ok_or("the description has no control URL")?;
    let transport = if udp {
        format!(
            "RTP/AVP;unicast;client_port={port}-{}",
            port.wrapping_add(1)
        )
    } else {
        "RTP/AVP/TCP;unicast;interleaved=0-1".into()
    };
    let setup = format!("SETUP {control} RTSP/1.0\r\nCSeq: 2\r\nTransport: {transport}\r\n\r\n");
    let (answer, _) = ask(&mut stream, setup).await?;
    let id = header(&answer, "Session").and_then(|id| id.split(';').next());
    let id = id.ok_or("no session")?.to_owned();
    ask(
        &mut stream,
        format!("PLAY {url} RTSP/1.0\r\nCSeq: 3\r\nSession: {id}\r\n\r\n"),
    )
    .await?;
    let mut expected: Option<u16> = None;
    let mut shown = false;
    let mut buffer = vec![0u8; 65_536];
    let mut check = |packet: &[u8]| {
        if packet.len() < 12 || packet[1] & 0x7f == 72 {
            return;
        }
        if expected.is_none() {
            counts.first.lock().push(began.elapsed());
        }
        if !shown && begins(packet, h265) {
            shown = true;
            counts.picture.lock().push(began.elapsed());
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
    let [url, count, transport, seconds] = arguments.as_slice() else {
        return Err("viewers rtsp://ADDRESS:PORT/PATH COUNT tcp|udp SECONDS".into());
    };
    let count: usize = count.parse()?;
    let counts = Arc::new(Counts::default());
    for _ in 0..count {
        let (counts, url) = (counts.clone(), url.clone());
        let udp = transport == "udp";
        tokio::spawn(async move {
            if let Err(error) = view(&url, udp, counts).await {
                eprintln!("viewer: {error}");
            }
        });
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_secs(seconds.parse()?)).await;
    let percentiles = |times: &parking_lot::Mutex<Vec<Duration>>| {
        let mut times = std::mem::take(&mut *times.lock());
        times.sort();
        let at = |share: usize| {
            let found = times.get(times.len().saturating_sub(1) * share / 100);
            found.copied().unwrap_or_default()
        };
        format!("p50 {:.1?} p95 {:.1?}", at(50), at(95))
    };
    let came = counts.first.lock().len();
    println!(
        "viewers {came} bytes {} lost {} first packet {} key frame {}",
        counts.bytes.load(Ordering::Relaxed),
        counts.lost.load(Ordering::Relaxed),
        percentiles(&counts.first),
        percentiles(&counts.picture),
    );
    Ok(())
}
