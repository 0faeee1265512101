//! Live streams: packetised once, shared by all viewers.

mod cursor;
mod key;
mod ring;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

pub(crate) use cursor::{Cursor, Next, StartPoint};

use crate::error::MediaError;
use crate::group::Group;
use crate::media::{AccessUnit, Codec, StreamConfig, TrackConfig, ticks};
use crate::packet::{Frame, FrameBuilder, Packetizer, Parameters};
use crate::random;
use ring::Ring;

/// Most tracks of one stream: their interleaved channels and `trackID`s stay one digit.
pub(crate) const MAX_TRACKS: usize = 8;

/// What a stream asks of its producer. Both calls come from any thread, also from inside
/// [`TrackSink::push`], and must be quick.
pub trait StreamHooks: Send + Sync + 'static {
    /// A viewer needs a frame to start with: force a key frame (and send the current metadata document,
    /// if the stream has such a track). At most two calls a second.
    fn key_frame_wanted(&self) {}

    /// Somebody came or left; `viewers` counts sessions and pending DESCRIBE requests.
    fn viewers_changed(&self, viewers: usize) {
        let _ = viewers;
    }
}

impl StreamHooks for () {}

/// One live stream: its tracks, and the last second of packetised frames.
pub struct Stream {
    id: u64,
    hooks: Arc<dyn StreamHooks>,
    state: Mutex<State>,
    /// Index of the next frame; also touched when the stream ends or is reconfigured.
    head: watch::Sender<u64>,
    viewers: AtomicUsize,
    key: key::KeyRequests,
    /// By track.
    groups: Mutex<[Option<Group>; MAX_TRACKS]>,
}

struct State {
    config: StreamConfig,
    /// Counts reconfigurations that viewers cannot follow; `None` once closed.
    generation: Option<u64>,
    tracks: Vec<Arc<Track>>,
    counters: Vec<Counters>,
    ring: Ring,
    clock: Option<ClockPoint>,
}

/// The fixed part of a track.
pub(crate) struct Track {
    pub(crate) index: usize,
    pub(crate) codec: Codec,
    pub(crate) ssrc: u32,
    /// RTP time of media time zero.
    offset: u32,
    /// Held over packetising and appending, so that sequence numbers reach the ring in order.
    packetizer: Mutex<Packetizer>,
}

/// The moving part of a track: what the next sender report and the next packet will say.
#[derive(Clone, Copy)]
struct Counters {
    next_seq: u16,
    packets: u32,
    octets: u32,
}

/// Joins media time, capture time and the local clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClockPoint {
    pub(crate) pts: Duration,
    pub(crate) utc: SystemTime,
    pub(crate) at: Instant,
}

/// Contents of a sender report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SenderInfo {
    pub(crate) ssrc: u32,
    pub(crate) utc: SystemTime,
    pub(crate) rtp_time: u32,
    pub(crate) packets: u32,
    pub(crate) octets: u32,
}

/// What DESCRIBE needs.
#[derive(Clone, Debug)]
pub(crate) struct Description {
    pub(crate) id: u64,
    pub(crate) generation: u64,
    pub(crate) name: String,
    pub(crate) tracks: Vec<(Codec, Parameters)>,
}

impl Track {
    pub(crate) fn rtp_time(&self, pts: Duration) -> u32 {
        self.offset
            .wrapping_add(ticks(pts, self.codec.clock_rate()))
    }
}

