//! The part of MQTT 3.1.1 and 5 that a publisher needs, as bytes. Pure.

use platecam_model::settings::MqttVersion;

/// Longest packet that is read, bytes: answers to a publisher are short.
pub(super) const MAX_PACKET: usize = 64 * 1024;
/// How long a broker of version 5 keeps the session of a unit that is away, seconds.
const SESSION_EXPIRY: u32 = 24 * 3600;

/// What is wrong with what a broker sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    /// Longer than anything a publisher is sent.
    #[error("a packet of {0} bytes; at most {MAX_PACKET}")]
    TooLong(usize),
    /// The length of a packet has more than four bytes.
    #[error("the length of a packet cannot be read")]
    Length,
    /// A packet that ends too early.
    #[error("a packet of type {0} ends too early")]
    Short(u8),
    /// A packet that no broker sends to a publisher.
    #[error("a packet of type {0} to a publisher")]
    Unexpected(u8),
}

/// Who connects, and how.
#[derive(Clone, Debug)]
pub(super) struct Connect<'a> {
    pub(super) version: MqttVersion,
    pub(super) client: &'a str,
    pub(super) user: Option<&'a str>,
    pub(super) password: Option<&'a str>,
    /// Seconds.
    pub(super) keep_alive: u16,
}

/// A message to publish.
#[derive(Clone, Debug)]
pub(super) struct Publish<'a> {
    pub(super) version: MqttVersion,
    pub(super) topic: &'a str,
    pub(super) payload: &'a [u8],
    pub(super) qos: u8,
    pub(super) retain: bool,
    pub(super) again: bool,
    /// Names the message until it is acknowledged; not sent at QoS 0.
    pub(super) id: u16,
}

/// What a broker sends to a publisher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Packet {
    /// Answer to CONNECT.
    Connected(Connected),
    /// PUBACK: a message of QoS 1 arrived, or was refused.
    Arrived { id: u16, reason: u8 },
    /// PUBREC: the broker has a message of QoS 2.
    Received { id: u16, reason: u8 },
    /// PUBCOMP: a message of QoS 2 is done.
    Complete { id: u16 },
    /// PINGRESP.
    Pong,
    /// DISCONNECT of version 5.
    Disconnected { reason: u8 },
}

/// What the broker says when it lets somebody in, or does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Connected {
    /// It remembers the messages of the last connection.
    pub(super) session: bool,
    /// 0 is success.
    pub(super) reason: u8,
    /// Unacknowledged messages at a time.
    pub(super) receive_max: u16,
    /// Highest QoS.
    pub(super) max_qos: u8,
    /// Whether it keeps states.
    pub(super) retain: bool,
    /// Longest packet.
    pub(super) max_packet: u32,
    /// Seconds, when it is not as we asked.
    pub(super) keep_alive: Option<u16>,
}

fn text(out: &mut Vec<u8>, text: &str) {
    bytes(out, text.as_bytes());
}

fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    // What is sent is bounded far below by the settings.
    let n = bytes.len().min(usize::from(u16::MAX));
    out.extend_from_slice(&(n as u16).to_be_bytes());
    out.extend_from_slice(&bytes[..n]);
}

fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 5);
    out.push(first);
    let mut n = body.len();
    loop {
        let digit = (n % 128) as u8;
        n /= 128;
        out.push(if n > 0 { digit | 0x80 } else { digit });
        if n == 0 {
            break;
        }
    }
    out.extend_from_slice(body);
    out
}

/// CONNECT, with a session that outlives the connection.
pub(super) fn connect(c: &Connect<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    text(&mut out, "MQTT");
    out.push(match c.version {
        MqttVersion::V3 => 4,
        MqttVersion::V5 => 5,
    });
    out.push(u8::from(c.user.is_some()) << 7 | u8::from(c.password.is_some()) << 6);
    out.extend_from_slice(&c.keep_alive.to_be_bytes());
    if c.version == MqttVersion::V5 {
        out.push(5);
        out.push(0x11);
        out.extend_from_slice(&SESSION_EXPIRY.to_be_bytes());
    }
    text(&mut out, c.client);
    for part in [c.user, c.password].into_iter().flatten() {
        text(&mut out, part);
    }
    packet(0x10, &out)
}

