//! Sound, and how it comes out of files.

use crate::{Error, Result};

/// Most bytes of a file with a voice prompt (AUDIO-4).
pub const MAX_CLIP_BYTES: usize = 2 * 1024 * 1024;
/// Longest voice prompt, seconds.
pub const MAX_CLIP_SECONDS: u32 = 60;

/// Sound of one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sound {
    /// Samples a second.
    pub rate: u32,
    /// The samples.
    pub samples: Vec<i16>,
}

/// What a WAV file holds, without its sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Format {
    coding: Coding,
    channels: usize,
    rate: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Unsigned8,
    Signed16,
    Alaw,
    Mulaw,
}

impl Sound {
    /// Reads a WAV file: 8 or 16 bit or G.711, one or two channels, 8 to 48 kHz. Two channels are mixed.
    ///
    /// A file whose end is missing gives what is there: programs that write into a pipe do not know the length before.
    ///
    /// # Errors
    /// [`Error::Malformed`] saying what is wrong, and what is allowed.
    pub fn from_wav(file: &[u8]) -> Result<Self> {
        let (format, data) = chunks(file)?;
        let width = format.channels
            * if format.coding == Coding::Signed16 {
                2
            } else {
                1
            };
        let most = MAX_CLIP_SECONDS as usize * format.rate as usize;
        let frames = data.chunks_exact(width);
        if frames.len() == 0 {
            return Err(malformed("holds no sound"));
        }
        if frames.len() > most {
            return Err(malformed(format!(
                "is {} s long; allowed are at most {MAX_CLIP_SECONDS}",
                frames.len() / format.rate as usize
            )));
        }
        let sample = |bytes: &[u8]| match (format.coding, bytes) {
            (Coding::Signed16, &[low, high, ..]) => i16::from_le_bytes([low, high]),
            (Coding::Unsigned8, &[byte, ..]) => (i16::from(byte) - 128) << 8,
            (Coding::Alaw, &[byte, ..]) => from_alaw(byte),
            (Coding::Mulaw, &[byte, ..]) => from_mulaw(byte),
            _ => 0,
        };
        let samples = frames.map(|frame| {
            let all = frame.chunks_exact(width / format.channels).map(sample);
            let sum: i32 = all.map(i32::from).sum();
            // A mean of them fits.
            (sum / format.channels as i32) as i16
        });
        Ok(Self {
            rate: format.rate,
            samples: samples.collect(),
        })
    }

    /// The number of a WAV file's coding: 1 for samples as they are, 6 for A-law, 7 for µ-law.
    #[must_use]
    pub fn codec(file: &[u8]) -> Option<u8> {
        let (format, _) = chunks(file).ok()?;
        Some(match format.coding {
            Coding::Unsigned8 | Coding::Signed16 => 1,
            Coding::Alaw => 6,
            Coding::Mulaw => 7,
        })
    }

    /// How long it is.
    #[must_use]
    pub fn millis(&self) -> u32 {
        let millis = self.samples.len() as u64 * 1000 / u64::from(self.rate.max(1));
        u32::try_from(millis).unwrap_or(u32::MAX)
    }
}

fn malformed(reason: impl Into<String>) -> Error {
    Error::Malformed {
        what: "WAV file",
        reason: reason.into(),
    }
}

/// Format and sound of a file.
fn chunks(file: &[u8]) -> Result<(Format, &[u8])> {
    let mut rest = match file {
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'A',
            b'V',
            b'E',
            rest @ ..,
        ] => rest,
        _ => return Err(malformed("does not begin as one")),
    };
    let mut format = None;
    while let &[a, b, c, d, l0, l1, l2, l3, ref after @ ..] = rest {
        let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        let body = &after[..length.min(after.len())];
        match (&[a, b, c, d], format) {
            (b"fmt ", _) => format = Some(form(body)?),
            (b"data", Some(format)) => return Ok((format, body)),
            (b"data", None) => return Err(malformed("says nothing about its sound before it")),
            _ => {}
        }
        // Chunks begin at even places.
        rest = after.get(length + length % 2..).unwrap_or_default();
    }
    Err(malformed("holds no sound"))
}

fn form(body: &[u8]) -> Result<Format> {
    let &[
        k0,
        k1,
        c0,
        c1,
        r0,
        r1,
        r2,
        r3,
        _,
        _,
        _,
        _,
        _,
        _,
        b0,
        b1,
        ref more @ ..,
    ] = body
    else {
        return Err(malformed("has a short description of its sound"));
    };
    let short = |a, b| u16::from_le_bytes([a, b]);
    let (mut kind, bits) = (short(k0, k1), short(b0, b1));
    if kind == 0xfffe {
        // The kind is behind size, bits and channels.
        kind = more.get(8..10).map_or(kind, |k| short(k[0], k[1]));
    }
    let coding = match (kind, bits) {
        (1, 8) => Coding::Unsigned8,
        (1, 16) => Coding::Signed16,
        (6, 8) => Coding::Alaw,
        (7, 8) => Coding::Mulaw,
        _ => {
            return Err(malformed(format!(
                "has the coding {kind} with {bits} bits; allowed are PCM with 8 or 16 bits and G.711"
            )));
        }
    };
    let channels = short(c0, c1);
    if !(1..=2).contains(&channels) {
        let why = format!("has {channels} channels; allowed are 1 and 2");
        return Err(malformed(why));
    }
    let rate = u32::from_le_bytes([r0, r1, r2, r3]);
    if !(8_000..=48_000).contains(&rate) {
        let why = format!("has {rate} samples a second; allowed are 8000 to 48000");
        return Err(malformed(why));
    }
    Ok(Format {
        coding,
        channels: channels.into(),
        rate,
    })
}

