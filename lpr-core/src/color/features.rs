//! Samples as numbers that a net can judge. `training/colors.py` does the same in Python; a test holds the two together.

use super::sample::{Rgb, Samples};

/// Shades that grey pixels are sorted into, by luma.
const SHADES: [f32; 5] = [0.05, 0.2, 0.4, 0.65, 1.0];
/// Hues that coloured pixels are sorted into, each dark and bright.
const HUES: usize = 6;
/// Entries of a histogram: grey by shade, coloured by hue and brightness.
pub(super) const BINS: usize = SHADES.len() + 2 * HUES;
/// Saturation up to which a pixel is grey, and from which it is all colour.
const GREY: f32 = 0.1;
const COLOURED: f32 = 0.3;
/// Luma, against white, around which a coloured pixel is dark or bright.
const DARK: f32 = 0.15;
const BRIGHT: f32 = 0.55;
/// Inputs of the two nets.
pub(super) const PLATE_INPUTS: usize = BINS + 7 + 4;
pub(super) const BODY_INPUTS: usize = 2 * BINS + 4;

/// The frame's light: what is taken for white in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Light {
    /// Factors that take half of the cast away.
    gains: [f32; 3],
    /// Mean of the brightest tenth, after the gains.
    white: f32,
    /// Redness and blueness of the mean against its luma.
    cast: [f32; 2],
    /// How far hues differ over the frame.
    spread: f32,
}

fn unit(p: &Rgb) -> [f32; 3] {
    p.map(|c| f32::from(c) / 255.0)
}

fn luma(p: [f32; 3]) -> f32 {
    0.3 * p[0] + 0.59 * p[1] + 0.11 * p[2]
}

impl Light {
    pub(super) fn of(frame: &[Rgb]) -> Self {
        let n = frame.len().max(1) as f32;
        let mut mean = [0.0f32; 3];
        for p in frame {
            for (m, c) in mean.iter_mut().zip(unit(p)) {
                *m += c / n;
            }
        }
        let level = (mean[0] + mean[1] + mean[2]) / 3.0;
        let gains = mean.map(|m| (level / m.max(1e-3)).clamp(0.6, 1.6).sqrt());
        let at = |p: &Rgb| {
            let p = unit(p);
            std::array::from_fn::<f32, 3, _>(|i| p[i] * gains[i])
        };
        let mut lumas: Vec<f32> = frame.iter().map(|p| luma(at(p))).collect();
        lumas.sort_unstable_by(|a, b| b.total_cmp(a));
        let top = &lumas[..lumas.len().div_ceil(10)];
        let white = top.iter().sum::<f32>() / top.len().max(1) as f32;
        let middle = luma(mean);
        let (mr, mb) = (mean[0] - middle, mean[2] - middle);
        let far = |p: &Rgb| {
            let p = unit(p);
            let l = luma(p);
            (p[0] - l - mr).powi(2) + (p[2] - l - mb).powi(2)
        };
        let spread = (frame.iter().map(far).sum::<f32>() / n).sqrt();
        Self {
            gains,
            white: white.max(0.25),
            cast: [mr / (middle + 0.05), mb / (middle + 0.05)],
            spread,
        }
    }

    pub(super) fn spread(&self) -> f32 {
        self.spread
    }

    /// How far the light is from white.
    pub(super) fn strength_of_cast(&self) -> f32 {
        self.cast[0].hypot(self.cast[1])
    }

    /// A pixel in this light: 1 is white.
    fn seen(&self, p: &Rgb) -> [f32; 3] {
        let p = unit(p);
        std::array::from_fn(|i| p[i] * self.gains[i] / self.white)
    }

    fn inputs(&self) -> [f32; 4] {
        [self.cast[0], self.cast[1], self.white, 10.0 * self.spread]
    }
}

