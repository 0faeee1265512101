//! Covered areas.

use gstreamer_video as gst_video;

use super::canvas::Canvas;
use super::{Mask, yuv};

/// A mask in the pixels of one picture size.
pub(super) struct Covered {
    color: [u8; 3],
    luma: Vec<Span>,
    chroma: Vec<Span>,
}

/// Columns `from` to before `to` of a row.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
struct Span {
    row: usize,
    from: usize,
    to: usize,
}

impl Covered {
    pub(super) fn new(mask: &Mask, info: &gst_video::VideoInfo) -> Self {
        let (width, height) = (info.width() as usize, info.height() as usize);
        let corners: Vec<(f32, f32)> = mask
            .corners
            .iter()
            .map(|c| {
                (
                    (c.x + 1.0) / 2.0 * width as f32,
                    (1.0 - c.y) / 2.0 * height as f32,
                )
            })
            .collect();
        let luma: Vec<Span> = (0..height)
            .flat_map(|row| spans(&corners, row, width))
            .collect();
        // A chroma sample belongs to four pixels; it is covered when one of them is.
        let chroma = luma
            .iter()
            .map(|s| Span {
                row: s.row / 2,
                from: s.from / 2,
                to: s.to.div_ceil(2),
            })
            .collect();
        Self {
            color: yuv(mask.color, info),
            luma,
            chroma,
        }
    }

    pub(super) fn fill(&self, canvas: &mut Canvas) {
        for (index, color) in (0u32..).zip(self.color) {
            let spans = if index == 0 { &self.luma } else { &self.chroma };
            if let Ok(mut plane) = canvas.plane(index) {
                for span in spans {
                    plane.row(span.row, span.from, span.to).fill(color);
                }
            }
        }
    }
}

/// What a polygon covers of a row: everything that its outline goes around, crossings of the outline with
/// itself included. Pixels that are covered in part are covered.
fn spans(corners: &[(f32, f32)], row: usize, width: usize) -> Vec<Span> {
    let middle = row as f32 + 0.5;
    let next = corners.iter().cycle().skip(1);
    let mut crossings: Vec<(f32, i32)> = corners
        .iter()
        .zip(next)
        .filter(|(a, b)| (a.1 <= middle) != (b.1 <= middle))
        .map(|(a, b)| {
            let x = a.0 + (middle - a.1) / (b.1 - a.1) * (b.0 - a.0);
            (x, if b.1 > a.1 { 1 } else { -1 })
        })
        .collect();
    crossings.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut winding = 0;
    let mut found = Vec::new();
    let mut begun = 0.0;
    for (x, turn) in crossings {
        if winding == 0 {
            begun = x;
        }
        winding += turn;
        if winding == 0 {
            // `as` saturates at 0 and the row method cuts at the width.
            let (from, to) = (begun.floor() as usize, (x.ceil() as usize).min(width));
            found.push(Span { row, from, to });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(corners: &[(f32, f32)], row: usize) -> Vec<(usize, usize)> {
        let found = spans(corners, row, 100);
        found.iter().map(|s| (s.from, s.to)).collect()
    }

    #[test]
    fn polygons_cover_what_they_go_around() {
        let square = [(10.0, 10.0), (20.0, 10.0), (20.0, 20.0), (10.0, 20.0)];
        assert_eq!(row(&square, 9), []);
        assert_eq!(row(&square, 10), [(10, 20)]);
        assert_eq!(row(&square, 19), [(10, 20)]);
        assert_eq!(row(&square, 20), []);
        let turned: Vec<_> = square.iter().rev().copied().collect();
        assert_eq!(row(&turned, 15), [(10, 20)], "either way round");
        let horseshoe = [
            (0.0, 0.0),
            (30.0, 0.0),
            (30.0, 30.0),
            (20.0, 30.0),
            (20.0, 10.0),
            (10.0, 10.0),
            (10.0, 30.0),
            (0.0, 30.0),
        ];
        assert_eq!(row(&horseshoe, 5), [(0, 30)]);
        assert_eq!(row(&horseshoe, 15), [(0, 10), (20, 30)]);
        // Outside the picture, and an edge between two pixels: both of them are covered.
        let wide = [(-50.0, 0.0), (500.0, 0.0), (500.0, 9.0), (-50.0, 9.0)];
        assert_eq!(row(&wide, 3), [(0, 100)]);
        let between = [(10.4, 0.0), (12.6, 0.0), (12.6, 9.0), (10.4, 9.0)];
        assert_eq!(row(&between, 3), [(10, 13)]);
    }

    /// A five-pointed star crosses itself: its middle is covered as well.
    #[test]
    fn a_star_has_no_hole() {
        let star = [
            (50.0, 0.0),
            (79.0, 90.0),
            (2.0, 35.0),
            (98.0, 35.0),
            (21.0, 90.0),
        ];
        assert_eq!(row(&star, 50).len(), 1);
    }

    proptest::proptest! {
        #[test]
        fn any_corners_are_taken(corners in proptest::collection::vec((-300f32..300.0, -300f32..300.0), 0..12)) {
            for y in 0..60 {
                for span in spans(&corners, y, 60) {
                    assert!(span.to <= 60);
                }
            }
        }
    }
}
