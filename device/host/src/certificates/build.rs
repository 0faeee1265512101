//! Certificates and requests for any name, key and algorithm: RFC 5280 §4.1, RFC 2986.

use platecam_model::{
    Error, Result, UtcTime,
    ports::{DistinguishedName, Extension, NameAttribute, SignatureAlgorithm},
};

use super::{der, keys::PrivateKey};

/// `id-at-countryName`, `serialNumber`, `dnQualifier`: PrintableString by definition.
const PRINTABLE: [&str; 3] = ["2.5.4.6", "2.5.4.5", "2.5.4.46"];
/// `domainComponent` and `emailAddress`: IA5String by definition.
const IA5: [&str; 2] = ["0.9.2342.19200300.100.1.25", "1.2.840.113549.1.9.1"];
/// `extensionRequest` of PKCS#9.
const EXTENSION_REQUEST: &str = "1.2.840.113549.1.9.14";
/// Attributes of a name at most.
const MAX_ATTRIBUTES: usize = 32;
/// Bytes of an attribute's text.
const MAX_TEXT: usize = 256;
/// 9999-12-31T23:59:59Z: "has no end" (RFC 5280 §4.1.2.5).
pub(super) const NEVER: i64 = 253_402_300_799;

fn oid(dotted: &str, pointer: &str) -> Result<Vec<u8>> {
    der::oid(dotted).ok_or_else(|| Error::invalid(pointer, dotted, "is no object identifier"))
}

fn attribute(a: &NameAttribute) -> Result<Vec<u8>> {
    let bad = |why: &str| Error::invalid("/subject", &a.value, why);
    let text = a.value.as_str();
    if text.is_empty() || text.len() > MAX_TEXT {
        return Err(bad("an attribute has 1 to 256 bytes"));
    }
    let value = if let Some(hexadecimal) = text.strip_prefix('#') {
        let raw = hex::decode(hexadecimal).map_err(|_| bad("is not hexadecimal"))?;
        match der::tag_of(&raw) {
            Some(0x0c | 0x13 | 0x14 | 0x16 | 0x1e) => raw,
            _ => return Err(bad("is no DER of a text")),
        }
    } else if PRINTABLE.contains(&a.oid.as_str()) {
        let fits = |c: char| c.is_ascii_alphanumeric() || " '()+,-./:=?".contains(c);
        if !text.chars().all(fits) || (a.oid == PRINTABLE[0] && text.len() != 2) {
            return Err(bad(
                "has characters that this attribute cannot have, or a wrong length",
            ));
        }
        der::value(0x13, text.as_bytes())
    } else if IA5.contains(&a.oid.as_str()) {
        if !text.is_ascii() {
            return Err(bad("must be ASCII"));
        }
        der::value(0x16, text.as_bytes())
    } else {
        der::value(0x0c, text.as_bytes())
    };
    Ok(der::sequence(&[&oid(&a.oid, "/subject")?, &value]))
}

fn name(name: &DistinguishedName) -> Result<Vec<u8>> {
    let n: usize = name.0.iter().map(Vec::len).sum();
    if !(1..=MAX_ATTRIBUTES).contains(&n) || name.0.iter().any(Vec::is_empty) {
        let why = format!("has {n} attributes; allowed are 1 to {MAX_ATTRIBUTES}");
        return Err(Error::invalid("/subject", "", why));
    }
    let mut out = Vec::new();
    for relative in &name.0 {
        let all = relative.iter().map(attribute).collect::<Result<_>>()?;
        out.extend(der::set(all));
    }
    Ok(der::value(0x30, &out))
}

/// UTCTime up to 2049, GeneralizedTime from then on (RFC 5280 §4.1.2.5).
fn time(seconds: i64) -> Result<Vec<u8>> {
    let bad = || Error::invalid("/validity", seconds, "is outside the years 1950 to 9999");
    let t = time::OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| bad())?;
    let rest = format!(
        "{:02}{:02}{:02}{:02}{:02}Z",
        u8::from(t.month()),
        t.day(),
        t.hour(),
        t.minute(),
        t.second()
    );
    Ok(match t.year() {
        y @ 1950..=2049 => der::value(0x17, format!("{:02}{rest}", y % 100).as_bytes()),
        y @ 2050..=9999 => der::value(0x18, format!("{y:04}{rest}").as_bytes()),
        _ => return Err(bad()),
    })
}

