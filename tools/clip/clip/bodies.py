"""Vehicle bodies as meshes: a side outline swept across the width, wheels, mirrors.

Vehicle coordinates in metres: x forward, y left, z up, origin on the ground under the middle.
"""

from dataclasses import dataclass, replace

import numpy as np

#: Which drawing of skins.py colours a face.
FRONT, REAR, TOP, SIDE, TYRE = range(5)


@dataclass(frozen=True)
class Shape:
    """One body style.

    `top` runs from the nose's tip over the roof to the tail's tip as (x, z, part), part naming the
    drawing of the stretch that begins there; `bottom` is the underside as (x, z), nose to tail.
    """

    kind: str
    width: float
    top: tuple
    bottom: tuple
    belt: float  # height where the cabin begins to lean inwards
    roof_ratio: float  # width of the roof as a part of the body's
    axles: tuple  # x of front and rear axle
    wheel: float  # wheel radius
    hood: tuple  # (front edge x, cowl x) of the hood
    glass: tuple  # windscreen (bottom x, top x), rear window (top x, bottom x)
    roof_z: float
    plate_front: tuple  # (x, z) of the plate's centre
    plate_rear: tuple
    rounding: float = 0.09
    nose_bulge: float = 0.16
    tail_bulge: float = 0.09
    mirror: tuple = (0.85, 1.02)

    @property
    def length(self) -> float:
        return self.top[0][0] - self.top[-1][0]

    @property
    def height(self) -> float:
        return max(p[1] for p in self.top)


SHAPES = {
    "sedan": Shape(
        "sedan", 1.84,
        ((2.36, 0.50, FRONT), (2.375, 0.60, FRONT), (2.35, 0.70, FRONT), (2.29, 0.775, TOP), (2.15, 0.82, TOP),
         (1.75, 0.885, TOP), (1.35, 0.94, TOP), (0.98, 0.985, TOP), (0.55, 1.21, TOP), (0.20, 1.375, TOP),
         (-0.05, 1.425, TOP), (-0.45, 1.45, TOP), (-0.90, 1.43, TOP), (-1.20, 1.37, TOP), (-1.55, 1.21, TOP),
         (-1.85, 1.09, TOP), (-2.10, 1.065, TOP), (-2.30, 1.05, REAR), (-2.35, 0.98, REAR), (-2.38, 0.80, REAR),
         (-2.42, 0.62, REAR), (-2.41, 0.50, REAR)),
        ((2.36, 0.50), (2.35, 0.36), (2.29, 0.25), (2.05, 0.20), (-2.10, 0.21), (-2.32, 0.28), (-2.40, 0.42), (-2.41, 0.50)),
        0.93, 0.74, (1.42, -1.38), 0.335, (2.27, 1.0), ((0.95, 0.14), (-1.08, -1.80)), 1.44,
        (2.40, 0.47), (-2.385, 0.80), mirror=(0.72, 1.02)),
    "suv": Shape(
        "suv", 1.92,
        ((2.31, 0.58, FRONT), (2.33, 0.72, FRONT), (2.31, 0.90, FRONT), (2.27, 1.00, TOP), (2.12, 1.05, TOP),
         (1.70, 1.095, TOP), (1.20, 1.145, TOP), (0.80, 1.38, TOP), (0.45, 1.58, TOP), (0.15, 1.67, TOP),
         (-0.40, 1.725, TOP), (-1.20, 1.72, TOP), (-1.85, 1.68, TOP), (-2.08, 1.65, REAR), (-2.12, 1.59, REAR),
         (-2.27, 1.18, REAR), (-2.33, 1.08, REAR), (-2.36, 0.82, REAR), (-2.41, 0.66, REAR), (-2.40, 0.52, REAR)),
        ((2.31, 0.58), (2.30, 0.42), (2.24, 0.31), (2.02, 0.26), (-2.05, 0.27), (-2.30, 0.33), (-2.39, 0.44), (-2.40, 0.52)),
        1.09, 0.80, (1.40, -1.40), 0.375, (2.24, 1.22), ((1.17, 0.40), (-2.12, -2.27)), 1.72,
        (2.355, 0.58), (-2.375, 0.86), mirror=(0.93, 1.17)),
    "pickup": Shape(
        "pickup", 2.02,
        ((2.86, 0.64, FRONT), (2.88, 0.80, FRONT), (2.87, 1.02, FRONT), (2.84, 1.14, TOP), (2.70, 1.195, TOP),
         (2.20, 1.23, TOP), (1.55, 1.265, TOP), (1.20, 1.51, TOP), (0.88, 1.75, TOP), (0.62, 1.85, TOP),
         (0.20, 1.91, TOP), (-0.45, 1.905, TOP), (-0.80, 1.87, REAR), (-0.87, 1.75, REAR), (-0.98, 1.33, REAR),
         (-1.00, 1.29, TOP), (-1.80, 1.28, TOP), (-2.74, 1.28, TOP), (-2.80, 1.26, REAR), (-2.83, 1.16, REAR),
         (-2.84, 0.80, REAR), (-2.86, 0.74, REAR), (-2.97, 0.72, REAR), (-2.985, 0.62, REAR), (-2.97, 0.55, REAR)),
        ((2.86, 0.64), (2.85, 0.48), (2.78, 0.36), (2.50, 0.33), (-2.60, 0.36), (-2.88, 0.44), (-2.96, 0.50), (-2.97, 0.55)),
        1.20, 0.80, (1.85, -1.72), 0.41, (2.80, 1.58), ((1.52, 0.84), (-0.86, -0.97)), 1.90,
        (2.905, 0.62), (-2.99, 0.64), mirror=(1.28, 1.32), rounding=0.075, nose_bulge=0.12, tail_bulge=0.05),
    "van": Shape(
        "van", 2.00,
        ((2.58, 0.58, FRONT), (2.61, 0.74, FRONT), (2.585, 0.94, FRONT), (2.52, 1.08, TOP), (2.36, 1.17, TOP),
         (2.05, 1.28, TOP), (1.80, 1.38, TOP), (1.45, 1.70, TOP), (1.18, 1.93, TOP), (0.95, 2.02, TOP),
         (0.40, 2.08, TOP), (-1.20, 2.09, TOP), (-2.45, 2.07, TOP), (-2.58, 2.02, REAR), (-2.62, 1.90, REAR),
         (-2.66, 1.20, REAR), (-2.68, 0.80, REAR), (-2.72, 0.66, REAR), (-2.71, 0.52, REAR)),
        ((2.58, 0.58), (2.57, 0.42), (2.50, 0.31), (2.25, 0.26), (-2.35, 0.30), (-2.62, 0.36), (-2.70, 0.45), (-2.71, 0.52)),
        1.18, 0.90, (1.72, -1.62), 0.36, (2.48, 1.86), ((1.84, 1.14), (-2.62, -2.655)), 2.08,
        (2.63, 0.56), (-2.685, 0.86), mirror=(1.62, 1.40), rounding=0.085, nose_bulge=0.20, tail_bulge=0.05),
}


