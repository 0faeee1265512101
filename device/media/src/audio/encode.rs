//! The encoder: 48 kHz samples in, packets of a codec out.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use lpr_core::MediaTime;

use super::line::Block;
use super::{AudioCodec, AudioEncoding, RATE, element};
use crate::clock::Span;
use crate::{Error, Result, chain};

/// Bytes of a packet of G.711: 20 ms.
const G711_PACKET: usize = 160;
/// A packet of G.711 keeps its place in the row unless the encoder's time is off by more.
const G711_LOOSE: Duration = Duration::from_millis(5);

/// A pipeline that encodes. Dropping it stops its threads.
pub(super) struct Encoder {
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    sink: gst_app::AppSink,
    /// What the codec puts before the first sample.
    delay: Duration,
    g711: Option<G711>,
    last: Option<MediaTime>,
}

/// Encoders of AAC, better ones first.
const AAC: &[&str] = &["avenc_aac", "voaacenc"];

impl AudioCodec {
    /// Whether an encoder for it is installed.
    #[must_use]
    pub fn is_available(self) -> bool {
        let names: &[&str] = match self {
            Self::Pcmu => &["mulawenc"],
            Self::Pcma => &["alawenc"],
            Self::Aac { .. } => AAC,
            Self::Opus => &["opusenc"],
        };
        names
            .iter()
            .any(|name| gst::ElementFactory::find(name).is_some())
    }

    fn rate(self) -> u32 {
        match self {
            Self::Pcmu | Self::Pcma => 8_000,
            Self::Aac { rate } => rate,
            Self::Opus => 48_000,
        }
    }
}

fn raw(rate: u32) -> gst::Caps {
    gst::Caps::builder("audio/x-raw")
        .field("rate", rate as i32)
        .field("channels", 1i32)
        .build()
}

impl Encoder {
    pub(super) fn new(encoding: AudioEncoding) -> Result<Self> {
        let codec = encoding.codec;
        let bits = i32::try_from(encoding.kbps * 1000).unwrap_or(64_000);
        let (encoder, out, delay) = match codec {
            AudioCodec::Pcmu => (
                element("audio encoder", &["mulawenc"])?,
                "audio/x-mulaw",
                Duration::ZERO,
            ),
            AudioCodec::Pcma => (
                element("audio encoder", &["alawenc"])?,
                "audio/x-alaw",
                Duration::ZERO,
            ),
            AudioCodec::Opus => {
                let opus = element("audio encoder", &["opusenc"])?;
                opus.set_property("bitrate", bits);
                (opus, "audio/x-opus", Duration::from_micros(6_500))
            }
            AudioCodec::Aac { rate } => {
                let aac = element("audio encoder", AAC)?;
                aac.set_property_from_str("bitrate", &bits.to_string());
                // One frame is put before the first.
                let delay = Duration::from_nanos(1024 * 1_000_000_000 / u64::from(rate));
                (aac, "audio/mpeg", delay)
            }
        };
        let source = gst_app::AppSrc::builder()
            .caps(
                &gst::Caps::builder("audio/x-raw")
                    .field("format", "S16LE")
                    .field("layout", "interleaved")
                    .field("rate", RATE as i32)
                    .field("channels", 1i32)
                    .build(),
            )
            .format(gst::Format::Time)
            .build();
        let caps = match codec {
            AudioCodec::Aac { .. } => gst::Caps::builder(out)
                .field("mpegversion", 4i32)
                .field("stream-format", "raw")
                .build(),
            _ => gst::Caps::builder(out).build(),
        };
        let sink = gst_app::AppSink::builder()
            .caps(&caps)
            .sync(false)
            .max_buffers(200)
            .drop(true)
            .build();
        let resample = element("audio encoder", &["audioresample"])?;
        let convert = element("audio encoder", &["audioconvert"])?;
        let filter = element("audio encoder", &["capsfilter"])?;
        filter.set_property("caps", raw(codec.rate()));
        let chain = [
            source.upcast_ref(),
            &resample,
            &convert,
            &filter,
            &encoder,
            sink.upcast_ref(),
        ];
        let pipeline = chain::playing("audio encoder", &chain)?;
        let g711 = matches!(codec, AudioCodec::Pcmu | AudioCodec::Pcma).then(G711::default);
        Ok(Self {
            pipeline,
            source,
            sink,
            delay,
            g711,
            last: None,
        })
    }

