//! RTSP messages as they go over the wire.

mod decode;
mod status;
mod transport;
mod url;

use std::fmt::Write;

use bytes::Bytes;

pub(crate) use decode::{Decoder, Incoming};
pub(crate) use status::Status;
pub(crate) use transport::{Lower, TransportSpec, parse_transports};
pub(crate) use url::{RequestUrl, control};

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) uri: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

impl Request {
    /// First header of that name, in whatever case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut matching = self
            .headers
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name));
        matching.next().map(|(_, value)| value.as_str())
    }

    /// All headers of that name.
    pub(crate) fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let matching = self
            .headers
            .iter()
            .filter(move |(key, _)| key.eq_ignore_ascii_case(name));
        matching.map(|(_, value)| value.as_str())
    }

    /// The session id without its parameters.
    pub(crate) fn session(&self) -> Option<&str> {
        self.header("Session")
            .map(|value| value.split(';').next().unwrap_or("").trim())
    }
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: Status,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Response {
    pub(crate) fn new(status: Status) -> Self {
        Response {
            status,
            headers: Vec::new(),
            body: String::new(),
        }
    }

    pub(crate) fn ok() -> Self {
        Response::new(Status::Ok)
    }

    /// Adds a header; line ends in `value`, which may quote a request, become spaces.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        let mut value = value.into();
        if value.contains(['\r', '\n']) {
            value = value.replace(['\r', '\n'], " ");
        }
        self.headers.push((name, value));
        self
    }

    pub(crate) fn with_body(mut self, content_type: &'static str, body: String) -> Self {
        self = self.with("Content-Type", content_type);
        self.body = body;
        self
    }

    /// The bytes of the answer; `cseq` is echoed where the request had one.
    pub(crate) fn encode(&self, cseq: Option<&str>, server: &str) -> Bytes {
        let mut out = format!(
            "RTSP/1.0 {} {}\r\n",
            self.status.code(),
            self.status.reason()
        );
        if let Some(cseq) = cseq {
            let _ = write!(out, "CSeq: {cseq}\r\n");
        }
        if !server.is_empty() {
            let _ = write!(out, "Server: {server}\r\n");
        }
        for (name, value) in &self.headers {
            let _ = write!(out, "{name}: {value}\r\n");
        }
        if !self.body.is_empty() {
            let _ = write!(out, "Content-Length: {}\r\n", self.body.len());
        }
        out.push_str("\r\n");
        out.push_str(&self.body);
        Bytes::from(out)
    }
}
