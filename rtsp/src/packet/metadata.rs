//! ONVIF metadata over RTP: XML split at any byte, marker on the last packet.

use super::{FrameBuilder, MAX_PAYLOAD};
use crate::error::MediaError;

/// Packetises one XML document.
///
/// ONVIF Streaming Specification, metadata over RTP (§5.2.1.1 in 19.12).
pub(super) fn packetize(data: &[u8], out: &mut FrameBuilder) -> Result<(), MediaError> {
    if data.is_empty() {
        return Err(MediaError::Empty);
    }
    for chunk in data.chunks(MAX_PAYLOAD) {
        out.push(&[chunk]);
    }
    Ok(())
}
