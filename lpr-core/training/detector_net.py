"""Plate detector: anchor-free, fully convolutional, one class, one head at stride 8.

Input  (N,3,H,W) RGB, 0..1 scaled, H and W multiples of 32.
Output (N,13,H/8,W/8), raw:
  0      score logit
  1,2    box centre minus cell centre, in cells of 8 px
  3,4    log of box width and height, in cells of 8 px
  5..12  corners TL, TR, BR, BL as (x, y) pairs, relative to the box centre, in box widths and heights
         (an upright plate has -.5,-.5, .5,-.5, .5,.5, -.5,.5)
"""
import torch
import torch.nn as nn
import torch.nn.functional as F

STRIDE = 8
UPRIGHT = (-.5, -.5, .5, -.5, .5, .5, -.5, .5)


def cbr(i, o, k=3, s=1):
    return nn.Sequential(nn.Conv2d(i, o, k, s, k // 2, bias=False), nn.BatchNorm2d(o), nn.ReLU(inplace=True))


class Res(nn.Module):
    """Bottleneck residual block: 3x3 down to half the channels, 3x3 back up."""
    def __init__(self, c, m=None):
        super().__init__()
        m = m or c // 2
        self.a, self.b = cbr(c, m, 3), nn.Sequential(nn.Conv2d(m, c, 3, 1, 1, bias=False), nn.BatchNorm2d(c))

    def forward(self, x):
        return F.relu(x + self.b(self.a(x)))


class Detector(nn.Module):
    def __init__(self, c=(16, 24, 48, 72, 96), n=48):
        super().__init__()
        self.s4 = nn.Sequential(cbr(3, c[0], 3, 2), cbr(c[0], c[1], 3, 2), Res(c[1]))
        self.s8 = nn.Sequential(cbr(c[1], c[2], 3, 2), Res(c[2]), Res(c[2]))
        self.s16 = nn.Sequential(cbr(c[2], c[3], 3, 2), Res(c[3]), Res(c[3]))
        self.s32 = nn.Sequential(cbr(c[3], c[4], 3, 2), Res(c[4]), Res(c[4]))
        self.l8, self.l16, self.l32 = (nn.Conv2d(k, n, 1) for k in c[2:])
        self.f16, self.f8 = cbr(n, n), cbr(n, n)
        self.score = nn.Sequential(cbr(n, n // 2), nn.Conv2d(n // 2, 1, 1))
        self.geom = nn.Sequential(cbr(n, n), nn.Conv2d(n, 12, 1))
        nn.init.constant_(self.score[1].bias, -4.6)
        nn.init.zeros_(self.geom[1].weight)
        with torch.no_grad():
            self.geom[1].bias.copy_(torch.tensor((0, 0, 2., 1.) + UPRIGHT))

    def forward(self, x):
        a = self.s8(self.s4(x))
        b = self.s16(a)
        c = self.s32(b)
        b = self.f16(self.l16(b) + F.interpolate(self.l32(c), scale_factor=2., mode='nearest'))
        a = self.f8(self.l8(a) + F.interpolate(b, scale_factor=2., mode='nearest'))
        return torch.cat([self.score(a), self.geom(a)], 1)
