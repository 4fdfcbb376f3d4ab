"""How far trainings that differ in their seed alone are from each other.

    reseed.py train BCCD SEED FOLDER    the reference on BCCD (a Pascal VOC folder): yolov5-shufflenetv2 from scratch, 60
                                        epochs of 320x320 in batches of 16, scratch-low; FOLDER/seedN/results.csv
    reseed.py compare A.csv B.csv ...   the mean of the losses of all B beside A's, from the tenth epoch on

The reference is that of tests/goldens/README.md; its package warms up for 100 iterations at least, YOLOv5 v6.1 for 1,000.
"""
import csv, os, pathlib, re, shutil, sys
import xml.etree.ElementTree as xml

NAMES = ['RBC', 'WBC', 'Platelets']
ROOT = pathlib.Path(os.environ.get('ORACLE_HOME', os.path.expanduser('~/.cache/yolo-oracle'))) / 'src'


def convert(bccd, folder):
    """As upstream's VOC.yaml does: YOLO label files."""
    for part in ('train', 'val', 'test'):
        images, labels = folder / 'images' / part, folder / 'labels' / part
        for made in (images, labels):
            made.mkdir(parents=True, exist_ok=True)
        for name in (bccd / f'ImageSets/Main/{part}.txt').read_text().split():
            shutil.copy(bccd / f'JPEGImages/{name}.jpg', images)
            root = xml.parse(bccd / f'Annotations/{name}.xml').getroot()
            width, height = (int(root.find(f'size/{side}').text) for side in ('width', 'height'))
            with open(labels / f'{name}.txt', 'w') as file:
                for thing in root.iter('object'):
                    left, right, top, bottom = (float(thing.find(f'bndbox/{key}').text)
                                                for key in ('xmin', 'xmax', 'ymin', 'ymax'))
                    box = ((left + right) / 2 - 1) / width, ((top + bottom) / 2 - 1) / height, \
                        (right - left) / width, (bottom - top) / height
                    print(NAMES.index(thing.find('name').text), *box, file=file)
    data = folder / 'data.yaml'
    data.write_text(f'path: {folder}\ntrain: images/train\nval: images/val\nnc: 3\nnames: {NAMES}\n')
    return data


def train(bccd, seed, folder):
    folder = pathlib.Path(folder).resolve()
    data = convert(pathlib.Path(bccd), folder / 'data')
    source = (ROOT / 'yolov5/train.py').read_text()
    (ROOT / 'yolov5/train_1000.py').write_text(re.sub(r"(nw = max\(round\(.*), 100\)", r'\1, 1000)', source))
    sys.path.insert(0, str(ROOT))
    import numpy
    import torch
    numpy.int, numpy.trapz = int, getattr(numpy, 'trapezoid', None) or numpy.trapz
    load = torch.load
    torch.load = lambda *args, **keys: load(*args, **{**keys, 'weights_only': False})
    os.environ['WANDB_DISABLED'] = 'true'
    from yolov5 import train_1000 as reference
    init = reference.init_seeds
    reference.init_seeds = lambda _: init(int(seed))
    models = ROOT / 'yolov5'
    reference.run(data=str(data), cfg=str(models / 'models/yolov5-shufflenetv2.yaml'), weights='', imgsz=320,
                  hyp=str(models / 'data/hyps/hyp.scratch-low.yaml'), batch_size=16, epochs=60, noautoanchor=True,
                  noval=True, workers=2, device='cpu', project=str(folder), name=f'seed{seed}', exist_ok=True)


def compare(first, *others):
    def losses(file):
        return [[float(value) for value in row[1:4]] for row in list(csv.reader(open(file)))[1:]]
    first, others = losses(first), [losses(file) for file in others]
    epochs = range(10, min(map(len, [first, *others])))
    for i, name in enumerate(('box', 'obj', 'cls')):
        apart = [sum(other[e][i] for other in others) / len(others) / first[e][i] - 1 for e in epochs]
        above = sum(abs(value) > 0.05 for value in apart)
        print(f'{name}: at most {max(map(abs, apart)):.1%}, above 5 % in {above} of {len(apart)} epochs, '
              f'in the mean {sum(apart) / len(apart):.1%}')


if __name__ == '__main__':
    {'train': train, 'compare': compare}[sys.argv[1]](*sys.argv[2:])
