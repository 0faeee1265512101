"""Real plates with their own signs in another order: texts nobody drives, in the font, light and dirt of a real plate.

Letters change places with letters and digits with digits, so a plate keeps its format. Where the signs are, the reader itself says (a first export of it),
on plates that it reads right.
"""
import random
import numpy as np
import cv2
from ctc import ALPHABET, BLANK, prep

QUAD = np.array(((.045, .085), (.955, .085), (.955, .915), (.045, .915)))      # the plate in a crop of `us-crops` and `br-crops`
MARGIN = .05
STEPS = 32
NARROW = set('1I')


def centres(session, gray, text):
    """[x of each sign's middle, pixels of the picture], or None where the reader's text is another one"""
    h, w = gray.shape
    q = (QUAD * (w, h)).astype(np.float32)
    a, b = q[0] - (q[1] - q[0]) * MARGIN, q[1] + (q[1] - q[0]) * MARGIN
    a[1] -= (q[3][1] - q[0][1]) * .1
    low = q[3][1] + (q[3][1] - q[0][1]) * .1
    H = cv2.getPerspectiveTransform(np.float32(((a[0], a[1]), (b[0], a[1]), (b[0], low), (a[0], low))), np.float32(((0, 0), (128, 0), (128, 64), (0, 64))))
    crop = cv2.warpPerspective(gray, H, (128, 64), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    z = session.run(None, {'crops': prep(crop[None])})[0][0]
    p = np.exp(z - z.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    k, runs, prev = p.argmax(-1), [], BLANK
    for t, c in enumerate(k):
        if c != BLANK:
            if c != prev:
                runs.append([c, 0., 0.])
            runs[-1][1] += p[t, c] * (t + .5)
            runs[-1][2] += p[t, c]
        prev = c
    if ''.join(ALPHABET[r[0]] for r in runs) != text:
        return None
    return [a[0] + r[1] / r[2] / STEPS * (b[0] - a[0]) for r in runs]


def cells(gray, xs):
    """[(left, right)] of each sign: parted where the columns between two signs show least ink; where a gap parts them, no wider than usual"""
    h, w = gray.shape
    band = cv2.GaussianBlur(gray[int(h * .3):int(h * .74)].astype(np.float32), (0, 0), max(.6, w / 250))
    ink = np.abs(cv2.Sobel(band, cv2.CV_32F, 1, 0)).mean(0) + band.std(0)
    usual = float(np.median(np.diff(xs)))

    def cut(near, reach):
        a, b = max(0, int(near - reach)), min(w, int(near + reach) + 1)
        if b - a < 2:
            return None
        k = np.arange(a, b)
        return float(k[np.argmin(ink[a:b] + ink.mean() * .15 * np.abs(k - near) / reach)])
    out = []
    for i, x in enumerate(xs):
        left = x - min(x - xs[i - 1], usual * 1.1) / 2 if i else x - usual * .55
        right = x + min(xs[i + 1] - x, usual * 1.1) / 2 if i + 1 < len(xs) else x + usual * .55
        out.append((cut(left, usual * .24), cut(right, usual * .24)))
    return out


def shuffled(r: random.Random, gray, text, xs):
    """-> (picture, text) with letters among letters and digits among digits in another order; narrow signs stay where they are"""
    spans, out, new = cells(gray, xs), gray.copy(), list(text)
    if any(a is None or b is None or not .5 < (b - a) / np.median(np.diff(xs)) < 1.5 for (a, b), c in zip(spans, text) if c not in NARROW):
        return gray, text
    top, low = int(gray.shape[0] * .2), int(gray.shape[0] * .84)
    for kind in (str.isalpha, str.isdigit):
        at = [i for i, c in enumerate(text) if kind(c) and c not in NARROW]
        to = at[:]
        r.shuffle(to)
        for i, j in zip(at, to):
            if i == j:
                continue
            (a, b), (c, d) = spans[i], spans[j]
            a, b, c, d = max(0, round(a)), min(gray.shape[1], round(b)), max(0, round(c)), min(gray.shape[1], round(d))
            if b - a < 3 or d - c < 3:
                return gray, text
            out[top:low, c:d] = cv2.resize(gray[top:low, a:b], (d - c, low - top), interpolation=cv2.INTER_AREA)
            new[j] = text[i]
    return out, ''.join(new)


def pool(path, plates, per, seed=0):
    """up to `per` shuffled plates of each of `plates` [(grey, text)]; only those are kept that the reader at `path` reads as they now are"""
    import onnxruntime as ort
    o = ort.SessionOptions()
    o.intra_op_num_threads = 1
    session, r, out = ort.InferenceSession(path, o, providers=['CPUExecutionProvider']), random.Random(seed), []
    for gray, text in plates:
        xs = centres(session, gray, text) if len(text) > 3 else None
        for _ in range(per if xs else 0):
            picture, t = shuffled(r, gray, text, xs)
            if t != text and centres(session, picture, t):
                out.append((picture, t))
    return out
