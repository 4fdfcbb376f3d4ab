# SPDX-License-Identifier: GPL-3.0-or-later
"""The reference's `__getitem__` and collation for `loader.rs`: each line `None|Ram PICTURES` is answered with the
seconds that so many pictures take: BCCD at 320 pixels, mosaics with the recipe of scratch-low, one thread, batches of 8,
as numbers from 0 to 1. Needs the environment of `../goldens/README.md`.

    RIVAL='python tests/benches/loader.py' cargo bench -p yolo-tests --bench loader
"""
import contextlib
import random
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parents[1] / 'goldens'))
import cv2
import torch
import yaml
from make_augment import converter, old_numpy
from reference import REPOSITORY
from yolov5.utils import datasets

cv2.setNumThreads(1)
HYP = yaml.safe_load((REPOSITORY / 'data/hyps/hyp.scratch-low.yaml').read_text())
shared = REPOSITORY.parent / 'shared/data/bccd'
convert = converter(['Platelets', 'RBC', 'WBC'])
ready = {}
with tempfile.TemporaryDirectory() as folder:
    root = Path(folder)
    for name in ('VOC1', 'images', 'labels'):
        (root / name).mkdir()
    (root / 'VOC1/Annotations').symlink_to(shared / 'Annotations')
    for name in (shared / 'ImageSets/Main/train.txt').read_text().split():
        (root / f'images/{name}.jpg').symlink_to(shared / f'JPEGImages/{name}.jpg')
        convert(root, root / f'labels/{name}.txt', 1, name)
    for line in sys.stdin:
        cache, pictures = line.split()
        if cache not in ready:
            with old_numpy(), contextlib.redirect_stdout(sys.stderr):
                ready[cache] = datasets.LoadImagesAndLabels(
                    str(root / 'images'), 320, 8, augment=True, hyp=HYP, cache_images='ram' if cache == 'Ram' else False)
        data, pictures = ready[cache], int(pictures)
        order = random.sample(range(len(data)), pictures)
        start = time.perf_counter()
        for begin in range(0, pictures, 8):
            images, *_ = data.collate_fn([data[i] for i in order[begin:begin + 8]])
            images.float().div_(255)
        print(time.perf_counter() - start, flush=True)
