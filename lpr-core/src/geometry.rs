//! Sizes, points, rectangles and quadrilaterals, and the one place where pixels become normalised.
//!
//! Pixels: origin at the top left corner of the picture, x right, y **down**; a pixel covers
//! `[x, x+1) x [y, y+1)`. Normalised: ONVIF's frame, -1..1 in both directions, y **up**
//! (Analytics Service Specification, spatial relation). Both are `f32`.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Error;

/// Width and height of a picture in pixels; each is 1..=[`FrameSize::MAX_SIDE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "RawSize")]
pub struct FrameSize {
    width: u32,
    height: u32,
}

/// [`FrameSize`] before its bounds are checked.
#[derive(Deserialize, JsonSchema)]
struct RawSize {
    width: u32,
    height: u32,
}

impl TryFrom<RawSize> for FrameSize {
    type Error = Error;
    fn try_from(raw: RawSize) -> Result<Self, Error> {
        Self::new(raw.width, raw.height)
    }
}

impl FrameSize {
    /// Largest width or height, in pixels.
    pub const MAX_SIDE: u32 = 16_384;

    /// A size in pixels.
    ///
    /// # Errors
    /// [`Error::Size`] when a side is 0 or above [`FrameSize::MAX_SIDE`].
    pub const fn new(width: u32, height: u32) -> Result<Self, Error> {
        if width == 0 || height == 0 || width > Self::MAX_SIDE || height > Self::MAX_SIDE {
            return Err(Error::Size { width, height });
        }
        Ok(Self { width, height })
    }

    /// Width in pixels.
    #[must_use]
    pub const fn width(self) -> u32 {
        self.width
    }

    /// Height in pixels.
    #[must_use]
    pub const fn height(self) -> u32 {
        self.height
    }

    /// The rectangle that covers the whole picture.
    #[must_use]
    pub fn rect(self) -> PxRect {
        PxRect {
            x: 0.0,
            y: 0.0,
            width: self.width as f32,
            height: self.height as f32,
        }
    }
}

impl fmt::Display for FrameSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

/// A point in pixels, y down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PxPoint {
    /// Pixels from the left edge.
    pub x: f32,
    /// Pixels from the top edge.
    pub y: f32,
}

impl PxPoint {
    /// The point at `x`, `y`.
    #[must_use]
    pub const fn new(x: f32, y: f32) -> Self {
        Self { x, y }
    }

    /// Distance to `other` in pixels.
    #[must_use]
    pub fn distance(self, other: Self) -> f32 {
        (self.x - other.x).hypot(self.y - other.y)
    }

    /// The point in ONVIF's normalised frame of a picture of `size`.
    #[must_use]
    pub fn to_norm(self, size: FrameSize) -> NormPoint {
        NormPoint {
            x: 2.0 * self.x / size.width as f32 - 1.0,
            y: 1.0 - 2.0 * self.y / size.height as f32,
        }
    }
}

/// An upright rectangle in pixels, y down. Meaningful only with the size of its picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PxRect {
    /// Left edge, pixels.
    pub x: f32,
    /// Top edge, pixels.
    pub y: f32,
    /// Width in pixels, never negative.
    pub width: f32,
    /// Height in pixels, never negative.
    pub height: f32,
}

impl PxRect {
    /// The rectangle with the given top left corner and size; a negative size becomes 0.
    #[must_use]
    pub const fn new(x: f32, y: f32, width: f32, height: f32) -> Self {
        Self {
            x,
            y,
            width: width.max(0.0),
            height: height.max(0.0),
        }
    }

    /// The rectangle between two edges each way, in any order.
    #[must_use]
    pub fn from_edges(x0: f32, y0: f32, x1: f32, y1: f32) -> Self {
        Self::new(x0.min(x1), y0.min(y1), (x1 - x0).abs(), (y1 - y0).abs())
    }

    /// Right edge, pixels.
    #[must_use]
    pub fn right(&self) -> f32 {
        self.x + self.width
    }

    /// Bottom edge, pixels.
    #[must_use]
    pub fn bottom(&self) -> f32 {
        self.y + self.height
    }

    /// The middle.
    #[must_use]
    pub fn center(&self) -> PxPoint {
        PxPoint::new(self.x + self.width / 2.0, self.y + self.height / 2.0)
    }

    /// Area in square pixels.
    #[must_use]
    pub fn area(&self) -> f32 {
        self.width * self.height
    }