/// PUBLISH.
pub(super) fn publish(p: &Publish<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(p.topic.len() + p.payload.len() + 8);
    text(&mut out, p.topic);
    if p.qos > 0 {
        out.extend_from_slice(&p.id.to_be_bytes());
    }
    if p.version == MqttVersion::V5 {
        out.push(0);
    }
    out.extend_from_slice(p.payload);
    let flags = u8::from(p.again && p.qos > 0) << 3 | p.qos << 1 | u8::from(p.retain);
    packet(0x30 | flags, &out)
}

/// PUBREL: the second half of QoS 2.
pub(super) fn release(id: u16) -> Vec<u8> {
    packet(0x62, &id.to_be_bytes())
}

/// PINGREQ.
pub(super) fn ping() -> Vec<u8> {
    packet(0xc0, &[])
}

/// DISCONNECT.
pub(super) fn disconnect() -> Vec<u8> {
    packet(0xe0, &[])
}

/// Takes the first whole packet off `buffer`; `None` while there is none.
pub(super) fn take(
    buffer: &mut Vec<u8>,
    version: MqttVersion,
) -> Result<Option<Packet>, Malformed> {
    let Some(&first) = buffer.first() else {
        return Ok(None);
    };
    let (mut length, mut head) = (0usize, 1);
    loop {
        if head > 4 {
            return Err(Malformed::Length);
        }
        let Some(digit) = buffer.get(head) else {
            return Ok(None);
        };
        length |= usize::from(digit & 0x7f) << (7 * (head - 1));
        head += 1;
        if digit & 0x80 == 0 {
            break;
        }
    }
    if length > MAX_PACKET {
        return Err(Malformed::TooLong(length));
    }
    if buffer.len() < head + length {
        return Ok(None);
    }
    let packet = read(first >> 4, &buffer[head..head + length], version)?;
    buffer.drain(..head + length);
    Ok(Some(packet))
}

fn read(kind: u8, body: &[u8], version: MqttVersion) -> Result<Packet, Malformed> {
    let short = Malformed::Short(kind);
    let id = || match body {
        [a, b, ..] => Ok(u16::from_be_bytes([*a, *b])),
        _ => Err(Malformed::Short(kind)),
    };
    // Version 5 leaves the reason out when it is success.
    let reason = |at: usize| match version {
        MqttVersion::V3 => 0,
        MqttVersion::V5 => body.get(at).copied().unwrap_or(0),
    };
    Ok(match kind {
        2 => {
            let [flags, code, rest @ ..] = body else {
                return Err(short);
            };
            Packet::Connected(connected(flags & 1 == 1, *code, rest, version).ok_or(short)?)
        }
        4 => Packet::Arrived {
            id: id()?,
            reason: reason(2),
        },
        5 => Packet::Received {
            id: id()?,
            reason: reason(2),
        },
        7 => Packet::Complete { id: id()? },
        13 => Packet::Pong,
        14 => Packet::Disconnected { reason: reason(0) },
        other => return Err(Malformed::Unexpected(other)),
    })
}

