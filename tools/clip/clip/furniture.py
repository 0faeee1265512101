"""What stands beside the lanes: bollards, a hydrant, a lamp post. Vehicles never pass behind them."""

import cv2
import numpy as np

from .camera import Camera
from .light import Light, tone

_YELLOW, _BLACK, _STEEL, _RED, _STONE = (
    np.float32(c) for c in ((0.03, 0.42, 0.62), (0.02, 0.02, 0.02), (0.16, 0.16, 0.155), (0.05, 0.05, 0.40), (0.34, 0.36, 0.37)))

# x, y on the ground; then stacked rings of (lower z, upper z, lower radius, upper radius, reflectance)
_BOLLARD = ((0.0, 0.62, 0.085, 0.085, _YELLOW), (0.62, 0.74, 0.086, 0.086, _BLACK), (0.74, 0.86, 0.085, 0.085, _YELLOW),
            (0.86, 0.92, 0.085, 0.045, _YELLOW))
_HYDRANT = ((0.0, 0.06, 0.17, 0.17, _BLACK), (0.06, 0.50, 0.11, 0.11, _RED), (0.42, 0.50, 0.16, 0.16, _RED),
            (0.50, 0.58, 0.135, 0.125, _RED), (0.58, 0.68, 0.12, 0.05, _RED), (0.68, 0.73, 0.035, 0.03, _STEEL))
_LAMP_POST = ((0.0, 0.35, 0.17, 0.14, _STONE), (0.35, 6.0, 0.075, 0.06, _STEEL))
THINGS = tuple((side * 3.55, y, _BOLLARD) for side in (-1, 1) for y in (12.4, 15.2, 18.0)) + (
    (-3.85, 21.5, _HYDRANT), (4.25, 23.0, _LAMP_POST), (-4.25, 41.0, _LAMP_POST))


def furnish(image: np.ndarray, camera: Camera, light: Light) -> np.ndarray:
    """Draws THINGS and their shadows into a still of the empty place; returns float32."""
    picture = np.clip(image, 0, 255).astype(np.uint8)
    for x, y, rings in sorted(THINGS, key=lambda t: -t[1]):
        picture = _shadow(picture, camera, light, x, y, rings)
        for ring in rings:
            _ring(picture, camera, light, x, y, ring)
    return picture.astype(np.float32)


def _points(camera, points):
    seen = camera.project(np.float64(points))
    return np.int32(np.round(np.clip(seen[:, :2], -9000, 9000) * 16))


def _shadow(picture, camera, light, x, y, rings):
    """Darkens the ground behind a thing as seen from the sun, and close round its foot."""
    mask = np.zeros(picture.shape[:2], np.uint8)
    sun = np.array(light.sun_direction)
    strength = float(np.clip(np.mean(light.sun), 0, 1)) * 0.62
    turn = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    if strength > 0.1:
        ground = []
        for low, high, r0, r1, _ in rings:
            for z, r in ((low, r0), (min(high, 3.0), r1)):
                ground += [(x + r * np.cos(t) - sun[0] / sun[2] * z, y + r * np.sin(t) - sun[1] / sun[2] * z, 0) for t in turn]
        hull = cv2.convexHull(_points(camera, ground))
        cv2.fillConvexPoly(mask, hull, int(255 * strength), cv2.LINE_AA, 4)
    r = rings[0][2]
    foot = _points(camera, [(x + r * 1.5 * np.cos(t), y + r * 1.5 * np.sin(t), 0) for t in turn])
    contact = np.zeros_like(mask)
    cv2.fillConvexPoly(contact, foot, 150, cv2.LINE_AA, 4)
    contact = cv2.GaussianBlur(contact, (0, 0), 4 * camera.width / 1920)
    dark = np.maximum(cv2.GaussianBlur(mask, (0, 0), 1.5), contact)[..., None].astype(np.float32) / 255
    return (picture * (1 - dark)).astype(np.uint8)


def _ring(picture, camera, light, x, y, ring):
    """One piece of a turned body, lit from the side that the sun is on, drawn in upright strips."""
    low, high, r0, r1, albedo = ring
    toward = np.array([-x, -y]) / np.hypot(x, y)
    across = np.array([-toward[1], toward[0]])
    edges = np.linspace(-np.pi / 2, np.pi / 2, 15)
    sun = np.array(light.sun_direction)
    ambient = np.float32(light.zenith) * 0.55 + np.float32(light.ground) * 0.5
    for a, b in zip(edges, edges[1:]):
        middle = (a + b) / 2
        normal = toward * np.cos(middle) + across * np.sin(middle)
        lit = ambient + np.float32(light.sun) * 0.8 * max(0.0, float(normal @ sun[:2]))
        lit = lit * (0.82 + 0.18 * np.cos(middle))
        corners = []
        for angle, z, r in ((a, low, r0), (b, low, r0), (b, high, r1), (a, high, r1)):
            p = np.array([x, y]) + (toward * np.cos(angle) + across * np.sin(angle)) * r
            corners.append((p[0], p[1], z))
        colour = tone(albedo * lit + 0.02 * np.float32(light.zenith))
        cv2.fillConvexPoly(picture, _points(camera, corners), tuple(int(c) for c in colour), cv2.LINE_AA, 4)
    turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    lid = _points(camera, [(x + r1 * np.cos(t), y + r1 * np.sin(t), high) for t in turn])
    lit = np.float32(light.zenith) + np.float32(light.sun) * 0.8 * sun[2]
    if high < 3:
        cv2.fillConvexPoly(picture, lid, tuple(int(c) for c in tone(albedo * lit)), cv2.LINE_AA, 4)
