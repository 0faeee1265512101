"""The empty place: a two-lane drive between a hedge and a wall, and how it moves and is lit."""

import cv2
import numpy as np

from .camera import Camera
from .furniture import furnish
from .light import Light, tone

LANE = 1.45  # distance of a lane's middle from the middle of the road, metres
_X, _Y, _PPM = 9.0, (3.0, 80.0), 64  # extent of the ground's drawing
_HEDGE_X, _WALL_X = -5.3, 5.5
_TURN = 2 * np.pi / 40  # movements come round after the clip's forty seconds, so that it loops


def _noise(rng, height, width, cells, stretch=1.0):
    n = rng.standard_normal((max(2, int(cells * height / width * stretch)), cells)).astype(np.float32)
    return cv2.resize(n, (width, height), interpolation=cv2.INTER_CUBIC)


def _ground(seed: int) -> np.ndarray:
    """Reflectance of the ground from above, linear BGR; rows run away from the camera."""
    rng = np.random.default_rng(seed)
    w, h = int(2 * _X * _PPM), int((_Y[1] - _Y[0]) * _PPM)
    x = np.linspace(-_X, _X, w, dtype=np.float32)[None, :]
    fine = rng.standard_normal((h, w)).astype(np.float32)
    fine = fine * 0.6 + cv2.GaussianBlur(fine, (0, 0), 1.2) * 1.6
    cloudy = _noise(rng, h, w, 24) + 0.5 * _noise(rng, h, w, 90)
    road = 0.138 + 0.013 * fine + 0.010 * cloudy
    for lane in (-LANE, LANE):  # worn wheel tracks, oil in the middle
        for track in (-0.75, 0.75):
            road += 0.014 * np.exp(-(((x - lane - track) / 0.22) ** 2))
        road -= 0.016 * np.exp(-(((x - lane) / 0.28) ** 2)) * (1 + 0.5 * _noise(rng, h, w, 12))
    image = road[..., None] * np.float32((1.03, 1.0, 0.97))
    walk = 0.31 + 0.016 * fine + 0.02 * cloudy
    grass = 0.075 + 0.028 * np.abs(fine) + 0.014 * cloudy
    image = np.where((np.abs(x) > 3.22)[..., None], walk[..., None] * np.float32((0.90, 0.97, 1.0)), image)
    image = np.where((np.abs(x) > 4.55)[..., None], grass[..., None] * np.float32((0.42, 1.05, 0.72)), image)
    image = np.ascontiguousarray(image, np.float32)

    def px(points):
        p = np.float32(points)
        return np.int32(np.round(np.stack([(p[:, 0] + _X) * _PPM, (p[:, 1] - _Y[0]) * _PPM], 1) * 16))

    def poly(points, colour, wear=0.25):
        mask = np.zeros((h, w), np.uint8)
        cv2.fillPoly(mask, [px(points)], 255, cv2.LINE_AA, 4)
        a = mask[..., None] / np.float32(255) * np.clip(1 - wear * (0.6 + 0.5 * fine + 0.4 * cloudy), 0, 1)[..., None]
        image[:] = image * (1 - a) + np.float32(colour) * a

    yellow, white = (0.06, 0.36, 0.55), (0.56, 0.57, 0.57)
    for a in (-0.15, 0.05):
        poly([(a, 3), (a + 0.10, 3), (a + 0.10, 80), (a, 80)], yellow)
    for a in (-2.92, 2.82):
        poly([(a, 3), (a + 0.10, 3), (a + 0.10, 80), (a, 80)], white)
    for lane, away in ((-LANE, False), (LANE, True)):
        for y in (15.5, 38.0):
            arrow = np.float32([(-0.07, 0), (0.07, 0), (0.07, 1.3), (0.24, 1.3), (0, 2.5), (-0.24, 1.3), (-0.07, 1.3)])
            if not away:
                arrow[:, 1] = 2.5 - arrow[:, 1]
            poly(arrow + (lane, y), white, 0.4)
    for side in (-1, 1):  # kerb stones, joints of the pavement
        poly([(side * 3.05, 3), (side * 3.22, 3), (side * 3.22, 80), (side * 3.05, 80)], (0.40, 0.42, 0.43), 0.15)
        poly([(side * 3.02, 3), (side * 3.055, 3), (side * 3.055, 80), (side * 3.02, 80)], (0.05, 0.05, 0.05), 0.2)
        for y in np.arange(3, 80, 1.5):
            poly_line = [(side * 3.05, y), (side * 4.55, y)]
            cv2.polylines(image, [px(poly_line)], False, (0.16, 0.17, 0.18), 1, cv2.LINE_AA, 4)
    for _ in range(5):  # sealed cracks
        y, a = float(rng.uniform(6, 50)), float(rng.uniform(-2.4, 2.4))
        drift = np.convolve(rng.normal(0.0, 0.05, 60), np.ones(5) / 5, "same")
        walk_x = np.clip(a + np.cumsum(drift), -2.8, 2.8)
        walk_y = y + np.cumsum(np.abs(rng.normal(0.06, 0.03, 60)))
        cv2.polylines(image, [px(np.stack([walk_x, walk_y], 1))], False, (0.075, 0.075, 0.074), 1, cv2.LINE_AA, 4)
    poly([(0.75, 22.0), (2.5, 22.2), (2.5, 25.4), (0.75, 25.2)], (0.075, 0.075, 0.074), 0.3)  # a patch
    centre = px([(-0.75, 11.6)])[0] // 16
    cv2.circle(image, tuple(int(k) for k in centre), int(0.30 * _PPM), (0.06, 0.06, 0.058), -1, cv2.LINE_AA)
    cv2.circle(image, tuple(int(k) for k in centre), int(0.30 * _PPM), (0.15, 0.15, 0.15), 2, cv2.LINE_AA)
    return _foreshorten(image)


