"""Hand batches from a loader's worker to the main process in shared memory that is used again.

torch makes a new block of shared memory for every batch, whose pages the system clears one by one: several
times the cost of filling it with packed crops. Here a worker keeps its blocks, each with a mark that the main
process clears when its batch is gone; there are as many blocks as batches are alive at a time.
``tools/benchmark.py data`` measures it.
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

MARK = 64  # bytes before the batch, of which the first is not 0 while the main process has the batch
Layout = tuple[int, dict[str, tuple[int, ...]]]


class SharedBlock:
    """A block of a worker's shared memory, for one batch at a time."""

    def __init__(self, size: int) -> None:
        self.memory = torch.empty(0, dtype=torch.uint8).set_(
            torch.UntypedStorage._new_shared(MARK + size, device='cpu')
        )
        self.bytes = self.memory.numpy()
        self.bytes[0] = 0
        self.name = os.getpid(), os.urandom(8)
        self.sent = False
        self.array: weakref.ref[np.ndarray] | None = None

    def borrow(self, size: int) -> np.ndarray | None:
        """Return its first bytes; None while a batch is in it, or if it is too small."""
        used = self.bytes[0] or (self.array is not None and self.array() is not None)
        if used or len(self.bytes) < MARK + size:
            return None
        array = self.bytes[MARK : MARK + size]
        self.array = weakref.ref(array)  # tensors made of the array keep it alive
        return array


_worker_blocks: list[SharedBlock] = []  # of this process, if it is a worker
_attached_blocks: dict[tuple[int, bytes], np.ndarray] = {}  # of workers, in the process that has them


class _Batch(dict):
    """A batch in a worker, which becomes a plain one in the main process."""

    def __init__(self, layout: Layout, piece: SharedBlock, array: np.ndarray) -> None:
        super().__init__(_tensors(layout, array))
        self.layout = layout
        self.piece = piece

    def __reduce__(self) -> tuple[Any, ...]:
        piece, rest = (
            self.piece,
            {name: value for name, value in self.items() if not isinstance(value, Tensor)},
        )
        piece.bytes[0] = 1
        memory, piece.sent = None if piece.sent else piece.memory, True
        return _attach, (piece.name, memory, self.layout, rest)


def empty_batch(count: int, shapes: dict[str, tuple[int, ...]]) -> dict[str, Any]:
    """Uninitialised tensors of a batch, in one piece of memory.

    Args:
        count: Number of samples.
        shapes: Shapes of the stacked images, by name.

    Returns:
        ``draws``, int64 (count, 2), and the images, uint8. What else is put into it must be pickled easily.
    """
    layout = count, shapes
    if get_worker_info() is None:
        return _tensors(layout, np.empty(_size(layout), np.uint8))
    for piece in _worker_blocks:
        if (array := piece.borrow(_size(layout))) is not None:
            return _Batch(layout, piece, array)
    _worker_blocks.append(SharedBlock(_size(layout)))
    array = _worker_blocks[-1].borrow(_size(layout))
    assert array is not None  # nobody else has it yet
    return _Batch(layout, _worker_blocks[-1], array)


def _attach(
    name: tuple[int, bytes], memory: Tensor | None, layout: Layout, rest: dict[str, Any]
) -> dict[str, Any]:
    if memory is not None:
        for other in [other for other in _attached_blocks if not Path(f'/proc/{other[0]}').exists()]:
            del _attached_blocks[other]  # batches that are still alive keep their memory
        _attached_blocks[name] = memory.numpy()
    whole = _attached_blocks[name]
    array = whole[MARK : MARK + _size(layout)]
    weakref.finalize(array, _release, whole, os.getpid()).atexit = False
    return {**_tensors(layout, array), **rest}


def _release(whole: np.ndarray, process: int) -> None:
    if os.getpid() == process:  # not in a copy of the process, which does not own the batch
        whole[0] = 0


def _size(layout: Layout) -> int:
    count, shapes = layout
    return 16 * count + sum(math.prod(shape) for shape in shapes.values())


def _tensors(layout: Layout, array: np.ndarray) -> dict[str, Any]:
    count, shapes = layout
    draws, *images = torch.from_numpy(array).split(
        [16 * count, *(math.prod(shape) for shape in shapes.values())]
    )
    batch = {name: image.view(shape) for image, (name, shape) in zip(images, shapes.items())}
    return {**batch, 'draws': draws.view(torch.int64).view(count, 2)}
