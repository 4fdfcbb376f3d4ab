# SPDX-License-Identifier: GPL-3.0-or-later
"""Random numbers that every language can repeat: a stream for each key, and a model's weights made of them.

The key's UTF-8 bytes are hashed by 64-bit FNV-1a; the hash seeds SplitMix64, of whose every output the upper 24 bits
become one number in [0, 1). Such a number is exact in single precision.
"""
import math

import numpy as np
import torch

GAIN = 5.0
"""Spreads the weights: `(2u - 1) * sqrt(GAIN / fan_in)` keeps every layer of every model alive and finite."""


def fnv1a(key):
    state = 0xCBF29CE484222325
    for byte in key.encode():
        state = (state ^ byte) * 0x100000001B3 % 2**64
    return state


def uniform(key, *shape):
    """The first numbers of the key's stream, as doubles of the given shape."""
    step = np.arange(1, math.prod(shape) + 1, dtype=np.uint64)
    z = np.uint64(fnv1a(key)) + step * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return ((z >> np.uint64(40)).astype(np.float64) / 2**24).reshape(shape)


def picture(width, height):
    """A noise picture of the letterbox goldens: bytes, rows of pixels of three channels."""
    return np.floor(256 * uniform(f'letterbox/{width}x{height}', height, width, 3)).astype(np.uint8)


def weight(name, like, prefix=''):
    """The value of one state_dict entry; `like` gives its shape, and stays as it is where it is not random."""
    kind = name.rsplit('.', 1)[-1]
    if kind == 'anchors':
        return like.clone()
    if kind == 'num_batches_tracked':
        return torch.zeros_like(like)
    u = uniform(prefix + name, *like.shape)
    if kind == 'running_var' or kind == 'weight' and like.ndim == 1:
        value = 0.75 + 0.5 * u
    elif kind in ('running_mean', 'bias', 'in_proj_bias'):
        value = 0.2 * (u - 0.5)
    elif like.ndim >= 2:
        value = (2 * u - 1) * math.sqrt(GAIN / math.prod(like.shape[1:]))
    else:
        raise ValueError(f'no rule for {name}, {tuple(like.shape)}')
    return torch.from_numpy(value.astype(np.float32))


def weights(model, prefix=''):
    """A whole state_dict of such values."""
    return {name: weight(name, tensor, prefix) for name, tensor in model.state_dict().items()}
