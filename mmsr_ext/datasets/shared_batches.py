"""Handing batches from a loader's worker to the main process in memory that is used again.

What torch does by itself, a new piece of shared memory for every batch, costs several times what it takes to
fill it with packed crops: the system clears its pages one by one, and hands over a file. Here a worker keeps
its pieces, each with a mark that the main process sets back when the batch that lies in it is gone. As many
pieces come into being as there are batches alive at a time.
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


class _Piece:
    """Shared memory of a worker."""

    def __init__(self, size: int) -> None:
        self.memory = torch.empty(0, dtype=torch.uint8).set_(
            torch.UntypedStorage._new_shared(MARK + size, device='cpu')
        )
        self.bytes = self.memory.numpy()
        self.bytes[0] = 0
        self.name = os.getpid(), os.urandom(8)
        self.sent = False
        self.array: weakref.ref[np.ndarray] | None = None

    def lend(self, size: int) -> np.ndarray | None:
        """Its first bytes, or None while it is used, here or there, or if it is too small."""
        used = self.bytes[0] or (self.array is not None and self.array() is not None)
        if used or len(self.bytes) < MARK + size:
            return None
        array = self.bytes[MARK : MARK + size]
        self.array = weakref.ref(array)  # tensors made of the array keep it alive
        return array


_OWN: list[_Piece] = []  # of this process, if it is a worker
_THEIRS: dict[tuple[int, bytes], np.ndarray] = {}  # of workers, in the process that has them


class _Batch(dict):
    """A batch in a worker, which becomes a plain one in the main process."""

    def __init__(self, layout: Layout, piece: _Piece, array: np.ndarray) -> None:
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
        return _received, (piece.name, memory, self.layout, rest)


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
    for piece in _OWN:
        if (array := piece.lend(_size(layout))) is not None:
            return _Batch(layout, piece, array)
    _OWN.append(_Piece(_size(layout)))
    array = _OWN[-1].lend(_size(layout))
    assert array is not None  # nobody else has it yet
    return _Batch(layout, _OWN[-1], array)


def _received(
    name: tuple[int, bytes], memory: Tensor | None, layout: Layout, rest: dict[str, Any]
) -> dict[str, Any]:
    if memory is not None:
        for other in [other for other in _THEIRS if not Path(f'/proc/{other[0]}').exists()]:
            del _THEIRS[other]  # batches that are still alive keep their memory
        _THEIRS[name] = memory.numpy()
    whole = _THEIRS[name]
    array = whole[MARK : MARK + _size(layout)]
    weakref.finalize(array, _give_back, whole, os.getpid()).atexit = False
    return {**_tensors(layout, array), **rest}


def _give_back(whole: np.ndarray, process: int) -> None:
    if (
        os.getpid() == process
    ):  # not in a copy of the process, where the batch is not the last one of its kind
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
