"""Crops and texts for the plate reader: rendered plates, real crops (degraded), and crops without a plate (empty text)."""
import csv
import json
import os
import random
import zlib
import numpy as np
import cv2
from plates import Plates
from shuffle import pool
from detector_data import crops, held, scenes


def held_text(text):
    """15 % of the plates, by their text, are kept for validation, all pictures of one plate together"""
    return zlib.crc32(text.encode()) % 100 < 15


def spelled(text):
    """the labels of `us-crops` write every O of a name as 0 (CUST0M); a name, letters and zeros only, gets its O back; series keep their digits"""
    letters = sum(c.isalpha() for c in text)
    zeros = text.count('0')
    if not zeros or letters + zeros < len(text) or letters < 3 or zeros > 2 or text[:3].isalpha() and text[3:].strip('0') == '' and len(text) > 5:
        return text
    return text.replace('0', 'O')


def transcribed(root, path):
    """[(folder, file, crop BGR with margin, quad or None, text)] for scene boxes whose text was read by eye: tsv folder, file, x, y, w, h, text"""
    out = []
    if not path or not os.path.exists(path):
        return out
    for r in csv.DictReader(open(path), delimiter='\t'):
        if not r['text'] or r['text'] == '-':
            continue
        im = cv2.imread(os.path.join(root, r['folder'], 'images', r['file']))
        if im is None:
            continue
        x, y, w, h = (float(r[k]) for k in 'xywh')
        out.append((r['folder'], r['file'], im, (x, y, w, h), r['text']))
    return out


