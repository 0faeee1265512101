//! Licence-plate recognition domain: finding, reading and following plates, voting, one read per pass.
//!
//! Pure: no input or output, no clock, no async runtime and no inference engine. Time and pixels are
//! arguments ([`UtcTime`], [`FrameView`]); the nets are two small traits ([`Detector`], [`Reader`])
//! that another crate implements, so that everything but the nets is tested without them.

#![forbid(unsafe_code)]

pub mod cells;
pub mod color;
pub mod ctc;
mod cut;
mod error;
pub mod frame;
pub mod geometry;
mod join;
pub mod letterbox;
mod lines;
pub mod loops;
pub mod metering;
pub mod nets;
pub mod picture;
pub mod pipeline;
pub mod plate;
pub mod plausibility;
pub mod quality;
mod repeat;
mod resample;
mod second;
pub mod settings;
pub mod state;
pub mod still;
pub mod time;
mod track;
mod tracker;
pub mod travel;
mod unread;
pub mod vehicle_type;
pub mod vote;
pub mod warp;
pub mod watch;

pub use color::{Color, ColorRead, Colors};
pub use error::Error;
pub use frame::{FrameView, Planes};
pub use geometry::{FrameSize, NormPoint, NormRect, PxPoint, PxQuad, PxRect};
pub use join::{LateSpeed, LoopPass};
pub use loops::{LoopCapture, LoopPlan, LoopRules, LoopTrigger, LoopWatch};
pub use nets::{DetectRequest, Detector, NetError, ReadOutput, Reader};
pub use picture::{GreyImage, Picture, PixelFormat};
pub use pipeline::{Output, Pipeline, Tuning};
pub use plate::{
    CharRead, Direction, PlateCapture, PlateDetection, PlatePictures, PlateRead, PlateText, Scene,
    TrackedObject, Unreadable,
};
pub use second::SecondPicture;
pub use settings::{
    CaptureMode, DetectionScene, DirectionFilter, RecognitionSettings, Region, Trajectory,
};
pub use still::{StillOptions, StillPlate, recognize_still};
pub use time::{MediaTime, UtcTime};
pub use vehicle_type::{TypeRead, VehicleType};
pub use watch::{
    RegionChange, RegionWatch, Sensitivity, Watch, WatchChange, WatchKind, WatchSettings,
};
