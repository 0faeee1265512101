//! Conversions to and from the model's and the recognition domain's types.

use std::sync::Arc;

use lpr_core::{FrameSize, FrameView, Planes};
use platecam_model as model;
use platecam_model::ports;
use platecam_model::settings::{self, BitRateType};

use crate::audio::{AudioCodec, AudioEncoding, AudioInput, AudioState};
use crate::config::{Codec, EncoderConfig, PictureSize, Rate, StreamId};
use crate::frame::RawFrame;
use crate::look::{Denoise, Image, Look, Mask, Place, Text, Tone};
use crate::sensor::{DayNight, ImagingSetup, Lamp, SensorCaps, Steps, White};
use crate::source::SourceState;

impl From<settings::Codec> for Codec {
    fn from(codec: settings::Codec) -> Self {
        match codec {
            settings::Codec::H264 => Self::H264,
            settings::Codec::H265 => Self::H265,
            settings::Codec::Mjpeg => Self::Jpeg,
        }
    }
}

impl From<Codec> for settings::Codec {
    fn from(codec: Codec) -> Self {
        match codec {
            Codec::H264 => Self::H264,
            Codec::H265 => Self::H265,
            Codec::Jpeg => Self::Mjpeg,
        }
    }
}

impl From<Codec> for rtsp::Codec {
    fn from(codec: Codec) -> Self {
        match codec {
            Codec::H264 => Self::H264,
            Codec::H265 => Self::H265,
            Codec::Jpeg => Self::Jpeg,
        }
    }
}

impl From<AudioCodec> for rtsp::Codec {
    fn from(codec: AudioCodec) -> Self {
        match codec {
            AudioCodec::Pcmu => Self::Pcmu,
            AudioCodec::Pcma => Self::Pcma,
            AudioCodec::Aac { rate } => Self::Aac { rate, channels: 1 },
            AudioCodec::Opus => Self::Opus,
        }
    }
}

/// How sound is to be encoded.
impl From<&settings::AudioInput> for AudioEncoding {
    fn from(input: &settings::AudioInput) -> Self {
        Self {
            codec: codec_of(input.encoding, input.khz() * 1000),
            kbps: input.kbps(),
        }
    }
}

fn codec_of(encoding: settings::AudioEncoding, rate: u32) -> AudioCodec {
    match encoding {
        settings::AudioEncoding::G711U => AudioCodec::Pcmu,
        settings::AudioEncoding::G711A => AudioCodec::Pcma,
        settings::AudioEncoding::Aac => AudioCodec::Aac { rate },
        settings::AudioEncoding::Opus => AudioCodec::Opus,
    }
}

impl AudioInput {
    /// Where sound is to come from, if from anywhere.
    #[must_use]
    pub fn of(input: &settings::AudioInput) -> Option<Self> {
        match input.source {
            settings::AudioFrom::Off => None,
            settings::AudioFrom::Picture => Some(Self::OfSource),
            settings::AudioFrom::Device => Some(Self::Alsa(input.device.clone())),
        }
    }
}

/// What is heard, and the encodings with an encoder.
#[must_use]
pub fn audio_capabilities(state: &AudioState, output: bool) -> ports::AudioCapabilities {
    let works = |encoding: &settings::AudioEncoding| codec_of(*encoding, 48_000).is_available();
    ports::AudioCapabilities {
        present: *state == AudioState::Running,
        encodings: settings::AudioEncoding::ALL
            .into_iter()
            .filter(works)
            .collect(),
        output,
        hears_aac: crate::audio::hears_aac(),
    }
}

/// What may be said over the back channel: G.711, and AAC in the rates of the settings where there is a decoder.
#[must_use]
pub fn back_channel_codecs() -> Vec<rtsp::Codec> {
    let aac = settings::AudioEncoding::Aac.sample_rates().iter();
    let aac = aac
        .filter(|_| crate::audio::hears_aac())
        .map(|khz| rtsp::Codec::Aac {
            rate: khz * 1000,
            channels: 1,
        });
    [rtsp::Codec::Pcmu, rtsp::Codec::Pcma]
        .into_iter()
        .chain(aac)
        .collect()
}

