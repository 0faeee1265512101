//! The SEI of media signing: identifier, reserved byte, then values by tag (1 byte) and length (2 bytes, highest first).

use lpr_core::UtcTime;

use super::{
    HASH_LENGTH, Hash,
    der::MAX_DER,
    nal::{Coding, Kind, escape, unescape},
};

const UUID: [u8; 16] = [
    0x00, 0x5b, 0xc9, 0x3f, 0x2d, 0x71, 0x5e, 0x95, 0xad, 0xa4, 0x79, 0x6f, 0x90, 0x87, 0x7a, 0x6f,
];
/// Payload type `user_data_unregistered`.
const USER_DATA: u8 = 5;
/// A stop bit in a byte of its own.
const STOP: u8 = 0x80;
/// Bit of the reserved byte: what is signed has its emulation prevention bytes.
const SIGNED_ESCAPED: u8 = 0x40;
/// Object identifier of SHA-256 in DER.
const SHA256_OID: [u8; 11] = [
    0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01,
];
/// Version of media signing that is spoken.
const VERSION: [u8; 3] = [1, 0, 0];
/// Length of the signature's value: version, length, room.
const SIGNATURE_VALUE: usize = 3 + MAX_DER;
/// Most hashes that a list of 16 bits of length holds.
pub(super) const MAX_LISTED: usize = (u16::MAX as usize - 1) / HASH_LENGTH;
/// Longest SEI that is looked at.
const MAX_SEI: usize = 256 * 1024;
/// From 1601 to 1970 in steps of 100 ns.
const TO_1970: u64 = 116_444_736_000_000_000;
/// Some time in the year 2868.
const LAST_TICK: u64 = 400_000_000_000_000_000;

mod tag {
    pub(super) const GOP: u8 = 1;
    pub(super) const HASHES: u8 = 2;
    pub(super) const SIGNATURE: u8 = 3;
    pub(super) const CRYPTO: u8 = 4;
    pub(super) const VENDOR: u8 = 5;
    pub(super) const CHAIN: u8 = 6;
    pub(super) const DATA: u8 = 7;
}

/// Who made the video.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vendor {
    /// Version of the firmware, at most 255 bytes as the two others.
    pub firmware: String,
    /// Serial number of the unit.
    pub serial: String,
    /// Manufacturer.
    pub manufacturer: String,
}

/// Says of a part of the stream what it was: a group of pictures, or a piece of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gop {
    /// It ends within its group of pictures.
    pub(super) partial: bool,
    pub(super) start: UtcTime,
    /// Start of what follows.
    pub(super) end: UtcTime,
    /// Number of the part; the first is 1.
    pub(super) counter: u32,
    /// Hashed units.
    pub(super) units: u16,
    /// Of all hashes.
    pub(super) hash: Hash,
    /// First hash of the part before; zeros at the first.
    pub(super) link: Hash,
}

/// A SEI of media signing as it stands in a stream; whether it is true is another question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sei {
    pub(super) gop: Option<Gop>,
    pub(super) hashes: Vec<Hash>,
    pub(super) signature: Option<Vec<u8>>,
    pub(super) sha256: Option<bool>,
    pub(super) vendor: Option<Vendor>,
    pub(super) chain: Option<String>,
    pub(super) data: Option<Vec<u8>>,
    /// What is signed or, in one without a signature, hashed.
    pub(super) document: Vec<u8>,
}

/// A SEI of media signing that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Whether a NAL unit is a SEI of media signing.
#[must_use]
pub fn is_ours(coding: Coding, nal: &[u8]) -> bool {
    coding.kind(nal) == Kind::Sei && payload(coding, nal).is_some()
}

/// Payload without emulation prevention bytes, each with its place in `nal`, behind the identifier.
fn payload(coding: Coding, nal: &[u8]) -> Option<(usize, impl Iterator<Item = (usize, u8)>)> {
    let mut bytes = unescape(nal).skip(coding.sei_header().len());
    let mut next = || bytes.next().map(|(_, byte)| byte);
    if next()? != USER_DATA {
        return None;
    }
    let mut size = 0_usize;
    loop {
        let byte = next()?;
        size += usize::from(byte);
        if byte < 0xff || size > MAX_SEI {
            break;
        }
    }
    let ours = UUID.iter().all(|byte| next() == Some(*byte));
    Some((size.checked_sub(UUID.len())?, bytes)).filter(|_| ours)
}

