"""Renders one vehicle: face numbers by the painter's algorithm, then light per picture element.

Everything is drawn at twice the picture's size (1.5 times where a vehicle is large, its lines are then
wide anyway) and averaged down. A layer is premultiplied.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from .camera import Camera
from .light import Light, linear, reflect, tone
from .vehicle import Pose, Vehicle

_LARGE = 330_000  # picture elements of a vehicle's box
_SHIFT = 4  # sub-pixel bits of the polygon filler


@dataclass
class Layer:
    """A cut-out of the picture: `colour` (h, w, 3) premultiplied and `alpha` (h, w), float32 0..1, at x, y."""

    x: int
    y: int
    colour: np.ndarray
    alpha: np.ndarray

    def over(self, image: np.ndarray) -> None:
        """Puts the layer over `image` (float32, 0..255), in place."""
        h, w = self.alpha.shape
        area = image[self.y : self.y + h, self.x : self.x + w]
        area *= 1 - self.alpha[..., None]
        area += self.colour


def render(vehicle: Vehicle, pose: Pose, camera: Camera, light: Light, blur: np.ndarray | None = None) -> Layer | None:
    """Renders `vehicle` at `pose`; `blur` is the movement in pixels during the exposure.

    Returns None when nothing of it is in the picture.
    """
    model = vehicle.model(pose.y)
    world = model.mesh.vertex @ pose.rotation.T + pose.offset
    seen = camera.project(world)
    small_box = _box(seen, camera)
    if small_box is None:
        return None
    sx, sy, ex, ey = small_box
    scale = 2.0 if (ex - sx) * (ey - sy) < _LARGE else 1.5
    big = camera.scaled(scale)
    seen[:, :2] *= scale
    box = x0, y0, x1, y1 = tuple(int(k * scale) for k in small_box)
    faces, uv = _visible(model, pose, seen)
    numbers = _number_faces(model, seen, faces, box)
    on = np.nonzero(numbers.ravel())[0]
    if len(on) == 0:
        return None
    colour = np.zeros((y1 - y0, x1 - x0, 4), np.uint8)
    flat = colour.reshape(-1, 4)
    coefficients = _coefficients(model, pose, seen, faces, uv, box)
    ids = numbers.ravel()
    for start in range(0, len(on), 1 << 18):  # in pieces that stay in the cache
        part = on[start : start + (1 << 18)]
        flat[part, :3] = _shade(model, faces, coefficients, ids[part] - 1, part, box, big, light)
        flat[part, 3] = 255
    _put_plate(vehicle, pose, big, light, colour, box)
    small = cv2.resize(colour, (ex - sx, ey - sy), interpolation=cv2.INTER_AREA).astype(np.float32)
    small = _move(small, blur)
    return Layer(sx, sy, small[..., :3], small[..., 3] / 255)


def _box(seen, camera: Camera):
    """Box of the vehicle in the picture, in even numbers, or None when it is outside."""
    ok = seen[:, 2] > 0.8
    if not ok.any():
        return None
    x0, y0 = (int(np.floor(seen[ok, k].min() / 2)) * 2 - 6 for k in (0, 1))
    x1, y1 = (int(np.ceil(seen[ok, k].max() / 2)) * 2 + 6 for k in (0, 1))
    x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, camera.width), min(y1, camera.height)
    return (x0, y0, x1, y1) if x1 - x0 >= 4 and y1 - y0 >= 4 else None


def _visible(model, pose, seen):
    """Faces that look at the camera, farthest first, and their texel coordinates."""
    face = model.mesh.face
    p = seen[face]
    ax, ay = p[:, 1, 0] - p[:, 0, 0], p[:, 1, 1] - p[:, 0, 1]
    bx, by = p[:, 2, 0] - p[:, 0, 0], p[:, 2, 1] - p[:, 0, 1]
    area = ax * by - ay * bx
    keep = np.nonzero((area < -1e-3) & (p[..., 2].min(1) > 1.2))[0]
    order = keep[np.argsort(-p[keep, :, 2].mean(1), kind="stable")]
    return order, model.spun(pose.travel)[order]


def _number_faces(model, seen, order, box):
    """Draws each visible face's place in `order` plus one; 0 is empty."""
    numbers = np.zeros((box[3] - box[1], box[2] - box[0]), np.int32)
    p = np.round((seen[:, :2] - box[:2] - 0.5) * (1 << _SHIFT))
    points = np.clip(p, -(1 << 19), 1 << 19).astype(np.int32)[model.mesh.face[order]]
    fill = cv2.fillConvexPoly
    for number, triangle in enumerate(points, 1):
        fill(numbers, triangle, number, cv2.LINE_8, _SHIFT)
    return numbers