    /// The part both rectangles cover; empty (zero area) when they do not meet.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let (x0, y0) = (self.x.max(other.x), self.y.max(other.y));
        let (x1, y1) = (
            self.right().min(other.right()),
            self.bottom().min(other.bottom()),
        );
        Self::new(x0, y0, x1 - x0, y1 - y0)
    }

    /// Intersection over union, 0..=1.
    #[must_use]
    pub fn iou(&self, other: &Self) -> f32 {
        let both = self.intersection(other).area();
        let union = self.area() + other.area() - both;
        if union > 0.0 { both / union } else { 0.0 }
    }

    /// Grown by `dx` pixels left and right and `dy` above and below.
    #[must_use]
    pub fn grown(&self, dx: f32, dy: f32) -> Self {
        Self::new(
            self.x - dx,
            self.y - dy,
            self.width + 2.0 * dx,
            self.height + 2.0 * dy,
        )
    }

    /// Moved by `dx`, `dy` pixels.
    #[must_use]
    pub fn moved(&self, dx: f32, dy: f32) -> Self {
        Self {
            x: self.x + dx,
            y: self.y + dy,
            ..*self
        }
    }

    /// The part inside a picture of `size`.
    #[must_use]
    pub fn clipped(&self, size: FrameSize) -> Self {
        self.intersection(&size.rect())
    }

    /// Whether `p` lies inside (left and top edges included).
    #[must_use]
    pub fn contains(&self, p: PxPoint) -> bool {
        p.x >= self.x && p.y >= self.y && p.x < self.right() && p.y < self.bottom()
    }

    /// The rectangle in ONVIF's normalised frame of a picture of `size`.
    #[must_use]
    pub fn to_norm(&self, size: FrameSize) -> NormRect {
        let a = PxPoint::new(self.x, self.y).to_norm(size);
        let b = PxPoint::new(self.right(), self.bottom()).to_norm(size);
        NormRect {
            left: a.x,
            top: a.y,
            right: b.x,
            bottom: b.y,
        }
    }
}

/// Four corners in pixels, y down, of something that reads left to right: **top left, top right,
/// bottom right, bottom left as seen on the plate** (so a plate upside down has its "top left" below).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PxQuad {
    /// Top left, top right, bottom right, bottom left.
    pub corners: [PxPoint; 4],
}

impl PxQuad {
    /// The quadrilateral with these corners: top left, top right, bottom right, bottom left.
    #[must_use]
    pub const fn new(corners: [PxPoint; 4]) -> Self {
        Self { corners }
    }

    /// The smallest upright rectangle around the corners.
    #[must_use]
    pub fn bounds(&self) -> PxRect {
        let (mut x0, mut y0, mut x1, mut y1) = (f32::MAX, f32::MAX, f32::MIN, f32::MIN);
        for p in &self.corners {
            (x0, y0) = (x0.min(p.x), y0.min(p.y));
            (x1, y1) = (x1.max(p.x), y1.max(p.y));
        }
        PxRect::new(x0, y0, x1 - x0, y1 - y0)
    }

    /// Mean length of the upper and lower edge, pixels: the plate's width along its own base line.
    #[must_use]
    pub fn width(&self) -> f32 {
        let [tl, tr, br, bl] = self.corners;
        f32::midpoint(tl.distance(tr), bl.distance(br))
    }

    /// Mean length of the left and right edge, pixels.
    #[must_use]
    pub fn height(&self) -> f32 {
        let [tl, tr, br, bl] = self.corners;
        f32::midpoint(tl.distance(bl), tr.distance(br))
    }

    /// Mean of the corners.
    #[must_use]
    pub fn center(&self) -> PxPoint {
        let (x, y) = self
            .corners
            .iter()
            .fold((0.0, 0.0), |(x, y), p| (x + p.x, y + p.y));
        PxPoint::new(x / 4.0, y / 4.0)
    }

    /// Moved by `dx`, `dy` pixels.
    #[must_use]
    pub fn moved(&self, dx: f32, dy: f32) -> Self {
        Self {
            corners: self.corners.map(|p| PxPoint::new(p.x + dx, p.y + dy)),
        }
    }

    /// Grown about its own axes by a fraction of its width on the left and right (`fx`) and of its
    /// height above and below (`fy`); the sides keep their directions.
    #[must_use]
    pub fn grown(&self, fx: f32, fy: f32) -> Self {
        let [tl, tr, br, bl] = self.corners;
        let at = |u: f32, v: f32| {
            // Bilinear over the corners, which extends the edges beyond the unit square.
            let top = (tl.x + (tr.x - tl.x) * u, tl.y + (tr.y - tl.y) * u);
            let low = (bl.x + (br.x - bl.x) * u, bl.y + (br.y - bl.y) * u);
            PxPoint::new(top.0 + (low.0 - top.0) * v, top.1 + (low.1 - top.1) * v)
        };
        Self::new([
            at(-fx, -fy),
            at(1.0 + fx, -fy),
            at(1.0 + fx, 1.0 + fy),
            at(-fx, 1.0 + fy),
        ])
    }

