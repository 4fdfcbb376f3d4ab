# SPDX-License-Identifier: GPL-3.0-or-later
"""mixed.json: how far bf16 takes a training step from double precision.

The models, pictures, targets and loss of `make_training.py`. The network and its loss run in PyTorch's autocast to bf16, on
the CPU, with parameters in single precision, as train.py runs them on CUDA. Beside the loss items stands the distance of
the whole gradient from that in double precision, over the norm of the latter, `distance`.
"""
import torch

from make_training import TRAINED, total_norm, train
from reference import VERSIONS
from store import HERE, REPOSITORY, records

SIZE = 128


def make():
    cases = []
    for name in TRAINED:
        path = REPOSITORY / f'models/{name}.yaml'
        _, exact, *_ = train(path, SIZE, 0, torch.float64)
        # No cache: the pass without gradient that finds the strides would leave weights without one in it.
        with torch.autocast('cpu', torch.bfloat16, cache_enabled=False):
            items, rounded, *_ = train(path, SIZE, 0, torch.float32)
        apart = {key: rounded[key].double() - gradient for key, gradient in exact.items()}
        cases.append({
            'name': name, **dict(zip(('box', 'obj', 'cls'), items)), 'distance': total_norm(apart) / total_norm(exact)})
    records(HERE / 'mixed.json', {'versions': [VERSIONS], 'cases': cases})
