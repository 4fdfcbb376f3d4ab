# SPDX-License-Identifier: GPL-3.0-or-later
"""nms.safetensors: what non-maximum suppression keeps of made-up predictions, a tensor [n, 6] for each case.

A prediction has 1500 rows of 5 + nc columns; with u the stream of `nms/CASE` in row-major order they are, in doubles
rounded to single precision at the end:

    x, y = 320 + spread (u - 1/2)    w, h = 4 + 200 u u, but w = 1.5 where row % 50 == 7
    objectness = u                   class scores = u u u

The spread is 640, or 64 in the crowds. A case's metadata holds nc, spread and the options.
"""
import json

import numpy as np
import torch

from portable import uniform
from reference import VERSIONS, general
from store import HERE, safetensors

ROWS = 1500
DETECT = {'conf_thres': 0.25, 'iou_thres': 0.45, 'max_det': 1000}
VALIDATE = {'conf_thres': 0.001, 'iou_thres': 0.6, 'max_det': 300, 'multi_label': True}
CASES = {
    **{f'detect-{nc}': (nc, DETECT) for nc in (1, 4, 80)},
    **{f'validate-{nc}': (nc, VALIDATE) for nc in (1, 4, 80)},
    **{f'agnostic-{nc}': (nc, DETECT | {'agnostic': True}) for nc in (4, 80)},
    'classes-4': (4, DETECT | {'classes': [0, 2]}),
    'classes-80': (80, DETECT | {'classes': [0, 2]}),
    'classes-multi-label-4': (4, VALIDATE | {'classes': [0, 2]}),
    'few-80': (80, DETECT | {'max_det': 5}),
    'sure-1': (1, DETECT | {'conf_thres': 0.9}),
    'sure-80': (80, DETECT | {'conf_thres': 0.9}),
    'crowd-4': (4, DETECT),
    'crowd-agnostic-80': (80, DETECT | {'agnostic': True}),
    'crowd-validate-80': (80, VALIDATE),
    'none-4': (4, DETECT | {'conf_thres': 1.0}),
}


def spread(case):
    return 64 if case.startswith('crowd') else 640


def prediction(case, nc):
    u = uniform(f'nms/{case}', ROWS, 5 + nc)
    centre, size = 320 + spread(case) * (u[:, :2] - 0.5), 4 + 200 * u[:, 2:4] * u[:, 2:4]
    classes = u[:, 5:] * u[:, 5:] * u[:, 5:]
    rows = np.concatenate((centre, size, u[:, 4:5], classes), 1)
    rows[7::50, 2] = 1.5
    return torch.from_numpy(rows.astype(np.float32))[None]


def make():
    kept, options = {}, {}
    for case, (nc, chosen) in CASES.items():
        kept[case] = general.non_max_suppression(prediction(case, nc), **chosen)[0]
        options[case] = json.dumps({'nc': nc, 'spread': spread(case)} | chosen, sort_keys=True)
    safetensors(HERE / 'nms.safetensors', kept, options | VERSIONS)
