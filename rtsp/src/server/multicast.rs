//! RTP by multicast: each track is sent once to its group, for as long as anybody wants it.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Shared;
use super::session::{REPORT_INTERVAL, Session, report_due};
use super::udp::UdpPair;
use crate::group::Group;
use crate::rtcp;
use crate::stream::{Cursor, MAX_TRACKS, Next, Stream, Track};

/// Senders at once: every track of every stream there can be, to old and new groups.
const MAX_CASTS: usize = 64;

/// One track to one group through one interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    stream: u64,
    generation: u64,
    track: usize,
    group: Group,
    via: Option<IpAddr>,
}

/// A track that is being sent to its group; the last holder's drop ends that with BYE.
pub(crate) struct Cast {
    /// The stream was closed or changed its codecs.
    pub(crate) ended: CancellationToken,
    _stop: DropGuard,
}

/// All that is being sent.
#[derive(Default)]
pub(crate) struct Casts(Mutex<HashMap<Key, Weak<Cast>>>);

impl Casts {
    /// Sends `track` to `group`, or shares in its being sent. `via` is the address of the interface; without one the
    /// machine's routes choose it.
    ///
    /// # Errors
    /// The socket's, and [`io::ErrorKind::QuotaExceeded`] beyond 64 senders.
    pub(crate) fn join(
        &self,
        shared: &Arc<Shared>,
        stream: &Arc<Stream>,
        generation: u64,
        track: &Arc<Track>,
        (group, via): (Group, Option<IpAddr>),
    ) -> io::Result<Arc<Cast>> {
        let key = Key {
            stream: stream.id(),
            generation,
            track: track.index,
            group,
            via,
        };
        let mut casts = self.0.lock();
        if let Some(cast) = casts.get(&key).and_then(Weak::upgrade) {
            return Ok(cast);
        }
        casts.retain(|_, cast| cast.strong_count() > 0);
        if casts.len() >= MAX_CASTS {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        let pair = open(group, via)?;
        let (stop, ended) = (CancellationToken::new(), CancellationToken::new());
        let sender = Sender {
            shared: shared.clone(),
            stream: stream.clone(),
            track: track.clone(),
            generation,
            group,
            pair,
            stop: stop.clone(),
            ended: ended.clone(),
        };
        shared.tasks.spawn(sender.run());
        let cast = Arc::new(Cast {
            ended,
            _stop: stop.drop_guard(),
        });
        casts.insert(key, Arc::downgrade(&cast));
        Ok(cast)
    }
}

/// A pair of sockets that sends to groups.
fn open(group: Group, via: Option<IpAddr>) -> io::Result<UdpPair> {
    let any = match group.address() {
        IpAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::from(Ipv6Addr::UNSPECIFIED),
    };
    let pair = UdpPair::bind(any, 0).map_err(io::Error::other)?;
    // Kernels lose what is segmented on its way to listeners on this machine (seen on 6.x); one sender is cheap anyway.
    pair.without_offload();
    for socket in pair.sockets() {
        match group.address() {
            IpAddr::V4(_) => {
                socket.set_multicast_ttl_v4(u32::from(group.ttl()))?;
                if let Some(IpAddr::V4(via)) = via {
                    socket.set_multicast_if_v4(&via)?;
                }
            }
            IpAddr::V6(_) => socket.set_multicast_hops_v6(u32::from(group.ttl()))?,
        }
    }
    Ok(pair)
}

/// The interface for a viewer who reached us at `local`. One on this machine listens where its routes lead, which
/// are ours, and on the loopback where there are none.
pub(super) fn interface(local: Option<IpAddr>, group: Group) -> Option<IpAddr> {
    let routed = || {
        let probe = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0));
        probe.is_ok_and(|probe| probe.connect(group.rtp()).is_ok())
    };
    local.filter(|local| !local.is_loopback() || (local.is_ipv4() && !routed()))
}

