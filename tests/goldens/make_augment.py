# SPDX-License-Identifier: GPL-3.0-or-later
"""augment.json: what the reference's augmentation and datasets make of given random numbers, pictures and label files.

Pictures are those of `portable.picture`, named by width and height, read as RGB; SHA-256 is of RGB bytes in rows.
Random numbers are put in the place of Python's and NumPy's. Boxes and outlines are single-precision numbers; objects
are [class, left, top, right, bottom] in pixels, labels [class, x, y, width, height] in shares.

    area          from, to (width, height), hash of `cv2.resize(…, INTER_AREA)`
    hsv           picture ('cube' is 512×512: see `cube`), gains, hash
    polygon       size (height, width), points, hash of the mask's bytes 0 and 1
    perspective   picture, numbers, border, objects, segments; matrix, hash, objects left
    mosaic        tiles (picture, labels, segments), side, centre or offset; hash and objects before the warp
    copy_paste    picture, objects, segments, chosen; hash, objects, segments
    mixup         pictures, ratio, hash
    quad          pictures, labels; hash of the enlarged first, hash and labels of all four
    train         a whole `__getitem__` without mosaic and a whole mosaic with all that follows
    val           a folder of pictures through the loader in rectangular batches, padded by half a stride
    voc           annotations through the script in VOC.yaml: names, XML, rows
    verify        label files through `verify_image_label`: text, labels or none, counts, message
    counts        the same of BCCD and COCO128, which stand in ../shared/data beside the repository
"""
import contextlib
import io
import tempfile
import types
from pathlib import Path
from unittest import mock

import cv2
import numpy as np
import torch
import yaml
from PIL import Image

from portable import picture, uniform
from reference import ORACLE_HOME
from store import HERE, REPOSITORY, records, sha256
from yolov5.utils import augmentations, datasets

AREA = [  # from, to
    ((64, 48), (32, 24)), ((60, 45), (20, 15)), ((64, 48), (16, 12)), ((64, 48), (16, 24)), ((61, 47), (40, 30)),
    ((97, 61), (64, 40)), ((320, 240), (64, 48)), ((333, 500), (64, 96)), ((100, 75), (99, 74)),
    ((640, 427), (320, 213)), ((51, 39), (17, 20)), ((7, 5), (1, 1)),
]
HSV = [((64, 48), (0.015, 0.7, 0.4)), ((67, 5), (0.5, 0.9, 0.9)), ('cube', (0.015, 0.7, 0.4)),
       ('cube', (0.9, 0.9, 0.9)), ('cube', (0.0, 0.0, 1e-9)), ((31, 3), (0.1, 0.2, 0.3))]
PERSPECTIVE = [  # picture, border, hyperparameters
    ((96, 96), -24, {'translate': 0.1, 'scale': 0.5}), ((128, 128), -32, {'translate': 0.1, 'scale': 0.9}),
    ((96, 64), 0, {'degrees': 30, 'translate': 0.2, 'scale': 0.5, 'shear': 15}),
    ((80, 80), -20, {'degrees': 180, 'translate': 0.5, 'scale': 0.9, 'shear': 40}),
    ((96, 96), -24, {'degrees': 10, 'translate': 0.1, 'scale': 0.5, 'shear': 5, 'perspective': 0.001}),
    ((200, 144), 0, {'degrees': 5, 'translate': 0.1, 'scale': 0.3, 'perspective': 0.003}), ((64, 64), 0, {}),
    ((640, 640), -160, {'translate': 0.1, 'scale': 0.9}),
]
SIZES = [(60, 40), (40, 60), (64, 64), (90, 30), (33, 70), (50, 49), (20, 80), (80, 75), (64, 48)]


class Numbers:
    """Stands for Python's module random: each function gives what was laid ready for it, as often as it is asked."""
    def __init__(self, **ready):
        self.ready = {name: list(values) for name, values in ready.items()}

    def __getattr__(self, name):
        return lambda *_, **__: self.ready[name].pop(0)

    def shuffle(self, values):
        values[:] = [values[i] for i in self.ready['shuffle'].pop(0)]


