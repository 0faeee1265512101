//! A writable I420 picture.

use gstreamer as gst;
use gstreamer_video as gst_video;
use gstreamer_video::prelude::*;

use crate::{Error, Result};

pub(super) type Writable = gst_video::VideoFrame<gst_video::video_frame::Writable>;
pub(super) type Source<'a> = gst_video::VideoFrameRef<&'a gst::BufferRef>;

/// A picture that nobody else has yet.
pub(super) struct Canvas(Writable);

/// Rows and columns of one plane.
pub(super) struct PlaneMut<'a> {
    pub(super) data: &'a mut [u8],
    pub(super) stride: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

impl PlaneMut<'_> {
    /// Columns `from` to before `to` of a row; cut at the picture's edge.
    pub(super) fn row(&mut self, row: usize, from: usize, to: usize) -> &mut [u8] {
        let (to, start) = (to.min(self.width), row * self.stride);
        if row >= self.height || from >= to {
            return &mut [];
        }
        self.data
            .get_mut(start + from..start + to)
            .unwrap_or_default()
    }
}

impl Canvas {
    pub(super) fn new(video: Writable) -> Self {
        Self(video)
    }

    pub(super) fn width(&self) -> usize {
        self.0.width() as usize
    }

    pub(super) fn height(&self) -> usize {
        self.0.height() as usize
    }

    /// Plane 0 is luma, 1 and 2 are chroma.
    pub(super) fn plane(&mut self, index: u32) -> Result<PlaneMut<'_>> {
        let failed = || Error::pipeline("picture stage", "a plane is missing");
        let (width, height) = (
            self.0.comp_width(index) as usize,
            self.0.comp_height(index) as usize,
        );
        let stride = *self
            .0
            .plane_stride()
            .get(index as usize)
            .ok_or_else(failed)?;
        Ok(PlaneMut {
            stride: usize::try_from(stride).map_err(|_| failed())?,
            data: self.0.plane_data_mut(index).map_err(|_| failed())?,
            width,
            height,
        })
    }

    /// Takes over all pixels of `source`.
    pub(super) fn copy(&mut self, source: &Source<'_>) -> Result<()> {
        for index in 0..3 {
            self.copy_plane(source, index, |from, to| to.copy_from_slice(from))?;
        }
        Ok(())
    }

    /// Gives each row of a plane of `source` and the own row to `each`.
    pub(super) fn copy_plane(
        &mut self,
        source: &Source<'_>,
        index: u32,
        mut each: impl FnMut(&[u8], &mut [u8]),
    ) -> Result<()> {
        let failed = || Error::pipeline("picture stage", "a picture is shorter than its size");
        let stride = *source
            .plane_stride()
            .get(index as usize)
            .ok_or_else(failed)?;
        let stride = usize::try_from(stride).map_err(|_| failed())?;
        let data = source.plane_data(index).map_err(|_| failed())?;
        let mut plane = self.plane(index)?;
        let (width, height) = (plane.width, plane.height);
        for row in 0..height {
            let from = data
                .get(row * stride..row * stride + width)
                .ok_or_else(failed)?;
            each(from, plane.row(row, 0, width));
        }
        Ok(())
    }

    pub(super) fn finish(self) -> gst::Buffer {
        self.0.into_buffer()
    }
}