@dataclass
class Mesh:
    """Triangles: `vertex` (N, 3), unit `normal` (N, 3), `face` (M, 3) and `part` (M,).

    `part` is FRONT to TYRE, or -1 for plain paint; `hub` (M, 3) is the wheel's centre, nan for the body.
    """

    vertex: np.ndarray
    normal: np.ndarray
    face: np.ndarray
    part: np.ndarray
    hub: np.ndarray


def vary(shape: Shape, rng: np.random.Generator) -> Shape:
    """A slightly longer, taller or wider vehicle of the same style."""
    sx, sz = float(rng.uniform(0.97, 1.03)), float(rng.uniform(0.98, 1.025))
    pair = lambda p: (p[0] * sx, p[1] * sz)  # noqa: E731
    return replace(
        shape,
        width=shape.width * float(rng.uniform(0.98, 1.02)),
        top=tuple((x * sx, z * sz, part) for x, z, part in shape.top),
        bottom=tuple(pair(p) for p in shape.bottom),
        belt=shape.belt * sz,
        axles=tuple(a * sx for a in shape.axles),
        hood=tuple(h * sx for h in shape.hood),
        glass=tuple(tuple(g * sx for g in pane) for pane in shape.glass),
        roof_z=shape.roof_z * sz,
        plate_front=pair(shape.plate_front),
        plate_rear=pair(shape.plate_rear),
        mirror=pair(shape.mirror),
    )


def build(shape: Shape, coarse: bool = False) -> Mesh:
    """Builds the mesh of `shape`: body, wheels, mirrors; `coarse` for vehicles far away."""
    parts = [_body(shape, coarse)]
    for axle in shape.axles:
        for side in (1, -1):
            parts.append(_wheel(shape, axle, side))
    for side in (1, -1):
        parts.append(_mirror(shape, side))
    vertex, normal, face, part, hub = [], [], [], [], []
    base = 0
    for v, n, f, p, h in parts:
        vertex.append(v), normal.append(n), face.append(f + base), part.append(p), hub.append(h)
        base += len(v)
    return Mesh(*(np.concatenate(a) for a in (vertex, normal, face, part, hub)))


