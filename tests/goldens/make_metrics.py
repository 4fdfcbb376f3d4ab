# SPDX-License-Identifier: GPL-3.0-or-later
"""metrics.safetensors: what the reference's validation makes of predictions that are stored beside it.

A case CASE has these tensors, all pictures one after another:

    CASE.found.box, .confidence, .class  [n, 4], [n], [n]  detections, boxes in 1/16 pixel of the photograph
    CASE.there.box, .class               [m, 4], [m]       objects
    CASE.counts      [pictures, 2]  how many of both each picture has
    CASE.rows        [classes, 6]  class, labels, P, R, AP at 0.5, AP at 0.5 to 0.95
    CASE.curves      [4, classes, 10]  P, R, F1 over confidence, P over recall, every 111th of their 1000 points
    CASE.confusion   [nc + 1, nc + 1]

and in the metadata nc and the means. To be small, boxes are rounded before the reference sees them, and detections
of confidence below 0.003 are left out.
The made-up predictions are moved and swapped truths. With `--photos` and `--weights` the detections of yolov5s on
COCO128 come in, by the reference's val.py; without, those of the golden that is there stay.

numpy's default sort is not stable and sorts ties in an order of the processor's, so that the reference's own results
differ from machine to machine where confidences are equal. Here it sorts stably.
"""
import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open

from portable import uniform
from reference import VERSIONS, metrics
from store import HERE, safetensors

from yolov5 import val

np.int = int  # which numpy has dropped since
GOLDEN = HERE / 'metrics.safetensors'
LEAST = 0.003
POINTS = slice(0, None, 111)
IOUV = torch.linspace(0.5, 0.95, 10)


class StableNumpy:
    """numpy with a stable argsort."""
    def __getattr__(self, name):
        return getattr(np, name)

    @staticmethod
    def argsort(values):
        return np.argsort(values, kind='stable')


class StableArray(np.ndarray):
    def argsort(self, kind='stable'):
        return super().argsort(kind='stable')


def evaluate(nc, pictures):
    """The loop of val.py over pictures (detections [n, 6], truths [m, 5] with the class last)."""
    stats, confusion = [], metrics.ConfusionMatrix(nc)
    for pred, truths in pictures:
        labels = torch.cat((truths[:, 4:], truths[:, :4]), 1)
        tcls = labels[:, 0].tolist()
        if len(pred) == 0:
            if len(labels):
                stats.append((torch.zeros(0, 10, dtype=torch.bool), torch.Tensor(), torch.Tensor(), tcls))
            continue
        if len(labels):
            correct = val.process_batch(pred, labels, IOUV)
            confusion.process_batch(pred, labels)
        else:
            correct = torch.zeros(len(pred), 10, dtype=torch.bool)
        stats.append((correct, pred[:, 4], pred[:, 5], tcls))
    stats = [np.concatenate(x, 0) for x in zip(*stats)]
    if not (len(stats) and stats[0].any()):
        return None, confusion.matrix
    drawn = {}
    metrics.plot_pr_curve = lambda px, py, ap, path, names: drawn.update(pr=np.stack(py))
    metrics.plot_mc_curve = lambda px, py, path, names, ylabel: drawn.update({ylabel: py})
    _, _, p, r, _, ap, classes = metrics.ap_per_class(*stats, plot=True, names={c: str(c) for c in range(nc)})
    labels = np.bincount(stats[3].astype(np.int64), minlength=nc)[classes]
    # The reference leaves classes without detections out of this one.
    over_recall = np.zeros_like(drawn['F1'])
    over_recall[np.isin(classes, stats[2])] = drawn['pr']
    return {
        'rows': np.stack((classes, labels, p, r, ap[:, 0], ap.mean(1)), 1),
        'curves': np.stack((drawn['Precision'], drawn['Recall'], drawn['F1'], over_recall))[..., POINTS],
        'means': {'precision': p.mean(), 'recall': r.mean(), 'map50': ap[:, 0].mean(), 'map': ap.mean(),
                  'fitness': metrics.fitness(np.array([[p.mean(), r.mean(), ap[:, 0].mean(), ap.mean()]]))[0]},
    }, confusion.matrix


