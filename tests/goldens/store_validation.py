# SPDX-License-Identifier: GPL-3.0-or-later
"""What the reference's val.py measures of yolov5s on COCO128, and every batch as it reads it, for `validation.rs`.

    python store_validation.py FOLDER --data coco128 --weights yolov5s.pt [--augment]
    YOLO_STORED_VALIDATION=FOLDER cargo test -p yolo-tests --test reference validation -- --ignored

FOLDER/batchNN.safetensors hold `images`, bytes `[n, 3, h, w]`; `targets`, rows of picture, class and box as shares of the
input; `geometry`, rows of height and width of the photograph, gain down and across, padding on the left and at the top.
FOLDER/result.json holds P, R, mAP50 and mAP50-95. That is 150 MB, too much to keep; two runs give the same bytes.
"""
import argparse
import json
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
import torch

from make_metrics import val
from make_photos import load
from store import safetensors, text


class Augmented(torch.nn.Module):
    """A network that val.py, where it is given one, would run without augmentation."""

    def __init__(self, model):
        super().__init__()
        self.model, self.names = model, model.names

    def forward(self, x):
        return self.model(x, augment=True)


def linked(data, folder):
    """The dataset by links, because the reference writes a cache beside the labels."""
    for kind in 'images', 'labels':
        for file in sorted((data / kind).rglob('*.*')):
            link = Path(folder, kind, file.name)
            link.parent.mkdir(exist_ok=True)
            link.symlink_to(file.resolve())


def store(folder, index, batch):
    images, targets, _, shapes = batch
    rows = [[*original, *gain, *pad] for original, (gain, pad) in shapes]
    tensors = {'images': images, 'targets': targets, 'geometry': torch.tensor(rows)}
    safetensors(folder / f'batch{index:02d}.safetensors', tensors, {})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('folder', type=Path)
    parser.add_argument('--data', type=Path, required=True, help='COCO128: a folder of images and labels')
    parser.add_argument('--weights', type=Path, required=True, help="upstream's yolov5s.pt")
    parser.add_argument('--batch', type=int, default=32)
    parser.add_argument('--augment', action='store_true')
    options = parser.parse_args()
    model = load(options.weights)
    with tempfile.TemporaryDirectory() as data:
        linked(options.data, data)
        config = val.check_dataset(
            {'path': data, 'train': 'images', 'val': 'images', 'nc': 80, 'names': model.names})
        batches = list(val.create_dataloader(
            config['val'], 640, options.batch, 32, pad=0.5, rect=True, workers=0)[0])
        for index, batch in enumerate(batches):
            store(options.folder, index, batch)
        (*result, _, _, _), _, _ = val.run(
            config, model=Augmented(model) if options.augment else model, dataloader=batches, plots=False, half=False)
    result = dict(zip(('precision', 'recall', 'map50', 'map'), map(float, result)))
    text(options.folder / 'result.json', json.dumps(result | {'augment': options.augment}) + '\n')
    print(result)


if __name__ == '__main__':
    main()
