# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that load and run a network as lines on their standard input say: `yolo bench --serve`, and, as

    python served.py RUNTIME-NUMBERS THREADS

one of the runtimes below, for what stands beside ours in `board.py` and `instructions/instructions.py`. The lines are
`load NAME CFG WEIGHTS INPUT OUTPUT` and `run NAME`, each answered by `ok …` or `error: …`. A runtime reads the exported file beside
CFG, NAME.onnx, NAME.int8.onnx, NAME.param or NAME.tflite. Needs the standard library, and the runtimes numpy. LiteRT is there for
XNNPACK, in which it computes; its file is made of the ONNX file by onnx2tf (`pip install onnx2tf`, 2 GB; ONNX2TF names the program).
"""
import array
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Weights of the repository, whose metadata have the model: for each architecture one file.
MODELS = {
    'yolov5n': 'bccd-yolov5n',
    'mobilenetv3-small': 'bccd-mobilenetv3-small',
    'shufflenetv2': 'bccd-shufflenetv2',
    'ghost': 'bccd-ghost',
    'yolov5s': 'yolov5s',
}
OURS = ('f32', 'fp16', 'bf16', 'int8')
RIVALS = ('onnxruntime-f32', 'onnxruntime-int8', 'ncnn-f32', 'ncnn-fp16', 'ncnn-bf16', 'litert-f32')
# What Python imports.
MODULES = {'onnxruntime': 'onnxruntime', 'ncnn': 'ncnn', 'litert': 'ai_edge_litert'}


def read_tensors(file):
    """The metadata and the 32-bit floats of a safetensors file."""
    data = Path(file).read_bytes()
    start = 8 + struct.unpack('<Q', data[:8])[0]
    header = json.loads(data[8:start])
    metadata, tensors = header.pop('__metadata__', {}), {}
    for name, tensor in header.items():
        if tensor['dtype'] == 'F32':
            begin, end = tensor['data_offsets']
            tensors[name] = tensor['shape'], array.array('f', data[start + begin:start + end])
    return metadata, tensors


def write_tensors(file, tensors):
    """Tensors by name, each a shape and its bytes, 32-bit floats."""
    header, place = {}, 0
    for name, (shape, data) in tensors.items():
        header[name] = {'dtype': 'F32', 'shape': list(shape), 'data_offsets': [place, place + len(data)]}
        place += len(data)
    head = json.dumps(header).encode()
    Path(file).write_bytes(struct.pack('<Q', len(head)) + head + b''.join(data for _, data in tensors.values()))


def difference(ours, theirs):
    """The largest difference of the maps in two files, as a share of the largest number."""
    (_, ours), (_, theirs) = read_tensors(ours), read_tensors(theirs)
    if {name: shape for name, (shape, _) in ours.items()} != {name: shape for name, (shape, _) in theirs.items()}:
        raise SystemExit('the maps of the programs are of other shapes')
    largest = max(max(map(abs, values)) for _, values in ours.values())
    return max(max(abs(a - b) for a, b in zip(values, theirs[name][1])) for name, (_, values) in ours.items()) / largest


class Files:
    """A model's files in a folder: its YAML, an input, and what is exported on demand by a `yolo` that runs on this machine."""

    def __init__(self, yolo, folder, weights, name, size):
        self.yolo, self.name, self.size = yolo, name, size
        self.weights, self.cfg, self.input = Path(weights), folder / f'{name}.yaml', folder / f'input-{size}'
        self.cfg.write_text(read_tensors(self.weights)[0]['model'])
        source = random.Random(0)
        picture = array.array('f', [source.random() for _ in range(3 * size * size)])
        write_tensors(self.input, {'input': ([1, 3, size, size], picture.tobytes())})

    def export(self, rival):
        """The file that the runtime reads, written if it is not there."""
        runtime, numbers = rival.split('-')
        target = exported(self.cfg, runtime, numbers)
        if runtime == 'litert':
            convert(self.export('onnxruntime-f32'), target)
            return target
        options = {'ncnn': ['--format', 'ncnn'], 'onnxruntime': []}[runtime]
        if numbers == 'int8':
            options = ['--int8', '--calibrate', ROOT / 'data/images']
        words = [self.yolo, 'export', '--weights', self.weights, '--imgsz', self.size, '--raw', '--output', target, *options]
        if not target.exists():
            subprocess.run([str(word) for word in words], check=True, stdout=subprocess.DEVNULL)
        return target

    def load(self, output):
        return f'load {self.name} {self.cfg} {self.weights} {self.input} {output}'


