"""Puts a picture together: place, shadows, vehicles, lamps, sensor."""

import cv2
import numpy as np

from . import light as lights
from .backdrop import Backdrop
from .camera import Camera
from .raster import render, shadow_mask
from .vehicle import Pose, Vehicle


class Scene:
    """Camera, place and lights; draws single pictures."""

    def __init__(self, seed: int, camera: Camera | None = None):
        self.camera = camera or Camera()
        self.day, self.dusk = lights.day(), lights.dusk()
        self.backdrop = Backdrop(self.camera, self.day, self.dusk, seed)
        rng = np.random.default_rng(seed + 7)
        shape = (self.camera.height + 64, self.camera.width + 64)
        grain = rng.standard_normal((4, *shape)).astype(np.float32)
        self._grain = np.stack([cv2.GaussianBlur(g, (0, 0), 0.55) * 1.45 for g in grain])
        self._bloom = _bloom_sprite()

    def picture(self, time: float, night: float, traffic: list[tuple[Vehicle, Pose, float]], rng) -> np.ndarray:
        """The picture at `time`, BGR uint8. `traffic` holds vehicle, pose, speed (m/s)."""
        camera = self.camera
        light = lights.mix(self.day, self.dusk, night)
        image = self.backdrop.picture(time, night)
        factor = self.backdrop.shade(time, night)
        traffic = [t for t in traffic if -3 < t[1].y < 85]
        for vehicle, pose, _ in traffic:
            if light.lamps > 0.3:
                factor += self._pool(vehicle, pose, (light.lamps - 0.3) / 0.7)
        image *= cv2.resize(factor, (camera.width, camera.height), interpolation=cv2.INTER_LINEAR)
        for vehicle, pose, _ in traffic:
            found = shadow_mask(vehicle, pose, camera, light)
            if found:
                x, y, mask = found
                image[y : y + mask.shape[0], x : x + mask.shape[1]] *= 1 - mask[..., None]
        for vehicle, pose, speed in sorted(traffic, key=lambda t: -t[1].y):
            blur = self._smear(vehicle, pose, speed, light.exposure_s)
            layer = render(vehicle, pose, camera, light, blur)
            if layer is not None:
                layer.over(image)
            if light.lamps > 0.3:
                self._glow(image, vehicle, pose, (light.lamps - 0.3) / 0.7)
        if light.noise:
            grain = self._grain[int(rng.integers(len(self._grain)))]
            dx, dy = int(rng.integers(64)), int(rng.integers(64))
            part = grain[dy : dy + camera.height, dx : dx + camera.width]
            image += (part * np.float32(light.noise))[..., None]
        return np.clip(image, 0, 255).astype(np.uint8)

    def _smear(self, vehicle, pose, speed, exposure):
        """Movement of the plate in pixels during the exposure."""
        centre = vehicle.plate_quad(pose).mean(0)
        centre[1] = max(centre[1], 6.0)  # the plate may be behind the camera still
        step = np.array([0, -pose.heading * speed * exposure, 0])
        a, b = self.camera.project(np.stack([centre - step / 2, centre + step / 2]))
        if min(a[2], b[2]) < 1.5:
            return None
        return b[:2] - a[:2]

    def _pool(self, vehicle, pose, strength):
        """Light of the head lamps (and a red breath of the tail lamps) on the road."""
        gx, gy = self.backdrop.ground_x, self.backdrop.ground_y
        ahead = (pose.y - gy) * pose.heading - vehicle.shape.length / 2
        across = np.abs(gx - pose.x)
        width = 0.85 + 0.12 * np.clip(ahead, 0, 30)
        beam = np.exp(-((across / width) ** 2)) * np.clip((ahead + 0.2) / 2.5, 0, 1) * np.exp(-np.clip(ahead - 2, 0, None) / 7.5)
        behind = -ahead - vehicle.shape.length
        red = np.exp(-((across / 1.1) ** 2)) * np.clip((behind + 0.3) / 0.6, 0, 1) * np.exp(-np.clip(behind, 0, None) / 1.6)
        pool = beam[..., None] * np.float32((2.1, 2.2, 2.2)) + red[..., None] * np.float32((0.0, 0.03, 0.75))
        return (pool * strength).astype(np.float32)

    def _glow(self, image, vehicle, pose, strength):
        """Bloom of the lamps that face the camera."""
        half = vehicle.shape.width / 2
        front = pose.heading > 0
        if front:
            z = (vehicle.shape.top[0][1] + 0.17) if vehicle.kind == "sedan" else (vehicle.shape.top[0][1] + 0.24)
            lamps = np.array([[vehicle.shape.length / 2 - 0.10, s * half * 0.76, z] for s in (1, -1)])
            colour, gain, metres = np.float32((255, 250, 238)), 0.85, 0.55
        else:
            z = 0.87 if vehicle.kind == "sedan" else 1.03
            out = 0.96 if vehicle.kind == "van" else 0.87
            lamps = np.array([[-vehicle.shape.length / 2, s * half * out, z] for s in (1, -1)])
            colour, gain, metres = np.float32((25, 20, 225)), 0.36, 0.34
        seen = self.camera.project(lamps @ pose.rotation.T + pose.offset)
        for x, y, depth in seen:
            if depth < 3:
                continue
            # the sensor spreads a far lamp over as many pixels as a near one
            size = int(np.clip(2 * metres * self.camera.focal / depth, 26, 420)) // 2 * 2
            sprite = cv2.resize(self._bloom, (size, size), interpolation=cv2.INTER_AREA if size < 256 else cv2.INTER_LINEAR)
            x0, y0 = int(round(x)) - size // 2, int(round(y)) - size // 2
            ax, ay = max(0, x0), max(0, y0)
            bx, by = min(image.shape[1], x0 + size), min(image.shape[0], y0 + size)
            if bx <= ax or by <= ay:
                continue
            part = sprite[ay - y0 : by - y0, ax - x0 : bx - x0, None] * (gain * strength)
            area = image[ay:by, ax:bx]
            area += part * (colour - area * 0.6).clip(0, None)


def _bloom_sprite(size: int = 256) -> np.ndarray:
    """Round glow with a bright core and faint rays, 0..1."""
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    r = np.hypot(x, y)
    angle = np.arctan2(y, x)
    core = np.exp(-((r / 0.13) ** 2)) + 0.34 * np.exp(-((r / 0.33) ** 2))
    rays = 0.07 * np.exp(-r / 0.30) * (1 + np.cos(angle * 6 + 0.4))
    return np.clip(core + rays, 0, 1) * np.clip((1 - r) / 0.35, 0, 1)
