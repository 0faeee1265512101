//! Packetisers: one access unit becomes one [`Frame`] that every viewer shares.

mod annexb;
mod audio;
mod frame;
mod h264;
mod h265;
mod jpeg;
mod metadata;

#[cfg(test)]
mod depacket;
#[cfg(test)]
mod properties;

use bytes::Bytes;

pub(crate) use frame::{Frame, FrameBuilder, RTP_HEADER, Span};

use crate::error::MediaError;
use crate::media::{AccessUnit, Codec};

/// Largest RTP packet on the wire, header included: fits tunnels and IPv6 without fragments.
pub(crate) const MAX_PACKET: usize = 1400;
/// Largest RTP payload.
pub(crate) const MAX_PAYLOAD: usize = MAX_PACKET - RTP_HEADER;

/// What a track's packetiser remembers for SDP and for joining viewers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parameters {
    /// H.265 video parameter sets.
    pub(crate) vps: Vec<Bytes>,
    /// Sequence parameter sets.
    pub(crate) sps: Vec<Bytes>,
    /// Picture parameter sets.
    pub(crate) pps: Vec<Bytes>,
    /// JPEG picture size in pixels, width then height.
    pub(crate) size: Option<(u16, u16)>,
}

impl Parameters {
    /// True when a decoder can be configured for `codec` from these.
    pub(crate) fn is_complete(&self, codec: Codec) -> bool {
        match codec {
            Codec::H264 => !self.sps.is_empty() && !self.pps.is_empty(),
            Codec::H265 => !self.vps.is_empty() && !self.sps.is_empty() && !self.pps.is_empty(),
            Codec::Jpeg => self.size.is_some(),
            Codec::OnvifMetadata | Codec::Pcmu | Codec::Pcma | Codec::Aac { .. } | Codec::Opus => {
                true
            }
        }
    }
}

/// Packetiser of one track.
#[derive(Debug)]
pub(crate) struct Packetizer {
    codec: Codec,
    parameters: Parameters,
}

impl Packetizer {
    pub(crate) fn new(codec: Codec) -> Self {
        Packetizer {
            codec,
            parameters: Parameters::default(),
        }
    }

    pub(crate) fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Writes the packets of one access unit into `out`; true when a decoder can start with it.
    pub(crate) fn packetize(
        &mut self,
        unit: &AccessUnit,
        out: &mut FrameBuilder,
    ) -> Result<bool, MediaError> {
        if unit.data.len() > AccessUnit::MAX_BYTES {
            return Err(MediaError::TooLarge {
                bytes: unit.data.len(),
                limit: AccessUnit::MAX_BYTES,
            });
        }
        match self.codec {
            Codec::H264 => h264::packetize(&mut self.parameters, &unit.data, unit.key, out),
            Codec::H265 => h265::packetize(&mut self.parameters, &unit.data, unit.key, out),
            Codec::Jpeg => {
                self.parameters.size = Some(jpeg::packetize(&unit.data, out)?);
                Ok(true)
            }
            Codec::OnvifMetadata => metadata::packetize(&unit.data, out).map(|()| true),
            Codec::Pcmu | Codec::Pcma | Codec::Opus => {
                audio::packetize(&unit.data, out).map(|()| true)
            }
            Codec::Aac { .. } => audio::packetize_aac(&unit.data, out).map(|()| true),
        }
    }
}
