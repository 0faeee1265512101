//! What happens to every picture between the source and whoever sees it: tone, what the sensor lacks, noise, masks, pictures of the owner, texts.
//!
//! Tone and masks come first and are in what recognition gets; pictures and texts are drawn on a copy that
//! only encoders and snapshots get, so that no text is ever read as a plate. Each step that is not wanted costs nothing.

mod canvas;
mod denoise;
mod image;
mod mask;
mod place;
mod text;
mod tone;

use std::sync::Arc;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_video as gst_video;

use lpr_core::{NormPoint, UtcTime};

use crate::{Error, Result};
use canvas::Canvas;
use denoise::Cleaner;
use image::Overlay;
use mask::Covered;
use place::Corners;
use text::{Lettering, Stamp};
use tone::Curves;

pub use denoise::Denoise;
pub use platecam_model::settings::Rgba;
pub(crate) use tone::Correction;
pub use tone::Tone;

/// Red, green and blue, 0 to 255.
pub type Rgb = [u8; 3];

/// What a text says in a picture that was captured at that time; asked once a second.
pub type Line = Arc<dyn Fn(UtcTime) -> String + Send + Sync>;

/// Where a text or a picture is.
#[derive(Copy, Clone, Debug, PartialEq)]
pub enum Place {
    /// Upper left corner.
    UpperLeft,
    /// Upper right corner.
    UpperRight,
    /// Lower left corner.
    LowerLeft,
    /// Lower right corner.
    LowerRight,
    /// Its own upper left corner is there; moved where it would leave the picture.
    At(NormPoint),
}

/// One text in the picture.
#[derive(Clone)]
pub struct Text {
    /// What it says.
    pub line: Line,
    /// Where. What is in the same corner stands below each other, pictures first.
    pub place: Place,
    /// Height of the line in pixels of a picture of 1080 rows.
    pub height: u32,
    /// Colour of the letters.
    pub color: Rgb,
    /// Colour behind them; without one they get an outline.
    pub background: Option<Rgb>,
}

/// One picture of the owner in the video.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// Its pixels.
    pub pixels: Arc<Rgba>,
    /// Where.
    pub place: Place,
    /// Its height in pixels of a picture of 1080 rows.
    pub height: u32,
}

/// An area that is covered.
#[derive(Clone, Debug, PartialEq)]
pub struct Mask {
    /// Its corners.
    pub corners: Vec<NormPoint>,
    /// Its colour.
    pub color: Rgb,
}

/// All that is done to the picture.
#[derive(Clone, Default)]
pub struct Look {
    /// Brightness and its kin.
    pub tone: Tone,
    /// Less noise.
    pub denoise: Denoise,
    /// Covered areas.
    pub masks: Vec<Mask>,
    /// Pictures of the owner, below the texts.
    pub images: Vec<Image>,
    /// Texts, a later one over an earlier one.
    pub texts: Vec<Text>,
}

impl Look {
    /// Whether the source's picture is left as it is.
    pub fn is_plain(&self) -> bool {
        self.tone.is_neutral()
            && self.denoise.is_off()
            && self.masks.is_empty()
            && self.images.is_empty()
            && self.texts.is_empty()
    }
}

/// A picture after all steps.
pub(crate) struct Finished {
    /// For recognition.
    pub(crate) analysed: gst::Buffer,
    /// For everybody else, where it differs.
    pub(crate) shown: Option<gst::Buffer>,
}

/// Does it, one picture at a time.
#[derive(Default)]
pub(crate) struct Stage {
    look: Look,
    correction: Correction,
    lettering: Option<Lettering>,
    /// What depends on the picture's size and format.
    prepared: Option<Prepared>,
}

struct Prepared {
    info: gst_video::VideoInfo,
    pool: gst_video::VideoBufferPool,
    curves: Option<Curves>,
    cleaner: Option<Cleaner>,
    covered: Vec<Covered>,
    overlays: Vec<Option<Overlay>>,
    stamps: Vec<Option<Stamp>>,
    second: Option<i64>,
}

impl Stage {
    /// Takes a new look; the next picture has it.
    ///
    /// # Errors
    /// [`Error::Pipeline`] when there are texts and no font; everything else is done then.
    pub(crate) fn set(&mut self, look: Look) -> Result<()> {
        self.prepared = None;
        let wants_letters = !look.texts.is_empty();
        self.look = look;
        if !wants_letters {
            self.lettering = None;
        } else if self.lettering.is_none() {
            self.lettering = Some(Lettering::load()?);
        }
        Ok(())
    }

    /// Takes what the sensor lacks; the next picture has it.
    pub(crate) fn correct(&mut self, correction: Correction) {
        self.correction = correction;
        if let Some(prepared) = &mut self.prepared {
            prepared.curves = Curves::wanted(self.look.tone, correction, &prepared.info);
        }
    }

