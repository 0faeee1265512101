"""The states' looks as data: colours, captions, patterns and a simple graphic each."""

from dataclasses import dataclass, field

import cv2
import numpy as np


@dataclass(frozen=True)
class Caption:
    """A line of lettering: BGR colour, capital height and centre line in pixels of a 720 x 360 plate."""

    text: str
    colour: tuple
    y: int
    height: int
    font: str = "cond"
    dx: int = 0
    stretch: float = 1.0


@dataclass(frozen=True)
class Design:
    """Look of one state's plate. `patterns`: A letter, 9 digit, * star, blank and - separators."""

    name: Caption
    ink: tuple
    patterns: tuple
    graphic: str
    slogan: Caption | None = None
    font: str = "roboto"
    sign_height: int = 166
    sign_width: int = 78
    spacing: float = 14
    gap: float = 34
    weight: float = 0
    text_y: int = 186
    text_dx: int = 0
    embossed: bool = True
    stickers: tuple = field(default_factory=tuple)
    front: bool = True


_TOP = (((30, 22), "month"), ((616, 22), "year"))
_TOP_RIGHT = (((616, 22), "year"),)
_LOW = (((24, 290), "month"), ((622, 290), "year"))

DESIGNS = {
    "CA": Design(Caption("California", (40, 30, 190), 52, 50, "script"), (110, 50, 25),
                 ("9AAA999",), "white", Caption("dmv.ca.gov", (110, 50, 25), 322, 20, "round"),
                 sign_width=74, stickers=_TOP),
    "TX": Design(Caption("TEXAS", (30, 30, 30), 50, 38, "cond", 0, 1.25), (25, 25, 25),
                 ("AAA*9999",), "texas", Caption("The Lone Star State", (30, 30, 30), 324, 20, "script"),
                 font="narrow", sign_width=68, spacing=10),
    "NY": Design(Caption("NEW YORK", (120, 60, 20), 46, 40, "sans-bold"), (100, 45, 10),
                 ("AAA 9999", "AAA-9999"), "excelsior", Caption("EXCELSIOR", (120, 60, 20), 326, 22, "sans-bold", 0, 1.2),
                 sign_width=70, spacing=11),
    "FL": Design(Caption("FLORIDA", (40, 120, 30), 50, 44, "round", 0, 1.15), (50, 110, 20),
                 ("AAA A99", "99A AAA"), "orange", Caption("SUNSHINE STATE", (40, 120, 30), 322, 22, "cond"),
                 gap=96, sign_width=72, spacing=10, stickers=_TOP_RIGHT, front=False),
    "AZ": Design(Caption("ARIZONA", (140, 50, 50), 52, 40, "cond", 0, 1.3), (90, 60, 20),
                 ("AAA9999", "A9A AA9"), "desert", Caption("GRAND CANYON STATE", (240, 240, 245), 326, 20, "cond"),
                 embossed=False, stickers=_TOP_RIGHT, front=False),
    "CO": Design(Caption("COLORADO", (245, 245, 245), 326, 32, "cond", 0, 1.1), (245, 245, 245),
                 ("AAA-999", "AAA-A99"), "mountains", font="roboto", text_y=178, stickers=_LOW),
    "NJ": Design(Caption("NEW JERSEY", (30, 30, 30), 46, 36, "cond", 0, 1.1), (25, 25, 25),
                 ("A99-AAA",), "buff", Caption("Garden State", (30, 30, 30), 324, 26, "round"), sign_width=76),
    "WA": Design(Caption("WASHINGTON", (150, 40, 30), 50, 36, "cond", 0, 1.25), (120, 30, 20),
                 ("AAA9999",), "rainier", Caption("EVERGREEN STATE", (150, 40, 30), 326, 20, "cond"), stickers=_TOP[:1]),
    "PA": Design(Caption("PENNSYLVANIA", (245, 245, 245), 36, 30, "cond", 0, 1.15), (110, 45, 20),
                 ("AAA-9999",), "keystone", Caption("visitPA.com", (110, 60, 30), 328, 24, "cond"),
                 sign_width=68, spacing=10, front=False),
    "GA": Design(Caption("GEORGIA", (60, 50, 50), 48, 42, "serif-bold", 0, 1.05), (30, 30, 30),
                 ("AAA9999",), "peach", Caption("GWINNETT", (60, 50, 50), 328, 24, "cond"), embossed=False, front=False),
    "NM": Design(Caption("New Mexico USA", (40, 190, 245), 50, 36, "round", 0, 1.05), (40, 200, 250),
                 ("AAA A99", "999 AAA"), "turquoise", Caption("Land of Enchantment", (40, 190, 245), 326, 24, "script"),
                 gap=60, stickers=_TOP_RIGHT, front=False),
    "OR": Design(Caption("Oregon", (110, 50, 40), 48, 44, "serif-bold"), (100, 30, 30),
                 ("999 AAA",), "fir", gap=104, sign_width=72, spacing=9, stickers=_LOW),
    "IL": Design(Caption("Illinois", (150, 50, 20), 50, 44, "script"), (30, 30, 170),
                 ("AA 99999", "A99 9999"), "skyline", Caption("Land of Lincoln", (150, 50, 20), 328, 22, "serif-bold"),
                 sign_width=70, spacing=11),
    "MI": Design(Caption("MICHIGAN", (245, 245, 245), 40, 36, "cond", 0, 1.2), (110, 40, 15),
                 ("AAA 9999", "9AA A99"), "bands", Caption("PURE MICHIGAN", (110, 40, 15), 328, 20, "cond", 0, 1.2),
                 sign_width=70, spacing=11, stickers=_TOP_RIGHT, front=False),
    "OH": Design(Caption("OHIO", (120, 50, 30), 44, 40, "serif-bold", 0, 1.3), (90, 30, 20),
                 ("AAA 9999",), "sunrise", Caption("BIRTHPLACE OF AVIATION", (90, 60, 40), 330, 18, "cond"),
                 sign_width=70, spacing=11, embossed=False, front=False),
    "UT": Design(Caption("UTAH", (50, 60, 150), 50, 46, "cond", 0, 1.5), (110, 50, 30),
                 ("A99 9AA", "A99 AA"), "arch", Caption("LIFE ELEVATED", (70, 60, 80), 328, 22, "cond", 0, 1.1),
                 sign_width=74),
}


