//! Where streams come from.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::auth::User;
use crate::back::BackChannel;
use crate::media::Codec;
use crate::stream::Stream;

/// The part of an RTSP URL that names a stream: path and query, without the track.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StreamUrl {
    /// Path with its leading `/`, percent-encoding as received, no trailing `/`.
    pub path: String,
    /// What follows `?`, percent-encoding as received.
    pub query: Option<String>,
}

impl StreamUrl {
    /// Value of a query parameter; its name is compared without regard to case (NET-23).
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.as_deref()?.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

impl fmt::Display for StreamUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        match &self.query {
            Some(query) => write!(f, "?{query}"),
            None => Ok(()),
        }
    }
}

/// A request to open a stream, for DESCRIBE and SETUP. The user has leave already.
#[derive(Clone, Debug)]
pub struct StreamRequest<'a> {
    /// Which stream.
    pub url: &'a StreamUrl,
    /// Who asks.
    pub user: &'a User,
    /// From where.
    pub peer: SocketAddr,
    /// The client wants to talk ([`Presentation::with_back_channel`]). Replay will come through here as well.
    pub talk: bool,
}

/// What a source opened: a live stream, shared by all its viewers, and how it is shown.
#[non_exhaustive]
#[derive(Clone)]
pub struct Presentation {
    pub(crate) stream: Arc<Stream>,
    pub(crate) multicast: bool,
    pub(crate) shows: fn(Codec) -> bool,
    pub(crate) back: Option<Arc<dyn BackChannel>>,
}

impl Presentation {
    /// All tracks of a stream.
    pub fn live(stream: Arc<Stream>) -> Self {
        Presentation {
            stream,
            multicast: false,
            shows: |_| true,
            back: None,
        }
    }

    /// Lets those talk who ask for it (`Require: www.onvif.org/ver20/backchannel`); others do not see it.
    #[must_use]
    pub fn with_back_channel(mut self, back: Arc<dyn BackChannel>) -> Self {
        self.back = Some(back);
        self
    }

    /// The same, described as multicast: players then ask for that. A URL for it keeps everybody else on unicast.
    #[must_use]
    pub fn by_multicast(mut self) -> Self {
        self.multicast = true;
        self
    }

    /// Only the tracks whose codec `shows`: the others are neither described nor set up. Tracks keep their numbers.
    #[must_use]
    pub fn only(mut self, shows: fn(Codec) -> bool) -> Self {
        self.shows = shows;
        self
    }
}

impl From<Arc<Stream>> for Presentation {
    fn from(stream: Arc<Stream>) -> Self {
        Presentation::live(stream)
    }
}

impl fmt::Debug for Presentation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presentation")
            .field("stream", &self.stream)
            .field("multicast", &self.multicast)
            .finish_non_exhaustive()
    }
}

/// Why a stream was not opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// No such stream, or it is switched off: 404.
    #[error("no such stream")]
    NotFound,
    /// The user may not see it: 403.
    #[error("not allowed")]
    Forbidden,
    /// It exists but cannot be given now: 503.
    #[error("the stream is not available")]
    Unavailable,
    /// A limit of the device is reached: 453.
    #[error("too many viewers")]
    Busy,
}

/// Maps URLs to streams. Calls must be quick and must not block.
pub trait MediaSource: Send + Sync + 'static {
    /// Opens the stream that `request.url` names.
    ///
    /// # Errors
    /// [`OpenError`], which becomes the RTSP status of the answer.
    fn open(&self, request: &StreamRequest<'_>) -> Result<Presentation, OpenError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters() {
        let url = StreamUrl {
            path: "/video/livemedia".into(),
            query: Some("Ch=1&Streamtype=0&x".into()),
        };
        assert_eq!(url.parameter("ch"), Some("1"));
        assert_eq!(url.parameter("STREAMTYPE"), Some("0"));
        assert_eq!(url.parameter("x"), Some(""));
        assert_eq!(url.parameter("y"), None);
        assert_eq!(url.to_string(), "/video/livemedia?Ch=1&Streamtype=0&x");
    }
}