    /// Does all steps. `picture` is false for our own "no signal" picture, which only gets texts and pictures.
    ///
    /// # Errors
    /// [`Error::Pipeline`] when a picture cannot be mapped: it must not be shown, masks may be missing.
    pub(crate) fn apply(
        &mut self,
        buffer: gst::Buffer,
        info: &gst_video::VideoInfo,
        utc: UtcTime,
        picture: bool,
    ) -> Result<Finished> {
        let look = &self.look;
        let as_it_is = look.tone.is_neutral()
            && look.denoise.is_off()
            && look.masks.is_empty()
            && self.correction.is_neutral();
        let changed = picture && !as_it_is;
        let drawn = self.lettering.is_some() || !self.look.images.is_empty();
        if !changed && !drawn {
            return Ok(Finished {
                analysed: buffer,
                shown: None,
            });
        }
        let prepared = match &mut self.prepared {
            Some(prepared) if prepared.info == *info => prepared,
            stale => stale.insert(Prepared::new(&self.look, self.correction, info)?),
        };
        let analysed = if changed {
            let mut canvas = prepared.copy(&buffer, prepared.curves.as_ref())?;
            if let Some(cleaner) = &mut prepared.cleaner {
                cleaner.clean(&mut canvas)?;
            }
            for covered in &prepared.covered {
                covered.fill(&mut canvas);
            }
            canvas.finish()
        } else {
            buffer
        };
        let shown = if drawn {
            if let Some(lettering) = &self.lettering {
                prepared.letter(&self.look.texts, lettering, utc);
            }
            let mut canvas = prepared.copy(&analysed, None)?;
            let mut corners = Corners::of(canvas.width(), canvas.height());
            let (overlays, stamps) = (&prepared.overlays, &prepared.stamps);
            image::draw(&mut canvas, &self.look.images, overlays, &mut corners);
            text::draw(&mut canvas, &self.look.texts, stamps, &mut corners);
            Some(canvas.finish())
        } else {
            None
        };
        Ok(Finished { analysed, shown })
    }
}

impl Prepared {
    fn new(look: &Look, correction: Correction, info: &gst_video::VideoInfo) -> Result<Self> {
        let failed = |e: gst::glib::BoolError| Error::pipeline("picture stage", e);
        let caps = info.to_caps().map_err(failed)?;
        let pool = gst_video::VideoBufferPool::new();
        let mut config = pool.config();
        let size = u32::try_from(info.size()).unwrap_or(u32::MAX);
        // Buffers come back when the last encoder has read them; there are never more than are under way.
        config.set_params(Some(&caps), size, 0, 0);
        pool.set_config(config).map_err(failed)?;
        pool.set_active(true).map_err(failed)?;
        Ok(Self {
            pool,
            curves: Curves::wanted(look.tone, correction, info),
            cleaner: Cleaner::new(look.denoise),
            covered: look.masks.iter().map(|m| Covered::new(m, info)).collect(),
            overlays: look.images.iter().map(|i| Overlay::new(i, info)).collect(),
            stamps: look.texts.iter().map(|_| None).collect(),
            second: None,
            info: info.clone(),
        })
    }

    /// A writable copy of a picture.
    fn copy(&self, buffer: &gst::Buffer, curves: Option<&Curves>) -> Result<Canvas> {
        let failed = |what: &str| Error::pipeline("picture stage", what);
        let source = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, &self.info)
            .map_err(|_| failed("a picture cannot be mapped"))?;
        let buffer = self
            .pool
            .acquire_buffer(None)
            .map_err(|e| Error::pipeline("picture stage", e))?;
        let copy = gst_video::VideoFrame::from_buffer_writable(buffer, &self.info)
            .map_err(|_| failed("a copy cannot be mapped"))?;
        let mut canvas = Canvas::new(copy);
        match curves {
            Some(curves) => curves.copy(&source, &mut canvas)?,
            None => canvas.copy(&source)?,
        }
        Ok(canvas)
    }

    /// Renders the lines that say something else than a second ago.
    fn letter(&mut self, texts: &[Text], lettering: &Lettering, utc: UtcTime) {
        let second = utc.as_millis().div_euclid(1000);
        if self.second.replace(second) == Some(second) {
            return;
        }
        for (text, stamp) in texts.iter().zip(&mut self.stamps) {
            let line = (text.line)(utc);
            if stamp.as_ref().is_none_or(|s| s.line() != line) {
                *stamp = Some(lettering.render(text, line, &self.info));
            }
        }
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        // Buffers that are still under way free themselves.
        let _ = self.pool.set_active(false);
    }
}

/// A colour in the matrix and range of a picture: Y, U, V.
fn yuv(rgb: Rgb, info: &gst_video::VideoInfo) -> [u8; 3] {
    let [r, g, b] = rgb.map(|c| f32::from(c) / 255.0);
    let (kr, kb) = weights(info);
    let y = kr * r + (1.0 - kr - kb) * g + kb * b;
    let (u, v) = ((b - y) / (2.0 - 2.0 * kb), (r - y) / (2.0 - 2.0 * kr));
    let (black, white) = luma_range(info);
    let luma = black + (white - black) * y;
    let swing = if black == 0.0 { 255.0 } else { 224.0 };
    // Within 0 to 255 by construction; `as` saturates the rounding at the ends.
    [luma, 128.0 + swing * u, 128.0 + swing * v].map(|n| n.round() as u8)
}

/// Parts of red and of blue in luma.
fn weights(info: &gst_video::VideoInfo) -> (f32, f32) {
    match info.colorimetry().matrix() {
        gst_video::VideoColorMatrix::Bt601 => (0.299, 0.114),
        gst_video::VideoColorMatrix::Bt2020 => (0.2627, 0.0593),
        _ => (0.2126, 0.0722),
    }
}

/// Luma of black and of white.
fn luma_range(info: &gst_video::VideoInfo) -> (f32, f32) {
    match info.colorimetry().range() {
        gst_video::VideoColorRange::Range0_255 => (0.0, 255.0),
        _ => (16.0, 235.0),
    }
}

#[cfg(test)]
mod tests;