def _coefficients(model, pose, seen, order, uv, box):
    """Plane equations over the picture of u, v and the normal for each visible face: (F, 5, 3)."""
    tri = model.mesh.face[order]
    p = seen[tri][..., :2] - box[:2]
    normal = model.mesh.normal[tri] @ pose.rotation.T
    value = np.concatenate([uv, normal], -1)  # (F, 3, 5)
    ax, ay = p[:, 1, 0] - p[:, 0, 0], p[:, 1, 1] - p[:, 0, 1]
    bx, by = p[:, 2, 0] - p[:, 0, 0], p[:, 2, 1] - p[:, 0, 1]
    det = ax * by - ay * bx
    da, db = value[:, 1] - value[:, 0], value[:, 2] - value[:, 0]
    gx = (da * by[:, None] - db * ay[:, None]) / det[:, None]
    gy = (db * ax[:, None] - da * bx[:, None]) / det[:, None]
    # slivers would shoot over: they get their mean
    longest = np.maximum.reduce([np.hypot(ax, ay), np.hypot(bx, by), np.hypot(ax - bx, ay - by)])
    sliver = np.abs(det) < 1.2 * longest
    gx[sliver] = gy[sliver] = 0
    base = value[:, 0] - gx * p[:, :1, 0] - gy * p[:, :1, 1]
    base[sliver] = value[sliver].mean(1)
    return np.stack([gx, gy, base], -1).astype(np.float32)


def _shade(model, order, coefficients, face, where, box, big, light: Light):
    """Display colours (N, 3) of the picture elements `where` showing `face`."""
    width = box[2] - box[0]
    y, x = np.divmod(where, width)
    x, y = x.astype(np.float32) + 0.5, y.astype(np.float32) + 0.5
    c = coefficients[face]
    value = c[..., 0] * x[:, None]
    value += c[..., 1] * y[:, None]
    value += c[..., 2]
    number = order[face]
    w, h = model.sheet_w[number], model.sheet_h[number]
    u = np.clip(value[:, 0].astype(np.int64), 0, w - 1)
    v = np.clip(value[:, 1].astype(np.int64), 0, h - 1)
    texel = model.skin.texels.view(np.uint64).ravel()[model.offset[number] + v * w + u]
    texel = texel.view(np.uint8).reshape(-1, 8)
    normal = value[:, 2:]
    normal *= (1 / np.maximum(np.sqrt(np.einsum("ij,ij->i", normal, normal)), 1e-4))[:, None]
    ray = big.rays(x + box[0], y + box[1])
    facing = np.einsum("ij,ij->i", normal, ray)
    glance = 1 - np.clip(-facing, 0, 1)
    mirror = ray - 2 * facing[:, None] * normal
    albedo = linear(texel[:, :3])
    up = normal[:, 2:3] * 0.5 + 0.5
    ambient = np.float32(light.ground) * (1 - up) + np.float32(light.zenith) * up
    # what faces down or lies low sees little of the sky
    ambient *= (texel[:, 7:8].astype(np.float32) / 255) * np.clip(0.35 + up * 1.1, 0, 1)
    sun = np.clip(normal @ np.float32(light.sun_direction), 0, 1)[:, None] * np.float32(light.sun)
    f0 = texel[:, 3].astype(np.float32) / 255
    g2 = glance * glance
    fresnel = f0 + (1 - f0) * (texel[:, 4].astype(np.float32) / 255) * g2 * g2 * glance
    out = albedo * (ambient + sun * 0.8) * (1 - fresnel)[:, None]
    out += reflect(light.sky, mirror) * fresnel[:, None]
    if light.lamps > 0:
        out += (texel[:, 5:6].astype(np.float32) / 255) * np.float32((1.0, 1.05, 1.0)) * (0.15 + 1.9 * light.lamps**2)
        out += (texel[:, 6:7].astype(np.float32) / 255) ** 2 * np.float32((0.06, 0.05, 0.85)) * max(light.lamps - 0.3, 0) * 1.2
    return tone(out)


def plate_light(light: Light, normal_up: float = 0.08, facing_sun: float = 0.45) -> np.ndarray:
    """Light (BGR, linear) that an upright plate throws to the camera."""
    ambient = np.float32(light.zenith) * (0.5 + normal_up) + np.float32(light.ground) * 0.5
    return ambient + np.float32(light.sun) * 0.8 * facing_sun + np.float32(light.retro)