/// A sample of G.711 µ-law (ITU-T G.711, table 2a).
#[must_use]
pub fn from_mulaw(byte: u8) -> i16 {
    let byte = !byte;
    let (exponent, mantissa) = ((byte >> 4) & 7, i32::from(byte & 15));
    let magnitude = (((mantissa << 3) + 0x84) << exponent) - 0x84;
    signed(magnitude, byte & 0x80 == 0)
}

/// A sample of G.711 A-law (ITU-T G.711, table 1a).
#[must_use]
pub fn from_alaw(byte: u8) -> i16 {
    let byte = byte ^ 0x55;
    let (exponent, mantissa) = ((byte >> 4) & 7, i32::from(byte & 15));
    let magnitude = match exponent {
        0 => (mantissa << 4) + 8,
        _ => ((mantissa << 4) + 0x108) << (exponent - 1),
    };
    signed(magnitude, byte & 0x80 != 0)
}

/// Of G.711: at most 32 256.
fn signed(magnitude: i32, positive: bool) -> i16 {
    let sample = if positive { magnitude } else { -magnitude };
    sample as i16
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A WAV file with a chunk that means nothing to us.
    fn wav(kind: u16, bits: u16, channels: u16, rate: u32, data: &[u8]) -> Vec<u8> {
        let mut format = Vec::new();
        for n in [kind, channels] {
            format.extend(n.to_le_bytes());
        }
        format.extend(rate.to_le_bytes());
        format.extend([0; 6]);
        format.extend(bits.to_le_bytes());
        let mut file = b"RIFF\0\0\0\0WAVE".to_vec();
        for (name, body) in [
            (b"LIST", b"odd".as_slice()),
            (b"fmt ", &format),
            (b"data", data),
        ] {
            file.extend(name);
            file.extend((body.len() as u32).to_le_bytes());
            file.extend(body);
            file.extend(std::iter::repeat_n(0, body.len() % 2));
        }
        file
    }

    fn why(file: &[u8]) -> String {
        Sound::from_wav(file).unwrap_err().to_string()
    }

    #[test]
    fn codings_are_read_and_two_channels_mixed() {
        let read = |file: &[u8]| Sound::from_wav(file).unwrap();
        let sound = read(&wav(1, 16, 1, 16_000, &[1, 0, 0xff, 0xff]));
        assert_eq!(
            (sound.rate, sound.samples.as_slice()),
            (16_000, [1, -1].as_slice())
        );
        assert_eq!(read(&wav(1, 16, 2, 48_000, &[10, 0, 20, 0])).samples, [15]);
        assert_eq!(
            read(&wav(1, 8, 1, 8_000, &[0, 128, 255])).samples,
            [-32768, 0, 32512]
        );
        assert_eq!(
            read(&wav(7, 8, 1, 8_000, &[0x80, 0xff])).samples,
            [32_124, 0]
        );
        assert_eq!(
            read(&wav(6, 8, 1, 8_000, &[0xaa, 0x2a])).samples,
            [32_256, -32_256]
        );
        assert_eq!(Sound::codec(&wav(7, 8, 1, 8_000, &[0])), Some(7));
        assert_eq!(Sound::codec(b"RIFF"), None);
        let long = read(&wav(1, 16, 1, 8_000, &[0; 16_000]));
        assert_eq!(long.millis(), 1000);
        // Written into a pipe.
        let mut piped = wav(1, 16, 1, 8_000, &[1, 0]);
        let at = piped.len() - 6;
        piped[at..at + 4].copy_from_slice(&0x7fff_f000_u32.to_le_bytes());
        assert_eq!(read(&piped).samples, [1]);
    }

    #[test]
    fn samples_are_those_of_the_standard() {
        for (byte, sample) in [
            (0xff, 0),
            (0x7f, 0),
            (0x80, 32_124),
            (0x00, -32_124),
            (0xfe, 8),
            (0xef, 132),
        ] {
            assert_eq!(from_mulaw(byte), sample, "{byte:#x}");
        }
        for (byte, sample) in [
            (0xd5, 8),
            (0x55, -8),
            (0xaa, 32_256),
            (0x2a, -32_256),
            (0xc5, 264),
        ] {
            assert_eq!(from_alaw(byte), sample, "{byte:#x}");
        }
    }

    /// AUDIO-4: what is refused is named, with its bounds.
    #[test]
    fn other_files_are_refused() {
        assert!(why(b"\xff\xd8\xff\xe0").contains("does not begin as one"));
        assert!(why(b"RIFF\0\0\0\0WAVEdata\0\0\0\0").contains("before it"));
        assert!(why(&wav(1, 16, 1, 8_000, &[])).contains("no sound"));
        assert!(
            why(&wav(1, 24, 1, 8_000, &[0; 9])).contains("24 bits; allowed are PCM with 8 or 16")
        );
        assert!(why(&wav(85, 0, 1, 8_000, &[0; 9])).contains("the coding 85"));
        assert!(why(&wav(1, 16, 6, 8_000, &[0; 12])).contains("6 channels"));
        assert!(why(&wav(1, 16, 1, 96_000, &[0; 12])).contains("8000 to 48000"));
        let long = vec![0; 8_000 * 61];
        assert!(why(&wav(7, 8, 1, 8_000, &long)).contains("61 s long; allowed are at most 60"));
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_read_or_refused(file in prop::collection::vec(any::<u8>(), 0..200), head in any::<bool>()) {
            let mut all = if head { wav(1, 16, 1, 8_000, &[]) } else { Vec::new() };
            all.extend(file);
            if let Ok(sound) = Sound::from_wav(&all) {
                prop_assert!(sound.samples.len() <= all.len());
            }
        }
    }
}
