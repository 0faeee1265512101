//! Just enough JPEG to see that a picture is one and how large it is.

use anyhow::{Result, bail, ensure};

/// Width and height in pixels, out of the frame header.
///
/// # Errors
/// When `bytes` is not a whole JPEG file.
pub fn size(bytes: &[u8]) -> Result<(u32, u32)> {
    ensure!(
        bytes.starts_with(&[0xff, 0xd8]),
        "no JPEG: begins with {:02x?}",
        &bytes[..bytes.len().min(4)]
    );
    ensure!(
        bytes.ends_with(&[0xff, 0xd9]),
        "the JPEG of {} bytes is cut off",
        bytes.len()
    );
    let mut at = 2;
    while let [0xff, marker, high, low, ..] = bytes[at..] {
        // SOF0..SOF15 without DHT, JPG and DAC.
        if (0xc0..=0xcf).contains(&marker) && ![0xc4, 0xc8, 0xcc].contains(&marker) {
            let field = |i: usize| u32::from(bytes[at + i]) << 8 | u32::from(bytes[at + i + 1]);
            return Ok((field(7), field(5)));
        }
        at += 2 + (usize::from(high) << 8 | usize::from(low));
        ensure!(at + 9 < bytes.len(), "the JPEG has no frame header");
    }
    bail!("the JPEG has no frame header before byte {at}")
}
