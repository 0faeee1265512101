//! What a NAL unit is for signing, and emulation prevention (H.264 7.3.1 and table 7-1, H.265 7.3.1.1 and table 7-1).

/// Coding of a stream that can be signed; motion JPEG cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// ITU-T H.264.
    H264,
    /// ITU-T H.265.
    H265,
}

/// Kinds that signing tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Part of a picture.
    Slice {
        /// First of its picture.
        first: bool,
        /// Of a picture that decoding can start at.
        key: bool,
    },
    /// Supplemental enhancement information.
    Sei,
    /// Parameter sets, delimiters and the like: not hashed.
    Other,
}

impl Kind {
    /// The first slice of a group of pictures.
    pub(super) const fn starts_group(self) -> bool {
        matches!(
            self,
            Self::Slice {
                first: true,
                key: true
            }
        )
    }
}

impl Coding {
    /// Header of a SEI before slices.
    pub(super) const fn sei_header(self) -> &'static [u8] {
        match self {
            Self::H264 => &[0x06],
            Self::H265 => &[0x4e, 0x01],
        }
    }

    /// Whether the unit is part of a picture.
    #[must_use]
    pub fn is_slice(self, nal: &[u8]) -> bool {
        matches!(self.kind(nal), Kind::Slice { .. })
    }

    pub(super) fn kind(self, nal: &[u8]) -> Kind {
        let at = |i: usize| nal.get(i).copied().unwrap_or_default();
        match self {
            Self::H264 => match at(0) & 0x1f {
                kind @ (1 | 5) => Kind::Slice {
                    first: at(1) & 0x80 != 0,
                    key: kind == 5,
                },
                2..=4 => Kind::Slice {
                    first: false,
                    key: false,
                },
                6 => Kind::Sei,
                _ => Kind::Other,
            },
            Self::H265 => match at(0) >> 1 & 0x3f {
                kind @ 0..=21 => Kind::Slice {
                    first: at(2) & 0x80 != 0,
                    key: kind >= 16,
                },
                39 | 40 => Kind::Sei,
                _ => Kind::Other,
            },
        }
    }
}

/// Puts emulation prevention bytes in.
pub(super) fn escape(plain: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(plain.len() + plain.len() / 64 + 1);
    let mut zeros = 0;
    for &byte in plain {
        if zeros >= 2 && byte <= 3 {
            out.push(3);
            zeros = 0;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
    out
}

/// Takes emulation prevention bytes out. With each byte that stays comes its place in `nal`.
pub(super) fn unescape(nal: &[u8]) -> impl Iterator<Item = (usize, u8)> {
    let mut zeros = 0;
    nal.iter().copied().enumerate().filter(move |(_, byte)| {
        if zeros >= 2 && *byte == 3 {
            zeros = 0;
            return false;
        }
        zeros = if *byte == 0 { zeros + 1 } else { 0 };
        true
    })
}
