//! Where things lie that are drawn over the picture.

use super::Place;

/// Gives each thing its place; those in one corner lie below each other.
pub(super) struct Corners {
    width: usize,
    height: usize,
    /// How far each corner is taken.
    taken: [usize; 4],
}

impl Corners {
    pub(super) fn of(width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            taken: [0; 4],
        }
    }

    /// Column and row of the upper left corner of something of this size, inside the picture (OSD-4), and even, so
    /// that chroma samples and pixels keep together.
    pub(super) fn next(&mut self, place: Place, size: (usize, usize)) -> (usize, usize) {
        let right = self.width.saturating_sub(size.0);
        let below = self.height.saturating_sub(size.1);
        let mut next = |corner: usize| {
            let before = self.taken[corner];
            self.taken[corner] += size.1;
            before
        };
        let (x, y) = match place {
            Place::UpperLeft => (0, next(0)),
            Place::UpperRight => (right, next(1)),
            Place::LowerLeft => (0, below.saturating_sub(next(2))),
            Place::LowerRight => (right, below.saturating_sub(next(3))),
            Place::At(at) => (
                // `as` saturates at 0.
                ((at.x + 1.0) / 2.0 * self.width as f32) as usize,
                ((1.0 - at.y) / 2.0 * self.height as f32) as usize,
            ),
        };
        (x.min(right) / 2 * 2, y.min(below) / 2 * 2)
    }
}
