"""train_reader.py OUT.pt MINUTES --data ROOT --fonts DIR [--init CKPT] [--texts TSV]: time-boxed CPU training of the reader (CTC)."""
import argparse
import multiprocessing as mp
import os
import time
for _k in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS'):      # before numpy: its thread pool does not survive the fork below
    os.environ.setdefault(_k, '1')
import numpy as np
from ctc import ALPHABET, decode, prep


def gen(q, d, seed, n, real, ramp):
    import random
    import cv2
    cv2.setNumThreads(1)
    d.r, d.n = random.Random(seed), np.random.default_rng(seed)
    d.plates.r, d.plates.n = d.r, d.n
    made, pool = 0, []
    while True:
        while len(pool) < 1024:
            d.hard = min(1., .1 + made / ramp) if ramp else 1.
            pool += d.mixed(128, real=real)
            made += 128
        d.r.shuffle(pool)
        b, pool = pool[:n], pool[n:]
        q.put((np.stack([x for x, _ in b]), [t for _, t in b]))


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('out'); ap.add_argument('minutes', type=float)
    ap.add_argument('--data', required=True); ap.add_argument('--fonts', required=True); ap.add_argument('--texts'); ap.add_argument('--quads', help='detector_quads.py\'s answer')
    ap.add_argument('--init'); ap.add_argument('--lr', type=float, default=1.5e-3); ap.add_argument('--decay', type=float, default=.4)
    ap.add_argument('--batch', type=int, default=64); ap.add_argument('--ramp', type=int, default=0); ap.add_argument('--real', type=float, default=.36)
    ap.add_argument('--seed', type=int, default=11); ap.add_argument('--gens', type=int, default=1); ap.add_argument('--shuffle', help='reader.onnx that reads back real plates whose signs change places'); ap.add_argument('--deep', action='store_true', help='711,333 parameters instead of 484,757: the committed weights'); ap.add_argument('--frozen', action='store_true', help='batch normalisation as it is: for gentle runs from an exported net'); ap.add_argument('--all', action='store_true', help='no hold-out')
    a = ap.parse_args()
    import fonts
    from reader_data import Crops
    d = Crops(a.data, fonts.fonts(a.fonts), fonts.EU, fonts.BR, a.seed, a.texts, holdout=not a.all, quads=a.quads, shuffle=a.shuffle)
    print('us', len(d.us), 'br', len(d.br), 'own', len(d.own), 'neg', len(d.neg), len(d.bg), 'shuffled', len(d.mixed_up), flush=True)
    import cv2
    cv2.setNumThreads(1)
    mp.set_start_method('fork')
    q = mp.Queue(24)
    ps = [mp.Process(target=gen, args=(q, d, a.seed + i, a.batch, a.real, a.ramp), daemon=True) for i in range(a.gens)]
    [p.start() for p in ps]
    import torch
    from reader_net import Reader
    torch.set_num_threads(1)
    torch.manual_seed(a.seed)
    net = Reader(deep=a.deep)
    print('params', sum(p.numel() for p in net.parameters()))
    step, ema = 0, None
    s = {}
    if a.init:
        s = torch.load(a.init)
        miss = net.load_state_dict(s.get('net', s), strict=False).missing_keys; step = s.get('step', 0) if 'net' in s else 0; ema = s.get('ema') if 'net' in s else None
    miss = miss if a.init else []
    if not ema or miss:      # layers that the start has not: begin the average anew
        ema = {k: v.clone() for k, v in net.state_dict().items()}
    opt = torch.optim.AdamW(net.parameters(), a.lr, weight_decay=1e-2)
    if 'opt' in s and not miss:
        opt.load_state_dict(s['opt'])
    net = net.to(memory_format=torch.channels_last)
    ctc = torch.nn.CTCLoss(blank=36, zero_infinity=True)
    T0, T, first, el = time.time(), a.minutes * 60, step, None
    ix = {c: i for i, c in enumerate(ALPHABET)}
    net.train()
    if a.frozen:
        [m.eval() for m in net.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    while True:
        f = (time.time() - T0) / T
        if f >= 1:
            break
        lr = a.lr * min(1., (step - first + 1) / 200) * min(1., (1 - f) / a.decay + .01)
        for g in opt.param_groups:
            g['lr'] = lr
        x, t = q.get()
        y = torch.tensor([ix[c] for s_ in t for c in s_], dtype=torch.long)
        n = torch.tensor([len(s_) for s_ in t])
        o = net(torch.from_numpy(prep(x)))          # float32: bfloat16 products took 1.3 times as long where they were measured
        loss = ctc(o.log_softmax(-1).permute(1, 0, 2), y, torch.full((len(t),), 32), n)
        opt.zero_grad(); loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.)
        opt.step(); step += 1
        k = min(.999, (step + 1) / (step + 50))
        with torch.no_grad():
            for nm, v in net.state_dict().items():
                if v.dtype.is_floating_point:
                    ema[nm].mul_(k).add_(v, alpha=1 - k)
                else:
                    ema[nm] = v.clone()
        el = loss.item() if el is None else .98 * el + .02 * loss.item()
        if step % 100 == 0:
            ok = np.mean([u[0] == s_ for u, s_ in zip(decode(o.detach().numpy()), t)])
            print(f'{time.time() - T0:6.0f}s step {step} loss {el:.3f} batch-exact {ok:.2f} lr {lr:.5f} {(step - first) * a.batch / (time.time() - T0):.0f}/s queue {q.qsize()}', flush=True)
        if step % 300 == 0:
            try:
                torch.save({'net': net.state_dict(), 'ema': ema, 'step': step, 'opt': opt.state_dict()}, a.out + '.tmp')
                os.replace(a.out + '.tmp', a.out)
            except (OSError, RuntimeError) as e:         # a full disk must not end hours of training
                print('not saved:', e, flush=True)
    torch.save({'net': net.state_dict(), 'ema': ema, 'step': step, 'opt': opt.state_dict()}, a.out)
    print('done', step, 'steps', round(time.time() - T0), 's')
    [p.terminate() for p in ps]


if __name__ == '__main__':
    main()