    /// The part between two heights, in heights of the quadrilateral from above (0 the upper edge, 1 the lower); beyond the edges the sides go on.
    #[must_use]
    pub fn band(&self, from: f32, to: f32) -> Self {
        let [tl, tr, br, bl] = self.corners;
        let at = |a: PxPoint, b: PxPoint, v: f32| {
            PxPoint::new(a.x + (b.x - a.x) * v, a.y + (b.y - a.y) * v)
        };
        Self::new([
            at(tl, bl, from),
            at(tr, br, from),
            at(tr, br, to),
            at(tl, bl, to),
        ])
    }

    /// Whether the corners turn one way and clockwise on the screen, so that a warp makes sense.
    #[must_use]
    pub fn is_convex(&self) -> bool {
        (0..4).all(|i| {
            let (a, b, c) = (
                self.corners[i],
                self.corners[(i + 1) % 4],
                self.corners[(i + 2) % 4],
            );
            (b.x - a.x) * (c.y - b.y) - (b.y - a.y) * (c.x - b.x) > 0.0
        })
    }

    /// Whether all corners are inside a picture of `size`, at least `margin` pixels from its edge.
    #[must_use]
    pub fn is_inside(&self, size: FrameSize, margin: f32) -> bool {
        let area = size.rect().grown(-margin, -margin);
        self.corners.iter().all(|p| area.contains(*p))
    }
}

impl From<PxRect> for PxQuad {
    fn from(r: PxRect) -> Self {
        Self::new([
            PxPoint::new(r.x, r.y),
            PxPoint::new(r.right(), r.y),
            PxPoint::new(r.right(), r.bottom()),
            PxPoint::new(r.x, r.bottom()),
        ])
    }
}

/// A point in ONVIF's normalised frame: x -1 (left) to 1 (right), y -1 (bottom) to 1 (top).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NormPoint {
    /// -1 is the left edge, 1 the right one.
    pub x: f32,
    /// -1 is the bottom edge, 1 the top one.
    pub y: f32,
}

impl NormPoint {
    /// The point in pixels of a picture of `size`.
    #[must_use]
    pub fn to_px(self, size: FrameSize) -> PxPoint {
        PxPoint::new(
            (self.x + 1.0) / 2.0 * size.width as f32,
            (1.0 - self.y) / 2.0 * size.height as f32,
        )
    }
}

/// An upright rectangle in ONVIF's normalised frame; `top` is above `bottom` (`tt:Rectangle`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NormRect {
    /// Left edge, -1..=1.
    pub left: f32,
    /// Upper edge, -1..=1; not below `bottom`.
    pub top: f32,
    /// Right edge, -1..=1; not left of `left`.
    pub right: f32,
    /// Lower edge, -1..=1.
    pub bottom: f32,
}

impl NormRect {
    /// The whole picture.
    pub const FULL: Self = Self {
        left: -1.0,
        top: 1.0,
        right: 1.0,
        bottom: -1.0,
    };

    /// The rectangle in pixels of a picture of `size`.
    #[must_use]
    pub fn to_px(&self, size: FrameSize) -> PxRect {
        let a = NormPoint {
            x: self.left,
            y: self.top,
        }
        .to_px(size);
        let b = NormPoint {
            x: self.right,
            y: self.bottom,
        }
        .to_px(size);
        PxRect::from_edges(a.x, a.y, b.x, b.y)
    }

    /// The middle.
    #[must_use]
    pub fn center(&self) -> NormPoint {
        NormPoint {
            x: f32::midpoint(self.left, self.right),
            y: f32::midpoint(self.top, self.bottom),
        }
    }
}

