"""Draws US plates: sheeting, graphic, state name, embossed text, stickers, bolts, frame.

A plate is 12 x 6 inches. Drawings are simplified looks of our own, close enough in colour and
arrangement to be told apart, and never a copy of a state's artwork. The recogniser's trainer imports
`draw_plate` and `random_plate` too.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageDraw

from .fonts import font
from .plate_designs import DESIGNS, Design, background

#: Size of the drawn plate in pixels; the frame adds MARGIN on each side.
WIDTH, HEIGHT, MARGIN = 720, 360, 28
#: Letters that people do not confuse with another: no O, I, Q, Z, S, B, G, D; no 0, 1, 2, 5, 8.
CLEAR_LETTERS = "ACEFHJKLMNPRTUVWXY"
CLEAR_DIGITS = "34679"
ALL_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ALL_DIGITS = "0123456789"


@dataclass(frozen=True)
class Plate:
    """One plate: `text` as drawn (may hold blanks and separators) and the state's two letters."""

    state: str
    text: str

    @property
    def number(self) -> str:
        """The text without separators, upper case: what a reader should return."""
        return "".join(c for c in self.text.upper() if c.isalnum())


def random_plate(rng: np.random.Generator, state: str | None = None, clear: bool = False) -> Plate:
    """Returns a plate of a random (or the given) state in one of that state's patterns.

    `clear` keeps to signs that people do not confuse. In a pattern, A is a letter, 9 a digit, any
    other sign stands for itself.
    """
    state = state or str(rng.choice(sorted(DESIGNS)))
    pattern = str(rng.choice(DESIGNS[state].patterns))
    letters, digits = (CLEAR_LETTERS, CLEAR_DIGITS) if clear else (ALL_LETTERS, ALL_DIGITS)
    out = []
    for sign in pattern:
        if sign == "A":
            out.append(str(rng.choice(list(letters))))
        elif sign == "9":
            out.append(str(rng.choice(list(digits))))
        else:
            out.append(sign)
    return Plate(state, "".join(out))


def draw_plate(plate: Plate, rng: np.random.Generator, frame: str | None = None) -> np.ndarray:
    """Draws `plate` and returns BGR, uint8, (HEIGHT + 2 MARGIN) x (WIDTH + 2 MARGIN).

    The plate itself lies at MARGIN; the rim around it is a plate frame (`frame` "black" or "chrome")
    or the dark recess. `rng` decides dirt, stickers and the grain of the sheeting.
    """
    design = DESIGNS[plate.state]
    base = background(design, WIDTH, HEIGHT)
    base = _captions(base, design)
    base = _stickers(base, design, rng)
    base = _emboss(base, _text_mask(plate.text, design), design)
    base = _rim(base, design)
    base = _bolts(base, design, rng)
    base = _grain(base, rng)
    base[_outside_corner()] = 18
    full = np.full((HEIGHT + 2 * MARGIN, WIDTH + 2 * MARGIN, 3), 20, np.uint8)
    full[MARGIN : MARGIN + HEIGHT, MARGIN : MARGIN + WIDTH] = base
    if frame:
        full = _frame(full, frame)
    return full


def _outside_corner() -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    r = 26
    cv2.rectangle(mask, (r, 0), (WIDTH - r, HEIGHT), 255, -1)
    cv2.rectangle(mask, (0, r), (WIDTH, HEIGHT - r), 255, -1)
    for x in (r, WIDTH - r - 1):
        for y in (r, HEIGHT - r - 1):
            cv2.circle(mask, (x, y), r, 255, -1)
    return mask == 0


def _draw_string(image: np.ndarray, text: str, role: str, colour, centre, height: int, stretch=1.0) -> np.ndarray:
    """Writes `text` centred at `centre`, capitals `height` pixels high, BGR `colour`."""
    face = font(role, 200)
    left, top, right, bottom = face.getbbox(text)
    mask = Image.new("L", (right - left + 8, bottom - top + 8), 0)
    ImageDraw.Draw(mask).text((4 - left, 4 - top), text, font=face, fill=255)
    cap = face.getbbox("H")
    scale = height / (cap[3] - cap[1])
    size = (max(1, round(mask.width * scale * stretch)), max(1, round(mask.height * scale)))
    mask = np.asarray(mask.resize(size, Image.Resampling.LANCZOS), np.float32) / 255
    x, y = round(centre[0] - size[0] / 2), round(centre[1] - size[1] / 2)
    return _blend(image, mask, colour, x, y)


