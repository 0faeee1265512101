"""vehicle_types.py --data ROOT [--evaluate] [--check]: the net for the type of the vehicle (../src/vehicle_type) and its figures.

types.tsv: what we saw by eye (set tune or held; folder, file, box of the plate, type of the vehicle; vehicles that we were not sure of are left out).
Without --evaluate: trains on the rows `tune` (and, with --tiny, on vehicles-type), fits a temperature on a part of them left out of a first training,
writes ../src/vehicle_type/weights.bin. With it: what the written weights say about the rows `held`. --check prints the numbers of the Rust test.
"""
import argparse
import csv
import os
import zlib
import cv2
import numpy as np
import torch
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))
WEIGHTS = os.path.join(HERE, '..', 'src', 'vehicle_type', 'weights.bin')
TYPES = ['car', 'van', 'pickup', 'truck', 'bus']
TINY = {'car': 'car', 'minibus': 'van', 'pickup': 'pickup', 'truck': 'truck', 'juggernaut': 'truck'}
W, H, TAPS = 72, 56, 3            # cells of the input, points along each side of a cell
CELL = .1                         # side of a cell in plate widths
BELOW = 1.4                       # how far below the plate's middle the input ends, in plate widths
PLANES = (2, 16, 24, 40, 64)      # channels: grey and "in the picture", then what the layers give


def look(grey, cx, cy, unit):
    """the surroundings of a plate: grey cells, 0 where the picture ends, and which cells are in it; as src/vehicle_type/input.rs takes them"""
    h, w = grey.shape
    at = lambda n: (np.arange(n * TAPS, dtype=np.float32) + np.float32(.5)) / np.float32(TAPS)
    xs = np.float32(cx) + (at(W) - np.float32(W / 2)) * np.float32(CELL * unit)
    ys = np.float32(cy + BELOW * unit) + (at(H) - np.float32(H)) * np.float32(CELL * unit)
    inx, iny = (xs >= 0) & (xs < w), (ys >= 0) & (ys < h)
    g = grey[np.clip(ys, 0, h - 1).astype(int)[:, None], np.clip(xs, 0, w - 1).astype(int)[None]].astype(np.float32)
    m = (iny[:, None] & inx[None]).astype(np.float32)
    cells = lambda a: a.reshape(H, TAPS, W, TAPS).sum((1, 3))
    n = cells(m)
    g = cells(g * m) / np.maximum(n, 1)
    m = (n > 0).astype(np.float32)
    return normed(g, m)


def normed(g, m):
    n = max(1., m.sum())
    mean = (g * m).sum() / n
    dev = np.sqrt(((g - mean) ** 2 * m).sum() / n)
    return np.stack(((g - mean) * m / (dev + 8), m)).astype(np.float32)


def unit(w, h):
    """what counts as the plate's width: plates of two lines are narrower than their vehicle lets expect"""
    return max(w, 2.2 * h)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.c = nn.ModuleList(nn.Conv2d(a, b, 3, 2, 1, bias=False) for a, b in zip(PLANES, PLANES[1:]))
        self.n = nn.ModuleList(nn.BatchNorm2d(b) for b in PLANES[1:])
        self.d = nn.Dropout(.3)
        self.f = nn.Linear(2 * PLANES[-1], len(TYPES))

    def forward(self, x):
        for c, n in zip(self.c, self.n):
            x = torch.relu(n(c(x)))
        x = x.flatten(2)
        return self.f(self.d(torch.cat((x.mean(2), x.amax(2)), 1)))


def folded(m, temperature):
    """weights and biases, layer by layer, as the engine reads them"""
    out = []
    for c, n in zip(m.c, m.n):
        k = n.weight / torch.sqrt(n.running_var + n.eps)
        out += [(c.weight * k[:, None, None, None]).permute(2, 3, 1, 0).contiguous(), n.bias - n.running_mean * k]
    out += [(m.f.weight / temperature).T.contiguous(), m.f.bias / temperature]
    return [t.detach().numpy().astype('<f4') for t in out]


def judge(parts, x):
    """the written weights on a batch of inputs: likelihoods"""
    x = torch.tensor(x)
    for w, b in zip(parts[0:-2:2], parts[1:-2:2]):
        x = torch.relu(nn.functional.conv2d(x, torch.tensor(w).permute(3, 2, 0, 1), torch.tensor(b), 2, 1))
    x = x.flatten(2)
    x = torch.cat((x.mean(2), x.amax(2)), 1) @ torch.tensor(parts[-2]) + torch.tensor(parts[-1])
    return torch.softmax(x, 1).numpy()


