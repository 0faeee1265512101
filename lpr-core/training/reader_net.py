"""Plate reader: convolutions and CTC only. Grey (N,1,64,128) -> logits (N,32,37), classes 0-9 A-Z blank."""
import torch.nn as nn


def cbr(i, o, k=3, s=1, p=1):
    return nn.Sequential(nn.Conv2d(i, o, k, s, p, bias=False), nn.BatchNorm2d(o), nn.ReLU(inplace=True))


class Context(nn.Module):
    """Lets a step see its neighbours, four on each side: the format of the plate tells O from 0. Starts as the identity."""
    def __init__(self, c, m=64):
        super().__init__()
        self.f = nn.Sequential(cbr(c, m, 1, 1, 0), cbr(m, m, (1, 9), 1, (0, 4)), nn.Conv2d(m, c, 1, bias=False), nn.BatchNorm2d(c))
        nn.init.zeros_(self.f[3].weight)

    def forward(self, x):
        return (x + self.f(x)).relu()


class Res(nn.Module):
    """Two 3x3 convolutions beside the way, through m channels. Starts as the identity, so that it can be put into a trained net."""
    def __init__(self, c, m):
        super().__init__()
        self.f = nn.Sequential(cbr(c, m), nn.Conv2d(m, c, 3, 1, 1, bias=False), nn.BatchNorm2d(c))
        nn.init.zeros_(self.f[2].weight)

    def forward(self, x):
        return (x + self.f(x)).relu()


class Reader(nn.Module):
    def __init__(self, classes=37, c=(16, 32, 64, 80, 112, 128), deep=False):
        super().__init__()
        self.body = nn.Sequential(
            cbr(1, c[0], 3, 2), cbr(c[0], c[1], 3, 2),                  # 16x32
            cbr(c[1], c[2]), nn.MaxPool2d((2, 1)),                      # 8x32
            cbr(c[2], c[3]), nn.MaxPool2d((2, 1)),                      # 4x32
            cbr(c[3], c[4]),
            cbr(c[4], c[5], (4, 1), 1, 0),                              # 1x32
            cbr(c[5], c[5], (1, 5), 1, (0, 2)), nn.Dropout(.05),
            cbr(c[5], c[5], (1, 5), 1, (0, 2)))
        # after body[2], body[4], body[6]: strokes, parts of signs, signs
        self.deep = nn.ModuleDict({'2': Res(c[2], 24), '4': Res(c[3], 48), '6': Res(c[4], 64)} if deep else {})
        self.context = nn.Sequential(Context(c[5]), Context(c[5]))
        self.head = nn.Conv2d(c[5], classes, 1)

    def forward(self, x):
        for i, layer in enumerate(self.body):
            x = layer(x)
            if str(i) in self.deep:
                x = self.deep[str(i)](x)
        return self.head(self.context(x)).squeeze(2).permute(0, 2, 1)
