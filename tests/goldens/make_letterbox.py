# SPDX-License-Identifier: GPL-3.0-or-later
"""letterbox.json: how OpenCV resizes and letterboxes noise pictures, and how boxes go back to the photograph.

The pictures are those of `portable.picture`, in rows of pixels of three channels; so are the bytes whose SHA-256 is
given. `from`, `to` and `picture` are width, height; all other sizes are height, width. The boxes of `scale_coords`
reach a fifth beyond the network's input on every side.
"""
import cv2
import numpy as np
import torch

from portable import picture, uniform
from reference import augmentations, general
from store import HERE, records, sha256

RESIZE = [  # from, to
    ((64, 48), (32, 24)), ((64, 48), (32, 48)), ((64, 48), (64, 24)), ((64, 48), (128, 96)), ((63, 47), (31, 23)),
    ((64, 48), (33, 25)), ((64, 48), (31, 23)), ((66, 48), (22, 16)), ((64, 48), (16, 12)), ((64, 48), (192, 144)),
    ((64, 48), (65, 49)), ((64, 48), (63, 47)), ((65, 49), (64, 48)), ((1, 1), (32, 32)), ((1, 1), (7, 5)),
    ((1, 40), (13, 64)), ((40, 1), (64, 13)), ((2, 2), (64, 64)), ((3, 2), (100, 37)), ((40, 40), (1, 1)),
    ((97, 61), (1, 30)), ((97, 61), (30, 1)), ((320, 240), (64, 48)), ((640, 427), (320, 214)), ((100, 75), (64, 64)),
    ((500, 3), (64, 3)), ((3, 500), (3, 64)), ((17, 9), (640, 338)), ((333, 500), (426, 640)), ((500, 375), (640, 480)),
]
PICTURES = [
    (640, 480), (480, 640), (640, 640), (641, 479), (1280, 720), (720, 1280), (1000, 500), (333, 500), (500, 375),
    (256, 192), (255, 191), (97, 61), (61, 97), (33, 20), (7, 5), (1, 1), (1, 37), (37, 1), (900, 2), (3, 700),
]
TARGETS = [  # imgsz as height, width; auto; stride
    ((640, 640), True, 32), ((640, 640), False, 32), ((320, 320), True, 64), ((64, 64), True, 32),
    ((384, 640), False, 32), ((192, 320), True, 32),
]
COORDS = [  # network height, width; photograph height, width
    ((640, 640), (480, 640)), ((480, 640), (480, 640)), ((640, 480), (1080, 810)), ((384, 640), (720, 1280)),
    ((320, 320), (37, 61)), ((64, 64), (1, 1)), ((448, 640), (2, 900)), ((640, 512), (500, 375)),
]


def digest(pixels):
    return sha256(np.ascontiguousarray(pixels).tobytes())


def resizes():
    for source, target in RESIZE:
        pixels = cv2.resize(picture(*source), target, interpolation=cv2.INTER_LINEAR)
        yield {'from': source, 'to': target, 'sha256': digest(pixels)}


def targets(width, height):
    """What a picture is letterboxed to: not to anything that would leave it without a row or column."""
    for imgsz, auto, stride in TARGETS:
        ratio = min(imgsz[0] / height, imgsz[1] / width)
        if round(width * ratio) and round(height * ratio):
            yield imgsz, auto, stride


def letterboxes():
    for size in PICTURES:
        for imgsz, auto, stride in targets(*size):
            pixels, ratio, pad = augmentations.letterbox(picture(*size), imgsz, auto=auto, stride=stride)
            yield {
                'picture': size, 'imgsz': imgsz, 'auto': auto, 'stride': stride, 'shape': pixels.shape[:2],
                'ratio': ratio[0], 'dw': float(pad[0]), 'dh': float(pad[1]), 'sha256': digest(pixels)}


def coordinates():
    for network, photograph in COORDS:
        name = 'x'.join(map(str, network + photograph))
        u = uniform(f'scale/{name}', 8, 4)
        boxes = torch.from_numpy(((1.4 * u - 0.2) * (network[::-1] * 2)).astype(np.float32))
        scaled = general.scale_coords(network, boxes.clone(), photograph)
        yield {
            'name': name, 'network': network, 'photograph': photograph, 'boxes': boxes.tolist(),
            'scaled': scaled.tolist(), 'rounded': scaled.round().int().tolist()}


def make():
    cv2.setNumThreads(1)
    records(HERE / 'letterbox.json', {
        'opencv': [cv2.__version__], 'resize': list(resizes()), 'letterbox': list(letterboxes()),
        'scale_coords': list(coordinates())})
