//! A video file, played in real time and begun again without a gap.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use gstreamer_video as gst_video;
use lpr_core::MediaTime;
use parking_lot::Mutex;

use super::decode::{Decoder, NO_VIDEO, make, source_caps, video_info};
use super::{Context, SILENCE};
use crate::audio::{Chunk, Line, RATE, chunks_of};
use crate::clock::{MediaClock, Span};
use crate::frame::{FrameKind, RawFrame};
use crate::hub::Incoming;
use crate::stop::StopToken;
use crate::{Error, Result};

/// Decoded frames held ready: they cover the time that going back to the start takes. A 1080p frame has 3 MB.
const AHEAD: usize = 4;
/// Pieces of sound held ready, some 20 ms each.
const SOUND_AHEAD: usize = 50;
/// Sound that may come after the last picture was read.
const TAIL: Duration = Duration::from_secs(2);
/// A player this late (machine asleep, stopped in a debugger) starts its clock anew instead of
/// rushing through what it missed.
const LATE: Duration = Duration::from_secs(1);

/// A decoded frame and its place in the endless film.
struct Ready {
    buffer: gst::Buffer,
    info: gst_video::VideoInfo,
    /// Since the first frame of the first round.
    at: Duration,
    /// First frame of a round.
    seam: bool,
    round: u64,
}

pub(super) fn run(path: &Path, context: &Context) -> Result<()> {
    exists(path)?;
    let (frames, ready) = sync_channel(AHEAD);
    let done = StopToken::default();
    let film = Mutex::new(Reel::default());
    let start = Mutex::new(None);
    let sound = context
        .sound
        .as_ref()
        .map(|line| (line, sync_channel(SOUND_AHEAD)));
    let (sound, heard) = match sound {
        Some((line, (chunks, heard))) => (Some(Sound::new(chunks)), Some((line, heard))),
        None => (None, None),
    };
    std::thread::scope(|scope| {
        if let Some((line, heard)) = heard {
            let (film, start, done, stop) = (&film, &start, &done, &context.stop);
            let player = Listener {
                line,
                film,
                start,
                ended: [done, stop],
                clock: &context.hub.clock,
            };
            std::thread::Builder::new()
                .name("source-sound".into())
                .spawn_scoped(scope, move || player.run(&heard))
                .map_err(|e| Error::pipeline("source", e))?;
        }
        let reader = std::thread::Builder::new()
            .name("source-file".into())
            .spawn_scoped(scope, {
                let (film, done, stop) = (&film, &done, &context.stop);
                move || read(path, &frames, sound, film, [done, stop])
            })
            .map_err(|e| Error::pipeline("source", e))?;
        let played = play(&ready, context, &start);
        done.stop();
        drop(ready);
        match reader.join() {
            Ok(Err(error)) => Err(error),
            Ok(Ok(())) => played,
            Err(_) => Err(Error::Source("the file reader panicked".into())),
        }
    })
}

pub(super) fn exists(path: &Path) -> Result<()> {
    if !path.is_file() {
        let why = if path.exists() {
            "is not a file"
        } else {
            "does not exist"
        };
        return Err(Error::Source(format!("{} {why}", path.display())));
    }
    Ok(())
}

/// Hands frames to the hub when their time has come. `start` is the film's beginning on the media clock.
fn play(
    ready: &Receiver<Ready>,
    context: &Context,
    start: &Mutex<Option<MediaTime>>,
) -> Result<()> {
    let clock = &context.hub.clock;
    loop {
        let frame = match ready.recv_timeout(SILENCE) {
            Ok(frame) => frame,
            Err(RecvTimeoutError::Timeout) => {
                return Err(Error::Source("the file gives no more pictures".into()));
            }
            // The reader ended; its own result says why.
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        };
        let now = clock.now();
        let begin = *start.lock().get_or_insert(now);
        let mut at = begin.plus(frame.at);
        if now.since(at) > LATE {
            at = now;
            // The film's zero moves, so that this frame is due now.
            *start.lock() = Some(MediaTime::from_nanos(
                now.as_nanos()
                    .saturating_sub(u64::try_from(frame.at.as_nanos()).unwrap_or(u64::MAX)),
            ));
        }
        if context.stop.wait(at.since(now)) {
            return Ok(());
        }
        context.loops.store(frame.round, Ordering::Relaxed);
        context.running(source_caps(&frame.info, None));
        let Ready {
            buffer, info, seam, ..
        } = frame;
        context.hub.publish(Incoming {
            buffer,
            info: &info,
            at,
            utc: None,
            kind: FrameKind::Picture,
            discontinuity: seam,
        });
    }
}

