# SPDX-License-Identifier: GPL-3.0-or-later
"""evolve/: what the reference's own `train.py --evolve` makes of made-up trainings.

With seed 5, generation n draws its numbers from the stream of `evolve` counted by (5, n), in the order in which the
reference asks for them; a normal number is made of two uniform ones. A training of generation n comes to the seven
numbers of row n of the stream `evolve/results`, its losses ten times them; generation 2 comes to zeros.
"""
import math
import random
import shutil
import sys
import tempfile
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np

from portable import fnv1a, uniform
from store import HERE, report
import reference  # noqa: F401

SEED, GENERATIONS = 5, 12


class Stream:
    """`Stream::counted` of random.rs."""
    def __init__(self, name, *numbers):
        self.state = fnv1a(name)
        for number in numbers:
            self.state = self.next() ^ number

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) % 2**64
        z = self.state
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        return z ^ (z >> 31)

    def uniform(self):
        return (self.next() >> 40) / 2**24

    def normal(self):
        radius = math.sqrt(-2 * math.log(1 - self.uniform()))
        return radius * math.cos(2 * math.pi * self.uniform())


class Python(random.Random):
    """Stands in for the module `random` in train.py."""
    stream = None

    def random(self):
        return self.stream.uniform()


class Numpy:
    """Stands in for `numpy.random` in train.py."""
    stream = None

    def seed(self, value):
        pass

    def random(self, count=None):
        return self.stream.uniform() if count is None else np.array([self.stream.uniform() for _ in range(count)])

    def randn(self, count):
        return np.array([self.stream.normal() for _ in range(count)])


class NumpyModule:
    def __getattr__(self, name):
        return getattr(np, name)


def evolve(folder):
    # Asked for on import, used by what uploads.
    for name in 'boto3', 'botocore', 'botocore.exceptions':
        sys.modules.setdefault(name, MagicMock())
    from yolov5 import train
    python, numpy, module = Python(), Numpy(), NumpyModule()
    module.random = numpy
    rows = uniform('evolve/results', GENERATIONS, 7)
    done = 0

    def trained(hyp, opt, device, callbacks):
        nonlocal done
        assert opt.noval and opt.nosave
        Path(opt.save_dir).mkdir(exist_ok=True)
        python.stream = numpy.stream = Stream('evolve', SEED, done + 1)
        row = rows[done] * [1, 1, 1, 1, 10, 10, 10]
        if done == 2:
            row = np.zeros(7)
        done += 1
        return tuple(float(value) for value in row)

    train.random, train.np, train.train, train.plot_evolve = python, module, trained, lambda csv: None
    arguments, sys.argv = sys.argv, ['train.py']
    try:
        options = train.parse_opt(True)
    finally:
        sys.argv = arguments
    options.evolve, options.project, options.name, options.device = GENERATIONS, str(folder), 'exp', 'cpu'
    options.weights, options.cfg, options.resume = '', 'yolov5n.yaml', False
    options.hyp = str(Path(train.__file__).parent / 'data/hyps/hyp.scratch-low.yaml')
    train.main(options)
    return folder / 'exp'


def make():
    out = HERE / 'evolve'
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    with tempfile.TemporaryDirectory() as folder:
        made = evolve(Path(folder))
        for name in 'evolve.csv', 'hyp_evolve.yaml':
            shutil.copy(made / name, out / name)
    for file in sorted(out.iterdir()):
        report(file)
