//! One RTSP session: a stream set up by a user over one transport.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{SessionInfo, Transport};
use crate::auth::{Stay, User};
use crate::back::{self, BackChannel, Talk};
use crate::group::Group;
use crate::media::Codec;
use crate::rtcp::{self, Report};
use crate::source::StreamUrl;
use crate::stream::{MAX_TRACKS, Stream, Track, ViewerGuard};

/// Time between sender reports.
pub(crate) const REPORT_INTERVAL: Duration = Duration::from_secs(5);

/// Ends when the next sender report is due; never while none is.
pub(crate) async fn report_due(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Where one track goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// RTP and RTCP channel.
    Interleaved(u8, u8),
    /// RTP and RTCP address of the client.
    Udp(SocketAddr, SocketAddr),
    /// Group of the track, and the address of the interface.
    Multicast(Group, Option<IpAddr>),
}

/// Routes by track.
pub(crate) type Routes = [Option<Route>; MAX_TRACKS];

/// One session. It lives while it is in the registry; `cancel` tells its sender that it has left.
pub(crate) struct Session {
    /// The id of the protocol: 128 random bits.
    pub(crate) key: String,
    /// The number shown to people.
    pub(crate) id: u64,
    pub(crate) user: User,
    pub(crate) peer: SocketAddr,
    /// Connection that made it; an interleaved session ends with that.
    pub(crate) connection: u64,
    pub(crate) transport: Transport,
    pub(crate) url: StreamUrl,
    /// URL of the stream as the client wrote it.
    pub(crate) base: String,
    pub(crate) stream: Arc<Stream>,
    pub(crate) name: String,
    pub(crate) generation: u64,
    pub(crate) tracks: Vec<Arc<Track>>,
    /// Which of the tracks the URL of this session shows.
    pub(crate) shows: fn(Codec) -> bool,
    /// Where this client may talk, if it asked for that.
    pub(crate) back: Option<Arc<dyn BackChannel>>,
    /// It talks.
    pub(crate) talk: Mutex<Option<Arc<dyn Talk>>>,
    pub(crate) cancel: CancellationToken,
    pub(crate) state: Mutex<State>,
    pub(crate) stats: Stats,
    pub(crate) started: SystemTime,
    /// Counts the session among the viewers of its stream.
    pub(crate) _viewer: ViewerGuard,
    /// What the device keeps for it.
    pub(crate) _stay: Option<Stay>,
}

/// The part of a session that requests change.
pub(crate) struct State {
    pub(crate) routes: Routes,
    /// Stops the sender without ending the session.
    pub(crate) playing: Option<CancellationToken>,
    pub(crate) seen: Instant,
}

/// What the sender and the viewer's reports count.
#[derive(Default)]
pub(crate) struct Stats {
    pub(crate) bytes: AtomicU64,
    pub(crate) dropped: AtomicU64,
    /// In 1/256.
    pub(crate) lost: AtomicU32,
}

impl Session {
    /// True for sessions whose media goes over their own RTSP connection.
    pub(crate) fn is_interleaved(&self) -> bool {
        self.transport.is_interleaved()
    }

    /// Notes a sign of life.
    pub(crate) fn touch(&self) {
        self.state.lock().seen = Instant::now();
    }

    /// Takes an RTP packet of the client's back channel.
    pub(crate) fn receive_talk(&self, packet: &[u8]) {
        // Heard only between PLAY and PAUSE.
        if self.state.lock().playing.is_none() {
            return;
        }
        let talk = self.talk.lock().clone();
        if let (Some(talk), Some(heard)) = (talk, back::parse(packet)) {
            let offered = self.back.as_ref().map_or(&[][..], |back| back.codecs());
            if !offered.contains(&heard.codec) {
                return;
            }
            self.touch();
            for unit in back::units(heard) {
                talk.hear(unit);
            }
        }
    }

    /// Takes a compound RTCP packet of the viewer.
    pub(crate) fn receive_rtcp(&self, packet: &[u8]) {
        let Some(reports) = rtcp::parse_reports(packet) else {
            return;
        };
        self.touch();
        let video = self
            .tracks
            .iter()
            .find(|track| track.codec.is_video())
            .or(self.tracks.first());
        for Report {
            ssrc,
            fraction_lost,
            jitter,
        } in reports
        {
            if video.is_some_and(|track| track.ssrc == ssrc) {
                tracing::trace!(session = self.id, fraction_lost, jitter, "receiver report");
                self.stats
                    .lost
                    .store(u32::from(fraction_lost), Ordering::Relaxed);
            }
        }
    }

    /// Sender reports of the tracks set up, with their routes. Empty before the first frame.
    pub(crate) fn sender_reports(&self, routes: &Routes, cname: &str) -> Vec<(Route, Vec<u8>)> {
        let now = Instant::now();
        let info = |track: &Arc<Track>| {
            let route = routes[track.index]?;
            let info = self.stream.sender_info(track, now)?;
            Some((route, rtcp::sender_report(&info, cname)))
        };
        self.tracks.iter().filter_map(info).collect()
    }

    /// BYE of the tracks set up, with their routes.
    pub(crate) fn goodbyes(&self, routes: &Routes, cname: &str) -> Vec<(Route, Vec<u8>)> {
        let bye =
            |track: &Arc<Track>| Some((routes[track.index]?, rtcp::goodbye(track.ssrc, cname)));
        self.tracks.iter().filter_map(bye).collect()
    }

    pub(crate) fn info(&self) -> SessionInfo {
        SessionInfo {
            id: self.id,
            user: self.user.clone(),
            peer: SocketAddr::new(self.peer.ip().to_canonical(), self.peer.port()),
            stream: self.name.clone(),
            url: self.url.to_string(),
            transport: self.transport,
            started: self.started,
            playing: self.state.lock().playing.is_some(),
            bytes: self.stats.bytes.load(Ordering::Relaxed),
            dropped_frames: self.stats.dropped.load(Ordering::Relaxed),
            lost: self.stats.lost.load(Ordering::Relaxed) as f32 / 256.0,
        }
    }
}

/// Logs a viewer that falls behind, once an episode, and counts what it misses.
#[derive(Default)]
pub(crate) struct LagLog {
    episodes: u64,
    dropped: u64,
}

impl LagLog {
    pub(crate) fn note(&mut self, session: &Session, cursor: &crate::stream::Cursor) {
        if cursor.dropped != self.dropped {
            session
                .stats
                .dropped
                .fetch_add(cursor.dropped - self.dropped, Ordering::Relaxed);
            self.dropped = cursor.dropped;
        }
        if cursor.episodes != self.episodes {
            self.episodes = cursor.episodes;
            tracing::info!(
                peer = %session.peer,
                user = session.user.name(),
                stream = session.name,
                dropped = session.stats.dropped.load(Ordering::Relaxed),
                "viewer is too slow, frames are left out up to the next key frame"
            );
        }
    }
}
