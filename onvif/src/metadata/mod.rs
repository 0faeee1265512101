//! The metadata stream: documents for the RTSP metadata track (Streaming §5.2.1.1, Analytics §5).

mod feed;
mod pictures;
mod scene;

pub use feed::{MetadataDocument, MetadataFeed};
pub(crate) use pictures::PlatePictures;
pub use scene::{event_document, scene_document};
pub(crate) use scene::{
    license_plate_info, rectangle, scene_frame, track_state, track_summary, vehicle_info,
};
