//! A decoded picture as it leaves the capture pipeline.

use gstreamer as gst;
use gstreamer_video as gst_video;
use gstreamer_video::prelude::*;

use crate::config::PictureSize;
use lpr_core::{MediaTime, UtcTime};

/// Where a frame comes from.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// The source's own picture.
    Picture,
    /// Our "no signal" picture; never given to recognition.
    NoSignal,
}

/// One plane of a picture.
#[derive(Copy, Clone, Debug)]
pub struct Plane<'a> {
    /// Rows of `stride` bytes.
    pub data: &'a [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
}

/// A decoded I420 picture, shared and read-only, with its place on the clock map.
pub struct RawFrame {
    pub(crate) video: gst_video::VideoFrame<gst_video::video_frame::Readable>,
    /// Presentation on the monotonic clock; strictly increasing from frame to frame.
    pub at: MediaTime,
    /// UTC of capture (for files: of presentation).
    pub utc: UtcTime,
    /// Counts frames from 0, "no signal" pictures included.
    pub sequence: u64,
    /// Real picture or ours.
    pub kind: FrameKind,
    /// True when this frame does not follow from the one before (start, loop seam, source change):
    /// tracks must end here.
    pub discontinuity: bool,
}

impl RawFrame {
    /// Size in pixels.
    pub fn size(&self) -> PictureSize {
        PictureSize {
            width: self.video.info().width(),
            height: self.video.info().height(),
        }
    }

    /// Plane 0 is Y at full size; 1 and 2 are U and V at half width and height, rounded up.
    ///
    /// `None` above 2.
    pub fn plane(&self, index: u32) -> Option<Plane<'_>> {
        let data = self.video.plane_data(index).ok()?;
        let stride = usize::try_from(*self.video.plane_stride().get(index as usize)?).ok()?;
        Some(Plane { data, stride })
    }

    pub(crate) fn info(&self) -> &gst_video::VideoInfo {
        self.video.info()
    }

    /// A buffer that shares this frame's memory and carries its time.
    pub(crate) fn buffer(&self) -> gst::Buffer {
        let mut buffer = self.video.buffer().copy();
        // The copy is ours alone (its memory is shared), so it is writable.
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(gst::ClockTime::from_nseconds(self.at.as_nanos()));
            buffer.set_dts(gst::ClockTime::NONE);
        }
        buffer
    }
}

impl std::fmt::Debug for RawFrame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RawFrame")
            .field("size", &self.size())
            .field("at", &self.at)
            .field("sequence", &self.sequence)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}
