//! Pictures of the owner in the video, such as a logo.

use gstreamer_video as gst_video;

use super::canvas::{Canvas, PlaneMut};
use super::place::Corners;
use super::{Image, yuv};

/// Rows of the picture that heights are given for.
const NOMINAL_ROWS: f32 = 1080.0;

/// A picture scaled for the video and in its colours.
pub(super) struct Overlay {
    width: usize,
    height: usize,
    luma: Vec<u8>,
    cover: Vec<u8>,
    /// Blue and red difference, each for four pixels.
    chroma: [Vec<u8>; 2],
    chroma_cover: Vec<u8>,
}

impl Overlay {
    /// Scales a picture; smaller where the video is too narrow or too low for it. `None` for a picture without pixels.
    pub(super) fn new(image: &Image, info: &gst_video::VideoInfo) -> Option<Self> {
        let (own_width, own_height) = (image.pixels.width, image.pixels.height);
        if own_width == 0 || own_height == 0 || image.pixels.pixels.len() < own_width * own_height {
            return None;
        }
        let (columns, rows) = (info.width() as f32, info.height() as f32);
        let wanted = image.height as f32 * rows / NOMINAL_ROWS;
        let scale = (wanted / own_height as f32)
            .min(rows / own_height as f32)
            .min(columns / own_width as f32);
        // Even, so that chroma samples and pixels keep together.
        let even = |n: f32| ((n / 2.0).round() as usize).max(1) * 2;
        let (width, height) = (
            even(own_width as f32 * scale),
            even(own_height as f32 * scale),
        );
        let mut made = Self {
            width,
            height,
            luma: Vec::with_capacity(width * height),
            cover: Vec::with_capacity(width * height),
            chroma: [Vec::new(), Vec::new()],
            chroma_cover: Vec::new(),
        };
        let mut colors = Vec::with_capacity(width * height);
        for y in 0..height {
            for x in 0..width {
                let (rgb, cover) = mean(
                    image,
                    span(x, width, own_width),
                    span(y, height, own_height),
                );
                let color = yuv(rgb, info);
                made.luma.push(color[0]);
                made.cover.push(cover);
                colors.push(color);
            }
        }
        for y in (0..height).step_by(2) {
            for x in (0..width).step_by(2) {
                let four = [
                    y * width + x,
                    y * width + x + 1,
                    (y + 1) * width + x,
                    (y + 1) * width + x + 1,
                ];
                let sum: u32 = four.iter().map(|i| u32::from(made.cover[*i])).sum();
                for (plane, chroma) in made.chroma.iter_mut().enumerate() {
                    let parts = four
                        .iter()
                        .map(|i| u32::from(colors[*i][plane + 1]) * u32::from(made.cover[*i]));
                    chroma.push((parts.sum::<u32>() / sum.max(1)) as u8);
                }
                made.chroma_cover.push((sum / 4) as u8);
            }
        }
        Some(made)
    }
}

/// The part of `own` that one of `wanted` steps stands for; at least one.
fn span(step: usize, wanted: usize, own: usize) -> std::ops::Range<usize> {
    let from = (step * own / wanted).min(own - 1);
    from..((step + 1) * own / wanted).clamp(from + 1, own)
}

/// Colour and cover of a part of a picture; what is not covered has no colour.
fn mean(
    image: &Image,
    columns: std::ops::Range<usize>,
    rows: std::ops::Range<usize>,
) -> ([u8; 3], u8) {
    let count = (columns.len() * rows.len()).max(1) as u64;
    let (mut color, mut cover) = ([0u64; 3], 0u64);
    for y in rows {
        let row = y * image.pixels.width;
        for [r, g, b, a] in &image.pixels.pixels[row + columns.start..row + columns.end] {
            let a = u64::from(*a);
            for (sum, part) in color.iter_mut().zip([r, g, b]) {
                *sum += u64::from(*part) * a;
            }
            cover += a;
        }
    }
    // Means of bytes are bytes.
    (
        color.map(|sum| (sum / cover.max(1)) as u8),
        (cover / count) as u8,
    )
}

fn blend(plane: &mut PlaneMut<'_>, at: (usize, usize), width: usize, new: &[u8], cover: &[u8]) {
    let rows = new.chunks_exact(width).zip(cover.chunks_exact(width));
    for (row, (new, cover)) in rows.enumerate() {
        let pixels = plane.row(at.1 + row, at.0, at.0 + width);
        for (pixel, (new, cover)) in pixels.iter_mut().zip(new.iter().zip(cover)) {
            *pixel = super::text::mixed(*pixel, *new, *cover);
        }
    }
}

/// Puts all pictures into the video, a later one over an earlier one.
pub(super) fn draw(
    canvas: &mut Canvas,
    images: &[Image],
    overlays: &[Option<Overlay>],
    corners: &mut Corners,
) {
    for (image, overlay) in images.iter().zip(overlays) {
        let Some(own) = overlay else { continue };
        let (x, y) = corners.next(image.place, (own.width, own.height));
        if let Ok(mut plane) = canvas.plane(0) {
            blend(&mut plane, (x, y), own.width, &own.luma, &own.cover);
        }
        for (index, chroma) in (1..).zip(&own.chroma) {
            if let Ok(mut plane) = canvas.plane(index) {
                let at = (x / 2, y / 2);
                blend(&mut plane, at, own.width / 2, chroma, &own.chroma_cover);
            }
        }
    }
}