def stable(function, *arguments):
    """The reference with stable sorts: numpy itself in its modules, and what `Tensor.numpy` hands it."""
    tensor_numpy, numpys = torch.Tensor.numpy, [(module, module.np) for module in (metrics, val)]
    torch.Tensor.numpy = lambda tensor: tensor_numpy(tensor).view(StableArray)
    for module, _ in numpys:
        module.np = StableNumpy()
    try:
        return function(*arguments)
    finally:
        torch.Tensor.numpy = tensor_numpy
        for module, original in numpys:
            module.np = original


def made_up(case, nc, pictures, truths, ties=False, blind=(), absent=()):
    """Pictures of up to `truths` objects. Classes of `blind` are never detected, those of `absent` only detected."""
    out = []
    for i in range(pictures):
        u = uniform(f'metrics/{case}/{i}', truths, 4, 8)
        m = int(u[0, 0, 7] * (truths + 1)) if i % 7 else 0
        corner, size = 500 * u[:, 0, :2], 10 + 120 * u[:, 0, 2:4]
        classes = np.floor(nc * u[:, 0, 4] ** 2)
        objects = np.concatenate((corner, corner + size, classes[:, None]), 1)[:m]
        objects = objects[~np.isin(objects[:, 4], absent)]
        found = []
        for k in range(0 if i % 5 == 2 else truths):
            for copy in range(1, 4):
                moved, kept = u[k, copy], u[k, copy, 5] < (0.9, 0.5, 0.2)[copy - 1]
                if not kept:
                    continue
                shift = (moved[:4] - 0.5) * 2 * u[k, 0, 5] ** 2 * np.tile(size[k], 2)
                box = np.concatenate((corner[k], corner[k] + size[k])) + shift
                kind = classes[k] if moved[6] < 0.85 else np.floor(nc * moved[7])
                confidence = moved[4] if k < m else moved[4] ** 3
                if ties:
                    confidence = np.ceil(confidence * 8) / 8
                if kind not in blind:
                    found.append([*box, confidence, kind])
        found.sort(key=lambda row: -row[4])
        out.append((np.array(found).reshape(-1, 6), objects.reshape(-1, 5)))
    return nc, out


def coco128(photos, weights):
    """What val.py detects at 640 on COCO128, and the labels as it compares them."""
    data = photos.parent / 'coco128'
    pictures, labels = [], []
    process_batch = val.process_batch

    def listen(detections, truths, iouv):
        labels.append(truths)
        return process_batch(detections, truths, iouv)

    class Callbacks:
        def run(self, hook, *arguments):
            if hook == 'on_val_image_end':
                truths = labels.pop() if labels else torch.zeros(0, 5)
                pictures.append((arguments[1].numpy(), torch.cat((truths[:, 1:], truths[:, :1]), 1).numpy()))

    with tempfile.TemporaryDirectory() as folder:
        # The reference writes a cache beside the labels.
        for kind in 'images', 'labels':
            for file in sorted((data / kind).rglob('*.*')):
                link = Path(folder, kind, file.name)
                link.parent.mkdir(exist_ok=True)
                link.symlink_to(file.resolve())
        from make_photos import load
        model = load(weights)
        config = {'path': folder, 'train': 'images', 'val': 'images', 'nc': 80, 'names': model.names}
        config = val.check_dataset(config)
        loader = val.create_dataloader(
            config['val'], 640, 8, 32, pad=0.5, rect=True, workers=0)[0]
        val.process_batch = listen
        try:
            (p, r, map50, map_, *_), _, _ = val.run(
                config, model=model, dataloader=loader, plots=False, callbacks=Callbacks(), half=False)
        finally:
            val.process_batch = process_batch
    assert len(pictures) == len(loader.dataset), 'a picture without detections'
    print(f'yolov5s on COCO128: P {p:.4f}, R {r:.4f}, mAP50 {map50:.4f}, mAP50-95 {map_:.4f}')
    return 80, pictures


