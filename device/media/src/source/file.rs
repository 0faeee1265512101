//! A video file, played in real time and begun again without a gap.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use gstreamer_video as gst_video;

use super::decode::{Decoder, NO_VIDEO, make, source_caps, video_info};
use super::{Context, SILENCE};
use crate::clock::Span;
use crate::frame::{FrameKind, RawFrame};
use crate::hub::Incoming;
use crate::stop::StopToken;
use crate::{Error, Result};

/// Decoded frames held ready: they cover the time that going back to the start takes. A 1080p frame has 3 MB.
const AHEAD: usize = 4;
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
    std::thread::scope(|scope| {
        let reader = std::thread::Builder::new()
            .name("source-file".into())
            .spawn_scoped(scope, {
                let (done, stop) = (&done, &context.stop);
                move || read(path, &frames, done, stop)
            })
            .map_err(|e| Error::pipeline("source", e))?;
        let played = play(&ready, context);
        done.stop();
        drop(ready);
        match reader.join() {
            Ok(Err(error)) => Err(error),
            Ok(Ok(())) => played,
            Err(_) => Err(Error::Source("the file reader panicked".into())),
        }
    })
}

fn exists(path: &Path) -> Result<()> {
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

/// Hands frames to the hub when their time has come.
fn play(ready: &Receiver<Ready>, context: &Context) -> Result<()> {
    let clock = &context.hub.clock;
    let mut start = None;
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
        let begin = *start.get_or_insert(now);
        let mut at = begin.plus(frame.at);
        if now.since(at) > LATE {
            at = now;
            // The film's zero moves, so that this frame is due now.
            start = Some(lpr_core::MediaTime::from_nanos(
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
fn read(path: &Path, frames: &SyncSender<Ready>, done: &StopToken, stop: &StopToken) -> Result<()> {
    let ended = || done.is_stopped() || stop.is_stopped();
    let mut film = Reel::default();
    while !ended() {
        let decoder = open(path)?;
        loop {
            if !round(&decoder, frames, &mut film, &ended)? {
                return Ok(());
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

fn open(path: &Path) -> Result<Decoder> {
    let source = make("filesrc")?;
    source.set_property("location", path);
    let sink = gst_app::AppSink::builder()
        .sync(false)
        .max_buffers(1)
        .build();
    let decoder = Decoder::new(&source, sink)?;
    decoder.play()?;
    Ok(decoder)
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
            decoder: open(path)?,
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
    film: &mut Reel,
    ended: &dyn Fn() -> bool,
) -> Result<bool> {
    let mut source = Frames::default();
    film.begin_round();
    loop {
        let (buffer, info) = match source.next(decoder, ended)? {
            Next::Frame(buffer, info) => (buffer, info),
            Next::End if film.frames_in_round == 0 => return Err(no_video()),
            Next::End => return Ok(true),
            Next::Stopped => return Ok(false),
        };
        let Some((at, seam)) = film.place_of(&buffer, &info) else {
            continue;
        };
        let mut next = Ready {
            buffer,
            info,
            at,
            seam,
            round: film.rounds.saturating_sub(1),
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
        self.frames_in_round += 1;
        let at = self.base + pts.saturating_sub(first);
        self.end = self.end.max(at + length);
        (at, seam)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
