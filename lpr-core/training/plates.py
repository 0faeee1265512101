"""Renders licence plates in colour, seen straight on: Plates(fonts, seed).plate() -> (BGR float32 picture, text, kind).

US and Canada (2:1), Europe (4.7:1, with and without the blue band, white, yellow, dark), Brazil before Mercosur (3.1:1), and
two-line plates (the reader is not trained on them: the engine reads line by line). numpy, OpenCV and Pillow only. Glyph masks are rendered once a font.
"""
import random
import numpy as np
import cv2
from PIL import Image, ImageDraw, ImageFont

ALPHA = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ'
STATES = ('ALABAMA ALASKA ARIZONA ARKANSAS CALIFORNIA COLORADO CONNECTICUT DELAWARE FLORIDA GEORGIA HAWAII IDAHO '
          'ILLINOIS INDIANA IOWA KANSAS KENTUCKY LOUISIANA MAINE MARYLAND MASSACHUSETTS MICHIGAN MINNESOTA MISSISSIPPI '
          'MISSOURI MONTANA NEBRASKA NEVADA OHIO OKLAHOMA OREGON PENNSYLVANIA TENNESSEE TEXAS UTAH VERMONT VIRGINIA '
          'WASHINGTON WISCONSIN WYOMING ONTARIO QUEBEC ALBERTA MANITOBA').split() + [
          'New Jersey', 'New York', 'North Carolina', 'Rhode Island', 'West Virginia', 'British Columbia', 'New Mexico']
FOOT = ['Sunshine State', 'GARDEN STATE', 'Land of Lincoln', 'GRAND CANYON STATE', 'Vacationland', 'The Spirit of America',
        'EMPIRE STATE', 'www.dmv.gov', 'Great Lakes State', "SPORTSMAN'S PARADISE", 'First in Flight', 'SCENIC', 'SHOW-ME STATE',
        'Evergreen State', 'Je me souviens', 'YOURS TO DISCOVER', 'LONE STAR STATE', 'Centennial', '10,000 lakes', 'AUTOHAUS MEIER',
        'www.carshop.com', 'HONDA OF TOWN', 'CITY MOTORS 555-0199']
CITIES = ['PR - CURITIBA', 'SP - SAO PAULO', 'RJ - RIO DE JANEIRO', 'MG - BETIM', 'SC - JOINVILLE', 'PR - LONDRINA', 'RS - CANOAS',
          'PR - PINHAIS', 'PR - COLOMBO', 'BA - SALVADOR', 'GO - GOIANIA', 'DF - BRASILIA']
COUNTRY = 'D F I NL B L A CH CZ PL RO H SK SLO HR GB IRL E P S DK FIN N EST LV LT BG GR TR'.split()
BADGES = ('TOYOTA SUZUKI HONDA NISSAN MAZDA SUBARU HYUNDAI KIA FORD CHEVROLET DODGE RAM JEEP GMC BUICK CADILLAC LINCOLN TESLA VOLVO SAAB BMW AUDI '
          'VOLKSWAGEN SKODA SEAT OPEL FIAT RENAULT PEUGEOT CITROEN DACIA PORSCHE LEXUS ACURA INFINITI MITSUBISHI TAXI POLICE STOP AMBULANCE SCHOOLBUS '
          'DUBAI MALAYSIA HYBRID TURBO SPORT DIESEL COROLLA CIVIC ACCORD CAMRY GOLF PASSAT OCTAVIA LOGAN DUSTER SILVERADO TACOMA TUNDRA RANGER '
          'EXPLORER CHEROKEE WRANGLER LIMITED QUATTRO').split()