def _blend(image, mask, colour, x, y):
    h, w = mask.shape
    x0, y0, x1, y1 = max(0, x), max(0, y), min(image.shape[1], x + w), min(image.shape[0], y + h)
    if x1 <= x0 or y1 <= y0:
        return image
    a = mask[y0 - y : y1 - y, x0 - x : x1 - x, None]
    area = image[y0:y1, x0:x1].astype(np.float32)
    image[y0:y1, x0:x1] = np.clip(area * (1 - a) + np.float32(colour) * a, 0, 255).astype(np.uint8)
    return image


def _captions(image, design: Design):
    c = design.name
    image = _draw_string(image, c.text, c.font, c.colour, (WIDTH * 0.5 + c.dx, c.y), c.height, c.stretch)
    if design.slogan:
        s = design.slogan
        image = _draw_string(image, s.text, s.font, s.colour, (WIDTH * 0.5 + s.dx, s.y), s.height, s.stretch)
    return image


def _glyph(sign: str, role: str, width: int, height: int, weight: float) -> np.ndarray:
    """One embossed sign: its outline stretched to the cell that the state's dies have."""
    face = font(role, 400)
    left, top, right, bottom = face.getbbox(sign)
    mask = Image.new("L", (right - left, bottom - top), 0)
    ImageDraw.Draw(mask).text((-left, -top), sign, font=face, fill=255)
    if sign in "I1":
        width = round(width * (0.36 if sign == "I" else 0.62))
    elif sign in "J":
        width = round(width * 0.92)
    elif sign in "MW":
        width = round(width * 1.12)
    out = np.asarray(mask.resize((width, height), Image.Resampling.LANCZOS), np.float32)
    out = cv2.copyMakeBorder(out, 6, 6, 6, 6, cv2.BORDER_CONSTANT, value=0)
    out = cv2.GaussianBlur(out, (0, 0), 2.2)  # dies have round corners
    return np.clip((out - (128 - weight)) * 3.2 + 128, 0, 255) / 255


def _text_mask(text: str, design: Design) -> np.ndarray:
    """Mask 0..1 of the plate's text, spread like the state's dies spread it."""
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    height, width = design.sign_height, design.sign_width
    parts = []
    for sign in text:
        if sign == " ":
            parts.append((None, design.gap))
        elif sign == "-":
            parts.append(("-", 40))
        elif sign == "*":
            parts.append(("*", 62))
        else:
            parts.append((_glyph(sign, design.font, width, height, design.weight), None))
    spacing = design.spacing
    total = sum((p[1] if p[1] is not None else p[0].shape[1] - 12) for p in parts) + spacing * (len(parts) - 1)
    if total > WIDTH - 64:
        spacing -= (total - (WIDTH - 64)) / max(1, len(parts) - 1)
        total = WIDTH - 64
    x, y = (WIDTH - total) / 2 + design.text_dx, design.text_y
    for glyph, advance in parts:
        if isinstance(glyph, np.ndarray):
            gh, gw = glyph.shape
            x0, y0 = round(x) - 6, round(y - height / 2) - 6
            x0 = min(max(0, x0), WIDTH - gw)
            region = mask[y0 : y0 + gh, x0 : x0 + gw]
            np.maximum(region, glyph, out=region)
            x += gw - 12 + spacing
            continue
        if glyph == "-":
            cv2.rectangle(mask, (round(x + 6), round(y - 6)), (round(x + 34), round(y + 8)), 1.0, -1)
        elif glyph == "*":  # the star between the groups (Texas)
            angle = np.arange(10) * np.pi / 5 - np.pi / 2
            radius = np.where(np.arange(10) % 2 == 0, 26, 11)
            star = np.stack([x + 31 + radius * np.cos(angle), y + radius * np.sin(angle)], 1)
            cv2.fillPoly(mask, [np.int32(star.round())], 1.0, cv2.LINE_AA)
        x += advance + spacing
    return mask


