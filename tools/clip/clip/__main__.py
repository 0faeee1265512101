"""Command line: `python -m clip OUT_DIR` makes the clip and its truth, `--stills N` labelled pictures."""

import argparse
import hashlib
import json
import sys
import time
from pathlib import Path

import cv2
import numpy as np

from . import schedule
from .encode import Encoder, EncoderFailed
from .fonts import MissingFont
from .scene import Scene
from .stills import write_stills
from .truth import collect

#: Constant-quality setting that keeps the clip under 12 MB.
CRF = 24.0


def picture_at(scene: Scene, vehicles, frame: int, seed: int) -> np.ndarray:
    """Frame number `frame` of the clip."""
    moment = frame / schedule.FPS
    traffic = [(v, p.pose(moment), p.speed_at(moment)) for v, p in zip(vehicles, schedule.PASSES, strict=True)]
    return scene.picture(moment, schedule.night(moment), traffic, np.random.default_rng([seed, frame]))


def make_clip(folder: Path, seed: int, crf: float, first: int = 0, last: int = schedule.FRAMES) -> None:
    """Renders frames `first` up to `last` to demo.mp4, and writes demo.truth.json beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    started = time.process_time()
    scene, vehicles = Scene(seed), schedule.vehicles(seed)
    camera = scene.camera
    path = folder / "demo.mp4"
    with Encoder(path, camera.width, camera.height, schedule.FPS, crf) as encoder:
        for frame in range(first, last):
            encoder.write(picture_at(scene, vehicles, frame, seed))
            if frame % 100 == 99:
                print(f"frame {frame + 1} of {last}, {time.process_time() - started:.0f} s", flush=True)
    truth = collect(vehicles, schedule, seed, camera)
    truth["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / "demo.truth.json").write_text(dumps(truth))
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, {len(truth['passes'])} passes")


def dumps(truth: dict) -> str:
    """JSON with one line for each place, so that changes can be reviewed."""
    head = {k: v for k, v in truth.items() if k != "passes"}
    lines = [f"  {json.dumps(k)}: {json.dumps(v)}," for k, v in head.items()]
    blocks = []
    for item in truth["passes"]:
        facts = ",\n".join(f"      {json.dumps(k)}: {json.dumps(v)}" for k, v in item.items() if k != "places")
        places = ",\n".join(f"        {json.dumps(row)}" for row in item["places"])
        blocks.append("    {\n" + facts + ',\n      "places": [\n' + places + "\n      ]\n    }")
    return "{\n" + "\n".join(lines) + '\n  "passes": [\n' + ",\n".join(blocks) + "\n  ]\n}\n"


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="clip", description="Makes the demo clip of Platecam, or labelled stills.")
    parser.add_argument("out", type=Path, help="folder to write to")
    parser.add_argument("--seed", type=int, default=schedule.SEED, help="same seed, same pictures (default %(default)s)")
    parser.add_argument("--stills", type=int, metavar="N", help="write N random labelled pictures instead of the clip")
    parser.add_argument("--frame", type=int, action="append", metavar="F", help="write only frame F as PNG (repeatable)")
    parser.add_argument("--crf", type=float, default=CRF, help="x264 quality, lower is better (default %(default)s)")
    options = parser.parse_args(arguments)
    if options.stills is not None and not 1 <= options.stills <= 1_000_000:
        parser.error(f"--stills {options.stills}: must be 1 to 1000000")
    bad = [f for f in options.frame or [] if not 0 <= f < schedule.FRAMES]
    if bad:
        parser.error(f"--frame {bad[0]}: must be 0 to {schedule.FRAMES - 1}")
    cv2.setNumThreads(1)
    try:
        if options.stills:
            print(f"{write_stills(options.stills, options.seed, options.out)} plates labelled")
        elif options.frame:
            options.out.mkdir(parents=True, exist_ok=True)
            scene, vehicles = Scene(options.seed), schedule.vehicles(options.seed)
            for frame in options.frame:
                cv2.imwrite(str(options.out / f"frame_{frame:04d}.png"), picture_at(scene, vehicles, frame, options.seed))
        else:
            make_clip(options.out, options.seed, options.crf)
    except (MissingFont, EncoderFailed, OSError) as error:
        print(f"clip: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
