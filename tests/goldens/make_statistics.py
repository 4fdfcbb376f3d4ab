# SPDX-License-Identifier: GPL-3.0-or-later
"""statistics.json and state_dict/NAME.txt: the size and cost of every model file, and the names of its parameters.

`gflops` is twice the multiplications of all Conv2d and Linear modules at 640x640. The attention of C3TR works outside
such modules: its projections and products stand apart, in `attention_gflops`.
"""
import torch
from torch import nn

from reference import MODELS, build
from store import HERE, REPOSITORY, records, sha256, text

TRAINED = 'yolov5n', 'yolov5s', 'yolov5-shufflenetv2', 'yolov5-mobilenetv3-small', 'yolov5s-ghost'
LISTED = 'yolov5-shufflenetv2', 'yolov5-mobilenetv3-small', 'yolov5s-ghost'


def multiplications(model, size=640):
    """Of convolutions and linear layers, and of attention; counted on tensors without data."""
    count = {'modules': 0, 'attention': 0}

    def convolution(module, _, output):
        count['modules'] += output.numel() * module.weight[0].numel()

    def attention(_, inputs, __):
        tokens, batch, width = inputs[0].shape
        count['attention'] += batch * tokens * width * (4 * width + 2 * tokens)

    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            module.register_forward_hook(convolution)
        elif isinstance(module, nn.MultiheadAttention):
            module.register_forward_hook(attention)
    model.to('meta')(torch.zeros(1, 3, size, size, device='meta'))
    return count['modules'], count['attention']


def names(model):
    """A line for each entry of the state_dict: its name and its shape."""
    entries = sorted(model.state_dict().items())
    return ''.join(f'{name} {",".join(map(str, tensor.shape))}\n' for name, tensor in entries)


def figures(path, **changes):
    model = build(path, **changes)
    lines = names(model)
    record = {
        'model': path.relative_to(REPOSITORY).as_posix(),
        'nc': model.yaml['nc'],
        'parameters': sum(p.numel() for p in model.parameters()),
        'strides': [int(s) for s in model.stride],
        'layer_params': [layer.np for layer in model.model],
        'state_dict_entries': lines.count('\n'),
        'state_dict_sha256': sha256(lines.encode()),
    }
    modules, attention = multiplications(model)
    record['gflops'] = round(2e-9 * modules, 6)
    if attention:
        record['attention_gflops'] = round(2e-9 * attention, 6)
    return record, lines


def make():
    found = []
    for path in MODELS:
        record, lines = figures(path)
        found.append(record)
        if path.stem in LISTED:
            text(HERE / f'state_dict/{path.stem}.txt', lines)
        if path.stem in TRAINED:
            other = 80 if record['nc'] == 20 else 20
            found.append(figures(path, nc=other)[0])
    records(HERE / 'statistics.json', {'statistics': found})
