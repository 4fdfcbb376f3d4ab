# SPDX-License-Identifier: GPL-3.0-or-later
"""pycocotools on a file of COCO's results, with the labels of a YOLO folder as the truth: prints mAP50-95 and mAP50.

    python coco_map.py DATA PREDICTIONS.json

DATA has images and labels; categories are classes counted from 0, pictures are called by number, as COCO128's are. Needs
pycocotools beside the environment of README.md.
"""
import contextlib
import json
import sys
from pathlib import Path

from PIL import Image, ImageOps
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def truth(data):
    images, annotations = [], []
    for file in sorted((data / 'images').rglob('*.jpg')):
        width, height = ImageOps.exif_transpose(Image.open(file)).size
        images.append({'id': int(file.stem), 'width': width, 'height': height, 'file_name': file.name})
        labels = next((data / 'labels').rglob(f'{file.stem}.txt'), None)
        # The reference leaves a row out that is there twice.
        for row in sorted(set(labels.read_text().splitlines())) if labels else []:
            kind, x, y, w, h = map(float, row.split())
            w, h = w * width, h * height
            annotations.append({
                'id': len(annotations) + 1, 'image_id': int(file.stem), 'category_id': int(kind), 'iscrowd': 0,
                'bbox': [x * width - w / 2, y * height - h / 2, w, h], 'area': w * h})
    return {'images': images, 'annotations': annotations, 'categories': [{'id': i, 'name': str(i)} for i in range(80)]}


def main():
    data, predictions = map(Path, sys.argv[1:])
    with contextlib.redirect_stdout(sys.stderr):
        coco = COCO()
        coco.dataset = truth(data)
        coco.createIndex()
        judge = COCOeval(coco, coco.loadRes(str(predictions)), 'bbox')
        # Suppression leaves 300; pycocotools' summary counts 100.
        judge.params.maxDets = [1, 10, 300]
        judge.evaluate()
        judge.accumulate()
    # [IoU, recall, class, size, count]; -1 where a class has no objects.
    precision = judge.eval['precision'][:, :, :, 0, -1]
    mean = lambda part: float(part[part > -1].mean())  # noqa: E731
    print(json.dumps({'map': mean(precision), 'map50': mean(precision[0])}))


if __name__ == '__main__':
    main()
