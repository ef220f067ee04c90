"""An image in tiles that overlap, and their outputs joined without seams."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

SMALLEST_SIDE = 16  # of what a network is given
# tiles start at multiples of it, so that layers with strides see each tile on the grid of the whole image
GRID = 16


@dataclass(frozen=True)
class Axis:
    """How one side of an image is cut. All lengths in pixels of the input.

    Args:
        size: Of the side.
        starts: First pixels of the tiles.
        length: Of every tile but the last, which ends with the image.
        margin: What of an overlap is left to the tile before; as much at its end is left to the tile behind.
        blend: What of an overlap is blended, between the margins: outputs close to a tile's edge, which lack
            surroundings, are not used at all.
    """

    size: int
    starts: tuple[int, ...]
    length: int
    margin: int
    blend: int

    def extent(self, index: int) -> tuple[int, int]:
        """First pixel of a tile, and the one after its last."""
        last = index + 1 == len(self.starts)
        return self.starts[index], self.size if last else self.starts[index] + self.length

    def used(self, index: int) -> tuple[int, int]:
        """The part of a tile whose output is used, the blended ones included."""
        first = self.starts[index] + self.margin if index else 0
        last = index + 1 == len(self.starts)
        return first, self.size if last else self.starts[index + 1] + self.margin + self.blend


def split(size: int, tile: int, overlap: int) -> Axis:
    """Cut a side into the fewest tiles of at most ``tile`` pixels, of nearly equal length.

    Args:
        size: Of the side.
        tile: At least 2.
        overlap: Of neighbours; at most half a tile is taken.
    """
    if size <= tile:
        return Axis(size, (0,), size, 0, 0)
    overlap = min(overlap, tile // 2)
    shortest = min(
        max(overlap, SMALLEST_SIDE), tile // 2
    )  # the last tile is longer; a shorter one would have to be extended
    grid = GRID if tile - shortest >= GRID else 1
    largest = (tile - shortest) // grid * grid
    count = math.ceil((size - shortest) / largest)
    stride = min(largest, math.ceil((size - shortest) / count / grid) * grid)
    starts = tuple(range(0, size - shortest, stride))
    return Axis(size, starts, stride + overlap, (overlap - overlap // 2) // 2, overlap // 2)


def join(
    rows: Axis, columns: Axis, scale: int, output: Callable[[int, int], Tensor]
) -> Iterator[tuple[int, int, Tensor]]:
    """Compute tile after tile, and give the parts of the result as they are finished.

    Where two tiles are blended, their weights are cos^2 and sin^2 over the strip: never 0, and of sum 1. Only
    the strips wait for their neighbours, below and to the right.

    Args:
        rows: Cuts of the height.
        columns: Cuts of the width.
        scale: Output size / input size.
        output: Gives the output (C, h * scale, w * scale), floating point, of the tile at an index of the
            rows and one of the columns.

    Yields:
        Top, left and values (C, H, W) of a part, in pixels of the output; row by row of tiles, from the left.
    """
    waiting: Tensor | None = None  # the lower strip of the tiles above, already blended from left to right
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
    """``part`` with its first rows or columns blended with those of the tile before it."""
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
