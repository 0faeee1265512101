//! Noise reduction in luma: over the neighbours of a pixel and over the pictures before it (IMG-10, IMG-11).

use super::canvas::{Canvas, PlaneMut};
use crate::Result;

/// How strongly noise is reduced, each 0 (not at all) to 100.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Denoise {
    /// Between neighbours: what differs little is brought together, edges stay.
    pub spatial: u8,
    /// Over time: what differs little from before is brought together, what moves stays.
    pub temporal: u8,
}

impl Denoise {
    /// Whether it changes nothing.
    pub fn is_off(&self) -> bool {
        *self == Self::default()
    }
}

/// Bits behind the point of what is remembered: without them it would never arrive.
const FINE: u32 = 7;

/// Reduces the noise of one picture after the other.
pub(super) struct Cleaner {
    /// Differences from this on are edges.
    edge: u8,
    /// Differences from this on are motion, in fine units.
    motion: i16,
    /// 64ths of a difference that are taken over at once.
    pace: i32,
    before: Vec<i16>,
    /// Rows as they were.
    above: Vec<u8>,
    own: Vec<u8>,
}

impl Cleaner {
    pub(super) fn new(how: Denoise) -> Option<Self> {
        if how.is_off() {
            return None;
        }
        let [spatial, temporal] = [how.spatial, how.temporal].map(|n| u16::from(n.min(100)));
        Some(Self {
            // At most 24 and 20 of 256 steps of luma.
            edge: (spatial * 24 / 100) as u8,
            motion: (temporal * 20 / 100) as i16 * (1 << FINE),
            pace: 64 - i32::from(temporal) * 56 / 100,
            before: Vec::new(),
            above: Vec::new(),
            own: Vec::new(),
        })
    }

    pub(super) fn clean(&mut self, canvas: &mut Canvas) -> Result<()> {
        let mut luma = canvas.plane(0)?;
        if self.motion > 0 {
            self.settle(&mut luma);
        }
        if self.edge > 0 {
            self.smooth(&mut luma);
        }
        Ok(())
    }

    fn settle(&mut self, luma: &mut PlaneMut<'_>) {
        let (width, height) = (luma.width, luma.height);
        if self.before.len() != width * height {
            self.before.clear();
            for y in 0..height {
                let row = luma.row(y, 0, width);
                self.before
                    .extend(row.iter().map(|n| i16::from(*n) << FINE));
            }
            return;
        }
        let (motion, pace) = (self.motion, self.pace);
        for (y, before) in self.before.chunks_exact_mut(width).enumerate() {
            for (pixel, before) in luma.row(y, 0, width).iter_mut().zip(before) {
                let now = i16::from(*pixel) << FINE;
                let differs = now - *before;
                let step = if differs.abs() < motion {
                    (i32::from(differs) * pace / 64) as i16
                } else {
                    differs
                };
                *before += step;
                *pixel = ((*before + (1 << (FINE - 1))) >> FINE).clamp(0, 255) as u8;
            }
        }
    }

    fn smooth(&mut self, luma: &mut PlaneMut<'_>) {
        let (width, height, edge) = (luma.width, luma.height, self.edge);
        self.above.clear();
        self.above.extend_from_slice(luma.row(0, 0, width));
        for y in 1..height.saturating_sub(1) {
            self.own.clear();
            self.own.extend_from_slice(luma.row(y, 0, width));
            // The next row is still as it was.
            let start = y * luma.stride;
            let (rows, below) = luma.data.split_at_mut(start + luma.stride);
            let inner = 1..width.max(2) - 1;
            let (Some(to), Some(below)) = (
                rows.get_mut(start + inner.start..start + inner.end),
                below.get(inner.clone()),
            ) else {
                return;
            };
            let near = |n: &u8, c: u8| u16::from(if n.abs_diff(c) < edge { *n } else { c });
            let around = self.own[..width - 2]
                .iter()
                .zip(&self.own[2..])
                .zip(&self.above[inner.clone()])
                .zip(below);
            for ((to, own), (((l, r), a), b)) in to.iter_mut().zip(&self.own[inner]).zip(around) {
                let c = *own;
                let sum = near(l, c) + near(r, c) + near(a, c) + near(b, c) + 4 * u16::from(c);
                *to = ((sum + 4) / 8) as u8;
            }
            std::mem::swap(&mut self.above, &mut self.own);
        }
    }
}
