"""Pictures and targets for the plate detector: real scenes, pasted plates (rendered and real crops), lettering and empty pictures."""
import csv
import glob
import os
import random
import numpy as np
import cv2
from plates import Plates

MAPS = 17      # per cell: 0 weight of a plate here, 1 ignore, 2..5 box, 6..13 corners, 14 corners known, 15 box is from a person, 16 partly labelled picture
HELD_CLIP = ('type1_002', 'type1_003')     # eu-romania clips that are never trained on


def held(folder, name):
    """True for pictures that are kept for validation"""
    if folder == 'scenes-web':
        return True
    if folder == 'scenes-openlpr':
        return name.startswith('val_')
    if folder == 'eu-romania':
        return any(k in name for k in HELD_CLIP)
    if folder == 'us-florida':
        return name.startswith('test_')
    if folder == 'negatives':
        return 'timberlake' in name or name.endswith('7.jpg')
    return False


def scenes(root, folder, want_held=None):
    """[(file name, BGR picture, [(x, y, w, h)])] of one folder"""
    boxes = {}
    for r in csv.DictReader(open(os.path.join(root, folder, 'labels.tsv')), delimiter='\t'):
        b = boxes.setdefault(r['file'], [])
        if r.get('x'):
            b.append(tuple(float(r[k]) for k in 'xywh'))
    out = []
    for f in sorted(boxes):
        if want_held is not None and held(folder, f) != want_held:
            continue
        im = cv2.imread(os.path.join(root, folder, 'images', f), cv2.IMREAD_COLOR)
        if im is not None:
            out.append((f, im, boxes[f]))
    return out


def crops(root, folder):
    out = []
    for r in csv.DictReader(open(os.path.join(root, folder, 'labels.tsv')), delimiter='\t'):
        im = cv2.imread(os.path.join(root, folder, 'images', r['file']), cv2.IMREAD_COLOR)
        t = ''.join(c for c in r['plate'].upper() if c.isalnum())
        if im is not None:
            out.append((r['file'], im, t))
    return out