def _foreshorten(image):
    """Blurs far rows as much as the camera will shrink them."""
    y = np.linspace(_Y[0], _Y[1], image.shape[0], dtype=np.float32)
    need = y**2 / (3.0 * 2950) * _PPM * 0.45
    steps = [(0.0, image)] + [(s, cv2.GaussianBlur(image, (0, 0), sigmaX=0.35 * s**0.5 + 0.01, sigmaY=s)) for s in (1.0, 2.5, 6.0, 14.0)]
    out = image.copy()
    for (s0, a), (s1, b) in zip(steps, steps[1:]):
        rows = (need >= s0) & (need < s1)
        t = ((need[rows] - s0) / (s1 - s0))[:, None, None]
        out[rows] = a[rows] * (1 - t) + b[rows] * t
    out[need >= steps[-1][0]] = steps[-1][1][need >= steps[-1][0]]
    return out


def _hedge(rng, length_px=2600, height_px=260):
    """Leaves of the hedge, linear BGR."""
    leaf = np.zeros((height_px, length_px, 3), np.float32)
    leaf[:] = (0.012, 0.030, 0.016)
    for size, count in ((16, 2600), (10, 5200), (6, 9000)):
        for _ in range(count):
            x, y = int(rng.integers(length_px)), int(rng.integers(height_px))
            g = float(rng.uniform(0.35, 1.0)) * (0.65 + 0.5 * (1 - y / height_px))
            axes = (size // 2 + int(rng.integers(3)), size // 4 + 1)
            cv2.ellipse(leaf, (x, y), axes, float(rng.uniform(0, 180)), 0, 360, (0.035 * g, 0.135 * g, 0.075 * g), -1)
    clump = _noise(rng, height_px, length_px, 60)
    return leaf * np.clip(1 + 0.32 * clump, 0.3, 1.8)[..., None]


def _wall(rng, length_px=2600, height_px=260):
    """Brick wall with ivy over its top, linear BGR."""
    wall = np.zeros((height_px, length_px, 3), np.float32)
    wall[:] = (0.20, 0.22, 0.24)
    bh, bw = 9, 27
    for row, y in enumerate(range(0, height_px, bh)):
        for x in range(-bw, length_px, bw):
            v = float(rng.normal(1, 0.13))
            x0 = x + (row % 2) * bw // 2
            cv2.rectangle(wall, (x0 + 1, y + 1), (x0 + bw - 2, y + bh - 2), (0.085 * v, 0.115 * v, 0.235 * v), -1)
    top = int(height_px * 0.42)
    leaves = _hedge(rng, length_px, height_px)
    edge = top + 26 * _noise(rng, 1, length_px, 60)[0] + 12 * _noise(rng, 1, length_px, 260)[0]
    mask = (np.arange(height_px)[:, None] < edge[None, :]).astype(np.float32)
    mask = cv2.GaussianBlur(mask, (0, 0), 1.5)[..., None]
    cap = np.clip(1 - (np.arange(height_px)[:, None] / height_px - 0.9) * 4, 0.6, 1)[..., None]
    return (wall * cap) * (1 - mask) + leaves * mask


class Backdrop:
    """The empty scene under day and dusk, with its slow movements.

    `day` and `dusk` are the lights it is drawn under; pictures are BGR float32, 0..255.
    """

    def __init__(self, camera: Camera, day: Light, dusk: Light, seed: int):
        self.camera = camera
        rng = np.random.default_rng(seed + 1)
        ground, hedge, wall = _ground(seed), _hedge(rng), _wall(rng)
        self.day = furnish(self._draw(ground, hedge, wall, day, 0.0), camera, day)
        self.dusk = furnish(self._draw(ground, hedge, wall, dusk, 1.0), camera, dusk)
        self._prepare_sway()
        self._prepare_clouds(rng)

    def _draw(self, ground, hedge, wall, light: Light, night: float):
        """One still of the place, supersampled in strips."""
        big = self.camera.scaled(2)
        out = np.empty((self.camera.height, self.camera.width, 3), np.float32)
        strip = 120
        flat = np.float32(light.zenith) + np.float32(light.sun) * 0.8 * light.sun_direction[2]
        for row in range(0, big.height, strip):
            rows = min(strip, big.height - row)
            x, y = np.meshgrid(np.arange(big.width, dtype=np.float32) + 0.5, np.arange(row, row + rows, dtype=np.float32) + 0.5)
            ray = big.rays(x, y)
            eye = self.camera.position[2]
            t = eye / np.maximum(-ray[..., 2], 1e-3)
            gx, gy = ray[..., 0] * t, ray[..., 1] * t
            colour = cv2.remap(ground, (gx + _X) * _PPM, (gy - _Y[0]) * _PPM, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            pools = 0.0
            if night:
                pools = 0.10 * np.exp(-((gx + 3.6) ** 2 + (gy - 19) ** 2) / 42) + 0.08 * np.exp(-((gx - 3.6) ** 2 + (gy - 42) ** 2) / 80)
                pools = pools + 0.055 * np.exp(-(gx**2 / 16 + (gy - 9) ** 2 / 60))
            lit = colour * (flat + np.expand_dims(pools, -1) * np.float32((0.75, 0.95, 1.1)) if night else flat)
            for plane, sheet, side_sun in ((_HEDGE_X, hedge, max(0.0, light.sun_direction[0])), (_WALL_X, wall, max(0.0, -light.sun_direction[0]))):
                tp = plane / np.where(np.abs(ray[..., 0]) < 1e-4, 1e-4, ray[..., 0])
                py, pz = ray[..., 1] * tp, eye + ray[..., 2] * tp
                hit = (tp > 0) & (tp < t) & (pz > 0) & (py > 3)
                if not hit.any():
                    continue
                u = (py * 34) % (sheet.shape[1] - 1)
                v = np.clip(sheet.shape[0] * (1 - pz / 3.2), 0, sheet.shape[0] - 1)
                side = cv2.remap(sheet, u.astype(np.float32), v.astype(np.float32), cv2.INTER_LINEAR)
                glow = np.float32(light.zenith) * 0.55 + np.float32(light.ground) * 0.5 + np.float32(light.sun) * 0.8 * side_sun
                occluded = np.clip(0.45 + pz * 0.7, 0, 1)[..., None]
                if night:
                    glow = glow + 0.10 * np.exp(-((py - 19) ** 2) / 50)[..., None] * np.float32((0.75, 0.95, 1.1))
                lit = np.where(hit[..., None], side * glow * occluded, lit)
                near_wall = np.exp(-np.abs(gx - plane) / 0.35)[..., None]
                lit = np.where(hit[..., None], lit, lit * (1 - 0.45 * near_wall))
            small = cv2.resize(lit.astype(np.float32), (self.camera.width, rows // 2), interpolation=cv2.INTER_AREA)
            out[row // 2 : row // 2 + rows // 2] = tone(small)
        return out

    def _prepare_sway(self):
        """Where leaves are: displaced by a slow wave."""
        camera = self.camera
        x, y = np.meshgrid(np.arange(camera.width, dtype=np.float32), np.arange(camera.height, dtype=np.float32))
        ray = camera.rays(x + 0.5, y + 0.5)
        leaves = np.zeros((camera.height, camera.width), np.float32)
        for plane, low in ((_HEDGE_X, 0.1), (_WALL_X, 1.9)):
            t = plane / np.where(np.abs(ray[..., 0]) < 1e-4, 1e-4, ray[..., 0])
            z = camera.position[2] + ray[..., 2] * t
            inside = (t > 0) & (z > low)
            leaves[inside] = np.clip((z[inside] - low) / 0.8, 0, 1) * np.clip(14 / (ray[..., 1] * t)[inside], 0, 1)
        rows = np.nonzero(leaves.max(1) > 0)[0]
        self._sway_rows = int(rows.max()) + 2 if len(rows) else 0
        n = self._sway_rows
        self._leaves = cv2.GaussianBlur(leaves[:n], (0, 0), 2) if n else leaves[:0]
        self._grid = x[:n], y[:n]

    def _prepare_clouds(self, rng):
        """Shadow of leaves and cloud on the ground, looked up at an eighth of the size."""
        camera = self.camera.scaled(1 / 8)
        self.small = camera
        x, y = np.meshgrid(np.arange(camera.width, dtype=np.float32) + 0.5, np.arange(camera.height, dtype=np.float32) + 0.5)
        ray = camera.rays(x, y)
        t = camera.position[2] / np.maximum(-ray[..., 2], 1e-3)
        self.ground_x, self.ground_y = ray[..., 0] * t, ray[..., 1] * t
        leaf = _noise(rng, 1024, 1024, 120) + _noise(rng, 1024, 1024, 46)
        self._dapple = cv2.GaussianBlur(np.clip(leaf * 0.9 + 0.2, 0, 1), (0, 0), 2.5)

    def picture(self, time: float, night: float) -> np.ndarray:
        """The empty place at `time` seconds, `night` 0..1; a fresh float32 picture."""
        if night <= 0:
            image = self.day.copy()
        elif night >= 1:
            image = self.dusk.copy()
        else:
            image = self.day * np.float32(1 - night)
            image += self.dusk * np.float32(night)
        n = self._sway_rows
        if n:
            x, y = self._grid
            shift = np.float32(1.7) * np.sin(x * 0.021 + y * 0.013 + np.float32(time * 13 * _TURN)) + np.float32(0.9) * np.sin(x * 0.067 + np.float32(time * 24 * _TURN))
            shift *= self._leaves
            image[:n] = cv2.remap(image[:n], x + shift, y + shift * np.float32(0.35), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return image

    def shade(self, time: float, night: float) -> np.ndarray:
        """Factor on the ground's light at an eighth of the size, (h, w, 3): leaf shadows, cloud."""
        gx, gy = self.ground_x, self.ground_y
        wind = 0.22 * np.sin(time * 8 * _TURN) + 0.10 * np.sin(time * 20 * _TURN)
        u, v = ((gx + 30 + wind) * 36) % 1023, ((gy + 0.6 * wind) * 22) % 1023
        leaf = cv2.remap(self._dapple, u.astype(np.float32), v.astype(np.float32), cv2.INTER_LINEAR)
        under = np.clip(1.15 - np.abs((gx + 4.6) / 3.4), 0, 1) * np.clip(1.4 - np.abs((gy - 23) / 7.5), 0, 1)
        cloud = 0.06 * np.sin(time * 2 * _TURN + gy * 0.06) + 0.03 * np.sin(time * 5 * _TURN + gx * 0.1)
        factor = (1 - 0.62 * leaf * np.clip(under, 0, 1)) * (1 + cloud)
        factor = 1 + (factor - 1) * (1 - night)
        return np.repeat(factor[..., None], 3, 2).astype(np.float32)
