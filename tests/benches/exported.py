# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of `yolo export` beside those that PyTorch's exports give, in the same runtime, in turn: medians, and the median of the
ratios of each round.

    python tests/benches/exported.py --yolo target/release/yolo --weights FOLDER --rivals FOLDER --photos FOLDER

FOLDER of --weights holds NAME.safetensors (a `state_dict`, without a model) for the five names below; that of --rivals, with the
same values and inputs of 1×3×640×640:

    NAME.raw.onnx    torch.onnx.export(network, image, file, opset_version=12, input_names=['images']) of the network fused, with the
                     raw maps as outputs
    NAME.int8.onnx   of that file in opset 17: onnxruntime.quantization.quantize_static(…, quant_format=QuantFormat.QDQ,
                     per_channel=True, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8) after quant_pre_process,
                     calibrated on the photographs

and that of --ncnn `NAME.raw.ncnn.param` and `.bin`, which `pnnx` makes of torch.jit.trace (with _ for - in NAME). What is not there
is left out. Each file has a process of its own, and one computes at a time. On a machine where others compute, `--cpu --threads 1`
compares the time of the processor in place of that on the wall. Needs numpy and the runtimes: onnxruntime, openvino, ncnn.
"""
import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MODELS = {
    'yolov5n': 'yolov5n',
    'yolov5s': 'yolov5s',
    'shufflenetv2': 'yolov5-shufflenetv2',
    'mobilenetv3-small': 'yolov5-mobilenetv3-small',
    'ghost': 'models/hub/yolov5s-ghost.yaml',
}
SHAPE = (1, 3, 640, 640)


def onnxruntime(file, threads):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    session = onnxruntime.InferenceSession(file, options, providers=['CPUExecutionProvider'])
    name = session.get_inputs()[0].name
    return lambda image: session.run(None, {name: image})


def openvino(file, threads):
    import openvino
    options = {'PERFORMANCE_HINT': 'LATENCY', 'INFERENCE_NUM_THREADS': threads, 'INFERENCE_PRECISION_HINT': 'f32'}
    request = openvino.Core().compile_model(file, 'CPU', options).create_infer_request()
    return lambda image: request.infer({0: image})


def ncnn(file, threads):
    import ncnn
    net = ncnn.Net()
    net.opt.num_threads, net.opt.use_vulkan_compute = threads, False
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = net.opt.use_bf16_storage = False
    if net.load_param(file) != 0 or net.load_model(file[:-len('param')] + 'bin') != 0:
        raise RuntimeError('ncnn refuses the file')

    def run(image):
        extractor = net.create_extractor()
        extractor.input(net.input_names()[0], ncnn.Mat(image[0]))
        return [extractor.extract(name) for name in net.output_names()]

    return run


def worker(runtime, file, threads, clock):
    import numpy as np
    image = np.random.default_rng(0).random(SHAPE, np.float32)
    run = {'onnxruntime': onnxruntime, 'openvino': openvino, 'ncnn': ncnn}[runtime](file, threads)
    clock = {'wall': time.perf_counter, 'cpu': time.process_time}[clock]
    run(image)
    print('ready', flush=True)
    for count in sys.stdin:
        run(image)
        times = []
        for _ in range(int(count)):
            start = clock()
            run(image)
            times.append(1e3 * (clock() - start))
        print(statistics.median(times), flush=True)


class Worker:
    def __init__(self, runtime, file, args):
        words = [sys.executable, __file__, '--worker', runtime, str(file), str(args.threads), 'cpu' if args.cpu else 'wall']
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != 'ready\n':
            raise SystemExit(f'{runtime} does not run {file}')

    def time(self, count):
        self.process.stdin.write(f'{count}\n')
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def export(args, name, output, *options):
    weights = args.weights / f'{name}.safetensors'
    words = [args.yolo, 'export', '--weights', weights, '--cfg', MODELS[name], '--raw', '--output', output, *options]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return output


def pairs(args, name, folder):
    """What, the runtime, our file and theirs."""
    plain, traced = args.rivals / f'{name}.raw.onnx', args.rivals / f'{name}.int8.onnx'
    if plain.exists():
        ours = export(args, name, folder / f'{name}.onnx')
        yield 'f32', 'onnxruntime', ours, plain
        yield 'f32', 'openvino', ours, plain
    if traced.exists() and args.photos:
        for runtime in ('onnxruntime', 'openvino'):
            int8 = ['--int8', '--calibrate', args.photos, '--runtime', runtime]
            yield 'int8', runtime, export(args, name, folder / f'{name}.{runtime}.onnx', *int8), traced
    theirs = args.ncnn and args.ncnn / f'{name.replace("-", "_")}.raw.ncnn.param'
    if theirs and theirs.exists():
        yield 'f32', 'ncnn', export(args, name, folder / f'{name}.param', '--format', 'ncnn'), theirs


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--yolo', default='target/release/yolo')
    parser.add_argument('--weights', type=Path, required=True)
    parser.add_argument('--rivals', type=Path, required=True)
    parser.add_argument('--ncnn', type=Path)
    parser.add_argument('--photos', help='photographs that calibrate int8')
    parser.add_argument('--models', default=','.join(MODELS))
    parser.add_argument('--runtimes', default='onnxruntime,openvino,ncnn')
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--rounds', type=int, default=20)
    parser.add_argument('--runs', type=int, default=5, help='of a file in a round, after one that does not count')
    parser.add_argument('--cpu', action='store_true')
    args = parser.parse_args()
    print(f'ms of {"processor" if args.cpu else "wall"} time, {args.threads} threads, {args.rounds} rounds of {args.runs} runs')
    print('| model | numbers | runtime | ours | theirs | ratio |\n|---|---|---|--:|--:|--:|')
    with tempfile.TemporaryDirectory() as folder:
        for name in args.models.split(','):
            chosen = [pair for pair in pairs(args, name, Path(folder)) if pair[1] in args.runtimes.split(',')]
            workers = [[Worker(runtime, file, args) for file in files] for _, runtime, *files in chosen]
            times = [([], []) for _ in chosen]
            for turn in range(args.rounds):
                for both, own in zip(workers, times):
                    for i in (0, 1) if turn % 2 == 0 else (1, 0):
                        own[i].append(both[i].time(args.runs))
            for (numbers, runtime, *_), both, own in zip(chosen, workers, times):
                ratio = statistics.median(ours / theirs for ours, theirs in zip(*own))
                ours, theirs = map(statistics.median, own)
                print(f'| `{name}` | {numbers} | {runtime} | {ours:.1f} | {theirs:.1f} | {ratio:.2f} |', flush=True)
                for one in both:
                    one.stop()


if __name__ == '__main__':
    if sys.argv[1:2] == ['--worker']:
        worker(sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5])
    else:
        main()
