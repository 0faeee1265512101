//! Taking requests and interleaved frames off a byte stream, with bounds.

use bytes::{Buf, Bytes, BytesMut};

use super::{Request, Status};

/// Most bytes of a request line and its headers.
pub(crate) const MAX_HEADER: usize = 16 << 10;
/// Most bytes of a body.
pub(crate) const MAX_BODY: usize = 64 << 10;

/// What came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Incoming {
    Request(Request),
    /// `$` frame (RFC 2326 §10.12).
    Data {
        channel: u8,
        payload: Bytes,
    },
    /// An answer of the client to a request we never made. Ignored.
    Response,
    /// Something to refuse with `status`.
    Bad {
        status: Status,
        cseq: Option<String>,
        close: bool,
    },
}

/// Incremental decoder of one connection.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    /// Bytes of the buffer already searched for the end of the headers.
    scanned: usize,
    /// Headers that wait for their body.
    waiting: Option<(Request, usize)>,
}

impl Decoder {
    /// Takes the next message off `buffer`; `None` when more bytes are needed.
    pub(crate) fn decode(&mut self, buffer: &mut BytesMut) -> Option<Incoming> {
        if let Some((_, length)) = &self.waiting {
            if buffer.len() < *length {
                return None;
            }
            let (mut request, length) = self.waiting.take()?;
            request.body = buffer.split_to(length).freeze();
            return Some(finish(request));
        }
        if self.scanned == 0 {
            let blank = buffer
                .iter()
                .take_while(|byte| matches!(byte, b'\r' | b'\n' | 0 | b' '))
                .count();
            buffer.advance(blank);
        }
        match buffer.first()? {
            b'$' => return data(buffer),
            byte if byte.is_ascii_alphabetic() => {}
            _ => return Some(self.bad(buffer, Status::BadRequest)),
        }
        let Some(end) = header_end(buffer, self.scanned) else {
            self.scanned = buffer.len();
            return (buffer.len() > MAX_HEADER).then(|| self.bad(buffer, Status::TooLarge));
        };
        if end > MAX_HEADER {
            return Some(self.bad(buffer, Status::TooLarge));
        }
        self.scanned = 0;
        let head = buffer.split_to(end);
        let head = String::from_utf8_lossy(&head);
        let (request, length) = match parse_head(&head) {
            Ok(parsed) => parsed,
            Err(refused) => {
                if matches!(refused, Incoming::Bad { close: true, .. }) {
                    buffer.clear();
                }
                return Some(refused);
            }
        };
        if length == 0 {
            return Some(finish(request));
        }
        self.waiting = Some((request, length));
        self.decode(buffer)
    }

    /// True when part of a message has been read.
    pub(crate) fn in_message(&self, buffer: &BytesMut) -> bool {
        self.waiting.is_some() || !buffer.is_empty()
    }

    fn bad(&mut self, buffer: &mut BytesMut, status: Status) -> Incoming {
        self.scanned = 0;
        buffer.clear();
        Incoming::Bad {
            status,
            cseq: None,
            close: true,
        }
    }
}

fn finish(request: Request) -> Incoming {
    if request.method.starts_with("RTSP/") {
        Incoming::Response
    } else {
        Incoming::Request(request)
    }
}

