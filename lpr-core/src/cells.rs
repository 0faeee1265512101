//! From the detector's raw output to plates.
//!
//! The rule is that of `models/README.md`, section 1: one cell for 8x8 net pixels, 13 channels each.

use crate::geometry::{FrameSize, PxPoint, PxQuad, PxRect};
use crate::letterbox::Placement;
use crate::plate::PlateDetection;

/// Net pixels from one cell to the next.
pub const STRIDE: u32 = 8;
/// Values of one cell: score, centre, size, four corners.
pub const CHANNELS: usize = 13;
/// Two boxes that overlap more than this are one plate.
const NMS_IOU: f32 = 0.45;
/// Cells looked at after the threshold, best first: bounds the work on a hostile picture.
const MAX_CANDIDATES: usize = 600;
/// Plates reported for one picture at most.
const MAX_PLATES: usize = 64;

/// Plates in the output `cells` (`[13, rows, columns]` of one picture), best first, in frame pixels.
///
/// Empty when `cells` does not have the length that `at.input` asks for. `frame` bounds the boxes.
#[must_use]
pub fn plates(
    cells: &[f32],
    at: &Placement,
    frame: FrameSize,
    min_score: f32,
) -> Vec<PlateDetection> {
    let (w, h) = (
        (at.input.width() / STRIDE) as usize,
        (at.input.height() / STRIDE) as usize,
    );
    if cells.len() != CHANNELS * w * h {
        return Vec::new();
    }
    // The logit of the least score, so that the sigmoid is only taken of what passes.
    let least = (min_score.clamp(1e-4, 0.9999) / (1.0 - min_score.clamp(1e-4, 0.9999))).ln();
    let mut best: Vec<(f32, usize)> = cells[..w * h]
        .iter()
        .enumerate()
        .filter(|(_, s)| **s >= least)
        .map(|(i, s)| (*s, i))
        .collect();
    best.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    best.truncate(MAX_CANDIDATES);
    let found = best
        .into_iter()
        .filter_map(|(logit, i)| plate(cells, w, w * h, i, logit, at));
    suppress(found, frame)
}

/// The plate of cell `i`, unless its numbers are no box.
fn plate(
    cells: &[f32],
    w: usize,
    n: usize,
    i: usize,
    logit: f32,
    at: &Placement,
) -> Option<PlateDetection> {
    let c = |k: usize| cells[k * n + i];
    let step = STRIDE as f32;
    let cx = step * ((i % w) as f32 + 0.5 + c(1));
    let cy = step * ((i / w) as f32 + 0.5 + c(2));
    let (bw, bh) = (step * c(3).min(6.0).exp(), step * c(4).min(6.0).exp());
    let a = at.to_frame(PxPoint::new(cx - bw / 2.0, cy - bh / 2.0));
    let rect = PxRect::new(a.x, a.y, bw / at.scale, bh / at.scale);
    let corner =
        |k: usize| at.to_frame(PxPoint::new(cx + bw * c(5 + 2 * k), cy + bh * c(6 + 2 * k)));
    let quad = PxQuad::new([corner(0), corner(1), corner(2), corner(3)]);
    let sane =
        [cx, cy, bw, bh].iter().all(|v| v.is_finite()) && rect.width >= 1.0 && rect.height >= 1.0;
    sane.then(|| PlateDetection {
        rect,
        quad,
        score: 1.0 / (1.0 + (-logit).exp()),
    })
}

