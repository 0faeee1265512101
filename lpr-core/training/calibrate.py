"""calibrate.py --data ROOT [--models DIR]: temperature, score threshold and hashes -> models.json.

Temperature: least negative log likelihood of "the plate is right" given the plate confidence, over held-back plates (end to end on `openlpr` and
`romania`, crops of `us-crops` and `br-crops`); `web` is left out, so that its figures stay honest.
"""
import argparse
import hashlib
import json
import os
import numpy as np
import cv2
from detector_data import crops
from eval import Pipeline, iou, load
from reader_data import held_text, spelled
from ctc import decode, prep


def sha(p):
    return hashlib.sha256(open(p, 'rb').read()).hexdigest()


def logits_of(pipe, data, texts):
    """[(logits of one crop, true text)]"""
    out = []
    for s in ('openlpr', 'romania'):
        for _, im, truth in load(s, data, texts):
            g = cv2.cvtColor(im, cv2.COLOR_BGR2GRAY)
            ds = pipe.detect(im)
            for b in truth:
                v = [iou((b[0], b[1], b[0] + b[2], b[1] + b[3]), d[1:5]) for d in ds]
                if b[4] and v and max(v) > .3:
                    q = pipe.quads(ds[int(np.argmax(v))])[0]
                    out.append((pipe.rd.run(None, {'crops': prep(pipe.crop(g, q)[None])})[0][0], b[4]))
    for s in ('us-crops', 'br-crops'):
        for _, im, t in crops(data, s):
            if 3 <= len(t) <= 8 and held_text(t):
                g = cv2.cvtColor(im, cv2.COLOR_BGR2GRAY)
                q = np.array(((.045, .085), (.955, .085), (.955, .915), (.045, .915))) * (g.shape[1], g.shape[0])
                out.append((pipe.rd.run(None, {'crops': prep(pipe.crop(g, q)[None])})[0][0], spelled(t) if s == 'us-crops' else t))
    return out


def main():
    ap = argparse.ArgumentParser()
    here = os.path.dirname(os.path.abspath(__file__))
    ap.add_argument('--data', required=True); ap.add_argument('--models', default=os.path.join(here, '..', 'models'))
    ap.add_argument('--texts', default=os.path.join(here, 'texts.tsv')); ap.add_argument('--score', type=float, default=.4)
    ap.add_argument('--long', type=int, default=640); ap.add_argument('--conf', type=float, default=.4)
    a = ap.parse_args()
    cv2.setNumThreads(1)
    pipe = Pipeline(a.models, a.long, score=.3, T=1., passes=1)
    L = logits_of(pipe, a.data, a.texts)
    z, t = np.stack([x for x, _ in L]), [x for _, x in L]
    best = None
    for T in np.arange(.6, 4.01, .1):
        r = decode(z, T)
        p = np.clip([u[1] for u in r], .02, .98)
        ok = np.array([u[0] == v for u, v in zip(r, t)], float)
        nll = -np.mean(ok * np.log(p) + (1 - ok) * np.log(1 - p))
        if best is None or nll < best[0]:
            best = nll, float(T), p, ok
    nll, T, p, ok = best
    print('plates', len(t), 'right', round(ok.mean(), 3), 'temperature', round(T, 2), 'nll', round(float(nll), 3))
    for lo, hi in ((0, .3), (.3, .5), (.5, .7), (.7, .8), (.8, .9), (.9, .95), (.95, 1)):
        m = (p >= lo) & (p < hi)
        if m.any():
            print(f'  confidence {lo:.2f}-{hi:.2f}: {m.sum():4d} plates, mean {p[m].mean():.2f}, right {ok[m].mean():.2f}')
    card = {
        'detector': {'file': 'detector.onnx', 'sha256': sha(os.path.join(a.models, 'detector.onnx')), 'input': 'image', 'output': 'cells', 'scale': 1 / 255,
                     'mean': [0, 0, 0], 'std': [1, 1, 1], 'colour': 'RGB', 'stride': 8, 'pad': 114, 'nms_iou': .45, 'score_threshold': a.score,
                     'live_input': [640, 384], 'still_long_side': a.long},
        'reader': {'file': 'reader.onnx', 'sha256': sha(os.path.join(a.models, 'reader.onnx')), 'input': 'crops', 'output': 'logits', 'crop': [128, 64],
                   'margin': [.05, .10], 'alphabet': '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'blank': 36, 'temperature': round(T, 2), 'min_length': 4,
                   'min_confidence': a.conf}}
    json.dump(card, open(os.path.join(a.models, 'models.json'), 'w'), indent=2)
    open(os.path.join(a.models, 'models.json'), 'a').write('\n')


if __name__ == '__main__':
    main()
