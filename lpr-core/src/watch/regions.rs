//! Motion in parts of the picture.

use std::time::Duration;

use super::{Sensitivity, cells, latch::Latch};
use crate::geometry::{NormPoint, polygon_contains};
use crate::time::MediaTime;
use cells::{CELLS, COLUMNS, ROWS};

/// A part of the picture that is watched for motion.
#[derive(Clone, Debug, PartialEq)]
pub struct RegionWatch {
    /// Tells it apart.
    pub name: String,
    /// Its corners, at least 3.
    pub polygon: Vec<NormPoint>,
    /// How little motion counts.
    pub sensitivity: Sensitivity,
}

/// A region in which motion began or ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionChange {
    /// The region's name.
    pub name: String,
    /// Whether something moves in it now.
    pub active: bool,
}

/// All regions with their states.
#[derive(Clone, Debug, Default)]
pub(super) struct Regions {
    all: Vec<Region>,
    changes: Vec<RegionChange>,
}

#[derive(Clone, Debug)]
struct Region {
    watch: RegionWatch,
    /// Cells whose middle is in it, never none.
    cells: Vec<usize>,
    latch: Latch,
}

impl Regions {
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Other regions. One that keeps its name and shape goes on; the others begin with nothing moving.
    pub(super) fn set(&mut self, wanted: Vec<RegionWatch>) {
        let mut before = std::mem::take(&mut self.all);
        for watch in wanted {
            let same = |r: &Region| r.watch.name == watch.name && r.watch.polygon == watch.polygon;
            let latch = match before.iter().position(same) {
                Some(at) => before.swap_remove(at).latch,
                None => Latch::default(),
            };
            let cells = inside(&watch.polygon);
            self.all.push(Region {
                watch,
                cells,
                latch,
            });
        }
        for mut gone in before {
            if gone.latch.end() {
                self.changes.push(RegionChange {
                    name: gone.watch.name,
                    active: false,
                });
            }
        }
    }

    /// Looks at the cells' differences from the background, light taken out; motion lasts `hold` longer.
    pub(super) fn look(&mut self, differences: &[f32; CELLS], now: MediaTime, hold: Duration) {
        for r in &mut self.all {
            let least = r.watch.sensitivity.least_difference();
            let changed = r.cells.iter().filter(|c| differences[**c].abs() > least);
            let share = changed.count() as f32 / r.cells.len() as f32;
            let moves = share > 0.0 && share >= r.watch.sensitivity.between(0.08, 0.004);
            if let Some(active) = r.latch.update(moves, now, Duration::ZERO, hold) {
                self.changes.push(RegionChange {
                    name: r.watch.name.clone(),
                    active,
                });
            }
        }
    }

    /// What changed since the last call.
    pub(super) fn take_changes(&mut self) -> Vec<RegionChange> {
        std::mem::take(&mut self.changes)
    }
}

/// Middle of a cell in the normalised frame.
fn middle(cell: usize) -> NormPoint {
    let (row, column) = (cell / COLUMNS, cell % COLUMNS);
    NormPoint {
        x: (2 * column + 1) as f32 / COLUMNS as f32 - 1.0,
        y: 1.0 - (2 * row + 1) as f32 / ROWS as f32,
    }
}

/// Cells whose middle is in the polygon; of a sliver between the middles the cell nearest to it.
fn inside(polygon: &[NormPoint]) -> Vec<usize> {
    let found: Vec<usize> = (0..CELLS)
        .filter(|c| polygon_contains(polygon, middle(*c)))
        .collect();
    if !found.is_empty() {
        return found;
    }
    let n = polygon.len().max(1) as f32;
    let x = polygon.iter().map(|p| p.x).sum::<f32>() / n;
    let y = polygon.iter().map(|p| p.y).sum::<f32>() / n;
    let far = |c: &usize| {
        let m = middle(*c);
        (m.x - x).powi(2) + (m.y - y).powi(2)
    };
    let nearest = (0..CELLS).min_by(|a, b| far(a).total_cmp(&far(b)));
    vec![nearest.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn points(list: &[(f32, f32)]) -> Vec<NormPoint> {
        list.iter().map(|&(x, y)| NormPoint { x, y }).collect()
    }

    #[test]
    fn cells_of_a_quarter() {
        let quarter = points(&[(-1.0, 1.0), (0.0, 1.0), (0.0, 0.0), (-1.0, 0.0)]);
        let cells = inside(&quarter);
        assert_eq!(cells.len(), CELLS / 4);
        assert!(
            cells
                .iter()
                .all(|c| c % COLUMNS < COLUMNS / 2 && c / COLUMNS < ROWS / 2)
        );
    }

    proptest! {
        /// However thin or strange, a region has a cell.
        #[test]
        fn every_region_has_a_cell(list in prop::collection::vec((-1f32..1., -1f32..1.), 0..10)) {
            let cells = inside(&points(&list));
            prop_assert!(!cells.is_empty() && cells.iter().all(|c| *c < CELLS));
        }
    }
}
