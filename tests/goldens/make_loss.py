# SPDX-License-Identifier: GPL-3.0-or-later
"""loss.json: what ComputeLoss gives on made-up maps and targets, and its gradients, in double precision.

A map is [batch, ny, nx, na, 5 + nc]; its values are spread (2 u - 1) with u the stream of `loss/CASE/CALL/LAYER`, in
row-major order. Maps and targets are exact in single precision. A case's record holds its name, layers, settings and
targets (image, class, x, y, w, h), and for each call

    items, total, balance      box, objectness and class loss; their sum times the batch; the layers' weights afterwards
    gradients                  d total / d map: of each layer all values, if the case has few; or else, for x to h, for
                               objectness and for the classes [norm, p0, p1], p being sums of the gradient times 2 u - 1
                               with u the stream of `loss/CASE/projection/LAYER/0` and `…/1`

Sizes of anchors are in pixels; divided by the stride they are exact.
"""
import types

import numpy as np
import torch

from portable import uniform
from reference import VERSIONS, loss, metrics
from store import HERE, records

P6 = [
    [19, 27, 44, 40, 38, 94], [96, 68, 86, 152, 180, 137],
    [140, 301, 303, 264, 238, 542], [436, 615, 739, 380, 925, 792]]
P5 = [[10, 13, 16, 30, 33, 23], [30, 61, 62, 45, 59, 119], [116, 90, 156, 198, 373, 326]]
SMALL = [[4, 6, 9, 5, 6, 12], [10, 9, 16, 21, 20, 14]]
HYPER = {'box': 0.05, 'cls': 0.5, 'obj': 1.0, 'cls_pw': 1.0, 'obj_pw': 1.0, 'fl_gamma': 0.0, 'anchor_t': 4.0}
FEW = 1100
"""A case of no more values than this keeps all of its gradients."""


def single(rows):
    """Rounded to single precision, so that both precisions can have them."""
    return np.array(rows, dtype=np.float32).reshape(-1, 6).astype(np.float64)


def targets(case, count, batch, nc, least=0.02, span=0.6):
    """Objects anywhere, their sizes mostly small."""
    u = uniform(f'loss/{case}/targets', count, 6)
    sizes = least + span * u[:, 4:] * u[:, 4:]
    return single(np.concatenate((np.floor(u[:, :1] * batch), np.floor(u[:, 1:2] * nc), u[:, 2:4], sizes), 1))


def crowd(case, count, nc):
    """Objects of similar size in one cell of the coarser map, so that a prediction answers for many."""
    rows = targets(case, count, 1, nc, 0.3, 0.2)
    rows[:, 2:4] = 0.25 + 0.125 * rows[:, 2:4]
    return single(rows)


BORDERS = (0, 2**-24, 0.125, 0.1875, 0.25, 0.5, 0.75, 1 - 2**-24, 1, 1.25, -0.25)
BORDER = [[0, (i + j) % 3, x, y, 0.25, 0.375] for i, x in enumerate(BORDERS) for j, y in enumerate(BORDERS)]
TIES = [
    [0, 1, 0.5 / 8, 0.5 / 4, 4 / 64, 6 / 32], [0, 0, 2.5 / 8, 1.5 / 4, 9 / 64, 5 / 32],
    [0, 2, 1.5 / 4, 0.5 / 2, 16 / 64, 21 / 32], [0, 1, 1.25 / 8, 2.5 / 4, 8 / 64, 6 / 32]]
"""With logits of 0: centre and size as an anchor predicts them; the last touches what its left neighbour predicts."""
FLAT = [[0, 1, 0.3, 0.4, 0, 0.25], [0, 2, 0.6, 0.4, 0.25, 0], [0, 0, 0.5, 0.5, 0, 0], [0, 0, 0.7, 0.7, 0.2, 0.4]]


def case(name, anchors=P5, nc=3, batch=2, size=(96, 160), first=8, count=24, rows=None, spread=4, calls=1, **settings):
    return types.SimpleNamespace(
        name=name, nc=nc, batch=batch, spread=spread, calls=calls,
        strides=[first * 2**i for i in range(len(anchors))], size=size,
        anchors=[[[w / (first * 2**i), h / (first * 2**i)] for w, h in zip(pairs[::2], pairs[1::2])]
                 for i, pairs in enumerate(anchors)],
        iou=settings.pop('iou', 'CIoU'), gr=settings.pop('gr', 1.0), autobalance=settings.pop('autobalance', False),
        hyper=HYPER | settings,
        targets=targets(name, count, batch, nc) if rows is None else single(rows))


def tiny(name, **settings):
    return case(name, **{'anchors': SMALL, 'batch': 1, 'size': (32, 64), 'count': 8} | settings)


