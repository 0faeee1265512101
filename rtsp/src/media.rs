//! What a device hands to the library: access units, and the tracks they belong to.

use std::time::{Duration, SystemTime};

use bytes::Bytes;

/// One coded picture, one metadata document, or one piece of sound, as it leaves its producer.
///
/// `data` is Annex B (start codes of three or four bytes) for H.264 and H.265, a whole JFIF picture
/// for JPEG, one UTF-8 XML document for metadata, samples of one packet for G.711, one raw frame (no ADTS
/// header) for AAC, and one packet for Opus.
#[derive(Clone, Debug)]
pub struct AccessUnit {
    /// Presentation time on the media clock that all tracks of a stream share. Monotonic, from any zero.
    pub pts: Duration,
    /// UTC at which the picture was captured (not encoded, not sent). Goes into RTCP sender reports.
    pub utc: SystemTime,
    /// True when decoding can start here. JPEG pictures, metadata documents and sound always are.
    pub key: bool,
    /// The coded bytes, at most [`AccessUnit::MAX_BYTES`].
    pub data: Bytes,
}

impl AccessUnit {
    /// Largest access unit the packetisers take: 8 MiB.
    pub const MAX_BYTES: usize = 8 << 20;
}

/// How a track is coded. More codecs may join later, hence `non_exhaustive`.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// RFC 6184, packetization-mode 1.
    H264,
    /// RFC 7798.
    H265,
    /// RFC 2435, baseline with the standard Huffman tables.
    Jpeg,
    /// ONVIF metadata, `vnd.onvif.metadata`, plain XML (ONVIF Streaming Specification, metadata over RTP).
    OnvifMetadata,
    /// G.711 µ-law, 8 kHz, one channel (RFC 3551).
    Pcmu,
    /// G.711 A-law, 8 kHz, one channel (RFC 3551).
    Pcma,
    /// AAC-LC, mode AAC-hbr (RFC 3640).
    Aac {
        /// Samples a second, one of [`Codec::AAC_RATES`].
        rate: u32,
        /// 1 or 2.
        channels: u8,
    },
    /// Opus (RFC 7587).
    Opus,
}

impl Codec {
    /// Sample rates of AAC, in the order of their index (ISO/IEC 14496-3).
    pub const AAC_RATES: [u32; 13] = [
        96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025,
        8_000, 7_350,
    ];

    /// AudioSpecificConfig of AAC-LC (ISO/IEC 14496-3 §1.6.2.1): object type 2, index of the rate, channels. `None` for
    /// other codecs and for rates that AAC does not have.
    #[must_use]
    pub fn audio_specific_config(self) -> Option<u16> {
        let Codec::Aac { rate, channels } = self else {
            return None;
        };
        let index = Codec::AAC_RATES.iter().position(|known| *known == rate)? as u16;
        Some((2 << 11) | (index << 7) | (u16::from(channels & 15) << 3))
    }

    /// RTP clock rate in Hz.
    pub fn clock_rate(self) -> u32 {
        match self {
            Codec::H264 | Codec::H265 | Codec::Jpeg | Codec::OnvifMetadata => 90_000,
            Codec::Pcmu | Codec::Pcma => 8_000,
            Codec::Aac { rate, .. } => rate,
            Codec::Opus => 48_000,
        }
    }

    /// True for pictures: these tracks decide where a viewer can start.
    pub fn is_video(self) -> bool {
        match self {
            Codec::H264 | Codec::H265 | Codec::Jpeg => true,
            Codec::OnvifMetadata | Codec::Pcmu | Codec::Pcma | Codec::Aac { .. } | Codec::Opus => {
                false
            }
        }
    }

    /// True for sound.
    pub fn is_audio(self) -> bool {
        match self {
            Codec::Pcmu | Codec::Pcma | Codec::Aac { .. } | Codec::Opus => true,
            Codec::H264 | Codec::H265 | Codec::Jpeg | Codec::OnvifMetadata => false,
        }
    }

    /// The RTP marker: the last packet of a picture, a document or an AAC frame; never with sound that would say
    /// the beginning of a talk spurt by it (RFC 3551 §4.1).
    pub(crate) fn marks_last_packet(self) -> bool {
        !matches!(self, Codec::Pcmu | Codec::Pcma | Codec::Opus)
    }

    /// RTP payload type: the static one where the codec has it (RFC 3551), else dynamic.
    pub(crate) fn payload_type(self) -> u8 {
        match self {
            Codec::H264 => 96,
            Codec::H265 => 98,
            Codec::Jpeg => 26,
            Codec::OnvifMetadata => 107,
            Codec::Pcmu => 0,
            Codec::Pcma => 8,
            Codec::Aac { .. } => 97,
            Codec::Opus => 111,
        }
    }

    /// The `media` word of the SDP `m=` line.
    pub(crate) fn sdp_media(self) -> &'static str {
        if self.is_video() {
            "video"
        } else if self.is_audio() {
            "audio"
        } else {
            "application"
        }
    }
}

/// One track of a stream.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackConfig {
    /// The coding of its access units.
    pub codec: Codec,
}

impl TrackConfig {
    /// A track sent by the server.
    pub fn new(codec: Codec) -> Self {
        TrackConfig { codec }
    }
}

/// What a [`crate::Stream`] is made of.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamConfig {
    /// Name for the SDP `s=` line, logs and the list of sessions, for example `main`.
    pub name: String,
    /// Tracks in the order of their `trackID`, 1 to 8 of them.
    pub tracks: Vec<TrackConfig>,
}

impl StreamConfig {
    /// A stream of the given tracks.
    pub fn new(name: impl Into<String>, tracks: impl IntoIterator<Item = Codec>) -> Self {
        StreamConfig {
            name: name.into(),
            tracks: tracks.into_iter().map(TrackConfig::new).collect(),
        }
    }
}

/// Media time in ticks of `clock_rate`, to the nearest, in the 32 bits of RTP.
pub(crate) fn ticks(at: Duration, clock_rate: u32) -> u32 {
    // u128: a Duration times 90 000 cannot overflow it. The cast keeps the low 32 bits on purpose.
    // To the nearest: places of samples in nanoseconds are cut, and must lead back to their sample.
    ((at.as_nanos() * u128::from(clock_rate) + 500_000_000) / 1_000_000_000) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_exact_and_wrap() {
        assert_eq!(ticks(Duration::from_millis(40), 90_000), 3600);
        assert_eq!(ticks(Duration::from_secs(1), 90_000), 90_000);
        let wrap = Duration::from_nanos((1u64 << 32) * 100_000 / 9);
        assert_eq!(ticks(wrap + Duration::from_millis(1), 90_000), 90);
    }

    #[test]
    fn a_place_in_nanoseconds_leads_back_to_its_sample() {
        for rate in [8_000, 44_100, 48_000] {
            for sample in (0..200_000u64).step_by(977) {
                let at = Duration::from_nanos(sample * 1_000_000_000 / u64::from(rate));
                assert_eq!(u64::from(ticks(at, rate)), sample, "{rate}");
            }
        }
    }
}
