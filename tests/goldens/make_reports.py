# SPDX-License-Identifier: GPL-3.0-or-later
"""reports/: the files that a run leaves behind, as the reference writes them.

With u the stream of `reports` in rows of 13, results.csv holds epochs 0 to 9 with the values u u, 10 u and 1e-4 u in
turn, and events.tfevents the same scalars and one picture, at time 1, in a run that goes on at epoch 3. predictions.json holds eight detections for each of
three pictures; with u the stream of the picture's name in rows of 6, corners 640 u, confidence u, class 80 u cut off.
"""
import json
import shutil
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from torch.utils.tensorboard import SummaryWriter
from tensorboard.compat.proto.summary_pb2 import Summary

from portable import uniform
from reference import general
from store import HERE, report

from yolov5 import val
from yolov5.utils import loggers

KEYS = ('train/box_loss train/obj_loss train/cls_loss metrics/precision metrics/recall metrics/mAP_0.5 '
        'metrics/mAP_0.5:0.95 val/box_loss val/obj_loss val/cls_loss x/lr0 x/lr1 x/lr2').split()
EPOCHS = 10
PICTURES = '000000000042', 'zidane', '007'


def epochs(folder):
    """results.csv and the scalars, by the reference's own hook."""
    u = uniform('reports', EPOCHS, len(KEYS))
    u[0::3], u[1::3], u[2::3] = u[0::3] ** 2, 10 * u[1::3], 1e-4 * u[2::3]
    with tempfile.TemporaryDirectory() as events:
        clock, time.time = time.time, lambda: 1.0
        try:
            writer = SummaryWriter(events, purge_step=3)
            run = SimpleNamespace(
                keys=KEYS, class_name_keys=[], csv=True, tb=writer, wandb=None, neptune=None, save_dir=folder)
            for epoch, values in enumerate(u):
                loggers.Loggers.on_fit_epoch_end(run, list(values), epoch, 0, 0)
            image = Summary.Image(height=2, width=3, colorspace=3, encoded_image_string=b'the bytes of a picture')
            writer.file_writer.add_summary(Summary(value=[Summary.Value(tag='results', image=image)]), EPOCHS)
            writer.close()
        finally:
            time.time = clock
        shutil.copy(next(Path(events).iterdir()), folder / 'events.tfevents')


def predictions(folder):
    """The list that val.py dumps with --save-json."""
    entries = []
    for name in PICTURES:
        u = uniform(f'reports/{name}', 8, 6)
        rows = np.concatenate((640 * u[:, :4], u[:, 4:5], np.floor(80 * u[:, 5:])), 1)
        found = torch.from_numpy(rows.astype(np.float32))
        val.save_one_json(found, entries, Path(f'{name}.jpg'), general.coco80_to_coco91_class())
    with open(folder / 'predictions.json', 'w') as file:
        json.dump(entries, file)


def make():
    folder = HERE / 'reports'
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    epochs(folder)
    predictions(folder)
    for file in sorted(folder.iterdir()):
        report(file)
