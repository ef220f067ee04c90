"""Pass batches from a loader's workers to the main process in reused blocks of shared memory.

Measured gain: a loader of two workers on two cores delivers 2.5 times as many samples a second (crops of
128 px, batches of 16). PyTorch allocates new shared memory for every batch, and the kernel clears each of its
pages, which costs more than filling it with packed crops. Here a worker keeps its blocks. Each begins with a
flag that the worker sets when it sends a batch, and that the main process clears when the batch is freed; a
worker has as many blocks as it has batches alive. ``tools/benchmark.py data`` measures the loaders.
"""

from __future__ import annotations

import math
import os
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import get_worker_info

FLAG = 64  # bytes before the batch; the first one is 1 while the main process holds the batch
Layout = tuple[int, dict[str, tuple[int, ...]], int]


class SharedBlock:
    """A block of a worker's shared memory, which holds one batch at a time.

    Args:
        size: Bytes of the batch.
    """

    def __init__(self, size: int) -> None:
        self.memory = torch.empty(0, dtype=torch.uint8).set_(
            torch.UntypedStorage._new_shared(FLAG + size, device='cpu')
        )
        self.bytes = self.memory.numpy()
        self.bytes[0] = 0
        self.name = os.getpid(), os.urandom(8)
        self.sent = False
        self.array: weakref.ref[np.ndarray] | None = None

    def borrow(self, size: int) -> np.ndarray | None:
        """Return the first ``size`` bytes; None if a batch occupies the block, or it is too small."""
        used = self.bytes[0] or (self.array is not None and self.array() is not None)
        if used or len(self.bytes) < FLAG + size:
            return None
        array = self.bytes[FLAG : FLAG + size]
        self.array = weakref.ref(array)  # tensors made of the array keep it alive
        return array


_worker_blocks: list[SharedBlock] = []  # blocks that this process, a worker, has allocated
_attached_blocks: dict[tuple[int, bytes], np.ndarray] = {}  # workers' blocks that this process has mapped


class _Batch(dict):
    """A batch in a worker; unpickled in the main process, it is a plain dict."""

    def __init__(self, layout: Layout, block: SharedBlock, array: np.ndarray) -> None:
        super().__init__(_tensors(layout, array))
        self.layout = layout
        self.block = block

    def __reduce__(self) -> tuple[Any, ...]:
        block, rest = (
            self.block,
            {name: value for name, value in self.items() if not isinstance(value, Tensor)},
        )
        block.bytes[0] = 1
        memory, block.sent = None if block.sent else block.memory, True
        return _attach, (block.name, memory, self.layout, rest)


def empty_batch(count: int, shapes: dict[str, tuple[int, ...]], itemsize: int = 1) -> dict[str, Any]:
    """Allocate the uninitialised tensors of a batch in one block of memory.

    Args:
        count: Number of samples.
        shapes: Shapes of the stacked images, by name.
        itemsize: Bytes of a value of the images: 1 for uint8, 2 for uint16.

    Returns:
        ``draws``, int64, shape (count, 2), and the images. Other values that are added to the dict are
        pickled with it.
    """
    layout = count, shapes, itemsize
    if get_worker_info() is None:
        return _tensors(layout, np.empty(_size(layout), np.uint8))
    for block in _worker_blocks:
        if (array := block.borrow(_size(layout))) is not None:
            return _Batch(layout, block, array)
    _worker_blocks.append(SharedBlock(_size(layout)))
    array = _worker_blocks[-1].borrow(_size(layout))
    assert array is not None  # the block is new
    return _Batch(layout, _worker_blocks[-1], array)


def _attach(
    name: tuple[int, bytes], memory: Tensor | None, layout: Layout, rest: dict[str, Any]
) -> dict[str, Any]:
    if memory is not None:
        for other in [other for other in _attached_blocks if not Path(f'/proc/{other[0]}').exists()]:
            del _attached_blocks[other]  # its worker has ended; batches that are alive keep their memory
        _attached_blocks[name] = memory.numpy()
    whole = _attached_blocks[name]
    array = whole[FLAG : FLAG + _size(layout)]
    weakref.finalize(array, _release, whole, os.getpid()).atexit = False
    return {**_tensors(layout, array), **rest}


def _release(whole: np.ndarray, process: int) -> None:
    if os.getpid() == process:  # a forked copy of the process does not own the batch
        whole[0] = 0


def _size(layout: Layout) -> int:
    count, shapes, itemsize = layout
    return 16 * count + itemsize * sum(math.prod(shape) for shape in shapes.values())


def _tensors(layout: Layout, array: np.ndarray) -> dict[str, Any]:
    count, shapes, itemsize = layout
    draws, *images = torch.from_numpy(array).split(
        [16 * count, *(itemsize * math.prod(shape) for shape in shapes.values())]
    )
    dtype = torch.uint8 if itemsize == 1 else torch.uint16
    batch = {name: image.view(dtype).view(shape) for image, (name, shape) in zip(images, shapes.items())}
    return {**batch, 'draws': draws.view(torch.int64).view(count, 2)}
