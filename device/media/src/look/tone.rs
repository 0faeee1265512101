//! Brightness, contrast, gamma, saturation, sharpness (IMG-1..4, IMG-13).

use gstreamer_video as gst_video;
use gstreamer_video::prelude::*;

use super::canvas::{Canvas, Source};
use super::luma_range;
use crate::Result;

/// Corrections of the picture, each 0 to 100; 50 leaves it as it is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Tone {
    /// Adds light: up to half of the range to both sides.
    pub brightness: u8,
    /// Spreads light around the middle: 0 none, 100 three times.
    pub contrast: u8,
    /// Amount of colour: 0 none, 100 twice.
    pub saturation: u8,
    /// Lifts the dark parts: exponent 2 at 0, 1/2 at 100.
    pub gamma: u8,
    /// Edges: 0 blurs, 100 strengthens them.
    pub sharpness: u8,
}

impl Default for Tone {
    fn default() -> Self {
        Self {
            brightness: 50,
            contrast: 50,
            saturation: 50,
            gamma: 50,
            sharpness: 50,
        }
    }
}

impl Tone {
    /// Whether it changes nothing.
    pub fn is_neutral(&self) -> bool {
        *self == Self::default()
    }
}

/// A tone as tables for one kind of picture.
pub(super) struct Curves {
    luma: [u8; 256],
    chroma: [u8; 256],
    /// 64ths of the difference to the neighbours that are added to a pixel.
    edge: i16,
}

impl Curves {
    pub(super) fn new(tone: Tone, info: &gst_video::VideoInfo) -> Self {
        // From -1 to 1.
        let [brightness, contrast, saturation, gamma, sharpness] = [
            tone.brightness,
            tone.contrast,
            tone.saturation,
            tone.gamma,
            tone.sharpness,
        ]
        .map(|n| (f32::from(n.min(100)) - 50.0) / 50.0);
        let spread = if contrast < 0.0 {
            1.0 + contrast
        } else {
            1.0 + 2.0 * contrast
        };
        let (black, white) = luma_range(info);
        let luma = |n: usize| {
            let light = ((n as f32 - black) / (white - black)).clamp(0.0, 1.0);
            let light = light.powf((-gamma).exp2());
            let light = (light - 0.5) * spread + 0.5 + brightness / 2.0;
            (black + light.clamp(0.0, 1.0) * (white - black)).round() as u8
        };
        // `as` saturates at 0 and 255.
        let chroma = |n: usize| (128.0 + (n as f32 - 128.0) * (1.0 + saturation)).round() as u8;
        Self {
            luma: std::array::from_fn(luma),
            chroma: std::array::from_fn(chroma),
            edge: (sharpness * if sharpness < 0.0 { 64.0 } else { 128.0 }) as i16,
        }
    }

    /// Copies `source` through the tables.
    pub(super) fn copy(&self, source: &Source<'_>, canvas: &mut Canvas) -> Result<()> {
        if self.edge == 0 {
            canvas.copy_plane(source, 0, |from, to| map(&self.luma, from, to))?;
        } else {
            self.sharpen(source, canvas)?;
        }
        for plane in [1, 2] {
            canvas.copy_plane(source, plane, |from, to| map(&self.chroma, from, to))?;
        }
        Ok(())
    }

    /// Luma with stronger or weaker edges: each pixel moves away from the mean of its four neighbours, or
    /// towards it.
    fn sharpen(&self, source: &Source<'_>, canvas: &mut Canvas) -> Result<()> {
        let stride = usize::try_from(source.plane_stride()[0]).unwrap_or(0);
        let data = source.plane_data(0).unwrap_or_default();
        let height = source.height() as usize;
        let mut edged = Vec::new();
        let mut row = 0;
        canvas.copy_plane(source, 0, |from, to| {
            let line = |n: usize| data.get(n * stride..n * stride + from.len());
            let (above, below) = (
                line(row.max(1) - 1).unwrap_or(from),
                line((row + 1).min(height - 1)).unwrap_or(from),
            );
            edged.clear();
            edged.extend_from_slice(from);
            self.edge_row(from, above, below, &mut edged);
            map(&self.luma, &edged, to);
            row += 1;
        })
    }

    fn edge_row(&self, from: &[u8], above: &[u8], below: &[u8], to: &mut [u8]) {
        let inner = 1..from.len().max(2) - 1;
        let (Some(left), Some(right)) = (from.get(..from.len().saturating_sub(2)), from.get(2..))
        else {
            return;
        };
        let wide = |n: &u8| i16::from(*n);
        let neighbours = left
            .iter()
            .zip(right)
            .zip(&above[inner.clone()])
            .zip(&below[inner.clone()]);
        for ((pixel, own), (((l, r), a), b)) in to[inner.clone()]
            .iter_mut()
            .zip(&from[inner])
            .zip(neighbours)
        {
            // At most 4 * 255 * 128 / 256 in magnitude: fits after the first division.
            let away = (4 * wide(own) - wide(l) - wide(r) - wide(a) - wide(b)) / 4;
            let moved = wide(own) + (i32::from(away) * i32::from(self.edge) / 64) as i16;
            *pixel = moved.clamp(0, 255) as u8;
        }
    }
}

fn map(table: &[u8; 256], from: &[u8], to: &mut [u8]) {
    for (from, to) in from.iter().zip(to) {
        *to = table[usize::from(*from)];
    }
}