    /// Gives the encoder 20 ms.
    pub(super) fn push(&self, block: &Block) -> Result<()> {
        let bytes: Vec<u8> = block
            .samples
            .iter()
            .flat_map(|sample| sample.to_le_bytes())
            .collect();
        let mut buffer = gst::Buffer::from_mut_slice(bytes);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(gst::ClockTime::from_nseconds(block.at.as_nanos()));
            buffer.set_duration(gst::ClockTime::from_mseconds(20));
        }
        let pushed = self.source.push_buffer(buffer);
        match self.error() {
            Some(error) => Err(error),
            None => pushed
                .map(drop)
                .map_err(|e| Error::pipeline("audio encoder", e)),
        }
    }

    /// What is encoded by now: when its first sample was heard, and the bytes.
    pub(super) fn take(&mut self) -> Vec<(MediaTime, Bytes)> {
        let mut units = Vec::new();
        while let Some(sample) = self.sink.try_pull_sample(gst::ClockTime::ZERO) {
            let Some(buffer) = sample.buffer() else {
                continue;
            };
            let (Some(pts), Ok(data)) = (buffer.pts(), buffer.map_readable()) else {
                continue;
            };
            let at = MediaTime::from_nanos(pts.nseconds());
            match &mut self.g711 {
                Some(g711) => units.extend(g711.cut(at, &data)),
                None => {
                    let nanos = at.as_nanos().saturating_sub(self.delay.as_nanos() as u64);
                    units.push((MediaTime::from_nanos(nanos), Bytes::copy_from_slice(&data)));
                }
            }
        }
        units.retain(|(at, _)| {
            let forward = self.last.is_none_or(|last| *at > last);
            if forward {
                self.last = Some(*at);
            }
            forward
        });
        units
    }

    fn error(&self) -> Option<Error> {
        let message = self
            .pipeline
            .bus()?
            .pop_filtered(&[gst::MessageType::Error])?;
        match message.view() {
            gst::MessageView::Error(error) => Some(Error::pipeline("audio encoder", error.error())),
            _ => None,
        }
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// Cuts G.711 into packets of 20 ms.
#[derive(Default)]
struct G711 {
    /// When the first waiting sample was heard: `origin` and the samples since.
    origin: Option<MediaTime>,
    samples: u64,
    waiting: VecDeque<u8>,
}

impl G711 {
    fn time_of(&self, sample: u64) -> MediaTime {
        let since = Duration::from_nanos(sample * 125_000);
        self.origin.unwrap_or_default().plus(since)
    }

    fn cut(&mut self, at: MediaTime, data: &[u8]) -> Vec<(MediaTime, Bytes)> {
        let expected = self.time_of(self.samples + self.waiting.len() as u64);
        let off = expected.since(at).max(at.since(expected));
        if self.origin.is_none() || off > G711_LOOSE {
            self.origin = Some(at);
            self.samples = 0;
            self.waiting.clear();
        }
        self.waiting.extend(data);
        let mut units = Vec::new();
        while self.waiting.len() >= G711_PACKET {
            let at = self.time_of(self.samples);
            self.samples += G711_PACKET as u64;
            units.push((at, self.waiting.drain(..G711_PACKET).collect()));
        }
        units
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Instant;

    use super::*;

    const ALL: [AudioCodec; 7] = [
        AudioCodec::Pcmu,
        AudioCodec::Pcma,
        AudioCodec::Aac { rate: 8_000 },
        AudioCodec::Aac { rate: 16_000 },
        AudioCodec::Aac { rate: 32_000 },
        AudioCodec::Aac { rate: 48_000 },
        AudioCodec::Opus,
    ];

    /// 2 s of silence with 10 ms of 1 kHz from 1 s on.
    fn beep() -> Vec<i16> {
        let mut sound = vec![0i16; 2 * RATE as usize];
        for n in 0..480 {
            let turn = f64::from(n) / 48.0 * std::f64::consts::TAU;
            sound[RATE as usize + n as usize] = (turn.sin() * 20_000.0) as i16;
        }
        sound
    }

    /// Encodes `sound`, whose first sample was heard at 5 s.
    pub(in crate::audio) fn encode(codec: AudioCodec, sound: &[i16]) -> Vec<(MediaTime, Bytes)> {
        crate::init().unwrap();
        let mut encoder = Encoder::new(AudioEncoding { codec, kbps: 64 }).unwrap();
        let blocks = sound.chunks_exact(960).enumerate();
        for (n, samples) in blocks {
            let at = MediaTime::from_nanos(5_000_000_000 + n as u64 * 20_000_000);
            let samples = samples.to_vec();
            encoder.push(&Block { at, samples }).unwrap();
        }
        let begun = Instant::now();
        let mut units = Vec::new();
        let enough = |units: &[(MediaTime, Bytes)]| {
            units
                .last()
                .is_some_and(|(at, _)| at.as_nanos() > 6_300_000_000)
        };
        while !enough(&units) && begun.elapsed() < Duration::from_secs(30) {
            units.extend(encoder.take());
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(enough(&units), "{codec:?} gave {} units", units.len());
        units
    }

    /// Decodes units and gives samples at 48 kHz with the time of the first.
    fn decode(codec: AudioCodec, units: &[(MediaTime, Bytes)]) -> (u64, Vec<i16>) {
        let caps = match codec {
            AudioCodec::Pcmu => "audio/x-mulaw,rate=8000,channels=1".to_owned(),
            AudioCodec::Pcma => "audio/x-alaw,rate=8000,channels=1".to_owned(),
            AudioCodec::Opus => {
                "audio/x-opus,rate=48000,channels=1,channel-mapping-family=0".into()
            }
            AudioCodec::Aac { rate } => {
                let index = [
                    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000,
                    11_025, 8_000,
                ]
                .iter()
                .position(|r| *r == rate)
                .unwrap();
                let config: u16 = (2 << 11) | ((index as u16) << 7) | (1 << 3);
                format!(
                    "audio/mpeg,mpegversion=4,stream-format=raw,rate={rate},channels=1,codec_data=(buffer){config:04x}"
                )
            }
        };
        let decoder = match codec {
            AudioCodec::Pcmu => "mulawdec",
            AudioCodec::Pcma => "alawdec",
            AudioCodec::Opus => "opusdec",
            AudioCodec::Aac { .. } => "avdec_aac",
        };
        let pipeline = gst::parse::launch(&format!(
            "appsrc name=in format=time caps=\"{caps}\" ! {decoder} ! audioconvert ! audioresample \
             ! audio/x-raw,format=S16LE,rate=48000,channels=1 ! appsink name=out sync=false"
        ))
        .unwrap()
        .downcast::<gst::Pipeline>()
        .unwrap();
        let source = pipeline
            .by_name("in")
            .unwrap()
            .downcast::<gst_app::AppSrc>()
            .unwrap();
        let sink = pipeline
            .by_name("out")
            .unwrap()
            .downcast::<gst_app::AppSink>()
            .unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        for (at, data) in units {
            let mut buffer = gst::Buffer::from_slice(data.clone());
            buffer
                .get_mut()
                .unwrap()
                .set_pts(gst::ClockTime::from_nseconds(at.as_nanos()));
            source.push_buffer(buffer).unwrap();
        }
        source.end_of_stream().unwrap();
        let (mut first, mut sound) = (None, Vec::new());
        while let Ok(sample) = sink.pull_sample() {
            let buffer = sample.buffer().unwrap();
            first = first.or(buffer.pts());
            let data = buffer.map_readable().unwrap();
            sound.extend(
                data.chunks_exact(2)
                    .map(|b| i16::from_le_bytes([b[0], b[1]])),
            );
        }
        pipeline.set_state(gst::State::Null).unwrap();
        (first.unwrap().nseconds(), sound)
    }

    /// Lip sync: with every codec the beep is heard when it was made, within 5 ms.
    #[test]
    fn what_is_heard_keeps_its_time() {
        for codec in ALL {
            let units = encode(codec, &beep());
            let (first, sound) = decode(codec, &units);
            // The middle of the loudest 10 ms.
            let energy = |window: &[i16]| window.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>();
            let loudest = (0..sound.len() - 480)
                .step_by(12)
                .max_by(|a, b| energy(&sound[*a..a + 480]).total_cmp(&energy(&sound[*b..b + 480])))
                .unwrap();
            let at = first as i64 + loudest as i64 * 1_000_000 / 48;
            let off = at - 6_000_000_000;
            assert!(off.abs() < 5_000_000, "{codec:?}: {} ms", off as f64 / 1e6);
        }
    }

    #[test]
    fn units_have_the_length_of_their_codec() {
        for codec in ALL {
            let units = encode(codec, &beep());
            let step = match codec {
                AudioCodec::Aac { rate } => 1024 * 1_000_000_000 / u64::from(rate),
                _ => 20_000_000,
            };
            // The first is shorter where the codec leaves out what it put before it.
            for pair in units.windows(2).skip(1) {
                let apart = pair[1].0.as_nanos() - pair[0].0.as_nanos();
                assert!(apart.abs_diff(step) < 1_000, "{codec:?}: {apart} ns");
            }
            if matches!(codec, AudioCodec::Pcmu | AudioCodec::Pcma) {
                assert!(units.iter().all(|(_, data)| data.len() == G711_PACKET));
            }
        }
    }
}