def background(design: Design, width: int, height: int) -> np.ndarray:
    """Sheeting and graphic of `design`, BGR uint8."""
    image = _GRAPHICS[design.graphic](width, height)
    return np.clip(image, 0, 255).astype(np.uint8)


def _fade(width, height, *stops):
    """Vertical fade through `stops` of (position 0..1, BGR)."""
    position = np.linspace(0, 1, height)
    image = np.empty((height, width, 3), np.float32)
    for channel in range(3):
        image[..., channel] = np.interp(position, [s[0] for s in stops], [s[1][channel] for s in stops])[:, None]
    return image


def _ridge(image, base, amplitude, colour, seed, sharp=1.0):
    """A mountain or hill line drawn with a few sines."""
    h, w = image.shape[:2]
    x = np.linspace(0, 1, w)
    rng = np.random.default_rng(seed)
    y = np.zeros(w)
    for k in (2, 3, 5, 9, 17):
        wave = np.abs(np.sin(np.pi * (k * x + rng.random()))) if sharp > 1 else np.sin(np.pi * (k * x + rng.random() * 2))
        y += wave / k
    y = base * h - amplitude * h * y
    points = np.concatenate([np.stack([x * w, y], 1), [[w, h], [0, h]]])
    cv2.fillPoly(image, [np.int32(points)], colour, cv2.LINE_AA)
    return image


def _white(w, h):
    return _fade(w, h, (0, (246, 244, 242)), (1, (238, 237, 234)))


