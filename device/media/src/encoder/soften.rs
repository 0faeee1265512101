//! Fine detail taken out of parts of a picture.

use std::ops::Range;

/// Rows of a component, and the columns of them that are softened once and twice more.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Band {
    pub(super) rows: Range<usize>,
    pub(super) once: Vec<Range<usize>>,
    pub(super) twice: Vec<Range<usize>>,
}

/// One component of a picture: luma, or one of the two chroma.
pub(super) struct Component<'a> {
    pub(super) data: &'a mut [u8],
    pub(super) stride: usize,
    pub(super) step: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

impl Component<'_> {
    fn row(&self, row: usize) -> &[u8] {
        let from = row.min(self.height - 1) * self.stride;
        let bytes = (self.width - 1) * self.step + 1;
        self.data.get(from..from + bytes).unwrap_or_default()
    }
}

/// A binomial low-pass of five rows and five columns, in place; keeps its rows for the next picture.
#[derive(Default)]
pub(super) struct Soften {
    /// The two rows above and this one, as they were.
    above: [Vec<u8>; 3],
    /// Sums of columns, each 16 times a pixel, with two more pixels at both ends.
    sums: Vec<u16>,
}

impl Soften {
    pub(super) fn run(
        &mut self,
        c: &mut Component<'_>,
        bands: &[Band],
        which: impl Fn(&Band) -> &[Range<usize>],
    ) {
        if c.width == 0 || c.height == 0 {
            return;
        }
        let bytes = (c.width - 1) * c.step + 1;
        let pad = 2 * c.step;
        self.sums.resize(bytes + 2 * pad, 0);
        for band in bands.iter().filter(|b| !which(b).is_empty()) {
            for (n, kept) in self.above.iter_mut().enumerate() {
                kept.clear();
                kept.extend_from_slice(c.row((band.rows.start + n).saturating_sub(2)));
            }
            for row in band.rows.clone() {
                self.above[2].clear();
                self.above[2].extend_from_slice(c.row(row));
                self.add(c.row(row + 1), c.row(row + 2), pad);
                let start = row * c.stride;
                let out = &mut c.data[start..start + bytes];
                for columns in which(band) {
                    across(&self.sums, c.step, columns, out);
                }
                self.above.rotate_left(1);
            }
        }
    }

    /// Adds up the five rows around one.
    fn add(&mut self, below: &[u8], below2: &[u8], pad: usize) {
        let [above2, above, middle] = &self.above;
        let bytes = middle.len();
        let inside = &mut self.sums[pad..pad + bytes];
        let rows = above2.iter().zip(above).zip(middle).zip(below).zip(below2);
        for (sum, ((((a, b), m), d), e)) in inside.iter_mut().zip(rows) {
            let outer = u16::from(*a) + u16::from(*e);
            let inner = u16::from(*b) + u16::from(*d);
            *sum = outer + 4 * inner + 6 * u16::from(*m);
        }
        let (first, last) = (self.sums[pad], self.sums[pad + bytes - 1]);
        self.sums[..pad].fill(first);
        self.sums[pad + bytes..].fill(last);
    }
}

/// The same along a row of sums. 16 times 16 times 255 and the rounding just fit.
fn across(sums: &[u16], step: usize, columns: &Range<usize>, out: &mut [u8]) {
    let weigh = |a: u16, b: u16, m: u16, d: u16, e: u16| {
        // At most 255: the weights add up to 256.
        ((a + e + 4 * (b + d) + 6 * m + 128) >> 8) as u8
    };
    if step == 1 {
        let of = |shift: usize| &sums[columns.start + shift..columns.end + shift];
        let taps = of(0).iter().zip(of(1)).zip(of(2)).zip(of(3)).zip(of(4));
        for (out, ((((a, b), m), d), e)) in out[columns.clone()].iter_mut().zip(taps) {
            *out = weigh(*a, *b, *m, *d, *e);
        }
    } else {
        for x in columns.clone() {
            let tap = |n: usize| sums[(x + n) * step];
            out[x * step] = weigh(tap(0), tap(1), tap(2), tap(3), tap(4));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::iter;

    use super::*;

    /// A flat picture stays as it is and a fine pattern goes grey, in one component and between the other's columns.
    #[test]
    fn detail_goes_and_brightness_stays() {
        for step in [1, 2] {
            let (width, height) = (40, 24);
            let stride = width * step + 8;
            let mut data = vec![7u8; stride * height];
            for y in 0..height {
                for x in 0..width {
                    data[y * stride + x * step] = if x < 20 {
                        200
                    } else if (x + y) % 2 == 0 {
                        255
                    } else {
                        1
                    };
                }
            }
            let before = data.clone();
            let all = [Band {
                rows: 0..height,
                once: iter::once(0..width).collect(),
                twice: vec![],
            }];
            let mut c = Component {
                data: &mut data,
                stride,
                step,
                width,
                height,
            };
            Soften::default().run(&mut c, &all, |b| &b.once);
            for y in 3..height - 3 {
                assert_eq!(data[y * stride + 5 * step], 200);
                let grey = data[y * stride + 30 * step];
                assert!((126..=130).contains(&grey), "{grey}");
            }
            if step == 2 {
                let between = |d: &[u8]| {
                    d.iter()
                        .enumerate()
                        .filter(|(i, _)| i % stride % 2 == 1)
                        .map(|(_, b)| *b)
                        .collect::<Vec<_>>()
                };
                assert_eq!(between(&data), between(&before), "the other component");
            }
        }
    }
}
