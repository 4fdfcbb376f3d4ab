# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a sound file of each kind into fuzz/corpus, for the fuzzer to start from."""
import json
from pathlib import Path

HYPER = {'lr0': 0.01, 'momentum': 0.937, 'box': 0.05, 'mosaic': 1.0, 'anchors': 3}
PROGRESS = {
    'epoch': 1, 'batch': 0, 'last_step': 0, 'mean': [0.1, 0.2, 0.3],
    'stop': {'best_fitness': 0.0, 'best_epoch': 0, 'patience': 0},
    'best': 0.0, 'maps': [0.0, 0.0, 0.0], 'balance': [1.0], 'counts': [1, 1, 1], 'seconds': 1.5, 'data': [1, 1],
}
SEEDS = {
    'data': 'path: .\ntrain: [images, VOC, a.json]\nval: images/*.png\nnc: 3\nnames: {0: a, 1: b, 2: c}\ndownload: x\n',
    'labels': '0 0.5 0.5 0.5 0.5\n1 .1 .1 .1 .2 .3 .3 .1 .2\n',
    'text': '\0a: 1\r\nb\r',
    'voc': '<annotation><size><width>20</width><height>12</height></size><object><name>a</name><difficult>0</difficult>'
           '<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>9</xmax><ymax>8</ymax></bndbox></object></annotation>',
    'coco': json.dumps({
        'images': [{'id': 1, 'file_name': 'x.png', 'width': 20, 'height': 12}],
        'annotations': [{'image_id': 1, 'category_id': 1, 'bbox': [1, 2, 8, 6], 'iscrowd': 0,
                         'segmentation': [[1, 2, 9, 2, 9, 8]]}],
        'categories': [{'id': 1, 'name': 'a'}]}),
    'dataset_cache': json.dumps({
        'found': True, 'size': [12, 20], 'objects': [[0, [0.5, 0.5, 0.5, 0.5], [[0.1, 0.2], [0.3, 0.4]]]],
        'messages': [['Duplicate', 'x', 1]]}),
    'hyp': ''.join(f'{name}: {value}\n' for name, value in HYPER.items()),
    'state': json.dumps(PROGRESS) + '\0' + json.dumps(HYPER),
}
for name, text in SEEDS.items():
    folder = Path(__file__).parent / 'corpus' / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'seed').write_text(text)
