"""make_testdata.py OUTDIR FONTDIR: draws the test pictures of ../testdata (cars, plates, a street without plates) and their labels.tsv.

Everything is drawn: no photograph and no real plate. labels.tsv: file, x, y, w, h (box), text, then the corners TL TR BR BL as x0 y0 .. x3 y3.
"""
import os
import sys
import numpy as np
import cv2
import fonts
from detector_data import Data
from plates import Plates


class Scene(Data):
    """The drawing part of the training data without its pictures."""
    def __init__(self, font_dir, seed, W=960, H=540):
        import random
        self.r, self.n = random.Random(seed), np.random.default_rng(seed)
        self.W, self.H = W, H
        self.plates = Plates(fonts.fonts(font_dir), seed, fonts.EU, fonts.BR)
        self.plates.r = self.r

    def street(self):
        r, U, W, H = self.r, self.r.uniform, self.W, self.H
        im = np.zeros((H, W, 3), np.float32)
        hor = int(H * U(.3, .42))
        im[:hor] = np.linspace((225, 200, 170), (240, 230, 220), hor)[:, None]
        im[hor:] = np.linspace((95, 98, 100), (125, 128, 130), H - hor)[:, None]
        for _ in range(9):       # houses
            x, w, h = r.randint(-40, W), r.randint(60, 220), r.randint(40, hor)
            c = [U(60, 190) for _ in range(3)]
            cv2.rectangle(im, (x, hor - h), (x + w, hor), c, -1)
            for wx in range(x + 10, x + w - 14, 26):
                for wy in range(hor - h + 10, hor - 16, 30):
                    cv2.rectangle(im, (wx, wy), (wx + 12, wy + 16), [v * .5 for v in c], -1)
        for k in range(3):       # lane marks
            x = W * (.2 + .3 * k)
            cv2.fillPoly(im, [np.int32([(W / 2 + (x - W / 2) * .3, hor + 20), (W / 2 + (x - W / 2) * .3 + 4, hor + 20), (x * 1.6 - W * .3 + 14, H), (x * 1.6 - W * .3, H)])], (215, 220, 222))
        return im + self.n.normal(0, 4, im.shape).astype(np.float32)

    def car(self, im, cx, by, w, rear=True):
        """a car from behind or before, w pixels wide, wheels at by -> centre of its plate"""
        U = self.r.uniform
        col = np.array([U(20, 220) for _ in range(3)])
        h = w * .78
        P = lambda pts, c: cv2.fillPoly(im, [np.int32([(cx + x * w, by - y * h) for x, y in pts])], np.asarray(c, float).tolist(), cv2.LINE_AA)
        P([(-.55, 0), (.55, 0), (.6, -.04), (-.6, -.04)], (40, 40, 42))
        for s in (-1, 1):
            P([(s * .46, .22), (s * .34, .22), (s * .34, -.02), (s * .46, -.02)], (25, 25, 25))
        P([(-.5, .1), (.5, .1), (.5, .5), (.44, .62), (-.44, .62), (-.5, .5)], col)
        P([(-.44, .62), (.44, .62), (.33, .98), (.2, 1.02), (-.2, 1.02), (-.33, .98)], col * .9)
        P([(-.39, .65), (.39, .65), (.3, .93), (-.3, .93)], (70, 62, 55))
        P([(-.5, .1), (.5, .1), (.5, .22), (-.5, .22)], col * .6)
        for s in (-1, 1):
            P([(s * .49, .44), (s * .34, .44), (s * .34, .56), (s * .48, .56)], (40, 40, 190) if rear else (230, 235, 235))
        if not rear:
            for y in (.3, .34, .38):
                P([(-.2, y), (.2, y), (.2, y + .02), (-.2, y + .02)], (30, 30, 30))
        return cx, by - h * (.36 if rear else .22)

    def add(self, im, kind, cx, cy, w):
        p = {'us': self.plates.us, 'eu': self.plates.european, 'br': self.plates.brazil, 'two': self.plates.two_line}[kind]
        img, text, _ = p()
        while True:              # a plate as a lane camera sees it: turned by 7 degrees at most
            q = self.quad(cx, cy, w, img.shape[1] / img.shape[0])
            if max(abs(np.degrees(np.arctan2(*(q[1] - q[0])[::-1]))), abs(np.degrees(np.arctan2(*(q[3] - q[0])))) ) < 7:
                break
        c0 = q.mean(0)
        cv2.fillPoly(im, [np.int32((q - c0) * 1.06 + c0)], (35, 35, 38), cv2.LINE_AA)
        u = np.clip(im, 0, 255).astype(np.uint8)
        self.paste(u, np.clip(img, 0, 255) * .85 + 12, q, light=False)
        return u, q, ''.join(c for c in text if c.isalnum())


def main():
    out, fd = sys.argv[1:3]
    os.makedirs(out, exist_ok=True)
    rows = ['file\tx\ty\tw\th\ttext\tx0\ty0\tx1\ty1\tx2\ty2\tx3\ty3']
    todo = [('us-one.jpg', 4, [('us', 420, 470, 420, True)]), ('us-two.jpg', 8, [('us', 250, 430, 330, True), ('us', 700, 500, 400, False)]),
            ('eu-one.jpg', 12, [('eu', 480, 480, 430, False)]), ('br-one.jpg', 15, [('br', 520, 480, 440, True)]),
            ('eu-small.jpg', 23, [('eu', 300, 380, 230, True), ('us', 640, 470, 330, True)]), ('two-lines.jpg', 50, [('two', 480, 470, 420, True)]), ('none.jpg', 31, [])]
    for name, seed, cars in todo:
        s = Scene(fd, seed)
        im = s.street()
        for kind, cx, by, w, rear in cars:
            px, py = s.car(im, cx, by, w, rear)
            im, q, text = s.add(im, kind, px, py, w * {'us': .3, 'two': .2}.get(kind, .42))
            im = im.astype(np.float32)
            rows.append('\t'.join([name, *('%.1f' % v for v in (*q.min(0), *(q.max(0) - q.min(0)))), text, *('%.1f' % v for v in q.reshape(-1))]))
        im = np.clip(im, 0, 255).astype(np.uint8)
        if not cars:
            for x, y, w, t in ((560, 90, 240, 'BAKERY'), (120, 130, 200, 'OPEN 24')):
                cv2.rectangle(im, (x, y), (x + w, y + 50), (60, 90, 160), -1)
                cv2.putText(im, t, (x + 12, y + 38), cv2.FONT_HERSHEY_DUPLEX, 1.2, (240, 240, 240), 2, cv2.LINE_AA)
            cv2.putText(im, '2026-11-22 10:04:31 CAM 1', (20, 525), cv2.FONT_HERSHEY_SIMPLEX, .8, (255, 255, 255), 2, cv2.LINE_AA)
            s.car(im, 480, 470, 380, True)
            rows.append(name + '\t' * 13)
        im = cv2.GaussianBlur(im, (0, 0), .6)
        im = np.clip(im + s.n.normal(0, 2, im.shape), 0, 255).astype(np.uint8)
        cv2.imwrite(os.path.join(out, name), im, [cv2.IMWRITE_JPEG_QUALITY, 72])
    open(os.path.join(out, 'labels.tsv'), 'w').write('\n'.join(rows) + '\n')


if __name__ == '__main__':
    main()