def _outline(shape: Shape, step: float = 0.055):
    """Resamples the rounded outline: (x, z top, part) arrays of the stations along the vehicle."""
    points = np.array([p[:2] for p in shape.top])
    labels = np.array([p[2] for p in shape.top])
    segment = np.arange(len(points), dtype=float)
    for _ in range(2):  # Chaikin's corner cutting, ends kept
        mid = np.empty((2 * len(points) - 2, 2))
        tag = np.empty(len(mid))
        mid[0::2], mid[1::2] = points[:-1] * 0.75 + points[1:] * 0.25, points[:-1] * 0.25 + points[1:] * 0.75
        tag[0::2], tag[1::2] = segment[:-1] * 0.75 + segment[1:] * 0.25, segment[:-1] * 0.25 + segment[1:] * 0.75
        points = np.concatenate([points[:1], mid, points[-1:]])
        segment = np.concatenate([segment[:1], tag, segment[-1:]])
    arc = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    even = np.linspace(0, arc[-1], int(arc[-1] / step))
    x, z = np.interp(even, arc, points[:, 0]), np.interp(even, arc, points[:, 1])
    part = labels[np.clip(np.interp(even, arc, segment).astype(int), 0, len(labels) - 1)]
    return x, z, part


def _half_width(shape: Shape, x, z):
    """Half width of the body at (x, z), before its edges are rounded."""
    half = shape.width / 2
    low = 1 - 0.05 * np.clip((0.55 - z) / 0.35, 0, 1) ** 2
    above = np.clip((z - shape.belt) / (shape.roof_z - shape.belt), 0, 1.1)
    shoulder = 1 - 0.055 * np.clip((z - shape.belt + 0.03) / 0.09, 0, 1)
    ratio = low * shoulder * (1 - (1 - shape.roof_ratio - 0.055) * above)
    nose, tail = shape.top[0][0], shape.top[-1][0]
    end = np.maximum(np.clip((x - nose + 0.75) / 0.75, 0, 1), np.clip((tail + 0.75 - x) / 0.75, 0, 1) * 0.8)
    return half * ratio * (1 - 0.11 * end**2.4)


def _body(shape: Shape, coarse: bool):
    x, zt, label = _outline(shape, 0.11 if coarse else 0.055)
    across, down = (11, 11) if coarse else (23, 21)
    bottom = np.array(shape.bottom)
    order = np.argsort(bottom[:, 0], kind="stable")
    zb = np.interp(x, bottom[order, 0], bottom[order, 1])
    zb = np.minimum(zb, zt)
    nose, tail = x[0], x[-1]
    r = shape.rounding
    vertices, faces, parts = [], [], []

    def bulge(px, py):
        """Rounds nose and tail in plan view."""
        s = (py / (shape.width / 2)) ** 2
        front = np.clip((px - nose + 0.8) / 0.8, 0, 1) ** 2 * shape.nose_bulge
        rear = np.clip((tail + 0.6 - px) / 0.6, 0, 1) ** 2 * shape.tail_bulge
        return px - front * s + rear * s

    def patch(px, py, pz, part, flip):
        rows, cols = px.shape
        base = sum(len(v) for v in vertices)
        vertices.append(np.stack([bulge(px, py), py, pz], -1).reshape(-1, 3))
        i, j = np.meshgrid(np.arange(rows - 1), np.arange(cols - 1), indexing="ij")
        a = base + i * cols + j
        quads = [np.stack([a, a + cols, a + cols + 1], -1), np.stack([a, a + cols + 1, a + 1], -1)]
        tri = np.stack(quads, 2).reshape(-1, 3)
        faces.append(tri[:, ::-1] if flip else tri)
        parts.append(np.repeat(part.ravel(), 2))

    u = np.linspace(-1, 1, across)
    u = np.sin(u * np.pi / 2) * 0.6 + u * 0.4
    edge_top = np.maximum(_half_width(shape, x, zt) - r, 0.05)
    edge_low = np.maximum(_half_width(shape, x, zb) - r, 0.05)
    crown = np.where(label == TOP, 0.045, 0.012)
    crown = np.convolve(np.pad(crown, 4, mode="edge"), np.ones(9) / 9, "valid")
    px = np.repeat(x[:, None], len(u), 1)
    quad_label = np.repeat(label[:-1, None], len(u) - 1, 1)
    patch(px, edge_top[:, None] * u, zt[:, None] + crown[:, None] * (1 - u**2), quad_label, True)
    low = np.linspace(-1, 1, 7)
    low_label = np.where(x > 0, FRONT, REAR)[:-1, None].repeat(6, 1)
    patch(np.repeat(x[:, None], 7, 1), edge_low[:, None] * low, np.repeat(zb[:, None], 7, 1), low_label, False)

    t = (1 - np.cos(np.linspace(0, 1, down) * np.pi)) / 2
    z = zt[:, None] + (zb - zt)[:, None] * t
    xs = np.repeat(x[:, None], len(t), 1)
    depth = np.minimum(zt[:, None] - z, z - zb[:, None])
    depth = np.clip(np.minimum(depth, np.minimum(nose + 0.02 - xs, xs - tail + 0.02)), 0, r)
    y = np.maximum(_half_width(shape, xs, z) - r * (1 - np.sqrt(1 - (1 - depth / r) ** 2)), 0.05)
    # the corners of nose and tail carry on the drawings of front and rear
    wrap = np.where(x[:-1] > nose - 0.15, FRONT, np.where(x[1:] < tail + 0.13, REAR, SIDE))
    side = np.repeat(wrap[:, None], len(t) - 1, 1)
    patch(xs, y, z, side, True)
    patch(xs, -y, z, side, False)

    vertex, face = np.concatenate(vertices), np.concatenate(faces)
    part = np.concatenate(parts)
    normal = _normals(vertex, face)
    return vertex, normal, face, part, np.full((len(face), 3), np.nan)