def _emboss(image, mask, design: Design):
    """Inks `mask` and gives it the height of a pressed sign: lit above left, dark below right."""
    ink = mask[..., None]
    out = image.astype(np.float32) * (1 - ink) + np.float32(design.ink) * ink
    height = cv2.GaussianBlur(cv2.dilate(mask, np.ones((5, 5))), (0, 0), 3.0)
    slope = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3) * 0.45 + cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3)
    strength = 26 if design.embossed else 5
    return np.clip(out + slope[..., None] * strength, 0, 255).astype(np.uint8)


def _stickers(image, design: Design, rng):
    for (x, y), side in design.stickers:
        colours = [(60, 60, 200), (190, 120, 40), (60, 150, 60), (30, 140, 230), (60, 200, 220), (150, 60, 120)]
        colour = colours[int(rng.integers(len(colours)))]
        cv2.rectangle(image, (x, y), (x + 74, y + 48), colour, -1, cv2.LINE_AA)
        cv2.rectangle(image, (x, y), (x + 74, y + 48), (235, 235, 235), 2, cv2.LINE_AA)
        label = str(rng.choice(["JAN", "MAR", "MAY", "JUN", "SEP", "NOV"])) if side == "month" else str(rng.choice(["26", "27", "28"]))
        image = _draw_string(image, label, "cond", (245, 245, 245), (x + 37, y + 24), 24)
    return image


def _rim(image, design: Design):
    """The pressed edge that runs round the plate."""
    rim = np.zeros((HEIGHT, WIDTH), np.float32)
    cv2.rectangle(rim, (11, 11), (WIDTH - 12, HEIGHT - 12), 1.0, 5, cv2.LINE_AA)
    rim = cv2.GaussianBlur(rim, (0, 0), 1.8)
    slope = cv2.Sobel(rim, cv2.CV_32F, 0, 1, ksize=3) + 0.5 * cv2.Sobel(rim, cv2.CV_32F, 1, 0, ksize=3)
    return np.clip(image.astype(np.float32) + slope[..., None] * 18, 0, 255).astype(np.uint8)


def _bolts(image, design: Design, rng):
    holes = [(WIDTH * 0.21, 34), (WIDTH * 0.79, 34)]
    if rng.random() < 0.5:
        holes += [(WIDTH * 0.21, HEIGHT - 34), (WIDTH * 0.79, HEIGHT - 34)]
    metal = int(rng.integers(60, 200))
    for x, y in holes:
        p = (round(x), round(y))
        cv2.circle(image, (p[0] + 2, p[1] + 3), 15, (70, 70, 70), -1, cv2.LINE_AA)
        cv2.circle(image, p, 14, (metal, metal, metal), -1, cv2.LINE_AA)
        cv2.circle(image, (p[0] - 3, p[1] - 4), 5, (min(255, metal + 50),) * 3, -1, cv2.LINE_AA)
    return image


def _grain(image, rng):
    """Sheeting: faint waves, fine grain and dirt that gathers at the lower edge."""
    coarse = rng.standard_normal((HEIGHT // 24, WIDTH // 24)).astype(np.float32)
    coarse = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    dirt = np.clip(coarse * 0.5 + np.linspace(-0.6, 0.9, HEIGHT, dtype=np.float32)[:, None], 0, 1)
    dirt *= float(rng.uniform(0.02, 0.16))
    out = image.astype(np.float32) * (1 - dirt[..., None]) + np.float32((70, 85, 95)) * dirt[..., None]
    out += rng.standard_normal((HEIGHT, WIDTH, 1)).astype(np.float32) * 2.0
    return np.clip(out, 0, 255).astype(np.uint8)


def _frame(full, kind: str):
    """A dealer's frame over the rim: covers a little of the plate, as the real ones do."""
    h, w = full.shape[:2]
    mask = np.zeros((h, w), np.uint8)
    cv2.rectangle(mask, (4, 2), (w - 5, h - 3), 255, -1)
    cv2.rectangle(mask, (MARGIN + 9, MARGIN + 9), (w - MARGIN - 10, h - MARGIN - 10), 0, -1)
    shade = np.linspace(1.15, 0.75, h, dtype=np.float32)[:, None, None]
    base = np.float32((150, 150, 150) if kind == "chrome" else (34, 34, 36)) * shade
    edge = cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), 2)
    base = base + cv2.Sobel(edge, cv2.CV_32F, 0, 1, ksize=3)[..., None] * (60 if kind == "chrome" else 22)
    on = (mask > 0)[..., None]
    return np.where(on, np.clip(base, 0, 255), full).astype(np.uint8)
