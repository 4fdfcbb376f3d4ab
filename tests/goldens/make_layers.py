# SPDX-License-Identifier: GPL-3.0-or-later
"""layers/CASE.safetensors: every layer's output, in 16 bits, and the decoded boxes, of each model on a noise picture.

The models of the article and their yardsticks are taken as they are, all others with eight channels where they have 128
and three classes, most of them on a picture as small as their coarsest stride lets it be without being square.
"""
import torch

from reference import MODELS, VERSIONS, image, seeded, trace
from store import HERE, REPOSITORY, safetensors

FULL = 'yolov5n', 'yolov5s', 'yolov5-shufflenetv2', 'yolov5-mobilenetv3-small', 'yolov5s-ghost'
ARTICLE = 'yolov5-shufflenetv2', 'yolov5-mobilenetv3-small'
PICTURE = 64, 96
PICTURES = {'yolov5s-transformer': PICTURE, 'yolov5-mobilenetv3-large': PICTURE, 'yolov5-p7': (128, 128)}


def cases():
    """Case name, model file, picture size if it matters, and what is changed in the model."""
    for path in MODELS:
        if path.stem in FULL:
            yield path.stem, path, PICTURE, {}
        else:
            yield f'{path.stem}-w0.0625', path, PICTURES.get(path.stem), {'width_multiple': 0.0625, 'nc': 3}
        if path.stem in ARTICLE:
            yield f'{path.stem}-w0.5-d0.5', path, PICTURE, {'width_multiple': 0.5, 'depth_multiple': 0.5}
    yield 'blocks', HERE / 'blocks.yaml', (48, 64), {}


def outputs(path, size, changes):
    """The model, the picture's size, and what every layer gives."""
    model = seeded(path, **changes)
    stride = max(32, int(model.stride.max()))
    size = size or (stride, 2 * stride)
    return model, size, trace(model, image(*size))


def quantise(x):
    """x / scale as 16-bit integers, and the scale."""
    scale = (x.abs().max() / 32767).float()
    return (x / scale.double()).round().clamp(-32767, 32767).short(), scale


def write(part, name, path, size, changes):
    model, (height, width), (*layers, decoded) = outputs(path, size, changes)
    quantised, scales = zip(*map(quantise, layers))
    tensors = {f'layer.{i:02d}': q for i, q in enumerate(quantised)}
    tensors |= {'scale': torch.stack(scales), 'decoded': decoded.float()}
    used = {key: model.yaml[key] for key in ('nc', 'width_multiple', 'depth_multiple')}
    picture = {'model': path.relative_to(REPOSITORY), 'height': height, 'width': width}
    metadata = picture | used | VERSIONS | {'generator': f'make_{part}.py'}
    safetensors(HERE / f'{part}/{name}.safetensors', tensors, metadata)


def make():
    for case in cases():
        write('layers', *case)