/// Reads a NAL unit; `None` when it is no SEI of media signing.
pub(super) fn read(coding: Coding, nal: &[u8]) -> Result<Option<Sei>, Malformed> {
    if coding.kind(nal) != Kind::Sei {
        return Ok(None);
    }
    let Some((size, bytes)) = payload(coding, nal) else {
        return Ok(None);
    };
    if size > MAX_SEI {
        return Err(Malformed);
    }
    let placed: Vec<(usize, u8)> = bytes.take(size).collect();
    let content: Vec<u8> = placed.iter().map(|(_, byte)| *byte).collect();
    if content.len() < size {
        return Err(Malformed);
    }
    let mut sei = Sei::default();
    let signed = values(&content, &mut sei).ok_or(Malformed)?;
    let end = signed.map_or(nal.len(), |at| placed[at].0);
    sei.document = match content[0] & SIGNED_ESCAPED {
        0 => unescape(&nal[..end]).map(|(_, byte)| byte).collect(),
        _ => nal[..end].to_vec(),
    };
    Ok(Some(sei))
}

/// Takes the values up; where the signature begins, if there is one.
fn values(content: &[u8], sei: &mut Sei) -> Option<Option<usize>> {
    let mut rest = content.get(1..)?;
    let mut seen = 0_u8;
    let mut signed = None;
    while let Some((&tag, after)) = rest.split_first() {
        let at = content.len() - rest.len();
        let (length, after) = after.split_first_chunk::<2>()?;
        let (value, after) = after.split_at_checked(u16::from_be_bytes(*length).into())?;
        // Each at most once, and nothing behind the signature: it would not be signed.
        if signed.is_some() || (tag < 8 && seen & (1 << tag) != 0) {
            return None;
        }
        seen |= 1_u8.checked_shl(tag.into()).unwrap_or_default();
        let (&version, value) = value.split_first()?;
        if (tag::HASHES..=tag::DATA).contains(&tag) && version != 1 {
            return None;
        }
        match tag {
            tag::GOP => sei.gop = Some(read_gop(version, value)?),
            tag::HASHES => {
                let (hashes, more) = value.as_chunks::<HASH_LENGTH>();
                more.is_empty().then_some(())?;
                sei.hashes = hashes.to_vec();
            }
            tag::SIGNATURE => {
                let (length, room) = value.split_first_chunk::<2>()?;
                let signature = room.get(..u16::from_be_bytes(*length).into())?;
                sei.signature = Some(signature.to_vec());
                signed = Some(at);
            }
            tag::CRYPTO => {
                let (&length, value) = value.split_first()?;
                sei.sha256 = Some(value.get(..length.into())? == SHA256_OID);
            }
            tag::VENDOR => sei.vendor = Some(read_vendor(value)?),
            tag::CHAIN => {
                let (_user_provisioned, pem) = value.split_first()?;
                sei.chain = Some(std::str::from_utf8(pem).ok()?.to_owned());
            }
            tag::DATA => sei.data = Some(value.to_vec()),
            _ => {}
        }
        rest = after;
    }
    Some(signed)
}

fn read_gop(version: u8, value: &[u8]) -> Option<Gop> {
    let (_, value) = value.split_first_chunk::<3>()?;
    let (&partial, value) = value.split_first()?;
    let (start, mut value) = value.split_first_chunk::<8>()?;
    let mut end = start;
    match version {
        1 => {}
        2 => (end, value) = value.split_first_chunk::<8>()?,
        _ => return None,
    }
    let (counter, value) = value.split_first_chunk::<4>()?;
    let (units, value) = value.split_first_chunk::<2>()?;
    let ([hash, link], []) = value.as_chunks::<HASH_LENGTH>() else {
        return None;
    };
    Some(Gop {
        partial: partial != 0,
        start: read_time(*start),
        end: read_time(*end),
        counter: u32::from_be_bytes(*counter),
        units: u16::from_be_bytes(*units),
        hash: *hash,
        link: *link,
    })
}

fn read_vendor(mut value: &[u8]) -> Option<Vendor> {
    let mut text = || {
        let (&length, after) = value.split_first()?;
        let (text, after) = after.split_at_checked(length.into())?;
        value = after;
        Some(String::from_utf8_lossy(text).into_owned())
    };
    Some(Vendor {
        firmware: text()?,
        serial: text()?,
        manufacturer: text()?,
    })
}

