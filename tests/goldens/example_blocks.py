# SPDX-License-Identifier: GPL-3.0-or-later
"""The blocks of the example plugins in PyTorch; to import them teaches them to the reference's `parse_model`.

FasterNet_Block follows arXiv:2303.03667, LCNet_Block arXiv:2109.15099, both with the parameter names of their authors'
code.
"""
import inspect

import torch
from torch import nn

import reference  # noqa: F401, finds yolov5
from yolov5.models import yolo


class PartialConv(nn.Module):
    """A 3x3 convolution of the first c // n_div channels; the others pass."""

    def __init__(self, c, n_div):
        super().__init__()
        self.parts = c // n_div, c - c // n_div
        self.partial_conv3 = nn.Conv2d(self.parts[0], self.parts[0], 3, padding=1, bias=False)

    def forward(self, x):
        convolved, passed = x.split(self.parts, 1)
        return torch.cat((self.partial_conv3(convolved), passed), 1)


class FasterNet_Block(nn.Module):
    def __init__(self, c, mlp_ratio=2, n_div=4, act='relu'):
        super().__init__()
        hidden = c * mlp_ratio
        self.spatial_mixing = PartialConv(c, n_div)
        self.mlp = nn.Sequential(
            nn.Conv2d(c, hidden, 1, bias=False),
            nn.BatchNorm2d(hidden),
            {'relu': nn.ReLU, 'gelu': nn.GELU}[act](),
            nn.Conv2d(hidden, c, 1, bias=False),
        )

    def forward(self, x):
        return x + self.mlp(self.spatial_mixing(x))


class ConvBNHardswish(nn.Module):
    def __init__(self, c1, c2, k, s=1, groups=1):
        super().__init__()
        self.conv = nn.Conv2d(c1, c2, k, s, (k - 1) // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(c2)

    def forward(self, x):
        return nn.functional.hardswish(self.bn(self.conv(x)))


class SqueezeExcite(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv1 = nn.Conv2d(c, c // 4, 1)
        self.conv2 = nn.Conv2d(c // 4, c, 1)

    def forward(self, x):
        y = self.conv1(x.mean((2, 3), keepdim=True)).relu()
        return x * nn.functional.hardsigmoid(self.conv2(y))


class LCNet_Block(nn.Module):
    def __init__(self, c1, c2, k=3, s=1, se=False):
        super().__init__()
        self.dw_conv = ConvBNHardswish(c1, c1, k, s, groups=c1)
        self.se = SqueezeExcite(c1) if se else nn.Identity()
        self.pw_conv = ConvBNHardswish(c1, c2, 1)

    def forward(self, x):
        return self.pw_conv(self.se(self.dw_conv(x)))


def register():
    """Compiles `parse_model` anew: LCNet_Block takes a width, FasterNet_Block keeps its channels."""
    width = 'conv_bn_hswish, MobileNet_Block):'
    kept = '        elif m is nn.BatchNorm2d:\n'
    source = inspect.getsource(yolo.parse_model)
    for old, new in (
        (width, width.replace(')', ', LCNet_Block)')),
        (kept, '        elif m is FasterNet_Block:\n            c2 = ch[f]\n            args = [c2, *args]\n' + kept),
    ):
        if source.count(old) != 1:
            raise RuntimeError(f'parse_model has changed: {old.strip()}')
        source = source.replace(old, new)
    yolo.FasterNet_Block, yolo.LCNet_Block = FasterNet_Block, LCNet_Block
    exec(source, vars(yolo))


register()
