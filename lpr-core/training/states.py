"""states.py --data ROOT [--evaluate] [--check]: the net for the state of a US plate by its look (../src/state) and its figures.

Trained on the labelled states of us-crops (states of at least LEAST plates; the others are "none") but the plates of held_text, and on plates from elsewhere and drawn ones as "none".
states.tsv: the states that we read by eye on held-back scenes (boxes in texts.tsv; none: a Canadian plate; plates that we were not sure of are left out).
Without --evaluate: fits a temperature on thirds left out in turn, writes ../src/state/weights.bin and prints the list of states. With it: what the written weights say
about the plates held back. --check prints the numbers of the Rust test.
"""
import argparse
import csv
import os
import re
import zlib
import cv2
import numpy as np
import torch
from torch import nn
from reader_data import held_text

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.join(HERE, '..', 'src', 'state')
WEIGHTS = os.path.join(SOURCE, 'weights.bin')
W, H, TAPS, HIDDEN = 24, 12, 3, 40
LEAST = 5                       # plates of a state in training
LUMA = np.array((.3, .59, .11), np.float32)
WIDE = 150                      # plates are shrunk to this before they are varied


def cells(rgb, quad):
    """W x H cells of the plate with the corners `quad`, as src/state.rs takes them"""
    u, v = ((np.arange(n * TAPS) + .5) / (n * TAPS) for n in (W, H))
    left, right = (quad[a] + (quad[b] - quad[a]) * v[:, None] for a, b in ((0, 3), (1, 2)))
    p = left[:, None] + (right - left)[:, None] * u[None, :, None]
    x, y = (np.clip(p[..., k], 0, rgb.shape[1 - k] - 1).astype(int) for k in (0, 1))
    c = rgb[y, x].astype(np.float32)
    return c.reshape(H, TAPS, W, TAPS, 3).mean((1, 3))


def normed(c):
    s = c @ LUMA
    return ((c - s.mean()) / (s.std() + 8)).astype(np.float32)


class Plate:
    def __init__(self, rgb, quad, state, held):
        self.state, self.held = state, held
        self.plain = normed(cells(rgb, quad))
        k = min(1., WIDE / np.linalg.norm(quad[1] - quad[0]))
        self.rgb, self.quad = (cv2.resize(rgb, None, fx=k, fy=k, interpolation=cv2.INTER_AREA), quad * k) if k < 1 else (rgb, quad)

    def varied(self, r):
        """the same plate as another camera sees it"""
        rgb, q = self.rgb, self.quad
        w, h = np.linalg.norm(q[1] - q[0]), np.linalg.norm(q[3] - q[0])
        k = np.exp(r.uniform(np.log(44), np.log(WIDE))) / w
        if k < .9:
            rgb, q, w, h = cv2.resize(rgb, None, fx=k, fy=k, interpolation=cv2.INTER_AREA), q * k, w * k, h * k
        if r.random() < .4:
            rgb = cv2.GaussianBlur(rgb, (0, 0), r.uniform(.3, .9 + .006 * w))
        q = q + r.normal(0, 1, (4, 2)) * (.012 * w, .03 * h) + r.normal(0, 1, 2) * (.012 * w, .03 * h)
        q = (q - q.mean(0)) * (.985 + r.normal(0, .02, 2)) + q.mean(0)
        c = np.clip(cells(rgb, q) / 255 * np.exp(r.normal(0, .06, 3)), 0, 2) ** np.exp(r.normal(0, .2))
        if r.random() < .3:        # a shadow
            c = c * (1 + r.uniform(-.35, .35) * np.linspace(-1, 1, W)[None, :, None] + r.uniform(-.35, .35) * np.linspace(-1, 1, H)[:, None, None])
        s = (c @ LUMA)[..., None]
        c = s + (c - s) * (0 if r.random() < .06 else r.uniform(.5, 1.15))
        return normed((np.clip(c * r.uniform(.4, 1.15), 0, 1) * 255 + r.normal(0, r.uniform(0, 6), c.shape)).astype(np.float32))


def read(data, folder, file):
    return cv2.imread(os.path.join(data, folder, 'images', file))[..., ::-1]


def table(path):
    return csv.DictReader(open(path), delimiter='\t')


def whole(rgb):
    h, w = rgb.shape[:2]
    return np.array(((0, 0), (w, 0), (w, h), (0, h)), np.float32)