def _normals(vertex, face):
    """Smooth normals; vertices at one place share theirs, so patches join without a seam."""
    cross = np.cross(vertex[face[:, 1]] - vertex[face[:, 0]], vertex[face[:, 2]] - vertex[face[:, 0]])
    _, same = np.unique(np.round(vertex * 2000).astype(np.int64), axis=0, return_inverse=True)
    total = np.zeros((same.max() + 1, 3))
    for k in range(3):
        np.add.at(total, same[face[:, k]], cross)
    normal = total[same]
    return normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)


def _wheel(shape: Shape, axle: float, side: int):
    """A tyre with a flat outer disc; its drawing turns with the wheel."""
    n, radius, width = 26, shape.wheel, 0.22
    half = _half_width(shape, np.array(axle), np.array(0.55)) - 0.015
    hub = np.array([axle, side * float(half), radius])
    angle = np.linspace(0, 2 * np.pi, n, endpoint=False)
    rings = [(radius * 0.05, 0), (radius * 0.90, 0.005), (radius, -0.035), (radius, -width)]
    vertex, normal = [], []
    for k, (r, offset) in enumerate(rings):
        vertex.append(np.stack([axle + r * np.cos(angle), np.full(n, hub[1] + side * offset), radius + r * np.sin(angle)], 1))
        out = 0.0 if k < 2 else 1.0
        normal.append(np.stack([out * np.cos(angle), np.full(n, side * (1 - out)), out * np.sin(angle)], 1))
    faces = []
    for k in range(3):
        a = k * n + np.arange(n)
        b = k * n + (np.arange(n) + 1) % n
        tri = np.concatenate([np.stack([a, b, b + n], 1), np.stack([a, b + n, a + n], 1)])
        faces.append(tri if side > 0 else tri[:, ::-1])
    face = np.concatenate(faces)
    return (np.concatenate(vertex), np.concatenate(normal), face, np.full(len(face), TYRE), np.repeat(hub[None], len(face), 0))


def _mirror(shape: Shape, side: int):
    """A mirror housing: an ellipsoid beside the windscreen's foot."""
    x, z = shape.mirror
    half = float(_half_width(shape, np.array(x), np.array(z)))
    size = np.array([0.07, 0.125, 0.075]) * (1.25 if shape.kind in ("pickup", "van") else 1.0)
    centre = np.array([x, side * (half + size[1] * 0.85), z + 0.05])
    theta, phi = np.meshgrid(np.linspace(0.05, np.pi - 0.05, 8), np.linspace(0, 2 * np.pi, 13), indexing="ij")
    unit = np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], -1)
    power = np.sign(unit) * np.abs(unit) ** 0.75
    vertex = (centre + power * size).reshape(-1, 3)
    rows, cols = theta.shape
    i, j = np.meshgrid(np.arange(rows - 1), np.arange(cols - 1), indexing="ij")
    a = (i * cols + j).ravel()
    face = np.concatenate([np.stack([a, a + cols, a + cols + 1], 1), np.stack([a, a + cols + 1, a + 1], 1)])
    part = np.full(len(face), -1)
    return vertex, unit.reshape(-1, 3), face, part, np.full((len(face), 3), np.nan)