impl Stream {
    /// Makes a stream without frames.
    ///
    /// # Errors
    /// [`MediaError::Tracks`] unless there are 1 to 8 tracks.
    pub fn new(
        config: StreamConfig,
        hooks: Arc<dyn StreamHooks>,
    ) -> Result<Arc<Stream>, MediaError> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let (tracks, counters) = make_tracks(&config.tracks)?;
        Ok(Arc::new(Stream {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            hooks,
            state: Mutex::new(State {
                config,
                generation: Some(0),
                tracks,
                counters,
                ring: Ring::default(),
                clock: None,
            }),
            head: watch::Sender::new(0),
            viewers: AtomicUsize::new(0),
            key: key::KeyRequests::default(),
            groups: Mutex::default(),
        }))
    }

    /// The producer's end of a track.
    ///
    /// # Errors
    /// [`MediaError::NoTrack`] for a number out of range, [`MediaError::Stale`] after [`Stream::close`].
    pub fn sink(self: &Arc<Self>, track: usize) -> Result<TrackSink, MediaError> {
        let state = self.state.lock();
        let generation = state.generation.ok_or(MediaError::Stale)?;
        let found = state.tracks.get(track).ok_or(MediaError::NoTrack {
            track,
            tracks: state.tracks.len(),
        })?;
        Ok(TrackSink {
            stream: self.clone(),
            track: found.clone(),
            generation,
        })
    }

    /// Takes a new set of tracks. Where the codecs stay the same nothing happens but a new name: another
    /// resolution, rate or profile reaches viewers in band with the next key frame. Where they change,
    /// running sessions of this stream end with BYE, and old sinks answer [`MediaError::Stale`].
    ///
    /// # Errors
    /// [`MediaError::Tracks`] unless there are 1 to 8 tracks, [`MediaError::Stale`] after [`Stream::close`].
    pub fn reconfigure(&self, config: StreamConfig) -> Result<(), MediaError> {
        let (tracks, counters) = make_tracks(&config.tracks)?;
        let mut state = self.state.lock();
        let generation = state.generation.ok_or(MediaError::Stale)?;
        let same = state.config.tracks == config.tracks;
        state.config = config;
        if !same {
            state.generation = Some(generation + 1);
            state.tracks = tracks;
            state.counters = counters;
            state.ring.clear();
            drop(state);
            self.head.send_modify(|_| ());
        }
        Ok(())
    }

    /// Ends the stream: sessions end with BYE, sinks answer [`MediaError::Stale`].
    pub fn close(&self) {
        let mut state = self.state.lock();
        state.generation = None;
        state.ring.clear();
        drop(state);
        self.head.send_modify(|_| ());
    }

    /// Sessions that have the stream set up.
    pub fn viewers(&self) -> usize {
        self.viewers.load(Ordering::Relaxed)
    }

    /// Name from the configuration.
    pub fn name(&self) -> String {
        self.state.lock().config.name.clone()
    }

    /// Asks the producer for a key frame (ONVIF SetSynchronizationPoint); at most two a second get through,
    /// a third waits its turn.
    pub fn request_key_frame(&self) {
        if self.key.request(Instant::now()) {
            self.hooks.key_frame_wanted();
        }
    }

    /// Where the tracks go by multicast, in their order; a track without a group is not given by multicast. Sessions
    /// and a [`Multicast`](crate::Multicast) that run keep the groups they began with.
    pub fn set_groups(&self, groups: &[Option<Group>]) {
        let mut all = [None; MAX_TRACKS];
        for (place, group) in all.iter_mut().zip(groups) {
            *place = *group;
        }
        *self.groups.lock() = all;
    }

    pub(crate) fn group(&self, track: usize) -> Option<Group> {
        self.groups.lock().get(track).copied().flatten()
    }

    /// Told of every new frame, and of the end.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Counts one viewer until the guard is dropped.
    pub(crate) fn watch_viewer(self: &Arc<Self>) -> ViewerGuard {
        let now = self.viewers.fetch_add(1, Ordering::Relaxed) + 1;
        self.hooks.viewers_changed(now);
        ViewerGuard(self.clone())
    }

    /// Tracks and their parameter sets; waits up to `wait` for the sets when the stream is new. `None` once closed.
    pub(crate) async fn describe(self: &Arc<Self>, wait: Duration) -> Option<Description> {
        let _viewer = self.watch_viewer();
        let mut head = self.head.subscribe();
        let deadline = Instant::now() + wait;
        loop {
            head.borrow_and_update();
            let description = self.description()?;
            let complete = description
                .tracks
                .iter()
                .all(|(codec, sets)| sets.is_complete(*codec));
            if complete {
                return Some(description);
            }
            self.request_key_frame();
            match tokio::time::timeout_at(deadline, head.changed()).await {
                Ok(Ok(())) => {}
                _ => return Some(description),
            }
        }
    }

    fn description(&self) -> Option<Description> {
        let (generation, name, tracks) = {
            let state = self.state.lock();
            (
                state.generation?,
                state.config.name.clone(),
                state.tracks.clone(),
            )
        };
        // Not under the state lock: push takes the packetiser's lock first.
        let tracks = tracks
            .iter()
            .map(|track| (track.codec, track.packetizer.lock().parameters().clone()))
            .collect();
        Some(Description {
            id: self.id,
            generation,
            name,
            tracks,
        })
    }

    /// Tracks and generation now; `None` once closed.
    pub(crate) fn tracks(&self) -> Option<(u64, Vec<Arc<Track>>)> {
        let state = self.state.lock();
        Some((state.generation?, state.tracks.clone()))
    }

    /// What a sender report of `track` says at `now`; `None` before the first frame.
    ///
    /// The capture clock is carried on from the last frame, so that a report between two frames, or of a
    /// track that is silent, still joins RTP time and capture time exactly.
    pub(crate) fn sender_info(&self, track: &Track, now: Instant) -> Option<SenderInfo> {
        let state = self.state.lock();
        let clock = state.clock?;
        let counters = state.counters.get(track.index)?;
        let since = now.saturating_duration_since(clock.at);
        Some(SenderInfo {
            ssrc: track.ssrc,
            utc: clock.utc.checked_add(since)?,
            rtp_time: track.rtp_time(clock.pts + since),
            packets: counters.packets,
            octets: counters.octets,
        })
    }

    /// Adds a frame; true when the producer is to be asked for a key frame.
    fn append(&self, generation: u64, frame: Frame) -> Result<bool, MediaError> {
        let now = Instant::now();
        let (video, key) = (frame.video, frame.key);
        let head = {
            let mut state = self.state.lock();
            if state.generation != Some(generation) {
                return Err(MediaError::Stale);
            }
            let has_video = state.tracks.iter().any(|track| track.codec.is_video());
            if video || !has_video {
                state.clock = Some(ClockPoint {
                    pts: frame.pts,
                    utc: frame.utc,
                    at: frame.pushed,
                });
            }
            if let Some(counters) = state.counters.get_mut(frame.track) {
                counters.next_seq = frame.next_seq();
                counters.packets = counters.packets.wrapping_add(frame.packets.len() as u32);
                counters.octets = counters.octets.wrapping_add(frame.payload_bytes() as u32);
            }
            state.ring.push(Arc::new(frame), now)
        };
        self.head.send_replace(head);
        Ok(video && self.key.pushed(key, now))
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("id", &self.id)
            .field("viewers", &self.viewers())
            .finish_non_exhaustive()
    }
}