struct Sender {
    shared: Arc<Shared>,
    stream: Arc<Stream>,
    track: Arc<Track>,
    generation: u64,
    group: Group,
    pair: UdpPair,
    stop: CancellationToken,
    ended: CancellationToken,
}

impl Sender {
    async fn run(self) {
        let mut selected = [false; MAX_TRACKS];
        selected[self.track.index] = true;
        let wait = self.shared.config.start_wait;
        let start = Cursor::start(&self.stream, self.generation, selected, wait);
        let mut cursor = tokio::select! {
            () = self.stop.cancelled() => return,
            () = self.shared.cancel.cancelled() => return,
            (cursor, _) = start => cursor,
        };
        let mut report_at: Option<Instant> = None;
        let mut told = false;
        loop {
            let next = tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                () = self.shared.cancel.cancelled() => break,
                () = report_due(report_at) => None,
                next = cursor.next() => Some(next),
            };
            if report_at.is_none() || next.is_none() {
                report_at = Some(Instant::now() + REPORT_INTERVAL);
                if let Some(info) = self.stream.sender_info(&self.track, Instant::now()) {
                    let report = rtcp::sender_report(&info, &self.shared.cname);
                    self.pair.send_rtcp(&report, self.group.rtcp()).await;
                }
            }
            match next {
                None => {}
                Some(Next::Ended) => {
                    self.ended.cancel();
                    break;
                }
                Some(Next::Frame(frame)) => {
                    let sent = self.pair.send_frame(&frame, 0, self.group.rtp()).await;
                    if let Err(error) = sent
                        && !std::mem::replace(&mut told, true)
                    {
                        tracing::warn!(%error, group = %self.group.rtp(), "multicast packets not sent");
                    }
                }
            }
        }
        let bye = rtcp::goodbye(self.track.ssrc, &self.shared.cname);
        self.pair.send_rtcp(&bye, self.group.rtcp()).await;
    }
}

/// Keeps what a session listens to going until it pauses or ends; ends it with its stream.
pub(super) async fn attend(
    shared: Arc<Shared>,
    session: Arc<Session>,
    casts: Vec<Arc<Cast>>,
    playing: CancellationToken,
) {
    // All are of one stream and end together.
    let Some(first) = casts.first() else { return };
    tokio::select! {
        () = playing.cancelled() => {}
        () = shared.cancel.cancelled() => {}
        () = first.ended.cancelled() => shared.registry.end(&session),
    }
}

/// Sends a track to its group without anybody asking, until this is dropped.
#[must_use = "dropping it ends the sending"]
#[derive(Debug)]
pub struct Multicast {
    _stop: DropGuard,
}

impl Multicast {
    pub(super) fn start(
        shared: &Arc<Shared>,
        stream: &Arc<Stream>,
        track: usize,
        via: Option<IpAddr>,
    ) -> Self {
        let stop = CancellationToken::new();
        let keep = keep(shared.clone(), stream.clone(), track, via, stop.clone());
        shared.tasks.spawn(keep);
        Multicast {
            _stop: stop.drop_guard(),
        }
    }
}

/// Holds a track's sender through changes of the stream's codecs.
async fn keep(
    shared: Arc<Shared>,
    stream: Arc<Stream>,
    track: usize,
    via: Option<IpAddr>,
    stop: CancellationToken,
) {
    let _viewer = stream.watch_viewer();
    while let (Some((generation, tracks)), Some(group)) = (stream.tracks(), stream.group(track)) {
        let Some(track) = tracks.get(track) else {
            return;
        };
        let to = (group, via);
        let cast = match shared.casts.join(&shared, &stream, generation, track, to) {
            Ok(cast) => cast,
            Err(error) => {
                tracing::warn!(%error, group = %group.rtp(), stream = stream.name(), "multicast not started");
                return;
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = shared.cancel.cancelled() => return,
            () = cast.ended.cancelled() => {}
        }
    }
}
