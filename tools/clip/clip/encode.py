"""Writes pictures as H.264 in MP4 with Debian's ffmpeg (libx264)."""

import subprocess
from pathlib import Path

import numpy as np


class EncoderFailed(RuntimeError):
    """ffmpeg ended with an error; the message holds its last lines."""


class Encoder:
    """Takes BGR pictures in order; progressive, 4:2:0, BT.709, no sound. Use as a context manager."""

    def __init__(self, path: Path, width: int, height: int, fps: int, crf: float):
        self.command = [
            "ffmpeg", "-hide_banner", "-loglevel", "error", "-y",
            "-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{width}x{height}", "-r", str(fps), "-i", "-",
            "-vf", "scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_int",
            "-an", "-c:v", "libx264", "-preset", "medium", "-profile:v", "high", "-level", "4.0", "-crf", str(crf),
            "-maxrate", "6M", "-bufsize", "12M", "-g", str(2 * fps), "-keyint_min", str(fps), "-bf", "2", "-threads", "1",
            "-pix_fmt", "yuv420p", "-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709",
            "-color_range", "tv", "-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact",
            "-movflags", "+faststart", str(path),
        ]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        return self

    def write(self, picture: np.ndarray) -> None:
        """Adds one picture. Raises EncoderFailed when ffmpeg has gone."""
        try:
            self.process.stdin.write(np.ascontiguousarray(picture).data)
        except BrokenPipeError:
            self._end()

    def __exit__(self, kind, *_):
        if kind is not None:
            self.process.kill()
            self.process.wait()
            return
        self._end()

    def _end(self):
        self.process.stdin.close()
        message = self.process.stderr.read().decode(errors="replace")
        if self.process.wait() != 0:
            raise EncoderFailed(f"ffmpeg ended with {self.process.returncode}: {message[-600:]}")
