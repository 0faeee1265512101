//! A server with a test clip, and the device's side of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use rtsp::{
    AccessUnit, Arrival, AuthOutcome, AuthRequest, Authorizer, Codec, Config, MediaSource,
    OpenError, Presentation, Server, SessionEnd, Stay, Stream, StreamConfig, StreamHooks,
    StreamRequest, TrackSink, User,
};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::clip::Clip;

pub(crate) const H264: &[u8] = include_bytes!("../../src/testdata/clip_160x120.h264");
pub(crate) const JPEG: &[u8] = include_bytes!("../../src/testdata/frame_160x120.jpg");
/// Capture time of media time zero.
pub(crate) const EPOCH: Duration = Duration::from_secs(1_700_000_000);
/// Path and query of the test stream, as in the manual (NET-19).
pub(crate) const MAIN: &str = "/video/livemedia?Ch=1&Streamtype=0";
/// Credentials the test device takes.
pub(crate) const BOB: &str = "Authorization: Digest username=\"bob\", response=\"right\"";

/// What the producer learns.
pub(crate) struct Hooks {
    key_wanted: AtomicBool,
    pub(crate) viewers: watch::Sender<usize>,
}

impl StreamHooks for Hooks {
    fn key_frame_wanted(&self) {
        self.key_wanted.store(true, Ordering::Relaxed);
    }

    fn viewers_changed(&self, viewers: usize) {
        self.viewers.send_replace(viewers);
    }
}

/// Accounts by name alone: the digest is the device's business.
pub(crate) struct Accounts {
    open: bool,
    /// A reference for each session, and one here.
    pub(crate) here: Arc<()>,
    pub(crate) ends: std::sync::Mutex<Vec<SessionEnd>>,
}

impl Accounts {
    fn new(open: bool) -> Self {
        Self {
            open,
            here: Arc::new(()),
            ends: std::sync::Mutex::default(),
        }
    }
}

impl Authorizer for Accounts {
    fn challenge(&self, stale: bool) -> Vec<String> {
        let stale = if stale { ", stale=true" } else { "" };
        ["MD5", "SHA-256"]
            .map(|algorithm| {
                format!("Digest realm=\"t\", nonce=\"n\", algorithm={algorithm}{stale}")
            })
            .into()
    }

    fn authorize(&self, request: &AuthRequest<'_>) -> AuthOutcome {
        if self.open {
            return AuthOutcome::Granted(User::new("anybody"));
        }
        if let Some(user) = request.user {
            return AuthOutcome::Granted(user.clone());
        }
        let name = request
            .authorization
            .and_then(|value| value.split('"').nth(1));
        match name {
            Some("locked") => AuthOutcome::Locked {
                retry_after: Duration::from_secs(300),
            },
            Some("stale") => AuthOutcome::Challenge { stale: true },
            Some("mallory") => AuthOutcome::Forbidden,
            Some(name) => AuthOutcome::Granted(User::new(name)),
            None => AuthOutcome::Challenge { stale: false },
        }
    }

    fn arrive(&self, arrival: &Arrival<'_>) -> Result<Option<Stay>, OpenError> {
        if arrival.user.name() == "full" {
            return Err(OpenError::Busy);
        }
        self.ends.lock().unwrap().push(arrival.end.clone());
        Ok(Some(Box::new(self.here.clone())))
    }
}

struct Source(Arc<Stream>);

impl MediaSource for Source {
    fn open(&self, request: &StreamRequest<'_>) -> Result<Presentation, OpenError> {
        match (
            request.url.path.as_str(),
            request.url.parameter("Streamtype"),
        ) {
            ("/video/livemedia", Some("0")) => match request.url.parameter("Multicast") {
                Some(_) => Ok(Presentation::live(self.0.clone()).by_multicast()),
                None => Ok(self.0.clone().into()),
            },
            ("/busy", _) => Err(OpenError::Busy),
            ("/off", _) => Err(OpenError::Unavailable),
            ("/secret", _) => Err(OpenError::Forbidden),
            _ => Err(OpenError::NotFound),
        }
    }
}

/// A running server and its stream.
pub(crate) struct TestServer {
    pub(crate) server: Server,
    pub(crate) stream: Arc<Stream>,
    pub(crate) hooks: Arc<Hooks>,
    pub(crate) address: SocketAddr,
    pub(crate) accounts: Arc<Accounts>,
}

impl TestServer {
    /// A camera whose clients have to say who they are.
    pub(crate) async fn new(config: Config) -> TestServer {
        Self::with(config, [Codec::H264, Codec::OnvifMetadata], false).await
    }