# A letter, 9 digit, X either, blank a gap, - a dash, . a dot
US = ['AAA 9999', 'AAA999', 'AAA 999', '999 AAA', '9AAA999', 'AAA9999', 'AA99999', '9999 AA', '999999', 'AA9 99A', '99A 9AA',
      'A99999A', 'AA 9999', '999A99', '9A 99999', 'A99 9AA', 'AAAA99', '99999A', 'AA9999A', 'A999999', '9999999', 'AAA99', '999 9AA',
      'A9A9A9', '9AA9999', 'AA99AA', '99 9999', 'XXXXXX', 'XXXXXXX', 'XXXX', 'AAA 9999', 'AAA 9999', 'AAA 999', 'AAA-9999', 'AAA999', '9AAA999',
      'AAAAAA', 'AAAAAAA', 'AAAA', 'AAA-9999', 'AAA.999', 'AA-999-A', 'AAA-999']
SHORT = ['A', '99', '9A', 'AA', 'AAA', '999', '9AA', 'A 9', 'A-9', 'AA 9', '99A', 'A99', '9999']
EU = ['A AA 9999', 'AA A 999', 'AAA AA 99', 'AA AA 999', 'A A 999', 'AA AA 9999', 'AA 99 AAA', 'A 999 AAA', 'AA99 AAA', 'A999 AAA',
      'AA-999-AA', 'AA 999AA', '99-AAA-9', 'AA-99-AA', '99-AA-99', '99-99-AA', 'AA-AA-99', '9-AAA-99', 'AA-999-A', '9999 AAA', 'AA 99999', 'AAA 9999',
      'AA 9999A', '99-A-9999', '999-A-999', '9A9 9999', 'AAA-999', 'AAA 999', 'AA 99 999', '9-AAA-999', '99-AA-99', 'AA 999-AA',
      'AA-999AA', '99 AAA 999', 'A999AA 99', 'A 99999', 'AA 9999 AA', 'AAA 99A', '999 AAA', 'AA 99 AA 9999', 'XXXXXX', 'XX XX XX',
      'AA99 AAA', 'AA99 AAA', 'AA 999 AA', 'A AA 999', 'AA.999.AA', 'AA 99 AAA', 'A-99-AAA', 'AA 9999', 'AAA 99', '99 AA 9999']
BR = ['AAA-9999', 'AAA-9999', 'AAA.9999', 'AAA 9999', 'AAA9999', 'AAA-9999', 'AAA-9999', 'AAA 9999', 'XXX-XXXX']
# the letters that such series really use more often would be a bias: all are drawn alike