/// Share of the pixels in each entry; a pixel between two entries counts for both in part.
fn histogram(pixels: &[Rgb], light: &Light) -> [f32; BINS] {
    let mut out = [0.0; BINS];
    let each = 1.0 / pixels.len().max(1) as f32;
    for p in pixels {
        let p = light.seen(p);
        let (high, low) = (p[0].max(p[1]).max(p[2]), p[0].min(p[1]).min(p[2]));
        let l = luma(p).min(1.0);
        let coloured = (((high - low) / (high + 0.06) - GREY) / (COLOURED - GREY)).clamp(0.0, 1.0);
        let grey = (1.0 - coloured) * each;
        let k = SHADES.iter().take_while(|s| **s <= l).count();
        if k == 0 || k == SHADES.len() {
            out[k.saturating_sub(1)] += grey;
        } else {
            let t = (l - SHADES[k - 1]) / (SHADES[k] - SHADES[k - 1]);
            out[k - 1] += grey * (1.0 - t);
            out[k] += grey * t;
        }
        if coloured > 0.0 {
            let bright = ((l - DARK) / (BRIGHT - DARK)).clamp(0.0, 1.0);
            let h = hue(p, high, high - low);
            let (a, t) = (h as usize % HUES, h.fract());
            for (bin, share) in [(a, 1.0 - t), ((a + 1) % HUES, t)] {
                let share = share * coloured * each;
                out[SHADES.len() + 2 * bin] += share * (1.0 - bright);
                out[SHADES.len() + 2 * bin + 1] += share * bright;
            }
        }
    }
    out
}

/// 0 red, 1 yellow, 2 green, 3 cyan, 4 blue, 5 magenta, below 6.
fn hue(p: [f32; 3], high: f32, range: f32) -> f32 {
    let h = if p[0] >= high {
        (p[1] - p[2]) / range
    } else if p[1] >= high {
        2.0 + (p[2] - p[0]) / range
    } else {
        4.0 + (p[0] - p[1]) / range
    };
    h.rem_euclid(6.0).min(5.999)
}

/// Dark and bright part of a plate: which holds more pixels is the background.
fn parts(pixels: &[Rgb], light: &Light) -> [f32; 7] {
    let seen: Vec<[f32; 3]> = pixels.iter().map(|p| light.seen(p)).collect();
    let (low, high) = seen.iter().fold((f32::MAX, f32::MIN), |(a, b), p| {
        (a.min(luma(*p)), b.max(luma(*p)))
    });
    // The mean of the two parts' means, a few times over, parts them.
    let mut cut = f32::midpoint(low, high);
    let mean = |keep: &dyn Fn(f32) -> bool| {
        let (mut sum, mut n) = ([0.0f32; 3], 0.0f32);
        for p in seen.iter().filter(|p| keep(luma(**p))) {
            n += 1.0;
            for (s, c) in sum.iter_mut().zip(p) {
                *s += c;
            }
        }
        (sum.map(|s| s / n.max(1.0)), n)
    };
    for _ in 0..6 {
        let (dark, bright) = (mean(&|l| l <= cut).0, mean(&|l| l > cut).0);
        cut = f32::midpoint(luma(dark), luma(bright));
    }
    let ((dark, d), (bright, b)) = (mean(&|l| l <= cut), mean(&|l| l > cut));
    let (ground, signs) = if d > b {
        (dark, bright)
    } else {
        (bright, dark)
    };
    let tell = |p: [f32; 3]| {
        let l = luma(p);
        [l.min(1.5), (p[0] - l) / (l + 0.08), (p[2] - l) / (l + 0.08)]
    };
    let ([a, b2, c], [e, f, g]) = (tell(ground), tell(signs));
    [a, b2, c, e, f, g, d / (d + b).max(1.0)]
}

pub(super) fn plate(samples: &Samples, light: &Light) -> [f32; PLATE_INPUTS] {
    let mut out = [0.0; PLATE_INPUTS];
    out[..BINS].copy_from_slice(&histogram(&samples.plate, light));
    out[BINS..BINS + 7].copy_from_slice(&parts(&samples.plate, light));
    out[BINS + 7..].copy_from_slice(&light.inputs());
    out
}

/// `None` where hardly any of the vehicle is in the frame.
pub(super) fn body(samples: &Samples, light: &Light) -> Option<[f32; BODY_INPUTS]> {
    if samples.above.len() < 60 || samples.beside.len() < 16 {
        return None;
    }
    let mut out = [0.0; BODY_INPUTS];
    out[..BINS].copy_from_slice(&histogram(&samples.above, light));
    out[BINS..2 * BINS].copy_from_slice(&histogram(&samples.beside, light));
    out[2 * BINS..].copy_from_slice(&light.inputs());
    Some(out)
}
