//! Brightness, contrast, gamma, saturation, sharpness (IMG-1..4, IMG-13).

use gstreamer_video as gst_video;
use gstreamer_video::prelude::*;
use lpr_core::metering::WhiteGains;

use super::canvas::{Canvas, Source};
use super::{luma_range, weights};
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

/// What stands in for a sensor's own controls; it changes while the scene does.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(crate) struct Correction {
    /// Stops of exposure: dark parts are lifted without bright ones clipping, and all is dimmed.
    pub(crate) ev: f32,
    /// Black and white.
    pub(crate) grey: bool,
    /// Strength of red and of blue against green.
    pub(crate) white: WhiteGains,
}

impl Default for Correction {
    fn default() -> Self {
        Self {
            ev: 0.0,
            grey: false,
            white: WhiteGains::default(),
        }
    }
}

impl Correction {
    pub(crate) fn is_neutral(&self) -> bool {
        *self == Self::default()
    }

    /// Light after exposure, 0 to 1.
    fn exposed(&self, light: f32) -> f32 {
        let gain = self.ev.exp2();
        if gain > 1.0 {
            1.0 - (1.0 - light).powf(gain)
        } else {
            light * gain
        }
    }
}

/// What makes a chroma plane of luma and both chroma planes, in 1024ths.
#[derive(Copy, Clone)]
struct Mix {
    luma: i32,
    cb: i32,
    cr: i32,
}

/// The mixes of both chroma planes for gains of red and blue that keep the light of grey; `None` where they change
/// nothing.
fn mixes(white: WhiteGains, info: &gst_video::VideoInfo) -> Option<[Mix; 2]> {
    if white == WhiteGains::default() {
        return None;
    }
    let (kr, kb) = weights(info);
    let kg = 1.0 - kr - kb;
    let even = kr * white.red + kg + kb * white.blue;
    let (red, green, blue) = (white.red / even, 1.0 / even, white.blue / even);
    let chroma = |y: f32, pb: f32, pr: f32| {
        let (r, b) = (y + 2.0 * (1.0 - kr) * pr, y + 2.0 * (1.0 - kb) * pb);
        let g = (y - kr * r - kb * b) / kg;
        let (r, g, b) = (r * red, g * green, b * blue);
        let y = kr * r + kg * g + kb * b;
        [(b - y) / (2.0 * (1.0 - kb)), (r - y) / (2.0 * (1.0 - kr))]
    };
    let (black, white_at) = luma_range(info);
    let swing = if black == 0.0 { 255.0 } else { 224.0 };
    // Luma's codes span another range than chroma's.
    let of_luma = chroma(1.0, 0.0, 0.0).map(|n| n * swing / (white_at - black));
    let (of_cb, of_cr) = (chroma(0.0, 1.0, 0.0), chroma(0.0, 0.0, 1.0));
    let fixed = |n: f32| (n * 1024.0).round() as i32;
    Some([0, 1].map(|plane| Mix {
        luma: fixed(of_luma[plane]),
        cb: fixed(of_cb[plane]),
        cr: fixed(of_cr[plane]),
    }))
}

/// A tone and a correction as tables for one kind of picture.
pub(super) struct Curves {
    luma: [u8; 256],
    chroma: [u8; 256],
    /// 64ths of the difference to the neighbours that are added to a pixel.
    edge: i16,
    black: i32,
    white: Option<[Mix; 2]>,
}

impl Curves {
    /// `None` where both change nothing.
    pub(super) fn wanted(
        tone: Tone,
        correction: Correction,
        info: &gst_video::VideoInfo,
    ) -> Option<Self> {
        let neutral = tone.is_neutral() && correction.is_neutral();
        (!neutral).then(|| Self::new(tone, correction, info))
    }

    fn new(tone: Tone, correction: Correction, info: &gst_video::VideoInfo) -> Self {
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
            let light = correction.exposed(light).powf((-gamma).exp2());
            let light = (light - 0.5) * spread + 0.5 + brightness / 2.0;
            (black + light.clamp(0.0, 1.0) * (white - black)).round() as u8
        };
        // `as` saturates at 0 and 255.
        let colour = if correction.grey {
            0.0
        } else {
            1.0 + saturation
        };
        let chroma = |n: usize| (128.0 + (n as f32 - 128.0) * colour).round() as u8;
        Self {
            luma: std::array::from_fn(luma),
            chroma: std::array::from_fn(chroma),
            edge: (sharpness * if sharpness < 0.0 { 64.0 } else { 128.0 }) as i16,
            black: black as i32,
            white: mixes(correction.white, info).filter(|_| !correction.grey),
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
            match &self.white {
                Some(white) => self.balance(white[plane as usize - 1], source, canvas, plane)?,
                None => canvas.copy_plane(source, plane, |from, to| map(&self.chroma, from, to))?,
            }
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

    /// A chroma plane of another white.
    fn balance(
        &self,
        mix: Mix,
        source: &Source<'_>,
        canvas: &mut Canvas,
        plane: u32,
    ) -> Result<()> {
        let plane_of = |index: u32| {
            let stride = source.plane_stride().get(index as usize).copied();
            let stride = usize::try_from(stride.unwrap_or(0)).unwrap_or(0);
            (source.plane_data(index).unwrap_or_default(), stride)
        };
        let [luma, cb, cr] = [0, 1, 2].map(plane_of);
        fn rest((data, stride): (&[u8], usize), row: usize) -> &[u8] {
            data.get(row * stride..).unwrap_or_default()
        }
        let mut row = 0;
        canvas.copy_plane(source, plane, |_, to| {
            let luma = rest(luma, 2 * row).iter().step_by(2);
            let chroma = rest(cb, row).iter().zip(rest(cr, row));
            for (to, (y, (u, v))) in to.iter_mut().zip(luma.zip(chroma)) {
                let [y, u, v] = [y, u, v].map(|n| i32::from(*n));
                let mixed = mix.luma * (y - self.black) + mix.cb * (u - 128) + mix.cr * (v - 128);
                let code = (128 + (mixed + 512) / 1024).clamp(0, 255);
                *to = self.chroma[code as usize];
            }
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
