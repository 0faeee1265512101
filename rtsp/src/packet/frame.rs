//! The packets of one access unit in one buffer, laid out for every transport at once.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use bytes::Bytes;

/// Bytes of an RTP header without extension.
pub(crate) const RTP_HEADER: usize = 12;
/// Bytes of the `$`, channel, length prefix of RFC 2326 §10.12.
pub(crate) const INTERLEAVED_HEADER: usize = 4;

/// Where one packet lies in [`Frame::wire`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// Offset of the `$`.
    pub(crate) start: u32,
    /// Bytes of the RTP packet after the prefix.
    pub(crate) len: u16,
}

/// One packetised access unit, shared by all viewers.
#[derive(Debug)]
pub(crate) struct Frame {
    /// Index of the track in its stream.
    pub(crate) track: usize,
    /// Decoding can start here.
    pub(crate) key: bool,
    /// Belongs to a video track.
    pub(crate) video: bool,
    /// Every packet with its interleaved prefix, one after the other. The channel is twice the track
    /// number: for a client that chose the usual channels this buffer is what goes out, untouched.
    pub(crate) wire: Bytes,
    /// The packets, in order.
    pub(crate) packets: Box<[Span]>,
    /// RTP sequence number of the first packet.
    pub(crate) first_seq: u16,
    /// Media time, as pushed.
    pub(crate) pts: Duration,
    /// Capture time, as pushed.
    pub(crate) utc: SystemTime,
    /// When it was pushed; age is measured from here.
    pub(crate) pushed: Instant,
}

impl Frame {
    /// The RTP packet `span` without its interleaved prefix.
    pub(crate) fn packet(&self, span: Span) -> &[u8] {
        let start = span.start as usize + INTERLEAVED_HEADER;
        &self.wire[start..start + usize::from(span.len)]
    }

    /// RTP sequence number after the last packet.
    pub(crate) fn next_seq(&self) -> u16 {
        self.first_seq.wrapping_add(self.packets.len() as u16)
    }

    /// RTP payload bytes in this frame.
    pub(crate) fn payload_bytes(&self) -> usize {
        self.wire.len() - self.packets.len() * (RTP_HEADER + INTERLEAVED_HEADER)
    }
}

/// Collects packets into one buffer.
#[derive(Debug)]
pub(crate) struct FrameBuilder {
    channel: u8,
    payload_type: u8,
    ssrc: u32,
    seq: u16,
    time: u32,
    wire: Vec<u8>,
    packets: Vec<Span>,
}

impl FrameBuilder {
    /// A builder for one access unit of about `bytes` bytes; `seq` numbers its first packet.
    pub(crate) fn new(
        channel: u8,
        payload_type: u8,
        ssrc: u32,
        seq: u16,
        time: u32,
        bytes: usize,
    ) -> Self {
        let packets = bytes / (super::MAX_PAYLOAD - 3) + 4;
        FrameBuilder {
            channel,
            payload_type,
            ssrc,
            seq,
            time,
            wire: Vec::with_capacity(bytes + packets * (RTP_HEADER + INTERLEAVED_HEADER + 3) + 256),
            packets: Vec::with_capacity(packets),
        }
    }

    /// Adds one packet whose payload is `parts` joined, at most [`super::MAX_PAYLOAD`] bytes.
    pub(crate) fn push(&mut self, parts: &[&[u8]]) {
        let payload: usize = parts.iter().map(|part| part.len()).sum();
        debug_assert!(payload <= super::MAX_PAYLOAD, "payload of {payload} bytes");
        let len = (payload + RTP_HEADER) as u16;
        let seq = self.seq.wrapping_add(self.packets.len() as u16);
        self.packets.push(Span {
            start: self.wire.len() as u32,
            len,
        });
        let mut header = [0u8; INTERLEAVED_HEADER + RTP_HEADER];
        header[0] = b'$';
        header[1] = self.channel;
        header[2..4].copy_from_slice(&len.to_be_bytes());
        header[4] = 0x80;
        header[5] = self.payload_type;
        header[6..8].copy_from_slice(&seq.to_be_bytes());
        header[8..12].copy_from_slice(&self.time.to_be_bytes());
        header[12..16].copy_from_slice(&self.ssrc.to_be_bytes());
        self.wire.extend_from_slice(&header);
        for part in parts {
            self.wire.extend_from_slice(part);
        }
    }

    /// Sets the marker on the last packet, where the codec has it so, and gives the buffer away.
    pub(crate) fn finish(mut self, marker: bool) -> (Bytes, Box<[Span]>) {
        if let Some(last) = self.packets.last().filter(|_| marker) {
            self.wire[last.start as usize + INTERLEAVED_HEADER + 1] |= 0x80;
        }
        (Bytes::from(self.wire), self.packets.into_boxed_slice())
    }
}