def _put_plate(vehicle, pose, big, light, colour, box):
    """Warps the plate's drawing into the enlarged layer."""
    quad = big.project(vehicle.plate_quad(pose, rim=True))
    if quad[:, 2].min() < 1.2:
        return
    target = quad[:, :2] - box[:2]
    sheet = vehicle.plate_image
    # area filter first: shrink the drawing to at most twice the size it will have
    size = float(np.hypot(*(target[1] - target[0])))
    factor = max(1.0, sheet.shape[1] / max(size * 1.35, 24.0))
    small = cv2.resize(sheet, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA) if factor > 1 else sheet
    h, w = small.shape[:2]
    facing = max(0.0, -float(light.sun_direction[1]))
    lit = tone(linear(small) * plate_light(light, facing_sun=facing))
    source = np.float32([[0, 0], [w, 0], [w, h], [0, h]])
    matrix = cv2.getPerspectiveTransform(source, target.astype(np.float32))
    rgba = np.dstack([lit, np.full((h, w), 255, np.uint8)])
    lo = np.maximum(np.floor(target.min(0)).astype(int) - 2, 0)
    hi = np.minimum(np.ceil(target.max(0)).astype(int) + 2, (colour.shape[1], colour.shape[0]))
    if (hi - lo).min() < 2:
        return
    matrix = np.array([[1, 0, -lo[0]], [0, 1, -lo[1]], [0, 0, 1.0]]) @ matrix
    warped = cv2.warpPerspective(rgba, matrix, tuple(int(k) for k in hi - lo), flags=cv2.INTER_LINEAR)
    area = colour[lo[1] : hi[1], lo[0] : hi[0]]
    a = warped[..., 3:].astype(np.float32) / 255
    area[:] = (area * (1 - a) + warped).clip(0, 255).astype(np.uint8)  # warped is premultiplied


def _move(image, blur):
    """Smears a layer along the movement during the exposure."""
    if blur is None or np.hypot(*blur) < 0.4:
        return image
    length = float(np.hypot(*blur))
    half = int(np.ceil(length / 2)) + 1
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    for t in np.linspace(-0.5, 0.5, 33):
        x, y = half + blur[0] * t, half + blur[1] * t
        i, j = int(np.floor(x)), int(np.floor(y))
        fx, fy = x - i, y - j
        for dj, wy in ((0, 1 - fy), (1, fy)):
            for di, wx in ((0, 1 - fx), (1, fx)):
                if wx * wy > 0:
                    kernel[j + dj, i + di] += wx * wy
    return cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_CONSTANT)


def shadow_mask(vehicle: Vehicle, pose: Pose, camera: Camera, light: Light, shrink: int = 4) -> tuple | None:
    """Darkness 0..1 that the vehicle lays on the road: (x, y, mask) at full size, or None."""
    sun = np.array(light.sun_direction)
    small = camera.scaled(1 / shrink)
    world = vehicle.coarse.mesh.vertex @ pose.rotation.T + pose.offset
    half_l, half_w = vehicle.shape.length / 2 - 0.08, vehicle.shape.width / 2 - 0.05
    base = np.array([[half_l, half_w, 0], [half_l, -half_w, 0], [-half_l, -half_w, 0], [-half_l, half_w, 0]]) @ pose.rotation.T + pose.offset * (1, 1, 0)
    mask = np.zeros((small.height, small.width), np.uint8)
    strength = float(np.clip(np.mean(light.sun) / 0.9, 0, 1))
    if strength > 0.05:
        down = world - sun * (world[:, 2:3] / max(sun[2], 0.25))
        ground = small.project(down)
        pts = ground[:, :2]
        near = ground[:, 2] > 0.8
        if near.any():
            hull = cv2.convexHull(pts[near].astype(np.float32))
            cv2.fillConvexPoly(mask, np.round(np.clip(hull, -4000, 4000) * 16).astype(np.int32), int(150 * strength), cv2.LINE_AA, 4)
    foot = small.project(base)
    if foot[:, 2].min() < 0.5:
        return None
    dark = np.zeros_like(mask)
    cv2.fillConvexPoly(dark, np.round(np.clip(foot[:, :2], -4000, 4000) * 16).astype(np.int32), 225, cv2.LINE_AA, 4)
    size = float(np.hypot(*(foot[1, :2] - foot[0, :2])))
    ys, xs = np.nonzero(np.maximum(mask, dark))
    if len(ys) == 0:
        return None
    pad = int(size * 0.12) + 3
    y0, y1 = max(0, ys.min() - pad), min(small.height, ys.max() + pad + 1)
    x0, x1 = max(0, xs.min() - pad), min(small.width, xs.max() + pad + 1)
    sharp = cv2.GaussianBlur(mask[y0:y1, x0:x1].astype(np.float32), (0, 0), max(0.8, size * 0.012))
    soft = cv2.GaussianBlur(dark[y0:y1, x0:x1].astype(np.float32), (0, 0), max(1.0, size * 0.035))
    total = np.maximum(sharp, soft) / 255
    full = cv2.resize(total, ((x1 - x0) * shrink, (y1 - y0) * shrink), interpolation=cv2.INTER_LINEAR)
    full = full[: camera.height - y0 * shrink, : camera.width - x0 * shrink]
    return x0 * shrink, y0 * shrink, full
