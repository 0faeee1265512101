//! Points and areas of the picture, in ONVIF's normalised frame.

use lpr_core::NormPoint;

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