/// What can be told to the source's sensor.
#[must_use]
pub fn image_capabilities(caps: &SensorCaps) -> ports::ImageCapabilities {
    let range = |steps: &Steps| ports::ControlRange {
        min: *steps.0.start(),
        max: *steps.0.end(),
        step: steps.1,
    };
    ports::ImageCapabilities {
        known: caps.known,
        shutter: caps.shutter.as_ref().map(range),
        gain: caps.gain.as_ref().map(range),
        iris: caps.iris,
        wdr: caps.wdr,
        light: caps.lamp,
        light_level: caps.lamp_level,
    }
}

impl ImagingSetup {
    /// What the settings say; nothing on a model without picture settings.
    #[must_use]
    pub fn of(all: &settings::Settings) -> Self {
        use settings::{AutoManual, IrLight, MeteringMode, WhiteBalanceMode};
        let sensor = all.get::<settings::VideoSensor>();
        let metering = all.get::<settings::VideoMetering>();
        let manual = sensor.exposure == AutoManual::Manual;
        let areas = metering.metered().to_vec();
        Self {
            day_night: match sensor.day_night {
                settings::DayNight::Color => DayNight::Color,
                settings::DayNight::BlackWhite => DayNight::BlackWhite,
                settings::DayNight::Auto => {
                    DayNight::Auto(f32::from(sensor.night_below.get()) / 100.0)
                }
            },
            exposure: manual.then(|| (sensor.shutter.get(), sensor.gain.get())),
            iris: (sensor.iris == AutoManual::Manual).then(|| sensor.iris_level.get()),
            wdr: sensor.wdr,
            white: match (sensor.white_balance, sensor.color_levels()) {
                (WhiteBalanceMode::Source, _) => White::Source,
                (WhiteBalanceMode::Auto, _) | (_, None) => White::Auto,
                (WhiteBalanceMode::Manual, Some((red, blue))) => White::Levels { red, blue },
                (mode, Some((red, blue))) => White::Light {
                    kelvin: match mode {
                        WhiteBalanceMode::Sunny => 5_500,
                        WhiteBalanceMode::StreetLamp => 2_400,
                        _ => 4_000,
                    },
                    red,
                    blue,
                },
            },
            lamp: match sensor.ir_light {
                IrLight::Off => Lamp::Off,
                IrLight::On => Lamp::On,
                IrLight::DayNight => Lamp::AtNight,
            },
            lamp_level: sensor.light_level.get(),
            metered: lpr_core::metering::Metered {
                // Without an area the whole picture is metered, which the camera does itself.
                partial: metering.mode == MeteringMode::Partial && !areas.is_empty(),
                backlight: metering.compensation && metering.backlight,
                frontlight: metering.compensation && metering.frontlight,
            },
            areas,
        }
    }
}

impl From<ports::StreamId> for StreamId {
    fn from(stream: ports::StreamId) -> Self {
        match stream {
            ports::StreamId::Main => Self::Main,
            ports::StreamId::Sub => Self::Sub,
        }
    }
}

impl From<StreamId> for ports::StreamId {
    fn from(stream: StreamId) -> Self {
        match stream {
            StreamId::Main => Self::Main,
            StreamId::Sub => Self::Sub,
        }
    }
}

impl From<settings::StreamConfig> for EncoderConfig {
    fn from(stream: settings::StreamConfig) -> Self {
        let (kbps, quality) = (stream.bit_rate.get(), stream.quality.get());
        let rate = match (stream.codec, stream.bit_rate_type) {
            // Motion JPEG has a quality only (VIDEO-12).
            (settings::Codec::Mjpeg, _) | (_, BitRateType::Vbr) => Rate::Vbr {
                quality,
                max_kbps: kbps,
            },
            (_, BitRateType::Cbr) => Rate::Cbr { kbps },
        };
        Self {
            codec: stream.codec.into(),
            h264_profile: stream.h264_profile,
            size: PictureSize::new(stream.resolution.width(), stream.resolution.height()),
            frame_rate: stream.frame_rate.get(),
            rate,
            gop: stream.gop_length.get(),
        }
    }
}

impl From<SourceState> for model::SourceState {
    fn from(state: SourceState) -> Self {
        match state {
            SourceState::Connecting => Self::Connecting,
            SourceState::Running { caps } => Self::Running {
                width: caps.size.width,
                height: caps.size.height,
                millifps: caps
                    .frame_rate
                    .map_or(0, |rate| (rate * 1000.0).round() as u32),
            },
            SourceState::Failed { reason, retry_in } => Self::Failed {
                reason,
                retry_in_ms: u64::try_from(retry_in.as_millis()).unwrap_or(u64::MAX),
            },
            SourceState::Stopped => Self::Failed {
                reason: "the source is closed".into(),
                retry_in_ms: 0,
            },
        }
    }
}

