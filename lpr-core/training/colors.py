"""colors.py --program COLORS --data ROOT [--evaluate]: the colour nets of ../src/color and their figures.

COLORS is the built example `colors` of lpr-onnx: it finds the plates and gives the pixels, so that training sees what the engine sees.
colors.tsv: what we saw by eye (set tune or held; folder, file, box, colour of the plate's background and of the vehicle; empty = not sure ourselves, none = picture without colour).
Without --evaluate: trains on the rows `tune` and on vehicles-color (its own labels), fits a temperature on rows left out in turn, writes ../src/color/weights.rs.
With it: the engine's answers on the rows `held`, nothing fitted.
"""
import argparse
import csv
import os
import pickle
import subprocess
import tempfile
import cv2
import numpy as np
import torch
from eval import iou

HERE = os.path.dirname(os.path.abspath(__file__))
PLATES = ['white', 'black', 'red', 'yellow', 'green', 'blue']
BODIES = ['white', 'grey', 'black', 'red', 'yellow', 'green', 'blue', 'brown']
SHADES = np.array([.05, .2, .4, .65, 1.])
HUES, HIDDEN = 6, 16


def luma(p):
    return p @ np.array([.3, .59, .11])


class Light:
    def __init__(self, f):
        mean = f.mean(0)
        self.gains = np.sqrt(np.clip(mean.mean() / np.maximum(mean, 1e-3), .6, 1.6))
        l = np.sort(luma(f * self.gains))[::-1]
        self.white = max(.25, l[:-(-len(l) // 10)].mean())
        m = luma(mean)
        mr, mb = mean[0] - m, mean[2] - m
        lf = luma(f)
        self.spread = np.sqrt(((f[:, 0] - lf - mr) ** 2 + (f[:, 2] - lf - mb) ** 2).mean())
        self.cast = [mr / (m + .05), mb / (m + .05)]

    def seen(self, p):
        return p * self.gains / self.white

    def inputs(self):
        return [*self.cast, self.white, 10 * self.spread]


def histogram(px, light):
    out = np.zeros(len(SHADES) + 2 * HUES)
    if not len(px):
        return out
    p = light.seen(px)
    hi, lo = p.max(1), p.min(1)
    l = np.minimum(luma(p), 1)
    c = np.clip(((hi - lo) / (hi + .06) - .1) / .2, 0, 1)
    each = 1 / len(px)
    k = (SHADES[None] <= l[:, None]).sum(1)
    edge = (k == 0) | (k == len(SHADES))
    np.add.at(out, np.maximum(k[edge] - 1, 0), ((1 - c) * each)[edge])
    i = k[~edge]
    t = (l[~edge] - SHADES[i - 1]) / (SHADES[i] - SHADES[i - 1])
    g = ((1 - c) * each)[~edge]
    np.add.at(out, i - 1, g * (1 - t)); np.add.at(out, i, g * t)
    s = c > 0
    p, hi, r, l, c = p[s], hi[s], (hi - lo)[s], l[s], c[s]
    b = np.clip((l - .15) / .4, 0, 1)
    h = np.where(p[:, 0] >= hi, (p[:, 1] - p[:, 2]) / r, np.where(p[:, 1] >= hi, 2 + (p[:, 2] - p[:, 0]) / r, 4 + (p[:, 0] - p[:, 1]) / r))
    h = np.minimum(h % 6, 5.999)
    a = h.astype(int) % HUES
    t = h - np.floor(h)
    for q, sh in ((a, 1 - t), ((a + 1) % HUES, t)):
        np.add.at(out, len(SHADES) + 2 * q, sh * c * each * (1 - b))
        np.add.at(out, len(SHADES) + 2 * q + 1, sh * c * each * b)
    return out


def parts(px, light):
    p = light.seen(px)
    l = luma(p)
    mean = lambda m: p[m].sum(0) / max(1, m.sum())
    cut = (l.min() + l.max()) / 2
    for _ in range(6):
        cut = (luma(mean(l <= cut)) + luma(mean(l > cut))) / 2
    d, b = (l <= cut).sum(), (l > cut).sum()
    dark, bright = mean(l <= cut), mean(l > cut)
    g, s = (dark, bright) if d > b else (bright, dark)
    tell = lambda q: [min(luma(q), 1.5), (q[0] - luma(q)) / (luma(q) + .08), (q[2] - luma(q)) / (luma(q) + .08)]
    return [*tell(g), *tell(s), d / max(1, d + b)]


def plate_inputs(s):
    light = Light(s['frame'])
    return np.array([*histogram(s['plate'], light), *parts(s['plate'], light), *light.inputs()], np.float32)


def body_inputs(s):
    light = Light(s['frame'])
    return np.array([*histogram(s['above'], light), *histogram(s['beside'], light), *light.inputs()], np.float32)


def varied(s, rng):
    """the same scene in another light"""
    gain = rng.uniform(.7, 1.25) * np.exp(rng.normal(0, .05, 3))
    gamma = rng.uniform(.85, 1.18)
    return {k: np.clip(np.clip(v, 0, 1) ** gamma * gain, 0, 1) + 0 * v if len(v) else v for k, v in s.items()}


def look(program, data, rows, scratch):
    """samples and answers for each row, None where the engine finds no plate there"""
    files, key = [], {}
    for r in rows:
        path = os.path.join(data, r['folder'], 'images', r['file'])
        if r['folder'] == 'us-crops':   # a crop is all plate: set in grey, or its own colour would be taken for the light's
            im = cv2.imread(path)
            h, w = im.shape[:2]
            big = np.full((3 * h, 3 * w, 3), 128, np.uint8)
            big[:, :w] = 60; big[:, 2 * w:] = 200; big[:h // 2, ::3] = (40, 60, 200); big[-h // 2:, ::3] = (180, 90, 40)
            big[h:2 * h, w:2 * w] = im
            path = os.path.join(scratch, r['file'] + '.png')
            cv2.imwrite(path, big)
            path += f'@{w},{h},{w},{h}'
        key[id(r)] = path
        if path not in files:
            files.append(path)
    found = {}
    for k in range(0, len(files), 200):
        out = subprocess.run([program, *files[k:k + 200]], capture_output=True, text=True, check=True).stdout
        for line in out.splitlines():
            f, box, *px, pc, vc = line.split('\t')
            s = {n: np.frombuffer(bytes.fromhex(h), np.uint8).reshape(-1, 3) / 255. for n, h in zip(('plate', 'above', 'beside', 'frame'), px)}
            x, y, w, h = map(float, box.split(','))
            found.setdefault(f, []).append(((x, y, x + w, y + h), s, pc, vc))
    res = []
    for r in rows:
        got = found.get(key[id(r)].split('@')[0], [])
        if r['x'] not in ('', None) and float(r['w'] or 0) > 0:
            x, y, w, h = (float(r[k]) for k in 'xywh')
            got = sorted(((iou((x, y, x + w, y + h), g[0]), g) for g in got), key=lambda t: -t[0])
            res.append(got[0][1] if got and got[0][0] > .3 else None)
        else:
            res.append(got[0] if got else None)
    return res


def net(n, c, seed):
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Linear(n, HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, c))


def fit(X, y, w, classes, decay, seed=3, steps=400):
    """X: several variants of each sample, variants x samples x inputs"""
    m = net(X.shape[2], classes, seed)
    o = torch.optim.AdamW(m.parameters(), 1e-2, weight_decay=decay)
    s = torch.optim.lr_scheduler.OneCycleLR(o, 2e-2, steps)
    rng = np.random.default_rng(seed)
    Xt, yt, wt = torch.tensor(X), torch.tensor(y), torch.tensor(w, dtype=torch.float32)
    for _ in range(steps):
        v = torch.tensor(rng.integers(0, X.shape[0], X.shape[1]))
        loss = (torch.nn.functional.cross_entropy(m(Xt[v, torch.arange(X.shape[1])]), yt, reduction='none', label_smoothing=.03) * wt).mean()
        o.zero_grad(); loss.backward(); o.step(); s.step()
    return m


def train(name, samples, labels, classes, inputs, decay):
    rng = np.random.default_rng(1)
    y = np.array([classes.index(l) for l in labels])
    X = np.stack([np.stack([inputs(s) for s in samples])] + [np.stack([inputs(varied(s, rng)) for s in samples]) for _ in range(11)])
    n = np.bincount(y, minlength=len(classes))
    w = (n.sum() / np.maximum(n, 1) / len(classes))[y] ** .5     # rare colours count more, but not as much as common ones in all
    fold = rng.integers(0, 6, len(y))
    out = np.zeros((len(y), len(classes)), np.float32)
    for k in range(6):
        m = fit(X[:, fold != k], y[fold != k], w[fold != k], len(classes), decay)
        with torch.no_grad():
            out[fold == k] = m(torch.tensor(X[0, fold == k])).numpy()
    lp = lambda T: torch.log_softmax(torch.tensor(out) / T, 1).numpy()[np.arange(len(y)), y].mean()
    T = max(np.arange(.5, 3, .05), key=lp)
    p = torch.softmax(torch.tensor(out) / T, 1).numpy()
    print(f'{name}: {len(y)} rows {dict(zip(classes, n.tolist()))}; left out in turn: {100 * (p.argmax(1) == y).mean():.1f} % right, temperature {T:.2f}')
    told(p.max(1), p.argmax(1) == y)
    m = fit(X, y, w, len(classes), decay)
    a, b = m[0], m[2]
    rows = lambda l, t: np.concatenate((l.weight.detach().numpy(), l.bias.detach().numpy()[:, None]), 1) / t
    return rows(a, 1), rows(b, T)


def told(p, right):
    for t in (0, .5, .6, .7, .8, .9):
        k = p >= t
        print(f'   likelihood >= {t}: {k.sum()} of {len(p)} told, {100 * right[k].mean() if k.any() else 0:.1f} % right, mean {p[k].mean() if k.any() else 0:.2f}')


def rust(name, rows):
    body = ',\n'.join('    [\n' + '\n'.join(f'        {np.float32(v):.5},' for v in r) + '\n    ]' for r in rows)
    return f'pub(super) const {name}: [[f32; {rows.shape[1]}]; {rows.shape[0]}] = [\n{body},\n];\n'


def evaluate(rows, got):
    for what, i, classes in (('plate', 2, PLATES), ('vehicle', 3, BODIES)):
        for part in ('all', *sorted({r['folder'] for r in rows})):
            pair = [(r[what], g[i]) for r, g in zip(rows, got) if g and r[what] and part in ('all', r['folder'])]
            none = [a for t, a in pair if t == 'none']
            pair = [(t, *a.split(':')) if a else (t, '', 0) for t, a in pair if t != 'none']
            said = [p for p in pair if p[1]]
            if pair:
                print(f'{what:8s}{part:16s} labelled {len(pair):4d} told {len(said):4d} ({100 * len(said) / len(pair):.0f} %) right {100 * sum(t == a for t, a, _ in said) / max(1, len(said)):.1f} %'
                      f' mean likelihood {np.mean([float(p) for *_, p in said]) if said else 0:.3f}' + (f'; without colour {len(none)}, told {sum(map(bool, none))}' if none else ''))
                if part == 'all':
                    for c in classes:
                        line = [p for p in pair if p[0] == c]
                        print(f'   {c:7s}', len(line), {a or 'unknown': sum(p[1] == a for p in line) for a in sorted({p[1] for p in line})})


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--program', required=True); ap.add_argument('--data', required=True); ap.add_argument('--evaluate', action='store_true')
    ap.add_argument('--keep', help='file for the pixels: made, or read instead of running the program (to train again)')
    a = ap.parse_args()
    torch.set_num_threads(1)
    rows = [r for r in csv.DictReader(open(os.path.join(HERE, 'colors.tsv')), delimiter='\t') if r['set'] == ('held' if a.evaluate else 'tune')]
    with tempfile.TemporaryDirectory() as d:
        if not a.evaluate:
            for r in csv.DictReader(open(os.path.join(a.data, 'vehicles-color', 'labels.tsv')), delimiter='\t'):
                c = {'silver': 'grey', 'gray': 'grey'}.get(r['color'], r['color'])
                rows.append(dict(folder='vehicles-color', file=r['file'], x='', plate='', vehicle=c))
        if a.keep and os.path.exists(a.keep):
            rows, got = pickle.load(open(a.keep, 'rb'))
        else:
            got = look(a.program, a.data, rows, d)
        if a.keep:
            pickle.dump((rows, got), open(a.keep, 'wb'))
    print(len(rows), 'rows,', sum(g is not None for g in got), 'with a plate found')
    if a.evaluate:
        return evaluate(rows, got)
    P = [(g[1], r['plate']) for r, g in zip(rows, got) if g and r['plate'] in PLATES]
    B = [(g[1], r['vehicle']) for r, g in zip(rows, got) if g and r['vehicle'] in BODIES and len(g[1]['above']) >= 60 and len(g[1]['beside']) >= 16]
    p = train('plates', *zip(*P), PLATES, plate_inputs, .3)
    b = train('vehicles', *zip(*B), BODIES, body_inputs, 1.)
    sp = sorted(Light(s['frame']).spread for s, _ in B)
    print('spread of hues, least and 1st hundredth:', round(sp[0], 4), round(sp[len(sp) // 100], 4))
    with open(os.path.join(HERE, '..', 'src', 'color', 'weights.rs'), 'w') as f:
        f.write('//! Weights of the colour nets, written by `training/colors.py`.\n\n')
        f.write('\n'.join(rust(n, r) for n, r in (('PLATE_IN', p[0]), ('PLATE_OUT', p[1]), ('BODY_IN', b[0]), ('BODY_OUT', b[1]))))


if __name__ == '__main__':
    main()