/// Decodes round after round into the channel.
fn read(
    path: &Path,
    frames: &SyncSender<Ready>,
    sound: Option<Sound>,
    film: &Mutex<Reel>,
    stops: [&StopToken; 2],
) -> Result<()> {
    let ended = || stops.iter().any(|stop| stop.is_stopped());
    while !ended() {
        let (decoder, sound) = open(path, sound.clone())?;
        loop {
            if !round(&decoder, frames, film, &ended)? {
                return Ok(());
            }
            // What is heard at the end comes after the last picture is seen.
            let begun = Instant::now();
            while sound.as_ref().is_some_and(is_going_on) && begun.elapsed() < TAIL && !ended() {
                std::thread::sleep(Duration::from_millis(4));
            }
            // Going back is quicker than opening again; a file that cannot do it is opened again.
            let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::KEY_UNIT;
            if decoder
                .pipeline
                .seek_simple(flags, gst::ClockTime::ZERO)
                .is_err()
            {
                break;
            }
        }
    }
    Ok(())
}

/// Whether a branch of the decoder has more sound to give.
fn is_going_on(sound: &gst_app::AppSink) -> bool {
    sound.parent().is_some() && !sound.is_eos()
}

fn open(path: &Path, sound: Option<Sound>) -> Result<(Decoder, Option<gst_app::AppSink>)> {
    let source = make("filesrc")?;
    source.set_property("location", path);
    let sink = gst_app::AppSink::builder()
        .sync(false)
        .max_buffers(1)
        .build();
    let sound = sound.map(|mut sound| chunks_of(move |chunk| sound.take(chunk)));
    let decoder = Decoder::new(&source, sink, sound.clone())?;
    decoder.play()?;
    Ok((decoder, sound))
}

/// What comes next from a file.
enum Next {
    Frame(gst::Buffer, gst_video::VideoInfo),
    /// The file is over.
    End,
    /// Told to end.
    Stopped,
}

/// Decoded frames from where the decoder stands to the end of the file.
#[derive(Default)]
struct Frames {
    info: Option<(gst::Caps, gst_video::VideoInfo)>,
}

impl Frames {
    fn next(&mut self, decoder: &Decoder, ended: &dyn Fn() -> bool) -> Result<Next> {
        let mut silent = Duration::ZERO;
        loop {
            if ended() {
                return Ok(Next::Stopped);
            }
            let step = gst::ClockTime::from_mseconds(100);
            let Some(sample) = decoder.sink.try_pull_sample(step) else {
                if let Some(error) = decoder.error() {
                    return Err(error);
                }
                if decoder.sink.is_eos() {
                    return Ok(Next::End);
                }
                silent += Duration::from_millis(100);
                if silent >= SILENCE {
                    return Err(no_video());
                }
                continue;
            };
            silent = Duration::ZERO;
            let Some(caps) = sample.caps_owned() else {
                continue;
            };
            if self.info.as_ref().is_none_or(|(known, _)| *known != caps) {
                self.info = video_info(&sample).map(|info| (caps, info));
            }
            if let (Some((_, info)), Some(buffer)) = (&self.info, sample.buffer_owned()) {
                return Ok(Next::Frame(buffer, info.clone()));
            }
        }
    }
}

/// A video file read once from start to end, as fast as it can be decoded.
///
/// Frames have the times of the file: [`RawFrame::utc`] counts from 1970 on, as if the film had begun then.
pub struct Film {
    decoder: Decoder,
    frames: Frames,
    reel: Reel,
    read: u64,
}

impl Film {
    /// Opens a file in any format that GStreamer decodes.
    ///
    /// # Errors
    /// [`Error::Source`] when there is no such file or GStreamer cannot start, [`Error::Init`] without GStreamer.
    pub fn open(path: &Path) -> Result<Self> {
        crate::init()?;
        exists(path)?;
        let mut reel = Reel::default();
        reel.begin_round();
        Ok(Self {
            decoder: open(path, None)?.0,
            frames: Frames::default(),
            reel,
            read: 0,
        })
    }

    /// The next frame; `None` at the end.
    ///
    /// # Errors
    /// [`Error::Source`] when the file holds no video or is broken here.
    pub fn next_frame(&mut self) -> Result<Option<RawFrame>> {
        loop {
            let Next::Frame(buffer, info) = self.frames.next(&self.decoder, &|| false)? else {
                return if self.read > 0 {
                    Ok(None)
                } else {
                    Err(no_video())
                };
            };
            let Some((at, seam)) = self.reel.place_of(&buffer, &info) else {
                continue;
            };
            let video = gst_video::VideoFrame::from_buffer_readable(buffer, &info)
                .map_err(|_| Error::Source("a decoded frame cannot be read".into()))?;
            self.read += 1;
            return Ok(Some(RawFrame {
                video,
                at: lpr_core::MediaTime::default().plus(at),
                utc: lpr_core::UtcTime::EPOCH + at,
                sequence: self.read - 1,
                kind: FrameKind::Picture,
                discontinuity: seam,
            }));
        }
    }
}