fn extensions(all: &[Extension], pointer: &str) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    for e in all {
        if der::tag_of(&e.value).is_none() {
            return Err(Error::invalid(pointer, &e.oid, "its value is no DER"));
        }
        let id = oid(&e.oid, pointer)?;
        let critical: &[u8] = if e.critical { &[0x01, 0x01, 0xff] } else { &[] };
        out.extend(der::sequence(&[&id, critical, &der::value(0x04, &e.value)]));
    }
    Ok(der::value(0x30, &out))
}

fn algorithm(algorithm: SignatureAlgorithm) -> Result<Vec<u8>> {
    use SignatureAlgorithm as S;
    let id = oid(algorithm.oid(), "/signature_algorithm")?;
    // RFC 4055 §5: NULL for RSA; RFC 5758 §3.2: nothing for ECDSA.
    let parameters: &[u8] = match algorithm {
        S::RsaSha1 | S::RsaSha256 | S::RsaSha384 | S::RsaSha512 => &[0x05, 0x00],
        S::EcdsaSha256 | S::EcdsaSha384 => &[],
    };
    Ok(der::sequence(&[&id, parameters]))
}

fn signed(content: &[u8], how: SignatureAlgorithm, key: &PrivateKey) -> Result<Vec<u8>> {
    let signature = key.sign(how, content)?;
    Ok(der::sequence(&[
        content,
        &algorithm(how)?,
        &der::bits(&signature),
    ]))
}

/// A self-signed certificate of version 3.
pub(super) struct Content<'a> {
    pub(super) subject: &'a DistinguishedName,
    pub(super) not_before: i64,
    pub(super) not_after: i64,
    pub(super) extensions: &'a [Extension],
    pub(super) algorithm: SignatureAlgorithm,
}

/// Makes it, DER.
pub(super) fn certificate(content: &Content<'_>, key: &PrivateKey) -> Result<Vec<u8>> {
    if content.not_before >= content.not_after {
        let end = UtcTime::from_millis(content.not_after.saturating_mul(1000));
        return Err(Error::invalid("/validity", end, "must be after the begin"));
    }
    let mut serial = [0; 16];
    getrandom::fill(&mut serial).map_err(Error::internal)?;
    // Positive, never zero, never shorter than it looks (RFC 5280 §4.1.2.2).
    serial[0] = serial[0] & 0x7f | 0x40;
    let who = name(content.subject)?;
    let validity = der::sequence(&[&time(content.not_before)?, &time(content.not_after)?]);
    let extensions = match content.extensions {
        [] => Vec::new(),
        all => der::value(0xa3, &extensions(all, "/extension")?),
    };
    let to_be_signed = der::sequence(&[
        &der::value(0xa0, &der::positive(&[2])),
        &der::positive(&serial),
        &algorithm(content.algorithm)?,
        &who,
        &validity,
        &who,
        key.public(),
        &extensions,
    ]);
    signed(&to_be_signed, content.algorithm, key)
}

/// A PKCS#10 request, DER.
pub(super) fn request(
    subject: &DistinguishedName,
    asked: &[Extension],
    others: &[(String, Vec<u8>)],
    how: SignatureAlgorithm,
    key: &PrivateKey,
) -> Result<Vec<u8>> {
    let mut attributes = Vec::new();
    if !asked.is_empty() {
        let value = extensions(asked, "/attribute")?;
        let id = oid(EXTENSION_REQUEST, "/attribute")?;
        attributes.push(der::sequence(&[&id, &der::set(vec![value])]));
    }
    for (id, value) in others {
        if der::tag_of(value).is_none() {
            return Err(Error::invalid("/attribute", id, "its value is no DER"));
        }
        let id = oid(id, "/attribute")?;
        attributes.push(der::sequence(&[&id, &der::set(vec![value.clone()])]));
    }
    attributes.sort();
    let content = der::sequence(&[
        &der::positive(&[0]),
        &name(subject)?,
        key.public(),
        &der::value(0xa0, &attributes.concat()),
    ]);
    signed(&content, how, key)
}
