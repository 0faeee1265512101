"""Open fonts from Debian packages, by the role they play on a plate."""

from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

_ROOT = Path("/usr/share/fonts")

# role -> (file, Debian package)
FONTS = {
    "roboto": ("truetype/roboto/unhinted/RobotoCondensed-Medium.ttf", "fonts-roboto-unhinted"),
    "roboto-bold": ("truetype/roboto/unhinted/RobotoCondensed-Bold.ttf", "fonts-roboto-unhinted"),
    "narrow": ("truetype/liberation/LiberationSansNarrow-Bold.ttf", "fonts-liberation"),
    "sans-bold": ("truetype/liberation/LiberationSans-Bold.ttf", "fonts-liberation"),
    "serif-bold": ("truetype/liberation/LiberationSerif-Bold.ttf", "fonts-liberation"),
    "script": ("opentype/lobster/lobster.otf", "fonts-lobster"),
    "cond": ("truetype/open-sans/OpenSans-CondBold.ttf", "fonts-open-sans"),
    "round": ("opentype/dosis/Dosis-Bold.otf", "fonts-dosis"),
}


class MissingFont(RuntimeError):
    """A font of FONTS is not installed; the message names the Debian package."""


@lru_cache(maxsize=256)
def font(role: str, size: int) -> ImageFont.FreeTypeFont:
    """Returns the font of `role` at `size` pixels.

    Raises MissingFont when its Debian package is not installed.
    """
    file, package = FONTS[role]
    path = _ROOT / file
    if not path.is_file():
        raise MissingFont(f"font {path} is missing: apt-get install {package}")
    return ImageFont.truetype(str(path), size)
