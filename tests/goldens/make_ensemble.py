# SPDX-License-Identifier: GPL-3.0-or-later
"""ensemble.safetensors: what two models find together on a noise picture, the rows of the first before those of the second.

`decoded` [rows, 8] is the reference's `Ensemble` of the two models of the key `models`, of strides up to 32 and up to 64, with
`width_multiple` 0.0625 and three classes, in double precision; `found` [n, 6] is what its non-maximum suppression keeps of
them as `val.py` has it. The picture and the weights are those of `make_layers.py`.
"""
import json

from reference import REPOSITORY, VERSIONS, general, image, seeded
from store import HERE, safetensors
from yolov5.models.experimental import Ensemble  # found by way of `reference`

PICTURE = 64, 128
CHANGES = {'width_multiple': 0.0625, 'nc': 3}
MODELS = 'models/yolov5n.yaml', 'models/yolov5n6.yaml'
VALIDATE = {'conf_thres': 0.001, 'iou_thres': 0.6, 'max_det': 300, 'multi_label': True}


def make():
    ensemble = Ensemble()
    ensemble.extend(seeded(REPOSITORY / path, **CHANGES) for path in MODELS)
    decoded = ensemble(image(*PICTURE))[0].float()
    found = general.non_max_suppression(decoded.clone(), **VALIDATE)[0]
    depth = [model.yaml['depth_multiple'] for model in ensemble]
    assert len(set(depth)) == 1
    facts = {'models': json.dumps(MODELS), 'height': PICTURE[0], 'width': PICTURE[1], 'depth_multiple': depth[0]}
    safetensors(HERE / 'ensemble.safetensors', {'decoded': decoded[0], 'found': found},
                facts | CHANGES | VERSIONS | {'generator': 'make_ensemble.py'})
