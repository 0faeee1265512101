//! ECDSA signatures as media signing writes them: a DER sequence of r and s (RFC 3279 2.2.3).

use crate::watermark::SIGNATURE_LENGTH;

/// Longest such sequence for P-256.
pub(super) const MAX_DER: usize = 72;

/// Of r and s, 32 bytes each.
pub(super) fn of(fixed: &[u8; SIGNATURE_LENGTH]) -> Vec<u8> {
    let (r, s) = fixed.split_at(SIGNATURE_LENGTH / 2);
    let mut numbers = Vec::with_capacity(MAX_DER);
    for number in [r, s] {
        let significant = number.iter().position(|b| *b != 0);
        let number = &number[significant.unwrap_or(number.len() - 1)..];
        // A first bit of 1 would make it negative.
        let pad = usize::from(number[0] >= 0x80);
        numbers.push(2);
        // At most 33.
        numbers.push(u8::try_from(number.len() + pad).unwrap_or_default());
        numbers.extend(std::iter::repeat_n(0, pad));
        numbers.extend(number);
    }
    // At most 70.
    let mut out = vec![0x30, u8::try_from(numbers.len()).unwrap_or_default()];
    out.append(&mut numbers);
    out
}