class Data:
    def __init__(self, root, fonts, eu, br, seed=0, W=384, H=288, extra=None):
        self.r, self.n = random.Random(seed), np.random.default_rng(seed)
        self.W, self.H = W, H
        self.plates = Plates(fonts, seed, eu, br)
        S = lambda f: scenes(root, f, False)
        self.open, self.rom, self.flo, self.neg = S('scenes-openlpr'), S('eu-romania'), S('us-florida'), S('negatives')
        self.extra = [] if not extra else scenes(os.path.dirname(extra.rstrip('/')), os.path.basename(extra.rstrip('/')))
        self.cars = [cv2.imread(p) for p in sorted(glob.glob(os.path.join(root, 'vehicles-color', 'images', '*')))]
        self.cars = [c for c in self.cars if c is not None]
        self.real = [im for _, im, _ in crops(root, 'us-crops')], [im for _, im, _ in crops(root, 'br-crops')]

    # -- geometry -------------------------------------------------------------------------------------------------
    def view(self, im, boxes, lo=14, hi=320, aim=True):
        """a random window of im at a random scale -> (window, [quad 4x2], scale)"""
        r, U, W, H = self.r, self.r.uniform, self.W, self.H
        h, w = im.shape[:2]
        good = [b for b in boxes if b[2] >= 10]
        if good and aim:
            b = r.choice(good)
            t = np.exp(U(np.log(lo), np.log(hi)))
            s = float(np.clip(t / b[2], .2, 2.4))
            cx, cy = b[0] + b[2] / 2, b[1] + b[3] / 2
            m = min(.45, b[2] * s / W / 2)
            px, py = W * U(min(.04 + m, .5), max(.96 - m, .5)), H * U(.1, .9)
            if r.random() < .06:
                px = r.choice((0., 1.)) * W                      # cut by the border
        else:
            s = float(np.exp(U(np.log(.45), np.log(1.8)))) * (W / max(w, W))
            cx, cy, px, py = U(0, w), U(0, h), W * U(.2, .8), H * U(.2, .8)
        a = np.exp(U(-.14, .14))
        th = np.radians(U(-2.5, 2.5)) if r.random() < .2 else 0.
        flip = -1. if r.random() < .2 else 1.
        sx, sy = s * np.sqrt(a), s / np.sqrt(a)
        if min(sx, sy) < .55:
            k = min(1., max(.25, min(sx, sy) * 1.6))
            im = cv2.resize(im, None, fx=k, fy=k, interpolation=cv2.INTER_AREA)
        else:
            k = 1.
        A = np.array([[np.cos(th), -np.sin(th)], [np.sin(th), np.cos(th)]]) @ np.diag((sx * flip, sy))
        # keep the window inside the picture where the picture is large enough
        ext = (w * sx, h * sy)
        lim = lambda p, c, s_, n, e: min(max(p, n - (e - c * s_)), c * s_) if e >= n else p
        if flip > 0 and th == 0 and r.random() < .8:
            px, py = lim(px, cx, sx, W, ext[0]), lim(py, cy, sy, H, ext[1])
        off = np.array((px, py)) - A @ np.array((cx, cy))
        M = np.column_stack((A / k, off))
        border = (114, 114, 114) if r.random() < .7 else [U(0, 255)] * 3
        if r.random() < .6 and (ext[0] < .9 * W or ext[1] < .9 * H):      # fill what the picture leaves free with one that shows no plate
            out = r.choice(self.neg)[1]
            k = max(W / out.shape[1], H / out.shape[0])
            out = np.ascontiguousarray(cv2.resize(out, None, fx=k * 1.01, fy=k * 1.01)[:H, :W])
            out = cv2.warpAffine(im, M, (W, H), dst=out, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT)
        else:
            out = cv2.warpAffine(im, M, (W, H), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=border)
        quads = []
        for b in boxes:
            q = np.array(((b[0], b[1]), (b[0] + b[2], b[1]), (b[0] + b[2], b[1] + b[3]), (b[0], b[1] + b[3]))) @ A.T + off
            quads.append(q[[1, 0, 3, 2]] if flip < 0 else q)
        return out, quads, s

    def quad(self, cx, cy, w, asp):
        """corners of a plate of width w seen by a camera: yaw, pitch, roll and a little perspective"""
        U = self.r.uniform
        k = self.r.random()
        yaw, pitch, roll = (U(-15, 15), U(-10, 10), U(-4, 4)) if k < .5 else (U(-35, 35), U(-25, 25), U(-10, 10)) if k < .9 else (U(-50, 50), U(-35, 35), U(-18, 18))
        y, p, o = np.radians((yaw, pitch, roll))
        P = np.array(((-.5, -.5 / asp, 0), (.5, -.5 / asp, 0), (.5, .5 / asp, 0), (-.5, .5 / asp, 0))) 
        Ry = np.array(((np.cos(y), 0, np.sin(y)), (0, 1, 0), (-np.sin(y), 0, np.cos(y))))
        Rx = np.array(((1, 0, 0), (0, np.cos(p), -np.sin(p)), (0, np.sin(p), np.cos(p))))
        Rz = np.array(((np.cos(o), -np.sin(o), 0), (np.sin(o), np.cos(o), 0), (0, 0, 1)))
        P = P @ (Rz @ Rx @ Ry).T
        d = U(3, 12)
        q = P[:, :2] * (d / (d + P[:, 2:]))
        # a shear that cars seen from the side show: the plate climbs with the body
        q[:, 1] += q[:, 0] * np.tan(np.radians(U(-8, 8) if self.r.random() < .5 else U(-20, 20)))
        q *= w / max(1e-3, q[:, 0].max() - q[:, 0].min())
        return q + (cx, cy)

    def paste(self, img, plate, q, light=True):
        H, W = img.shape[:2]
        x0, y0 = np.floor(q.min(0)).astype(int) - 3
        x1, y1 = np.ceil(q.max(0)).astype(int) + 4
        x0, y0, x1, y1 = max(0, x0), max(0, y0), min(W, x1), min(H, y1)
        if x1 - x0 < 3 or y1 - y0 < 3:
            return
        U = self.r.uniform
        k = 2
        qq = ((q - (x0, y0)) * k).astype(np.float32)
        h, w = plate.shape[:2]
        f = max(np.linalg.norm(qq[1] - qq[0]) / w, np.linalg.norm(qq[3] - qq[0]) / h)
        if f < .6:
            plate = cv2.resize(plate, (max(4, int(w * f * 1.2)), max(3, int(h * f * 1.2))), interpolation=cv2.INTER_AREA)
            h, w = plate.shape[:2]
        T = cv2.getPerspectiveTransform(np.float32(((0, 0), (w, 0), (w, h), (0, h))), qq)
        size = ((x1 - x0) * k, (y1 - y0) * k)
        p = cv2.warpPerspective(plate.astype(np.float32), T, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        m = cv2.warpPerspective(np.ones((h, w), np.float32), T, size, flags=cv2.INTER_LINEAR)
        half = (x1 - x0, y1 - y0)
        p, m = cv2.resize(p, half, interpolation=cv2.INTER_AREA), cv2.resize(m, half, interpolation=cv2.INTER_AREA)[..., None]
        reg = img[y0:y1, x0:x1].astype(np.float32)
        if light:
            amb = np.clip(cv2.blur(img, (31, 31))[min(H - 1, (y0 + y1) // 2), min(W - 1, (x0 + x1) // 2)].mean() / 128, .35, 1.6)
            p = p * (U(.45, 1.05) * (1 if self.r.random() < .5 else amb)) + U(-8, 25)
            if self.r.random() < .15:
                p = p * np.linspace(U(.4, 1.2), U(.4, 1.2), half[0])[None, :, None]
        if self.r.random() < .4:
            p = cv2.GaussianBlur(p, (0, 0), U(.3, 1.1))
        img[y0:y1, x0:x1] = np.clip(reg * (1 - m) + p * m, 0, 255).astype(np.uint8)

    def some_plate(self):
        k = self.r.random()
        if k < .5:
            return self.plates.plate((.45, .33, .14, .08))[0]
        return self.r.choice(self.real[0] if k < .8 else self.real[1])

    def letter(self, img, taken):
        r, U = self.r, self.r.uniform
        t = self.plates.lettering()
        asp = t.shape[1] / t.shape[0]
        w = np.exp(U(np.log(20), np.log(200)))
        q = self.quad(U(0, self.W), U(0, self.H), w, asp)
        b = (*q.min(0), *q.max(0))
        if not any(b[0] < k[2] + 4 and b[2] > k[0] - 4 and b[1] < k[3] + 4 and b[3] > k[1] - 4 for k in taken):
            if r.random() < .4:        # letters alone, without a board
                x0, y0 = int(max(0, b[0])), int(max(0, b[1]))
                reg = img[y0:int(b[3]), x0:int(b[2])]
                if reg.size:
                    t = np.where(np.abs(t - np.median(t)) > 30, t, reg.reshape(-1, 3).mean(0))
            self.paste(img, t, q)

    # -- photometry -----------------------------------------------------------------------------------------------
    def photo(self, im):
        r, U = self.r, self.r.uniform
        x = im
        if r.random() < .35:
            g = cv2.cvtColor(x, cv2.COLOR_BGR2GRAY)
            x = cv2.merge((g, g, g))
            if r.random() < .25:
                x = np.clip(x * np.float32((U(.7, 1.15), U(.8, 1.1), U(.7, 1.15))), 0, 255).astype(np.uint8)
        elif r.random() < .5:
            x = np.clip(x.astype(np.float32) * np.float32((U(.75, 1.25), U(.85, 1.15), U(.75, 1.25))), 0, 255).astype(np.uint8)
            if r.random() < .5:
                g = cv2.cvtColor(x, cv2.COLOR_BGR2GRAY)[..., None].astype(np.float32)
                x = np.clip(g + (x - g) * U(.2, 1.6), 0, 255).astype(np.uint8)
        if r.random() < .6:
            gm, a, b = U(.55, 1.8), U(.5, 1.2), U(-15, 40)
            lut = np.clip((np.arange(256) / 255.) ** gm * 255 * a + b, 0, 255).astype(np.uint8)
            x = cv2.LUT(x, lut)
        k = r.random()
        if k < .2:
            x = cv2.GaussianBlur(x, (0, 0), U(.4, 1.6))
        elif k < .32:
            n = r.randint(2, 7)
            ker = np.zeros((n, n), np.float32)
            if r.random() < .6:
                ker[n // 2, :] = 1
            else:
                np.fill_diagonal(ker, 1)
            x = cv2.filter2D(x, -1, ker / ker.sum())
        elif k < .42:
            x = np.clip(x + (x.astype(np.float32) - cv2.GaussianBlur(x, (0, 0), 1.2)) * U(.4, 1.5), 0, 255).astype(np.uint8)
        if r.random() < .35:
            s = U(2, 18)
            n = self.n.normal(0, s, x.shape[:2] + ((3,) if r.random() < .5 else (1,))).astype(np.float32)
            x = np.clip(x + n, 0, 255).astype(np.uint8)
        if r.random() < .4:
            x = cv2.imdecode(cv2.imencode('.jpg', x, [cv2.IMWRITE_JPEG_QUALITY, r.randint(25, 90)])[1], 1)
        return x

    # -- one sample -----------------------------------------------------------------------------------------------
    def sample(self):
        """-> (uint8 RGB [3,H,W], float32 maps [17,H/8,W/8])"""
        r, U, W, H = self.r, self.r.uniform, self.W, self.H
        k = r.random()
        partial, quads = False, []         # quads: (4x2, corners known, from a person)
        if k < .56:                        # a real scene, its plates sometimes replaced
            c = r.random()
            name, im, boxes = r.choice(self.open if c < .5 else self.rom if c < .72 else self.flo if c < .9 or not self.extra else self.extra)
            partial = c < .72
            img, qs, _ = self.view(im, boxes)
            replace = r.random() < .42
            for q in qs:
                x0, y0, x1, y1 = *q.min(0), *q.max(0)
                w = x1 - x0
                if replace and 12 < w < 340 and x0 > 0 and x1 < W and y0 > 0 and y1 < H:
                    p = self.some_plate()
                    asp = p.shape[1] / p.shape[0] * U(.9, 1.1)
                    q2 = self.quad((x0 + x1) / 2, (y0 + y1) / 2, w, asp)
                    g = max(1., w / (q2[:, 0].max() - q2[:, 0].min()), min(2.2, (y1 - y0) / (q2[:, 1].max() - q2[:, 1].min())))
                    q2 = (q2 - q2.mean(0)) * (g * U(1., 1.15)) + ((x0 + x1) / 2, (y0 + y1) / 2)
                    cv2.rectangle(img, (int(x0), int(y0)), (int(x1), int(y1)), [int(v) for v in cv2.blur(img, (41, 41))[min(H - 1, max(0, int(y0)))][min(W - 1, max(0, int(x0)))]], -1)
                    self.paste(img, p, q2)
                    quads.append((q2, True, False))
                else:
                    quads.append((q, False, True))
        elif k < .78:                      # plates on backgrounds without any (or with unknown) plates
            c = r.random()
            src = self.neg if c < .55 else None
            if src:
                _, im, _ = r.choice(src)
            else:
                im = r.choice(self.cars)
                partial = True
            img, _, _ = self.view(im, [])
            if src and r.random() < .5:
                img = np.clip(img * np.float32((U(.5, 1.3), U(.6, 1.2), U(.5, 1.3))), 0, 255).astype(np.uint8)
            taken = []
            for _ in range(r.randint(1, 3)):
                p = self.some_plate()
                asp = p.shape[1] / p.shape[0] * U(.9, 1.1)
                w = np.exp(U(np.log(16), np.log(280)))
                q = self.quad(U(.1, .9) * W, U(.1, .9) * H, w, asp)
                b = (*q.min(0), *q.max(0))
                if any(b[0] < t[2] + 6 and b[2] > t[0] - 6 and b[1] < t[3] + 6 and b[3] > t[1] - 6 for t in taken):
                    continue
                taken.append(b)
                if r.random() < .7:        # the body of a car, a holder or a bumper behind it
                    c0, e = q.mean(0), np.array((U(1.05, 3.0), U(1.08, 3.0)))
                    cv2.fillPoly(img, [((q - c0) * e + c0).astype(np.int32)], (self.plates.tint(U(0, 230), .25)).tolist(), cv2.LINE_AA)
                self.paste(img, p, q)
                quads.append((q, True, False))
            # a later plate's car body may have covered an earlier plate
            keep = []
            for i, (q, a, b_) in enumerate(quads):
                c0 = q.mean(0)
                cov = False
                for q3, _, _ in quads[i + 1:]:
                    c3 = q3.mean(0)
                    if cv2.pointPolygonTest(((q3 - c3) * 3.1 + c3).astype(np.float32), (float(c0[0]), float(c0[1])), True) > -np.ptp(q[:, 0]) * .7:
                        cov = True
                keep.append((q, None if cov else a, b_))
            quads = keep
        else:
            c = r.random()
            if c < .75:
                _, im, _ = r.choice(self.neg)
                img, _, _ = self.view(im, [])
                if r.random() < .5:
                    img = np.clip(img * np.float32((U(.5, 1.3), U(.6, 1.2), U(.5, 1.3))), 0, 255).astype(np.uint8)
            else:                          # scenes away from their plate
                _, im, boxes = r.choice(self.rom + self.open)
                img, qs, _ = self.view(im, boxes, aim=False)
                partial = True
                quads = [(q, False, True) for q in qs]
        taken = [(*q.min(0), *q.max(0)) for q, _, _ in quads]
        if r.random() < .3:
            for _ in range(r.randint(1, 3)):
                self.letter(img, taken)
        img = self.photo(img)
        return np.ascontiguousarray(img[..., ::-1].transpose(2, 0, 1)), self.maps(quads, partial)

    def maps(self, quads, partial):
        W, H = self.W, self.H
        gw, gh = W // 8, H // 8
        m = np.zeros((MAPS, gh, gw), np.float32)
        m[16] = partial
        gx, gy = np.meshgrid((np.arange(gw) + .5) * 8, (np.arange(gh) + .5) * 8)
        for q, known, person in sorted(quads, key=lambda t: -np.ptp(t[0][:, 0])):
            x0, y0, x1, y1 = *q.min(0), *q.max(0)
            fx0, fy0, fx1, fy1 = max(0., x0), max(0., y0), min(float(W), x1), min(float(H), y1)
            if fx1 <= fx0 or fy1 <= fy0:
                continue
            vis = (fx1 - fx0) * (fy1 - fy0) / ((x1 - x0) * (y1 - y0))
            w, h, cx, cy = fx1 - fx0, fy1 - fy0, (fx0 + fx1) / 2, (fy0 + fy1) / 2
            if known is None or vis < .6 or w < 9 or h < 3.5:
                m[1][(gx > fx0 - 8) & (gx < fx1 + 8) & (gy > fy0 - 8) & (gy < fy1 + 8)] = 1
                continue
            ring = (np.abs(gx - cx) < w / 2 + 2) & (np.abs(gy - cy) < h / 2 + 2)
            pos = (np.abs(gx - cx) <= max(w * .22, 4.01)) & (np.abs(gy - cy) <= max(h * .32, 4.01))
            m[1][ring] = 1
            m[1][pos] = 0
            n = pos.sum()
            m[0][pos] = min(1., 3. / n) if n else 0
            for i, v in enumerate((fx0, fy0, fx1, fy1)):
                m[2 + i][pos] = v
            for i, v in enumerate(q.reshape(-1)):
                m[6 + i][pos] = v
            m[14][pos] = bool(known) and vis > .98
            m[15][pos] = person and vis > .98
        return m

    def batch(self, n):
        xs, ms = zip(*(self.sample() for _ in range(n)))
        return np.stack(xs), np.stack(ms)
