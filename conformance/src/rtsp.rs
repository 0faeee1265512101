//! An RTSP client that judges: Digest, TCP, UDP, HTTP tunnel and WebSocket.

use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, ToSocketAddrs, UdpSocket},
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    auth::{Challenge, random},
    case::{Outcome, Present, Stop},
    check,
    device::Device,
    fail,
};

/// How RTP travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// RTP over UDP, unicast.
    Udp,
    /// Interleaved in the RTSP connection.
    Tcp,
    /// RTSP and RTP in a pair of HTTP requests.
    Http,
    /// RTSP and RTP in WebSocket messages.
    WebSocket,
    /// RTP to a multicast group.
    Multicast,
}

/// A media section of an SDP.
#[derive(Clone, Debug, Default)]
pub struct Media {
    /// `video`, `audio`, `application`.
    pub kind: String,
    /// Payload type.
    pub payload: u8,
    /// `H264`, `vnd.onvif.metadata`.
    pub encoding: String,
    /// RTP clock, Hz.
    pub clock: u32,
    /// `a=control`.
    pub control: String,
    /// `a=sendonly`.
    pub sendonly: bool,
}

/// An RTSP answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status.
    pub status: u16,
    headers: Vec<(String, String)>,
    /// Body.
    pub body: String,
}

impl Answer {
    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
    }
}

/// A received packet.
#[derive(Clone, Debug)]
pub struct Packet {
    /// Whether it is RTCP.
    pub control: bool,
    /// Bytes.
    pub bytes: Vec<u8>,
}

/// The connection, and what travels beside it.
#[derive(Debug)]
pub struct Client<'d> {
    device: &'d Device,
    /// URL as `GetStreamUri` gave it.
    pub url: String,
    transport: Transport,
    stream: TcpStream,
    /// The POST of an HTTP tunnel.
    post: Option<TcpStream>,
    buffer: Vec<u8>,
    /// WebSocket frames that are not complete yet; none before the upgrade.
    frames: Option<Vec<u8>>,
    waiting: Vec<Packet>,
    udp: Vec<UdpSocket>,
    group: Option<SocketAddr>,
    sequence: u32,
    challenge: Option<(Challenge, u32)>,
    session: String,
    /// Seconds of the session's time-out.
    pub timeout: u64,
    channels: u8,
}

/// Longest message or header.
const MAX: usize = 1 << 20;

fn io(what: &str, e: &std::io::Error) -> Stop {
    Stop::Fail(format!("RTSP: {what}: {e}"))
}

fn connect(device: &Device, host: &str, port: u16) -> Outcome<TcpStream> {
    let bare = host.trim_matches(['[', ']']);
    let address = (bare, port)
        .to_socket_addrs()
        .map_err(|e| io(host, &e))?
        .next()
        .present("an address")?;
    let time = device.left()?.min(device.options().message_timeout);
    let stream = TcpStream::connect_timeout(&address, time).map_err(|e| io(host, &e))?;
    stream
        .set_read_timeout(Some(Duration::from_millis(200)))
        .and_then(|()| stream.set_nodelay(true))
        .map_err(|e| io("socket", &e))?;
    Ok(stream)
}

/// Kind, length of the header and length of the payload of the first WebSocket frame, when it is complete.
fn frame(b: &[u8]) -> Outcome<Option<(u8, usize, usize)>> {
    if b.len() < 2 {
        return Ok(None);
    }
    let (head, length) = match b[1] & 0x7f {
        126 if b.len() >= 4 => (4, usize::from(u16::from_be_bytes([b[2], b[3]]))),
        127 if b.len() >= 10 => {
            let mut n = [0; 8];
            n.copy_from_slice(&b[2..10]);
            (
                10,
                usize::try_from(u64::from_be_bytes(n)).unwrap_or(usize::MAX),
            )
        }
        126 | 127 => return Ok(None),
        n => (2, usize::from(n)),
    };
    check!(length <= MAX, "a WebSocket frame of {length} bytes");
    let whole = b.len() >= head + length;
    Ok(whole.then_some((b[0] & 0x0f, head, length)))
}