class Crops:
    hard = 1.0

    def __init__(self, root, fonts, eu, br, seed=0, scene_texts=None, holdout=True, quads=None, shuffle=None):
        self.r, self.n = random.Random(seed), np.random.default_rng(seed)
        self.plates = Plates(fonts, seed, eu, br)
        G = lambda im: cv2.cvtColor(im, cv2.COLOR_BGR2GRAY)
        self.us = [(G(im), spelled(t)) for _, im, t in crops(root, 'us-crops') if 3 <= len(t) <= 8 and not (holdout and held_text(t))]
        self.br = [(G(im), t) for _, im, t in crops(root, 'br-crops') if 3 <= len(t) <= 8 and not (holdout and held_text(t))]
        # a plate among plates like it: signs in another order, read back by the reader at `shuffle`
        self.mixed_up = pool(shuffle, self.us, 8, seed) if shuffle else []
        known = json.load(open(quads)) if quads else {}
        self.own = []              # scenes with a text read by eye: the box may be jittered into its surroundings
        for folder, f, im, b, t in transcribed(root, scene_texts):
            if held(folder, f) or len(t) > 10:
                continue
            self.own.append((G(im), b, t, known.get(f'{folder}/{f}/{b[0]:g}/{b[1]:g}')))
        self.neg = [G(im) for _, im, _ in scenes(root, 'negatives', False)]
        self.bg = []
        for _, im, bs in scenes(root, 'eu-romania', False)[::3] + scenes(root, 'us-florida', False)[::4]:
            g = G(im)
            for x, y, w, h in bs:
                g[max(0, int(y - h * .2)):int(y + h * 1.2), max(0, int(x - w * .1)):int(x + w * 1.1)] = self.n.integers(0, 255)
            self.bg.append(g)

    # -- what a camera does to a plate ------------------------------------------------------------------------------
    def patch(self, w, h):
        src = self.r.choice(self.bg)
        H, W = src.shape
        k = min(1., W / w, H / h)
        ww, hh = max(2, int(w * k)), max(2, int(h * k))
        x, y = self.r.randint(0, W - ww), self.r.randint(0, H - hh)
        return cv2.resize(src[y:y + hh, x:x + ww], (w, h)).astype(np.float32)

    def degrade(self, gray, tight=0., lo=42, hi=240):
        """grey plate picture (any size) -> 64x128 uint8 as the camera, the detector and the rectification would leave it"""
        r, U = self.r, self.r.uniform
        if r.random() > self.hard:
            return self.mild(gray)
        H, W = gray.shape[:2]
        gray = gray.astype(np.float32)
        asp = W / H * U(.88, 1.12)
        lo = max(lo, 17 * asp)
        rw = int(np.exp(U(np.log(lo), np.log(hi))))
        rh = max(10, rw / asp)
        mx, my = U(-.02, .11) - tight, U(-.03, .2) - tight * 2
        if r.random() < .14:     # the detector took the recess or the holder for the plate
            mx, my = U(.05, .24), U(.1, .42)
        cw, ch = max(20, int(rw * (1 + 2 * mx))), max(8, int(rh * (1 + 2 * my)))
        ox, oy = (cw - rw) / 2 + U(-.03, .03) * rw, (ch - rh) / 2 + U(-.06, .06) * rh
        j = lambda s: U(-s, s)
        p = .02 if r.random() < .7 else .07
        pv = .05 if r.random() < .7 else .14
        sk = j(.12) * rh if r.random() < .65 else j(.3) * rh
        sh = j(.06) * rw if r.random() < .8 else j(.1) * rw
        dst = np.float32([[ox + j(p) * rw + sh / 2, oy + j(pv) * rh - sk / 2], [ox + rw + j(p) * rw + sh / 2, oy + j(pv) * rh + sk / 2],
                          [ox + rw + j(p) * rw - sh / 2, oy + rh + j(pv) * rh + sk / 2], [ox + j(p) * rw - sh / 2, oy + rh + j(pv) * rh - sk / 2]])
        k = W / rw
        if k > 1.3:
            gray = cv2.resize(gray, (max(8, int(W / k * 1.15)), max(6, int(H / k * 1.15))), interpolation=cv2.INTER_AREA)
            H, W = gray.shape
        src = np.float32([[0, 0], [W, 0], [W, H], [0, H]])
        T = cv2.getPerspectiveTransform(src, dst)
        if r.random() < .5:
            out = cv2.warpPerspective(gray, T, (cw, ch), dst=self.patch(cw, ch), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT)
        else:
            out = cv2.warpPerspective(gray, T, (cw, ch), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=U(0, 255))
        return self.camera(out)

    def camera(self, out, strong=True):
        r, U = self.r, self.r.uniform
        ch, cw = out.shape
        if r.random() < .4:
            a, b = U(.4, 1.3), U(.4, 1.3)
            out = out * (np.linspace(a, b, cw)[None] if r.random() < .5 else np.linspace(a, b, ch)[:, None])
        if r.random() < .18:     # hard shadow edge
            xs = np.arange(cw)[None] + U(-2, 2) * np.arange(ch)[:, None]
            out = np.where(xs > U(0, cw), out * U(.35, .8), out)
        out = 255 * np.clip(out / 255, 0, 1) ** U(.55, 1.9)
        out = out * U(.25, 1.15) + U(-10, 60)
        q = r.random()
        s = max(1, cw / 90)
        if q < .5:
            out = cv2.GaussianBlur(out, (0, 0), U(.3, 1.2) * s)
        elif q < .7:
            n = r.randint(2, max(3, int(5 * s)))
            kk = np.zeros((n, n), np.float32)
            t = r.random()
            if t < .6:
                kk[n // 2, :] = 1
            elif t < .8:
                kk[:, n // 2] = 1
            else:
                np.fill_diagonal(kk, 1)
            out = cv2.filter2D(out, -1, kk / kk.sum())
        if r.random() < .3:      # in-camera sharpening
            out = out + (out - cv2.GaussianBlur(out, (0, 0), U(.8, 1.6))) * U(.3, 1.6)
        if r.random() < .6:
            out = out + self.n.normal(0, U(.01, .09) * (float(out.std()) + 8), out.shape)
        if r.random() < .06:     # bloom: a lamp beside or behind
            yy, xx = np.mgrid[:ch, :cw]
            d = ((xx - U(0, cw)) / (cw * U(.1, .4))) ** 2 + ((yy - U(-.3, 1.3) * ch) / (ch * U(.2, .7))) ** 2
            out = out + U(60, 200) * np.exp(-d)
        out = np.clip(out, 0, 255).astype(np.uint8)
        if r.random() < .6:
            out = cv2.imdecode(cv2.imencode('.jpg', out, [cv2.IMWRITE_JPEG_QUALITY, r.randint(18, 90)])[1], 0)
        if r.random() < .04:
            out = 255 - out
        return cv2.resize(out, (128, 64), interpolation=r.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_AREA]))

    def mild(self, img):
        U, (H, W) = self.r.uniform, img.shape[:2]
        d = np.float32([[U(-.02, .05) * 128, U(-.02, .08) * 64], [U(.95, 1.02) * 128, U(-.02, .08) * 64],
                        [U(.95, 1.02) * 128, U(.92, 1.02) * 64], [U(-.02, .05) * 128, U(.92, 1.02) * 64]])
        m = cv2.getPerspectiveTransform(np.float32([[0, 0], [W, 0], [W, H], [0, H]]), d)
        o = cv2.warpPerspective(cv2.GaussianBlur(img.astype(np.float32), (0, 0), U(.4, 1.4)), m, (128, 64), borderValue=U(0, 255))
        return np.clip(o + self.n.normal(0, 4, o.shape), 0, 255).astype(np.uint8)

    # -- sources ---------------------------------------------------------------------------------------------------
    def gray(self, im):
        w = np.float32((.114, .587, .299)) if self.r.random() < .6 else self.n.dirichlet((1, 1, 1)).astype(np.float32)
        return im @ w

    def rendered(self, n, per=3, mix=(.42, .38, .2, 0)):
        out = []
        while len(out) < n:
            im, t, k = self.plates.plate(mix)
            g = self.gray(im)
            out += [(self.degrade(g), t) for _ in range(per)]
        return out[:n]

    def from_scene(self):
        """a real plate in its picture, cut with a jittered and slightly turned frame, then degraded a little"""
        r, U = self.r, self.r.uniform
        g, (x, y, w, h), t, known = r.choice(self.own)
        if known and r.random() < .6:
            return self.from_detector(g, known, t)
        mx, my = U(-.01, .1), U(-.02, .22)
        q = np.float32([[x - mx * w, y - my * h], [x + w + mx * w, y - my * h], [x + w + mx * w, y + h + my * h], [x - mx * w, y + h + my * h]])
        q += self.n.normal(0, .015, (4, 1)) * w * (1, 0) + self.n.normal(0, .05, (4, 1)) * h * (0, 1)
        q[:, 1] += (q[:, 0] - x - w / 2) * U(-.05, .05)
        k = min(1., U(.55, 1.6) if w > 70 else 1.)
        size = (max(24, int(w * (1 + 2 * mx) * k)), max(10, int(h * (1 + 2 * my) * k)))
        T = cv2.getPerspectiveTransform(q.astype(np.float32), np.float32([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]]))
        out = cv2.warpPerspective(g, T, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
        if r.random() < .3:
            return cv2.resize(np.clip(out, 0, 255).astype(np.uint8), (128, 64)), t
        return self.camera(out), t

    def from_detector(self, g, known, t):
        """as the pipeline cuts it: the detector's corners or box, a little shaken, with the contract's margins"""
        r, U = self.r, self.r.uniform
        q = np.array(r.choice(known))
        w, h = np.linalg.norm(q[1] - q[0]), np.linalg.norm(q[3] - q[0])
        q = q + self.n.normal(0, .012, (4, 1)) * w * (1, 0) + self.n.normal(0, .03, (4, 1)) * h * (0, 1)
        q = (q - q.mean(0)) * (U(.97, 1.05), U(.94, 1.1)) + q.mean(0)
        k = min(1., U(.6, 1.5)) if w > 70 else 1.
        size = (max(24, int(w * 1.1 * k)), max(10, int(h * 1.2 * k)))
        H = cv2.getPerspectiveTransform(np.float32([[0, 0], [1, 0], [1, 1], [0, 1]]), q.astype(np.float32))
        e = cv2.perspectiveTransform(np.float32([[[-.05, -.1], [1.05, -.1], [1.05, 1.1], [-.05, 1.1]]]), H)[0]
        T = cv2.getPerspectiveTransform(e, np.float32([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]]))
        out = cv2.warpPerspective(g, T, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
        if r.random() < .4:
            return cv2.resize(np.clip(out, 0, 255).astype(np.uint8), (128, 64), interpolation=cv2.INTER_AREA if k * w > 140 else cv2.INTER_LINEAR), t
        return self.camera(out), t

    def real(self):
        k = self.r.random()
        if self.own and k < .45:
            return self.from_scene()
        if k < .72:
            im, t = self.r.choice(self.mixed_up if self.mixed_up and self.r.random() < .45 else self.us)
            return self.degrade(im), t
        im, t = self.r.choice(self.br)
        return self.degrade(im, tight=.02, lo=60), t

    def nothing(self):
        r, U = self.r, self.r.uniform
        if r.random() < .3:
            return self.degrade(self.gray(self.plates.sign())), ''
        src = r.choice(self.neg if r.random() < .6 else self.bg)
        H, W = src.shape
        w = min(W - 1, int(np.exp(U(np.log(36), np.log(330)))))
        h = min(H - 1, max(8, int(w / U(1.5, 5.2))))
        x, y = r.randint(0, W - w), r.randint(0, H - h)
        c = src[y:y + h, x:x + w]
        if r.random() < .3:
            return self.camera(c.astype(np.float32)), ''
        return cv2.resize(c, (128, 64)), ''

    def mixed(self, n, real=.36, none=.1):
        a, b = int(n * real), int(n * none)
        out = self.rendered(n - a - b) + [self.real() for _ in range(a)] + [self.nothing() for _ in range(b)]
        self.r.shuffle(out)
        return out
