"""A vehicle ready to be rendered: mesh, drawings, texture coordinates, plate."""

from dataclasses import dataclass

import numpy as np

from . import bodies
from .bodies import SHAPES, TOP, TYRE, Mesh, Shape
from .plates import HEIGHT, MARGIN, WIDTH
from .skins import Skin, paint

#: A US plate in metres.
PLATE_W, PLATE_H = 0.3048, 0.1524


@dataclass(frozen=True)
class Pose:
    """Where a vehicle stands: `x`, `y` of its middle, `heading` +1 towards the camera, -1 away.

    `travel` is the distance covered (turns the wheels), `drift` a yaw in radians, `bounce` metres.
    """

    x: float
    y: float
    heading: int
    travel: float = 0.0
    drift: float = 0.0
    bounce: float = 0.0

    @property
    def rotation(self) -> np.ndarray:
        """Rows map vehicle to world: world = vehicle @ rotation.T + offset."""
        c, s = np.cos(self.drift), np.sin(self.drift)
        turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])
        forward = np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1.0]] if self.heading > 0 else [[0, -1, 0], [1, 0, 0], [0, 0, 1.0]])
        return turn @ forward

    @property
    def offset(self) -> np.ndarray:
        """The vehicle's origin in the world."""
        return np.array([self.x, self.y, self.bounce])


class Model:
    """A mesh with the texture coordinates of one vehicle's drawings."""

    def __init__(self, shape: Shape, skin: Skin, coarse: bool):
        self.shape, self.skin = shape, skin
        self.mesh: Mesh = bodies.build(shape, coarse)
        self.uv = self._texture_coordinates()
        self.wheel_faces = np.nonzero(self.mesh.part == TYRE)[0]
        self.offset, self.sheet_w, self.sheet_h = (
            np.array([skin.sheets[p][k] for p in self.mesh.part], np.int64) for k in range(3))

    def _texture_coordinates(self) -> np.ndarray:
        """(M, 3, 2) texel coordinates of each face's corners in its drawing."""
        v = self.mesh.vertex[self.mesh.face]
        uv = np.zeros(v.shape[:2] + (2,))
        for part, (_, _, _, a0, b1, ppm) in self.skin.sheets.items():
            on = self.mesh.part == part
            p = v[on]
            if part in (bodies.FRONT, bodies.REAR):
                a, b = p[..., 1], p[..., 2]
            elif part == TOP:
                a, b = p[..., 0], p[..., 1]
            elif part == bodies.SIDE:
                a, b = p[..., 0], p[..., 2]
            elif part == TYRE:
                r = self.shape.wheel
                a, b = (p[..., 0] - self.mesh.hub[on][:, None, 0]) / r, (p[..., 2] - r) / r
            else:
                a = b = np.full(p.shape[:2], 0.01)
            uv[on] = np.stack([(a - a0) * ppm, (b1 - b) * ppm], -1)
        return uv

    def spun(self, travel: float) -> np.ndarray:
        """Texel coordinates with the wheels turned by `travel` metres."""
        uv = self.uv.copy()
        _, w, h, a0, b1, ppm = self.skin.sheets[TYRE]
        angle = travel / self.shape.wheel
        c, s = np.cos(angle), np.sin(angle)
        p = uv[self.wheel_faces] - (w / 2, h / 2)
        uv[self.wheel_faces] = np.stack([p[..., 0] * c - p[..., 1] * s, p[..., 0] * s + p[..., 1] * c], -1) + (w / 2, h / 2)
        return uv


class Vehicle:
    """One vehicle with its colour and plate pictures; `plate_image` as `plates.draw_plate` returns
    it, `style` of the grille as in `skins.paint`."""

    def __init__(self, kind: str, colour: str, plate_image: np.ndarray, rng: np.random.Generator, style: int | None = None):
        self.kind, self.colour = kind, colour
        self.shape: Shape = bodies.vary(SHAPES[kind], rng)
        skin = paint(self.shape, colour, rng, style)
        self.fine, self.coarse = Model(self.shape, skin, False), Model(self.shape, skin, True)
        self.plate_image = plate_image

    def model(self, distance: float) -> Model:
        """The mesh that is fine enough at `distance` metres."""
        return self.fine if distance < 20 else self.coarse

    def plate_quad(self, pose: Pose, rim: bool = False) -> np.ndarray:
        """World corners of the plate that faces the camera: top left, top right, bottom right, bottom
        left as the camera sees them. With `rim` those of the whole drawing, frame included."""
        front = pose.heading > 0
        x, z = self.shape.plate_front if front else self.shape.plate_rear
        grow_w = PLATE_W * (1 + 2 * MARGIN / WIDTH) if rim else PLATE_W
        grow_h = PLATE_H * (1 + 2 * MARGIN / HEIGHT) if rim else PLATE_H
        lean = 0.015  # plates lean back a little
        # seen from the front, the vehicle's left (y > 0) is on the viewer's right
        s = -1.0 if front else 1.0
        back = -1 if front else 1
        corners = np.array([[x + back * lean, s * grow_w / 2, z + grow_h / 2], [x + back * lean, -s * grow_w / 2, z + grow_h / 2],
                            [x, -s * grow_w / 2, z - grow_h / 2], [x, s * grow_w / 2, z - grow_h / 2]])
        return corners @ pose.rotation.T + pose.offset