impl<'d> Client<'d> {
    /// Connects to a stream's URL; `websocket` is the URI of the WebSocket transport.
    ///
    /// # Errors
    /// When there is no connection, or a tunnel is refused.
    pub fn open(
        device: &'d Device,
        url: &str,
        transport: Transport,
        websocket: &str,
    ) -> Outcome<Self> {
        let parsed = url::Url::parse(if transport == Transport::WebSocket {
            websocket
        } else {
            url
        })
        .map_err(|e| Stop::Fail(format!("{url:?} is no URL: {e}")))?;
        let host = parsed.host_str().present("the URL's host")?;
        let usual = match parsed.scheme() {
            "rtsp" => 554,
            "wss" | "https" => fail!("TLS is not tried by this case: {parsed}"),
            _ => 80,
        };
        let port = parsed.port().unwrap_or(usual);
        let mut client = Self {
            device,
            url: url.to_owned(),
            transport,
            stream: connect(device, host, port)?,
            post: None,
            buffer: Vec::new(),
            frames: None,
            waiting: Vec::new(),
            udp: Vec::new(),
            group: None,
            sequence: 0,
            challenge: None,
            session: String::new(),
            timeout: 60,
            channels: 0,
        };
        match transport {
            Transport::Http => client.tunnel(&parsed, host, port)?,
            Transport::WebSocket => client.upgrade(&parsed, host, port)?,
            _ => {}
        }
        Ok(client)
    }

