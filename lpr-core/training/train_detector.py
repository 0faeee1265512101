"""train_detector.py OUT.pt MINUTES --data ROOT --fonts DIR [--init CKPT] [--lr X] [--decay SHARE]: time-boxed CPU training of the detector.

Constant learning rate after a warm-up, linear to zero over the last SHARE of the time; an average of the weights (ema) is what is exported.
"""
import argparse
import multiprocessing as mp
import os
import time
for _k in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS'):      # before numpy: its thread pool does not survive the fork below
    os.environ.setdefault(_k, '1')
import numpy as np


def gen(q, data, seed, n):
    import random
    import cv2
    cv2.setNumThreads(1)
    data.r, data.n = random.Random(seed), np.random.default_rng(seed)
    data.plates.r, data.plates.n = data.r, data.n
    while True:
        q.put(data.batch(n))


def loss_fn(o, m, step):
    import torch
    import torch.nn.functional as F
    N, _, gh, gw = o.shape
    gx = (torch.arange(gw) + .5)[None, None, :]
    gy = (torch.arange(gh) + .5)[None, :, None]
    pos = m[:, 0] > 0
    wt = m[:, 0][pos]
    tot = wt.sum().clamp(min=1.)
    cx, cy = (gx + o[:, 1])[pos] * 8, (gy + o[:, 2])[pos] * 8
    bw, bh = o[:, 3][pos].clamp(max=6).exp() * 8, o[:, 4][pos].clamp(max=6).exp() * 8
    t = m[:, 2:6].permute(0, 2, 3, 1)[pos]
    tw, th = t[:, 2] - t[:, 0], t[:, 3] - t[:, 1]
    x0, y0, x1, y1 = cx - bw / 2, cy - bh / 2, cx + bw / 2, cy + bh / 2
    iw = (torch.minimum(x1, t[:, 2]) - torch.maximum(x0, t[:, 0])).clamp(min=0)
    ih = (torch.minimum(y1, t[:, 3]) - torch.maximum(y0, t[:, 1])).clamp(min=0)
    inter = iw * ih
    uni = bw * bh + tw * th - inter
    iou = inter / uni.clamp(min=1e-3)
    hull = (torch.maximum(x1, t[:, 2]) - torch.minimum(x0, t[:, 0])) * (torch.maximum(y1, t[:, 3]) - torch.minimum(y0, t[:, 1]))
    giou = iou - (hull - uni) / hull.clamp(min=1e-3)
    l1 = (F.smooth_l1_loss((cx - (t[:, 0] + t[:, 2]) / 2) / tw, torch.zeros_like(cx), reduction='none', beta=.05)
          + F.smooth_l1_loss((cy - (t[:, 1] + t[:, 3]) / 2) / th, torch.zeros_like(cx), reduction='none', beta=.05)
          + F.smooth_l1_loss((bw / tw).log(), torch.zeros_like(cx), reduction='none', beta=.1)
          + F.smooth_l1_loss((bh / th).log(), torch.zeros_like(cx), reduction='none', beta=.1))
    lbox = (wt * ((1 - giou) + .5 * l1)).sum() / tot
    # corners
    c = o[:, 5:13].permute(0, 2, 3, 1)[pos]
    known = m[:, 14][pos] * wt
    tq = m[:, 6:14].permute(0, 2, 3, 1)[pos].view(-1, 4, 2)
    tc = (tq - torch.stack(((t[:, 0] + t[:, 2]) / 2, (t[:, 1] + t[:, 3]) / 2), 1)[:, None]) / torch.stack((tw, th), 1)[:, None]
    cc = c.view(-1, 4, 2)
    lc = (known * F.smooth_l1_loss(cc, tc, reduction='none', beta=.05).sum((1, 2))).sum() / known.sum().clamp(min=1.)
    person = m[:, 15][pos] * wt
    lim = (cc.amin(1) + .5).abs().sum(1) + (cc.amax(1) - .5).abs().sum(1)
    lw = (person * lim).sum() / person.sum().clamp(min=1.)
    # score: quality focal loss
    s = o[:, 0]
    p = s.sigmoid()
    y = torch.zeros_like(s)
    y[pos] = .3 + .7 * iou.detach().clamp(0, 1)
    bce = F.binary_cross_entropy_with_logits(s, y, reduction='none')
    w = torch.where(pos, m[:, 0] * (1 - p).detach().abs().clamp(min=.0) ** 0, p.detach() ** 2)
    w = torch.where(pos, m[:, 0] * (y - p).detach().abs() ** 1.5 * 2, w)
    w = torch.where((m[:, 1] > 0) & ~pos, torch.zeros_like(w), w)
    if step > 300:          # a plate that nobody labelled: do not punish it
        w = torch.where((m[:, 16] > 0) & ~pos & (p > .7), torch.zeros_like(w), w)
    ls = (w * bce).sum() / tot
    return ls * 2 + lbox + lc + .5 * lw, (ls.item(), lbox.item(), lc.item(), lw.item(), (iou.detach() * wt).sum().item() / tot.item())


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('out'); ap.add_argument('minutes', type=float)
    ap.add_argument('--data', required=True); ap.add_argument('--fonts', required=True); ap.add_argument('--extra')
    ap.add_argument('--init'); ap.add_argument('--lr', type=float, default=2e-3); ap.add_argument('--decay', type=float, default=.25)
    ap.add_argument('--batch', type=int, default=12); ap.add_argument('--seed', type=int, default=7)
    a = ap.parse_args()
    import fonts
    from detector_data import Data
    data = Data(a.data, fonts.fonts(a.fonts), fonts.EU, fonts.BR, a.seed, extra=a.extra)
    print('scenes', len(data.open), len(data.rom), len(data.flo), 'negatives', len(data.neg), 'extra', len(data.extra), 'cars', len(data.cars), 'crops', [len(x) for x in data.real], flush=True)
    import cv2
    cv2.setNumThreads(1)
    mp.set_start_method('fork')
    q = mp.Queue(16)
    w = mp.Process(target=gen, args=(q, data, a.seed, a.batch), daemon=True)
    w.start()
    import torch
    from detector_net import Detector
    torch.set_num_threads(1)
    torch.manual_seed(a.seed)
    net = Detector()
    print('params', sum(p.numel() for p in net.parameters()))
    ema, step = None, 0
    if a.init:
        s = torch.load(a.init)
        net.load_state_dict(s['net']); ema, step = s['ema'], s['step']
    net = net.to(memory_format=torch.channels_last)
    ema = ema or {k: v.clone() for k, v in net.state_dict().items()}
    opt = torch.optim.AdamW(net.parameters(), a.lr, weight_decay=.02)
    if a.init and 'opt' in s:
        opt.load_state_dict(s['opt'])
    T0, T, first, av = time.time(), a.minutes * 60, step, None
    net.train()
    half = 'AVX512' in torch.backends.cpu.get_cpu_capability()      # without it bfloat16 products are emulated, ten times slower
    while True:
        f = (time.time() - T0) / T
        if f >= 1:
            break
        lr = a.lr * min(1., (step - first + 1) / 200) * min(1., (1 - f) / a.decay + .02)
        for g in opt.param_groups:
            g['lr'] = lr
        x, m = q.get()
        x = torch.from_numpy(x).to(memory_format=torch.channels_last).float().div_(255)
        with torch.autocast('cpu', torch.bfloat16, enabled=half):
            o = net(x)
        loss, parts = loss_fn(o.float().contiguous(), torch.from_numpy(m), step)
        opt.zero_grad(); loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.)
        opt.step(); step += 1
        d = min(.999, (step + 1) / (step + 50))
        with torch.no_grad():
            for k, v in net.state_dict().items():
                if v.dtype.is_floating_point:
                    ema[k].mul_(d).add_(v, alpha=1 - d)
                else:
                    ema[k] = v.clone()
        p = np.array(parts)
        av = p if av is None else .98 * av + .02 * p
        if step % 100 == 0:
            print(f'{time.time() - T0:6.0f}s step {step} score {av[0]:.3f} box {av[1]:.3f} corner {av[2]:.3f} weak {av[3]:.3f} iou {av[4]:.3f} lr {lr:.5f} '
                  f'{(step - first) * a.batch / (time.time() - T0):.0f}/s queue {q.qsize()}', flush=True)
        if step % 300 == 0:
            torch.save({'net': net.state_dict(), 'ema': ema, 'step': step, 'opt': opt.state_dict()}, a.out + '.tmp')
            os.replace(a.out + '.tmp', a.out)
    torch.save({'net': net.state_dict(), 'ema': ema, 'step': step, 'opt': opt.state_dict()}, a.out)
    print('done', step, 'steps', round(time.time() - T0), 's')
    w.terminate()


if __name__ == '__main__':
    main()
