"""Paints vehicles: flat drawings of front, rear, top, side and wheel that the mesh is coloured with.

A drawing holds eight bytes a texel: blue, green, red (display values), mirror strength head on,
mirror strength at a glance, white lamp, red lamp, openness to ambient light.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from .bodies import FRONT, REAR, SHAPES, SIDE, TOP, TYRE, Shape

CHANNELS = 8


def _m(b, g, r, f0=0, glance=0, white=0, red=0, open_=255):
    return np.array([b, g, r, f0, glance, white, red, open_], np.float32)


PLASTIC = _m(30, 30, 30, 5, 50)
MATT = _m(38, 38, 39, 2, 15)
VOID = _m(7, 7, 8, 0, 8, 0, 0, 90)
GLASS = _m(16, 17, 15, 16, 255)
CHROME = _m(120, 120, 120, 140, 255)
LAMP = _m(150, 150, 148, 40, 200, 0)
LAMP_CORE = _m(215, 215, 212, 60, 200, 255)
TAIL = _m(24, 18, 128, 20, 160, 0, 150)
TAIL_CORE = _m(40, 30, 190, 20, 160, 0, 255)
AMBER = _m(30, 110, 220, 20, 160)
SEAM = _m(18, 18, 18, 0, 30)
RUBBER = _m(26, 26, 27, 0, 20)
SILVER = _m(165, 166, 166, 30, 120)

#: Names of the truth file -> BGR paint, mirror strength head on.
COLOURS = {
    "white": ((232, 234, 235), 10), "black": (( 20, 20, 21), 14), "silver": ((172, 172, 170), 20),
    "grey": ((88, 86, 84), 16), "red": ((32, 24, 150), 13), "blue": ((125, 62, 24), 14),
    "green": ((52, 74, 40), 13), "beige": ((128, 160, 178), 15), "orange": ((22, 96, 208), 12),
}


class Canvas:
    """A drawing in metres: `a` to the right, `b` upwards, `ppm` texels a metre."""

    def __init__(self, a, b, ppm, material):
        self.a0, self.a1 = a
        self.b0, self.b1 = b
        self.ppm = ppm
        self.width, self.height = round((a[1] - a[0]) * ppm), round((b[1] - b[0]) * ppm)
        self.texels = np.empty((self.height, self.width, CHANNELS), np.uint8)
        self.texels[:] = material.astype(np.uint8)

    def _px(self, points):
        p = np.asarray(points, np.float64)
        return np.stack([(p[:, 0] - self.a0) * self.ppm, (self.b1 - p[:, 1]) * self.ppm], 1)

    def _apply(self, draw, px, material, pad, alpha, soft=0.0):
        pad = int(pad + 3 + 3 * soft)
        x0, y0 = np.maximum(np.floor(px.min(0)).astype(int) - pad, 0)
        x1 = min(self.width, int(np.ceil(px[:, 0].max())) + pad)
        y1 = min(self.height, int(np.ceil(px[:, 1].max())) + pad)
        if x1 <= x0 or y1 <= y0:
            return
        mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
        draw(mask, np.round((px - (x0, y0)) * 16).astype(np.int32))
        if soft:
            mask = cv2.GaussianBlur(mask, (0, 0), soft)
        weight = mask[..., None].astype(np.float32) * (alpha / 255)
        area = self.texels[y0:y1, x0:x1]
        area[:] = (area * (1 - weight) + material * weight + 0.5).astype(np.uint8)

    def poly(self, points, material, alpha=1.0, soft=0.0):
        """Fills a polygon; `soft` blurs its edge (texels)."""
        self._apply(lambda m, p: cv2.fillPoly(m, [p], 255, cv2.LINE_AA, 4), self._px(points), material, 0, alpha, soft)

    def both(self, points, material, **more):
        """Fills the polygon and its mirror image about the middle line (a = 0)."""
        self.poly(points, material, **more)
        self.poly([(-a, b) for a, b in points], material, **more)

    def line(self, points, material, width, alpha=1.0, mirrored=False):
        """Draws a line `width` metres wide."""
        px = max(1, round(width * self.ppm))
        for sign in (1, -1) if mirrored else (1,):
            pts = self._px([(a * sign, b) for a, b in points])
            self._apply(lambda m, p: cv2.polylines(m, [p], False, 255, px, cv2.LINE_AA, 4), pts, material, px, alpha)

    def oval(self, centre, radii, material, alpha=1.0, soft=0.0):
        """Fills an ellipse."""
        t = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        self.poly([(centre[0] + radii[0] * np.cos(k), centre[1] + radii[1] * np.sin(k)) for k in t], material, alpha, soft)

    def round_box(self, a0, a1, b0, b1, r, material, alpha=1.0, soft=0.0):
        """Fills a box with round corners."""
        self.poly(rounded(a0, a1, b0, b1, r), material, alpha, soft)


def rounded(a0, a1, b0, b1, r):
    """Corner-rounded box as points."""
    t = np.linspace(0, np.pi / 2, 6)
    out = []
    for ca, cb, start in ((a1 - r, b1 - r, 0), (a0 + r, b1 - r, np.pi / 2), (a0 + r, b0 + r, np.pi), (a1 - r, b0 + r, 1.5 * np.pi)):
        out += [(ca + r * np.cos(start + k), cb + r * np.sin(start + k)) for k in t]
    return out


@dataclass
class Skin:
    """All drawings of one vehicle, one behind the other in `texels` (N, 8)."""

    texels: np.ndarray
    sheets: dict  # part -> (offset, width, height, a0, b1, ppm)


def paint(shape: Shape, colour: str, rng: np.random.Generator, style: int | None = None) -> Skin:
    """Paints `shape` in a colour of COLOURS; `rng` picks the trim, and the grille unless
    `style` (0 to 2) names it."""
    bgr, f0 = COLOURS[colour]
    body = _m(*bgr, f0, 255)
    style = int(rng.integers(3)) if style is None else style
    trim = CHROME if rng.random() < 0.55 else PLASTIC
    sheets = {
        FRONT: _front(shape, body, style, trim),
        REAR: _rear(shape, body, style, trim),
        TOP: _top(shape, body),
        SIDE: _side(shape, body),
        TYRE: _wheel(style),
    }
    sheets[-1] = Canvas((0, 0.02), (0, 0.02), 500, body)  # plain paint: mirrors
    texels, table, offset = [], {}, 0
    for part, canvas in sheets.items():
        texels.append(canvas.texels.reshape(-1, CHANNELS))
        table[part] = (offset, canvas.width, canvas.height, canvas.a0, canvas.b1, canvas.ppm)
        offset += canvas.width * canvas.height
    return Skin(np.concatenate(texels), table)


def _front(shape: Shape, body, style, trim) -> Canvas:
    c = Canvas((-1.2, 1.2), (0.1, 1.55), 480, body)
    half = shape.width / 2
    nose_z = shape.top[0][1]
    hood_z = next(p[1] for p in shape.top if p[2] == TOP)
    tall = shape.kind in ("pickup", "suv", "van")
    low = shape.bottom[3][1]
    # lower valance and intake
    c.poly([(-half, low - 0.1), (half, low - 0.1), (half, low + 0.07), (half * 0.6, low + 0.045), (-half * 0.6, low + 0.045), (-half, low + 0.07)], MATT)
    top_intake = nose_z - 0.12
    c.round_box(-half * 0.66, half * 0.66, low + 0.06, top_intake, 0.05, VOID)
    for k in range(1, 4):
        z = low + 0.06 + (top_intake - low - 0.06) * k / 4
        c.line([(-half * 0.64, z), (half * 0.64, z)], PLASTIC, 0.012)
    c.both([(half * 0.72, low + 0.10), (half * 0.93, low + 0.14), (half * 0.92, nose_z - 0.10), (half * 0.75, nose_z - 0.15)], PLASTIC)
    for s in (-1, 1):
        c.oval((s * half * 0.82, (low + nose_z) / 2 + 0.0), (0.045, 0.04), LAMP)
    # grille
    g0, g1 = nose_z + 0.035, hood_z - (0.045 if tall else 0.03)
    gw = half * (0.58 if tall else 0.50)
    if style == 0:
        grille = rounded(-gw, gw, g0, g1, 0.045)
    elif style == 1:
        grille = [(-gw * 1.06, g1), (gw * 1.06, g1), (gw * 0.86, g0), (-gw * 0.86, g0)]
    else:
        grille = [(-gw, g1 - 0.02), (-gw * 0.8, g1), (gw * 0.8, g1), (gw, g1 - 0.02), (gw * 0.9, (g0 + g1) / 2), (gw * 0.72, g0), (-gw * 0.72, g0), (-gw * 0.9, (g0 + g1) / 2)]
    c.poly(grille, VOID)
    if style == 1:
        slat = _m(62, 62, 62, 30, 200)
        for a in np.linspace(-gw * 0.96, gw * 0.96, 27):
            c.line([(a * 0.9, g0), (a, g1)], slat, 0.010)
    else:
        for z in np.linspace(g0, g1, 6)[1:-1]:
            reach = gw * (0.95 if style == 0 else np.interp(z, [g0, (g0 + g1) / 2, g1], [0.70, 0.88, 0.90]))
            c.line([(-reach, z), (reach, z)], trim if style == 2 else PLASTIC, 0.014)
    c.line(grille + [grille[0]], trim, 0.018)
    c.oval((0, (g0 + g1) / 2), (0.062, 0.045), CHROME)
    c.oval((0, (g0 + g1) / 2), (0.040, 0.026), PLASTIC)
    # headlamps
    h0, h1 = (g0 + (0.0 if tall else 0.01)), g1 + 0.02
    if style == 2:
        h0 = (g0 + g1) / 2 - 0.04
    lamp = [(gw * 1.10, h0 + 0.015), (gw * 1.12, h1 - 0.03), (half * 0.80, h1), (half * 1.02, h1 + 0.03), (half * 1.04, h0 + 0.06), (half * 0.86, h0)]
    c.both(lamp, LAMP)
    c.line(lamp + [lamp[0]], PLASTIC, 0.016, mirrored=True)
    inner = [(gw * 1.16, h0 + 0.03), (gw * 1.18, h1 - 0.045), (half * 0.95, h1 - 0.02), (half * 0.95, h0 + 0.05), (half * 0.84, h0 + 0.02)]
    c.both(inner, _m(60, 60, 60, 30, 200))
    r = min(0.055, (h1 - h0) * 0.34)
    for s in (-1, 1):
        for a in (0.68, 0.84):
            c.oval((s * half * a, (h0 + h1) / 2 - 0.005), (r * 1.25, r * 1.25), CHROME)
            c.oval((s * half * a, (h0 + h1) / 2 - 0.005), (r, r), LAMP_CORE)
        c.line([(s * gw * 1.16, h1 - 0.045), (s * half * 0.93, h1 - 0.012)], _m(210, 212, 214, 40, 200, 200), 0.014)
    # seams and the plate's bracket
    c.line([(-half * 0.92, hood_z - 0.008), (0, hood_z - 0.004), (half * 0.92, hood_z - 0.008)], SEAM, 0.008)
    px = shape.plate_front[1]
    c.round_box(-0.19, 0.19, px - 0.10, px + 0.10, 0.02, MATT)
    c.both([(half * 0.60, nose_z - 0.035), (half * 0.98, nose_z - 0.005), (half * 0.98, nose_z + 0.002), (half * 0.60, nose_z - 0.028)], SEAM, alpha=0.8)
    return c


def _rear(shape: Shape, body, style, trim) -> Canvas:
    c = Canvas((-1.2, 1.2), (0.1, 2.2), 400, body)
    half = shape.width / 2
    low = shape.bottom[-4][1]
    tail_z = shape.top[-1][1]
    px_z = shape.plate_rear[1]
    c.round_box(-half, half, low - 0.15, low + 0.10, 0.02, MATT)
    c.round_box(-0.62, 0.62, low + 0.03, low + 0.09, 0.02, PLASTIC)
    for s in (-1, 1):
        c.oval((s * 0.58, low + 0.03), (0.05, 0.03), CHROME)
        c.oval((s * 0.58, low + 0.03), (0.038, 0.022), VOID)
        c.round_box(s * half * 0.80 - 0.07, s * half * 0.80 + 0.07, tail_z - 0.07, tail_z - 0.04, 0.01, TAIL)
    if shape.kind == "sedan":
        deck = 1.02
        lamp = [(half * 0.42, 0.80), (half * 0.44, 0.93), (half * 1.05, 0.97), (half * 1.05, 0.79)]
        c.line([(-half * 0.9, 0.66), (half * 0.9, 0.66)], SEAM, 0.010)
        c.line([(half * 0.60, 0.67), (half * 0.62, 0.79)], SEAM, 0.008, mirrored=True)
        c.poly([(-0.42, px_z - 0.11), (0.42, px_z - 0.11), (0.36, px_z + 0.10), (-0.36, px_z + 0.10)], body * np.float32([.55, .55, .55, 1, 1, 1, 1, .7]))
        c.round_box(-0.30, 0.30, px_z + 0.105, px_z + 0.13, 0.008, trim)
        c.oval((0, deck - 0.04), (0.05, 0.03), CHROME)
        core = [(half * 0.50, 0.835), (half * 0.52, 0.905), (half * 0.98, 0.935), (half * 0.98, 0.83)]
    elif shape.kind == "suv":
        g0, g1 = shape.belt + 0.09, shape.roof_z - 0.13
        w0, w1 = half * 0.80, half * 0.72
        c.poly([(-w0, g0), (w0, g0), (w1, g1), (-w1, g1)], GLASS)
        c.line([(-w0, g0), (w0, g0), (w1, g1), (-w1, g1), (-w0, g0)], PLASTIC, 0.03)
        c.line([(-0.02, g0 + 0.02), (0.34, g0 + 0.10)], PLASTIC, 0.016)
        lamp = [(half * 0.66, 0.92), (half * 0.70, 1.10), (half * 1.05, 1.16), (half * 1.05, 0.88)]
        core = [(half * 0.71, 0.95), (half * 0.74, 1.06), (half * 0.98, 1.10), (half * 0.98, 0.92)]
        c.line([(-half * 0.92, 0.68), (half * 0.92, 0.68)], SEAM, 0.012)
        c.poly([(-0.40, px_z - 0.11), (0.40, px_z - 0.11), (0.35, px_z + 0.11), (-0.35, px_z + 0.11)], body * np.float32([.55, .55, .55, 1, 1, 1, 1, .7]))
        c.round_box(-0.33, 0.33, px_z + 0.115, px_z + 0.15, 0.01, trim)
        c.oval((0, px_z + 0.21), (0.055, 0.04), CHROME)
    elif shape.kind == "pickup":
        g0, g1 = shape.belt + 0.17, shape.roof_z - 0.12
        c.poly([(-half * 0.70, g0), (half * 0.70, g0), (half * 0.64, g1), (-half * 0.64, g1)], GLASS)
        c.line([(-half * 0.2, g0), (-half * 0.2, g1)], PLASTIC, 0.02, mirrored=True)
        lamp = [(half * 0.80, 0.86), (half * 0.80, 1.20), (half * 1.05, 1.20), (half * 1.05, 0.86)]
        core = [(half * 0.83, 0.97), (half * 0.83, 1.16), (half * 0.98, 1.16), (half * 0.98, 0.97)]
        c.line([(-half * 0.78, 0.80), (-half * 0.78, 1.23), (half * 0.78, 1.23), (half * 0.78, 0.80), (-half * 0.78, 0.80)], SEAM, 0.012)
        c.round_box(-half * 0.62, half * 0.62, 0.90, 1.12, 0.04, body * np.float32([.88, .88, .88, 1, 1, 1, 1, .9]))
        c.round_box(-0.12, 0.12, 1.12, 1.18, 0.02, PLASTIC)
        c.round_box(-half, half, 0.535, 0.735, 0.03, CHROME if trim is CHROME else PLASTIC)
        c.round_box(-0.30, 0.30, 0.53, 0.74, 0.02, MATT)
        c.round_box(-half * 0.72, -0.34, 0.70, 0.735, 0.01, RUBBER), c.round_box(0.34, half * 0.72, 0.70, 0.735, 0.01, RUBBER)
    else:  # van
        for s in (-1, 1):
            c.round_box(min(s * 0.08, s * half * 0.78), max(s * 0.08, s * half * 0.78), 1.28, 1.86, 0.06, GLASS)
        c.line([(0, 0.66), (0, 1.96)], SEAM, 0.014)
        c.line([(half * 0.88, 0.66), (half * 0.86, 1.96)], SEAM, 0.010, mirrored=True)
        for z in (0.82, 1.80):
            c.round_box(half * 0.86, half * 0.94, z, z + 0.10, 0.01, PLASTIC), c.round_box(-half * 0.94, -half * 0.86, z, z + 0.10, 0.01, PLASTIC)
        c.round_box(0.04, 0.10, 0.96, 1.14, 0.02, PLASTIC)
        lamp = [(half * 0.90, 0.74), (half * 0.90, 1.22), (half * 1.05, 1.22), (half * 1.05, 0.74)]
        core = [(half * 0.915, 0.92), (half * 0.915, 1.18), (half * 0.99, 1.18), (half * 0.99, 0.92)]
        c.round_box(-0.28, 0.28, px_z - 0.11, px_z + 0.12, 0.02, body * np.float32([.6, .6, .6, 1, 1, 1, 1, .8]))
        c.round_box(-half, half, 0.48, 0.66, 0.03, PLASTIC)
    c.both(lamp, TAIL)
    c.both(core, TAIL_CORE)
    z = (core[0][1] + core[2][1]) / 2
    c.both([(core[0][0], core[0][1]), (core[0][0], core[0][1] + 0.045), (core[3][0], core[3][1] + 0.05), (core[3][0], core[3][1])], AMBER if shape.kind in ("van", "pickup") else _m(190, 190, 195, 30, 160), alpha=0.85)
    c.line(lamp + [lamp[0]], SEAM, 0.012, mirrored=True)
    return c


def _top(shape: Shape, body) -> Canvas:
    c = Canvas((-3.1, 3.1), (-1.2, 1.2), 300, body)
    half = shape.width / 2
    front, cowl = shape.hood
    roof_half = half * shape.roof_ratio
    # hood: seams and two creases
    seam = [(front - 0.02 + (cowl - front) * k, half * (0.74 + 0.12 * np.sin(k * np.pi / 2))) for k in np.linspace(0, 1, 12)]
    c.line(seam, SEAM, 0.006, alpha=0.85), c.line([(x, -y) for x, y in seam], SEAM, 0.006, alpha=0.85)
    for s in (-1, 1):
        dark, bright = body * np.float32([.86, .86, .86, 1, 1, 1, 1, 1]), np.minimum(body * np.float32([1.1, 1.1, 1.1, 1, 1, 1, 1, 1]), 255)
        c.poly([(front - 0.1, s * half * 0.42), (cowl, s * half * 0.58), (cowl, s * half * 0.62), (front - 0.1, s * half * 0.47)], dark, alpha=0.7, soft=3)
        c.poly([(front - 0.1, s * half * 0.47), (cowl, s * half * 0.62), (cowl, s * half * 0.65), (front - 0.1, s * half * 0.50)], bright, alpha=0.7, soft=3)
    (wb, wt), (rt, rb) = shape.glass
    # windscreen
    c.poly([(cowl + 0.02, half * 0.84), (cowl + 0.02, -half * 0.84), (wb, -half * 0.80), (wb, half * 0.80)], MATT)
    wide, slim = half * 0.805, roof_half * 0.90
    pane = [(wb, -wide), (wb + 0.035, -wide * 0.5), (wb + 0.045, 0), (wb + 0.035, wide * 0.5), (wb, wide), (wt, slim), (wt + 0.02, 0), (wt, -slim)]
    c.poly(pane, _m(20, 21, 20, 16, 255))
    _cabin(c, wb, wt, wide, slim)
    c.line(pane + [pane[0]], RUBBER, 0.022)
    for a in (-0.52, 0.10):
        c.line([(wb + 0.02, a), (wb - 0.12, a + 0.46)], RUBBER, 0.016)
    # roof
    c.line([(wt - 0.08, roof_half * 0.97), (max(rt, rb) + 0.1, roof_half * 0.97)], SEAM, 0.018, mirrored=False)
    c.line([(wt - 0.08, -roof_half * 0.97), (max(rt, rb) + 0.1, -roof_half * 0.97)], SEAM, 0.018)
    if shape.kind == "suv":
        for s in (-1, 1):
            c.line([(wt - 0.2, s * roof_half * 0.84), (rt + 0.15, s * roof_half * 0.84)], SILVER, 0.045)
            c.line([(wt - 0.2, s * roof_half * 0.80), (rt + 0.15, s * roof_half * 0.80)], SEAM, 0.02, alpha=0.6)
        c.round_box(wt - 1.2, wt - 0.25, -roof_half * 0.55, roof_half * 0.55, 0.06, GLASS)
    if shape.kind == "van":
        for a in np.linspace(-0.6, 0.6, 5):
            c.line([(wt - 0.3, a), (rt + 0.2, a)], body * np.float32([.82, .82, .82, 1, 1, 1, 1, 1]), 0.03, alpha=0.7)
    if shape.kind == "sedan":
        rear = [(rt, roof_half * 0.88), (rt, -roof_half * 0.88), (rb, -half * 0.78), (rb - 0.03, 0), (rb, half * 0.78)]
        c.poly(rear, GLASS)
        c.line(rear + [rear[0]], RUBBER, 0.02)
        for k in range(1, 8):
            x = rt + (rb - rt) * k / 8
            c.line([(x, -half * 0.66), (x, half * 0.66)], _m(40, 42, 44, 12, 200), 0.005, alpha=0.6)
        c.line([(rb - 0.06, half * 0.80), (-2.22, half * 0.84)], SEAM, 0.010)
        c.line([(rb - 0.06, -half * 0.80), (-2.22, -half * 0.84)], SEAM, 0.010)
        c.line([(rb - 0.06, -half * 0.80), (rb - 0.06, half * 0.80)], SEAM, 0.010)
    if shape.kind == "pickup":
        bed0, bed1 = rb - 0.06, -2.74
        c.round_box(bed1, bed0, -half * 0.83, half * 0.83, 0.03, _m(24, 24, 25, 4, 40))
        for x in np.linspace(bed1, bed0, 5)[1:-1]:
            c.line([(x, -half * 0.80), (x, half * 0.80)], _m(40, 40, 41, 6, 60), 0.02)
    return c


def _cabin(c: Canvas, wb, wt, wide, slim):
    """What shows through the windscreen: dashboard, wheel, head rests, mirror."""
    depth = wb - wt
    c.poly([(wb - 0.02, -wide * 0.9), (wb - 0.02, wide * 0.9), (wb - depth * 0.30, wide * 0.82), (wb - depth * 0.30, -wide * 0.82)], _m(30, 31, 31, 16, 255), alpha=0.8, soft=4)
    for s in (-1, 1):
        c.round_box(wt + depth * 0.16, wt + depth * 0.40, s * wide * 0.45 - 0.13, s * wide * 0.45 + 0.13, 0.06, _m(40, 41, 42, 16, 255), soft=3)
        c.round_box(wt + depth * 0.36, wt + depth * 0.66, s * wide * 0.45 - 0.22, s * wide * 0.45 + 0.22, 0.08, _m(33, 34, 35, 16, 255), soft=4)
    t = np.linspace(0, np.pi, 16)
    y0 = wide * 0.45
    c.line([(wb - depth * 0.34 - 0.10 * np.sin(k), y0 + 0.19 * np.cos(k)) for k in t], _m(12, 12, 12, 16, 255), 0.03)
    # a driver: shoulders and head
    c.oval((wt + depth * 0.50, y0), (depth * 0.15, 0.20), _m(52, 46, 40, 16, 255), soft=4)
    c.oval((wt + depth * 0.30, y0), (depth * 0.11, 0.085), _m(62, 74, 92, 16, 255), soft=3)
    c.round_box(wt + depth * 0.05, wt + depth * 0.13, -0.11, 0.11, 0.02, _m(10, 10, 10, 16, 255))
    c.poly([(wt, -slim), (wt, slim), (wt + depth * 0.07, slim), (wt + depth * 0.07, -slim)], _m(8, 8, 8, 16, 255), alpha=0.7, soft=5)


def _side(shape: Shape, body) -> Canvas:
    c = Canvas((-3.1, 3.1), (0.0, 2.2), 300, body)
    front, cowl = shape.hood
    (wb, wt), (rt, rb) = shape.glass
    low = shape.bottom[3][1]
    c.poly([(-3, low - 0.2), (3, low - 0.2), (3, low + 0.06), (-3, low + 0.06)], MATT)
    for axle in shape.axles:
        c.oval((axle, shape.wheel + 0.01), (shape.wheel + 0.065, shape.wheel + 0.065), VOID)
        if shape.kind in ("suv", "pickup"):
            t = np.linspace(-0.1, np.pi + 0.1, 24)
            c.line([(axle + (shape.wheel + 0.09) * np.cos(k), shape.wheel + (shape.wheel + 0.09) * np.sin(k)) for k in t], MATT, 0.05)
    g0, g1 = shape.belt + 0.045, shape.roof_z - 0.12
    rear_top, rear_low = rt, rb
    if shape.kind == "sedan":
        rear_top, rear_low = rt - 0.10, rb + 0.18
    if shape.kind == "suv":
        rear_top, rear_low = rt + 0.18, rb + 0.22
    if shape.kind == "van":
        rear_top = rear_low = wt - 0.95
    if shape.kind == "pickup":
        rear_top, rear_low = rt + 0.10, rb + 0.12
    window = [(wb - 0.16, g0), (wt - 0.12, g1), (rear_top, g1 - 0.02), (rear_low, g0 + 0.03)]
    c.poly(window, GLASS)
    c.line(window + [window[0]], RUBBER, 0.025)
    middle = (wt + rear_top) / 2 - 0.05
    if shape.kind != "van":
        c.line([(middle, g0), (middle - 0.03, g1)], PLASTIC, 0.075)
        c.line([(middle, g0), (middle, low + 0.08)], SEAM, 0.010)
        c.line([(rear_low + 0.06, g0), (shape.axles[1] + shape.wheel + 0.12, shape.wheel + 0.35), (shape.axles[1] + shape.wheel + 0.16, low + 0.08)], SEAM, 0.010)
        c.round_box(middle - 0.28, middle - 0.10, shape.belt - 0.07, shape.belt - 0.035, 0.012, body * np.float32([.7, .7, .7, 1, 1, 1, 1, 1]))
    c.line([(wb - 0.18, g0), (wb - 0.14, low + 0.10)], SEAM, 0.010)
    handle = middle + 0.12
    c.round_box(handle, handle + 0.18, shape.belt - 0.07, shape.belt - 0.035, 0.012, body * np.float32([.7, .7, .7, 1, 1, 1, 1, 1]))
    c.poly([(-2.3, shape.belt - 0.26), (2.2, shape.belt - 0.30), (2.2, shape.belt - 0.33), (-2.3, shape.belt - 0.29)], body * np.float32([.8, .8, .8, 1, 1, 1, 1, 1]), alpha=0.8, soft=3)
    c.round_box(-3, 3, low + 0.06, low + 0.075, 0.004, SEAM, alpha=0.6)
    # the lane's cameras see the side at a glance: blur along it what would flicker
    for half_of in (slice(0, 4), slice(4, 8)):
        c.texels[..., half_of] = cv2.GaussianBlur(np.ascontiguousarray(c.texels[..., half_of]), (0, 0), sigmaX=4.5, sigmaY=0.9)
    return c


def _wheel(style) -> Canvas:
    """Disc of a wheel with radius 1 drawn in a box of 2.2."""
    c = Canvas((-1.1, 1.1), (-1.1, 1.1), 110, RUBBER)
    c.oval((0, 0), (0.68, 0.68), VOID)
    count = (5, 7, 10)[style]
    for k in range(count):
        a = 2 * np.pi * k / count
        w = 0.9 / count
        tip = [(0.66 * np.cos(a + d), 0.66 * np.sin(a + d)) for d in (-w * 0.7, w * 0.7)]
        root = [(0.16 * np.cos(a + d), 0.16 * np.sin(a + d)) for d in (w * 2, -w * 2)]
        c.poly(tip + root, SILVER)
    t = np.linspace(0, 2 * np.pi, 48)
    c.line([(0.67 * np.cos(k), 0.67 * np.sin(k)) for k in t], SILVER, 0.05)
    c.oval((0, 0), (0.17, 0.17), SILVER)
    c.oval((0, 0), (0.08, 0.08), PLASTIC)
    return c


KINDS = tuple(SHAPES)
