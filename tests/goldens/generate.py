# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the goldens of this folder from the reference: all of them, or the parts named.

    python generate.py [--photos FOLDER --weights yolov5s.pt] [--lite v5lite-s.pt] [PART ...]
"""
import argparse
import importlib
import sys
from pathlib import Path

sys.dont_write_bytecode = True
PARTS = (
    'layers', 'views', 'ensemble', 'statistics', 'plugins', 'loss', 'training', 'mixed', 'nms', 'metrics', 'reports',
    'evolve', 'letterbox', 'augment', 'checkpoints', 'activations', 'photos', 'lite', 'layer_norm',
)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('parts', nargs='*', metavar='PART', help=', '.join(PARTS))
    parser.add_argument('--photos', type=Path, help='folder of the six photographs')
    parser.add_argument('--weights', type=Path, help="upstream's yolov5s.pt")
    parser.add_argument('--lite', type=Path, help="YOLOv5-Lite's v5lite-s.pt")
    options = parser.parse_args()
    parts = options.parts or PARTS
    if unknown := set(parts) - set(PARTS):
        parser.error(f'no such part: {", ".join(sorted(unknown))}')
    if 'photos' in parts and not (options.photos and options.weights):
        parser.error('the part photos needs --photos and --weights')
    if 'lite' in parts and not options.lite:
        parser.error('the part lite needs --lite')
    given = {'metrics': (options.photos, options.weights), 'photos': (options.photos, options.weights)}
    given['lite'] = (options.lite,)
    for part in parts:
        print(part)
        importlib.import_module(f'make_{part}').make(*given.get(part, ()))


if __name__ == '__main__':
    main()
