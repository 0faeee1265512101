"""Random labelled pictures of the same world, for training and for trying detectors out."""

from pathlib import Path

import cv2
import numpy as np

from .backdrop import LANE
from .bodies import SHAPES
from .camera import Camera
from .plates import draw_plate, random_plate
from .scene import Scene
from .skins import COLOURS
from .truth import corner_box, plate_width, visible_plate
from .vehicle import Pose, Vehicle

#: Pictures that share one place and camera.
_PER_SCENE = 25


def random_camera(rng: np.random.Generator) -> Camera:
    """A camera 2.6 to 4.6 m high that looks down the lanes, a little off the middle."""
    height = float(rng.uniform(2.6, 4.6))
    focal = float(rng.uniform(2300, 4200))
    half = np.arctan(540 / focal)
    lower = np.arctan2(height - 0.5, float(rng.uniform(5.5, 8.5)))
    return Camera(focal=focal, pitch=float(lower - half + 0.01), yaw=float(rng.uniform(-0.06, 0.06)),
                  position=(float(rng.uniform(-0.6, 0.6)), 0.0, height))


def random_traffic(rng: np.random.Generator) -> tuple[list[tuple[Vehicle, Pose, float]], list[str]]:
    """One or two vehicles (one a lane) at random places, and their plates' numbers."""
    out, numbers = [], []
    lanes = [1, -1] if rng.random() < 0.45 else [int(rng.choice([1, -1]))]
    for heading in lanes:
        plate = random_plate(rng)
        frame = [None, None, "black", "chrome"][int(rng.integers(4))]
        vehicle = Vehicle(str(rng.choice(sorted(SHAPES))), str(rng.choice(sorted(COLOURS))), draw_plate(plate, rng, frame), rng)
        numbers.append(plate.number)
        side = -LANE if heading > 0 else LANE
        pose = Pose(side + float(rng.normal(0, 0.18)), float(rng.uniform(7.5, 19)), heading, float(rng.uniform(0, 9)), float(rng.normal(0, 0.04)))
        out.append((vehicle, pose, float(rng.uniform(2, 14))))
    return out, numbers


def write_stills(count: int, seed: int, folder: Path) -> int:
    """Writes `count` JPEG pictures and labels.tsv to `folder`; returns how many plates are labelled.

    Columns: file, plate, x, y, w, h, corners (x,y of top left, top right, bottom right, bottom left,
    joined by blanks). A picture without a wholly visible plate has one row with empty fields.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows, labelled, scene = [], 0, None
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        if number % _PER_SCENE == 0:
            scene = Scene(int(rng.integers(1 << 30)), random_camera(rng))
        night = float(rng.choice([0.0, 0.0, 1.0, rng.uniform(0, 1)]))
        for _ in range(6):  # most pictures show a whole plate
            traffic, texts = random_traffic(rng)
            pairs = [(vehicle, pose) for vehicle, pose, _ in traffic]
            if any(visible_plate(k, pairs, scene.camera) is not None for k in range(len(pairs))):
                break
        picture = scene.picture(float(rng.uniform(0, 60)), night, traffic, rng)
        name = f"still_{seed}_{number:05d}.jpg"
        cv2.imwrite(str(folder / name), picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(70, 95))])
        found = 0
        for index, text in enumerate(texts):
            corners = visible_plate(index, pairs, scene.camera)
            if corners is None or plate_width(corners) < 24:
                continue
            box = corner_box(corners)
            flat = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
            rows.append("\t".join([name, text, *map(str, box), flat]))
            found += 1
        if not found:
            rows.append("\t".join([name, "", "", "", "", "", ""]))
        labelled += found
    (folder / "labels.tsv").write_text("file\tplate\tx\ty\tw\th\tcorners\n" + "\n".join(rows) + "\n")
    return labelled
