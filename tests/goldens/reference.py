# SPDX-License-Identifier: GPL-3.0-or-later
"""The reference: YOLOv5 v6.1 in PyTorch with the article's modules, from `$ORACLE_HOME/src/yolov5`.

A network is built from one of our model files, filled with portable weights, and run in double precision, so that a
golden is the truth to which single precision comes near.
"""
import os
import sys
import warnings
from pathlib import Path

ORACLE_HOME = Path(os.environ.get('ORACLE_HOME', Path.home() / '.cache/yolo-oracle'))
os.environ.setdefault('YOLOv5_VERBOSE', 'False')
warnings.filterwarnings('ignore')
sys.path.insert(0, str(ORACLE_HOME / 'src'))

import torch  # noqa: E402
import yaml  # noqa: E402
from yolov5.models.yolo import Detect, Model  # noqa: E402
from yolov5.utils import augmentations, general, loss, metrics  # noqa: E402, F401

from portable import uniform, weights  # noqa: E402
from store import REPOSITORY  # noqa: E402

torch.set_num_threads(1)
torch.set_grad_enabled(False)
MODELS = sorted((REPOSITORY / 'models').glob('*.yaml'))
VERSIONS = {'torch': torch.__version__, 'reference': 'YOLOv5 v6.1'}


def specification(path, **changes):
    """A model file as a dictionary, with nc, width_multiple or depth_multiple changed."""
    return yaml.safe_load(path.read_text()) | changes


def build(path, **changes):
    torch.manual_seed(0)
    return Model(specification(path, **changes)).eval()


def seeded(path, **changes):
    """A model with portable weights, in double precision."""
    model = build(path, **changes)
    model.load_state_dict(weights(model))
    return model.double()


def image(height, width):
    return torch.from_numpy(uniform('input', 1, 3, height, width))


def trace(model, x):
    """What each layer gives: tensors, and of Detect the decoded boxes."""
    outputs, kept = [], []
    for layer in model.model:
        if isinstance(layer.f, list):
            x = [x if source == -1 else kept[source] for source in layer.f]
        elif layer.f != -1:
            x = kept[layer.f]
        x = layer(x)
        kept.append(x)
        outputs.append((x[0] if isinstance(layer, Detect) else x).clone())
    return outputs
