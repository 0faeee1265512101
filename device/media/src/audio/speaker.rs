//! Loudspeakers: ALSA's, and one that writes down what it plays.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;

use crate::source::make;
use crate::{Error, Result};

/// What sound comes out of.
pub trait Speaker: Send + Sync {
    /// Why there is none; `None` when there is.
    fn unavailable(&self) -> Option<String>;

    /// Opens it for so many samples a second, one channel.
    ///
    /// # Errors
    /// [`Error::Pipeline`] and [`Error::Source`] when it cannot be opened.
    fn open(&self, rate: u32) -> Result<Box<dyn SpeakerLine>>;
}

/// An open loudspeaker; dropping it closes it, and what was not heard yet is lost.
pub trait SpeakerLine: Send {
    /// Plays samples after those that were played before. They come in their time; this does not wait.
    ///
    /// # Errors
    /// [`Error::Source`] when the loudspeaker takes nothing any more.
    fn play(&mut self, samples: &[i16]) -> Result<()>;

    /// Waits until all of it was heard.
    fn finish(&mut self);
}

/// The loudspeaker of this machine, by ALSA.
#[derive(Debug)]
pub struct AlsaSpeaker {
    /// Name of the device as ALSA knows it; without one it is ALSA's default, if the machine has any output.
    pub device: Option<String>,
}

/// Milliseconds of silence before the first sound: what waits at the device from then on, so that a busy processor is
/// not heard.
const AHEAD_MS: u32 = 80;
/// Milliseconds that may wait before more is left out.
const MOST_MS: u32 = 1000;
/// The last sound is heard within this time, or is given up.
const LAST: gst::ClockTime = gst::ClockTime::from_seconds(3);

impl Speaker for AlsaSpeaker {
    fn unavailable(&self) -> Option<String> {
        let pcm = || std::fs::read_to_string("/proc/asound/pcm").unwrap_or_default();
        // Devices with a name of their own need no card: ALSA's plug-ins.
        let there = self.device.is_some() || pcm().contains("playback");
        (!there).then(|| "this unit has no audio output".into())
    }

    fn open(&self, rate: u32) -> Result<Box<dyn SpeakerLine>> {
        let device = self.device.as_deref().unwrap_or("default");
        let failed = |e: gst::glib::BoolError| Error::pipeline("audio output", e);
        let caps = gst::Caps::builder("audio/x-raw")
            .field("format", "S16LE")
            .field("layout", "interleaved")
            .field("rate", i32::try_from(rate).unwrap_or(i32::MAX))
            .field("channels", 1i32)
            .build();
        let source = gst_app::AppSrc::builder()
            .caps(&caps)
            .format(gst::Format::Time)
            .is_live(true)
            .build();
        let (convert, resample) = (make("audioconvert")?, make("audioresample")?);
        let sink = make("alsasink")?;
        sink.set_property("device", device);
        // One sample after the other, as they come: by its clock, a card that takes much at once loses what comes next.
        sink.set_property("sync", false);
        sink.set_property("provide-clock", false);
        let pipeline = gst::Pipeline::new();
        let chain = [source.upcast_ref(), &convert, &resample, &sink];
        pipeline.add_many(chain).map_err(failed)?;
        gst::Element::link_many(chain).map_err(failed)?;
        pipeline.use_clock(Some(&gst::SystemClock::obtain()));
        let mut line = AlsaLine {
            pipeline,
            source,
            rate: rate.max(1),
            next: gst::ClockTime::ZERO,
        };
        if line.pipeline.set_state(gst::State::Playing).is_err() {
            let unknown = || Error::Source(format!("{device} cannot be opened"));
            return Err(line.error().unwrap_or_else(unknown));
        }
        line.play(&vec![0; line.samples_of(AHEAD_MS)])?;
        Ok(Box::new(line))
    }
}

struct AlsaLine {
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    rate: u32,
    /// Time of the next sample.
    next: gst::ClockTime,
}

impl AlsaLine {
    fn samples_of(&self, millis: u32) -> usize {
        (u64::from(self.rate) * u64::from(millis) / 1000) as usize
    }

    fn error(&self) -> Option<Error> {
        let message = self
            .pipeline
            .bus()?
            .pop_filtered(&[gst::MessageType::Error])?;
        match message.view() {
            gst::MessageView::Error(error) => Some(Error::Source(error.error().to_string())),
            _ => None,
        }
    }
}

impl SpeakerLine for AlsaLine {
    fn play(&mut self, samples: &[i16]) -> Result<()> {
        if let Some(error) = self.error() {
            return Err(error);
        }
        if self.source.current_level_bytes() > 2 * self.samples_of(MOST_MS) as u64 {
            return Ok(());
        }
        let at = self.next;
        let bytes: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
        let mut buffer = gst::Buffer::from_mut_slice(bytes);
        let length = gst::ClockTime::from_nseconds(
            samples.len() as u64 * 1_000_000_000 / u64::from(self.rate),
        );
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(at);
            buffer.set_duration(length);
        }
        self.next = at + length;
        let pushed = self.source.push_buffer(buffer);
        pushed.map(drop).map_err(|_| {
            let unknown = || Error::Source("the audio output takes nothing".into());
            self.error().unwrap_or_else(unknown)
        })
    }

    fn finish(&mut self) {
        let ends = [gst::MessageType::Eos, gst::MessageType::Error];
        if self.source.end_of_stream().is_ok()
            && let Some(bus) = self.pipeline.bus()
        {
            let _ = bus.timed_pop_filtered(LAST, &ends);
        }
    }
}

impl Drop for AlsaLine {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// A loudspeaker that writes down what it plays, S16LE: for machines without one. Each opening begins anew.
#[derive(Debug)]
pub struct FileSpeaker {
    /// The file.
    pub path: PathBuf,
}

/// What such a file may grow to.
const FILE_SAMPLES: usize = 8_000 * 600;

impl Speaker for FileSpeaker {
    fn unavailable(&self) -> Option<String> {
        None
    }

    fn open(&self, _rate: u32) -> Result<Box<dyn SpeakerLine>> {
        let file = File::create(&self.path)
            .map_err(|e| Error::Source(format!("{}: {e}", self.path.display())))?;
        Ok(Box::new(FileLine { file, written: 0 }))
    }
}

struct FileLine {
    file: File,
    written: usize,
}

impl SpeakerLine for FileLine {
    fn play(&mut self, samples: &[i16]) -> Result<()> {
        if self.written < FILE_SAMPLES {
            self.written += samples.len();
            let bytes: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
            let written = self.file.write_all(&bytes);
            return written.map_err(|e| Error::Source(e.to_string()));
        }
        Ok(())
    }

    fn finish(&mut self) {}
}
