"""Runs exported files in other runtimes, for the suites and benchmarks of runtimes.rs.

The first line out is a JSON list of the runtimes that are installed. Then every line in is a command, answered by one line of JSON:

{"load": FILE, "runtime": NAME, "threads": N}  reads a file; {"error": TEXT} if it is refused
{"run": SHAPE}                                 raw floats of 32 bits follow, [batch, channels, height, width]; the answer is the
                                               list of the outputs' shapes, and their raw floats of 32 bits follow
"""
import json
import sys

import numpy as np


class OnnxRuntime:
    def __init__(self, file, threads):
        import onnx
        import onnxruntime
        onnx.checker.check_model(file, full_check=True)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        self.given = self.session.get_inputs()[0]

    def run(self, images):
        if self.given.type == "tensor(float16)":
            images = images.astype(np.float16)
        return self.session.run(None, {self.given.name: images})


class OpenVino:
    def __init__(self, file, threads):
        import openvino
        options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
        self.model = openvino.Core().compile_model(file, "CPU", options)

    def run(self, images):
        if self.model.inputs[0].element_type.to_string() == "f16":
            images = images.astype(np.float16)
        return list(self.model(images).values())


class Ncnn:
    """FILE is the .param, its .bin is beside it; images are run one by one."""

    def __init__(self, file, threads):
        import ncnn
        self.ncnn, self.net = ncnn, ncnn.Net()
        self.net.opt.use_vulkan_compute = False
        self.net.opt.use_bf16_storage = self.net.opt.use_fp16_storage = self.net.opt.use_fp16_arithmetic = False
        self.net.opt.use_fp16_packed = False
        self.net.opt.num_threads = threads
        if self.net.load_param(file) != 0 or self.net.load_model(file[:-len("param")] + "bin") != 0:
            raise RuntimeError("ncnn refuses the file")

    def run(self, images):
        return [np.stack(maps) for maps in zip(*[self.one(image) for image in images])]

    def one(self, image):
        extractor = self.net.create_extractor()
        extractor.input(self.net.input_names()[0], self.ncnn.Mat(np.ascontiguousarray(image)))
        outputs = []
        for name in sorted(name for name in self.net.output_names() if name != "in0"):
            error, mat = extractor.extract(name)
            if error != 0:
                raise RuntimeError(f"ncnn cannot compute {name}")
            outputs.append(np.array(mat))
        return outputs


KINDS = {"onnxruntime": OnnxRuntime, "openvino": OpenVino, "ncnn": Ncnn}


def is_installed(name):
    try:
        __import__(name)
        return True
    except ImportError:
        return False


def answer(value):
    sys.stdout.buffer.write(json.dumps(value).encode() + b"\n")


def main():
    answer([name for name in KINDS if is_installed(name) and (name != "onnxruntime" or is_installed("onnx"))])
    sys.stdout.buffer.flush()
    network = None
    while line := sys.stdin.buffer.readline():
        command = json.loads(line)
        try:
            if "load" in command:
                network = None
                network = KINDS[command["runtime"]](command["load"], command["threads"])
                answer({})
            else:
                shape = command["run"]
                raw = sys.stdin.buffer.read(4 * int(np.prod(shape)))
                outputs = network.run(np.frombuffer(raw, np.float32).reshape(shape))
                outputs = [np.ascontiguousarray(output, np.float32) for output in outputs]
                answer([list(output.shape) for output in outputs])
                for output in outputs:
                    sys.stdout.buffer.write(output.tobytes())
        except Exception as error:
            answer({"error": f"{type(error).__name__}: {error}"})
        sys.stdout.buffer.flush()


main()
