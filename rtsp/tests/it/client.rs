//! A client that sends exactly what a test says.

use std::collections::VecDeque;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::server::{BOB, TestServer, within};

/// An answer of the server.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let matching = self
            .headers
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name));
        matching.map(|(_, value)| value.as_str()).collect()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.all(name).first().copied().unwrap_or("")
    }
}

/// What the server sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    Answer(Answer),
    Data(u8, Vec<u8>),
    End,
}

pub(crate) struct Client<S> {
    stream: S,
    buffer: BytesMut,
    cseq: u32,
    /// Session of the last answer that had one.
    pub(crate) session: String,
    /// Interleaved frames that came before the answer somebody waited for.
    pub(crate) data: VecDeque<(u8, Vec<u8>)>,
    /// RTP time of the first picture, for tests that count them.
    pub(crate) zero: Option<u32>,
}

impl Client<TcpStream> {
    pub(crate) async fn connect(server: &TestServer) -> Self {
        Client::new(TcpStream::connect(server.address).await.unwrap())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(crate) fn new(stream: S) -> Self {
        Client {
            stream,
            buffer: BytesMut::new(),
            cseq: 0,
            session: String::new(),
            data: VecDeque::new(),
            zero: None,
        }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// The next message; `End` when the server closed.
    pub(crate) async fn message(&mut self) -> Message {
        loop {
            if let Some(message) = self.parse() {
                return message;
            }
            match within(self.stream.read_buf(&mut self.buffer)).await {
                Ok(0) | Err(_) => {
                    assert!(self.buffer.is_empty(), "cut off: {:?}", self.buffer);
                    return Message::End;
                }
                Ok(_) => {}
            }
        }
    }

    fn parse(&mut self) -> Option<Message> {
        if self.buffer.first()? == &b'$' {
            if self.buffer.len() < 4 {
                return None;
            }
            let (channel, length) = (
                self.buffer[1],
                usize::from(u16::from_be_bytes([self.buffer[2], self.buffer[3]])),
            );
            if self.buffer.len() < 4 + length {
                return None;
            }
            self.buffer.advance(4);
            return Some(Message::Data(
                channel,
                self.buffer.split_to(length).to_vec(),
            ));
        }
        let end = self
            .buffer
            .windows(4)
            .position(|window| window == b"\r\n\r\n")?;
        let head = String::from_utf8(self.buffer[..end].to_vec()).unwrap();
        let mut lines = head.split("\r\n");
        let first = lines.next().unwrap();
        assert!(first.starts_with("RTSP/1.0 "), "{first}");
        let status = first[9..12].parse().unwrap();
        let headers: Vec<(String, String)> = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let mut answer = Answer {
            status,
            headers,
            body: String::new(),
        };
        let length = answer.header("Content-Length").parse().unwrap_or(0);
        if self.buffer.len() < end + 4 + length {
            return None;
        }
        self.buffer.advance(end + 4);
        answer.body = String::from_utf8(self.buffer.split_to(length).to_vec()).unwrap();
        Some(Message::Answer(answer))
    }

    /// The next answer; interleaved frames before it are put by.
    pub(crate) async fn answer(&mut self) -> Answer {
        loop {
            match self.message().await {
                Message::Answer(answer) => {
                    if !answer.header("Session").is_empty() {
                        self.session = answer
                            .header("Session")
                            .split(';')
                            .next()
                            .unwrap()
                            .to_owned();
                    }
                    return answer;
                }
                Message::Data(channel, data) => self.data.push_back((channel, data)),
                Message::End => panic!("closed instead of an answer"),
            }
        }
    }

    /// The next interleaved frame.
    pub(crate) async fn frame(&mut self) -> (u8, Vec<u8>) {
        if let Some(data) = self.data.pop_front() {
            return data;
        }
        match self.message().await {
            Message::Data(channel, data) => (channel, data),
            other => panic!("{other:?} instead of media"),
        }
    }

    /// Sends a request with CSeq and nothing else but `headers`.
    pub(crate) async fn bare(&mut self, method: &str, url: &str, headers: &[&str]) -> Answer {
        self.cseq += 1;
        let mut text = format!("{method} {url} RTSP/1.0\r\nCSeq: {}\r\n", self.cseq);
        for header in headers {
            text += header;
            text += "\r\n";
        }
        text += "\r\n";
        self.send(text).await;
        let answer = self.answer().await;
        assert_eq!(answer.header("CSeq"), self.cseq.to_string());
        answer
    }

    /// Sends a request as Bob, with the session if there is one.
    pub(crate) async fn request(&mut self, method: &str, url: &str, headers: &[&str]) -> Answer {
        let session = format!("Session: {}", self.session);
        let mut all = vec![BOB];
        if !self.session.is_empty() {
            all.push(&session);
        }
        all.extend(headers);
        self.bare(method, url, &all).await
    }

    /// SETUP of a track; `transport` after `Transport: `.
    pub(crate) async fn setup(&mut self, url: &str, track: usize, transport: &str) -> Answer {
        self.request(
            "SETUP",
            &format!("{url}/trackID={track}"),
            &[&format!("Transport: {transport}")],
        )
        .await
    }

    /// SETUP of both tracks over TCP, and PLAY.
    pub(crate) async fn play(&mut self, url: &str) -> Answer {
        assert_eq!(
            self.setup(url, 0, "RTP/AVP/TCP;unicast;interleaved=0-1")
                .await
                .status,
            200
        );
        assert_eq!(
            self.setup(url, 1, "RTP/AVP/TCP;unicast;interleaved=2-3")
                .await
                .status,
            200
        );
        let answer = self.request("PLAY", url, &["Range: npt=0.000-"]).await;
        assert_eq!(answer.status, 200);
        answer
    }
}
