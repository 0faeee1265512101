//! The little of DER that writing certificates and requests takes (X.690).

/// A value with its tag and length.
pub(super) fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let n = content.len();
    if n < 0x80 {
        // Below 128 by the condition.
        out.push(n as u8);
    } else {
        let bytes = n.to_be_bytes();
        let skip = bytes.iter().take_while(|b| **b == 0).count();
        // At most eight bytes of a length.
        out.push(0x80 | (bytes.len() - skip) as u8);
        out.extend_from_slice(&bytes[skip..]);
    }
    out.extend_from_slice(content);
    out
}

/// SEQUENCE.
pub(super) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    value(0x30, &parts.concat())
}

/// SET OF: DER wants its elements in order.
pub(super) fn set(mut elements: Vec<Vec<u8>>) -> Vec<u8> {
    elements.sort();
    value(0x31, &elements.concat())
}

/// BIT STRING without unused bits.
pub(super) fn bits(content: &[u8]) -> Vec<u8> {
    value(0x03, &[&[0], content].concat())
}

/// A positive INTEGER of these bytes.
pub(super) fn positive(bytes: &[u8]) -> Vec<u8> {
    let skip = bytes.iter().take_while(|b| **b == 0).count();
    let rest = &bytes[skip.min(bytes.len().saturating_sub(1))..];
    if rest.first().is_some_and(|b| b & 0x80 != 0) {
        value(0x02, &[&[0], rest].concat())
    } else {
        value(0x02, rest)
    }
}

/// OBJECT IDENTIFIER of a dotted one; `None` when it is none.
pub(super) fn oid(dotted: &str) -> Option<Vec<u8>> {
    let mut arcs = dotted.split('.').map(|a| a.parse::<u64>().ok());
    let (first, second) = (arcs.next()??, arcs.next()??);
    if first > 2 || (first < 2 && second > 39) {
        return None;
    }
    let mut out = Vec::new();
    let mut push = |arc: u64| {
        let mut groups = vec![(arc & 0x7f) as u8];
        let mut rest = arc >> 7;
        while rest > 0 {
            groups.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        out.extend(groups.iter().rev());
    };
    push(first.checked_mul(40)?.checked_add(second)?);
    for arc in arcs {
        push(arc?);
    }
    Some(value(0x06, &out))
}

/// Whether `bytes` are exactly one value, and its tag.
pub(super) fn tag_of(bytes: &[u8]) -> Option<u8> {
    let (tag, content) = split(bytes)?;
    (content.1.is_empty()).then_some(tag)
}

/// The content of a value, and what follows it.
pub(super) type Parts<'a> = (&'a [u8], &'a [u8]);

/// The first value of `bytes`: its tag and its parts.
pub(super) fn split(bytes: &[u8]) -> Option<(u8, Parts<'_>)> {
    let (tag, first, mut rest) = match bytes {
        [tag, first, rest @ ..] => (*tag, *first, rest),
        _ => return None,
    };
    if tag & 0x1f == 0x1f {
        return None;
    }
    let n = if first < 0x80 {
        usize::from(first)
    } else {
        let count = usize::from(first & 0x7f);
        if count == 0 || count > 4 || rest.len() < count {
            return None;
        }
        let (length, after) = rest.split_at(count);
        rest = after;
        length.iter().fold(0, |n, b| (n << 8) | usize::from(*b))
    };
    (rest.len() >= n).then(|| (tag, rest.split_at(n)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn identifiers() {
        assert_eq!(oid("2.5.4.3"), Some(vec![0x06, 3, 0x55, 4, 3]));
        let rsa = vec![0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11];
        assert_eq!(oid("1.2.840.113549.1.1.11"), Some(rsa));
        for bad in ["", "1", "3.1", "1.40", "1.2.x", "2.18446744073709551615"] {
            assert_eq!(oid(bad), None, "{bad}");
        }
    }

    #[test]
    fn integers_are_positive_and_short() {
        assert_eq!(positive(&[0x80]), [2, 2, 0, 0x80]);
        assert_eq!(positive(&[0, 0, 1]), [2, 1, 1]);
        assert_eq!(positive(&[0]), [2, 1, 0]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(tag in 0u8..0x1f, n in 0usize..70_000, byte: u8) {
            let content = vec![byte; n];
            let out = value(tag, &content);
            prop_assert_eq!(split(&out), Some((tag, (&content[..], &[][..]))));
            prop_assert_eq!(tag_of(&out), Some(tag));
        }

        #[test]
        fn anything_is_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = split(&bytes);
        }
    }
}
