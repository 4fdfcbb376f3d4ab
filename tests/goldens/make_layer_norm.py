# SPDX-License-Identifier: GPL-3.0-or-later
"""layer_norm.json: torch.nn.functional.layer_norm over the channels of a map, as in ConvNeXt's LayerNorm2d, and its gradients
for a given gradient of the output, in double precision, all row-major.

The map is 3 (2 u - 1) + 5 with u the stream of `layer_norm/x`; weight, bias and the gradient of the output are 2 u - 1 of
`layer_norm/weight`, `layer_norm/bias` and `layer_norm/grad`.
"""
import torch
from torch.nn.functional import layer_norm

from portable import uniform
from store import HERE, records

SHAPE = 2, 6, 3, 4
EPS = 1e-6


def make():
    def values(key, *shape):
        return torch.from_numpy(uniform(f'layer_norm/{key}', *shape)) * 2 - 1

    x = (values('x', *SHAPE) * 3 + 5).requires_grad_()
    weight, bias = (values(key, SHAPE[1]).requires_grad_() for key in ('weight', 'bias'))
    y = layer_norm(x.permute(0, 2, 3, 1), SHAPE[1:2], weight, bias, EPS).permute(0, 3, 1, 2)
    y.backward(values('grad', *SHAPE))
    results = {'y': y, 'x': x.grad, 'weight': weight.grad, 'bias': bias.grad}
    records(HERE / 'layer_norm.json', {
        'about': [{'shape': SHAPE, 'eps': EPS, 'torch': torch.__version__, 'generator': 'make_layer_norm.py'}],
        **{name: [tensor.detach().flatten().tolist()] for name, tensor in results.items()}})