fn connected(session: bool, reason: u8, rest: &[u8], version: MqttVersion) -> Option<Connected> {
    let mut out = Connected {
        session,
        reason,
        receive_max: u16::MAX,
        max_qos: 2,
        retain: true,
        max_packet: u32::MAX,
        keep_alive: None,
    };
    if version == MqttVersion::V3 || rest.is_empty() {
        return Some(out);
    }
    let (length, rest) = number(rest)?;
    let mut properties = rest.get(..length)?;
    while let [name, value @ ..] = properties {
        let size = property_size(*name, value)?;
        let (value, next) = value.split_at_checked(size)?;
        match (name, value) {
            (0x21, [a, b]) => out.receive_max = u16::from_be_bytes([*a, *b]).max(1),
            (0x24, [qos]) => out.max_qos = (*qos).min(2),
            (0x25, [retain]) => out.retain = *retain != 0,
            (0x27, [a, b, c, d]) => out.max_packet = u32::from_be_bytes([*a, *b, *c, *d]),
            (0x13, [a, b]) => out.keep_alive = Some(u16::from_be_bytes([*a, *b])),
            _ => {}
        }
        properties = next;
    }
    Some(out)
}

/// A variable byte integer and what follows it.
fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut n = 0;
    for (i, digit) in bytes.iter().take(4).enumerate() {
        n |= usize::from(digit & 0x7f) << (7 * i);
        if digit & 0x80 == 0 {
            return Some((n, &bytes[i + 1..]));
        }
    }
    None
}

/// Bytes of the property `name` whose value begins `value` (MQTT 5 §2.2.2.2).
fn property_size(name: u8, value: &[u8]) -> Option<usize> {
    let counted = |value: &[u8]| match value {
        [a, b, ..] => Some(2 + usize::from(u16::from_be_bytes([*a, *b]))),
        _ => None,
    };
    Some(match name {
        0x01 | 0x17 | 0x19 | 0x24 | 0x25 | 0x28 | 0x29 | 0x2a => 1,
        0x13 | 0x21 | 0x22 | 0x23 => 2,
        0x02 | 0x11 | 0x18 | 0x27 => 4,
        0x03 | 0x08 | 0x09 | 0x12 | 0x15 | 0x16 | 0x1a | 0x1c | 0x1f => counted(value)?,
        0x0b => {
            let (_, rest) = number(value)?;
            value.len() - rest.len()
        }
        0x26 => {
            let first = counted(value)?;
            first + counted(value.get(first..)?)?
        }
        _ => return None,
    })
}