def _texas(w, h):
    image = _white(w, h)
    cv2.rectangle(image, (18, 18), (w - 19, h - 19), (40, 40, 40), 3, cv2.LINE_AA)
    cv2.circle(image, (74, 52), 22, (70, 60, 60), -1, cv2.LINE_AA)
    return image


def _excelsior(w, h):
    image = _fade(w, h, (0, (242, 240, 236)), (0.7, (244, 242, 240)), (1, (225, 205, 180)))
    cv2.rectangle(image, (0, 78), (w, 86), (140, 70, 30), -1)
    cv2.rectangle(image, (0, 88), (w, 92), (40, 170, 225), -1)
    return _ridge(image, 0.92, 0.035, (200, 165, 125), 3)


def _orange(w, h):
    image = _fade(w, h, (0, (246, 246, 244)), (1, (228, 240, 228)))
    for dx, r in ((-34, 40), (30, 46)):
        cv2.circle(image, (w // 2 + dx, h // 2 + 18), r, (40, 150, 250), -1, cv2.LINE_AA)
        cv2.circle(image, (w // 2 + dx - 12, h // 2 + 4), r // 3, (90, 185, 255), -1, cv2.LINE_AA)
    cv2.ellipse(image, (w // 2 + 6, h // 2 - 38), (52, 18), -14, 0, 360, (60, 150, 60), -1, cv2.LINE_AA)
    cv2.ellipse(image, (w // 2 - 36, h // 2 - 26), (34, 12), 20, 0, 360, (50, 130, 50), -1, cv2.LINE_AA)
    return image


def _desert(w, h):
    image = _fade(w, h, (0, (225, 200, 170)), (0.35, (225, 222, 225)), (0.62, (170, 195, 240)), (0.8, (150, 160, 235)))
    cv2.circle(image, (w - 150, 96), 40, (190, 235, 255), -1, cv2.LINE_AA)
    image = _ridge(image, 0.86, 0.05, (150, 90, 120), 8)
    for x in (70, 640):
        cv2.line(image, (x, 330), (x, 250), (110, 70, 90), 14, cv2.LINE_AA)
        cv2.line(image, (x, 300), (x + 26, 290), (110, 70, 90), 9, cv2.LINE_AA)
        cv2.line(image, (x + 26, 292), (x + 26, 262), (110, 70, 90), 9, cv2.LINE_AA)
    return image


def _mountains(w, h):
    image = _fade(w, h, (0, (90, 110, 30)), (1, (80, 100, 25)))
    h_band = image.copy()
    h_band[:] = (240, 242, 240)
    x = np.linspace(0, w, 13)
    y = np.float32([96, 60, 84, 36, 74, 50, 90, 30, 66, 44, 82, 56, 92])
    points = np.concatenate([np.stack([x, y], 1), [[w, 0], [0, 0]]])
    cv2.fillPoly(image, [np.int32(points)], (238, 240, 238), cv2.LINE_AA)
    return image


def _buff(w, h):
    return _fade(w, h, (0, (110, 205, 245)), (0.55, (190, 232, 248)), (1, (245, 248, 248)))


def _rainier(w, h):
    image = _fade(w, h, (0, (244, 242, 240)), (1, (244, 238, 232)))
    peak = np.int32([[120, 300], [250, 190], [330, 110], [372, 92], [420, 116], [500, 196], [640, 300]])
    cv2.fillPoly(image, [peak], (236, 216, 192), cv2.LINE_AA)
    cv2.fillPoly(image, [np.int32([[300, 140], [330, 110], [372, 92], [420, 116], [446, 146], [400, 136], [372, 158], [340, 134]])], (246, 240, 234), cv2.LINE_AA)
    return _ridge(image, 0.9, 0.03, (222, 200, 172), 11)


def _keystone(w, h):
    image = _fade(w, h, (0, (245, 245, 244)), (1, (244, 245, 245)))
    cv2.rectangle(image, (0, 0), (w, 62), (130, 60, 25), -1)
    cv2.rectangle(image, (0, 298), (w, h), (70, 205, 250), -1)
    for y in range(62, 78):
        image[y] = np.float32((130, 60, 25)) * (78 - y) / 16 + image[y + 20] * (1 - (78 - y) / 16)
    return image


def _peach(w, h):
    image = _fade(w, h, (0, (240, 242, 244)), (0.6, (236, 240, 246)), (1, (190, 215, 245)))
    cv2.circle(image, (w // 2, h // 2 + 10), 92, (165, 205, 250), -1, cv2.LINE_AA)
    cv2.ellipse(image, (w // 2 + 46, h // 2 - 82), (46, 16), -24, 0, 360, (150, 205, 165), -1, cv2.LINE_AA)
    return _ridge(image, 0.96, 0.025, (160, 190, 170), 21)


def _turquoise(w, h):
    image = _fade(w, h, (0, (150, 150, 20)), (1, (140, 138, 12)))
    cv2.rectangle(image, (22, 22), (w - 23, h - 23), (60, 190, 235), 3, cv2.LINE_AA)
    return image


def _fir(w, h):
    image = _fade(w, h, (0, (225, 190, 190)), (0.5, (238, 226, 228)), (1, (196, 176, 196)))
    image = _ridge(image, 0.82, 0.07, (200, 160, 170), 5)
    c = w // 2
    for k in range(4):
        y = 100 + k * 46
        half = 22 + k * 13
        cv2.fillPoly(image, [np.int32([[c, y - 14], [c + half, y + 58], [c - half, y + 58]])], (95, 125, 60), cv2.LINE_AA)
    cv2.rectangle(image, (c - 6, 294), (c + 6, 320), (60, 80, 100), -1)
    return image


def _skyline(w, h):
    image = _fade(w, h, (0, (240, 222, 205)), (0.5, (246, 242, 240)), (1, (235, 215, 195)))
    rng = np.random.default_rng(4)
    for x in range(30, w - 30, 34):
        top = int(236 + rng.integers(0, 46))
        cv2.rectangle(image, (x, top), (x + 28, 306), (228, 210, 195), -1)
    return image


def _bands(w, h):
    image = _fade(w, h, (0, (246, 245, 244)), (1, (244, 243, 242)))
    cv2.rectangle(image, (0, 0), (w, 70), (160, 85, 20), -1)
    cv2.fillPoly(image, [np.int32([[0, 70], [w, 70], [w, 76], [w // 2, 86], [0, 76]])], (70, 180, 235), cv2.LINE_AA)
    return image


def _sunrise(w, h):
    image = _fade(w, h, (0, (235, 215, 190)), (0.6, (225, 235, 246)), (1, (190, 220, 215)))
    for angle in np.linspace(np.pi, 2 * np.pi, 15):
        tip = (int(w / 2 + 520 * np.cos(angle)), int(280 + 520 * np.sin(angle)))
        cv2.line(image, (w // 2, 280), tip, (214, 230, 248), 16, cv2.LINE_AA)
    cv2.circle(image, (w // 2, 280), 60, (170, 215, 250), -1, cv2.LINE_AA)
    return _ridge(image, 0.88, 0.03, (150, 190, 160), 13)


def _arch(w, h):
    image = _fade(w, h, (0, (235, 205, 170)), (0.55, (225, 235, 246)), (1, (150, 185, 232)))
    image = _ridge(image, 0.9, 0.04, (120, 150, 215), 30)
    cv2.ellipse(image, (w // 2, 290), (130, 140), 0, 180, 360, (130, 165, 225), 34, cv2.LINE_AA)
    return image


_GRAPHICS = {
    "white": _white, "texas": _texas, "excelsior": _excelsior, "orange": _orange, "desert": _desert,
    "mountains": _mountains, "buff": _buff, "rainier": _rainier, "keystone": _keystone, "peach": _peach,
    "turquoise": _turquoise, "fir": _fir, "skyline": _skyline, "bands": _bands, "sunrise": _sunrise, "arch": _arch,
}