    fn tunnel(&mut self, url: &url::Url, host: &str, port: u16) -> Outcome {
        let cookie = hex::encode(random::<11>());
        let path = url.path();
        let get = format!(
            "GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nx-sessioncookie: {cookie}\r\nAccept: application/x-rtsp-tunnelled\r\n\r\n"
        );
        self.stream
            .write_all(get.as_bytes())
            .map_err(|e| io("GET", &e))?;
        let head = self.head()?;
        self.device
            .note("HTTP tunnel", self.url.as_str(), &get, &head);
        check!(head.contains(" 200 "), "the tunnel's GET: {head}");
        let mut post = connect(self.device, host, port)?;
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\nx-sessioncookie: {cookie}\r\nContent-Type: application/x-rtsp-tunnelled\r\nContent-Length: 32767\r\n\r\n"
        );
        post.write_all(head.as_bytes())
            .map_err(|e| io("POST", &e))?;
        self.post = Some(post);
        Ok(())
    }

    fn upgrade(&mut self, url: &url::Url, host: &str, port: u16) -> Outcome {
        let key = STANDARD.encode(random::<16>());
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: rtsp.onvif.org\r\n\r\n",
            url.path()
        );
        self.stream
            .write_all(request.as_bytes())
            .map_err(|e| io("upgrade", &e))?;
        let head = self.head()?;
        self.device
            .note("WebSocket", self.url.as_str(), &request, &head);
        check!(head.contains(" 101 "), "the WebSocket's answer: {head}");
        let lower = head.to_ascii_lowercase();
        check!(
            lower.contains("sec-websocket-protocol: rtsp.onvif.org"),
            "no sub-protocol rtsp.onvif.org: {head}"
        );
        self.frames = Some(std::mem::take(&mut self.buffer));
        self.unwrap()
    }

    /// Reads up to an empty line.
    fn head(&mut self) -> Outcome<String> {
        let end = Instant::now() + self.device.options().message_timeout;
        loop {
            if let Some(at) = find(&self.buffer, b"\r\n\r\n") {
                let head: Vec<u8> = self.buffer.drain(..at + 4).collect();
                return Ok(String::from_utf8_lossy(&head).into_owned());
            }
            check!(Instant::now() < end, "RTSP: no answer in time");
            self.fill()?;
        }
    }

    /// Reads what there is; WebSocket frames are unwrapped.
    fn fill(&mut self) -> Outcome {
        let mut part = [0; 16_384];
        match self.stream.read(&mut part) {
            Ok(0) => fail!("RTSP: the device closed the connection"),
            Ok(n) => {
                let read = self.frames.as_mut().unwrap_or(&mut self.buffer);
                read.extend_from_slice(&part[..n]);
                check!(read.len() <= 4 * MAX, "RTSP: too much data");
                self.unwrap()
            }
            Err(e)
                if matches!(
                    e.kind(),
                    std::io::ErrorKind::WouldBlock
                        | std::io::ErrorKind::TimedOut
                        | std::io::ErrorKind::Interrupted
                ) =>
            {
                Ok(())
            }
            Err(e) => Err(io("read", &e)),
        }
    }

    fn send(&mut self, bytes: &[u8]) -> Outcome {
        let result = match (&mut self.post, self.transport) {
            (Some(post), _) => post.write_all(STANDARD.encode(bytes).as_bytes()),
            (None, Transport::WebSocket) => {
                let mask = random::<4>();
                let mut frame = vec![0x82];
                match u16::try_from(bytes.len()) {
                    Ok(n) if n < 126 => frame.push(0x80 | n as u8),
                    Ok(n) => {
                        frame.push(0x80 | 126);
                        frame.extend_from_slice(&n.to_be_bytes());
                    }
                    Err(_) => return Err(Stop::NotRun("a request longer than 64 KiB".into())),
                }
                frame.extend_from_slice(&mask);
                frame.extend(bytes.iter().enumerate().map(|(n, b)| b ^ mask[n % 4]));
                self.stream.write_all(&frame)
            }
            _ => self.stream.write_all(bytes),
        };
        result.map_err(|e| io("write", &e))
    }

    /// One message or packet out of the buffer: `Ok(None)` when more must be read.
    fn take(&mut self) -> Outcome<Option<Vec<u8>>> {
        if self.buffer.first() == Some(&b'$') {
            if self.buffer.len() < 4 {
                return Ok(None);
            }
            let length = 4 + usize::from(u16::from_be_bytes([self.buffer[2], self.buffer[3]]));
            if self.buffer.len() < length {
                return Ok(None);
            }
            return Ok(Some(self.buffer.drain(..length).collect()));
        }
        let Some(at) = find(&self.buffer, b"\r\n\r\n") else {
            return Ok(None);
        };
        let head = String::from_utf8_lossy(&self.buffer[..at]).to_ascii_lowercase();
        let body = head
            .lines()
            .find_map(|l| l.strip_prefix("content-length:"))
            .and_then(|v| v.trim().parse::<usize>().ok())
            .unwrap_or(0);
        check!(body <= MAX, "RTSP: a body of {body} bytes");
        if self.buffer.len() < at + 4 + body {
            return Ok(None);
        }
        Ok(Some(self.buffer.drain(..at + 4 + body).collect()))
    }

    /// Takes the payload of the complete WebSocket frames: RTSP's bytes are one stream, however the device divides it.
    fn unwrap(&mut self) -> Outcome {
        let Some(frames) = &mut self.frames else {
            return Ok(());
        };
        while let Some((kind, head, length)) = frame(frames)? {
            let frame: Vec<u8> = frames.drain(..head + length).collect();
            match kind {
                0..=2 => self.buffer.extend_from_slice(&frame[head..]),
                8 => fail!("the device closed the WebSocket"),
                // Pings need no answer within a case.
                _ => {}
            }
        }
        Ok(())
    }

    /// Sends a request and waits for its answer; packets in between are kept.
    ///
    /// # Errors
    /// No answer in time.
    pub fn once(&mut self, method: &str, url: &str, headers: &str) -> Outcome<Answer> {
        self.sequence += 1;
        let mut text = format!("{method} {url} RTSP/1.0\r\nCSeq: {}\r\n", self.sequence);
        if !self.session.is_empty() {
            text += &format!("Session: {}\r\n", self.session);
        }
        if let Some((challenge, count)) = &mut self.challenge {
            *count += 1;
            let who = &self.device.target().administrator;
            text += &format!(
                "Authorization: {}\r\n",
                challenge.answer(who, method, url, *count)
            );
        }
        text += headers;
        text += "User-Agent: conformance\r\n\r\n";
        self.send(text.as_bytes())?;
        let end = Instant::now() + self.device.options().message_timeout;
        loop {
            while let Some(message) = self.take()? {
                if message.first() == Some(&b'$') {
                    self.waiting.push(interleaved(&message));
                    continue;
                }
                let answer = parse(&message)?;
                self.device.note(
                    &format!("RTSP {method}"),
                    url,
                    &text,
                    &String::from_utf8_lossy(&message),
                );
                if answer.header("CSeq").map(str::trim) == Some(&self.sequence.to_string()) {
                    return Ok(answer);
                }
            }
            check!(Instant::now() < end, "RTSP {method}: no answer in time");
            self.device.left()?;
            self.fill()?;
        }
    }

    /// A request that must be answered with 200; a Digest challenge is answered once.
    ///
    /// # Errors
    /// Another status.
    pub fn request(&mut self, method: &str, url: &str, headers: &str) -> Outcome<Answer> {
        let mut answer = self.once(method, url, headers)?;
        if answer.status == 401 {
            let found = answer
                .headers
                .iter()
                .filter(|(n, _)| n.eq_ignore_ascii_case("www-authenticate"))
                .find_map(|(_, v)| Challenge::parse(v));
            self.challenge = Some((found.present("a Digest challenge")?, 0));
            answer = self.once(method, url, headers)?;
        }
        check!(
            answer.status == 200,
            "RTSP {method} {url}: {}",
            answer.status
        );
        Ok(answer)
    }

    /// The first answer to a DESCRIBE without credentials.
    ///
    /// # Errors
    /// Anything but 401 with a Digest challenge.
    pub fn challenged(&mut self) -> Outcome {
        let url = self.url.clone();
        let answer = self.once("DESCRIBE", &url, "Accept: application/sdp\r\n")?;
        check!(
            answer.status == 401,
            "DESCRIBE without credentials: {}",
            answer.status
        );
        let header = answer
            .header("WWW-Authenticate")
            .present("WWW-Authenticate")?;
        check!(header.starts_with("Digest"), "WWW-Authenticate: {header}");
        Ok(())
    }

    /// DESCRIBE: the media sections, and the base for their controls.
    ///
    /// # Errors
    /// A refusal, or an SDP that lacks something.
    pub fn describe(&mut self, headers: &str) -> Outcome<(Vec<Media>, String)> {
        let url = self.url.clone();
        let answer = self.request(
            "DESCRIBE",
            &url,
            &format!("Accept: application/sdp\r\n{headers}"),
        )?;
        let base = answer
            .header("Content-Base")
            .or(answer.header("Content-Location"))
            .unwrap_or(&url)
            .to_owned();
        let mut all: Vec<Media> = Vec::new();
        check!(
            answer.body.starts_with("v=0"),
            "the SDP does not begin with v=0"
        );
        let (mut aggregate, mut origin) = (String::new(), false);
        for line in answer.body.lines() {
            let Some((key, value)) = line.trim().split_once('=') else {
                continue;
            };
            match (key, all.last_mut()) {
                ("o", _) => origin = true,
                ("m", _) => {
                    let words: Vec<&str> = value.split_whitespace().collect();
                    check!(words.len() >= 4, "m={value}");
                    all.push(Media {
                        kind: words[0].into(),
                        payload: words[3].parse().unwrap_or(255),
                        ..Media::default()
                    });
                }
                ("a", None) => {
                    if let Some(control) = value.strip_prefix("control:") {
                        aggregate = control.trim().to_owned();
                    }
                }
                ("a", Some(media)) => {
                    if let Some(control) = value.strip_prefix("control:") {
                        control.trim().clone_into(&mut media.control);
                    } else if let Some(map) = value.strip_prefix("rtpmap:") {
                        let map = map.split_whitespace().nth(1).unwrap_or_default();
                        let mut parts = map.split('/');
                        parts
                            .next()
                            .unwrap_or_default()
                            .clone_into(&mut media.encoding);
                        media.clock = parts.next().and_then(|c| c.parse().ok()).unwrap_or(0);
                    } else if value == "sendonly" {
                        media.sendonly = true;
                    }
                }
                _ => {}
            }
        }
        check!(origin, "the SDP has no o=");
        check!(!all.is_empty(), "the SDP has no media");
        for media in &mut all {
            check!(
                !media.control.is_empty(),
                "a media section without a=control"
            );
            if media.encoding.is_empty() {
                // Static payload types (RFC 3551).
                (media.encoding, media.clock) = match media.payload {
                    0 => ("PCMU".into(), 8000),
                    26 => ("JPEG".into(), 90_000),
                    _ => (String::new(), 0),
                };
            }
            if !media.control.contains("://") {
                media.control = format!("{}/{}", base.trim_end_matches('/'), media.control);
            }
        }
        let aggregate = match aggregate.as_str() {
            "" | "*" => base,
            a if a.contains("://") => a.to_owned(),
            a => format!("{}/{a}", base.trim_end_matches('/')),
        };
        Ok((all, aggregate))
    }

    /// SETUP of one media.
    ///
    /// # Errors
    /// A refusal, or an answer without Transport or Session.
    pub fn setup(&mut self, media: &Media, headers: &str) -> Outcome {
        let wanted = match self.transport {
            Transport::Udp => {
                let pair = udp_pair()?;
                let port = pair[0].local_addr().map(|a| a.port()).unwrap_or(0);
                self.udp.extend(pair);
                format!("RTP/AVP;unicast;client_port={port}-{}", port + 1)
            }
            Transport::Multicast => "RTP/AVP;multicast".into(),
            _ => {
                let n = self.channels;
                self.channels += 2;
                format!("RTP/AVP/TCP;unicast;interleaved={n}-{}", n + 1)
            }
        };
        let answer = self.request(
            "SETUP",
            &media.control,
            &format!("Transport: {wanted}\r\n{headers}"),
        )?;
        let transport = answer
            .header("Transport")
            .present("Transport in the answer to SETUP")?
            .to_owned();
        let session = answer
            .header("Session")
            .present("Session in the answer to SETUP")?
            .to_owned();
        if let Some(timeout) = session
            .split(';')
            .find_map(|p| p.trim().strip_prefix("timeout="))
        {
            self.timeout = timeout.parse().unwrap_or(60);
        }
        self.session = session
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned();
        if self.transport == Transport::Multicast {
            self.join(&transport)?;
        }
        Ok(())
    }

    fn join(&mut self, transport: &str) -> Outcome {
        let field = |name: &str| {
            transport
                .split(';')
                .find_map(|p| p.trim().strip_prefix(name).map(str::to_owned))
        };
        let group: IpAddr = field("destination=")
            .and_then(|d| d.parse().ok())
            .present("destination in Transport")?;
        let ports = field("port=").present("port in Transport")?;
        let port: u16 = ports
            .split('-')
            .next()
            .and_then(|p| p.parse().ok())
            .present("port in Transport")?;
        let own = self.stream.local_addr().map_err(|e| io("multicast", &e))?;
        for port in [port, port + 1] {
            self.udp.push(join_group(group, port, own.ip())?);
        }
        self.group = Some(SocketAddr::new(group, port));
        Ok(())
    }

    /// Group and RTP port of the last track that was set up by multicast.
    #[must_use]
    pub fn group(&self) -> Option<SocketAddr> {
        self.group
    }

    /// PLAY.
    ///
    /// # Errors
    /// A refusal.
    pub fn play(&mut self, aggregate: &str, headers: &str) -> Outcome<Answer> {
        self.request("PLAY", aggregate, &format!("Range: npt=0-\r\n{headers}"))
    }

    /// The next packet; `None` when `time` is over.
    ///
    /// # Errors
    /// The connection breaks.
    pub fn packet(&mut self, time: Duration) -> Outcome<Option<Packet>> {
        let end = Instant::now() + time;
        loop {
            if !self.waiting.is_empty() {
                return Ok(Some(self.waiting.remove(0)));
            }
            if self.udp.is_empty() {
                while let Some(message) = self.take()? {
                    if message.first() == Some(&b'$') {
                        self.waiting.push(interleaved(&message));
                    }
                }
                if self.waiting.is_empty() {
                    self.fill()?;
                }
            } else {
                let mut buffer = [0; 65_536];
                for (n, socket) in self.udp.iter().enumerate() {
                    while let Ok(size) = socket.recv(&mut buffer) {
                        self.waiting.push(Packet {
                            control: n % 2 == 1,
                            bytes: buffer[..size].to_vec(),
                        });
                        if self.waiting.len() > 200 {
                            break;
                        }
                    }
                }
            }
            if self.waiting.is_empty() && Instant::now() > end {
                return Ok(None);
            }
            self.device.left()?;
        }
    }

    /// TEARDOWN; afterwards nothing may come any more.
    ///
    /// # Errors
    /// A refusal, or packets afterwards.
    pub fn teardown(&mut self, aggregate: &str) -> Outcome {
        self.request("TEARDOWN", aggregate, "")?;
        self.waiting.clear();
        if !self.udp.is_empty() && self.transport == Transport::Udp {
            // What is under way arrives within this time.
            self.device.wait(Duration::from_millis(500))?;
            while self.packet(Duration::from_millis(1))?.is_some() {}
            check!(
                self.packet(Duration::from_millis(1500))?.is_none(),
                "packets after TEARDOWN"
            );
        }
        Ok(())
    }
}

