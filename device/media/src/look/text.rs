//! Letters in the picture.

use ab_glyph::{Font, FontVec, ScaleFont, point};
use gstreamer_video as gst_video;

use super::canvas::{Canvas, PlaneMut};
use super::place::Corners;
use super::{Text, yuv};
use crate::{Error, Result};

/// Debian's package fonts-dejavu-core.
const FONT: &str = "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf";
/// Rows of the picture that heights of lines are given for.
const NOMINAL_ROWS: f32 = 1080.0;
/// Longest line that is rendered, characters.
const LONGEST: usize = 160;

/// The font.
pub(super) struct Lettering(FontVec);

/// A rendered line.
pub(super) struct Stamp {
    line: String,
    luma: Layer,
    chroma: Layer,
    letters: [u8; 3],
    behind: [u8; 3],
}

/// How much of each pixel is letter and how much of the rest is what lies behind, 0 to 255.
struct Layer {
    width: usize,
    height: usize,
    letter: Vec<u8>,
    behind: Vec<u8>,
}

impl Lettering {
    pub(super) fn load() -> Result<Self> {
        let data = std::fs::read(FONT)
            .map_err(|e| Error::pipeline("texts in the picture", format!("{FONT}: {e}")))?;
        FontVec::try_from_vec(data)
            .map(Self)
            .map_err(|e| Error::pipeline("texts in the picture", format!("{FONT}: {e}")))
    }

    /// Renders a line for a picture; smaller where the picture is too narrow.
    pub(super) fn render(&self, text: &Text, line: String, info: &gst_video::VideoInfo) -> Stamp {
        let rows = info.height() as f32;
        let height = (text.height as f32 * rows / NOMINAL_ROWS).max(8.0);
        let margin = (height / 8.0).ceil();
        let most = info.width() as f32 - 2.0 * margin - 2.0;
        let long = self.length(&line, height);
        let height = if long > most {
            (height * most / long).max(2.0)
        } else {
            height
        };
        let luma = self.layer(&line, height, margin as usize, text.background.is_some());
        Stamp {
            chroma: luma.halved(),
            luma,
            letters: yuv(text.color, info),
            behind: yuv(text.background.unwrap_or(contrast(text.color)), info),
            line,
        }
    }

    /// Pixels from the first to the last letter.
    fn length(&self, line: &str, height: f32) -> f32 {
        let font = self.0.as_scaled(height);
        let letters = line.chars().take(LONGEST);
        letters.map(|c| font.h_advance(font.glyph_id(c))).sum()
    }

    fn layer(&self, line: &str, height: f32, margin: usize, filled: bool) -> Layer {
        let font = self.0.as_scaled(height);
        let even = |n: usize| n + n % 2;
        let mut layer = Layer::new(
            even(self.length(line, height).ceil() as usize + 2 * margin),
            even(height.ceil() as usize + 2 * margin),
        );
        let (mut x, baseline) = (margin as f32, margin as f32 + font.ascent());
        for letter in line.chars().take(LONGEST) {
            let id = font.glyph_id(letter);
            let glyph = id.with_scale_and_position(height, point(x, baseline));
            x += font.h_advance(id);
            if let Some(outline) = self.0.outline_glyph(glyph) {
                let bounds = outline.px_bounds();
                outline.draw(|dx, dy, part| {
                    let at = (
                        bounds.min.x as i32 + dx as i32,
                        bounds.min.y as i32 + dy as i32,
                    );
                    layer.put(at, part);
                });
            }
        }
        if filled {
            layer.behind.fill(255);
        } else {
            layer.outline(1 + margin / 3);
        }
        layer
    }
}

/// Black behind light letters and white behind dark ones.
fn contrast(color: super::Rgb) -> super::Rgb {
    let light: u32 = color.iter().map(|c| u32::from(*c)).sum();
    if light < 200 { [255; 3] } else { [0; 3] }
}

impl Stamp {
    pub(super) fn line(&self) -> &str {
        &self.line
    }
}

impl Layer {
    fn new(width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            letter: vec![0; width * height],
            behind: vec![0; width * height],
        }
    }

    fn put(&mut self, (x, y): (i32, i32), part: f32) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else {
            return;
        };
        if x < self.width
            && let Some(pixel) = self.letter.get_mut(y * self.width + x)
        {
            *pixel = pixel.saturating_add((part * 255.0).round() as u8);
        }
    }

    /// Puts what lies behind within `reach` pixels of a letter.
    fn outline(&mut self, reach: usize) {
        let (width, height) = (self.width, self.height);
        let spread = |from: &[u8], index: usize, along: usize, length: usize| {
            let at = index / along % length;
            (at.saturating_sub(reach)..=(at + reach).min(length - 1))
                .filter_map(|n| from.get(index + n * along - at * along))
                .copied()
                .max()
                .unwrap_or(0)
        };
        let rows: Vec<u8> = (0..width * height)
            .map(|i| spread(&self.letter, i, 1, width))
            .collect();
        self.behind = (0..width * height)
            .map(|i| spread(&rows, i, width, height))
            .collect();
    }

    /// The same for chroma samples, each the mean of four pixels.
    fn halved(&self) -> Self {
        let mean = |from: &[u8]| {
            let mut to = Vec::with_capacity(from.len() / 4);
            for rows in from.chunks_exact(2 * self.width) {
                let (upper, lower) = rows.split_at(self.width);
                for (a, b) in upper.chunks_exact(2).zip(lower.chunks_exact(2)) {
                    let sum: u16 = a.iter().chain(b).map(|n| u16::from(*n)).sum();
                    to.push((sum / 4) as u8);
                }
            }
            to
        };
        Self {
            width: self.width / 2,
            height: self.height / 2,
            letter: mean(&self.letter),
            behind: mean(&self.behind),
        }
    }

    fn blend(&self, plane: &mut PlaneMut<'_>, at: (usize, usize), letter: u8, behind: u8) {
        for row in 0..self.height {
            let own = row * self.width..(row + 1) * self.width;
            let parts = self.letter[own.clone()].iter().zip(&self.behind[own]);
            let pixels = plane.row(at.1 + row, at.0, at.0 + self.width);
            for (pixel, (over, under)) in pixels.iter_mut().zip(parts) {
                *pixel = mixed(mixed(*pixel, behind, *under), letter, *over);
            }
        }
    }
}

/// `part` of 255 of `new` over `old`.
pub(super) fn mixed(old: u8, new: u8, part: u8) -> u8 {
    let (old, new, part) = (u32::from(old), u32::from(new), u32::from(part));
    ((old * (255 - part) + new * part + 127) / 255) as u8
}

/// Puts all lines into the picture.
pub(super) fn draw(
    canvas: &mut Canvas,
    texts: &[Text],
    stamps: &[Option<Stamp>],
    corners: &mut Corners,
) {
    for (text, stamp) in texts.iter().zip(stamps) {
        let Some(stamp) = stamp else { continue };
        let (x, y) = corners.next(text.place, (stamp.luma.width, stamp.luma.height));
        for index in 0..3u32 {
            let (layer, shrink) = match index {
                0 => (&stamp.luma, 1),
                _ => (&stamp.chroma, 2),
            };
            let (letter, behind) = (stamp.letters[index as usize], stamp.behind[index as usize]);
            if let Ok(mut plane) = canvas.plane(index) {
                layer.blend(&mut plane, (x / shrink, y / shrink), letter, behind);
            }
        }
    }
}
