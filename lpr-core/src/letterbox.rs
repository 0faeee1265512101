//! A part of a frame as the detector's input: resized, in colour, at the top left of a padded square.
//!
//! The rule is that of `models/README.md`, section 1.

use crate::frame::{FrameView, Planes};
use crate::geometry::{FrameSize, PxPoint, PxRect};
use crate::picture::YuvToRgb;
use crate::resample::{Axis, resize_row};

/// Padding of the part of the input that no pixel covers, and the scale of every value.
const PAD: f32 = 114.0 / 255.0;
/// The net's sides are multiples of this.
const GRID: u32 = 32;

/// How a region lies in the net's input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    /// Top left corner of the region in the frame, pixels.
    pub origin: PxPoint,
    /// Net pixels for a frame pixel.
    pub scale: f32,
    /// Size of the net's input.
    pub input: FrameSize,
}

impl Placement {
    /// Where a point of the net's input lies in the frame.
    #[must_use]
    pub fn to_frame(&self, p: PxPoint) -> PxPoint {
        PxPoint::new(
            self.origin.x + p.x / self.scale,
            self.origin.y + p.y / self.scale,
        )
    }
}

/// The detector's input with its buffers, for use again and again.
#[derive(Default)]
pub struct Letterbox {
    data: Vec<f32>,
    acc: Vec<f32>,
    chroma: [Vec<f32>; 2],
}

impl Letterbox {
    /// Fills the input with `region` of `frame`, shrunk (or enlarged by at most `max_scale`) to fit
    /// `max_input`; returns how it lies there.
    ///
    /// The input's sides are the smallest multiples of 32 that hold the result.
    pub fn fill(
        &mut self,
        frame: &FrameView<'_>,
        region: PxRect,
        max_input: FrameSize,
        max_scale: f32,
    ) -> Placement {
        let window = Window::new(frame.size(), region);
        let (pw, ph) = (window.w as f64, window.h as f64);
        let scale = f64::from(max_scale)
            .min(f64::from(max_input.width()) / pw)
            .min(f64::from(max_input.height()) / ph);
        let (ow, oh) = (
            ((pw * scale).round() as usize).max(1),
            ((ph * scale).round() as usize).max(1),
        );
        let (nw, nh) = (
            ow.next_multiple_of(GRID as usize),
            oh.next_multiple_of(GRID as usize),
        );
        self.data.clear();
        self.data.resize(3 * nw * nh, PAD);
        let mut job = Job {
            window,
            ow,
            oh,
            nw,
            acc: &mut self.acc,
            chroma: &mut self.chroma,
        };
        let (r, rest) = self.data.split_at_mut(nw * nh);
        let (g, b) = rest.split_at_mut(nw * nh);
        match frame.planes() {
            Planes::Rgb { data, stride } => job.rgb(data, stride, [r, g, b]),
            Planes::Grey { data, stride } => job.grey(data, stride, [r, g, b]),
            Planes::I420 {
                y,
                y_stride,
                u,
                v,
                uv_stride,
            } => {
                job.yuv(
                    frame.size(),
                    (y, y_stride),
                    [r, g, b],
                    |job, across, down, row| {
                        let [cu, cv] = &mut *job.chroma;
                        resize_row(u, uv_stride, across, down, row, job.acc, [cu]);
                        resize_row(v, uv_stride, across, down, row, job.acc, [cv]);
                    },
                );
            }
            Planes::Nv12 {
                y,
                y_stride,
                uv,
                uv_stride,
            } => {
                job.yuv(
                    frame.size(),
                    (y, y_stride),
                    [r, g, b],
                    |job, across, down, row| {
                        let [cu, cv] = &mut *job.chroma;
                        resize_row(uv, uv_stride, across, down, row, job.acc, [cu, cv]);
                    },
                );
            }
        }
        // Sides are at most those of a frame rounded up to 32, so the fallback is never taken.
        let input = FrameSize::new(nw as u32, nh as u32).unwrap_or(max_input);
        Placement {
            origin: PxPoint::new(window.x as f32, window.y as f32),
            scale: scale as f32,
            input,
        }
    }