def load():
    raw = np.fromfile(WEIGHTS, '<f4')
    shapes = [s for a, b in zip(PLANES, PLANES[1:]) for s in ((3, 3, a, b), (b,))] + [(2 * PLANES[-1], len(TYPES)), (len(TYPES),)]
    parts = []
    for s in shapes:
        n = int(np.prod(s))
        parts.append(raw[:n].reshape(s).copy()); raw = raw[n:]
    assert not len(raw)
    return parts


class Sample:
    def __init__(self, grey, box, kind, folder, group, weight=1.):
        x, y, w, h = box
        self.cx, self.cy, self.u = x + w / 2, y + h / 2, unit(w, h)
        k = min(1., 14 / self.u)      # fine enough for any varied view
        self.grey = cv2.resize(grey, None, fx=k, fy=k, interpolation=cv2.INTER_AREA) if k < 1 else grey
        sy, sx = self.grey.shape[0] / grey.shape[0], self.grey.shape[1] / grey.shape[1]
        self.small = self.cx * sx, self.cy * sy, self.u * (sx + sy) / 2
        self.ones = np.ones(self.grey.shape, np.float32)
        self.plain = look(grey, self.cx, self.cy, self.u)
        self.y, self.folder, self.group, self.weight = TYPES.index(kind), folder, group, weight

    def varied(self, r):
        """the same vehicle seen a little otherwise, by another camera"""
        cx, cy, u = self.small
        u2 = u * np.exp(r.normal(0, .13))
        cx, cy = cx + r.normal(0, .12) * u, cy + r.normal(0, .12) * u
        k = 1 / (CELL * u2)
        M = np.array(((k, 0, W / 2 - .5 - k * (cx - .5)), (0, k, H - .5 - k * (cy + BELOW * u2 - .5))))
        m = (cv2.warpAffine(self.ones, M, (W, H)) > .5).astype(np.float32)
        g = normed(cv2.warpAffine(self.grey, M, (W, H), borderMode=cv2.BORDER_REPLICATE).astype(np.float32), m)[0]
        if r.random() < .35:         # the picture ends nearer
            s, k = r.integers(4), r.integers(4, 22)
            m[(slice(0, k) if s == 0 else slice(max(0, H - k // 3), H)) if s < 2 else slice(None), (slice(0, k) if s == 2 else slice(W - k, W)) if s > 1 else slice(None)] = 0
        if r.random() < .4:
            g = cv2.GaussianBlur(g, (0, 0), r.uniform(.3, 1.3))
        g = np.sign(g) * np.abs(g) ** r.uniform(.75, 1.3) + r.normal(0, r.uniform(0, .25), g.shape)
        if r.random() < .3:
            g = g + r.uniform(-1, 1) * np.linspace(-1, 1, W)[None] + r.uniform(-1, 1) * np.linspace(-1, 1, H)[:, None]
        k = r.random()
        if k < .3:                   # lamps that outshine all
            for _ in range(r.integers(1, 4)):
                cv2.circle(g, (int(r.integers(W)), int(r.integers(H))), int(r.integers(1, 5)), float(r.uniform(1, 5)), -1)
        x = normed(g.astype(np.float32) * 40 + 120, m)
        return x[:, :, ::-1] if r.random() < .5 else x


def samples(data, wanted, tiny):
    rows = [r for r in csv.DictReader(open(os.path.join(HERE, 'types.tsv')), delimiter='\t') if r['set'] == wanted and r['type'] in TYPES]
    out = []
    for r in rows:
        grey = cv2.imread(os.path.join(data, r['folder'], 'images', r['file']), cv2.IMREAD_GRAYSCALE)
        group = zlib.crc32((r['folder'] + r['file'].split('_t_')[0].split('.rf')[0] + (str(int(r['file'].rstrip('.jpg').split('_')[-1]) // 40) if '_t_' in r['file'] else '')).encode())
        out.append(Sample(grey, [float(r[k]) for k in 'xywh'], r['type'], r['folder'], group))
    if tiny:
        for r in csv.DictReader(open(os.path.join(data, 'vehicles-type', 'labels.tsv')), delimiter='\t'):
            if r['type'] in TINY:
                grey = cv2.imread(os.path.join(data, 'vehicles-type', 'images', r['file']), cv2.IMREAD_GRAYSCALE)
                h, w = grey.shape
                out.append(Sample(grey, (w * .36, h * .62, w * .28, w * .07), TINY[r['type']], 'vehicles-type', zlib.crc32(r['file'].encode()), tiny))
    return out


def fit(S, steps, seed):
    torch.manual_seed(seed)
    r = np.random.default_rng(seed)
    n = np.bincount([s.y for s in S], minlength=len(TYPES))
    p = np.array([s.weight * (1 / n[s.y]) ** .75 for s in S]); p /= p.sum()
    m = Net()
    o = torch.optim.AdamW(m.parameters(), 3e-3, weight_decay=.05)
    sch = torch.optim.lr_scheduler.OneCycleLR(o, 4e-3, steps)
    for _ in range(steps):
        b = [S[i] for i in r.choice(len(S), 64, p=p)]
        x = torch.tensor(np.stack([s.varied(r) for s in b]))
        loss = nn.functional.cross_entropy(m(x), torch.tensor([s.y for s in b]), label_smoothing=.03)
        o.zero_grad(); loss.backward(); o.step(); sch.step()
    return m.eval()


def say(m, S):
    with torch.no_grad():
        return m(torch.tensor(np.stack([s.plain for s in S]))).numpy()


def report(S, p):
    y, a = np.array([s.y for s in S]), p.argmax(1)
    for t in (0, .6, .7, .8, .9, .95):
        k = p.max(1) >= t
        print(f'   likelihood >= {t}: {k.sum()} of {len(y)} told, {100 * (a == y)[k].mean() if k.any() else 0:.1f} % right, mean {p.max(1)[k].mean() if k.any() else 0:.3f};',
              ' '.join(f'{c} {((a == y) & k & (a == i)).sum()} of {(k & (a == i)).sum()} said, {(y == i).sum()} there;' for i, c in enumerate(TYPES)))
    for i, c in enumerate(TYPES):
        print(f'   {c:7s}', {d: int(((y == i) & (a == j)).sum()) for j, d in enumerate(TYPES)})


def check():
    y, x = np.mgrid[:220, :300]
    g, m = look(((7 * x + 3 * y + x * y // 16) % 251).astype(np.uint8), 110.23 + 51.37 / 2, 150.41 + 14.2 / 2, 51.37)
    places = range(W * H // 2, W * H, 401)
    print(f'const INSIDE: f32 = {m.sum():.1f};\nconst CELLS: [(usize, f32); {len(places)}] = [', ', '.join(f'({p}, {g.ravel()[p]:.4f})' for p in places), '];')
    print(f'const ANSWERS: [f32; {len(TYPES)}] =', [round(float(p), 5) for p in judge(load(), np.stack((g, m))[None])[0]], ';')


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--data', required=True); ap.add_argument('--evaluate', action='store_true')
    ap.add_argument('--tiny', type=float, default=0, help='weight of a picture of vehicles-type against one of ours'); ap.add_argument('--steps', type=int, default=1200)
    ap.add_argument('--check', action='store_true')
    a = ap.parse_args()
    torch.set_num_threads(1)
    if a.check:
        return check()
    if a.evaluate:
        S = samples(a.data, 'held', 0)
        p = judge(load(), np.stack([s.plain for s in S]))
        for part in ('all', *sorted({s.folder for s in S})):
            k = [i for i, s in enumerate(S) if part in ('all', s.folder)]
            print(part, len(k)); report([S[i] for i in k], p[k])
        return
    S = samples(a.data, 'tune', a.tiny)
    ours = [s for s in S if s.folder != 'vehicles-type']
    print(len(ours), 'of ours', np.bincount([s.y for s in ours], minlength=len(TYPES)), len(S) - len(ours), 'tiny', flush=True)
    away = [s for s in ours if s.group % 4 == 0]
    out = torch.tensor(say(fit([s for s in S if s.folder == 'vehicles-type' or s.group % 4], a.steps, 5), away))
    y = torch.tensor([s.y for s in away])
    T = min(np.arange(.5, 4, .05), key=lambda t: nn.functional.cross_entropy(out / t, y).item())
    print(f'left out, temperature {T:.2f}'); report(away, torch.softmax(out / T, 1).numpy())
    m = fit(S, a.steps, 3)
    parts = folded(m, T)
    os.makedirs(os.path.dirname(WEIGHTS), exist_ok=True)
    np.concatenate([q.ravel() for q in parts]).tofile(WEIGHTS)


if __name__ == '__main__':
    main()
