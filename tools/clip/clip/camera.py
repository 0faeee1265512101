"""Pinhole camera on a pole. World in metres: X right, Y along the lane away from the camera, Z up."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Camera:
    """`focal` in pixels, `pitch` down and `yaw` right in radians, at `position`."""

    width: int = 1920
    height: int = 1080
    focal: float = 2950.0
    pitch: float = 0.225
    yaw: float = 0.0
    position: tuple = (0.0, 0.0, 3.0)

    def scaled(self, factor: float) -> "Camera":
        """The same view with `factor` times the pixels."""
        return Camera(round(self.width * factor), round(self.height * factor), self.focal * factor,
                      self.pitch, self.yaw, self.position)

    @property
    def axes(self) -> np.ndarray:
        """Rows: the camera's right, down and forward axes in the world."""
        cp, sp, cy, sy = np.cos(self.pitch), np.sin(self.pitch), np.cos(self.yaw), np.sin(self.yaw)
        forward = np.array([sy * cp, cy * cp, -sp])
        right = np.array([cy, -sy, 0.0])
        return np.stack([right, np.cross(forward, right), forward])

    def project(self, points: np.ndarray) -> np.ndarray:
        """World points (N, 3) to (N, 3): x, y in pixels and the depth in metres."""
        seen = (np.asarray(points, np.float64) - self.position) @ self.axes.T
        depth = np.maximum(seen[:, 2], 1e-3)
        return np.stack([self.width / 2 + self.focal * seen[:, 0] / depth,
                         self.height / 2 + self.focal * seen[:, 1] / depth, seen[:, 2]], 1)

    def rays(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Unit directions into the world of the pixels (x, y); shape (..., 3), of x's type."""
        a, b = (x - self.width / 2) / self.focal, (y - self.height / 2) / self.focal
        axes = self.axes.astype(np.float32)
        ray = a[..., None] * axes[0] + b[..., None] * axes[1] + axes[2]
        return ray * (1 / np.sqrt(1 + a * a + b * b))[..., None]