/// Reads to the end of the file; false when told to end.
fn round(
    decoder: &Decoder,
    frames: &SyncSender<Ready>,
    film: &Mutex<Reel>,
    ended: &dyn Fn() -> bool,
) -> Result<bool> {
    let mut source = Frames::default();
    film.lock().begin_round();
    loop {
        let (buffer, info) = match source.next(decoder, ended)? {
            Next::Frame(buffer, info) => (buffer, info),
            Next::End if film.lock().frames_in_round == 0 => return Err(no_video()),
            Next::End => return Ok(true),
            Next::Stopped => return Ok(false),
        };
        let placed = {
            let mut film = film.lock();
            let place = film.place_of(&buffer, &info);
            place.map(|(at, seam)| (at, seam, film.rounds.saturating_sub(1)))
        };
        let Some((at, seam, round)) = placed else {
            continue;
        };
        let mut next = Ready {
            buffer,
            info,
            at,
            seam,
            round,
        };
        loop {
            match frames.try_send(next) {
                Ok(()) => break,
                Err(TrySendError::Disconnected(_)) => return Ok(false),
                Err(TrySendError::Full(back)) => next = back,
            }
            // The player takes a frame every few milliseconds; a blocking send could not be ended.
            if ended() {
                return Ok(false);
            }
            std::thread::sleep(Duration::from_millis(4));
        }
    }
}

fn no_video() -> Error {
    Error::Source(NO_VIDEO.into())
}

fn nominal(info: &gst_video::VideoInfo) -> Duration {
    let fps = info.fps();
    if fps.numer() <= 0 || fps.denom() <= 0 {
        return Duration::from_millis(40);
    }
    Duration::from_secs_f64(f64::from(fps.denom()) / f64::from(fps.numer()))
}

/// Joins the rounds: the time of each frame since the first round's first frame, with no drift.
#[derive(Default)]
struct Reel {
    rounds: u64,
    /// Where this round begins in the film.
    base: Duration,
    /// Where the next round begins.
    end: Duration,
    first_pts: Option<Duration>,
    frames_in_round: u64,
    /// Base and first time of this round, and of that before it, for its sound.
    lately: [Option<Round>; 2],
}

/// Where a round of the file lies in the film.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Round {
    number: u64,
    base: Duration,
    first_pts: Duration,
}

impl Reel {
    fn begin_round(&mut self) {
        self.base = self.end;
        self.first_pts = None;
        self.frames_in_round = 0;
        self.rounds += 1;
    }

    /// Place of a decoded frame; `None` for one without a time.
    fn place_of(
        &mut self,
        buffer: &gst::Buffer,
        info: &gst_video::VideoInfo,
    ) -> Option<(Duration, bool)> {
        let pts = Duration::from_nanos(buffer.pts()?.nseconds());
        let length = buffer
            .duration()
            .map_or_else(|| nominal(info), |d| Duration::from_nanos(d.nseconds()));
        Some(self.place(pts, length))
    }

    /// Place of a frame of the file, and whether it is the first of a round.
    fn place(&mut self, pts: Duration, length: Duration) -> (Duration, bool) {
        let first = *self.first_pts.get_or_insert(pts);
        let seam = self.frames_in_round == 0;
        if seam {
            let now = Round {
                number: self.rounds,
                base: self.base,
                first_pts: first,
            };
            self.lately = [Some(now), self.lately[0]];
        }
        self.frames_in_round += 1;
        let at = self.base + pts.saturating_sub(first);
        self.end = self.end.max(at + length);
        (at, seam)
    }
}

/// Sound of the file on its way to the listener.
#[derive(Clone)]
struct Sound {
    chunks: SyncSender<(u64, Chunk)>,
    /// Rounds that were begun, counting from 1, and the place of the newest chunk.
    place: Arc<Mutex<(u64, u64)>>,
}

impl Sound {
    fn new(chunks: SyncSender<(u64, Chunk)>) -> Self {
        Self {
            chunks,
            place: Arc::new(Mutex::new((0, u64::MAX))),
        }
    }

    /// Waits while the listener has much to do; false when it is gone.
    fn take(&mut self, chunk: Chunk) -> bool {
        let round = {
            let mut place = self.place.lock();
            // Time goes back only where the file begins again.
            if chunk.pts < place.1 {
                place.0 += 1;
            }
            place.1 = chunk.pts;
            place.0
        };
        self.chunks.send((round, chunk)).is_ok()
    }
}