    /// A camera that lets anybody in.
    pub(crate) async fn open(tracks: impl IntoIterator<Item = Codec>) -> TestServer {
        Self::with(Config::default(), tracks, true).await
    }

    pub(crate) async fn with(
        config: Config,
        tracks: impl IntoIterator<Item = Codec>,
        open: bool,
    ) -> TestServer {
        let hooks = Arc::new(Hooks {
            key_wanted: AtomicBool::new(false),
            viewers: watch::Sender::new(0),
        });
        let stream = Stream::new(StreamConfig::new("main", tracks), hooks.clone()).unwrap();
        let source = Arc::new(Source(stream.clone()));
        let listen = [SocketAddr::from(([127, 0, 0, 1], 0))];
        let accounts = Arc::new(Accounts::new(open));
        let server = Server::bind(&listen, config, source, accounts.clone())
            .await
            .unwrap();
        let address = server.local_addrs()[0];
        TestServer {
            server,
            stream,
            hooks,
            address,
            accounts,
        }
    }

    /// Tries to start a second server for the same stream.
    pub(crate) async fn bind_again(
        &self,
        listen: &[SocketAddr],
        config: Config,
    ) -> Result<Server, rtsp::Error> {
        let source = Arc::new(Source(self.stream.clone()));
        Server::bind(listen, config, source, Arc::new(Accounts::new(true))).await
    }

    pub(crate) fn url(&self) -> String {
        format!("rtsp://{}{MAIN}", self.address)
    }

    /// Pushes picture 0 once: parameter sets are known, and a viewer can start for 250 ms.
    pub(crate) fn push_key_frame(&self) {
        let clip = Clip::new(Codec::H264, H264);
        self.stream
            .sink(0)
            .unwrap()
            .push(&clip.unit(0, 0, 25, UNIX_EPOCH + EPOCH))
            .unwrap();
    }

    /// Plays the clip and a document with every picture, four times as fast as its clock says, until the
    /// guard is dropped.
    pub(crate) fn feed(&self, clip: Clip) -> DropGuard {
        let stop = CancellationToken::new();
        let (stream, hooks, stopped) = (self.stream.clone(), self.hooks.clone(), stop.clone());
        tokio::spawn(async move {
            let video = stream.sink(0).unwrap();
            let metadata: Option<TrackSink> = stream.sink(1).ok();
            let mut ticker = tokio::time::interval(Duration::from_millis(10));
            let (mut index, mut number) = (0, 0);
            while !stopped.is_cancelled() {
                ticker.tick().await;
                if hooks.key_wanted.swap(false, Ordering::Relaxed) {
                    index = clip.next_key(index);
                }
                let unit = clip.unit(index, number, 25, UNIX_EPOCH + EPOCH);
                if let Some(metadata) = &metadata {
                    let _ = metadata.push(&document(&unit));
                }
                if video.push(&unit).is_err() {
                    return;
                }
                index = (index + 1) % clip.units.len();
                number += 1;
            }
        });
        stop.drop_guard()
    }

    /// Waits until `count` sessions and DESCRIBE requests look at the stream.
    pub(crate) async fn viewers(&self, count: usize) {
        let mut viewers = self.hooks.viewers.subscribe();
        within(viewers.wait_for(|viewers| *viewers == count))
            .await
            .unwrap();
    }
}

/// A metadata document for a picture.
pub(crate) fn document(unit: &AccessUnit) -> AccessUnit {
    let xml = format!(
        "<tt:MetadataStream><!-- {} --></tt:MetadataStream>",
        unit.pts.as_millis()
    );
    AccessUnit {
        key: true,
        data: Bytes::from(xml),
        ..unit.clone()
    }
}

/// A unit of H.264 made up of `bytes` bytes that mean nothing.
pub(crate) fn noise(key: bool, number: u32, bytes: usize) -> AccessUnit {
    let header: &[u8] = if key {
        &[
            0, 0, 1, 0x67, 0x4d, 0, 0x28, 0, 0, 1, 0x68, 1, 0, 0, 1, 0x65,
        ]
    } else {
        &[0, 0, 1, 0x41]
    };
    let pts = Duration::from_millis(40) * number;
    let data = Bytes::from([header, &vec![0x55; bytes]].concat());
    AccessUnit {
        pts,
        utc: SystemTime::UNIX_EPOCH + EPOCH + pts,
        key,
        data,
    }
}

/// Fails a test that waits for ever.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .expect("nothing happened for 20 s")
}
