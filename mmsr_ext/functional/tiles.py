"""Cut an image into overlapping tiles, and join their outputs without seams."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

SMALLEST_SIDE = 16  # px, of the input of a network
# tiles start at multiples of it, so that strided layers see each tile on the grid of the whole image
GRID = 16


@dataclass(frozen=True)
class Axis:
    """How one side of an image is cut. All lengths are in pixels of the input.

    An overlap consists of a margin whose output comes from the tile before, a strip that is blended, and a
    margin whose output comes from the tile after. So output close to a tile's edge, which lacks context, is
    not used.

    Args:
        size: Length of the side.
        starts: First pixel of each tile.
        length: Length of every tile but the last, which ends with the image.
        margin: Length of either margin of an overlap.
        blend: Length of the blended strip of an overlap.
    """

    size: int
    starts: tuple[int, ...]
    length: int
    margin: int
    blend: int

    def extent(self, index: int) -> tuple[int, int]:
        """Return the first pixel of a tile, and the one after its last."""
        last = index + 1 == len(self.starts)
        return self.starts[index], self.size if last else self.starts[index] + self.length

    def used(self, index: int) -> tuple[int, int]:
        """Return the first pixel whose output is used or blended, and the one after the last."""
        first = self.starts[index] + self.margin if index else 0
        last = index + 1 == len(self.starts)
        return first, self.size if last else self.starts[index + 1] + self.margin + self.blend


def split(size: int, tile: int, overlap: int) -> Axis:
    """Cut a side into the fewest tiles of at most ``tile`` pixels, of nearly equal length.

    Args:
        size: Length of the side in pixels.
        tile: Largest length of a tile, at least 2.
        overlap: Overlap of neighbouring tiles; reduced to at most half a tile.
    """
    if size <= tile:
        return Axis(size, (0,), size, 0, 0)
    overlap = min(overlap, tile // 2)
    # the last tile is longer than that; a shorter one would have to be extended
    shortest = min(max(overlap, SMALLEST_SIDE), tile // 2)
    grid = GRID if tile - shortest >= GRID else 1
    largest = (tile - shortest) // grid * grid
    count = math.ceil((size - shortest) / largest)
    stride = min(largest, math.ceil((size - shortest) / count / grid) * grid)
    starts = tuple(range(0, size - shortest, stride))
    return Axis(size, starts, stride + overlap, (overlap - overlap // 2) // 2, overlap // 2)


def join(
    rows: Axis, columns: Axis, scale: int, output: Callable[[int, int], Tensor]
) -> Iterator[tuple[int, int, Tensor]]:
    """Compute tile after tile, and yield the parts of the result as they are finished.

    Two tiles are blended with the weights cos^2 and sin^2 over the strip, which are never 0 and sum to 1.
    Only the strips are kept until the neighbours below and to the right are computed.

    Args:
        rows: How the height is cut.
        columns: How the width is cut.
        scale: Output size / input size.
        output: Function that computes the output of a tile from its row and column index; shape
            (C, h * scale, w * scale), floating point.

    Yields:
        Top and left edge of a part in pixels of the output, and its values, shape (C, H, W); one row of tiles
        after another, from left to right.
    """
    waiting: Tensor | None = None  # bottom strip of the row of tiles above, already blended horizontally
    for row in range(len(rows.starts)):
        top, bottom = rows.used(row)
        beside: Tensor | None = None
        for column in range(len(columns.starts)):
            left, right = columns.used(column)
            part = output(row, column)[
                :,
                (top - rows.starts[row]) * scale : (bottom - rows.starts[row]) * scale,
                (left - columns.starts[column]) * scale : (right - columns.starts[column]) * scale,
            ]
            if beside is not None:
                part = _blend(beside, part, 2)
            if column + 1 < len(columns.starts):
                edge = part.shape[2] - columns.blend * scale
                beside, part = part[:, :, edge:].clone(), part[:, :, :edge]
            x = left * scale
            if row:
                assert waiting is not None  # filled by the row above
                part = _blend(waiting[:, :, x : x + part.shape[2]], part, 1)
            if row + 1 < len(rows.starts):
                edge = part.shape[1] - rows.blend * scale
                if waiting is None:
                    waiting = part.new_empty(part.shape[0], rows.blend * scale, columns.size * scale)
                waiting[:, :, x : x + part.shape[2]] = part[:, edge:]
                part = part[:, :edge]
            yield top * scale, x, part


def _blend(before: Tensor, part: Tensor, axis: int) -> Tensor:
    """Blend the first rows or columns of a part with the strip of the tile before it."""
    length = before.shape[axis]
    if not length:
        return part
    place = (torch.arange(length, device=part.device, dtype=part.dtype) + 0.5) / length
    weight = (
        torch.sin(place * (math.pi / 2)).square().view(-1, 1)
        if axis == 1
        else torch.sin(place * (math.pi / 2)).square()
    )
    blended = torch.lerp(before, part.narrow(axis, 0, length), weight)
    return torch.cat([blended, part.narrow(axis, length, part.shape[axis] - length)], axis)
