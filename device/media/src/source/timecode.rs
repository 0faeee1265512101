//! A time code in the test picture: bars that a program at the other end reads back, so that the way of a picture from its
//! capture to a screen can be measured (GEN-6).

use gstreamer as gst;
use gstreamer_video as gst_video;
use gstreamer_video::prelude::*;
use lpr_core::UtcTime;

/// Cells side by side over the whole width: four that mark the code (white, black, white, black), the time from its highest
/// bit on, and four with the exclusive or of its hexadecimal digits.
const CELLS: usize = 40;
/// The band's upper and lower edge, in sixteenths of the height: out of the way of texts, whole in every encoder's picture.
const BAND: (usize, usize) = (7, 9);

/// Milliseconds since 1970 as they are drawn: the lowest 32 bits.
fn drawn(utc: UtcTime) -> u32 {
    // The remainder fits.
    u32::try_from(utc.as_micros().div_euclid(1000).rem_euclid(1 << 32)).unwrap_or_default()
}

/// Whether each cell is white.
fn cells(ms: u32) -> [bool; CELLS] {
    let digits = (0..8).fold(0, |sum, n| sum ^ (ms >> (4 * n)) & 0xf);
    let code = 0b1010 << 36 | u64::from(ms) << 4 | u64::from(digits);
    std::array::from_fn(|n| code >> (CELLS - 1 - n) & 1 == 1)
}

/// Draws the time code of `utc` into a picture whose first plane is brightness, as I420 and NV12 have it. A picture that
/// cannot be written stays as it is.
pub(super) fn draw(buffer: &mut gst::Buffer, info: &gst_video::VideoInfo, utc: UtcTime) {
    let Ok(mut frame) = gst_video::VideoFrameRef::from_buffer_ref_writable(buffer.make_mut(), info)
    else {
        return;
    };
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let stride = usize::try_from(frame.plane_stride()[0]).unwrap_or_default();
    let Ok(luma) = frame.plane_data_mut(0) else {
        return;
    };
    let cells = cells(drawn(utc));
    let rows = luma.chunks_mut(stride.max(1)).take(height);
    for row in rows
        .skip(height * BAND.0 / 16)
        .take(height * (BAND.1 - BAND.0) / 16)
    {
        for (x, value) in row.iter_mut().take(width).enumerate() {
            *value = if cells[x * CELLS / width] { 235 } else { 16 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a reader finds in the middle of each cell.
    fn read(buffer: &gst::BufferRef, info: &gst_video::VideoInfo) -> Vec<bool> {
        let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, info).unwrap();
        let (width, height) = (info.width() as usize, info.height() as usize);
        let row = &frame.plane_data(0).unwrap()[height / 2 * info.stride()[0] as usize..];
        let middle = |n: usize| row[(2 * n + 1) * width / (2 * CELLS)] > 128;
        (0..CELLS).map(middle).collect()
    }

    /// GEN-6: the time of the picture stands in it, at any size.
    #[test]
    fn the_time_is_read_back() {
        crate::init().unwrap();
        let utc = UtcTime::from_micros(1_795_824_000_123_456);
        let ms = 1_795_824_000_123_u64 % (1 << 32);
        for (width, height) in [(1920, 1080), (640, 360), (100, 64)] {
            let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, width, height)
                .build()
                .unwrap();
            let mut buffer = gst::Buffer::with_size(info.size()).unwrap();
            draw(&mut buffer, &info, utc);
            let found = read(&buffer, &info);
            assert_eq!(found[..4], [true, false, true, false]);
            let value = |bits: &[bool]| {
                bits.iter()
                    .fold(0u64, |sum, bit| sum << 1 | u64::from(*bit))
            };
            assert_eq!(value(&found[4..36]), ms, "{width}x{height}");
            let digits = (0..8).fold(0, |sum, n| sum ^ (ms >> (4 * n)) & 0xf);
            assert_eq!(value(&found[36..]), digits);
        }
    }
}
