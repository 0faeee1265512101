//! Errors of the library.

use std::net::{IpAddr, SocketAddr};

/// Why a server could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A listening address could not be bound.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// No pair of UDP ports could be bound for RTP and RTCP.
    #[error("cannot bind an RTP/RTCP port pair on {address}: {source}")]
    UdpPair {
        /// The address asked for; port 0 means any pair.
        address: SocketAddr,
        /// What the system said last.
        source: std::io::Error,
    },
    /// The configuration has a value out of its bounds.
    #[error("{field} is {value}, allowed are {allowed}")]
    Config {
        /// The field.
        field: &'static str,
        /// Its value.
        value: u64,
        /// The bounds, in words.
        allowed: &'static str,
    },
}

/// Why an access unit was not taken.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// The stream has been reconfigured or closed since this sink was made: make a new one.
    #[error("the track belongs to an earlier configuration of the stream")]
    Stale,
    /// More bytes than an access unit may have.
    #[error("access unit of {bytes} bytes, at most {limit}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// No start code in H.264 or H.265 data.
    #[error("no NAL unit in {bytes} bytes: Annex B start codes are needed")]
    NoNalUnits {
        /// Size of the data.
        bytes: usize,
    },
    /// No data at all.
    #[error("empty access unit")]
    Empty,
    /// A JPEG picture that RFC 2435 cannot carry.
    #[error("JPEG cannot go over RTP: {reason}")]
    Jpeg {
        /// What in it, with the value found.
        reason: String,
    },
    /// Not a multicast group that RTP can go to.
    #[error(
        "multicast group {address} port {port}: a multicast address and an even port are needed"
    )]
    Group {
        /// The address given.
        address: IpAddr,
        /// The port given.
        port: u16,
    },
    /// AAC with a rate or a number of channels that it does not have.
    #[error(
        "AAC of {rate} Hz and {channels} channels: a rate of AAC and 1 or 2 channels are needed"
    )]
    Aac {
        /// Samples a second.
        rate: u32,
        /// Channels.
        channels: u8,
    },
    /// A stream without a track, or with too many.
    #[error("{tracks} tracks, allowed are 1 to 8")]
    Tracks {
        /// How many were given.
        tracks: usize,
    },
    /// A track number that the stream does not have.
    #[error("track {track} does not exist, the stream has {tracks}")]
    NoTrack {
        /// The number asked for.
        track: usize,
        /// How many tracks there are.
        tracks: usize,
    },
}
