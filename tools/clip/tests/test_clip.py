"""Checks the generator and the committed clip. Run: `python -m pytest tests` in tools/clip."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from clip import plates, schedule, truth  # noqa: E402
from clip.__main__ import dumps, main, picture_at  # noqa: E402
from clip.camera import Camera  # noqa: E402
from clip.plate_designs import DESIGNS  # noqa: E402
from clip.scene import Scene  # noqa: E402

ASSETS = Path(__file__).resolve().parents[3] / "assets"


@pytest.fixture(scope="module")
def told():
    return json.loads((ASSETS / "demo.truth.json").read_text())


@pytest.fixture(scope="module")
def fleet():
    return schedule.vehicles(schedule.SEED)


def test_clip_has_the_stated_form(told):
    asked = "stream=codec_name,profile,width,height,pix_fmt,field_order,r_frame_rate,nb_frames,color_space,color_transfer,color_primaries,codec_type"
    out = subprocess.run(["ffprobe", "-v", "error", "-show_entries", asked, "-of", "json", str(ASSETS / "demo.mp4")],
                         check=True, capture_output=True, text=True).stdout
    streams = json.loads(out)["streams"]
    assert len(streams) == 1, "one video stream, no sound"
    video = streams[0]
    assert (video["codec_name"], video["pix_fmt"], video["field_order"]) == ("h264", "yuv420p", "progressive")
    assert (video["width"], video["height"], video["r_frame_rate"]) == (told["width"], told["height"], f"{told['fps']}/1")
    assert (told["width"], told["height"], told["fps"]) == (1920, 1080, 25)
    assert int(video["nb_frames"]) == told["frames"] == schedule.FRAMES
    assert {video["color_space"], video["color_transfer"], video["color_primaries"]} == {"bt709"}


def test_clip_is_the_one_the_truth_was_made_for(told):
    data = (ASSETS / "demo.mp4").read_bytes()
    assert len(data) < 12_000_000
    assert hashlib.sha256(data).hexdigest() == told["sha256"]


def test_truth_names_the_scheduled_passes(told):
    expected = schedule.plates(told["seed"])
    assert [p["plate"] for p in told["passes"]] == [p.number for p in expected]
    assert [p["state"] for p in told["passes"]] == [p.state for p in schedule.PASSES]
    assert [p["direction"] for p in told["passes"]] == [p.direction for p in schedule.PASSES]
    assert len({p["plate"] for p in told["passes"]}) == len(told["passes"])
    assert len({p["state"] for p in told["passes"]}) == len(told["passes"])


def test_plates_are_unambiguous_but_for_one():
    confusable = set("O0I1")
    hard = [p.number for p in schedule.plates(schedule.SEED) if confusable & set(p.number)]
    assert len(hard) == 1


def test_front_plates_only_where_the_state_issues_them():
    for item in schedule.PASSES:
        assert item.direction == "departing" or DESIGNS[item.state].front, item


def test_truth_lies_inside_the_picture(told):
    for item in told["passes"]:
        assert 0 < item["time_in_s"] < item["time_out_s"] < told["frames"] / told["fps"]
        assert 90 <= item["best_width_px"] <= 230, item["plate"]
        assert 15 <= item["speed_kmh"] <= 40
        shown = [row for row in item["places"] if "plate" in row]
        assert shown, item["plate"]
        for row in item["places"]:
            assert row["frame"] % 5 == 0
            x, y, w, h = row["vehicle"]
            assert x >= 0 and y >= 0 and x + w <= told["width"] and y + h <= told["height"]
        for row in shown:
            x, y, w, h = row["plate"]
            assert x >= 0 and y >= 0 and x + w <= told["width"] and y + h <= told["height"]
            for cx, cy in row["corners"]:
                assert x - 0.1 <= cx <= x + w + 0.1 and y - 0.1 <= cy <= y + h + 0.1


def test_two_vehicles_are_readable_at_once(told):
    spans = [(p["time_in_s"], p["time_out_s"], p["direction"]) for p in told["passes"]]
    assert any(a is not b and a[0] < b[1] and b[0] < a[1] and a[2] != b[2] for a in spans for b in spans)


def test_truth_matches_the_generator(told, fleet):
    camera = Camera()
    for index, item in enumerate(told["passes"]):
        for row in item["places"][:: max(1, len(item["places"]) // 4)]:
            moment = row["frame"] / told["fps"]
            traffic = [(v, p.pose(moment)) for v, p in zip(fleet, schedule.PASSES, strict=True)]
            corners = truth.visible_plate(index, traffic, camera)
            assert (corners is not None) == ("corners" in row)
            if corners is not None:
                assert np.abs(corners - np.array(row["corners"])).max() < 0.06


def test_starts_and_ends_with_an_empty_lane(fleet):
    camera = Camera()
    for frame in (0, schedule.FRAMES - 1):
        moment = frame / schedule.FPS
        assert schedule.night(moment) == 0
        for vehicle, item in zip(fleet, schedule.PASSES, strict=True):
            pose = item.pose(moment)
            assert not -3 < pose.y < 85 or truth.vehicle_box(vehicle, pose, camera) is None


def test_same_seed_same_picture():
    def digest(seed):
        scene, fleet = Scene(seed, Camera().scaled(0.25)), schedule.vehicles(seed)
        picture = picture_at(scene, fleet, 450, seed)
        assert picture.shape == (270, 480, 3) and picture.std() > 20, "a picture with something in it"
        return hashlib.sha256(picture.tobytes()).hexdigest()

    assert digest(3) == digest(3)
    assert schedule.plates(3) != schedule.plates(4)


@pytest.mark.parametrize("state", sorted(DESIGNS))
def test_plate_follows_the_state_s_pattern(state):
    rng = np.random.default_rng(11)
    plate = plates.random_plate(rng, state)
    shapes = {"".join("A" if c.isalpha() else "9" if c.isdigit() else c for c in plate.text)}
    assert shapes & set(DESIGNS[state].patterns)
    assert plate.number.isalnum() and plate.number == plate.number.upper()
    picture = plates.draw_plate(plate, rng, "chrome")
    margin = plates.MARGIN
    assert picture.shape == (plates.HEIGHT + 2 * margin, plates.WIDTH + 2 * margin, 3)
    # the ink stands out from the sheeting
    middle = picture[margin + 110 : margin + 260, margin + 40 : -margin - 40].astype(float).mean(2)
    assert np.percentile(middle, 98) - np.percentile(middle, 2) > 60


def test_truth_is_json_with_a_line_a_place():
    row = {"frame": 5, "vehicle": [1, 2, 3, 4]}
    told = {"clip": "x", "passes": [{"plate": "A", "places": [row, row]}]}
    assert json.loads(dumps(told)) == told


@pytest.mark.parametrize("arguments", [["--stills", "0"], ["--frame", "1000"], ["--frame", "-1"]])
def test_refuses_numbers_out_of_range(arguments, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        main([str(tmp_path), *arguments])
    assert stop.value.code == 2
    assert arguments[1] in capsys.readouterr().err