fn data(buffer: &mut BytesMut) -> Option<Incoming> {
    let &[_, channel, high, low, ..] = &buffer[..] else {
        return None;
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if buffer.len() < 4 + length {
        return None;
    }
    buffer.advance(4);
    Some(Incoming::Data {
        channel,
        payload: buffer.split_to(length).freeze(),
    })
}

/// Offset after the empty line, whichever line ends the client uses.
fn header_end(buffer: &[u8], scanned: usize) -> Option<usize> {
    let from = scanned.saturating_sub(3);
    (from..buffer.len()).find_map(|at| {
        let rest = &buffer[at..];
        if rest.starts_with(b"\n\r\n") {
            Some(at + 3)
        } else if rest.starts_with(b"\n\n") {
            Some(at + 2)
        } else {
            None
        }
    })
}

/// The request without its body, and the length of that.
fn parse_head(head: &str) -> Result<(Request, usize), Incoming> {
    let mut lines = head
        .split('\n')
        .map(|line| line.strip_suffix('\r').unwrap_or(line));
    let first = lines.next().unwrap_or("").trim();
    let mut headers: Vec<(String, String)> = Vec::new();
    for line in lines.filter(|line| !line.is_empty()) {
        if line.starts_with([' ', '\t']) {
            // A folded line goes on with the header before it.
            if let Some((_, value)) = headers.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            headers.push((name.trim().to_owned(), value.trim().to_owned()));
        }
        // A line without a colon says nothing; some clients send such.
    }
    let mut request = Request {
        method: String::new(),
        uri: String::new(),
        headers,
        body: Bytes::new(),
    };
    let cseq = request.header("CSeq").map(str::to_owned);
    let bad = |status, close| Incoming::Bad {
        status,
        cseq: cseq.clone(),
        close,
    };

    if first.starts_with("RTSP/") {
        first.clone_into(&mut request.method);
    } else {
        let (method, rest) = first
            .split_once(' ')
            .ok_or_else(|| bad(Status::BadRequest, true))?;
        let (uri, version) = rest
            .trim()
            .rsplit_once(' ')
            .ok_or_else(|| bad(Status::BadRequest, true))?;
        let (uri, version) = (uri.trim(), version.trim());
        if uri.is_empty()
            || !method
                .bytes()
                .all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        {
            return Err(bad(Status::BadRequest, true));
        }
        match version.to_ascii_uppercase().as_str() {
            "RTSP/1.0" => {}
            version if version.starts_with("RTSP/") => {
                return Err(bad(Status::VersionNotSupported, false));
            }
            _ => return Err(bad(Status::BadRequest, true)),
        }
        request.method = method.to_ascii_uppercase();
        uri.clone_into(&mut request.uri);
    }

    let mut lengths = request.headers("Content-Length");
    let length = match (lengths.next().map(str::parse::<usize>), lengths.next()) {
        (None, _) => 0,
        (Some(Ok(length)), None) if length <= MAX_BODY => length,
        (Some(Ok(_)), None) => return Err(bad(Status::TooLarge, true)),
        _ => return Err(bad(Status::BadRequest, true)),
    };
    drop(lengths);
    Ok((request, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode_all(input: &[u8]) -> Vec<Incoming> {
        let mut decoder = Decoder::default();
        let mut buffer = BytesMut::from(input);
        std::iter::from_fn(|| decoder.decode(&mut buffer)).collect()
    }

    fn one_request(input: &[u8]) -> Request {
        match decode_all(input).as_slice() {
            [Incoming::Request(request)] => request.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn strict() {
        let request = one_request(
            b"OPTIONS rtsp://c/p RTSP/1.0\r\nCSeq: 1\r\nSession: abc;timeout=60\r\n\r\n",
        );
        assert_eq!(
            (request.method.as_str(), request.uri.as_str()),
            ("OPTIONS", "rtsp://c/p")
        );
        assert_eq!(
            (request.header("cseq"), request.session()),
            (Some("1"), Some("abc"))
        );
        let request =
            one_request(b"SET_PARAMETER * RTSP/1.0\r\nCSeq: 2\r\nContent-Length: 4\r\n\r\nab\r\n");
        assert_eq!(&request.body[..], b"ab\r\n");
    }

    #[test]
    fn tolerated() {
        let request = one_request(b"\r\n\r\nplay * rtsp/1.0\ncseq:7\nx: a\n b\nnonsense\n\n");
        assert_eq!(
            (request.method.as_str(), request.header("CSeq")),
            ("PLAY", Some("7"))
        );
        assert_eq!(request.header("X"), Some("a b"));
        assert_eq!(
            one_request(b"PLAY rtsp://c/a b RTSP/1.0\r\n\r\n").uri,
            "rtsp://c/a b"
        );
        // pipelined, with interleaved data between, and a stray answer
        let all = decode_all(
            b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n$\x01\x00\x02hi$\x03\0\0RTSP/1.0 200 OK\r\nCSeq: 4\r\n\r\nOPTIONS * RTSP/1.0\r\nCSeq: 2\r\n\r\n",
        );
        assert!(matches!(all[0], Incoming::Request(_)));
        assert_eq!(
            all[1],
            Incoming::Data {
                channel: 1,
                payload: Bytes::from_static(b"hi")
            }
        );
        assert_eq!(
            all[2],
            Incoming::Data {
                channel: 3,
                payload: Bytes::new()
            }
        );
        assert_eq!(all[3], Incoming::Response);
        assert!(matches!(all[4], Incoming::Request(_)));
        assert_eq!(all.len(), 5);
    }

    #[test]
    fn refused() {
        let check = |input: &[u8], expect: u16, closes: bool| {
            let all = decode_all(input);
            let [Incoming::Bad { status, close, .. }] = all.as_slice() else {
                panic!("{:?} gave {all:?}", String::from_utf8_lossy(input));
            };
            assert_eq!(
                (status.code(), *close),
                (expect, closes),
                "{:?}",
                String::from_utf8_lossy(input)
            );
        };
        check(b"OPTIONS * RTSP/2.0\r\nCSeq: 1\r\n\r\n", 505, false);
        check(b"GET / HTTP/1.1\r\n\r\n", 400, true);
        check(b"OPTIONS\r\n\r\n", 400, true);
        check(b"OPT{}NS * RTSP/1.0\r\n\r\n", 400, true);
        check(b"\x16\x03\x01\x02\x00", 400, true);
        check(b"PLAY * RTSP/1.0\r\nContent-Length: -1\r\n\r\n", 400, true);
        check(
            b"PLAY * RTSP/1.0\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
            400,
            true,
        );
        check(
            b"PLAY * RTSP/1.0\r\nContent-Length: 65537\r\n\r\n",
            413,
            true,
        );
        check(
            &[b"PLAY * RTSP/1.0\r\nX: ".as_slice(), &[b'x'; 17_000]].concat(),
            413,
            true,
        );
        check(
            &[
                b"PLAY * RTSP/1.0\r\nX: ".as_slice(),
                &[b'x'; 17_000],
                b"\r\n\r\n",
            ]
            .concat(),
            413,
            true,
        );
    }

    #[test]
    fn byte_by_byte_gives_the_same() {
        let input = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n$\x01\x00\x02hiPLAY * RTSP/1.0\r\nContent-Length: 3\r\n\r\nabc";
        let mut decoder = Decoder::default();
        let mut buffer = BytesMut::new();
        let mut got = Vec::new();
        for byte in input {
            buffer.extend_from_slice(&[*byte]);
            got.extend(decoder.decode(&mut buffer));
        }
        assert_eq!(got, decode_all(input));
        assert!(!decoder.in_message(&buffer));
    }

    proptest::proptest! {
        #[test]
        fn never_panics_and_stays_bounded(input in proptest::collection::vec(proptest::num::u8::ANY, 0..400), cut in 0usize..400) {
            let mut decoder = Decoder::default();
            let mut buffer = BytesMut::new();
            let (first, second) = input.split_at(cut.min(input.len()));
            for part in [first, second] {
                buffer.extend_from_slice(part);
                for _ in 0..500 {
                    if decoder.decode(&mut buffer).is_none() { break; }
                }
                proptest::prop_assert!(decoder.decode(&mut buffer).is_none());
            }
        }

        #[test]
        fn text_like_input_never_panics(input in "[A-Z]{1,8} [a-z*:/]{1,9} (RTSP/1\\.0|RTSP/9|x)\r?\n([A-Za-z-]{0,9}:? ?[0-9a-z]{0,9}\r?\n){0,5}\r?\n[a-z]{0,9}") {
            decode_all(input.as_bytes());
        }
    }
}