def blood_cells(photos):
    """The cells of BCCD's test pictures, detected with moved boxes."""
    import xml.etree.ElementTree as tree
    data, names = photos.parent / 'bccd', ('RBC', 'WBC', 'Platelets')
    pictures = []
    for name in (data / 'ImageSets/Main/test.txt').read_text().split():
        objects = tree.parse(data / f'Annotations/{name}.xml').getroot().iter('object')
        truths = np.array([[*(float(one.find('bndbox').find(side).text) for side in ('xmin', 'ymin', 'xmax', 'ymax')),
                            names.index(one.find('name').text)] for one in objects])
        u = uniform(f'metrics/bccd/{name}', len(truths), 6)
        size = np.tile(truths[:, 2:4] - truths[:, :2], 2)
        boxes = truths[:, :4] + 0.6 * u[:, 5:] * (u[:, :4] - 0.5) * size
        found = np.concatenate((boxes, u[:, 4:5], truths[:, 4:]), 1)[u[:, 5] < 0.95]
        pictures.append((found[np.argsort(-found[:, 4], kind='stable')], truths))
    return 3, pictures


def stored():
    """The cases of photographs as the golden has them."""
    if not GOLDEN.exists():
        return {}
    with safe_open(GOLDEN, 'pt') as file:
        def case(name):
            def part(key):
                values = file.get_tensor(f'{name}.{key}').double()
                return (values / 16 if key.endswith('box') else values).reshape(len(values), -1).numpy()
            found = np.hstack((part('found.box'), part('found.confidence'), part('found.class')))
            truths = np.hstack((part('there.box'), part('there.class')))
            ends = np.cumsum(file.get_tensor(f'{name}.counts').numpy(), 0)[:-1]
            pictures = zip(np.split(found, ends[:, 0]), np.split(truths, ends[:, 1]))
            return json.loads(file.metadata()[name])['nc'], list(pictures)
        return {name: case(name) for name in ('bccd', 'coco128') if name in file.metadata()}


def make(photos=None, weights=None):
    cases = {
        'several': made_up('several', 6, 40, 12, blind=(4,), absent=(3,)),
        'single': made_up('single', 1, 20, 8),
        'ties': made_up('ties', 4, 25, 10, ties=True),
        'many-classes': made_up('many-classes', 80, 20, 20),
        'nothing-found': (3, [(np.zeros((0, 6)), truths) for _, truths in made_up('several', 3, 5, 6)[1]]),
        'nothing-right': (3, [(found + [900, 900, 900, 900, 0, 0], truths)
                              for found, truths in made_up('several', 3, 5, 6)[1]]),
        'nothing-there': (3, [(found, np.zeros((0, 5))) for found, _ in made_up('several', 3, 5, 6)[1]]),
        'no-pictures': (2, []),
    }
    if photos and weights:
        cases |= {'bccd': blood_cells(photos), 'coco128': coco128(photos, weights)}
    else:
        cases |= stored()
    tensors, described = {}, {}
    for case, (nc, pictures) in cases.items():
        rounded = [
            (torch.from_numpy(found[found[:, 4] >= LEAST]).float(), torch.from_numpy(truths).float().clone())
            for found, truths in pictures]
        for rows in (rows for pair in rounded for rows in pair):
            rows[:, :4] = (rows[:, :4] * 16).round() / 16
        result, confusion = stable(evaluate, nc, rounded)
        found = torch.cat([found for found, _ in rounded] or [torch.zeros(0, 6)])
        truths = torch.cat([truths for _, truths in rounded] or [torch.zeros(0, 5)])
        tensors |= {
            f'{case}.found.box': (found[:, :4] * 16).short(), f'{case}.found.class': found[:, 5].byte(),
            f'{case}.found.confidence': torch.tensor(found[:, 4].tolist()),
            f'{case}.there.box': (truths[:, :4] * 16).short(), f'{case}.there.class': truths[:, 4].byte(),
            f'{case}.counts': torch.tensor([[len(a), len(b)] for a, b in rounded]).reshape(-1, 2).short(),
            f'{case}.confusion': torch.from_numpy(confusion).short(),
        }
        if result:
            tensors |= {f'{case}.rows': torch.from_numpy(result['rows']).float(),
                        f'{case}.curves': torch.from_numpy(result['curves']).float()}
        described[case] = json.dumps({'nc': nc} | (result['means'] if result else {}))
    safetensors(GOLDEN, tensors, described | VERSIONS)
