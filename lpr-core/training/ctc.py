"""The reader's alphabet, what goes into it and what comes out: no PyTorch needed."""
import numpy as np

ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ'
BLANK = len(ALPHABET)


def prep(x):
    """grey crops (N,64,128) -> the net's input, standardised a crop"""
    x = x.astype(np.float32)
    m = x.mean((1, 2), keepdims=True)
    return ((x - m) / (x.std((1, 2), keepdims=True) + 4))[:, None]


def decode(logits, T=1.):
    """[(text, plate confidence, [character confidences])]"""
    z = logits / T
    e = np.exp(z - z.max(-1, keepdims=True))
    p = e / e.sum(-1, keepdims=True)
    out = []
    for q in p:
        k = q.argmax(-1)
        s, cs, prev = '', [], -1
        for t, c in enumerate(k):
            if c != BLANK:
                v = float(q[t, c])
                if c != prev:
                    s += ALPHABET[c]
                    cs.append(v)
                else:
                    cs[-1] = max(cs[-1], v)
            prev = c
        out.append((s, min(cs) if cs else 0., cs))
    return out
