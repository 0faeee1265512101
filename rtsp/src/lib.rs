//! RTSP/RTP server library: serves anything that implements its traits.

mod auth;
mod error;
mod media;
mod packet;
mod random;
mod source;
mod stream;

pub use auth::{AuthOutcome, AuthRequest, Authorizer, User};
pub use error::{Error, MediaError};
pub use media::{AccessUnit, Codec, StreamConfig, TrackConfig};
pub use source::{MediaSource, OpenError, Presentation, StreamRequest, StreamUrl};
pub use stream::{Stream, StreamHooks, TrackSink};