/// Whether `p` lies inside the polygon `points` (even-odd rule). Fewer than three points hold nothing.
///
/// Used for capture and shield areas (LPRCFG-2, LPRCFG-5).
#[must_use]
pub fn polygon_contains(points: &[NormPoint], p: NormPoint) -> bool {
    let mut inside = false;
    for (i, a) in points.iter().enumerate() {
        let b = points[(i + 1) % points.len()];
        if (a.y > p.y) != (b.y > p.y) && p.x < (b.x - a.x) * (p.y - a.y) / (b.y - a.y) + a.x {
            inside = !inside;
        }
    }
    inside && points.len() >= 3
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn size(w: u32, h: u32) -> FrameSize {
        FrameSize::new(w, h).unwrap()
    }

    #[test]
    fn sizes_have_bounds() {
        for (w, h) in [(0, 1), (1, 0), (16_385, 1), (1, 16_385)] {
            assert!(FrameSize::new(w, h).is_err(), "{w}x{h}");
        }
        assert!(FrameSize::new(16_384, 16_384).is_ok());
    }

    #[test]
    fn corners_of_the_picture_are_the_corners_of_the_normalised_frame() {
        let s = size(1920, 1080);
        for (px, norm) in [
            ((0.0, 0.0), (-1.0, 1.0)),
            ((1920.0, 0.0), (1.0, 1.0)),
            ((0.0, 1080.0), (-1.0, -1.0)),
            ((960.0, 540.0), (0.0, 0.0)),
        ] {
            let n = PxPoint::new(px.0, px.1).to_norm(s);
            assert_eq!((n.x, n.y), norm);
        }
        assert_eq!(s.rect().to_norm(s), NormRect::FULL);
    }

    #[test]
    fn quad_grows_along_its_own_axes() {
        let q = PxQuad::from(PxRect::new(10.0, 20.0, 100.0, 50.0)).grown(0.1, 0.2);
        let b = q.bounds();
        assert!((b.x - 0.0).abs() < 1e-4 && (b.y - 10.0).abs() < 1e-4);
        assert!((b.width - 120.0).abs() < 1e-4 && (b.height - 70.0).abs() < 1e-4);
        assert!(q.is_convex());
        let [a, b, c, d] = q.corners;
        assert!(!PxQuad::new([b, a, c, d]).is_convex(), "crossed");
        assert!(!PxQuad::new([d, c, b, a]).is_convex(), "mirrored");
    }

    #[test]
    fn a_band_follows_the_sides() {
        let q = PxQuad::new([
            PxPoint::new(0., 0.),
            PxPoint::new(100., 10.),
            PxPoint::new(110., 60.),
            PxPoint::new(10., 50.),
        ]);
        assert_eq!(q.band(0., 1.), q);
        let lower = q.band(0.5, 1.);
        assert_eq!(lower.corners[0], PxPoint::new(5., 25.));
        assert_eq!(lower.corners[1], PxPoint::new(105., 35.));
        assert_eq!(lower.corners[2..], q.corners[2..]);
        assert_eq!(q.band(-0.2, 0.).corners[0], PxPoint::new(-2., -10.));
    }

    #[test]
    fn polygon_holds_its_inside_only() {
        let l =
            [(-0.5, 0.5), (0.5, 0.5), (0.5, -0.5), (-0.5, -0.5)].map(|(x, y)| NormPoint { x, y });
        assert!(polygon_contains(&l, NormPoint { x: 0.2, y: -0.3 }));
        assert!(!polygon_contains(&l, NormPoint { x: 0.7, y: 0.0 }));
        assert!(!polygon_contains(&l[..2], NormPoint { x: 0.0, y: 0.5 }));
        assert!(!polygon_contains(&[], NormPoint::default()));
    }

    proptest! {
        #[test]
        fn pixels_to_normalised_and_back(w in 1u32..8000, h in 1u32..8000, x in 0f32..1., y in 0f32..1., rw in 0f32..1., rh in 0f32..1.) {
            let s = size(w, h);
            let (fw, fh) = (w as f32, h as f32);
            let r = PxRect::new(x * fw, y * fh, rw * fw, rh * fh);
            let back = r.to_norm(s).to_px(s);
            for (a, b) in [(r.x, back.x), (r.y, back.y), (r.right(), back.right()), (r.bottom(), back.bottom())] {
                prop_assert!((a - b).abs() < 0.02, "{a} {b}");
            }
            prop_assert!(r.to_norm(s).top >= r.to_norm(s).bottom);
        }

        #[test]
        fn iou_is_symmetric_and_bounded(a in prop::array::uniform4(0f32..100.), b in prop::array::uniform4(0f32..100.)) {
            let (p, q) = (PxRect::new(a[0], a[1], a[2], a[3]), PxRect::new(b[0], b[1], b[2], b[3]));
            prop_assert!((p.iou(&q) - q.iou(&p)).abs() < 1e-5);
            prop_assert!((0.0..=1.0001).contains(&p.iou(&q)));
        }
    }
}
