//! An RTSP server that serves two streams to anybody.

use std::net::SocketAddr;
use std::sync::Arc;

use rtsp::{
    AuthOutcome, AuthRequest, Authorizer, Config, MediaSource, OpenError, Presentation, Server,
    Stream, StreamRequest, User,
};

/// Streams by the manual's URL `/video/livemedia?Ch=1&Streamtype=0|1`.
pub(crate) struct Streams {
    pub(crate) main: Arc<Stream>,
    pub(crate) sub: Arc<Stream>,
}

impl MediaSource for Streams {
    fn open(&self, request: &StreamRequest<'_>) -> Result<Presentation, OpenError> {
        match (
            request.url.path.as_str(),
            request.url.parameter("Streamtype"),
        ) {
            ("/video/livemedia", Some("0")) => Ok(self.main.clone().into()),
            ("/video/livemedia", Some("1")) => Ok(self.sub.clone().into()),
            _ => Err(OpenError::NotFound),
        }
    }
}

struct Anybody;

impl Authorizer for Anybody {
    fn challenge(&self, _stale: bool) -> Vec<String> {
        Vec::new()
    }

    fn authorize(&self, _request: &AuthRequest<'_>) -> AuthOutcome {
        AuthOutcome::Granted(User::new("anybody"))
    }
}

/// Listens on `address`; port 0 takes a free one.
pub(crate) async fn serve(address: SocketAddr, streams: Streams) -> Result<Server, rtsp::Error> {
    Server::bind(
        &[address],
        Config::default(),
        Arc::new(streams),
        Arc::new(Anybody),
    )
    .await
}
