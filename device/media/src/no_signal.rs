//! The picture that viewers get while the source gives none: they stay connected and see why.

use gstreamer as gst;
use gstreamer_video as gst_video;
use gstreamer_video::prelude::*;

use crate::config::PictureSize;
use crate::{Error, Result};

/// Columns of one glyph, the lowest bit on top; 5 wide, 7 high.
type Glyph = [u8; 5];

const DIGITS: [Glyph; 10] = [
    [0x3e, 0x51, 0x49, 0x45, 0x3e],
    [0x00, 0x42, 0x7f, 0x40, 0x00],
    [0x62, 0x51, 0x49, 0x49, 0x46],
    [0x22, 0x41, 0x49, 0x49, 0x36],
    [0x18, 0x14, 0x12, 0x7f, 0x10],
    [0x27, 0x45, 0x45, 0x45, 0x39],
    [0x3c, 0x4a, 0x49, 0x49, 0x30],
    [0x01, 0x71, 0x09, 0x05, 0x03],
    [0x36, 0x49, 0x49, 0x49, 0x36],
    [0x06, 0x49, 0x49, 0x29, 0x1e],
];
const LETTERS: [Glyph; 26] = [
    [0x7e, 0x11, 0x11, 0x11, 0x7e],
    [0x7f, 0x49, 0x49, 0x49, 0x36],
    [0x3e, 0x41, 0x41, 0x41, 0x22],
    [0x7f, 0x41, 0x41, 0x41, 0x3e],
    [0x7f, 0x49, 0x49, 0x49, 0x41],
    [0x7f, 0x09, 0x09, 0x09, 0x01],
    [0x3e, 0x41, 0x49, 0x49, 0x3a],
    [0x7f, 0x08, 0x08, 0x08, 0x7f],
    [0x41, 0x41, 0x7f, 0x41, 0x41],
    [0x20, 0x40, 0x40, 0x40, 0x3f],
    [0x7f, 0x08, 0x14, 0x22, 0x41],
    [0x7f, 0x40, 0x40, 0x40, 0x40],
    [0x7f, 0x02, 0x0c, 0x02, 0x7f],
    [0x7f, 0x04, 0x08, 0x10, 0x7f],
    [0x3e, 0x41, 0x41, 0x41, 0x3e],
    [0x7f, 0x09, 0x09, 0x09, 0x06],
    [0x3e, 0x41, 0x51, 0x21, 0x5e],
    [0x7f, 0x09, 0x19, 0x29, 0x46],
    [0x26, 0x49, 0x49, 0x49, 0x32],
    [0x01, 0x01, 0x7f, 0x01, 0x01],
    [0x3f, 0x40, 0x40, 0x40, 0x3f],
    [0x1f, 0x20, 0x40, 0x20, 0x1f],
    [0x7f, 0x20, 0x18, 0x20, 0x7f],
    [0x63, 0x14, 0x08, 0x14, 0x63],
    [0x03, 0x04, 0x78, 0x04, 0x03],
    [0x61, 0x51, 0x49, 0x45, 0x43],
];
const CELL: usize = 6;
const ROWS: usize = 7;
/// Luma of the ground and of the text, in video range.
const GROUND: u8 = 48;
const TEXT: u8 = 200;

fn glyph(letter: char) -> Glyph {
    match letter.to_ascii_uppercase() {
        digit @ '0'..='9' => DIGITS[usize::from(digit as u8 - b'0')],
        letter @ 'A'..='Z' => LETTERS[usize::from(letter as u8 - b'A')],
        '.' => [0x00, 0x60, 0x60, 0x00, 0x00],
        ':' => [0x00, 0x36, 0x36, 0x00, 0x00],
        '-' => [0x08, 0x08, 0x08, 0x08, 0x08],
        '/' => [0x20, 0x10, 0x08, 0x04, 0x02],
        _ => [0; 5],
    }
}

