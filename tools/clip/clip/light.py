"""Light of the day and of dusk: sun, ambient, a sky that paint and glass mirror, and the exposure."""

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Light:
    """Linear light. `sky` is a square map over the upper hemisphere, see `reflect`."""

    sun_direction: tuple
    sun: tuple
    zenith: tuple  # ambient from above
    ground: tuple  # ambient from below
    sky: np.ndarray
    lamps: float  # how far vehicle lights are visible
    retro: float  # light that plates throw back to the camera's own lamp
    noise: float  # standard deviation of the sensor noise in 8-bit steps
    exposure_s: float


_SKY = 768


def _sky_map(top, horizon, trees, ground, cloud, sun_glow, sun_direction, seed):
    """Mirror image of the surroundings: r -> (x, y) / (1 + z), from straight up to well below."""
    axis = np.linspace(-1.6, 1.6, _SKY, dtype=np.float32)
    a, b = np.meshgrid(axis, axis)
    rr = a**2 + b**2
    z = (1 - rr) / (1 + rr)
    x, y = a * (1 + z), b * (1 + z)
    up = np.clip(z, 0, 1)[..., None] ** 0.55
    image = np.float32(horizon) * (1 - up) + np.float32(top) * up
    rng = np.random.default_rng(seed)
    noise = sum(cv2.resize(rng.standard_normal((n, n)).astype(np.float32), (_SKY, _SKY), interpolation=cv2.INTER_CUBIC) / k
                for k, n in ((1, 7), (2, 15), (3, 31)))
    image += np.clip((noise - 0.25) * 1.6, 0, 1.5)[..., None] * np.float32(cloud) * np.clip(z * 3, 0, 1)[..., None]
    skyline = 0.16 + 0.10 * np.sin(np.arctan2(y, x) * 5 + 1) + 0.06 * np.sin(np.arctan2(y, x) * 13)
    # along the road (y axis) the view is open
    open_road = np.clip(1.6 * np.abs(y) / np.maximum(np.hypot(x, y), 1e-3) - 1.1, 0, 1)
    hidden = np.clip((skyline * (1 - 0.75 * open_road) - z) / 0.05, 0, 1)[..., None]
    image = image * (1 - hidden) + np.float32(trees) * hidden
    below = np.clip(-z / 0.05, 0, 1)[..., None]
    image = image * (1 - below) + np.float32(ground) * (1 - 0.3 * np.clip(-z, 0, 1)[..., None]) * below
    s = np.float32(sun_direction) / np.linalg.norm(sun_direction)
    d = np.clip(x * s[0] + y * s[1] + z * s[2], 0, 1)[..., None]
    image += np.float32(sun_glow) * (0.08 * d**12 + 0.5 * d**120 + 6.0 * d**900)
    return image.astype(np.float32)


def day() -> Light:
    """A bright afternoon with broken cloud, the sun behind the camera's left shoulder."""
    sun = (-0.55, -0.50, 0.80)
    sky = _sky_map((0.62, 0.40, 0.24), (0.95, 0.90, 0.86), (0.07, 0.105, 0.075), (0.20, 0.205, 0.21),
                   (0.55, 0.58, 0.6), (1.0, 1.05, 1.1), sun, 5)
    return Light(tuple(np.array(sun) / np.linalg.norm(sun)), (0.92, 1.02, 1.10), (0.54, 0.49, 0.45),
                 (0.15, 0.155, 0.16), sky, 0.25, 0.0, 1.3, 1 / 700)


def dusk() -> Light:
    """After sunset: a warm strip of sky, lamps on, the camera's own lamp lifts the plates."""
    sun = (0.6, 0.75, 0.12)
    sky = _sky_map((0.21, 0.14, 0.105), (0.22, 0.27, 0.42), (0.016, 0.019, 0.018), (0.042, 0.042, 0.046),
                   (0.02, 0.025, 0.06), (0.08, 0.16, 0.34), sun, 6)
    return Light(tuple(np.array(sun) / np.linalg.norm(sun)), (0.015, 0.028, 0.054), (0.195, 0.155, 0.138),
                 (0.042, 0.042, 0.046), sky, 1.0, 0.30, 3.2, 1 / 320)


def mix(a: Light, b: Light, t: float) -> Light:
    """Light between `a` (t = 0) and `b` (t = 1)."""
    if t <= 0:
        return a
    if t >= 1:
        return b
    def blend(p, q):
        return tuple(np.array(p) * (1 - t) + np.array(q) * t)

    return Light(a.sun_direction if t < 0.75 else b.sun_direction,
                 blend(a.sun, b.sun) if t < 0.75 else tuple(np.array(b.sun) * (t - 0.75) * 4),
                 blend(a.zenith, b.zenith), blend(a.ground, b.ground), a.sky * (1 - t) + b.sky * t,
                 a.lamps * (1 - t) + b.lamps * t, b.retro * t, a.noise * (1 - t) + b.noise * t,
                 a.exposure_s * (1 - t) + b.exposure_s * t)


def reflect(sky: np.ndarray, r: np.ndarray) -> np.ndarray:
    """Looks up the mirrored surroundings in directions `r` (N, 3)."""
    scale = (_SKY / 3.2) / np.maximum(1 + r[:, 2], 0.25)
    x = np.clip(r[:, 0] * scale + _SKY / 2, 0, _SKY - 1).astype(np.int32)
    y = np.clip(r[:, 1] * scale + _SKY / 2, 0, _SKY - 1).astype(np.int32)
    return sky.reshape(-1, 3)[y * _SKY + x]


_STEPS = 4096
_CURVE = np.linspace(0, 2.0, _STEPS, dtype=np.float32)
# shoulder above mid grey, then the display's gamma
_TONE = np.clip(255 * np.clip(_CURVE / (1 + 0.22 * _CURVE**2) * 1.06, 0, 1) ** (1 / 2.2), 0, 255).astype(np.uint8)
_LINEAR = ((np.arange(256, dtype=np.float32) / 255) ** 2.2).astype(np.float32)


def tone(linear: np.ndarray) -> np.ndarray:
    """Linear light to 8-bit picture values."""
    return _TONE[np.clip(linear * (_STEPS / 2.0), 0, _STEPS - 1).astype(np.int16)]


def linear(values: np.ndarray) -> np.ndarray:
    """8-bit drawing colours to linear reflectance."""
    return _LINEAR[values]
