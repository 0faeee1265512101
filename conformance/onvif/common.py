"""What the client scripts share: arguments, checks, ffprobe."""

import argparse
import json
import subprocess
import sys
from urllib.parse import urlsplit, urlunsplit

HOST = "127.0.0.1"
PATIENCE_S = 60


def arguments(**more):
    parser = argparse.ArgumentParser()
    parser.add_argument("--http", type=int, required=True, help="the camera's HTTP port")
    parser.add_argument("--user", default="admin")
    parser.add_argument("--password", required=True)
    for name, options in more.items():
        parser.add_argument(f"--{name}", **options)
    return parser.parse_args()


def check(what, condition, found=""):
    """Says what holds; ends the script with what was found when it does not."""
    if not condition:
        sys.exit(f"FAILED: {what}: {found}")
    print(f"  ok: {what}", flush=True)


def ffprobe(uri, user, password):
    """The video stream behind a URI that a client was given, opened with its credentials."""
    parts = urlsplit(uri)
    check(f"{uri} has no credentials in it", "@" not in parts.netloc)
    uri = urlunsplit(parts._replace(netloc=f"{user}:{password}@{parts.netloc}"))
    done = subprocess.run(
        ["ffprobe", "-v", "error", "-rtsp_transport", "tcp", "-of", "json", "-show_streams", uri],
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )
    if done.returncode:
        sys.exit(f"FAILED: ffprobe {uri}: {done.stderr}")
    return next(s for s in json.loads(done.stdout)["streams"] if s["codec_type"] == "video")


def jpeg_size(data):
    """Width and height out of the frame header."""
    if data[:2] != b"\xff\xd8" or data[-2:] != b"\xff\xd9":
        sys.exit(f"FAILED: no JPEG: {data[:16]!r}")
    at = 2
    while data[at + 1] not in (0xC0, 0xC1, 0xC2):
        at += 2 + int.from_bytes(data[at + 2:at + 4], "big")
    return int.from_bytes(data[at + 7:at + 9], "big"), int.from_bytes(data[at + 5:at + 7], "big")
