# SPDX-License-Identifier: GPL-3.0-or-later
"""activations/: checkpoints of `activations.yaml` whose modules have other activations than their YAML says, as those of
earlier and later versions have; expected.safetensors: the reference's decoded boxes of each, for the noise picture.

| file | what is in it |
|---|---|
| silu.pt | v6.1's |
| v7-relu.pt | v7.0's, with `activation: nn.ReLU()` in its YAML |
| v1-leaky.pt | LeakyReLU(0.1) in Conv and BottleneckCSP, as before v3.0; batch norm's eps is 1e-4 |
| v3-hardswish.pt | Hardswish in Conv, LeakyReLU(0.1) in BottleneckCSP |
| one-mish.pt | one Conv with Mish |
| rows.pt | a module, an expression and a list as arguments of a row |
| gelu.pt, pool.pt, dilation.pt | a GELU, another window of SPPF, a dilated convolution: nothing is expected of them |
"""
import copy

import torch
from torch import nn

from make_checkpoints import NAMES, checkpoint, pose_as_upstream
from portable import weights
from reference import VERSIONS, Model, image, specification
from store import HERE, report, safetensors
from yolov5.models import common, yolo

FOLDER = HERE / 'activations'
YAML = HERE / 'activations.yaml'
SIZE = 64, 96


class DetectionModel(Model):
    """v7.0's name of it."""


def network(**changes):
    """As it is when train.py saves it; biases are spread so that every activation matters."""
    torch.manual_seed(0)
    model = Model(specification(YAML) | changes).float().eval()
    values = weights(model)
    model.load_state_dict({k: 5 * v if k.endswith('bn.bias') else v for k, v in values.items()})
    model.nc, model.names = len(NAMES), NAMES
    return model


def with_act(model, act, kinds=(common.Conv,)):
    """The same with `act` where a module of these classes has SiLU."""
    for module in model.modules():
        if isinstance(module, kinds) and isinstance(module.act, nn.SiLU):
            module.act = copy.deepcopy(act)
    return model


def with_eps(model, eps):
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = eps
    return model


def rows():
    """Rows 3 and 8 with arguments that Python evaluates."""
    spec = specification(YAML)
    spec['backbone'][3] = [-1, 1, 'Conv', ['4*2', [3, 3], 2, None, 1, 'nn.LeakyReLU(0.2)']]
    spec['head'][2] = [-1, 1, 'Conv', ['na * (nc + 1) - 1', 1, 1, 'None', 1, 'nn.Identity()']]
    return {'backbone': spec['backbone'], 'head': spec['head']}


def changed(row, part, **attributes):
    """silu.pt with other attributes of one module."""
    model = network()
    module = model.model[row].get_submodule(part)
    for name, value in attributes.items():
        setattr(module, name, value)
    return model


def models():
    v7 = with_act(network(activation='nn.ReLU()'), nn.ReLU())
    v7.__class__ = DetectionModel
    both = common.Conv, common.BottleneckCSP
    yield 'silu', network()
    yield 'v7-relu', v7
    yield 'v1-leaky', with_eps(with_act(network(), nn.LeakyReLU(0.1, inplace=True), both), 1e-4)
    yield 'v3-hardswish', with_act(with_act(network(), nn.Hardswish()), nn.LeakyReLU(0.1), (common.BottleneckCSP,))
    yield 'one-mish', changed(8, '', act=nn.Mish())
    yield 'rows', network(**rows())
    yield 'gelu', changed(3, '', act=nn.GELU())
    yield 'pool', changed(5, 'm', kernel_size=3, padding=1)
    yield 'dilation', changed(3, 'conv', dilation=(2, 2), padding=(2, 2))


def make():
    FOLDER.mkdir(exist_ok=True)
    pose_as_upstream()
    DetectionModel.__module__ = 'models.yolo'
    yolo.DetectionModel = DetectionModel
    expected = {}
    for name, model in models():
        half = copy.deepcopy(model).half()
        torch.save(checkpoint(model=half), FOLDER / f'{name}.pt')
        report(FOLDER / f'{name}.pt')
        # What the file says, in double precision.
        double = copy.deepcopy(half).double()
        double.model[-1].anchors = half.model[-1].anchors.double()
        expected[name] = double(image(*SIZE))[0].float()
    for refused in 'gelu', 'pool', 'dilation':
        del expected[refused]
    metadata = {'height': SIZE[0], 'width': SIZE[1]}
    safetensors(FOLDER / 'expected.safetensors', expected, metadata | VERSIONS)
