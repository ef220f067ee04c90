"""Compute the output of a network tile by tile, and halve the tiles when memory runs out."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ...errors import InputError
from ...functional import mirror_index
from ...functional.tiles import SMALLEST_SIDE, Axis, join, split
from ...machine import free_memory
from .traits import Traits

SMALLEST_TILE = 32
OVERLAP = 32  # unless the tile is too small for it
LARGEST_TILE = {'cpu': 512, 'cuda': 1024}  # larger ones are not faster
HEADROOM = 3  # peak memory / memory of input and output of the largest layer
OUT_OF_MEMORY = ('not enough memory', "can't allocate memory", 'out of memory', 'ALLOC_FAILED')


class TiledRun(ABC):
    """The output of a network for images of any size.

    When memory runs out, the tile size is halved for this tile and all later ones.

    Args:
        overlap: Overlap of neighbouring tiles in pixels of the input.
        say: Function that shows a message to the user.

    Attributes:
        tile: Current tile size in pixels of the input.
        device: Device that the network is on.
        traits: Traits of the network.
        sides: Height and width of the tiles of a network that takes one size alone; else None.
    """

    tile: int = sys.maxsize
    sides: tuple[int, int] | None = None
    device: torch.device
    traits: Traits
    advice = 'Free memory.'  # what to do where even the smallest tiles are too large

    def __init__(self, overlap: int, say: Callable[[str], None]) -> None:
        self.overlap, self.say = overlap, say

    @abstractmethod
    def compute(self, tile: Tensor) -> Tensor:
        """Map (N, C, h, w) to (N, C, scale * h, scale * w), without tiles."""

    def cuts(self, height: int, width: int) -> tuple[Axis, Axis]:
        """Return how an image of this size is cut: along its height, and along its width."""
        rows, columns = self.sides or (self.tile, self.tile)
        return split(height, rows, self.overlap), split(width, columns, self.overlap)

    def __call__(self, tile: Tensor) -> Tensor:
        """Compute the output of the network for images, in tiles if they are larger than one.

        Args:
            tile: Shape (N, C, h, w), as the network takes it, on the device.

        Returns:
            Shape (N, C, scale * h, scale * w).

        Raises:
            InputError: If memory is too small for the smallest tiles.
        """
        if self.sides or max(tile.shape[-2:]) <= self.tile:
            try:
                return self.compute(tile)
            except (RuntimeError, MemoryError) as error:
                if not out_of_memory(error):
                    raise
            # outside the handler, whose exception keeps the tensors of the failed attempt alive
            self._halve_tile(max(tile.shape[-2:]))
        return torch.stack([self._in_parts(image) for image in tile])

    def padded(self, network: nn.Module, tile: Tensor, memory_format: torch.memory_format) -> Tensor:
        """Run a network on images, extended by mirroring if it does not accept their size.

        Args:
            network: With the traits of this object.
            tile: Shape (N, C, h, w).
            memory_format: What the network gets.

        Returns:
            Shape (N, C, scale * h, scale * w).
        """
        height, width = tile.shape[-2:]
        multiple, scale = self.traits.multiple, self.traits.scale
        rows, columns = self.traits.fixed_size or (
            -(-max(size, SMALLEST_SIDE) // multiple) * multiple for size in (height, width)
        )
        if (rows, columns) != (height, width):
            tile = tile.index_select(-2, mirror_index(height, 0, rows - height, tile.device))
            tile = tile.index_select(-1, mirror_index(width, 0, columns - width, tile.device))
        return network(tile.contiguous(memory_format=memory_format))[..., : height * scale, : width * scale]

    def _in_parts(self, image: Tensor) -> Tensor:
        scale = self.traits.scale
        rows, columns = self.cuts(*image.shape[-2:])

        def output(row: int, column: int) -> Tensor:
            (top, bottom), (left, right) = rows.extent(row), columns.extent(column)
            return self(image[None, :, top:bottom, left:right])[0]

        result: Tensor | None = None
        for top, left, part in join(rows, columns, scale, output):
            if result is None:  # not before it is known that there is memory for a tile
                result = part.new_empty(part.shape[0], image.shape[1] * scale, image.shape[2] * scale)
            result[:, top : top + part.shape[1], left : left + part.shape[2]] = part
        assert result is not None  # there is a tile
        return result

    def _halve_tile(self, failed: int) -> None:
        self.tile = min(self.tile, failed) // 2
        if self.device.type == 'cuda':
            torch.cuda.empty_cache()
        if self.tile < SMALLEST_TILE or self.sides:
            raise InputError(
                f'{self.device} does not have enough memory even for tiles of {failed} px. {self.advice}'
            )
        self.say(f'not enough memory on {self.device}: continuing with tiles of {self.tile} px.')


def check_tiles(tile: int | None, overlap: int | None) -> int:
    """Check the size of tiles and their overlap, and return the overlap.

    Args:
        tile: Height and width of tiles in pixels of the input; 0 for no tiles, None for a size that follows
            from the free memory.
        overlap: Overlap of neighbouring tiles in pixels; None for 32, or half a tile if that is less.

    Raises:
        InputError: If one of them is out of range.
    """
    if tile is not None and tile != 0 and tile < SMALLEST_TILE:
        raise InputError(f'tile={tile!r} must be 0 to use no tiles, or at least {SMALLEST_TILE} px.')
    if overlap is None:
        return min(OVERLAP, tile // 2) if tile else OVERLAP
    if overlap < 0 or (tile and overlap > tile // 2):
        raise InputError(
            f'overlap={overlap!r} must be at least 0 and at most half of the tile '
            f'({tile or "chosen by free memory"} px).'
        )
    return overlap


def tile_from_memory(traits: Traits, device: torch.device, bytes_per_value: int) -> int:
    """Return the tile size that suits the memory which is free now.

    Args:
        traits: Traits of the network.
        device: Where it runs.
        bytes_per_value: Of the precision that it runs in.
    """
    free = 0.6 * free_on(device) if device.type == 'cuda' else 0.25 * free_on(device)
    pixel = traits.values_per_pixel * HEADROOM * bytes_per_value
    side = int((max(free, 0) / pixel) ** 0.5)
    if not traits.looks_at_all:
        side = min(side, LARGEST_TILE.get(device.type, LARGEST_TILE['cpu']))
    return max(side // 16 * 16, 2 * SMALLEST_TILE)


def free_on(device: torch.device) -> int:
    """Return the bytes of memory of a device that this process can still take."""
    if device.type != 'cuda':
        return free_memory()
    unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + unused


def out_of_memory(error: BaseException) -> bool:
    """Return whether memory ran out; PyTorch has an exception class for that only on GPUs."""
    return isinstance(error, MemoryError) or any(text in str(error) for text in OUT_OF_MEMORY)