/// Gives sound to the line when its time has come, at the place of the pictures of its round.
struct Listener<'a> {
    line: &'a Line,
    film: &'a Mutex<Reel>,
    start: &'a Mutex<Option<MediaTime>>,
    ended: [&'a StopToken; 2],
    clock: &'a MediaClock,
}

impl Listener<'_> {
    fn run(&self, heard: &Receiver<(u64, Chunk)>) {
        loop {
            match heard.recv_timeout(Duration::from_millis(100)) {
                Ok((round, chunk)) => {
                    if !self.play(round, &chunk) {
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout) if !self.is_over() => {}
                Err(_) => return,
            }
        }
    }

    fn is_over(&self) -> bool {
        self.ended.iter().any(|stop| stop.is_stopped())
    }

    /// False when told to end.
    fn play(&self, round: u64, chunk: &Chunk) -> bool {
        // Its first picture may be on its way.
        let (place, start) = loop {
            if self.is_over() {
                return false;
            }
            let newest = self.film.lock().lately[0].map_or(0, |r| r.number);
            let place = self.film.lock().round(round);
            match (place, *self.start.lock()) {
                (Some(place), Some(start)) => break (place, start),
                (None, _) if newest > round => return true,
                _ => std::thread::sleep(Duration::from_millis(4)),
            }
        };
        let (skip, at) = place.of(chunk.pts);
        let begins = start.plus(at);
        loop {
            let wait = begins.since(self.clock.now());
            if wait.is_zero() {
                break;
            }
            if self.is_over() {
                return false;
            }
            std::thread::sleep(wait.min(Duration::from_millis(20)));
        }
        // A sound that is longer than the pictures ends with them.
        let until = self.film.lock().round(round + 1).map(|next| next.base);
        let samples = chunk.samples.get(skip..).unwrap_or_default();
        let whole = samples.len();
        let left = until.map_or(whole, |end| samples_in(end.saturating_sub(at)).min(whole));
        self.line.push(begins, &samples[..left]);
        true
    }
}

impl Reel {
    fn round(&self, number: u64) -> Option<Round> {
        self.lately
            .into_iter()
            .flatten()
            .find(|round| round.number == number)
    }
}

impl Round {
    /// Samples to leave out because they come before the first picture, and the place of the next in the film.
    fn of(self, pts: u64) -> (usize, Duration) {
        let pts = Duration::from_nanos(pts);
        let before = self.first_pts.saturating_sub(pts);
        let at = self.base + pts.saturating_sub(self.first_pts);
        (samples_in(before), at)
    }
}

fn samples_in(time: Duration) -> usize {
    usize::try_from(time.as_nanos() * u128::from(RATE) / 1_000_000_000).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_lies_beside_the_pictures_of_its_round() {
        let mut film = Reel::default();
        let frame = Duration::from_millis(40);
        for _ in 0..3 {
            film.begin_round();
            // The first picture is at 80 ms, ten of them.
            (2..12).for_each(|n| {
                film.place(frame * n, frame);
            });
        }
        assert_eq!(film.round(1), None);
        let (second, third) = (film.round(2).unwrap(), film.round(3).unwrap());
        assert_eq!(third.base, frame * 20);
        assert_eq!(second.of(0), (3840, frame * 10), "80 ms are left out");
        assert_eq!(
            second.of(100_000_000),
            (0, frame * 10 + Duration::from_millis(20))
        );
    }

    #[test]
    fn rounds_of_sound_are_told_by_time_that_goes_back() {
        let (chunks, heard) = sync_channel(10);
        let mut sound = Sound::new(chunks);
        for pts in [0, 20, 40, 0, 20, 10, 30] {
            let samples = Vec::new();
            assert!(sound.take(Chunk { pts, samples }));
        }
        let rounds: Vec<u64> = heard.try_iter().map(|(round, _)| round).collect();
        assert_eq!(rounds, [1, 1, 1, 2, 2, 3, 3]);
        drop(heard);
        let samples = Vec::new();
        assert!(!sound.take(Chunk { pts: 50, samples }));
    }

    #[test]
    fn rounds_join_without_gap_or_drift() {
        let mut film = Reel::default();
        let frame = Duration::from_nanos(33_366_667);
        let mut places = Vec::new();
        for _ in 0..1000 {
            film.begin_round();
            // A file whose first frame is not at zero, as B frames leave it.
            places.extend((2..32).map(|n| film.place(frame * n, frame)));
        }
        for (n, (at, seam)) in places.iter().enumerate() {
            assert_eq!(*at, frame * u32::try_from(n).unwrap());
            assert_eq!(*seam, n % 30 == 0);
        }
    }
}
