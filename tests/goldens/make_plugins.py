# SPDX-License-Identifier: GPL-3.0-or-later
"""plugins/CASE.safetensors and plugins/statistics.json: the models of the example plugins, as `make_layers.py` and
`make_statistics.py` have those of `models/`.

The layers are those of narrow models with three classes, and of a toy of what these do not use; the statistics are those
of the files as they are.
"""
import example_blocks  # noqa: F401, teaches parse_model its blocks
import make_layers
import make_statistics
from make_layers import PICTURE
from store import HERE, REPOSITORY, records

EXAMPLES = REPOSITORY / 'plugins/examples'
FASTERNET = EXAMPLES / 'fasternet/yolov5-fasternet.yaml'
PPLCNET = EXAMPLES / 'pplcnet/yolov5-pplcnet.yaml'


def make():
    narrow = {'width_multiple': 0.2, 'depth_multiple': 0.5, 'nc': 3}
    make_layers.write('plugins', f'{FASTERNET.stem}-w0.2-d0.5', FASTERNET, PICTURE, narrow)
    make_layers.write('plugins', f'{PPLCNET.stem}-w0.25', PPLCNET, PICTURE, {'width_multiple': 0.25, 'nc': 3})
    make_layers.write('plugins', 'example_blocks', HERE / 'example_blocks.yaml', PICTURE, {})
    found = [make_statistics.figures(path)[0] for path in (FASTERNET, PPLCNET)]
    records(HERE / 'plugins/statistics.json', {'statistics': found})