impl Look {
    /// What the settings say; times are those of the unit.
    pub fn of(all: &settings::Settings) -> Self {
        let (unit, language) = (
            all.get::<settings::TimeSettings>(),
            all.get::<settings::DeviceGeneral>().language,
        );
        let image = all.get::<settings::VideoImage>();
        let overlay = all.get::<settings::VideoOsd>();
        let files = all.get::<settings::OsdImages>();
        let texts = overlay.texts.clone();
        let masks = &all.get::<settings::VideoMasks>().masks;
        let sensor = all.get::<settings::VideoSensor>();
        let noise = |level: settings::Level| match sensor.noise_reduction {
            true => level.get(),
            false => 0,
        };
        Self {
            tone: Tone {
                brightness: image.brightness.get(),
                contrast: image.contrast.get(),
                saturation: image.saturation.get(),
                gamma: image.gamma.get(),
                sharpness: image.sharpness.get(),
            },
            denoise: Denoise {
                spatial: noise(sensor.spatial),
                temporal: noise(sensor.temporal),
            },
            masks: masks
                .iter()
                .filter(|mask| mask.enabled)
                .map(|mask| Mask {
                    corners: mask.polygon.clone(),
                    color: mask.color.rgb(),
                })
                .collect(),
            images: overlay
                .images
                .iter()
                .filter_map(|image| {
                    Some(Image {
                        pixels: Arc::new(files.image(image.image).pixels()?),
                        place: place(image.place, image.position),
                        height: image.height.get(),
                    })
                })
                .collect(),
            texts: texts
                .into_iter()
                .map(|text| Text {
                    place: place(text.place, text.position),
                    height: text.font_size.get(),
                    color: text.color.rgb(),
                    background: text.background.map(settings::Paint::rgb),
                    line: {
                        let unit = unit.clone();
                        Arc::new(move |at| text.line(at, &unit, language))
                    },
                })
                .collect(),
        }
    }
}

fn place(place: settings::OsdPlace, own: lpr_core::NormPoint) -> Place {
    match place {
        settings::OsdPlace::UpperLeft => Place::UpperLeft,
        settings::OsdPlace::UpperRight => Place::UpperRight,
        settings::OsdPlace::LowerLeft => Place::LowerLeft,
        settings::OsdPlace::LowerRight => Place::LowerRight,
        settings::OsdPlace::Custom => Place::At(own),
    }
}

impl RawFrame {
    /// The frame as recognition sees it; shares the pixels.
    ///
    /// # Errors
    /// [`lpr_core::Error`] when the picture is larger than recognition takes.
    pub fn view(&self) -> Result<FrameView<'_>, lpr_core::Error> {
        let size = self.size();
        let size = FrameSize::new(size.width, size.height)?;
        let empty = crate::frame::Plane {
            data: &[],
            stride: 0,
        };
        // A frame in the hub is I420 by the appsink's caps; FrameView checks the lengths.
        let [y, u, v] = [0, 1, 2].map(|plane| self.plane(plane).unwrap_or(empty));
        let planes = Planes::I420 {
            y: y.data,
            y_stride: y.stride,
            u: u.data,
            v: v.data,
            uv_stride: u.stride,
        };
        FrameView::new(planes, size, self.utc, self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use platecam_model::settings::{VideoMain, VideoSub};

    #[test]
    fn settings_become_encoder_configurations_that_are_valid() {
        let main = EncoderConfig::from(VideoMain::default().stream());
        main.check().unwrap();
        assert_eq!(main.rate, Rate::Cbr { kbps: 4096 });
        let sub = VideoSub::default().stream();
        let vbr = EncoderConfig::from(sub);
        vbr.check().unwrap();
        assert_eq!(
            vbr.rate,
            Rate::Vbr {
                quality: 4,
                max_kbps: 512
            }
        );
        // VIDEO-12: motion JPEG goes by quality, whatever the bit rate type says.
        let mjpeg = settings::StreamConfig {
            codec: settings::Codec::Mjpeg,
            bit_rate_type: BitRateType::Cbr,
            ..sub
        };
        assert_eq!(
            EncoderConfig::from(mjpeg).rate,
            Rate::Vbr {
                quality: 4,
                max_kbps: 512
            }
        );
    }
}