/// Why a broker refuses a connection, for people.
pub(super) fn refusal(version: MqttVersion, reason: u8) -> String {
    let known = match (version, reason) {
        (MqttVersion::V3, 1) | (MqttVersion::V5, 0x84) => "it does not speak this version of MQTT",
        (MqttVersion::V3, 2) | (MqttVersion::V5, 0x85) => "it refuses the client identifier",
        (MqttVersion::V3, 3) | (MqttVersion::V5, 0x88 | 0x89) => "it is not available",
        (MqttVersion::V3, 4) | (MqttVersion::V5, 0x86) => "user name or password are wrong",
        (MqttVersion::V3, 5) | (MqttVersion::V5, 0x87) => "the user is not authorised",
        (MqttVersion::V5, 0x8b) => "it shuts down",
        (MqttVersion::V5, 0x8e) => "another client with this identifier took over",
        _ => return format!("it gives the reason {reason:#04x}"),
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VERSIONS: [MqttVersion; 2] = [MqttVersion::V3, MqttVersion::V5];

    #[test]
    fn packets_are_as_the_standard_writes_them() {
        let mut c = Connect {
            version: MqttVersion::V3,
            client: "a",
            user: Some("u"),
            password: Some("p"),
            keep_alive: 60,
        };
        let v3 = b"\x10\x13\x00\x04MQTT\x04\xc0\x00\x3c\x00\x01a\x00\x01u\x00\x01p";
        assert_eq!(connect(&c), v3);
        c.version = MqttVersion::V5;
        (c.user, c.password) = (None, None);
        let v5 = b"\x10\x13\x00\x04MQTT\x05\x00\x00\x3c\x05\x11\x00\x01\x51\x80\x00\x01a";
        assert_eq!(connect(&c), v5);
        let mut p = Publish {
            version: MqttVersion::V3,
            topic: "t",
            payload: b"{}",
            qos: 0,
            retain: true,
            again: true,
            id: 7,
        };
        assert_eq!(publish(&p), b"\x31\x05\x00\x01t{}");
        p.qos = 2;
        p.retain = false;
        assert_eq!(publish(&p), b"\x3c\x07\x00\x01t\x00\x07{}");
        p.version = MqttVersion::V5;
        p.again = false;
        assert_eq!(publish(&p), b"\x34\x08\x00\x01t\x00\x07\x00{}");
        assert_eq!(release(258), b"\x62\x02\x01\x02");
        let long = vec![0; 200];
        p.payload = &long;
        assert_eq!(publish(&p)[..3], [0x34, 0xce, 0x01]);
    }

    #[test]
    fn answers_are_read() {
        let take = |bytes: &[u8], version| take(&mut bytes.to_vec(), version);
        let id = 7;
        for (bytes, version, packet) in [
            (
                &b"\x40\x02\x00\x07"[..],
                MqttVersion::V3,
                Packet::Arrived { id, reason: 0 },
            ),
            (
                b"\x40\x03\x00\x07\x87",
                MqttVersion::V5,
                Packet::Arrived { id, reason: 0x87 },
            ),
            (
                b"\x50\x04\x00\x07\x10\x00",
                MqttVersion::V5,
                Packet::Received { id, reason: 0x10 },
            ),
            (
                b"\x70\x02\x00\x07",
                MqttVersion::V3,
                Packet::Complete { id },
            ),
            (b"\xd0\x00", MqttVersion::V3, Packet::Pong),
            (
                b"\xe0\x01\x8b",
                MqttVersion::V5,
                Packet::Disconnected { reason: 0x8b },
            ),
        ] {
            assert_eq!(take(bytes, version), Ok(Some(packet)), "{bytes:x?}");
        }
        let Ok(Some(Packet::Connected(c))) = take(b"\x20\x02\x01\x00", MqttVersion::V3) else {
            panic!()
        };
        assert!(c.session && c.reason == 0 && c.max_qos == 2 && c.retain);
        let v5 =
            b"\x20\x13\x00\x00\x10\x21\x00\x14\x24\x01\x25\x00\x27\x00\x00\x10\x00\x1a\x00\x01x";
        let Ok(Some(Packet::Connected(c))) = take(v5, MqttVersion::V5) else {
            panic!()
        };
        assert_eq!(
            (c.receive_max, c.max_qos, c.retain, c.max_packet),
            (20, 1, false, 4096)
        );
        assert_eq!(
            take(b"\x30\x02\x00\x00", MqttVersion::V3),
            Err(Malformed::Unexpected(3))
        );
        assert_eq!(
            take(b"\x40\x01\x00", MqttVersion::V3),
            Err(Malformed::Short(4))
        );
        assert_eq!(
            take(b"\x40\xff\xff\xff\xff\x01", MqttVersion::V3),
            Err(Malformed::Length)
        );
        assert_eq!(
            take(b"\x40\xff\xff\x7f", MqttVersion::V3),
            Err(Malformed::TooLong(2_097_151))
        );
        assert_eq!(
            take(b"\x40\x02\x00", MqttVersion::V3),
            Ok(None),
            "not whole yet"
        );
    }

    proptest! {
        /// Whatever a hostile broker sends is read, refused or waited for; what is read is taken off.
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            for version in VERSIONS {
                let mut buffer = bytes.clone();
                while let Ok(Some(_)) = take(&mut buffer, version) {}
                prop_assert!(buffer.len() <= bytes.len());
            }
        }

        /// Properties of CONNACK, cut anywhere.
        #[test]
        fn any_properties_are_read_or_refused(rest in prop::collection::vec(any::<u8>(), 0..64)) {
            connected(true, 0, &rest, MqttVersion::V5);
        }
    }
}