    /// The input, `[3, height, width]`, red first, 0..=1.
    #[must_use]
    pub fn data(&self) -> &[f32] {
        &self.data
    }
}

/// A region in whole, even pixels.
#[derive(Clone, Copy)]
struct Window {
    x: usize,
    y: usize,
    w: usize,
    h: usize,
}

impl Window {
    fn new(size: FrameSize, region: PxRect) -> Self {
        let (fw, fh) = (size.width() as usize, size.height() as usize);
        let r = region.clipped(size);
        let r = if r.area() < 1.0 { size.rect() } else { r };
        let (x, y) = (
            (r.x as usize).min(fw - 1) & !1,
            (r.y as usize).min(fh - 1) & !1,
        );
        let (x1, y1) = (
            (r.right().ceil() as usize).min(fw),
            (r.bottom().ceil() as usize).min(fh),
        );
        Self {
            x,
            y,
            w: x1.saturating_sub(x).max(1),
            h: y1.saturating_sub(y).max(1),
        }
    }
}

/// One filling: where from, how large, and scratch rows.
struct Job<'a> {
    window: Window,
    ow: usize,
    oh: usize,
    nw: usize,
    acc: &'a mut Vec<f32>,
    chroma: &'a mut [Vec<f32>; 2],
}

impl Job<'_> {
    fn axes(&self) -> (Axis, Axis) {
        let w = self.window;
        (
            Axis::new(w.x, w.w, self.ow, w.w as f64 / self.ow as f64),
            Axis::new(w.y, w.h, self.oh, w.h as f64 / self.oh as f64),
        )
    }

    fn rgb(&mut self, data: &[u8], stride: usize, planes: [&mut [f32]; 3]) {
        let (across, down) = self.axes();
        let [r, g, b] = planes;
        for row in 0..self.oh {
            let at = row * self.nw..row * self.nw + self.ow;
            let lines = [&mut r[at.clone()], &mut g[at.clone()], &mut b[at]];
            resize_row(data, stride, &across, &down, row, self.acc, lines);
        }
        for p in [r, g, b] {
            self.to_unit(p);
        }
    }

    fn grey(&mut self, data: &[u8], stride: usize, planes: [&mut [f32]; 3]) {
        let (across, down) = self.axes();
        let [r, g, b] = planes;
        for row in 0..self.oh {
            let at = row * self.nw..row * self.nw + self.ow;
            resize_row(data, stride, &across, &down, row, self.acc, [&mut r[at]]);
        }
        self.to_unit(r);
        g.copy_from_slice(r);
        b.copy_from_slice(r);
    }

    /// Luma and chroma are resized apart, each from its own plane, and become RGB at the net's size.
    fn yuv(
        &mut self,
        size: FrameSize,
        (luma, stride): (&[u8], usize),
        planes: [&mut [f32]; 3],
        chroma_row: impl Fn(&mut Self, &Axis, &Axis, usize),
    ) {
        let (across, down) = self.axes();
        let w = self.window;
        let (cw, ch) = (w.w.div_ceil(2), w.h.div_ceil(2));
        let c_across = Axis::new(w.x / 2, cw, self.ow, w.w as f64 / 2.0 / self.ow as f64);
        let c_down = Axis::new(w.y / 2, ch, self.oh, w.h as f64 / 2.0 / self.oh as f64);
        let k = YuvToRgb::for_height(size.height() as usize).as_f32();
        for c in self.chroma.iter_mut() {
            c.clear();
            c.resize(self.ow, 0.0);
        }
        let [r, g, b] = planes;
        for row in 0..self.oh {
            let at = row * self.nw..row * self.nw + self.ow;
            resize_row(
                luma,
                stride,
                &across,
                &down,
                row,
                self.acc,
                [&mut r[at.clone()]],
            );
            chroma_row(self, &c_across, &c_down, row);
            let (r, g, b) = (&mut r[at.clone()], &mut g[at.clone()], &mut b[at]);
            let [cu, cv] = &*self.chroma;
            for i in 0..self.ow {
                let l = (r[i] - 16.0) * k.luma;
                let (u, v) = (cu[i] - 128.0, cv[i] - 128.0);
                r[i] = (l + k.rv * v).clamp(0.0, 1.0);
                g[i] = (l - k.gu * u - k.gv * v).clamp(0.0, 1.0);
                b[i] = (l + k.bu * u).clamp(0.0, 1.0);
            }
        }
    }

    /// Scales the filled part of a plane from 0..=255 to 0..=1.
    fn to_unit(&self, plane: &mut [f32]) {
        for row in 0..self.oh {
            for v in &mut plane[row * self.nw..row * self.nw + self.ow] {
                *v *= 1.0 / 255.0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Picture, PixelFormat};
    use crate::time::UtcTime;

    fn size(w: u32, h: u32) -> FrameSize {
        FrameSize::new(w, h).unwrap()
    }

    /// A smooth colour picture as RGB.
    fn gradient(w: u32, h: u32) -> Picture {
        let data = (0..h)
            .flat_map(|y| (0..w).flat_map(move |x| [(x * 200 / w) as u8, (y * 200 / h) as u8, 90]));
        Picture::new(size(w, h), PixelFormat::Rgb, data.collect()).unwrap()
    }

    #[test]
    fn full_hd_becomes_640_by_384_with_padding_below() {
        let p = gradient(1920, 1080);
        let mut l = Letterbox::default();
        let at = l.fill(
            &p.view(UtcTime::EPOCH).unwrap(),
            p.size().rect(),
            size(640, 384),
            2.0,
        );
        assert_eq!(at.input, size(640, 384));
        assert!((at.scale - 1.0 / 3.0).abs() < 1e-6);
        assert_eq!(l.data().len(), 3 * 640 * 384);
        assert!((l.data()[359 * 640] - PAD).abs() > 0.05, "last picture row");
        assert!((l.data()[360 * 640] - PAD).abs() < 1e-6, "first padded row");
        let mid = l.data()[180 * 640 + 320];
        assert!((mid - 100.0 / 255.0).abs() < 0.01, "{mid}");
        let back = at.to_frame(PxPoint::new(320.0, 180.0));
        assert!((back.x - 960.0).abs() < 0.1 && (back.y - 540.0).abs() < 0.1);
    }

    #[test]
    fn a_region_is_cut_out_and_small_pictures_are_not_blown_up_beyond_the_limit() {
        let p = gradient(200, 100);
        let mut l = Letterbox::default();
        let at = l.fill(
            &p.view(UtcTime::EPOCH).unwrap(),
            PxRect::new(50.0, 20.0, 60.0, 60.0),
            size(640, 640),
            1.5,
        );
        assert_eq!((at.origin, at.scale), (PxPoint::new(50.0, 20.0), 1.5));
        assert_eq!(at.input, size(96, 96));
        assert!((l.data()[0] - 50.0 / 255.0).abs() < 0.01);
    }

    #[test]
    fn all_layouts_give_the_same_input() {
        // Flat limited-range colour: Y 120, U 100, V 160, and the same as RGB.
        let (w, h) = (64, 48);
        let rgb = YuvToRgb::for_height(h as usize).rgb(120, 100, 160);
        let n = (w * h) as usize;
        let i420 = [vec![120; n], vec![100; n / 4], vec![160; n / 4]].concat();
        let nv12 = [vec![120; n], [100, 160].repeat(n / 4)].concat();
        let mut inputs = Vec::new();
        for (format, data) in [
            (PixelFormat::I420, i420),
            (PixelFormat::Nv12, nv12),
            (PixelFormat::Rgb, rgb.repeat(n)),
        ] {
            let p = Picture::new(size(w, h), format, data).unwrap();
            let mut l = Letterbox::default();
            l.fill(
                &p.view(UtcTime::EPOCH).unwrap(),
                p.size().rect(),
                size(32, 32),
                2.0,
            );
            inputs.push(l.data().to_vec());
        }
        for other in &inputs[..2] {
            for (a, b) in other.iter().zip(&inputs[2]) {
                assert!((a - b).abs() < 0.006, "{a} {b}");
            }
        }
    }
}
