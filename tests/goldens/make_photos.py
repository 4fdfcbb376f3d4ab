# SPDX-License-Identifier: GPL-3.0-or-later
"""photos.json: what upstream's yolov5s finds on six photographs and on those of the demonstration, as its detect.py would,
unfused in single precision.

`box` is in whole pixels of the photograph, `network_box` in pixels of the network's input; both in the order of NMS.
The inputs (`input`, bytes of RGB planes) and the predictions (`decoded`) go to `$ORACLE_HOME/photos/NAME.safetensors`.
"""
import cv2
import numpy as np
import torch
from torch import nn

from reference import ORACLE_HOME, VERSIONS, augmentations, general
from store import HERE, records, safetensors, sha256

PHOTOS = 'astronaut.png', 'bus.jpg', 'chelsea.png', 'coffee.png', 'motorcycle_left.png', 'zidane.jpg'
# In the repository, where `yolo detect` looks when no source is named.
DEMONSTRATION = 'cows.jpg', 'giraffes.jpg', 'sheep.jpg'
RUNS = [(name, 640) for name in PHOTOS] + [(name, 320) for name in ('astronaut.png', 'chelsea.png', 'coffee.png')]


def load(weights):
    """The network of a released checkpoint, ready for a newer PyTorch than it was made with."""
    with general.yolov5_in_syspath():
        model = torch.load(weights, map_location='cpu', weights_only=False)['model'].float().eval()
    for module in model.modules():
        if isinstance(module, nn.Upsample):
            module.recompute_scale_factor = None
    head = model.model[-1]
    del head.anchor_grid
    head.anchor_grid = [torch.zeros(1)] * head.nl
    return model


def detect(model, path, imgsz, folder='photos'):
    photograph = cv2.imread(str(path))
    pixels = augmentations.letterbox(photograph, imgsz, stride=32, auto=True)[0]
    planes = np.ascontiguousarray(pixels.transpose(2, 0, 1)[::-1])
    x = torch.from_numpy(planes)
    decoded = model(x[None].float() / 255)[0]
    safetensors(ORACLE_HOME / f'{folder}/{path.stem}-{imgsz}.safetensors', {'input': x, 'decoded': decoded}, VERSIONS)
    found = general.non_max_suppression(decoded.clone(), 0.25, 0.45, max_det=1000)[0]
    boxes = general.scale_coords(x.shape[1:], found[:, :4].clone(), photograph.shape).round().int()
    return {
        'photograph': path.name, 'imgsz': imgsz, 'width': photograph.shape[1], 'height': photograph.shape[0],
        'input_shape': list(x.shape), 'input_sha256': sha256(planes.tobytes()),
        'detections': [{
            'class': int(one[5]), 'name': model.names[int(one[5])], 'confidence': float(one[4]), 'box': box.tolist(),
            'network_box': one[:4].tolist()} for one, box in zip(found, boxes)]}


def make(folder, weights):
    model = load(weights)
    found = [detect(model, folder / name, imgsz) for name, imgsz in RUNS]
    found += [detect(model, HERE.parents[1] / 'data/images' / name, 640) for name in DEMONSTRATION]
    records(HERE / 'photos.json', {'photos': found})
