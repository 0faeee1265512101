"""eval.py --models DIR --set NAME [...] [--data ROOT]: detector.onnx + reader.onnx end to end through onnxruntime, as models/README.md says.

Sets: web (scenes-web), openlpr (its val_ pictures), romania (held-back clips), negatives, parked and toll (video frames), us-crops and br-crops
(held-back plates, reader only), two-lines (plates of two_lines.tsv), or a folder with labels.tsv (file, x, y, w, h, text) and the pictures beside it or in images/.
Prints, per set: boxes, recall at IoU .5, exact, exact with O=0 and I=1 folded, character error rate, false reads, milliseconds a picture; over all sets how often a text is right
that claims a likelihood (calibration; with --all-reads those too that the engine would withhold).

A false read is a read at or above --conf from a box that overlaps no labelled plate (IoU < .1). Pictures labelled in part make it an upper bound.
"""
import argparse
import csv
import json
import os
import subprocess
import tempfile
import time
import numpy as np
import cv2
import onnxruntime as ort
from ctc import decode, prep

MARGIN_X, MARGIN_Y = .05, .10
MAX_UP = 1.0


def ceil32(v):
    return max(32, int(np.ceil(v / 32)) * 32)


class Pipeline:
    def __init__(self, models, long_side=None, threads=1, score=None, T=None, passes=2):
        self.passes = passes
        o = ort.SessionOptions()
        o.intra_op_num_threads = threads
        S = lambda n: ort.InferenceSession(os.path.join(models, n), o, providers=['CPUExecutionProvider'])
        self.det, self.rd = S('detector.onnx'), S('reader.onnx')
        p = os.path.join(models, 'models.json')
        m = json.load(open(p)) if os.path.exists(p) else {}
        d, r = m.get('detector', {}), m.get('reader', {})
        self.long = long_side or d.get('still_long_side', 768)
        self.score = score or d.get('score_threshold', .35)
        self.T = T or r.get('temperature', 1.)
        self.min_length = r.get('min_length', 2)

    def detect(self, bgr):
        return self.one_pass(bgr, min(MAX_UP, self.long / max(bgr.shape[:2])))

    def recognise(self, bgr, both=False):
        """-> (detections, reads): one or two passes; of two boxes for one plate the one with the surer text stays"""
        g = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)
        s = min(MAX_UP, self.long / max(bgr.shape[:2]))
        ds = self.one_pass(bgr, s)
        if self.passes == 2:
            ds += self.one_pass(bgr, s / 2)
        rs = self.read(g, ds, both)
        keep = []
        for d, r in sorted(zip(ds, rs), key=lambda t: (-t[1][1] * (len(t[1][0]) >= self.min_length), -t[0][0])):
            if all(not (iou(d[1:5], k[1:5]) > .3 or inside(d, k)) for k, _ in keep):
                keep.append((d, r))
        return [d for d, _ in keep], [r for _, r in keep]

    def one_pass(self, bgr, s):
        ph, pw = bgr.shape[:2]
        w, h = int(round(pw * s)), int(round(ph * s))
        im = cv2.resize(bgr, (w, h), interpolation=cv2.INTER_AREA if s < 1 else cv2.INTER_LINEAR) if s != 1 else bgr
        x = np.full((1, 3, ceil32(h), ceil32(w)), 114 / 255, np.float32)
        x[0, :, :h, :w] = im[..., ::-1].transpose(2, 0, 1) / np.float32(255)
        return self.boxes(self.det.run(None, {'image': x})[0][0], s)

    def boxes(self, c, s):
        """[(score, x0, y0, x1, y1, corners 4x2)] in picture pixels"""
        p = 1 / (1 + np.exp(-c[0]))
        j, i = np.where(p >= self.score)
        v = c[:, j, i]
        cx, cy = 8 * (i + .5 + v[1]), 8 * (j + .5 + v[2])
        bw, bh = 8 * np.exp(np.minimum(v[3], 6)), 8 * np.exp(np.minimum(v[4], 6))
        q = np.stack([np.stack((cx + bw * v[5 + 2 * k], cy + bh * v[6 + 2 * k]), 1) for k in range(4)], 1) if len(i) else np.zeros((0, 4, 2))
        b = np.stack((cx - bw / 2, cy - bh / 2, cx + bw / 2, cy + bh / 2), 1)
        return merge([(float(p[j[k], i[k]]), *(b[k] / s).tolist(), q[k] / s) for k in range(len(i))])

    def crop(self, gray, q):
        H = cv2.getPerspectiveTransform(np.float32(((0, 0), (1, 0), (1, 1), (0, 1))), q.astype(np.float32))
        u = -MARGIN_X + (1 + 2 * MARGIN_X) * (np.arange(256) + .5) / 256
        v = -MARGIN_Y + (1 + 2 * MARGIN_Y) * (np.arange(128) + .5) / 128
        uu, vv = np.meshgrid(u, v)
        p = np.stack((uu, vv, np.ones_like(uu)), -1) @ H.T
        m = (p[..., :2] / p[..., 2:] - .5).astype(np.float32)
        x = cv2.remap(gray, m[..., 0], m[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
        return x.reshape(64, 2, 128, 2).mean((1, 3))

    def quads(self, d, both=False):
        _, x0, y0, x1, y1, q = d
        box = np.array(((x0, y0), (x1, y0), (x1, y1), (x0, y1)))
        e = np.roll(q, -1, 0) - q
        n = np.roll(e, -1, 0)
        cross = e[:, 0] * n[:, 1] - e[:, 1] * n[:, 0]
        area = .5 * abs(np.dot(q[:, 0], np.roll(q[:, 1], -1)) - np.dot(q[:, 1], np.roll(q[:, 0], -1)))
        good = (cross > 0).all() and area >= .5 * (x1 - x0) * (y1 - y0)
        if not good:
            return [box]
        return [q, box] if both else [q]

    def read(self, gray, dets, both=False):
        if not dets:
            return []
        qs = [self.quads(d, both) for d in dets]
        x = np.stack([self.crop(gray, q) for g in qs for q in g])
        r = decode(self.rd.run(None, {'crops': prep(x)})[0], self.T)
        out, k = [], 0
        for g in qs:
            out.append(max(r[k:k + len(g)], key=lambda t: t[1]))
            k += len(g)
        return out


class Engine:
    """the product's own engine: the example `still` of lpr-onnx answers for the pictures (in one run a set)"""
    def __init__(self, program, models, more=()):
        self.program, self.more, self.known = program, list(more), {}
        p = json.load(open(os.path.join(models, 'models.json')))
        self.min_length = p['reader']['min_length']

    def prepare(self, pics):
        self.known = {}
        with tempfile.TemporaryDirectory() as d:
            files = []
            for i, (_, im, _) in enumerate(pics):
                files.append(os.path.join(d, f'{i}.png'))
                cv2.imwrite(files[-1], im, [cv2.IMWRITE_PNG_COMPRESSION, 0])
            out = subprocess.run([self.program, *self.more, *files], capture_output=True, text=True, check=True)
        print('   ', out.stderr.strip())
        for line in out.stdout.splitlines():
            f, text, likelihood, score, box = line.split('\t')
            found = self.known.setdefault(int(os.path.basename(f)[:-4]), [])
            if box:
                x, y, w, h = map(float, box.split(','))
                found.append(((float(score), x, y, x + w, y + h), (text, float(likelihood), [])))

    def recognise(self, i):
        found = self.known[i]
        return [d for d, _ in found], [r for _, r in found]


def merge(found):
    """greedy suppression of overlapping and nested boxes, best score first"""
    keep = []
    for d in sorted(found, key=lambda d: -d[0]):
        x = d[1:5]
        if all(not (iou(x, y[1:5]) > .45 or inside(d, y)) for y in keep):
            keep.append(d)
    return keep


def inside(d, k):
    """the centre of detection d lies in the box of k"""
    return k[1] < (d[1] + d[3]) / 2 < k[3] and k[2] < (d[2] + d[4]) / 2 < k[4]


def iou(a, b):
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.
    i = w * h
    return i / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - i)


def fold(s):
    return s.replace('O', '0').replace('I', '1')


def edit(a, b):
    d = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        p, d[0] = d[0], i
        for j, y in enumerate(b, 1):
            p, d[j] = d[j], min(d[j] + 1, d[j - 1] + 1, p + (x != y))
    return d[-1]


def load(name, data, texts):
    """[(id, BGR picture, [(x, y, w, h, text or '')], region)]"""
    from detector_data import scenes
    t = {}
    if os.path.exists(texts):
        for r in csv.DictReader(open(texts), delimiter='\t'):
            t[(r['folder'], r['file'], round(float(r['x'])), round(float(r['y'])))] = (r['text'], r['region'])
    folder = {'web': 'scenes-web', 'openlpr': 'scenes-openlpr', 'romania': 'eu-romania', 'florida': 'us-florida', 'negatives': 'negatives'}.get(name)
    if folder:
        out = []
        for f, im, bs in scenes(data, folder, True):
            L = [(*b, *t.get((folder, f, round(b[0]), round(b[1])), ('', ''))) for b in bs]
            out.append((f, im, L))
        return out
    if name == 'two-lines':
        rows = {}
        for r in csv.DictReader(open(os.path.join(os.path.dirname(texts), 'two_lines.tsv')), delimiter='\t'):
            rows.setdefault((r['folder'], r['file']), []).append((*(float(r[k]) for k in 'xywh'), r['text'], ''))
        return [(f, cv2.imread(os.path.join(data, d, 'images', f)), b) for (d, f), b in rows.items()]
    if name in ('parked', 'toll'):
        file = {'parked': 'parked-sequence.mp4', 'toll': 'toll-two-cars.mp4'}[name]
        cap = cv2.VideoCapture(os.path.join(data, 'video', file))
        fps, n, out = cap.get(cv2.CAP_PROP_FPS), 0, []
        rows = [r for r in csv.DictReader(open(os.path.join(data, 'video', 'labels.tsv')), delimiter='\t') if r['file'] == file]
        while True:
            ok, im = cap.read()
            if not ok:
                break
            s = n / fps
            if name == 'parked' and abs(s % 3 - 1.5) < .5 / fps + 1e-6:
                k = int(s // 3) * 3
                out.append((f'{file}@{s:.1f}', im, [(None, None, None, None, r['plate'], 'eu') for r in rows if f'from {k} s' in r['note']]))
            if name == 'toll' and n % 9 == 0:
                out.append((f'{file}@{s:.1f}', im, [(None, None, None, None, r['plate'], 'eu') for r in rows]))
            n += 1
        return out
    lab = os.path.join(name, 'labels.tsv')
    out = {}
    for r in csv.DictReader(open(lab), delimiter='\t'):
        L = out.setdefault(r['file'], [])
        if r.get('x'):
            L.append((*(float(r[k]) for k in 'xywh'), r.get('text') or r.get('plate') or '', r.get('region', '')))
    d = os.path.join(name, 'images') if os.path.isdir(os.path.join(name, 'images')) else name
    return [(f, cv2.imread(os.path.join(d, f)), L) for f, L in sorted(out.items())]


def run(pipe, pics, conf, both, verbose=False, region=None):
    nb = hit = nt = ex = fo = ed = ch = false = dets = 0
    ms, wrong, rows = [], [], []
    engine = isinstance(pipe, Engine)
    if engine:
        pipe.prepare(pics)
    for i, (f, im, truth) in enumerate(pics):
        t0 = time.process_time()
        ds, rs = pipe.recognise(i) if engine else pipe.recognise(im, both)
        ms.append((time.process_time() - t0) * 1000)
        dets += len(ds)
        used = set()
        boxless = any(b[0] is None for b in truth)
        for b in truth:
            if boxless:
                if b[4]:
                    nt += 1
                    best = min(rs, key=lambda r: edit(r[0], b[4])) if rs else ('', 0, [])
                    ex += best[0] == b[4]; fo += fold(best[0]) == fold(b[4]); ed += edit(best[0], b[4]) if best[0] else len(b[4]); ch += len(b[4])
                    rows.append((best[1], best[0] == b[4]))
                    if best[0] != b[4]:
                        wrong.append((f, b[4], best[0], round(best[1], 2)))
                continue
            if region and b[5] != region:
                continue
            x0, y0, x1, y1 = b[0], b[1], b[0] + b[2], b[1] + b[3]
            v = [iou((x0, y0, x1, y1), d[1:5]) for d in ds]
            k = int(np.argmax(v)) if v else -1
            nb += 1
            ok = k >= 0 and v[k] >= .5
            hit += ok
            if b[4]:
                nt += 1
                got = rs[k] if k >= 0 and v[k] > .1 else ('', 0, [])
                ex += got[0] == b[4]; fo += fold(got[0]) == fold(b[4]); ed += edit(got[0], b[4]); ch += len(b[4])
                rows.append((got[1], got[0] == b[4]))
                if got[0] != b[4]:
                    wrong.append((f, b[4], got[0], round(got[1], 2), 'iou', round(v[k], 2) if k >= 0 else 0, 'w', round(b[2])))
        if not boxless:
            for d, r in zip(ds, rs):
                if len(r[0]) >= (2 if engine else pipe.min_length) and r[1] >= (.01 if engine else conf) and all(iou((b[0], b[1], b[0] + b[2], b[1] + b[3]), d[1:5]) < .1 for b in truth):
                    false += 1
                    wrong.append((f, 'FALSE', r[0], round(r[1], 2), 'score', round(d[0], 2)))
    if verbose:
        for w in wrong:
            print('   ', *w)
    pc = lambda a, b: f'{100 * a / b:5.1f} %' if b else '    - '
    line = (f'pictures {len(pics):4d} boxes {nb:4d} recall {pc(hit, nb)} detections {dets:4d} | texts {nt:4d} exact {pc(ex, nt)} folded {pc(fo, nt)} CER {pc(ed, ch)} '
            f'| false reads {false:3d} | {np.mean(ms):.1f} ms')
    return line, rows


def reliability(rows):
    """how often texts are right that claim a likelihood, by bin, and the mean gap weighted by bin (expected calibration error)"""
    rows = [(p, r) for p, r in rows if p > 0]
    if not rows:
        return
    p, r = np.array([x for x, _ in rows]), np.array([x for _, x in rows], float)
    edges = (0, .2, .4, .5, .6, .7, .8, .9, .95, .98, 1.0001)
    print(f'calibration of {len(p)} texts of labelled plates\n  likelihood     texts  mean  right')
    ece = 0
    for a, b in zip(edges, edges[1:]):
        k = (p >= a) & (p < b)
        if k.any():
            ece += k.mean() * abs(p[k].mean() - r[k].mean())
            print(f'  {a:.2f} to {min(b, 1):.2f}   {k.sum():5d}  {p[k].mean():.2f}  {r[k].mean():.2f}')
    q = np.clip(p, .001, .999)
    print(f'  expected calibration error {ece:.3f}, Brier score {((p - r) ** 2).mean():.3f}, log loss {-(r * np.log(q) + (1 - r) * np.log(1 - q)).mean():.3f}')


def main():
    ap = argparse.ArgumentParser()
    here = os.path.dirname(os.path.abspath(__file__))
    ap.add_argument('--models', default=os.path.join(here, '..', 'models'))
    ap.add_argument('--data', default='')
    ap.add_argument('--texts', default=os.path.join(here, 'texts.tsv'))
    ap.add_argument('--set', nargs='+', default=['web'])
    ap.add_argument('--long', type=int); ap.add_argument('--score', type=float); ap.add_argument('--conf', type=float, default=.5)
    ap.add_argument('--both', action='store_true', help='read the box as a second crop and keep the surer text')
    ap.add_argument('--passes', type=int, default=2)
    ap.add_argument('--region'); ap.add_argument('-v', action='store_true')
    ap.add_argument('--engine', help='the built example `still`: its answers instead of this file\'s pipeline'); ap.add_argument('--expect', default='any', help='region told to the engine')
    ap.add_argument('--all-reads', action='store_true', help='the engine\'s unlikely reads too')
    a = ap.parse_args()
    cv2.setNumThreads(1)
    pipe = Pipeline(a.models, a.long, score=a.score, passes=a.passes)
    whole = pipe if not a.engine else Engine(a.engine, a.models, ['--region', a.expect] + (['--likelihood', '0.01'] if a.all_reads else []))
    told = []
    for s in a.set:
        if s in ('us-crops', 'br-crops'):
            from detector_data import crops
            from reader_data import held_text, spelled
            L = [(cv2.cvtColor(im, cv2.COLOR_BGR2GRAY), spelled(t) if s == 'us-crops' else t) for _, im, t in crops(a.data, s) if 3 <= len(t) <= 8 and held_text(t)]
            x = np.stack([pipe.crop(g, np.array(((.045, .085), (.955, .085), (.955, .915), (.045, .915))) * (g.shape[1], g.shape[0])) for g, _ in L])
            t0 = time.process_time()
            r = decode(pipe.rd.run(None, {'crops': prep(x)})[0], pipe.T)
            ms = (time.process_time() - t0) * 1000 / len(L)
            n = len(L)
            print(f'{s:10s} crops {n} exact {sum(u[0] == t for u, (_, t) in zip(r, L)) / n:.3f} folded {sum(fold(u[0]) == fold(t) for u, (_, t) in zip(r, L)) / n:.3f} '
                  f'CER {sum(edit(u[0], t) for u, (_, t) in zip(r, L)) / sum(len(t) for _, t in L):.3f} {ms:.2f} ms a crop')
            continue
        line, rows = run(whole, load(s, a.data, a.texts), a.conf, a.both, a.v, a.region)
        told += rows
        print(f'{s:10s} {line}', flush=True)
    reliability(told)


if __name__ == '__main__':
    main()
