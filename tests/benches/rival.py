# SPDX-License-Identifier: GPL-3.0-or-later
"""The reference's training step for `training.rs`: each line NAME is answered with the seconds of one optimiser step, batch 4
at 320×320, 20 classes, channels-last layout, and by how many MB the process has grown since before the model was made.
Needs the environment of `../goldens/README.md`.

    RIVAL='OMP_NUM_THREADS=2 python tests/benches/rival.py' cargo bench -p yolo-tests --bench training
"""
import os
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parents[1] / 'goldens'))
import torch
import yaml
from make_training import HYP, optimiser
from reference import REPOSITORY
from yolov5.models.yolo import Model
from yolov5.utils.loss import ComputeLoss

torch.set_num_threads(int(os.environ.get('OMP_NUM_THREADS', 2)))
torch.set_grad_enabled(True)


def setup(name):
    cfg = yaml.safe_load((REPOSITORY / f'models/{name}.yaml').read_text())
    torch.manual_seed(0)
    model = Model(cfg, ch=3, nc=20).train().to(memory_format=torch.channels_last)
    model.hyp = HYP
    u = torch.rand(24, 5)
    image = (torch.arange(24) % 4).float()[:, None]
    targets = torch.cat((image, (20 * u[:, :1]).floor(), 0.1 + 0.8 * u[:, 1:3], 0.05 + 0.45 * u[:, 3:]), 1)
    pictures = torch.rand(4, 3, 320, 320).contiguous(memory_format=torch.channels_last)
    return model, ComputeLoss(model), optimiser(model), pictures, targets


def resident():
    """MB of memory that the process holds."""
    return int(Path('/proc/self/statm').read_text().split()[1]) * os.sysconf('SC_PAGE_SIZE') / 1e6


ready = {}
for line in sys.stdin:
    name = line.strip()
    if name not in ready:
        ready.clear()
        before = resident()
        ready[name] = setup(name)
    model, compute, sgd, pictures, targets = ready[name]
    start = time.perf_counter()
    sgd.zero_grad()
    loss, _ = compute(model(pictures), targets)
    loss.backward()
    sgd.step()
    print(time.perf_counter() - start, resident() - before, flush=True)
