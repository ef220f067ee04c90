"""Read .safetensors files without mapping them into memory.

The package safetensors maps a file. Somebody who shortens it then ends the process with SIGBUS, and a header
may declare tensors that overlap.
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

MOST_HEADER = 2**22  # bytes; 100 are enough for a tensor
MOST_DIMENSIONS = 64
METADATA = '__metadata__'
DTYPES = {
    'F64': torch.float64,
    'F32': torch.float32,
    'F16': torch.float16,
    'BF16': torch.bfloat16,
    'F8_E4M3': torch.float8_e4m3fn,
    'F8_E5M2': torch.float8_e5m2,
    'C64': torch.complex64,
    'I64': torch.int64,
    'I32': torch.int32,
    'I16': torch.int16,
    'I8': torch.int8,
    'U64': torch.uint64,
    'U32': torch.uint32,
    'U16': torch.uint16,
    'U8': torch.uint8,
    'BOOL': torch.bool,
}


def read_safetensors(path: str | Path) -> dict[str, Tensor]:
    """Read the tensors of a .safetensors file onto the CPU.

    Args:
        path: An existing file.

    Returns:
        The tensors by name, in the order of the file.

    Raises:
        ValueError: If the header is damaged, or declares another amount than the file holds. Other damage may
            raise other exceptions.
    """
    with open(path, 'rb') as file:
        header, held = _read_header(file)
        header.pop(METADATA, None)
        tensors = [(name, *_checked(name, header[name], held)) for name in header]
        start, done, found = file.tell(), 0, {}
        for name, dtype, shape, begin, end in sorted(tensors, key=lambda row: row[3:]):
            if begin != done:
                raise ValueError(
                    f'{name[:80]} begins at {begin:,}; expected {done:,}, where the one before ends'
                )
            file.seek(start + begin)
            content = torch.empty(end - begin, dtype=torch.uint8)
            if file.readinto(content.numpy().data) != end - begin:
                raise ValueError(f'it ends within {name[:80]}; it was shortened while it was being read')
            found[name], done = content.view(dtype).view(shape), end
    if done != held:
        raise ValueError(f'its header declares {done:,} bytes of tensors; {held:,} follow')
    return {name: found[name] for name in header}


def read_metadata(path: str | Path) -> dict[str, Any]:
    """Return the metadata in the header of a .safetensors file; empty if it has none.

    Args:
        path: An existing file.

    Raises:
        ValueError: If the header is damaged.
    """
    with open(path, 'rb') as file:
        found = _read_header(file)[0].get(METADATA)
    return found if isinstance(found, dict) else {}


def _read_header(file: BinaryIO) -> tuple[dict[str, Any], int]:
    """Read the header; return it with the number of bytes that follow."""
    held = os.fstat(file.fileno()).st_size - 8
    length = int.from_bytes(file.read(8), 'little')
    if length > min(held, MOST_HEADER):
        raise ValueError(
            f'its header declares {length:,} bytes; expected at most the {max(held, 0):,} that follow, and '
            f'{MOST_HEADER:,}'
        )
    header = json.loads(file.read(length))
    if not isinstance(header, dict):
        raise ValueError('its header is no JSON object')
    return header, held - length


def _checked(name: str, tensor: Any, held: int) -> tuple[torch.dtype, list[int], int, int]:
    """Return dtype, shape, begin and end of a tensor that the header explains."""
    dtype, shape, (begin, end) = DTYPES.get(tensor['dtype']), tensor['shape'], tensor['data_offsets']
    if dtype is None:
        raise ValueError(f'{name[:80]} has numbers of type {str(tensor["dtype"])[:20]}')
    if len(shape) > MOST_DIMENSIONS or any(type(n) is not int or not 0 <= n < 2**63 for n in shape):
        raise ValueError(f'{name[:80]} has a shape that no tensor has')
    count = math.prod(shape)
    if not (type(begin) is type(end) is int and 0 <= begin <= end <= held) or count * dtype.itemsize != (
        end - begin
    ):
        raise ValueError(
            f'{name[:80]} of shape {shape[:8]} declares {count:,} numbers at {begin:,} to {end:,} of {held:,}'
        )
    return dtype, shape, begin, end