fn udp_pair() -> Outcome<Vec<UdpSocket>> {
    for _ in 0..50 {
        let first = UdpSocket::bind("0.0.0.0:0").map_err(|e| io("UDP", &e))?;
        let port = first.local_addr().map_err(|e| io("UDP", &e))?.port();
        if port % 2 == 1 || port == u16::MAX {
            continue;
        }
        if let Ok(second) = UdpSocket::bind(("0.0.0.0", port + 1)) {
            for socket in [&first, &second] {
                socket
                    .set_read_timeout(Some(Duration::from_millis(20)))
                    .map_err(|e| io("UDP", &e))?;
            }
            return Ok(vec![first, second]);
        }
    }
    Err(Stop::NotRun("no free pair of UDP ports".into()))
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|w| w == what)
}

fn interleaved(message: &[u8]) -> Packet {
    Packet {
        control: message.get(1).is_some_and(|c| c % 2 == 1),
        bytes: message.get(4..).unwrap_or_default().to_vec(),
    }
}

fn parse(message: &[u8]) -> Outcome<Answer> {
    let at = find(message, b"\r\n\r\n").present("the end of the headers")?;
    let head = String::from_utf8_lossy(&message[..at]).into_owned();
    let mut lines = head.lines();
    let first = lines.next().unwrap_or_default();
    let status = first
        .strip_prefix("RTSP/1.0 ")
        .and_then(|s| s.get(..3))
        .and_then(|s| s.parse().ok())
        .ok_or_else(|| Stop::Fail(format!("no RTSP answer: {first:?}")))?;
    Ok(Answer {
        status,
        headers: lines
            .filter_map(|l| l.split_once(':'))
            .map(|(n, v)| (n.trim().to_owned(), v.trim().to_owned()))
            .collect(),
        body: String::from_utf8_lossy(&message[at + 4..]).into_owned(),
    })
}

