# SPDX-License-Identifier: GPL-3.0-or-later
"""Instructions that one run of a network takes on aarch64, ours and rivals', by class, counted in qemu on an x86-64 machine:

    python tests/benches/instructions/instructions.py --arm target/arm/aarch64-unknown-linux-gnu/release/yolo

The first start fetches what it needs (setup.sh). --yolo is a build for this machine, which exports the rivals' files; --arm one
for aarch64. A row is one program with one kind of numbers: millions of instructions of the second run of an image, its classes,
all instructions divided by those of the first row of the model, and how far the raw maps are from that row's.

Fewer instructions are not less time: a processor starts loads, sums and whole numbers side by side, waits for memory, and takes
longer for some instructions than for others. What can be read off is how many multiply-adds a kernel needs, and what it spends
besides. One thread; the classes are those of count.c.
"""
import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from served import MODELS, OURS, RIVALS, ROOT, Files, Program, difference  # noqa: E402


# ONNX Runtime knows a processor by this number in /proc/cpuinfo: with that of an x86-64 it ends, with a newer one it uses instructions
# that an older one has not.
PARTS = {'cortex-a53': 0xd03, 'cortex-a55': 0xd05, 'cortex-a72': 0xd08, 'cortex-a76': 0xd0b, 'neoverse-n1': 0xd0c}


class Counted:
    """A program in the emulator, whose plugin writes a line of counts whenever the program reads its standard input."""

    def __init__(self, cache, cpu, counts, words, **env):
        qemu, sysroot = cache / 'qemu', cache / 'arm64'
        part = PARTS.get(cpu, PARTS['neoverse-n1'])
        (sysroot / 'proc').mkdir(exist_ok=True)
        (sysroot / 'proc/cpuinfo').write_text(
            f'processor\t: 0\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: {part:#x}\n'
            'CPU revision\t: 3\n')
        command = [qemu / 'usr/bin/qemu-aarch64', '-cpu', cpu, '-L', sysroot, '-U', 'LD_LIBRARY_PATH',
                   '-plugin', f'{cache}/libcount.so,out={counts}', *words]
        env = {**os.environ, **env, 'LD_LIBRARY_PATH': str(qemu / 'usr/lib/x86_64-linux-gnu'), 'OMP_NUM_THREADS': '1'}
        self.counts, self.program = counts, Program(command, env)

    def ask(self, line):
        return self.program.ask(line)

    def stop(self):
        """What each class counted for the second line, `run`."""
        self.program.stop()
        classes, *rows = (line.split() for line in self.counts.read_text().splitlines())
        _, _, run, *_ = rows  # before the first line, and what `load` took
        return dict(zip(classes, map(int, run)))


def start(args, kind, counts):
    """The emulated program of `yolo-f32`, `ncnn-fp16`, …"""
    program, numbers = kind.split('-')
    if program == 'yolo':
        words = [args.arm, 'bench', '--serve', '--threads', '1', '--precision', numbers]
        words += ['--calibrate', ROOT / 'data/images'] if numbers == 'int8' else []
        kernels = {'YOLO_KERNELS': args.kernels} if args.kernels else {}
        return Counted(args.cache, args.cpu, counts, words, **kernels)
    words = [args.cache / 'arm64/usr/bin/python3.11', '-S', HERE.parent / 'served.py', kind, '1']
    paths = {'PYTHONHOME': str(args.cache / 'arm64/usr'), 'PYTHONPATH': str(args.cache / 'site')}
    return Counted(args.cache, args.cpu, counts, words, OPENBLAS_NUM_THREADS='1', **paths)


def run_once(args, files, kind, maps):
    counts = maps.with_name('counts')
    program = start(args, kind, counts)
    program.ask(files.load(maps))
    program.ask(f'run {files.name}')
    return program.stop()


def count(args, files, kind, folder):
    """The counts of a run, and the file of the raw maps. A rival's are kept: the same file gives the same numbers."""
    if kind.startswith('yolo'):
        maps = folder / f'{files.name}-{kind}'
        return run_once(args, files, kind, maps), maps
    # LiteRT's file is made of ONNX Runtime's, in minutes, and not twice the same.
    source = files.export('onnxruntime-f32' if kind.startswith('litert') else kind)
    key = hashlib.sha256(source.read_bytes() + f'{kind} {args.cpu} {args.imgsz}'.encode()).hexdigest()[:16]
    kept = args.cache / 'counted' / key
    if not (kept / 'counts.json').exists():
        kept.mkdir(parents=True, exist_ok=True)
        files.export(kind)
        (kept / 'counts.json').write_text(json.dumps(run_once(args, files, kind, kept / 'maps')))
    return json.loads((kept / 'counts.json').read_text()), kept / 'maps'


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--yolo', type=Path, default=ROOT / 'target/release/yolo', help='for this machine')
    parser.add_argument('--arm', type=Path, required=True, help='for aarch64')
    parser.add_argument('--weights', type=Path, default=ROOT / 'weights')
    parser.add_argument('--models', default=','.join(MODELS))
    parser.add_argument('--programs', default=','.join(['yolo-f32', 'onnxruntime-f32', 'ncnn-f32', 'litert-f32']),
                        help=f'of {", ".join([f"yolo-{numbers}" for numbers in OURS] + list(RIVALS))}')
    parser.add_argument('--imgsz', type=int, default=320)
    parser.add_argument('--cpu', default='max,sve=off', help="qemu's name: cortex-a72, cortex-a76, …")
    parser.add_argument('--kernels', help='YOLO_KERNELS for ours')
    parser.add_argument('--cache', type=Path, default=Path(os.environ.get('XDG_CACHE_HOME', Path.home() / '.cache')) / 'yolo-instructions')
    args = parser.parse_args()
    subprocess.run([HERE / 'setup.sh', args.cache], check=True)
    print(f'Millions of instructions, one image of {args.imgsz}×{args.imgsz}, qemu -cpu {args.cpu}\n')
    classes = None
    with tempfile.TemporaryDirectory() as folder:
        for name in args.models.split(','):
            files = Files(args.yolo, Path(folder), args.weights / f'{MODELS[name]}.safetensors', name, args.imgsz)
            first = None
            for kind in args.programs.split(','):
                try:
                    counts, maps = count(args, files, kind, Path(folder))
                except Exception as error:
                    print(f'{name}, {kind}: {error}', file=sys.stderr)
                    continue
                if classes is None:
                    classes = list(counts)
                    print(f'| model | program | all | {" | ".join(classes)} | ratio | maps within |')
                    print(f'|---|---|{"--:|" * (len(classes) + 3)}')
                total = sum(counts.values())
                first = first or (total, maps)
                millions = ' | '.join(f'{number / 1e6:.1f}' for number in [total, *counts.values()])
                print(f'| `{name}` | {kind} | {millions} | {total / first[0]:.2f} | {difference(first[1], maps):.0e} |', flush=True)


if __name__ == '__main__':
    main()
