//! Capture, encoding and snapshots with GStreamer; the only crate that links it.
//!
//! One capture pipeline decodes the source once into raw I420 frames. A hub in Rust gives every
//! frame to the encoder of each stream and to the newest-frame slot of each reader (recognition).
//! Each encoder is a pipeline of its own, so that a changed setting restarts that one alone.
//!
//! The engine knows of no settings and no protocol: encoded pictures leave by [`AccessUnitSink`]. Only
//! `convert` and `port` join it to the model and to RTSP streams.
#![deny(unsafe_code)]

mod annexb;
mod audio;
mod capabilities;
mod chain;
mod clock;
mod config;
mod convert;
mod encoder;
mod engine;
mod error;
mod frame;
mod hub;
mod init;
mod jpeg;
mod look;
mod no_signal;
mod port;
mod sensor;
mod source;
mod stats;
mod stop;
mod unit;

pub use annexb::nal_units;
pub use audio::{
    AlsaSpeaker, AudioCodec, AudioEncoding, AudioInput, AudioSetup, AudioSink, AudioState,
    AudioUnit, FileSpeaker, Loudspeaker, Speaker, SpeakerLine, Talker, device_exists,
};
pub use capabilities::{Capabilities, SourceCaps, StreamOptions, capabilities};
pub use clock::{ClockMap, MediaClock, WallClock};
pub use config::{Codec, EncoderConfig, PictureSize, Rate, StreamId};
pub use convert::{audio_capabilities, back_channel_codecs, image_capabilities};
pub use encoder::{EncoderChoice, EncoderState, KeyFrameRequests, available_encoders};
pub use engine::{EngineOptions, MediaEngine, MediaStatus, StreamStatus};
pub use error::Error;
pub use frame::{FrameKind, Plane, RawFrame};
pub use hub::{FrameReader, ReadFrame};
pub use init::init;
pub use jpeg::{JpegEncoder, Picture, Snapshot, encode_jpeg};
pub use look::{Denoise, Image, Line, Look, Mask, Place, Rgb, Rgba, Text, Tone};
pub use lpr_core::{MediaTime, UtcTime};
pub use port::{KeyFrameHooks, MediaPort, RecognitionFigures, RtspAudio, RtspSink};
pub use sensor::{
    ControlInfo, ControlLens, DayNight, ImagingSetup, Lamp, SensorCaps, SensorControls,
    SimulatedControls, Steps, V4l2Controls, White,
};
pub use source::{Backoff, EncodedFilm, Film, SourceSpec, SourceState, Wish};
pub use stats::{Rates, StreamStats};
pub use unit::{AccessUnit, AccessUnitSink, StreamFormat};

/// What this crate's functions return.
pub type Result<T> = std::result::Result<T, Error>;