def drawn(r):
    """a plate of a design that nobody has: bands, a run of colour, a picture, strokes for signs"""
    paint = lambda: np.array(r.integers(0, 256, 3) if r.random() < .6 else [r.integers(190, 256)] * 3, np.float32)
    im = np.tile(paint(), (75, WIDE, 1))
    a, b = r.integers(6, 26), r.integers(50, 72)
    if r.random() < .6:
        im[:a] = paint()
    if r.random() < .6:
        im[b:] = paint()
    if r.random() < .3:
        t = np.linspace(0, 1, 75)[:, None, None]
        im = im * t + paint() * (1 - t)
    if r.random() < .4:
        cv2.ellipse(im, (int(r.integers(15, 135)), int(r.integers(20, 55))), (int(r.integers(6, 25)), int(r.integers(6, 20))), 0, 0, 360, paint().tolist(), -1)
    rgb = np.clip(im, 0, 255).astype(np.uint8)
    ink, n = paint() * (.4 if r.random() < .7 else 1), int(r.integers(4, 8))
    for k in range(n):
        x = int((k + .5) * WIDE / n)
        cv2.putText(rgb, chr(r.integers(65, 91)), (x - 9, 52), cv2.FONT_HERSHEY_SIMPLEX, 1., ink.tolist(), int(r.integers(2, 5)), cv2.LINE_AA)
    return Plate(rgb, whole(rgb), 'none', False)


def plates(data):
    r = np.random.default_rng(2)
    out = [drawn(r) for _ in range(800)]
    for r in table(os.path.join(data, 'us-crops', 'labels.tsv')):
        rgb = read(data, 'us-crops', r['file'])
        out.append(Plate(rgb, whole(rgb), r['state'].upper(), held_text(r['plate'])))
    for r in table(os.path.join(data, 'br-crops', 'labels.tsv')):
        if zlib.crc32(r['file'].encode()) % 4 == 0:
            rgb = read(data, 'br-crops', r['file'])
            out.append(Plate(rgb, whole(rgb), 'none', held_text(r['plate'])))
    seen = {(r['folder'], r['file']): r['state'] for r in table(os.path.join(HERE, 'states.tsv'))}
    for r in table(os.path.join(HERE, 'texts.tsv')):
        held = r['folder'] == 'scenes-web' or r['file'].startswith('val_') or '1_002' in r['file'] or '1_003' in r['file']
        state = seen.get((r['folder'], r['file'])) if r['region'] == 'us' else 'none'
        if state is None or r['folder'] == 'eu-romania' and zlib.crc32(r['file'].encode()) % 3:
            continue
        x, y, w, h = (float(r[k]) for k in 'xywh')
        rgb = read(data, r['folder'], r['file'])
        x0, y0 = int(max(0, x - .3 * w)), int(max(0, y - .3 * h))
        quad = np.array(((x, y), (x + w, y), (x + w, y + h), (x, y + h)), np.float32) - (x0, y0)
        out.append(Plate(rgb[y0:int(y + 1.3 * h), x0:int(x + 1.3 * w)], quad.astype(np.float32), state, held))
        out[-1].scene = True
    return out


class Net(nn.Module):
    def __init__(self, answers):
        super().__init__()
        self.a, self.b, self.d = nn.Linear(W * H * 3, HIDDEN), nn.Linear(HIDDEN, answers), nn.Dropout(.25)

    def forward(self, x):
        return self.b(self.d(torch.relu(self.a(x.flatten(1)))))