/// Keeps the best of overlapping and nested boxes; `found` comes best first.
fn suppress(found: impl Iterator<Item = PlateDetection>, frame: FrameSize) -> Vec<PlateDetection> {
    let mut kept: Vec<PlateDetection> = Vec::new();
    for mut d in found {
        if kept.len() == MAX_PLATES {
            break;
        }
        if kept
            .iter()
            .any(|k| k.rect.iou(&d.rect) > NMS_IOU || k.rect.contains(d.rect.center()))
        {
            continue;
        }
        d.rect = d.rect.clipped(frame);
        if d.rect.area() >= 1.0 {
            kept.push(d);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const INPUT: (u32, u32) = (96, 64);

    fn frame() -> FrameSize {
        FrameSize::new(192, 128).unwrap()
    }

    fn placement() -> Placement {
        Placement {
            origin: PxPoint::default(),
            scale: 0.5,
            input: FrameSize::new(INPUT.0, INPUT.1).unwrap(),
        }
    }

    /// A grid with a box of `w x h` net pixels around the middle of each named cell.
    fn grid(boxes: &[(usize, usize, f32, f32, f32)]) -> Vec<f32> {
        let (cols, n) = (12, 12 * 8);
        let mut g = vec![0.0; CHANNELS * n];
        g[..n].fill(-9.0);
        for &(col, row, w, h, logit) in boxes {
            let i = row * cols + col;
            g[i] = logit;
            g[3 * n + i] = (w / 8.0).ln();
            g[4 * n + i] = (h / 8.0).ln();
            for (k, v) in [-0.5, -0.5, 0.5, -0.5, 0.5, 0.5, -0.5, 0.5]
                .into_iter()
                .enumerate()
            {
                g[(5 + k) * n + i] = v;
            }
        }
        g
    }

    #[test]
    fn a_cell_becomes_a_plate_in_frame_pixels() {
        let found = plates(
            &grid(&[(4, 3, 24.0, 12.0, 2.0)]),
            &placement(),
            frame(),
            0.5,
        );
        let [d] = found[..] else { panic!("{found:?}") };
        // Net centre (36, 28), doubled.
        assert!(
            (d.rect.x - 48.0).abs() < 1e-3 && (d.rect.y - 44.0).abs() < 1e-3,
            "{d:?}"
        );
        assert!((d.rect.width - 48.0).abs() < 1e-3 && (d.rect.height - 24.0).abs() < 1e-3);
        assert!((d.score - 0.8808).abs() < 1e-3);
        assert!(d.quad.corners[2].distance(PxPoint::new(96.0, 68.0)) < 1e-3);
    }

    #[test]
    fn overlapping_and_nested_boxes_give_way_to_the_best() {
        let rows = [
            // strict: far apart, both stay
            (
                vec![(2, 2, 20.0, 10.0, 3.0), (9, 6, 20.0, 10.0, 2.0)],
                vec![3.0, 2.0],
            ),
            // neighbours of one plate: the best stays
            (
                vec![(4, 3, 40.0, 16.0, 2.0), (5, 3, 40.0, 16.0, 4.0)],
                vec![4.0],
            ),
            // nested, hardly overlapping: the outer, better one stays
            (
                vec![(4, 3, 60.0, 40.0, 4.0), (5, 3, 8.0, 4.0, 3.0)],
                vec![4.0],
            ),
            // below the threshold
            (vec![(4, 3, 40.0, 16.0, -0.1)], vec![]),
        ];
        for (boxes, expect) in rows {
            let found = plates(&grid(&boxes), &placement(), frame(), 0.5);
            let scores: Vec<f32> = found
                .iter()
                .map(|d| (d.score / (1.0 - d.score)).ln())
                .collect();
            assert_eq!(scores.len(), expect.len(), "{boxes:?}");
            assert!(
                scores
                    .iter()
                    .zip(&expect)
                    .all(|(a, b)| (a - b).abs() < 1e-3),
                "{scores:?} {expect:?}"
            );
        }
    }

    #[test]
    fn a_wrong_length_gives_nothing() {
        assert!(plates(&[9.0; 100], &placement(), frame(), 0.5).is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        /// Whatever a net says, boxes are inside the frame, finite and few.
        #[test]
        fn any_output_gives_sane_boxes(values in prop::collection::vec(prop_oneof![-20f32..20., Just(f32::NAN), Just(f32::INFINITY), Just(1e30)], CHANNELS * 96)) {
            for d in plates(&values, &placement(), frame(), 0.3) {
                prop_assert!(d.rect.x >= 0.0 && d.rect.right() <= 192.01 && d.rect.y >= 0.0 && d.rect.bottom() <= 128.01);
                prop_assert!(d.rect.area() >= 1.0 && d.score >= 0.29);
            }
        }
    }
}
