# SPDX-License-Identifier: GPL-3.0-or-later
"""checkpoints/: PyTorch files as YOLOv5 and its users write them; expected.safetensors: what a reader must find there.

Expected tensors are named GROUP/NAME. The metadata gives, for each file, its groups, and the class names of all
checkpoints. `malicious.pt` would run `touch pwned` on being unpickled, and nothing in it is expected.
`decoded` is what the network of `fused.pt` gives, in double precision.
"""
import copy
import importlib
import io
import json
import os
import pathlib
import sys
import types
from unittest import mock

import numpy as np
import torch

from portable import uniform, weights
from reference import VERSIONS, build, image
from store import HERE, report, safetensors

FOLDER = HERE / 'checkpoints'
NAMES = ['cat', 'dog']


def pose_as_upstream():
    """Pickle the reference's classes under the module names that they have in upstream's repository."""
    for name in 'yolo', 'common', 'experimental':
        module = importlib.import_module(f'yolov5.models.{name}')
        sys.modules[f'models.{name}'] = module
        for thing in vars(module).values():
            if isinstance(thing, type) and thing.__module__ == module.__name__:
                thing.__module__ = f'models.{name}'
    sys.modules['models'] = importlib.import_module('yolov5.models')


def network(prefix=''):
    """As it is when train.py saves it."""
    model = build(HERE / 'checkpoint.yaml').float().train()
    model.load_state_dict(weights(model, prefix))
    model.yaml_file = 'checkpoint.yaml'
    model.nc, model.names, model.class_weights = len(NAMES), NAMES, torch.ones(len(NAMES))
    model.hyp = {'lr0': 0.01, 'box': 0.05, 'anchor_t': 4.0}
    return model


def checkpoint(**entries):
    fixed = {'optimizer': None, 'wandb_id': None, 'date': '2022-02-22T22:22:22'}
    return {'epoch': -1, 'best_fitness': None, 'model': None, 'ema': None, 'updates': None} | entries | fixed


def oddities():
    """Tensors of every kind that is laid out or typed unlike a freshly made parameter."""
    base = torch.from_numpy(uniform('checkpoints', 4, 6).astype(np.float32))
    return {
        'transposed': base.t(),
        'offset': base.flatten()[5:9],
        'stepped': base[::2, 1::3],
        'expanded': base[:, :1].expand(4, 3),
        'shared': base,
        'shared_again': base,
        'parameter': torch.nn.Parameter(base[1] - 0.5),
        'scalar': base[2, 3].clone(),
        'empty': torch.zeros(0, 3),
        'bfloat16': base.bfloat16(),
        'half': base.half(),
        'double': base.double() / 3,
        'long': torch.tensor([-2**40, -1, 0, 2**62]),
        'long_scalar': torch.tensor(123),
        'int': torch.tensor([[-2**31], [2**31 - 1]], dtype=torch.int32),
        'byte': (256 * base).byte(),
        'bool': base > 0.5,
    }


class Numbered(str):
    """Stands for `str` where PyTorch's old format names a storage by its address, which no two runs share."""
    seen = {}

    def __new__(cls, address):
        return cls.seen.setdefault(address, f'{len(cls.seen):04}')


class WindowsPath(pathlib.PureWindowsPath):
    """As a training on Windows leaves it in its options."""


WindowsPath.__module__, pathlib.WindowsPath = 'pathlib', WindowsPath


def surroundings(model):
    """What trainings leave beside a model, as objects."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    return {
        'opt': types.SimpleNamespace(weights=WindowsPath('C:/yolov5s.pt'), save_dir=pathlib.PurePosixPath('runs/exp')),
        'optimizer_object': optimizer,
        'scheduler': torch.optim.lr_scheduler.StepLR(optimizer, 3),
        'scaler': torch.amp.GradScaler('cpu', enabled=False), 'git': {'commit': None}, 'best': np.float64(0.5)}


class Malicious:
    def __reduce__(self):
        return os.system, ('touch pwned',)


def save(name, content, **options):
    torch.save(content, FOLDER / name, **options)
    report(FOLDER / name)


def save_legacy(name, content):
    buffer = io.BytesIO()
    with mock.patch.object(torch.serialization, 'str', Numbered, create=True):
        torch.save(content, buffer, _use_new_zipfile_serialization=False)
    (FOLDER / name).write_bytes(buffer.getvalue())
    report(FOLDER / name)


def make():
    FOLDER.mkdir(exist_ok=True)
    pose_as_upstream()
    model, ema, odd = network(), network('ema/').half(), oddities()
    half = copy.deepcopy(model).half()
    state = model.state_dict()
    save('state_dict.pt', state)
    save('state_dict_p4.pt', state, pickle_protocol=4)
    save('checkpoint.pt', checkpoint(best_fitness=0.5, model=half))
    save('checkpoint_ema.pt', checkpoint(epoch=3, best_fitness=np.array([0.25]), model=model, ema=ema, updates=12))
    save('noncontiguous.pt', odd)
    save_legacy('legacy.pt', {**state, **odd})
    # Its folder in the archive has 21 characters, so that an entry of the table is as long as zip64's records.
    save('twenty_one_characters.pt', checkpoint(model=half) | surroundings(half))
    wrapped = {f'model.{name}': tensor for name, tensor in state.items()}
    save('lightning.pt', {'state_dict': wrapped | {'loss.weight': torch.ones(2)}, 'epoch': 3, 'callbacks': {}})
    fused = copy.deepcopy(half).float().fuse().half()
    save('fused.pt', checkpoint(model=fused))
    save('malicious.pt', {'weight': odd['shared'], 'model': Malicious()})
    groups = {'float': state, 'half': half.state_dict(), 'ema': ema.state_dict(), 'odd': odd}
    groups |= {'fused': fused.state_dict(), 'decoded': {'decoded': fused.double().eval()(image(64, 96))[0].float()}}
    expected = {f'{group}/{name}': tensor for group, tensors in groups.items() for name, tensor in tensors.items()}
    found = {
        'state_dict.pt': ['float'], 'state_dict_p4.pt': ['float'],
        'checkpoint.pt': ['half'], 'checkpoint_ema.pt': ['ema'],
        'twenty_one_characters.pt': ['half'], 'lightning.pt': ['float'], 'fused.pt': ['fused'],
        'noncontiguous.pt': ['odd'], 'legacy.pt': ['float', 'odd']}
    metadata = {'model': 'tests/goldens/checkpoint.yaml', 'names': json.dumps(NAMES)}
    metadata |= {name: json.dumps(groups) for name, groups in found.items()}
    safetensors(FOLDER / 'expected.safetensors', expected, metadata | VERSIONS)