/// A socket that has joined `group` at `port`, on the interface of `own`. A device on this machine sends where the
/// machine's routes lead, or to the loopback where there are none.
///
/// # Errors
/// Not run over IPv6 and without a way to join.
pub(crate) fn join_group(group: IpAddr, port: u16, own: IpAddr) -> Outcome<UdpSocket> {
    let (IpAddr::V4(group), IpAddr::V4(own)) = (group, own) else {
        return Err(Stop::NotRun("IPv6 multicast".into()));
    };
    let failed = |e: &std::io::Error| io("multicast", e);
    let socket = UdpSocket::bind((group, port)).map_err(|e| failed(&e))?;
    let routed = UdpSocket::bind("0.0.0.0:0").and_then(|probe| probe.connect((group, port)));
    let via = match routed {
        Ok(()) if own.is_loopback() => Ipv4Addr::UNSPECIFIED,
        _ => own,
    };
    socket
        .join_multicast_v4(&group, &via)
        .map_err(|e| failed(&e))?;
    socket
        .set_read_timeout(Some(Duration::from_millis(50)))
        .map_err(|e| failed(&e))?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_and_other_texts_refused() {
        let answer =
            parse(b"RTSP/1.0 200 OK\r\nCSeq: 3\r\nSession: a;timeout=30\r\n\r\nbody").unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (200, "body"));
        assert_eq!(answer.header("session"), Some("a;timeout=30"));
        assert!(parse(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(parse(b"RTSP/1.0 200 OK\r\n").is_err());
    }

    #[test]
    fn frames_of_a_web_socket_have_three_lengths() {
        assert_eq!(frame(&[0x82]), Ok(None));
        assert_eq!(frame(&[0x82, 2, b'a']), Ok(None), "not complete yet");
        assert_eq!(frame(&[0x82, 2, b'a', b'b', 0x89]), Ok(Some((2, 2, 2))));
        let mut long = vec![0x00, 126, 1, 0];
        assert_eq!(frame(&long), Ok(None));
        long.resize(4 + 256, 0);
        assert_eq!(frame(&long), Ok(Some((0, 4, 256))));
        let mut longer = vec![0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0];
        longer.resize(10 + 65_536, 0);
        assert_eq!(frame(&longer), Ok(Some((2, 10, 65_536))));
        assert!(frame(&[0x82, 127, 0xff, 0, 0, 0, 0, 0, 0, 0]).is_err());
    }
}