class Plates:
    def __init__(self, fonts, seed=0, eu_fonts=(), br_fonts=()):
        self.r = random.Random(seed)
        self.n = np.random.default_rng(seed)
        self.glyphs, self.eu, self.br, self.words = [], [], [], {}
        for p in fonts:
            g = self.load(p)
            if g is None:
                continue
            self.glyphs.append(g)
            if any(k in p for k in eu_fonts):
                self.eu.append(g)
            if any(k in p for k in br_fonts):
                self.br.append(g)
        for w in STATES + FOOT + CITIES + COUNTRY:
            f = ImageFont.truetype(self.r.choice(fonts), 40)
            b = f.getbbox(w)
            im = Image.new('L', (b[2] - b[0] + 4, b[3] - b[1] + 4), 0)
            ImageDraw.Draw(im).text((2 - b[0], 2 - b[1]), w, fill=255, font=f)
            self.words[w] = np.array(im)

    @staticmethod
    def load(p):
        try:
            f = ImageFont.truetype(p, 96)
            g = {}
            for c in ALPHA:
                b = f.getbbox(c)
                im = Image.new('L', (b[2] - b[0] + 4, b[3] - b[1] + 4), 0)
                ImageDraw.Draw(im).text((2 - b[0], 2 - b[1]), c, fill=255, font=f)
                a = np.array(im)
                ys, xs = np.where(a.max(1) > 64)[0], np.where(a.max(0) > 64)[0]
                g[c] = a[ys[0]:ys[-1] + 1, xs[0]:xs[-1] + 1]
            g['ref'] = float(np.mean([g[c].shape[1] / g[c].shape[0] for c in 'ABCDEH0235']))
            return g
        except Exception:
            return None

    def text(self, pats):
        r = self.r
        return ''.join(r.choice(ALPHA[10:]) if c == 'A' else r.choice('0123456789') if c == '9'
                       else r.choice(ALPHA) if c == 'X' else c for c in r.choice(pats))

    def name(self):
        """a name as drivers choose it: syllables, sometimes a gap or a digit, 2 to 8 signs; letters where a series would have digits"""
        r = self.r
        s = ''
        while len(s) < r.choice((2, 3, 4, 5, 5, 6, 6, 7, 7)):
            s += r.choice('BCDFGHJKLMNPQRSTVWXYZ') * (r.random() < .85) + r.choice('AEIOOOUY') + (r.choice('NRSTLMCKPXZD') if r.random() < .4 else '')
        s = s[:7]
        k = r.random()
        if k < .2:
            s = s[:6] + r.choice('123456789')
        elif k < .3:
            s = r.choice('123456789') + s[:6]
        elif k < .4 and len(s) > 3:
            s = s[:2] + r.choice('24') + s[3:]
        if r.random() < .25 and len(s) > 3:
            i = r.randint(1, len(s) - 2)
            s = s[:i] + ' ' + s[i:]
        return s

    def tint(self, v, s=.12):
        """grey level v with a light random tint"""
        return np.array([v * (1 + self.r.uniform(-s, s)) for _ in range(3)], np.float32)

    def colour(self, lo=0, hi=255):
        return np.array([self.r.uniform(lo, hi) for _ in range(3)], np.float32)

    def put(self, img, mask, x, y, w, h, col, alpha=1.0):
        H, W = img.shape[:2]
        w, h = max(1, int(w)), max(1, int(h))
        x, y = int(x), int(y)
        x0, y0, x1, y1 = max(0, x), max(0, y), min(W, x + w), min(H, y + h)
        if x1 <= x0 or y1 <= y0:
            return
        m = cv2.resize(mask, (w, h), interpolation=cv2.INTER_AREA)
        m = (m[y0 - y:y1 - y, x0 - x:x1 - x].astype(np.float32) * (alpha / 255))[..., None]
        v = img[y0:y1, x0:x1]
        v += (col - v) * m

    def line(self, img, s, g, x0, x1, cy, hh, col, gap, gapw, prop, fill=True, one=.08):
        """draws s between x0 and x1; True widths with prop; returns nothing"""
        r, U = self.r, self.r.uniform
        # fonts in which 0 and O, or 1 and I, are one glyph: only the place in the text tells them apart
        k = r.random()
        if k < .3:
            g = dict(g)
            g['O'] = g['0'] = g[r.choice('O0')]
        if r.random() < one:
            g = dict(g)
            g['1'] = g['I']
        if r.random() < .35:
            g = self.reshaped(g, s)
        unit = []
        for c in s:
            if c in ' -.':
                unit.append(gapw)
            elif prop or c in '1I':
                unit.append(min(1.05, g[c].shape[1] / g[c].shape[0] / g['ref']) * (1 - gap) + gap)
            else:
                unit.append(1.)
        tot = sum(unit)
        cw = (x1 - x0) / tot
        if not fill:                      # keep the font's own shape, then centre
            cw = min(cw, hh * g['ref'] * U(.8, 1.15) / (1 - gap))
        x = (x0 + x1 - cw * tot) / 2
        shadow = r.random()
        sc = self.tint(U(0, 255))
        for c, u in zip(s, unit):
            w = cw * u
            if c in ' -.':
                if c == '-':
                    cv2.rectangle(img, (int(x + w * .3), int(cy - hh * .06)), (int(x + w * .7), int(cy + hh * .06)), col.tolist(), -1)
                elif c == '.':
                    cv2.circle(img, (int(x + w / 2), int(cy + U(-.05, .1) * hh)), max(1, int(hh * .07)), col.tolist(), -1, cv2.LINE_AA)
                x += w
                continue
            gw = max(2, w - cw * gap)
            if shadow < .4:
                o = hh * U(.015, .04)
                self.put(img, g[c], x + (w - gw) / 2 + o, cy - hh / 2 + o, gw, hh, sc, .55)
            self.put(img, g[c], x + (w - gw) / 2, cy - hh / 2, gw, hh, col, U(.85, 1))
            x += w

    def reshaped(self, g, s):
        """the glyphs of s in another hand: heavier or lighter strokes, a lean, a waist higher or lower"""
        r, U = self.r, self.r.uniform
        g = dict(g)
        k, lean, waist = r.choice((-5, -3, 3, 5, 7, 9)) if r.random() < .7 else 0, U(-.12, .12) if r.random() < .4 else 0., U(-.12, .12) if r.random() < .5 else 0.
        for c in set(s) - set(' -.'):
            m = g[c]
            if k > 0:
                m = cv2.dilate(np.pad(m, k // 2), np.ones((k, k), np.uint8))
            elif k < 0:
                thin = cv2.erode(np.pad(m, 1), np.ones((-k, -k), np.uint8))
                m = thin if thin.max() > 128 and thin.mean() > .45 * m.mean() else m
            h, w = m.shape
            if waist:
                y = np.linspace(0, 1, h, dtype=np.float32)
                my = np.repeat(((y + waist * np.sin(np.pi * y) ** 2) * (h - 1))[:, None], w, 1).astype(np.float32)
                m = cv2.remap(m, np.repeat(np.arange(w, dtype=np.float32)[None], h, 0), my, cv2.INTER_LINEAR)
            if lean:
                d = abs(lean) * h
                m = cv2.warpAffine(m, np.float32(((1, lean, d if lean < 0 else 0), (0, 1, 0))), (int(w + d), h), flags=cv2.INTER_LINEAR)
            g[c] = m
        return g

    def base(self, H, W, lo, hi, tint=.1):
        return np.full((H, W, 3), self.tint(self.r.uniform(lo, hi), tint), np.float32)

    def wear(self, img):
        """frame, bolts, dirt and bent light, common to all kinds"""
        r, U = self.r, self.r.uniform
        H, W = img.shape[:2]
        if r.random() < .45:      # bolts
            for _ in range(r.randint(1, 4)):
                cv2.circle(img, (int(U(.05, .95) * W), int(r.choice((U(.06, .2), U(.8, .94))) * H)), r.randint(2, max(3, H // 18)), self.tint(U(0, 230)).tolist(), -1, cv2.LINE_AA)
        if r.random() < .2:      # dirt
            d = cv2.resize(self.n.random((r.randint(3, 9), r.randint(5, 18))).astype(np.float32), (W, H), interpolation=cv2.INTER_CUBIC)[..., None]
            a = np.clip((d - U(.4, .8)) * 3, 0, 1) * U(.2, .7)
            img[:] = img * (1 - a) + self.tint(U(40, 160)) * a
        if r.random() < .25:     # embossing light, reflective sheet
            n = self.n.normal(0, U(2, 9), (max(2, H // 3), max(2, W // 3))).astype(np.float32)
            img += cv2.resize(n, (W, H))[..., None]
        return img

    def us(self):
        r, U, H, W = self.r, self.r.uniform, 96, 192
        dark = r.random() < .14
        img = self.base(H, W, *((5, 110) if dark else (150, 255)), tint=U(0, .5) if r.random() < .3 else .08)
        base = img[0, 0].copy()
        if r.random() < .45:
            top = np.clip(base + self.colour(-120, 50), 0, 255)
            a = (np.linspace(1, 0, H, dtype=np.float32) ** U(.6, 3))[:, None, None]
            img = img * (1 - a) + top * a
        if r.random() < .35:
            bot = np.clip(base + self.colour(-150, 50), 0, 255)
            a = (np.linspace(0, 1, H, dtype=np.float32) ** U(1.5, 5))[:, None, None]
            img = img * (1 - a) + bot * a
        if r.random() < .4:
            for _ in range(r.randint(1, 5)):
                c = np.clip(base + self.colour(-90, 50), 0, 255).tolist()
                lay = img.copy()
                if r.random() < .5:
                    cv2.ellipse(lay, (r.randint(0, W), r.randint(0, H)), (r.randint(6, 60), r.randint(5, 30)), U(0, 180), 0, 360, c, -1)
                else:
                    cv2.fillPoly(lay, [np.array([[r.randint(0, W), r.randint(0, H)] for _ in range(3)], np.int32)], c)
                a = U(.15, .75)
                img = img * (1 - a) + lay * a
        img = np.ascontiguousarray(img, np.float32)
        k = r.random()
        s = self.name() if k < .13 else self.text(SHORT) if k < .17 else self.text(US)
        col = self.colour(150, 255) if dark else self.colour(0, 120) if r.random() < .5 else self.tint(U(0, 90), .3)
        m = float(img[H // 4:3 * H // 4].mean())
        if abs(float(col.mean()) - m) < 55:
            col = np.full(3, 0. if m > 110 else 255., np.float32)
        g = r.choice(self.glyphs)
        n = len(s.replace(' ', ''))
        tot = W * min(U(.62, .96), n * U(.115, .17) + .05)
        x0 = (W - tot) / 2 + W * U(-.04, .04)
        hh, cy = H * U(.36, .57), H * U(.44, .58)
        gw = U(.35, 1.3)
        self.line(img, s, g, x0, x0 + tot, cy, hh, col, U(.08, .32), gw, r.random() < .6)
        if ' ' in s and r.random() < .5:       # a graphic between the groups
            q = (x0 + tot * (s.index(' ') + .5) / len(s), cy)
            k = tot / len(s) * min(1, gw)
            cc, t = self.colour().tolist(), r.random()
            if t < .45:
                cv2.circle(img, (int(q[0]), int(q[1])), int(k * U(.1, .45)) + 1, cc, -1 if r.random() < .6 else 2)
            else:
                cv2.fillPoly(img, [np.array([[q[0] + U(-.45, .45) * k, q[1] + U(-.5, .5) * hh] for _ in range(r.randint(3, 7))], np.int32)], cc)
        wc = col if r.random() < .5 else self.colour(0, 200)
        if r.random() < .85:
            w = self.words[r.choice(STATES)]
            h = H * U(.1, .19)
            ww = min(W * .7, h * w.shape[1] / w.shape[0] * U(.8, 1.4))
            self.put(img, w, (W - ww) / 2 + W * U(-.08, .08), H * U(.02, .08), ww, h, wc)
        if r.random() < .6:
            w = self.words[r.choice(FOOT)]
            h = H * U(.07, .14)
            ww = min(W * .75, h * w.shape[1] / w.shape[0] * U(.8, 1.3))
            self.put(img, w, (W - ww) / 2 + W * U(-.08, .08), H * U(.84, .9), ww, h, wc)
        if r.random() < .6:      # stickers
            for cx, cy2 in r.sample([(.09, .12), (.91, .12), (.09, .9), (.91, .9)], r.randint(1, 3)):
                a, b = r.randint(8, 18), r.randint(6, 12)
                cv2.rectangle(img, (int(cx * W - a), int(cy2 * H - b)), (int(cx * W + a), int(cy2 * H + b)), self.colour().tolist(), -1)
                self.put(img, g[r.choice('0123456789')], cx * W - 5, cy2 * H - 5, 6, 10, self.colour())
        if r.random() < .35:     # dealer's frame
            fc = self.tint(U(0, 200)).tolist()
            cv2.rectangle(img, (0, 0), (W - 1, H - 1), fc, r.randint(2, 9))
            if r.random() < .5:
                b = r.randint(6, 16)
                cv2.rectangle(img, (0, H - b), (W, H), fc, -1)
                w = self.words[r.choice(FOOT)]
                self.put(img, w, W * U(.1, .3), H - b + 1, W * U(.3, .6), b - 2, self.tint(U(0, 255)))
        return self.wear(img), s, 'us'

    def european(self):
        r, U, H = self.r, self.r.uniform, 64
        W = int(H * r.choice((U(4.4, 5.0), U(4.4, 5.0), U(4.4, 5.0), U(3.0, 4.3), U(5.0, 5.6))))
        k = r.random()
        if k < .62:
            img = self.base(H, W, 175, 255, .06)
        elif k < .86:            # yellow
            img = np.full((H, W, 3), (U(0, 90), U(160, 215), U(205, 255)), np.float32)
        else:                    # dark
            img = np.full((H, W, 3), r.choice(((U(0, 40),) * 3, (U(60, 140), U(0, 50), U(0, 50)), (0, 0, U(90, 170)), (U(20, 60), U(60, 110), 0))), np.float32)
        dark = k >= .86
        col = self.tint(U(190, 255) if dark else U(0, 60), .15)
        if not dark and r.random() < .08:
            col = np.float32(r.choice(((0, 0, 160), (150, 40, 0), (40, 110, 0))))
        s = self.text(EU)
        band = r.random() < .66
        bw = H * U(.34, .46) if band else 0
        right = H * U(.34, .46) if r.random() < .16 else 0
        for b, x in ((bw, 0), (right, W - right)):
            if not b:
                continue
            c = (U(110, 200), U(30, 90), U(0, 40)) if r.random() < .93 else self.colour().tolist()
            cv2.rectangle(img, (int(x), 0), (int(x + b), H), c, -1)
            w = self.words[r.choice(COUNTRY)]
            h = H * U(.22, .32)
            self.put(img, w, x + b * .15, H * U(.6, .68), min(b * .7, h * w.shape[1] / w.shape[0]), h, np.float32((255, 255, 255)))
            if r.random() < .8:
                cv2.circle(img, (int(x + b / 2), int(H * .3)), int(b * U(.25, .36)), (0, U(150, 230), U(200, 255)), 1 if r.random() < .7 else 2)
        x0, x1 = bw + W * U(.01, .06), W - right - W * U(.01, .06)
        hh = H * U(.6, .82)
        cy = H * U(.46, .54)
        g = r.choice(self.eu if self.eu and r.random() < .6 else self.glyphs)
        gw = U(.25, .95)
        self.line(img, s, g, x0, x1, cy, hh, col, U(.1, .3), gw, r.random() < .5, fill=r.random() < .6, one=.35)
        if ' ' in s and r.random() < .3:        # seals and inspection stickers between the groups
            q = x0 + (x1 - x0) * (s.index(' ') + .5) / len(s)
            rad = H * U(.08, .16)
            for y in ((.32, .68) if r.random() < .6 else (U(.35, .65),)):
                cv2.circle(img, (int(q), int(H * y)), int(rad), self.colour().tolist(), -1, cv2.LINE_AA)
        if r.random() < .6:
            cv2.rectangle(img, (1, 1), (W - 2, H - 2), col.tolist(), r.randint(1, 2))
        if r.random() < .25:     # holder with a dealer's line
            fc = self.tint(U(0, 70)).tolist()
            cv2.rectangle(img, (0, 0), (W - 1, H - 1), fc, r.randint(1, 4))
            if r.random() < .6:
                b = r.randint(5, 10)
                img = np.concatenate([img, np.full((b, W, 3), fc, np.float32)])
                self.put(img, self.words[r.choice(FOOT)], W * U(.1, .4), H + 1, W * U(.2, .5), b - 2, self.tint(U(120, 255)))
        return self.wear(img), s, 'eu'

    def brazil(self):
        r, U, H = self.r, self.r.uniform, 72
        W = int(H * U(2.8, 3.3))
        k = r.random()
        if k < .8:
            img, col = self.base(H, W, 110, 215, .06), self.tint(U(0, 50), .1)
        else:                    # taxis red, official white or blue
            img = np.full((H, W, 3), r.choice(((20, 20, U(110, 190)), (U(100, 160), 40, 20), (230, 230, 230))), np.float32)
            col = np.float32((240, 240, 240)) if img.mean() < 150 else np.float32((20, 20, 160))
        s = self.text(BR)
        g = r.choice(self.br if self.br and r.random() < .6 else self.glyphs)
        hh = H * U(.5, .62)
        cy = H * U(.6, .65)
        self.line(img, s, g, W * U(.02, .06), W * U(.94, .98), cy, hh, col, U(.1, .28), U(.3, .6), r.random() < .5)
        w = self.words[r.choice(CITIES)]
        h = H * U(.12, .18)
        ww = min(W * .8, h * w.shape[1] / w.shape[0] * U(.8, 1.3))
        if r.random() < .9:
            self.put(img, w, (W - ww) / 2, H * U(.05, .1), ww, h, col)
        if r.random() < .7:
            cv2.rectangle(img, (1, 1), (W - 2, H - 2), col.tolist(), r.randint(1, 3))
        return self.wear(img), s, 'br'

    def two_line(self):
        r, U, H = self.r, self.r.uniform, 110
        W = int(H * U(1.15, 1.7))
        k = r.random()
        img = self.base(H, W, 150, 255, .08) if k < .6 else np.full((H, W, 3), (U(0, 60), U(160, 210), U(210, 255)), np.float32)
        col = self.tint(U(0, 60))
        g = r.choice(self.glyphs)
        lines = self.text(['AAA', 'AA 99', 'A99', '99', 'AA']), self.text(['999', '9999', 'AA 99', 'AAA', '999A'])
        for a, cy in zip(lines, (.28, .73)):
            self.line(img, a, g, W * U(.08, .2), W * U(.8, .92), H * cy, H * U(.34, .42), col, U(.1, .25), .5, r.random() < .5)
        if r.random() < .6:
            cv2.rectangle(img, (1, 1), (W - 2, H - 2), col.tolist(), 2)
        return self.wear(img), ''.join(lines), 'two'

    def sign(self):
        """words and numbers that the reader must not take for a plate: badges, names, telephone numbers, time stamps"""
        r, U, H = self.r, self.r.uniform, 64
        s = r.choice((lambda: r.choice(BADGES), lambda: ''.join(r.choice(ALPHA[10:]) for _ in range(r.randint(8, 13))),
                      lambda: self.text(['999-999-9999', '99999 999999', '99.99.9999 99', '9999-99-99 99', '99-99-9999 99 99'])))()
        W = int(H * len(s) * U(.45, .9)) + 20
        img = self.base(H, W, 0, 255, U(0, .6))
        if r.random() < .5:
            img += self.n.normal(0, U(3, 25), (4, max(4, W // 16), 1)).astype(np.float32).repeat(16, 0).repeat(-(-W // max(4, W // 16)), 1)[:H, :W]
        m = float(img.mean())
        col = self.tint(np.clip(m + r.choice((-1, 1)) * U(60, 180), 0, 255) if abs(m - 128) < 60 else 255 - m)
        self.line(img, s, r.choice(self.glyphs), W * .03, W * .97, H * U(.4, .6), H * U(.35, .75), col, U(.05, .3), U(.3, .8), True)
        return np.clip(img, 0, 255)

    def plate(self, mix=(.42, .36, .22, 0.)):
        f = self.r.choices((self.us, self.european, self.brazil, self.two_line), mix)[0]
        img, s, kind = f()
        return np.clip(img, 0, 255), ''.join(c for c in s if c.isalnum()), kind

    def lettering(self):
        """text that is no plate: van lettering, signs, telephone numbers, time stamps (BGR float32)"""
        r, U, H = self.r, self.r.uniform, r_h(self.r)
        s = r.choice((lambda: ''.join(r.choice(ALPHA[10:]) for _ in range(r.randint(3, 14))),
                      lambda: self.text(['999-999-9999', '99999 999999', '99.99.9999 99', '9999-99-99 99']),
                      lambda: self.text(['AAAAAAAA AAAA', 'AAAA AAA AAAAAA', 'AAA AAAAAAA', '99 AAA', 'AAAA 99', 'AA'])))()
        W = int(H * len(s) * U(.45, .9))
        img = self.base(H, W, 0, 255, U(0, .6))
        col = self.colour() if abs(float(img.mean()) - 128) < 60 else self.tint(255 - float(img.mean()))
        self.line(img, s, r.choice(self.glyphs), W * .03, W * .97, H / 2, H * U(.4, .8), col, U(.05, .3), U(.3, .8), True)
        return np.clip(img, 0, 255)


def r_h(r):
    return r.choice((40, 48, 64))
