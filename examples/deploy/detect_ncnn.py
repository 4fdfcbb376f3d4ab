# SPDX-License-Identifier: GPL-3.0-or-later
"""Detects the objects of a photograph with an ncnn model.

    pip install ncnn opencv-python-headless
    python detect_ncnn.py yolov5s.ncnn.param photo.jpg

yolov5s.ncnn.bin lies beside the first file, and yolov5s.ncnn.names, a class name a line; without it classes are numbers.

Prints a line for each object, best first: class, confidence, and left, top, right, bottom in pixels of the photograph.
"""
import pathlib
import re
import sys

import cv2
import ncnn
import numpy as np

CONFIDENCE = 0.25
IOU = 0.45


def letterbox(photo, width, height):
    """The photograph scaled into the network's input and centred on grey: [3, height, width] of 0 to 1, RGB."""
    gain = min(width / photo.shape[1], height / photo.shape[0])
    w, h = round(photo.shape[1] * gain), round(photo.shape[0] * gain)
    # An odd pixel of padding goes to the right and to the bottom.
    left, top = (width - w) // 2, (height - h) // 2
    boxed = np.full((height, width, 3), 114, np.uint8)
    boxed[top:top + h, left:left + w] = cv2.resize(photo, (w, h), interpolation=cv2.INTER_LINEAR)
    planes = boxed[:, :, ::-1].transpose(2, 0, 1)
    return np.ascontiguousarray(planes, np.float32) / 255


def detections(rows):
    """Rows of centre, size, objectness, classes to rows of left, top, right, bottom, confidence, class, best first."""
    centre, half = rows[:, :2], rows[:, 2:4] / 2
    confidence = rows[:, 4] * rows[:, 5:].max(1)
    found = np.column_stack([centre - half, centre + half, confidence, rows[:, 5:].argmax(1)])
    found = found[confidence > CONFIDENCE]
    found = found[np.argsort(-found[:, 4], kind="stable")]
    kept = []
    while len(found):
        best, found = found[0], found[1:]
        kept.append(best)
        # Of the others, those stay that are of another class or overlap it little.
        shared = np.minimum(found[:, 2:4], best[2:4]) - np.maximum(found[:, :2], best[:2])
        shared = shared.clip(0).prod(1)
        areas = (found[:, 2:4] - found[:, :2]).prod(1)
        iou = shared / (areas + (best[2:4] - best[:2]).prod() - shared)
        found = found[(iou <= IOU) | (found[:, 5] != best[5])]
    return kept


def main(model, file):
    param, names = pathlib.Path(model), pathlib.Path(model).with_suffix(".names")
    net = ncnn.Net()
    if net.load_param(model) or net.load_model(str(param.with_suffix(".bin"))):
        sys.exit(f"{model}: cannot be read, or the file .bin beside it")
    # The layer of the input has the size that the boxes are for: 0=WIDTH 1=HEIGHT.
    size = re.search(r"^Input .* 0=(\d+) 1=(\d+)", param.read_text(), re.MULTILINE)
    if not size:
        sys.exit(f"{model}: its Input line has no size: export without --raw, or write 0=WIDTH 1=HEIGHT there")
    width, height = int(size[1]), int(size[2])

    photo = cv2.imread(file)
    if photo is None:
        sys.exit(f"{file}: no image")
    # The Mat has no copy of these numbers: they must live as long as it does.
    planes = letterbox(photo, width, height)
    extractor = net.create_extractor()
    extractor.input("in0", ncnn.Mat(planes))
    failed, output = extractor.extract("out0")
    rows = np.array(output)
    if failed or rows.ndim != 2:
        sys.exit(f"{model}: has no decoded boxes: export without --raw")
    names = names.read_text("utf-8").split("\n") if names.exists() else range(rows.shape[1] - 5)

    # Boxes go back to the photograph as in YOLOv5: less the padding, before it was rounded, and enlarged.
    sides = np.array([photo.shape[1], photo.shape[0]] * 2)
    gain = min(width / sides[0], height / sides[1])
    pad = (np.array([width, height] * 2) - sides * gain) / 2
    for *box, confidence, number in detections(rows):
        box = ((box - pad) / gain).clip(0, sides)
        print(names[int(number)], f"{confidence:.3f}", *(f"{side:.1f}" for side in box))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python detect_ncnn.py MODEL.ncnn.param PHOTOGRAPH")
    main(*sys.argv[1:])
