"""Runs ONNX files in ONNX Runtime: reads a list of jobs, checks each file with onnx.checker, and writes its outputs.

A job is {"file", "images", "shape", "output"}: the file, its input as raw floats of 32 bits, the input's shape, and where the
outputs go, one after the other as floats of 32 bits. Their shapes are printed, a JSON list a job.
"""
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

for job in json.loads(Path(sys.argv[1]).read_text()):
    onnx.checker.check_model(job["file"], full_check=True)
    session = onnxruntime.InferenceSession(job["file"], providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0]
    images = np.fromfile(job["images"], np.float32).reshape(job["shape"])
    if given.type == "tensor(float16)":
        images = images.astype(np.float16)
    outputs = session.run(None, {given.name: images})
    np.concatenate([output.astype(np.float32).ravel() for output in outputs]).tofile(job["output"])
    print(json.dumps([list(output.shape) for output in outputs]), flush=True)
