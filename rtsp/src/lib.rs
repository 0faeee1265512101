//! RTSP/RTP server library: serves anything that implements its traits.
//!
//! `README.md` shows both sides of it; `examples/serve_file.rs` is a whole server.

#![forbid(unsafe_code)]

mod auth;
mod back;
mod error;
mod group;
mod media;
mod message;
mod packet;
mod random;
mod rtcp;
mod sdp;
mod server;
mod source;
mod stream;

pub use auth::{Arrival, AuthOutcome, AuthRequest, Authorizer, Stay, User};
pub use back::{AAC_FRAME_SAMPLES, BackChannel, Heard, MAX_AAC_FRAME, Talk, aac_frames};
pub use error::{Error, MediaError};
pub use group::Group;
pub use media::{AccessUnit, Codec, StreamConfig, TrackConfig};
pub use server::{
    Config, ConnectionContext, Duplex, Handshake, Multicast, Secure, Server, SessionEnd,
    SessionInfo, Transport,
};
pub use source::{MediaSource, OpenError, Presentation, StreamRequest, StreamUrl};
pub use stream::{Stream, StreamHooks, TrackSink};
