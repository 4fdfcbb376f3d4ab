# SPDX-License-Identifier: GPL-3.0-or-later
"""Runtimes of ONNX files as rivals for `engine.rs`: answers `load NAME CFG WEIGHTS INPUT OUTPUT` and `run NAME`, as
`yolo bench --serve` does. The model is the ONNX file beside WEIGHTS, with the same values and one input; its outputs of four
axes are the raw maps [batch, anchors · (5 + classes), height, width], those of five [batch, anchors, height, width,
5 + classes]. OMP_NUM_THREADS is the number of threads. Needs numpy, safetensors, and the runtime that is named.

    MODELS=FOLDER RIVAL='python tests/benches/engine.py onnxruntime; python tests/benches/engine.py openvino' \
        cargo bench -p yolo-tests --bench engine
"""
import os
import sys
from pathlib import Path

from safetensors.numpy import load_file, save_file

THREADS = int(os.environ.get('OMP_NUM_THREADS', 1))


def onnxruntime(file):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(file, options, providers=['CPUExecutionProvider'])
    name = session.get_inputs()[0].name
    return lambda pictures: session.run(None, {name: pictures})


def openvino(file):
    import openvino
    config = {'PERFORMANCE_HINT': 'LATENCY', 'INFERENCE_NUM_THREADS': THREADS, 'INFERENCE_PRECISION_HINT': 'f32'}
    compiled = openvino.Core().compile_model(file, 'CPU', config)
    request, outputs = compiled.create_infer_request(), list(compiled.outputs)

    def run(pictures):
        request.infer({0: pictures})
        return [request.get_tensor(output).data for output in outputs]

    return run


def raw_maps(outputs, height):
    """The maps among the outputs by name: p3 is the one of stride 8."""
    maps = {}
    for y in outputs:
        if y.ndim == 5:
            y = y.transpose(0, 1, 4, 2, 3).reshape(y.shape[0], -1, *y.shape[2:4])
        if y.ndim == 4:
            maps[f'p{(height // y.shape[2]).bit_length() - 1}'] = y.copy()
    return maps


def load(weights, source, target):
    model = RUNTIMES[sys.argv[1]](str(Path(weights).with_suffix('.onnx')))
    pictures = load_file(source)['input']
    save_file(raw_maps(model(pictures), pictures.shape[2]), target)
    return lambda: model(pictures)


RUNTIMES = {'onnxruntime': onnxruntime, 'openvino': openvino}
models = {}
answers = os.fdopen(os.dup(1), 'w')
os.dup2(2, 1)  # what a runtime prints is no answer
for line in sys.stdin:
    try:
        command, name, *files = line.split()
        if command == 'load':
            models[name] = load(*files[1:])
        else:
            models[name]()
        answer = 'ok'
    except Exception as error:
        answer = f'error: {type(error).__name__}: {error}'.replace('\n', ' ')
    print(answer, file=answers, flush=True)
