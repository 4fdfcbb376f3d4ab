# SPDX-License-Identifier: GPL-3.0-or-later
"""lite.json: what YOLOv5-Lite's v5lite-s.pt finds on the repository's photographs, run by the reference's modules.

Records are those of photos.json. The checkpoint is that of github.com/ppogg/YOLOv5-Lite; `weights` has its SHA-256.
"""
import torch
from torch import nn

from make_photos import detect
from reference import general
from store import HERE, REPOSITORY, records, sha256

SIZES = 416, 640


def load(weights):
    """Its network, of YOLOv5 v5.0, made ready for v6.1's code and a newer PyTorch."""
    with general.yolov5_in_syspath():
        checkpoint = torch.load(weights, map_location='cpu', weights_only=False)
    model = (checkpoint['ema'] or checkpoint['model']).float().eval()
    for module in model.modules():
        if isinstance(module, nn.Upsample):
            module.recompute_scale_factor = None
    head = model.model[-1]
    head.inplace, head.onnx_dynamic = True, False
    head._buffers.pop('anchor_grid', None)
    head.grid, head.anchor_grid = ([torch.zeros(1)] * head.nl for _ in range(2))
    return model


def make(weights):
    model, photos = load(weights), sorted((REPOSITORY / 'tests/data/photos').glob('*.png'))
    found = [detect(model, path, size, 'lite') for path in photos for size in SIZES]
    records(HERE / 'lite.json', {'photos': found, 'weights': [{'sha256': sha256(weights.read_bytes())}]})
