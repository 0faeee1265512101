//! Base64 as it comes through a POST: in pieces, with line breaks, one padded text after another.

/// Decodes a byte at a time; holds at most one quantum of four characters.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    bits: u32,
    /// Characters of the quantum so far, padding included.
    filled: u8,
    padding: u8,
}

/// A character that base64 does not have, or padding where it cannot be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotBase64;

impl Decoder {
    /// Decodes `text` and appends what is whole to `out`.
    ///
    /// # Errors
    /// [`NotBase64`]; what came before has been decoded then, and nothing can be done with what follows.
    pub(super) fn decode(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<(), NotBase64> {
        for &character in text {
            if character.is_ascii_whitespace() {
                continue;
            }
            let value = match character {
                b'A'..=b'Z' => character - b'A',
                b'a'..=b'z' => character - b'a' + 26,
                b'0'..=b'9' => character - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                b'=' if self.filled >= 2 => {
                    self.padding += 1;
                    0
                }
                _ => return Err(NotBase64),
            };
            if self.padding > 0 && character != b'=' {
                return Err(NotBase64);
            }
            self.bits = self.bits << 6 | u32::from(value);
            self.filled += 1;
            if self.filled == 4 {
                let [_, bytes @ ..] = self.bits.to_be_bytes();
                out.extend_from_slice(&bytes[..3 - usize::from(self.padding)]);
                *self = Self::default();
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn decode(text: &str) -> Result<Vec<u8>, NotBase64> {
        let mut out = Vec::new();
        Decoder::default()
            .decode(text.as_bytes(), &mut out)
            .map(|()| out)
    }

    #[test]
    fn texts() {
        // strict
        assert_eq!(decode("T1BUSU9OUw==").unwrap(), b"OPTIONS");
        assert_eq!(decode("+/+/").unwrap(), [0xfb, 0xff, 0xbf]);
        // tolerated: one text after another, line breaks anywhere (RTSS-1-1-45)
        assert_eq!(decode("YQ==YWI=YWJj").unwrap(), b"aababc");
        assert_eq!(decode("Y\r\nWJ\n j\tYQ=\r\n=").unwrap(), b"abca");
        // unfinished: nothing yet
        assert_eq!(decode("YWJjYW").unwrap(), b"abc");
        assert_eq!(decode("").unwrap(), b"");
        // refused
        for text in ["=", "Y===", "YQ=a", "YQ-_", "YQ\0=", "YWJj="] {
            assert_eq!(decode(text), Err(NotBase64), "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn pieces_give_the_whole(
            messages in proptest::collection::vec(proptest::collection::vec(0u8.., 0..60), 0..5),
            cuts in proptest::collection::vec(0usize..40, 0..30),
        ) {
            let text: String = messages.iter().map(|message| STANDARD.encode(message) + "\r\n").collect();
            let (mut decoder, mut out, mut rest) = (Decoder::default(), Vec::new(), text.as_bytes());
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                decoder.decode(piece, &mut out).unwrap();
                rest = after;
            }
            decoder.decode(rest, &mut out).unwrap();
            proptest::prop_assert_eq!(out, messages.concat());
        }

        #[test]
        fn never_panics(text in proptest::collection::vec(0u8.., 0..200)) {
            let mut out = Vec::new();
            let _ = Decoder::default().decode(&text, &mut out);
            proptest::prop_assert!(out.len() <= text.len() / 4 * 3);
        }
    }
}