fn make_tracks(configs: &[TrackConfig]) -> Result<(Vec<Arc<Track>>, Vec<Counters>), MediaError> {
    if configs.is_empty() || configs.len() > MAX_TRACKS {
        return Err(MediaError::Tracks {
            tracks: configs.len(),
        });
    }
    for config in configs {
        if let Codec::Aac { rate, channels } = config.codec
            && !(Codec::AAC_RATES.contains(&rate) && (1..=2).contains(&channels))
        {
            return Err(MediaError::Aac { rate, channels });
        }
    }
    let first_ssrc = random::weak_u32();
    let tracks = configs.iter().enumerate().map(|(index, config)| {
        Arc::new(Track {
            index,
            codec: config.codec,
            // One SSRC per track and never two alike: some recorders restart a session otherwise.
            ssrc: first_ssrc.wrapping_add(index as u32 * 0x0101_0101),
            offset: random::weak_u32(),
            packetizer: Mutex::new(Packetizer::new(config.codec)),
        })
    });
    let counters = configs.iter().map(|_| Counters {
        next_seq: random::weak_u32() as u16,
        packets: 0,
        octets: 0,
    });
    Ok((tracks.collect(), counters.collect()))
}

/// Keeps one viewer counted.
pub(crate) struct ViewerGuard(Arc<Stream>);

impl Drop for ViewerGuard {
    fn drop(&mut self) {
        let now = self.0.viewers.fetch_sub(1, Ordering::Relaxed) - 1;
        self.0.hooks.viewers_changed(now);
    }
}

/// The producer's end of one track.
#[derive(Clone)]
pub struct TrackSink {
    stream: Arc<Stream>,
    track: Arc<Track>,
    generation: u64,
}

impl TrackSink {
    /// Packetises an access unit and gives it to all viewers. Never waits for a viewer.
    ///
    /// # Errors
    /// [`MediaError::Stale`] after a reconfiguration or the end of the stream; the others say what is wrong
    /// with `unit`, which is then dropped.
    pub fn push(&self, unit: &AccessUnit) -> Result<(), MediaError> {
        let track = &self.track;
        let mut packetizer = track.packetizer.lock();
        let seq = {
            let state = self.stream.state.lock();
            if state.generation != Some(self.generation) {
                return Err(MediaError::Stale);
            }
            state
                .counters
                .get(track.index)
                .ok_or(MediaError::Stale)?
                .next_seq
        };
        let mut builder = FrameBuilder::new(
            track.index as u8 * 2,
            track.codec.payload_type(),
            track.ssrc,
            seq,
            track.rtp_time(unit.pts),
            unit.data.len(),
        );
        let key = packetizer.packetize(unit, &mut builder)?;
        let (wire, packets) = builder.finish(track.codec.marks_last_packet());
        let frame = Frame {
            track: track.index,
            key,
            video: track.codec.is_video(),
            wire,
            packets,
            first_seq: seq,
            pts: unit.pts,
            utc: unit.utc,
            pushed: Instant::now(),
        };
        let wanted = self.stream.append(self.generation, frame)?;
        drop(packetizer);
        if wanted {
            self.stream.hooks.key_frame_wanted();
        }
        Ok(())
    }

    /// The stream this belongs to.
    pub fn stream(&self) -> &Arc<Stream> {
        &self.stream
    }
}

impl fmt::Debug for TrackSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrackSink({}, {:?})", self.track.index, self.track.codec)
    }
}
