# SPDX-License-Identifier: GPL-3.0-or-later
"""views.safetensors: what a model finds with test-time augmentation on a noise picture, all views' rows one after another.

`decoded` [rows, 8] is the reference's `Model.forward(augment=True)` of yolov5n with `width_multiple` 0.0625 and three
classes, in double precision; the picture and the weights are those of `make_layers.py`. 96 by 160 pixels make views whose
sides are no whole strides, of two padded sizes.
"""
from reference import REPOSITORY, VERSIONS, image, seeded
from store import HERE, safetensors

PICTURE = 96, 160
CHANGES = {'width_multiple': 0.0625, 'nc': 3}


def make():
    path = REPOSITORY / 'models/yolov5n.yaml'
    model = seeded(path, **CHANGES)
    decoded = model(image(*PICTURE), augment=True)[0]
    used = {key: model.yaml[key] for key in ('nc', 'width_multiple', 'depth_multiple')}
    picture = {'model': path.relative_to(REPOSITORY), 'height': PICTURE[0], 'width': PICTURE[1]}
    safetensors(HERE / 'views.safetensors', {'decoded': decoded[0].float()},
                picture | used | VERSIONS | {'generator': 'make_views.py'})