def single(values):
    return np.asarray(values, np.float32)


def plain(values):
    return np.asarray(values, np.float64).tolist()


def digest(pixels):
    return sha256(np.ascontiguousarray(pixels, np.uint8).tobytes())


def cube():
    """64 levels of each colour: red runs fastest, blue slowest."""
    i = np.arange(64 ** 3)
    levels = np.stack([4 * (i % 64) + 1, 4 * (i // 64 % 64) + 2, 4 * (i // 4096) + 3], -1)
    return levels.astype(np.uint8).reshape(512, 512, 3)


def objects(key, count, width, height):
    """Boxes in pixels, some of them over the border."""
    u = uniform(f'augment/{key}', count, 5)
    x, y, w, h = width * u[:, 1], height * u[:, 2], width * u[:, 3] / 2, height * u[:, 4] / 2
    return single(np.stack([(3 * u[:, 0]).astype(int), x - w / 2, y - h / 2, x + w / 2, y + h / 2], -1))


def labels(key, count):
    """Boxes in shares."""
    u = uniform(f'augment/{key}', count, 5)
    w, h = 0.05 + 0.5 * u[:, 3], 0.05 + 0.5 * u[:, 4]
    return single(np.stack([(3 * u[:, 0]).astype(int), w / 2 + (1 - w) * u[:, 1], h / 2 + (1 - h) * u[:, 2], w, h], -1))


def outlines(boxes, key):
    """An outline of eleven points within each box [left, top, right, bottom]."""
    turn = np.arange(11) * (2 * np.pi / 11)
    for i, (left, top, right, bottom) in enumerate(boxes.astype(np.float64)):
        radius = 0.25 + 0.25 * uniform(f'augment/{key}/{i}', 11)
        x = left + (right - left) * (0.5 + radius * np.cos(turn))
        y = top + (bottom - top) * (0.5 + radius * np.sin(turn))
        yield single(np.stack([x, y], -1))


def corners(rows):
    x, y, w, h = rows[:, 1:].T
    return np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], -1)


def area():
    for source, target in AREA:
        yield {'from': source, 'to': target,
               'sha256': digest(cv2.resize(picture(*source), target, interpolation=cv2.INTER_AREA))}


def hsv():
    for name, gains in HSV:
        image = cube() if name == 'cube' else picture(*name)
        u = 2 * uniform(f'augment/hsv/{name}/{gains}', 3) - 1
        bgr = image[..., ::-1].copy()
        with mock.patch.object(np.random, 'uniform', lambda *_: u):
            augmentations.augment_hsv(bgr, *gains)
        yield {'picture': name, 'gains': (u * gains + 1).tolist(), 'sha256': digest(bgr[..., ::-1])}


def polygons():
    for i in range(40):
        height, width = 20 + i, 50 - i // 2
        count = 3 + i % 9
        u = uniform(f'augment/polygon/{i}', count, 2)
        # Up to a pixel beyond the picture, as clipped outlines reach.
        points = np.floor(u * [width + 1, height + 1]).astype(np.int32)
        mask = np.zeros((height, width), np.uint8)
        cv2.drawContours(mask, [points], -1, 1, cv2.FILLED)
        yield {'size': [height, width], 'points': points.tolist(), 'sha256': digest(mask)}


@contextlib.contextmanager
def matrices():
    """Catches the matrices that OpenCV is given."""
    caught = []

    def spy(name, real):
        def warp(image, matrix, **options):
            caught.append(np.vstack([matrix, [0, 0, 1]]) if len(matrix) == 2 else matrix)
            return real(image, matrix, **options)
        return mock.patch.object(cv2, name, warp)
    with spy('warpAffine', cv2.warpAffine), spy('warpPerspective', cv2.warpPerspective):
        yield caught


def warp_numbers(key, hyper):
    """The eight numbers in the order in which random_perspective asks."""
    get = {'degrees': 0, 'translate': 0, 'scale': 0, 'shear': 0, 'perspective': 0} | hyper
    spans = [(0, get['perspective'])] * 2 + [(0, get['degrees']), (1, get['scale'])] + [(0, get['shear'])] * 2 \
        + [(0.5, get['translate'])] * 2
    u = 2 * uniform(f'augment/{key}', 8) - 1
    return [middle + most * float(x) for (middle, most), x in zip(spans, u)]


def perspectives():
    for case, (size, border, hyper) in enumerate(PERSPECTIVE):
        for outlined in (False, True):
            key = f'perspective/{case}'
            targets = objects(key, 12, *size)
            segments = list(outlines(targets[:, 1:], key)) if outlined else []
            given = [plain(segment) for segment in segments]
            numbers = warp_numbers(f'{key}/numbers', hyper)
            with mock.patch.object(augmentations, 'random', Numbers(uniform=numbers)), matrices() as caught:
                image, left = augmentations.random_perspective(
                    picture(*size), targets.copy(), segments, border=(border, border), **hyper)
            yield {
                'picture': size, 'numbers': numbers, 'border': border, 'objects': plain(targets), 'segments': given,
                'matrix': plain(caught[0]) if caught else None, 'sha256': digest(image), 'left': plain(left)}


def loader(tiles, side, hyper):
    """As much of LoadImagesAndLabels as its mosaics touch."""
    def load_image(i):
        image = picture(*tiles[i][0])[..., ::-1]
        return image, image.shape[:2], image.shape[:2]
    return types.SimpleNamespace(
        img_size=side, mosaic_border=[-side // 2, -side // 2], indices=range(len(tiles)), load_image=load_image,
        labels=[rows for _, rows, _ in tiles], segments=[segments for _, _, segments in tiles],
        hyp={'copy_paste': 0, 'degrees': 0, 'translate': 0, 'scale': 0, 'shear': 0, 'perspective': 0} | hyper)


def tiles(key, count, side, outlined):
    for i in range(count):
        u = uniform(f'augment/{key}/{i}', 2)
        size = (side, int(side * (0.4 + 0.6 * u[0]))) if u[1] < 0.5 else (int(side * (0.4 + 0.6 * u[0])), side)
        rows = labels(f'{key}/{i}', i % 4)
        yield size, rows, list(outlines(corners(rows), f'{key}/{i}')) if outlined else []


def told(tile):
    size, rows, segments = tile
    return {'picture': size, 'labels': plain(rows), 'segments': [plain(segment) for segment in segments]}


def mosaics():
    side = 64
    for count, name in ((4, 'load_mosaic'), (9, 'load_mosaic9')):
        for case in range(4):
            key = f'mosaic/{count}/{case}'
            parts = list(tiles(key, count, side, case % 2 == 1))
            u = uniform(f'augment/{key}/centre', 2)
            # The reference asks for y first.
            y, x = (side / 2 + side * u if count == 4 else side * u).tolist()
            numbers = Numbers(uniform=[y, x], choices=[list(range(1, count))], shuffle=[range(count)])
            with mock.patch.object(datasets, 'random', numbers), mock.patch.object(
                    datasets, 'random_perspective', lambda image, rows, segments, **_: (image, rows)):
                image, rows = getattr(datasets.LoadImagesAndLabels, name)(loader(parts, side, {}), 0)
            yield {'tiles': [told(tile) for tile in parts], 'side': side, 'at': [int(x), int(y)],
                   'sha256': digest(image[..., ::-1]), 'objects': plain(rows)}


def copies():
    for case in range(6):
        size, count = (90 + 7 * case, 80), 3 + 2 * case
        key = f'copy_paste/{case}'
        rows = objects(key, count, *size)
        rows[:, 1:] = rows[:, 1:].clip(0, [*size, *size])
        if case > 2:  # small enough not to cover each other
            rows[:, 3:] = rows[:, 1:3] + (rows[:, 3:] - rows[:, 1:3]) * np.float32(0.5)
        segments = list(outlines(rows[:, 1:], key))
        chosen = np.argsort(uniform(f'augment/{key}/chosen', count))[:1 + count // 2].tolist()
        given = plain(rows), [plain(segment) for segment in segments]
        image = picture(*size)
        with mock.patch.object(augmentations, 'random', Numbers(sample=[chosen])):
            image, rows, segments = augmentations.copy_paste(image, rows, segments, p=0.5)
        yield {'picture': size, 'objects': given[0], 'segments': given[1], 'chosen': chosen, 'sha256': digest(image),
               'all': plain(rows), 'all_segments': [plain(segment) for segment in segments]}


def mixups():
    for ratio in (0.5, 0.4321, 0.61803398875):
        with mock.patch.object(np.random, 'beta', lambda *_: ratio):
            image, _ = augmentations.mixup(picture(48, 40), np.zeros((0, 5)), cube()[100:140, :48], np.zeros((0, 5)))
        yield {'picture': [48, 40], 'ratio': ratio, 'sha256': digest(image)}


def quads():
    for width, height in ((32, 32), (40, 24)):
        images = [picture(width, height)] + [
            np.ascontiguousarray(cube()[i:i + height, i:i + width]) for i in (100, 200, 300)]
        rows = [labels(f'quad/{width}/{i}', i) for i in range(4)]

        def collate(u):
            batch = [(torch.from_numpy(image.transpose(2, 0, 1).copy()),
                      torch.from_numpy(np.concatenate([np.zeros((len(row), 1), np.float32), row], 1)), '', None)
                     for image, row in zip(images, rows)]
            with mock.patch.object(datasets, 'random', Numbers(random=[u])):
                image, target, _, _ = datasets.LoadImagesAndLabels.collate_fn4(batch)
            return digest(image[0].numpy().transpose(1, 2, 0)), target[:, 1:]
        yield {'picture': [width, height], 'labels': [plain(row) for row in rows], 'enlarged': collate(0)[0],
               'joined': collate(1)[0], 'joined_labels': plain(collate(1)[1])}


def trains():
    """`__getitem__` as it stands; the random numbers that it asks for are all told."""
    side = 64
    hyper = {'degrees': 8, 'translate': 0.1, 'scale': 0.5, 'shear': 3, 'perspective': 0.0, 'hsv_h': 0.015, 'hsv_s': 0.7,
             'hsv_v': 0.4, 'flipud': 0.5, 'fliplr': 0.5, 'mosaic': 0.5, 'mixup': 0.0, 'copy_paste': 0.5}
    for case in range(8):
        mosaic = case % 2 == 1
        key = f'train/{case}'
        parts = list(tiles(key, 4, side, case % 4 == 3))
        parts[0] = parts[0][0], labels(f'{key}/first', 5), []
        if case % 4 == 3:
            parts[0] = parts[0][:2] + (list(outlines(corners(parts[0][1]), f'{key}/first')),)
        dummy = loader(parts, side, hyper)
        dummy.augment, dummy.rect, dummy.mosaic, dummy.im_files = True, False, True, [''] * 4
        dummy.albumentations = lambda image, rows: (image, rows)
        dummy.load_mosaic = lambda index: datasets.LoadImagesAndLabels.load_mosaic(dummy, index)
        numbers = warp_numbers(f'{key}/numbers', hyper)
        u = 2 * uniform(f'augment/{key}/hsv', 3) - 1
        flips = [0.0 if case & 2 else 1.0, 0.0 if case & 4 else 1.0]
        count = sum(len(rows) for _, rows, segments in parts if segments)
        chosen = list(range(0, count, 2))
        centre = (side / 2 + side * uniform(f'augment/{key}/centre', 2)).tolist()
        draws = Numbers(random=[0.0, 0.9] + flips if mosaic else [0.9] + flips, uniform=centre[::-1],
                        choices=[[1, 2, 3]], shuffle=[range(4)])
        with mock.patch.object(datasets, 'random', draws), mock.patch.object(
                augmentations, 'random', Numbers(uniform=numbers, sample=[chosen])), mock.patch.object(
                np.random, 'uniform', lambda *_: u):
            image, rows, _, _ = datasets.LoadImagesAndLabels.__getitem__(dummy, 0)
        yield {
            'tiles': [told(tile) for tile in parts], 'side': side, 'mosaic': mosaic, 'centre': [int(x) for x in centre],
            'chosen': chosen, 'numbers': numbers, 'gains': (u * [0.015, 0.7, 0.4] + 1).tolist(),
            'flipud': flips[0] < 0.5, 'fliplr': flips[1] < 0.5,
            'sha256': digest(image.numpy().transpose(1, 2, 0)), 'labels': plain(rows[:, 1:])}


@contextlib.contextmanager
def old_numpy():
    """The reference is of a time when NumPy had `int`."""
    with mock.patch.object(np, 'int', int, create=True):
        yield


def vals():
    for imgsz, pad in ((64, 0.5), (48, 0.5), (96, 0.0)):
        with tempfile.TemporaryDirectory() as folder, old_numpy(), contextlib.redirect_stdout(io.StringIO()):
            for kind in ('images', 'labels'):
                (Path(folder) / kind).mkdir()
            rows = {}
            for i, size in enumerate(SIZES):
                Image.fromarray(picture(*size)).save(Path(folder) / f'images/{i}.png')
                rows[i] = labels(f'val/{i}', i % 3)
                text = ''.join(f'{int(row[0])} ' + ' '.join(map(repr, plain(row[1:]))) + '\n' for row in rows[i])
                (Path(folder) / f'labels/{i}.txt').write_text(text)
            data = datasets.LoadImagesAndLabels(f'{folder}/images', imgsz, 2, rect=True, stride=32, pad=pad)
            batches = []
            for begin in range(0, len(data), 2):
                batch = [data[i] for i in range(begin, min(begin + 2, len(data)))]
                images, targets, paths, shapes = data.collate_fn(batch)
                batches.append({
                    'shape': list(images.shape), 'pictures': [int(Path(path).stem) for path in paths],
                    'sha256': digest(images.numpy()), 'targets': plain(targets),
                    'geometry': [[*original, *gain, *map(float, pad)] for original, (gain, pad) in shapes]})
        yield {'imgsz': imgsz, 'pad': pad, 'sizes': SIZES, 'labels': [plain(rows[i]) for i in rows], 'batches': batches}


def converter(names):
    """`convert_label` of the script in the reference's VOC.yaml."""
    script = yaml.safe_load((ORACLE_HOME / 'src/yolov5/data/VOC.yaml').read_text(encoding='utf8'))['download']
    script = script[:script.index('# Download')].replace('from utils.general import download, Path', '')
    space = {'yaml': {'names': names}}
    exec(script, space)  # noqa: S102
    return space['convert_label']


def annotation(size, *entries):
    rows = ''.join(
        f'<object><name>{name}</name><difficult>{difficult}</difficult><bndbox><xmax>{x2}</xmax><xmin>{x1}</xmin>'
        f'<ymin>{y1}</ymin><ymax>{y2}</ymax></bndbox>{more}</object>'
        for name, difficult, x1, y1, x2, y2, more in entries)
    size = f'<width>{size[0]}</width><height>{size[1]}</height><depth>3</depth>'
    return f'<annotation><size>{size}</size>{rows}</annotation>'


def vocs():
    part = '<part><name>cat</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></part>'
    for names, xml in (
            (['cat', 'dog'], annotation((353, 500), ('dog', 0, 48, 240, 195, 371, ''),
                                        ('cat', 0, 8, 12, 352, 498, ''))),
            (['cat', 'dog'], annotation((333, 77), ('dog', 1, 1, 2, 3, 4, ''), ('cow', 0, 1, 2, 3, 4, ''),
                                        ('cat', 0, 45.7, 11.25, 100.5, 70, part))),
            (['R&D'], annotation((640, 480), ('R&amp;D', 0, 1, 1, 640, 480, ''), ('R&amp;D', 0, 5, 5, 5, 9, '')))):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / 'VOC1/Annotations').mkdir(parents=True)
            (root / 'VOC1/Annotations/x.xml').write_text(xml)
            convert = converter(names)
            # It leaves its files to the interpreter to close.
            convert(root, root / 'x.txt', 1, 'x')
            rows = [list(map(float, line.split())) for line in (root / 'x.txt').read_text().splitlines()]
        yield {'names': names, 'xml': xml, 'rows': plain(single(rows))}


VERIFY = [
    '0 0.5 0.5 0.25 0.125\n1 0.1 0.2 0.1 0.05\n', '', ' \n',
    '0 0.5 0.5 0.2 0.2\n0 0.5 0.5 0.2 0.2\n2 0.3 0.3 0.1 0.1\n',
    '0 0.5 0.5 1.2 0.2\n', '0 -0.1 0.5 0.2 0.2\n', '0 0.5 0.5 0.2\n', '0 0.5 0.5 0.2 0.2 0.9\n', '0 0.5 x 0.2 0.2\n',
    '0 0.5 0.5 nan 0.2\n', '0 0.5 0.5 0 0.2\n', '1 0.1 0.1 0.4 0.1 0.4 0.6 0.2 0.7\n2 0.5 0.5 0.9 0.5 0.7 0.8\n',
    '1 0.1 0.1 0.4 0.1 0.4\n1 0.1 0.1 0.4 0.1 0.4 0.6 0.2\n', '\t1   0.25 1e-1 .5 0.05\r\n\n0 0.3333333333 0.1 0.1 0.1',
    '1 0.1 0.1 0.4 0.1 0.4 1.6\n', '0 1 1 1 1\n',
]


def verifies():
    with tempfile.TemporaryDirectory() as folder:
        image, label = Path(folder) / 'x.png', Path(folder) / 'x.txt'
        Image.fromarray(picture(20, 12)).save(image)
        for text in VERIFY:
            label.write_text(text, newline='')
            file, rows, shape, segments, missing, found, empty, corrupt, message = datasets.verify_image_label(
                (str(image), str(label), ''))
            yield {'text': text, 'labels': None if file is None else plain(rows), 'segments': None if file is None else
                   [plain(segment) for segment in segments], 'counts': [found, missing, empty, corrupt],
                   'message': bool(message)}


def counts():
    shared = REPOSITORY.parent / 'shared/data'
    convert = converter(['RBC', 'WBC', 'Platelets'])
    for split in ('train', 'val', 'test'):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for name in ('VOC1', 'images', 'labels'):
                (root / name).mkdir()
            (root / 'VOC1/Annotations').symlink_to(shared / 'bccd/Annotations')
            for name in (shared / f'bccd/ImageSets/Main/{split}.txt').read_text().split():
                (root / f'images/{name}.jpg').symlink_to(shared / f'bccd/JPEGImages/{name}.jpg')
                convert(root, root / f'labels/{name}.txt', 1, name)
            yield {'dataset': 'bccd', 'split': split, **counted(root / 'images')}
    with tempfile.TemporaryDirectory() as folder:
        for kind in ('images', 'labels'):
            (Path(folder) / kind).mkdir()
            for file in (shared / f'coco128/{kind}/train2017').glob('*.*'):
                (Path(folder) / kind / file.name).symlink_to(file)
        yield {'dataset': 'coco128', 'split': 'train', **counted(Path(folder) / 'images')}


def counted(folder):
    results = [datasets.verify_image_label((str(file), datasets.img2label_paths([str(file)])[0], ''))
               for file in sorted(folder.glob('*.*'))]
    rows = np.concatenate([rows for _, rows, *_ in results if rows is not None])
    # In single precision sums depend on their order; in double, these do not to ten digits.
    return {'counts': [sum(result[i] for result in results) for i in (5, 4, 6, 7)], 'objects': len(rows),
            'classes': np.bincount(rows[:, 0].astype(int)).tolist(),
            'sums': rows[:, 1:].astype(np.float64).sum(0).tolist()}


def make():
    cv2.setNumThreads(1)
    records(HERE / 'augment.json', {
        'opencv': [cv2.__version__], 'area': list(area()), 'hsv': list(hsv()), 'polygon': list(polygons()),
        'perspective': list(perspectives()), 'mosaic': list(mosaics()), 'copy_paste': list(copies()),
        'mixup': list(mixups()), 'quad': list(quads()), 'train': list(trains()), 'val': list(vals()),
        'voc': list(vocs()), 'verify': list(verifies()), 'counts': list(counts())})
