"""What the clip truly shows: where each plate and vehicle is, and when a plate can be read."""

import cv2
import numpy as np

from .camera import Camera
from .vehicle import Pose, Vehicle

#: A plate counts as readable from this width on, in pixels.
MIN_PLATE_PX = 60


def plate_corners(vehicle: Vehicle, pose: Pose, camera: Camera) -> np.ndarray | None:
    """The plate's corners (4, 2) in pixels: top left, top right, bottom right, bottom left; None when
    the plate does not lie wholly in the picture."""
    seen = camera.project(vehicle.plate_quad(pose))
    xy = seen[:, :2]
    inside = (xy >= 0).all() and (xy[:, 0] <= camera.width - 1).all() and (xy[:, 1] <= camera.height - 1).all()
    return xy if inside and seen[:, 2].min() > 1.2 else None


def plate_width(corners: np.ndarray) -> float:
    """Mean length of upper and lower edge in pixels."""
    return float(np.hypot(*(corners[1] - corners[0])) + np.hypot(*(corners[2] - corners[3]))) / 2


def outline(vehicle: Vehicle, pose: Pose, camera: Camera) -> np.ndarray | None:
    """The vehicle's convex outline in pixels (not cut at the picture's edge), or None."""
    seen = camera.project(vehicle.coarse.mesh.vertex @ pose.rotation.T + pose.offset)
    near = seen[:, 2] > 0.8
    if near.sum() < 3:
        return None
    return cv2.convexHull(np.clip(seen[near, :2], -20000, 20000).astype(np.float32))


def vehicle_box(vehicle: Vehicle, pose: Pose, camera: Camera) -> list[int] | None:
    """The visible part of the vehicle as x, y, w, h in pixels, or None."""
    hull = outline(vehicle, pose, camera)
    if hull is None:
        return None
    lo = np.maximum(np.floor(hull.reshape(-1, 2).min(0)), 0)
    hi = np.minimum(np.ceil(hull.reshape(-1, 2).max(0)), (camera.width, camera.height))
    if (hi - lo).min() < 2:
        return None
    return [int(lo[0]), int(lo[1]), int(hi[0] - lo[0]), int(hi[1] - lo[1])]


def corner_box(corners: np.ndarray) -> list[int]:
    """Upright box x, y, w, h round `corners`."""
    lo, hi = np.floor(corners.min(0)).astype(int), np.ceil(corners.max(0)).astype(int)
    return [int(lo[0]), int(lo[1]), int(hi[0] - lo[0]), int(hi[1] - lo[1])]


def visible_plate(index: int, traffic: list[tuple[Vehicle, Pose]], camera: Camera) -> np.ndarray | None:
    """Corners of the plate of `traffic[index]` when it is wholly visible and no nearer vehicle covers it."""
    vehicle, pose = traffic[index]
    corners = plate_corners(vehicle, pose, camera)
    if corners is None:
        return None
    for other, (neighbour, place) in enumerate(traffic):
        if other == index or place.y >= pose.y or place.y < -3:
            continue
        hull = outline(neighbour, place, camera)
        if hull is not None and any(cv2.pointPolygonTest(hull, (float(x), float(y)), False) >= 0 for x, y in corners):
            return None
    return corners


def collect(vehicles: list[Vehicle], schedule, seed: int, camera: Camera) -> dict:
    """The truth file of the clip. Times are seconds from the first frame, places are pixels."""
    plates = schedule.plates(seed)
    passes = []
    readable: list[list[int]] = [[] for _ in plates]
    best: list[float] = [0.0] * len(plates)
    places: list[list[dict]] = [[] for _ in plates]
    for frame in range(schedule.FRAMES):
        time = frame / schedule.FPS
        traffic = [(v, p.pose(time)) for v, p in zip(vehicles, schedule.PASSES, strict=True)]
        for index, (vehicle, pose) in enumerate(traffic):
            if not -3 < pose.y < 85:
                continue
            corners = visible_plate(index, traffic, camera)
            if corners is not None and plate_width(corners) >= MIN_PLATE_PX:
                readable[index].append(frame)
                best[index] = max(best[index], plate_width(corners))
            if frame % 5 == 0:
                box = vehicle_box(vehicle, pose, camera)
                if box:
                    row = {"frame": frame, "vehicle": box}
                    if corners is not None:
                        row["plate"] = corner_box(corners)
                        row["corners"] = [[round(float(x), 1), round(float(y), 1)] for x, y in corners]
                    places[index].append(row)
    for index, (item, plate) in enumerate(zip(schedule.PASSES, plates, strict=True)):
        frames = readable[index]
        passes.append({
            "plate": plate.number, "as_drawn": plate.text.replace("*", "-"), "country": "US", "state": plate.state,
            "direction": item.direction, "time_in_s": round(frames[0] / schedule.FPS, 2),
            "time_out_s": round(frames[-1] / schedule.FPS, 2), "best_width_px": round(best[index]),
            "speed_kmh": round(item.speed * 3.6), "light": "dusk" if schedule.night(item.near_s) > 0.5 else "day",
            "vehicle": {"kind": item.kind, "colour": item.colour}, "places": places[index],
        })
    return {
        "clip": "demo.mp4", "fps": schedule.FPS, "frames": schedule.FRAMES, "width": camera.width,
        "height": camera.height, "seed": seed, "min_plate_px": MIN_PLATE_PX,
        "note": "corners: top left, top right, bottom right, bottom left of the plate; boxes: x, y, w, h; pixels",
        "passes": passes,
    }
