# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the goldens so that equal content is equal bytes: safetensors with sorted headers, and JSON a record a line.

The safetensors library orders its metadata anew in every run, which is why it is not used here.
"""
import hashlib
import json
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
DTYPES = {
    torch.float64: 'F64', torch.float32: 'F32', torch.float16: 'F16', torch.bfloat16: 'BF16', torch.int64: 'I64',
    torch.int32: 'I32', torch.int16: 'I16', torch.uint8: 'U8', torch.bool: 'BOOL',
}


def raw(tensor):
    """The elements in row-major order, little-endian."""
    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def safetensors(path, tensors, metadata):
    tensors = {k: torch.from_numpy(v) if isinstance(v, np.ndarray) else v.detach() for k, v in tensors.items()}
    order = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    header, data = {'__metadata__': {k: str(v) for k, v in sorted(metadata.items())}}, []
    end = 0
    for name in order:
        data.append(raw(tensors[name]))
        begin, end = end, end + len(data[-1])
        header[name] = {
            'dtype': DTYPES[tensors[name].dtype], 'shape': list(tensors[name].shape), 'data_offsets': [begin, end]}
    header = json.dumps(header, separators=(',', ':')).encode()
    header += b' ' * (-len(header) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(len(header).to_bytes(8, 'little') + header + b''.join(data))
    report(path)


def records(path, groups):
    """JSON of named lists of records, a record a line."""
    body = ',\n'.join(
        f'{json.dumps(name)}: [\n' + ',\n'.join(map(json.dumps, group)) + '\n]' for name, group in groups.items())
    text(path, '{\n' + body + '\n}\n')


def text(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, newline='\n')
    report(path)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def report(path):
    print(f'{path.stat().st_size:9,}  {path.name}', flush=True)
