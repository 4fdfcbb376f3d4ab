# SPDX-License-Identifier: GPL-3.0-or-later
"""training/CASE.json: one training step of the article's models and their yardsticks, and ten steps of SGD.

Each case is computed twice, in double and in single precision, from the same single-precision weights (`portable.py`),
picture (key `input`, [2, 3, size, size]) and targets. The network is in train() mode, batch norm with epsilon 0.001 and
momentum 0.03. The loss is v6.1's ComputeLoss with hyp.scratch-low as it stands, not scaled by layers, classes and image
size as train.py does, `gr` at 1, no label smoothing, no focal loss, no auto-balance.

Targets: twelve rows of image, class, and centre and size as fractions, six of each image. Of row i in the stream `targets`
([12, 5], elements u0 to u4): i // 6, floor(nc u0), 0.1 + 0.8 u1, 0.1 + 0.8 u2, 0.05 + 0.45 u3, 0.05 + 0.45 u4, in double
precision and rounded to single.

`loss`: the items box, obj and cls, with their gains, as ComputeLoss returns them; `total`, which is backpropagated: their
sum times the batch; and the norm of the whole gradient. A record for the network in double, one in single precision.

`parameters`, in double precision: the norm of the gradient, its projection, the distance to it of the gradient in single
precision, and of the parameter itself after ten steps the projection, and the distance that another order of summation
makes. `buffers`: norm and projection of the running statistics after the first step. The projection of x is the sum of
x_i (2 u_i - 1), in row-major order, u being the stream `projection.NAME`; its error is to be held against the norm, for it
may itself be near zero. Some gradients are zero but for rounding, such as that of a bias that the next batch norm
subtracts; they stand here as computed.

`steps`: `total` before each of ten steps on the same batch. SGD with Nesterov momentum 0.937 and learning rate 0.01 for
all, no warm-up, no average; weight decay 0.0005, as it stands, for weights other than batch norm's. `blocks` and `yolov5s-transformer` take none.

The other order of summation is PyTorch's for tensors in channels-last layout, `f64_channels_last`. yolov5-shufflenetv2
multiplies a rounding error by about thirty in every step: from the eighth, even double precision differs from itself by
more than 1e-7. The last digits depend on the processor.
"""
import torch
import yaml
from torch import nn

from portable import uniform
from reference import ORACLE_HOME, VERSIONS, seeded
from store import HERE, REPOSITORY, records
from yolov5.utils.loss import ComputeLoss

TRAINED = 'yolov5n', 'yolov5s', 'yolov5-shufflenetv2', 'yolov5-mobilenetv3-small', 'yolov5s-ghost'
HYP = yaml.safe_load((ORACLE_HOME / 'src/yolov5/data/hyps/hyp.scratch-low.yaml').read_text(encoding='utf-8'))
BATCH = 2
STEPS = 10


def targets(nc, count=12):
    u = torch.from_numpy(uniform('targets', count, 5))
    image = torch.arange(count, dtype=torch.float64) * BATCH // count
    rows = torch.cat((image[:, None], (nc * u[:, :1]).floor(), 0.1 + 0.8 * u[:, 1:3], 0.05 + 0.45 * u[:, 3:]), 1)
    return rows.float()


def optimiser(model):
    """v6.1's three groups, which must hold every parameter once; C3TR's `in_proj_*` would be in none of them."""
    norms, weights, biases = [], [], []
    for module in model.modules():
        if isinstance(getattr(module, 'bias', None), nn.Parameter):
            biases.append(module.bias)
        if isinstance(module, nn.BatchNorm2d):
            norms.append(module.weight)
        elif isinstance(getattr(module, 'weight', None), nn.Parameter):
            weights.append(module.weight)
    if sorted(map(id, norms + weights + biases)) != sorted(map(id, model.parameters())):
        raise RuntimeError('the groups do not cover the parameters')
    sgd = torch.optim.SGD(norms, lr=HYP['lr0'], momentum=HYP['momentum'], nesterov=True)
    sgd.add_param_group({'params': weights, 'weight_decay': HYP['weight_decay']})
    sgd.add_param_group({'params': biases})
    return sgd


