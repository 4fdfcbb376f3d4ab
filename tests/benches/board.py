# SPDX-License-Identifier: GPL-3.0-or-later
"""Ours beside ncnn and ONNX Runtime on the machine where it runs, in turn, as a Markdown table: what to send from a board.

    python3 tests/benches/board.py --yolo target/release/yolo

Runtimes that Python does not find are left out: `pip install ncnn onnxruntime` brings two, `ai-edge-litert` with `onnx2tf` a third.
A row is one model; a cell has the milliseconds of one image, the median of all rounds, and in brackets our time in 32-bit floats
divided by it, the median of the ratios of each round: below 1 we are faster. Each round runs every program --runs times, after one
run that does not count, and the order turns from round to round. Raw maps are compared first.
"""
import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from served import MODELS, MODULES, OURS, RIVALS, ROOT, Files, Program, difference

# Of /proc/cpuinfo's features those that some kernel uses.
FEATURES = {'neon', 'asimd', 'fphp', 'asimdhp', 'asimdfhm', 'asimddp', 'i8mm', 'bf16', 'sve', 'sve2', 'sme',
            'avx2', 'fma', 'avx512f', 'avx512_vnni', 'avx512_bf16', 'avx_vnni', 'amx_tile', 'v', 'vfpv4'}

# The largest differences of raw maps, as shares of the largest number, that are no fault of a program.
FAR = {'f32': 1e-3, 'fp16': 0.2, 'bf16': 0.2, 'int8': 0.5}


def machine():
    """The processor's name, its cores and its features, as far as the system tells."""
    fields = {}
    if Path('/proc/cpuinfo').exists():
        for line in Path('/proc/cpuinfo').read_text().splitlines():
            key, _, value = line.partition(':')
            fields.setdefault(key.strip(), set()).add(value.strip())
    name = next((' / '.join(sorted(fields[key])) for key in ('model name', 'Model', 'Hardware') if key in fields), '')
    tree = Path('/proc/device-tree/model')
    name = tree.read_text().rstrip('\0') if tree.exists() else name or platform.processor()
    # Cores of several kinds have several parts: Arm's number of a Cortex-A76 is 0xd0b.
    name += f', CPU part {", ".join(sorted(fields["CPU part"]))}' if 'CPU part' in fields else ''
    features = set(' '.join(fields.get('Features', set()) | fields.get('flags', set())).split()) & FEATURES
    return f'{name or "an unknown processor"}, {platform.machine()}, {os.cpu_count()} cores; {" ".join(sorted(features))}'


def programs(args):
    """The kinds that can run here, and the command of each."""
    for kind in args.programs.split(','):
        program, numbers = kind.split('-')
        if program == 'yolo':
            words = [args.yolo, 'bench', '--serve', '--threads', args.threads, '--precision', numbers]
            yield kind, words + (['--calibrate', ROOT / 'data/images'] if numbers == 'int8' else [])
        elif subprocess.run([args.python, '-c', f'import {MODULES[program]}'], capture_output=True).returncode == 0:
            yield kind, [args.python, ROOT / 'tests/benches/served.py', kind, args.threads]
        else:
            print(f'{kind}: left out, {args.python} finds no module {MODULES[program]}', file=sys.stderr)


def milliseconds(program, name, runs):
    times = [float(program.ask(f'run {name}').split()[-2]) for _ in range(runs + 1)]
    return statistics.median(times[1:])


def measure(args, files, folder):
    """For each kind the times of all rounds and the distance of its raw maps from the first one's."""
    running, times, distances, first = {}, {}, {}, None
    for kind, words in programs(args):
        try:
            if not kind.startswith('yolo'):
                files.export(kind)
            maps = folder / f'{files.name}-{kind}'
            running[kind] = Program(words, {**os.environ, 'OMP_NUM_THREADS': str(args.threads)})
            running[kind].ask(files.load(maps))
            first = first or maps
            times[kind], distances[kind] = [], difference(first, maps)
        except Exception as error:
            print(f'{files.name}, {kind}: {error}', file=sys.stderr)
            running.pop(kind, None)
    kinds = list(running)
    for turn in range(args.rounds):
        for place in range(len(kinds)):
            kind = kinds[(turn + place) % len(kinds)]
            times[kind].append(milliseconds(running[kind], files.name, args.runs))
            time.sleep(0.03)  # threads of the one that ran may still turn in place, waiting for work
    for program in running.values():
        program.stop()
    return times, distances


def cell(kind, times, distances):
    if kind not in times:
        return ''
    middle = statistics.median(times[kind])
    ours = times.get('yolo-f32')
    if ours is None or kind == 'yolo-f32':
        return f'{middle:.1f}'
    ratio = statistics.median(a / b for a, b in zip(ours, times[kind]))
    far = distances[kind] > FAR[kind.split('-')[1]]
    return f'{middle:.1f} ({ratio:.2f}{", OTHER MAPS" if far else ""})'


def main():
    # Elsewhere fp16 is plain code, which would tell nothing.
    ours = [numbers for numbers in OURS if numbers != 'fp16' or platform.machine() in ('aarch64', 'arm64')]
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--yolo', default=shutil.which('yolo') or ROOT / 'target/release/yolo')
    parser.add_argument('--python', default=sys.executable, help='that has the runtimes')
    parser.add_argument('--weights', type=Path, default=ROOT / 'weights', help='a folder with weights as the repository has them')
    parser.add_argument('--models', default=','.join(MODELS))
    parser.add_argument('--programs', default=','.join([f'yolo-{numbers}' for numbers in ours] + list(RIVALS)))
    parser.add_argument('--imgsz', type=int, default=320)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument('--runs', type=int, default=3, help='of a program in a round, after one that does not count')
    args = parser.parse_args()
    version = subprocess.run([args.yolo, '--version'], check=True, capture_output=True, text=True).stdout.strip()
    kinds = args.programs.split(',')
    print(f'{version} on {machine()}.\nms, {args.threads} threads, one image of {args.imgsz}×{args.imgsz}, '
          f'{args.rounds} rounds of {args.runs} runs; in brackets our f32 divided by it.\n')
    print(f'| model | {" | ".join(kinds)} |\n|---|{"--:|" * len(kinds)}', flush=True)
    for name in args.models.split(','):
        with tempfile.TemporaryDirectory() as folder:
            files = Files(args.yolo, Path(folder), args.weights / f'{MODELS[name]}.safetensors', name, args.imgsz)
            times, distances = measure(args, files, Path(folder))
            cells = ' | '.join(cell(kind, times, distances) for kind in kinds)
            print(f'| `{name}` | {cells} |', flush=True)


if __name__ == '__main__':
    main()
