//! Points and areas of the picture, in ONVIF's normalised frame.

use lpr_core::{NormPoint, NormRect};

use crate::{Violation, Violations};

/// Most corners of an area.
pub const MAX_CORNERS: usize = 10;

/// Requires a point of the picture: both coordinates from -1 to 1.
pub(super) fn check_point(pointer: &str, point: NormPoint, violations: &mut Violations) {
    for (axis, n) in [("x", point.x), ("y", point.y)] {
        violations.require((-1.0..=1.0).contains(&n), || {
            Violation::new(&format!("{pointer}/{axis}"), n, "must be from -1 to 1")
        });
    }
}

/// Requires an area: 3 to [`MAX_CORNERS`] points of the picture that enclose something.
pub(super) fn check_area(pointer: &str, corners: &[NormPoint], violations: &mut Violations) {
    let n = corners.len();
    violations.require((3..=MAX_CORNERS).contains(&n), || {
        Violation::new(pointer, n, format!("must have 3 to {MAX_CORNERS} corners"))
    });
    for (i, corner) in corners.iter().enumerate() {
        check_point(&format!("{pointer}/{i}"), *corner, violations);
    }
    violations.require(n < 3 || enclosed(corners) > 1e-4, || {
        Violation::new(pointer, "", "encloses nothing")
    });
}

/// Requires an upright rectangle of the picture that encloses something.
pub(super) fn check_rect(pointer: &str, area: &NormRect, violations: &mut Violations) {
    let NormRect {
        left,
        top,
        right,
        bottom,
    } = *area;
    let edges = [
        ("left", left),
        ("top", top),
        ("right", right),
        ("bottom", bottom),
    ];
    for (edge, n) in edges {
        violations.require((-1.0..=1.0).contains(&n), || {
            Violation::new(&format!("{pointer}/{edge}"), n, "must be from -1 to 1")
        });
    }
    violations.require(left < right, || {
        Violation::new(
            &format!("{pointer}/right"),
            right,
            "must be right of the left edge",
        )
    });
    violations.require(bottom < top, || {
        Violation::new(
            &format!("{pointer}/top"),
            top,
            "must be above the bottom edge",
        )
    });
}

/// Requires that the outline does not cross or touch itself (LPRCFG-3). Fewer than 4 corners cannot.
pub(super) fn check_simple(pointer: &str, corners: &[NormPoint], violations: &mut Violations) {
    let n = corners.len();
    let side = |i: usize| (corners[i], corners[(i + 1) % n]);
    let crossing = (0..n).find_map(|i| {
        let beyond = (i + 2)..n;
        let mut others = beyond.filter(|j| (j + 1) % n != i);
        others.find(|j| cross(side(i), side(*j))).map(|j| (i, j))
    });
    violations.require(crossing.is_none(), || {
        let (i, j) = crossing.unwrap_or_default();
        let reason = format!("must not cross itself: sides {} and {} do", i + 1, j + 1);
        Violation::new(pointer, n, reason)
    });
}

/// Whether two sides have a point in common.
fn cross(a: (NormPoint, NormPoint), b: (NormPoint, NormPoint)) -> bool {
    let (a1, a2) = (turn(a.0, a.1, b.0), turn(a.0, a.1, b.1));
    let (b1, b2) = (turn(b.0, b.1, a.0), turn(b.0, b.1, a.1));
    let on = |s: (NormPoint, NormPoint), t: f32, p: NormPoint| {
        t == 0.0
            && (s.0.x.min(s.1.x)..=s.0.x.max(s.1.x)).contains(&p.x)
            && (s.0.y.min(s.1.y)..=s.0.y.max(s.1.y)).contains(&p.y)
    };
    (a1 * a2 < 0.0 && b1 * b2 < 0.0)
        || on(a, a1, b.0)
        || on(a, a2, b.1)
        || on(b, b1, a.0)
        || on(b, b2, a.1)
}

/// On which side of the way from `a` to `b` the point `p` is: positive on the left, 0 on it.
fn turn(a: NormPoint, b: NormPoint, p: NormPoint) -> f32 {
    (b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x)
}

/// Twice the size of the area within the bounds of its corners; 8 for the whole picture.
fn enclosed(corners: &[NormPoint]) -> f32 {
    let next = corners.iter().cycle().skip(1);
    let sum: f32 = corners
        .iter()
        .zip(next)
        .map(|(a, b)| a.x * b.y - b.x * a.y)
        .sum();
    sum.abs()
}

/// Requires a token: 1 to 64 characters without blanks at the ends or controls, unlike those before it.
pub(super) fn check_token<'a>(
    pointer: &str,
    token: &str,
    mut before: impl Iterator<Item = &'a str>,
    violations: &mut Violations,
) {
    let n = token.chars().count();
    let good =
        (1..=64).contains(&n) && token.trim() == token && !token.chars().any(char::is_control);
    violations.require(good, || {
        Violation::new(
            pointer,
            token,
            "must have 1 to 64 characters, no control and no blank at its ends",
        )
    });
    violations.require(before.all(|other| other != token), || {
        Violation::new(pointer, token, "exists already")
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn simple(corners: &[(f32, f32)]) -> bool {
        let corners: Vec<_> = corners.iter().map(|&(x, y)| NormPoint { x, y }).collect();
        let mut violations = Violations::default();
        check_simple("/area", &corners, &mut violations);
        violations.into_result().is_ok()
    }

    /// LPRCFG-3.
    #[test]
    fn an_outline_that_crosses_itself_is_refused() {
        for (corners, good) in [
            (
                &[(-1.0, 1.0), (-1.0, -1.0), (1.0, -1.0), (1.0, 1.0)][..],
                true,
            ),
            // The same corners as an hour-glass.
            (&[(-1.0, 1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, -1.0)], false),
            // A dart: not convex, but simple.
            (&[(0.0, 1.0), (-1.0, -1.0), (0.0, 0.0), (1.0, -1.0)], true),
            // A corner on another side, and two corners in one place.
            (
                &[
                    (0.0, 1.0),
                    (-1.0, -1.0),
                    (0.0, -1.0),
                    (1.0, -1.0),
                    (0.0, -1.0),
                ],
                false,
            ),
            (&[(0.0, 0.0), (0.0, 0.0), (1.0, 0.0), (1.0, 1.0)], false),
            (&[(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)], true),
            // A five-pointed star.
            (
                &[
                    (0.0, 1.0),
                    (0.6, -0.8),
                    (-0.95, 0.3),
                    (0.95, 0.3),
                    (-0.6, -0.8),
                ],
                false,
            ),
            (&[], true),
        ] {
            assert_eq!(simple(corners), good, "{corners:?}");
        }
    }
}