CASES = [
    case('three-layers-3'),
    case('three-layers-20', nc=20),
    case('three-layers-1', nc=1),
    case('four-layers', anchors=P6, size=(128, 192), count=40),
    case('five-layers', anchors=[*P6, [735, 980, 1202, 1088, 1600, 1280]], size=(128, 256), count=40),
    case('strict', anchor_t=2.0),
    case('gains', box=0.03, cls=0.7, obj=1.3),
    case('weights', cls_pw=0.5, obj_pw=2.0),
    case('smoothing', label_smoothing=0.1),
    case('focal', fl_gamma=1.5),
    case('focal-all', fl_gamma=0.5, cls_pw=2.0, obj_pw=0.7, label_smoothing=0.2, gr=0.3),
    case('ratio', gr=0.5),
    case('autobalance', calls=3, autobalance=True),
    case('autobalance-four-layers', anchors=P6, size=(128, 192), calls=3, autobalance=True, count=40),
    case('many', count=150),
    case('twenty-pictures', batch=20, size=(32, 64), rows=[[13, 1, 0.4, 0.7, 0.3, 0.5]]),
    *(tiny(f'tiny-{kind}', iou=kind) for kind in ('IoU', 'GIoU', 'DIoU', 'CIoU')),
    *(tiny(f'crowd-{kind}', iou=kind, rows=crowd(f'crowd-{kind}', 30, 3)) for kind in ('GIoU', 'CIoU')),
    *(tiny(f'ties-{kind}', iou=kind, rows=TIES, spread=0) for kind in ('IoU', 'GIoU', 'DIoU', 'CIoU')),
    tiny('border', rows=BORDER),
    tiny('no-targets', rows=[]),
    tiny('no-targets-focal', rows=[], fl_gamma=1.5, obj_pw=2.0),
    tiny('flat', rows=FLAT),
    tiny('only-flat', rows=FLAT[:3]),
    tiny('far-logits', spread=256),
    tiny('far-logits-focal', spread=256, fl_gamma=2.0),
    tiny('far-logits-GIoU', spread=256, iou='GIoU'),
]


def likeness(kind):
    """bbox_iou of another kind: ComputeLoss asks for CIoU only."""
    flags = {} if kind == 'IoU' else {kind: True}
    return lambda *boxes, CIoU, **more: metrics.bbox_iou(*boxes, **more, **flags)


def compute_loss(case):
    detect = types.SimpleNamespace(
        nl=len(case.strides), na=3, nc=case.nc, stride=torch.tensor(case.strides), anchors=torch.tensor(case.anchors))
    model = types.SimpleNamespace(
        parameters=lambda: iter([torch.zeros(1)]), hyp=case.hyper, model=[detect])
    compute = loss.ComputeLoss(model, case.autobalance)
    compute.gr = case.gr
    return compute


def gradients(case, grads):
    if sum(grad.size for grad in grads) <= FEW:
        return [grad.ravel().tolist() for grad in grads]
    layers = []
    for layer, grad in enumerate(grads):
        keys = [f'loss/{case.name}/projection/{layer}/{i}' for i in range(2)]
        products = [grad * (2 * uniform(key, *grad.shape) - 1) for key in keys]
        columns = [slice(0, 4), slice(4, 5), slice(5, None)]
        layers.append([
            [float(np.sqrt((grad[..., part] ** 2).sum())), *(float(product[..., part].sum()) for product in products)]
            for part in columns])
    return layers


def call(case, compute, number):
    shapes = [(case.batch, case.size[0] // s, case.size[1] // s, 3, 5 + case.nc) for s in case.strides]
    maps = [
        torch.from_numpy(case.spread * (2 * uniform(f'loss/{case.name}/{number}/{layer}', *shape) - 1)).requires_grad_()
        for layer, shape in enumerate(shapes)]
    with torch.enable_grad():
        total, items = compute([m.permute(0, 3, 1, 2, 4) for m in maps], torch.from_numpy(case.targets))
        total.backward()
    return {
        'items': items.tolist(), 'total': total.item(), 'balance': [float(x) for x in compute.balance[:len(maps)]],
        'gradients': gradients(case, [m.grad.numpy() for m in maps])}


def record(case):
    compute = compute_loss(case)
    loss.bbox_iou = likeness(case.iou)
    return vars(case) | {
        'targets': case.targets.tolist(), 'calls': [call(case, compute, number) for number in range(case.calls)]}


def make():
    torch.set_default_dtype(torch.float64)  # or ComputeLoss sums in single precision
    records(HERE / 'loss.json', {'cases': [record(case) for case in CASES], 'made with': [VERSIONS]})
    torch.set_default_dtype(torch.float32)