def exported(cfg, runtime, numbers):
    ending = {'ncnn': '.param', 'litert': '.tflite', 'onnxruntime': '.int8.onnx' if numbers == 'int8' else '.onnx'}[runtime]
    return Path(cfg).with_suffix(ending)


def convert(onnx, target):
    """The ONNX file for LiteRT, channels last."""
    program = os.environ.get('ONNX2TF') or shutil.which('onnx2tf')
    if not program:
        raise RuntimeError('its file needs onnx2tf')
    folder = target.with_suffix('.tf')
    folder.mkdir(exist_ok=True)
    # The program fetches this file when it is not there, though no number of it comes into what it writes.
    shape = (20, 128, 128, 3)
    head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + '\n'
    picture = array.array('f', [place % 251 / 251 for place in range(20 * 128 * 128 * 3)])
    sample = folder / 'calibration_image_sample_data_20x128x128x3_float32.npy'
    sample.write_bytes(b'\x93NUMPY\x01\x00' + struct.pack('<H', len(head)) + head.encode() + picture.tobytes())
    path = {**os.environ, 'PATH': f'{Path(program).parent}:{os.environ["PATH"]}'}
    subprocess.run([program, '-i', onnx, '-o', '.', '-n'], cwd=folder, env=path, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    (folder / f'{onnx.stem}_float32.tflite').rename(target)


class Program:
    """One that is running and answers lines."""

    def __init__(self, words, env=None):
        self.words = [str(word) for word in words]
        self.process = subprocess.Popen(self.words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)

    def ask(self, line):
        self.process.stdin.write(line + '\n')
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if not answer.startswith('ok'):
            raise RuntimeError(answer or f'{self.words[0]} ended')
        return answer

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def onnxruntime(file, numbers, threads):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    session = onnxruntime.InferenceSession(str(file), options, providers=['CPUExecutionProvider'])
    name = session.get_inputs()[0].name
    return lambda image: session.run(None, {name: image})


def ncnn(file, numbers, threads):
    import ncnn
    import numpy
    net = ncnn.Net()
    net.opt.num_threads, net.opt.use_vulkan_compute = threads, False
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = numbers == 'fp16'
    net.opt.use_bf16_storage = numbers == 'bf16'
    if net.load_param(str(file)) != 0 or net.load_model(str(file.with_suffix('.bin'))) != 0:
        raise RuntimeError('ncnn refuses the file')

    def run(image):
        extractor = net.create_extractor()
        extractor.input(net.input_names()[0], ncnn.Mat(image[0]))
        return [numpy.array(extractor.extract(name)[1])[None] for name in net.output_names()]

    return run


def litert(file, numbers, threads):
    from ai_edge_litert.interpreter import Interpreter
    interpreter = Interpreter(model_path=str(file), num_threads=threads)
    interpreter.allocate_tensors()
    place = interpreter.get_input_details()[0]['index']
    outputs = [detail['index'] for detail in interpreter.get_output_details()]

    def run(image):
        interpreter.set_tensor(place, image.transpose(0, 2, 3, 1).copy())
        interpreter.invoke()
        return [interpreter.get_tensor(output).transpose(0, 3, 1, 2) for output in outputs]

    return run


RUNTIMES = {'onnxruntime': onnxruntime, 'ncnn': ncnn, 'litert': litert}


def serve(rival, threads):
    import numpy
    runtime, numbers = rival.split('-')
    models, answers = {}, os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)  # what a runtime prints is no answer
    for line in sys.stdin:
        try:
            command, name, *files = line.split()
            if command == 'load':
                cfg, _, source, target = files
                shape, values = read_tensors(source)[1]['input']
                image = numpy.array(values, numpy.float32).reshape(shape)
                run = RUNTIMES[runtime](exported(cfg, runtime, numbers), numbers, threads)
                maps = sorted(run(image), key=lambda one: -one.shape[2])
                write_tensors(target, {f'p{(shape[2] // one.shape[2]).bit_length() - 1}': (one.shape, one.astype('f4').tobytes())
                                       for one in maps})
                models[name] = run, image
                answer = 'ok'
            else:
                run, image = models[name]
                start = time.perf_counter()
                run(image)
                answer = f'ok {name}, {1e3 * (time.perf_counter() - start):.3f} ms'
        except Exception as error:
            answer = f'error: {type(error).__name__}: {error}'.replace('\n', ' ')
        print(answer, file=answers, flush=True)


if __name__ == '__main__':
    serve(sys.argv[1], int(sys.argv[2]))