def projection(name, x):
    u = torch.from_numpy(uniform(f'projection.{name}', x.numel()))
    return (x.double().flatten() * (2 * u - 1)).sum().item()


def total_norm(tensors):
    return sum(x.double().square().sum() for x in tensors.values()).sqrt().item()


def train(path, size, steps, dtype, layout=torch.contiguous_format):
    """The first step's loss items, gradients and running statistics, each step's loss, and the parameters at last.

    ComputeLoss adds up in the default type, which for once must not be single.
    """
    model = seeded(path).to(dtype=dtype, memory_format=layout).train()
    model.hyp = HYP
    boxes = targets(model.yaml['nc']).to(dtype)
    pictures = torch.from_numpy(uniform('input', BATCH, 3, size, size)).to(dtype)
    # v6.1's groups leave out attention's own parameters; a model that has them takes no steps here.
    sgd = optimiser(model) if steps else None
    losses = []
    torch.set_default_dtype(dtype)
    compute = ComputeLoss(model)
    for step in range(max(steps, 1)):
        with torch.enable_grad():
            loss, items = compute(model(pictures), boxes)
            loss.backward()
        losses.append(loss.item())
        if step == 0:
            first = items.tolist()
            gradients = {name: p.grad.clone() for name, p in model.named_parameters()}
            buffers = {name: b.clone() for name, b in model.named_buffers() if '.running_' in name}
        if sgd:
            sgd.step()
            sgd.zero_grad()
    torch.set_default_dtype(torch.float32)
    return first, gradients, buffers, losses, dict(model.named_parameters())


def write(name, path, size, steps):
    nc = yaml.safe_load(path.read_text())['nc']
    items, gradients, buffers, losses, trained = train(path, size, steps, torch.float64)
    *_, losses_other, trained_other = train(path, size, steps, torch.float64, torch.channels_last)
    items_32, gradients_32, _, losses_32, _ = train(path, size, steps, torch.float32)

    def loss(precision, items, losses, gradients):
        of = dict(zip(('box', 'obj', 'cls'), items))
        return {'precision': precision, **of, 'total': losses[0], 'gradient_norm': total_norm(gradients)}

    def parameter(key, gradient):
        record = {
            'name': key, 'norm': gradient.norm().item(), 'projection': projection(key, gradient),
            'f32_distance': (gradients_32[key].double() - gradient).norm().item()}
        if steps:
            record['after_steps'] = projection(key, trained[key])
            record['after_steps_distance'] = (trained_other[key] - trained[key]).norm().item()
        return record

    groups = {
        'case': [{
            'model': path.relative_to(REPOSITORY).as_posix(), 'nc': nc, 'batch': BATCH, 'height': size, 'width': size,
            'lr': HYP['lr0'], **VERSIONS}],
        'targets': targets(nc).tolist(),
        'loss': [loss('f64', items, losses, gradients), loss('f32', items_32, losses_32, gradients_32)],
        'parameters': [parameter(*entry) for entry in gradients.items()],
        'buffers': [
            {'name': key, 'norm': x.norm().item(), 'projection': projection(key, x)} for key, x in buffers.items()],
    }
    if steps:
        groups['steps'] = [
            {'f64': a, 'f64_channels_last': b, 'f32': c} for a, b, c in zip(losses, losses_other, losses_32)]
    records(HERE / f'training/{name}.json', groups)


def make():
    torch.use_deterministic_algorithms(True)
    for name in TRAINED:
        write(name, REPOSITORY / f'models/{name}.yaml', 128, STEPS)
    write('blocks', HERE / 'blocks.yaml', 64, 0)
    write('yolov5s-transformer', REPOSITORY / 'models/yolov5s-transformer.yaml', 64, 0)
    torch.use_deterministic_algorithms(False)