/// The standard's order is lowest byte first; the reference code has the highest first. Only one of both is a time of these centuries.
fn read_time(bytes: [u8; 8]) -> UtcTime {
    let ticks = [u64::from_le_bytes(bytes), u64::from_be_bytes(bytes)];
    let ticks = ticks.into_iter().find(|t| (TO_1970..LAST_TICK).contains(t));
    let micros = ticks.map_or(0, |t| (t - TO_1970) / 10);
    UtcTime::from_micros(i64::try_from(micros).unwrap_or_default())
}

fn write_time(time: UtcTime) -> [u8; 8] {
    let micros = u64::try_from(time.as_micros()).unwrap_or_default();
    (micros.saturating_mul(10).saturating_add(TO_1970)).to_le_bytes()
}

/// Values on their way into a SEI.
#[derive(Default)]
pub(super) struct Values(Vec<u8>);

impl Values {
    fn put(mut self, tag: u8, version: u8, value: &[u8]) -> Self {
        // Callers keep to 16 bits of length.
        let length = u16::try_from(value.len() + 1).unwrap_or_default();
        self.0.push(tag);
        self.0.extend(length.to_be_bytes());
        self.0.push(version);
        self.0.extend(value);
        self
    }

    pub(super) fn crypto(self) -> Self {
        // With elliptic curves the certificate says how it is signed: no identifier, no length of an RSA key.
        let length = u8::try_from(SHA256_OID.len()).unwrap_or_default();
        self.put(
            tag::CRYPTO,
            1,
            &[&[length][..], &SHA256_OID, &[0, 0, 0]].concat(),
        )
    }

    pub(super) fn vendor(self, vendor: &Vendor) -> Self {
        let mut value = Vec::new();
        for text in [&vendor.firmware, &vendor.serial, &vendor.manufacturer] {
            let text = &text.as_bytes()[..text.floor_char_boundary(255)];
            value.push(u8::try_from(text.len()).unwrap_or_default());
            value.extend(text);
        }
        self.put(tag::VENDOR, 1, &value)
    }

    pub(super) fn chain(self, pem: &str) -> Self {
        // Of the factory, not given by a user.
        self.put(tag::CHAIN, 1, &[&[0], pem.as_bytes()].concat())
    }

    pub(super) fn gop(self, gop: &Gop) -> Self {
        let mut value = VERSION.to_vec();
        value.push(gop.partial.into());
        value.extend(write_time(gop.start));
        value.extend(write_time(gop.end));
        value.extend(gop.counter.to_be_bytes());
        value.extend(gop.units.to_be_bytes());
        value.extend(gop.hash);
        value.extend(gop.link);
        self.put(tag::GOP, 2, &value)
    }

    /// Left out where it is too long for its length.
    pub(super) fn hashes(self, hashes: &[Hash]) -> Self {
        if hashes.is_empty() || hashes.len() > MAX_LISTED {
            return self;
        }
        self.put(tag::HASHES, 1, hashes.as_flattened())
    }

    pub(super) fn data(self, data: &[u8]) -> Self {
        self.put(tag::DATA, 1, data)
    }

    /// The SEI as a NAL unit. With a signature over everything before it where `sign` makes one.
    pub(super) fn sei<E>(
        self,
        coding: Coding,
        sign: Option<impl FnOnce(&[u8]) -> Result<Vec<u8>, E>>,
    ) -> Result<Vec<u8>, E> {
        let signature = match sign {
            Some(_) => 3 + SIGNATURE_VALUE,
            None => 0,
        };
        let mut size = UUID.len() + 1 + self.0.len() + signature;
        let mut plain = coding.sei_header().to_vec();
        plain.push(USER_DATA);
        while size >= 0xff {
            plain.push(0xff);
            size -= 0xff;
        }
        plain.push(u8::try_from(size).unwrap_or_default());
        plain.extend(UUID);
        plain.push(0);
        plain.extend(self.0);
        if let Some(sign) = sign {
            let signature = sign(&plain)?;
            let length = u16::try_from(signature.len()).unwrap_or_default();
            let mut value = length.to_be_bytes().to_vec();
            value.extend(signature);
            // Filled with what needs no emulation prevention.
            value.resize(SIGNATURE_VALUE - 1, 1);
            plain.extend(Self::default().put(tag::SIGNATURE, 1, &value).0);
        }
        plain.push(STOP);
        Ok(escape(&plain))
    }
}
