//! How good a rectified crop is: weight of its vote, choice of the best frame, reasons for no read.

use crate::picture::GreyImage;

/// Contrast and sharpness of a crop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quality {
    /// Standard deviation of the grey values, 0..=127.5.
    pub contrast: f32,
    /// Share of the contrast that lies between neighbouring pixels, 0 (smooth) to 1 (crisp or noisy).
    pub sharpness: f32,
}

/// Contrast below which nothing can be read.
pub const LEAST_CONTRAST: f32 = 8.0;
/// Sharpness below which a failed read is put down to blur.
pub const LEAST_SHARPNESS: f32 = 0.02;
/// Sharpness from which more says nothing.
const FULL_SHARPNESS: f32 = 0.15;

impl Quality {
    /// Measures a crop.
    #[must_use]
    pub fn of(crop: &GreyImage) -> Self {
        let w = crop.size().width() as usize;
        let (mut sum, mut squares, mut steps, mut pairs) = (0u64, 0u64, 0u64, 0u64);
        for row in crop.data().chunks_exact(w) {
            for p in row {
                sum += u64::from(*p);
                squares += u64::from(*p) * u64::from(*p);
            }
            for (a, b) in row.iter().zip(&row[1..]) {
                let d = u64::from(a.abs_diff(*b));
                steps += d * d;
            }
            pairs += w as u64 - 1;
        }
        let n = crop.data().len().max(1) as f32;
        let mean = sum as f32 / n;
        let variance = (squares as f32 / n - mean * mean).max(0.0);
        let step = steps as f32 / pairs.max(1) as f32;
        // For uncorrelated pixels the mean squared step is twice the variance.
        let sharpness = if variance > 1.0 {
            (step / (2.0 * variance)).min(1.0)
        } else {
            0.0
        };
        Self {
            contrast: variance.sqrt(),
            sharpness,
        }
    }

    /// Sharpness and contrast as one weight, above 0 and at most 1.
    #[must_use]
    pub fn weight(&self) -> f32 {
        let sharp = (self.sharpness / FULL_SHARPNESS).clamp(0.05, 1.0);
        let contrast = (self.contrast / 40.0).clamp(0.1, 1.0);
        sharp * contrast
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::FrameSize;

    /// Bars of the given width, with edges `soft` pixels wide.
    fn bars(period: i32, soft: i32, high: f32) -> GreyImage {
        let size = FrameSize::new(128, 64).unwrap();
        let value = |x: i32| {
            let at = |x: i32| {
                if x.rem_euclid(period) * 2 < period {
                    high
                } else {
                    0.0
                }
            };
            (-soft..=soft).map(|k| at(x + k)).sum::<f32>() / (2 * soft + 1) as f32
        };
        GreyImage::new(
            size,
            (0..64)
                .flat_map(|_| (0..128).map(|x| value(x) as u8))
                .collect(),
        )
        .unwrap()
    }

    #[test]
    fn blur_lowers_sharpness_and_dark_lowers_contrast() {
        let crisp = Quality::of(&bars(16, 0, 200.0));
        let soft = Quality::of(&bars(16, 3, 200.0));
        let dark = Quality::of(&bars(16, 0, 10.0));
        assert!(crisp.sharpness > 2.0 * soft.sharpness, "{crisp:?} {soft:?}");
        assert!(dark.contrast < LEAST_CONTRAST && crisp.contrast > 90.0);
        assert!(crisp.weight() > soft.weight() && crisp.weight() > dark.weight());
        assert!(crisp.weight() <= 1.0 && dark.weight() > 0.0);
    }

    #[test]
    fn a_flat_crop_is_neither() {
        let q = Quality::of(&GreyImage::filled(FrameSize::new(1, 1).unwrap(), 7));
        assert_eq!((q.contrast, q.sharpness), (0.0, 0.0));
        assert!(q.weight() > 0.0);
    }
}