/// A grey I420 picture that says "NO SIGNAL" and, below, a line of detail.
pub(crate) fn picture(
    size: PictureSize,
    detail: &str,
) -> Result<(gst::Buffer, gst_video::VideoInfo)> {
    let failed = |reason: String| Error::pipeline("no-signal picture", reason);
    let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, size.width, size.height)
        .colorimetry(&gst_video::VideoColorimetry::new(
            gst_video::VideoColorRange::Range16_235,
            gst_video::VideoColorMatrix::Bt709,
            gst_video::VideoTransferFunction::Bt709,
            gst_video::VideoColorPrimaries::Bt709,
        ))
        .build()
        .map_err(|e| failed(e.to_string()))?;
    let buffer = gst::Buffer::with_size(info.size()).map_err(|e| failed(e.to_string()))?;
    let mut video = gst_video::VideoFrame::from_buffer_writable(buffer, &info)
        .map_err(|_| failed(format!("{size} cannot be mapped")))?;
    for chroma in [1, 2] {
        video
            .plane_data_mut(chroma)
            .map_err(|e| failed(e.to_string()))?
            .fill(128);
    }
    let stride = usize::try_from(video.plane_stride()[0]).map_err(|e| failed(e.to_string()))?;
    let luma = video.plane_data_mut(0).map_err(|e| failed(e.to_string()))?;
    luma.fill(GROUND);
    let (width, height) = (size.width as usize, size.height as usize);
    let mut canvas = Canvas {
        luma,
        stride,
        width,
        height,
    };
    canvas.centred("NO SIGNAL", width / 2, height * 2 / 5);
    canvas.centred(detail, width * 4 / 5, height * 3 / 5);
    Ok((video.into_buffer(), info))
}

struct Canvas<'a> {
    luma: &'a mut [u8],
    stride: usize,
    width: usize,
    height: usize,
}

impl Canvas<'_> {
    /// Writes a line about `wanted` pixels wide around the row `middle`; cut where it does not fit.
    fn centred(&mut self, text: &str, wanted: usize, middle: usize) {
        let most = self.width / CELL;
        let text: Vec<char> = text.chars().take(most).collect();
        if text.is_empty() {
            return;
        }
        let scale = (wanted / (text.len() * CELL)).clamp(1, self.height / (ROWS * 5) + 1);
        let left = self.width.saturating_sub(text.len() * CELL * scale) / 2;
        let top = middle.saturating_sub(ROWS * scale / 2);
        for (n, letter) in text.iter().enumerate() {
            for (column, bits) in glyph(*letter).iter().enumerate() {
                for row in (0..ROWS).filter(|row| bits >> row & 1 == 1) {
                    self.block(left + (n * CELL + column) * scale, top + row * scale, scale);
                }
            }
        }
    }

    fn block(&mut self, left: usize, top: usize, side: usize) {
        let right = (left + side).min(self.width);
        for row in top..(top + side).min(self.height) {
            let line = row * self.stride;
            if let Some(pixels) = self.luma.get_mut(line + left.min(right)..line + right) {
                pixels.fill(TEXT);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_size_and_text_is_drawn() {
        crate::init().unwrap();
        for (width, height) in [(64, 64), (352, 240), (1920, 1080), (66, 2000), (8192, 64)] {
            for detail in ["", "connecting", &"rtsp://x/ö: ".repeat(100)] {
                let size = PictureSize::new(width, height);
                let (buffer, info) = picture(size, detail).unwrap();
                assert_eq!((info.width(), info.height()), (width, height));
                let map = buffer.map_readable().unwrap();
                let text = map.iter().filter(|byte| **byte == TEXT).count();
                assert!(text >= 60, "{size} {detail:?}: only {text} pixels of text");
            }
        }
    }

    #[test]
    fn the_detail_line_is_visible() {
        crate::init().unwrap();
        let size = PictureSize::new(704, 480);
        let with = picture(size, "connecting").unwrap().0;
        let without = picture(size, "").unwrap().0;
        assert_ne!(
            *with.map_readable().unwrap(),
            *without.map_readable().unwrap()
        );
    }
}