def fit(P, states, seed, views, epochs):
    r = np.random.default_rng(seed)
    torch.manual_seed(seed)
    y = [1 + states.index(p.state) if p.state in states else 0 for p in P]
    each = [(p.varied(r), k) for p, k in zip(P, y) for _ in range(views if k else max(1, views // 5))]
    X, Y = torch.tensor(np.stack([x for x, _ in each])), torch.tensor([k for _, k in each])
    m, steps = Net(1 + len(states)), epochs * len(each) // 128
    o = torch.optim.AdamW(m.parameters(), 3e-3, weight_decay=.1)
    sch = torch.optim.lr_scheduler.OneCycleLR(o, 5e-3, steps)
    for _ in range(steps):
        b = torch.tensor(r.integers(0, len(each), 128))
        loss = nn.functional.cross_entropy(m(X[b]), Y[b], label_smoothing=.03)
        o.zero_grad(); loss.backward(); o.step(); sch.step()
    return m.eval()


def write(m, temperature):
    a, b = (q.detach().numpy() for q in (m.a.weight, m.b.weight / temperature))
    scale = np.abs(a).max(1) / 127
    floats = np.concatenate((scale, m.a.bias.detach().numpy(), b.T.ravel(), (m.b.bias / temperature).detach().numpy())).astype('<f4')
    os.makedirs(SOURCE, exist_ok=True)
    with open(WEIGHTS, 'wb') as f:
        f.write(floats.tobytes() + np.round(a / scale[:, None]).astype(np.int8).tobytes())


def named():
    """the states of the engine's list, in its order"""
    text = open(os.path.join(SOURCE, 'net.rs')).read()
    return re.findall(r'"([A-Z]{2})"', text[text.index('STATES: ['):text.index('];')])


def judge(x, answers):
    raw = open(WEIGHTS, 'rb').read()
    n = 2 * HIDDEN + HIDDEN * answers + answers
    f = np.frombuffer(raw[:4 * n], '<f4')
    a = np.frombuffer(raw[4 * n:], np.int8).reshape(HIDDEN, -1).astype(np.float32)
    z = np.maximum(x.reshape(len(x), -1) @ a.T * f[:HIDDEN] + f[HIDDEN:2 * HIDDEN], 0)
    z = z @ f[2 * HIDDEN:n - answers].reshape(HIDDEN, answers) + f[n - answers:]
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def report(name, P, p, states):
    us = np.array([q.state != 'none' for q in P])
    said = np.array([([''] + states)[k] for k in p.argmax(1)])
    right = said == np.array([q.state for q in P])
    print(name, us.sum(), 'US,', (~us).sum(), 'others')
    for t in (0, .5, .7, .8, .9, .95):
        k = (p.max(1) >= t) & (said != '')
        print(f'   likelihood >= {t}: of the US {(k & us).sum()} told, {(k & us & right).sum()} right; of the others {(k & ~us).sum()} told;',
              f'mean {p.max(1)[k & us].mean() if (k & us).any() else 0:.3f};', ' '.join(f'{q.state}:{s}' for q, s in zip(np.array(P)[k & ~right], said[k & ~right])) if t >= .8 else '')


def check():
    y, x = np.mgrid[:220, :300]
    rgb = np.stack(((7 * x + 3 * y + x * y // 16) % 251, (5 * x + y) % 241, (x + 9 * y) % 239), 2).astype(np.uint8)
    c = normed(cells(rgb, np.array(((60.3, 90.4), (190.2, 84.1), (193.7, 150.9), (58.8, 155.2)), np.float32)))
    places = range(0, c.size, 97)
    print(f'const CELLS: [(usize, f32); {len(places)}] = [', ', '.join(f'({p}, {c.ravel()[p]:.4f})' for p in places), '];')
    p = judge(c[None], 1 + len(named()))[0]
    print(f'const ANSWERS: [f32; {len(p)}] =', [round(float(v), 5) for v in p], ';')


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--data', default='.'); ap.add_argument('--evaluate', action='store_true'); ap.add_argument('--check', action='store_true')
    ap.add_argument('--views', type=int, default=40); ap.add_argument('--epochs', type=int, default=10)
    a = ap.parse_args()
    torch.set_num_threads(1); cv2.setNumThreads(1)
    if a.check:
        return check()
    P = plates(a.data)
    held, tune = [p for p in P if p.held], [p for p in P if not p.held]
    if a.evaluate:
        states = named()
        for name, Q in (('us-crops and br-crops', [p for p in held if not hasattr(p, 'scene')]), ('scenes', [p for p in held if hasattr(p, 'scene')])):
            report(name, Q, judge(np.stack([p.plain for p in Q]), 1 + len(states)), states)
        return
    count = {s: sum(p.state == s for p in tune) for s in {p.state for p in tune} - {'none'}}
    states = sorted(s for s, n in count.items() if n >= LEAST)
    print(len(tune), 'plates,', len(states), 'states:', ', '.join(f'"{s}"' for s in states), flush=True)
    r = np.random.default_rng(1)
    third, outs, of = r.integers(0, 3, len(tune)), [], []
    for k in range(3):
        m = fit([p for p, t in zip(tune, third) if t != k], states, 5 + k, a.views // 2, a.epochs)
        left = [p for p, t in zip(tune, third) if t == k]
        with torch.no_grad():
            outs.append(m(torch.tensor(np.stack([p.varied(r) for p in left])))); of += left
    out = torch.cat(outs)
    y = torch.tensor([1 + states.index(p.state) if p.state in states else 0 for p in of])
    T = min(np.arange(.4, 4, .05), key=lambda t: nn.functional.cross_entropy(out / t, y).item())
    print(f'temperature {T:.2f}'); report('left out, varied', of, torch.softmax(out / T, 1).numpy(), states)
    write(fit(tune, states, 3, a.views, a.epochs), T)


if __name__ == '__main__':
    main()
