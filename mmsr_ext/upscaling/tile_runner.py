"""Run a network on tiles; halve them when memory runs out, and use fp32 when a lower precision fails."""

from __future__ import annotations

import copy
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from ..arguments import check_value
from ..errors import InputError
from ..functional import mirror_index
from .network import examine
from .tiles import SMALLEST_SIDE, Axis, join, split

Precision = Literal['fp32', 'fp16', 'bf16']
PRECISIONS: dict[str, torch.dtype] = {'fp32': torch.float32, 'fp16': torch.float16, 'bf16': torch.bfloat16}
SMALLEST_TILE = 32
OVERLAP = 32  # unless the tile is too small for it
LARGEST_TILE = {'cpu': 512, 'cuda': 1024}  # larger ones are not faster
HEADROOM = 3  # peak memory / memory of input and output of the largest layer
OUT_OF_MEMORY = ('not enough memory', "can't allocate memory", 'out of memory', 'ALLOC_FAILED')


class Runner:
    """Compute the output of a network for tiles.

    When memory runs out, the tile size is halved for this tile and all later ones. When the output in half
    precision is not finite, or PyTorch lacks an operator for it, this tile and all later ones are computed in
    fp32.

    Args:
        network: A network on the CPU; it is moved to the device.
        device: See ``Upscaler``.
        precision: See ``Upscaler``.
        tile: See ``Upscaler``.
        overlap: See ``Upscaler``.
        ensemble: See ``Upscaler``.
        say: Function that shows a message to the user.

    Attributes:
        traits: Traits of the network.
        device: Device that the network is on.
        tile: Current tile size in pixels.
        precision: Current precision.

    Raises:
        InputError: If the network does not map images to images, or an argument is out of range.
    """

    def __init__(
        self,
        network: nn.Module,
        device: str | None,
        precision: Precision,
        tile: int | None,
        overlap: int | None,
        ensemble: bool,
        say: Callable[[str], None],
    ) -> None:
        check_value('precision', precision, Precision)
        if tile is not None and tile != 0 and tile < SMALLEST_TILE:
            raise InputError(f'tile={tile!r} must be 0 to use no tiles, or at least {SMALLEST_TILE} px.')
        if overlap is None:
            overlap = min(OVERLAP, tile // 2) if tile else OVERLAP
        if overlap < 0 or (tile and overlap > tile // 2):
            raise InputError(
                f'overlap={overlap!r} must be at least 0 and at most half of the tile '
                f'({tile or "chosen by free memory"} px).'
            )
        if PRECISIONS[precision] in getattr(network, 'unfit', ()):
            raise InputError(f'the network does not support {precision}. Use fp32, the default.')
        self.device = _device(device)
        self.overlap, self.ensemble, self.say = overlap, ensemble, say
        self._exact = network.float().eval().requires_grad_(False)
        self.traits = examine(self._exact)
        self._set_precision(precision)
        self.tile = self._tile_from_memory() if tile is None else tile or sys.maxsize

    def cuts(self, height: int, width: int) -> tuple[Axis, Axis]:
        """Return how an image of this size is cut: along its height, and along its width."""
        return split(height, self.tile, self.overlap), split(width, self.tile, self.overlap)

    def __call__(self, tile: Tensor) -> Tensor:
        """Compute the output of the network for a tile.

        Args:
            tile: Shape (N, C, h, w), with the network's channels, fp32, in [0, 1], on the device.

        Returns:
            Shape (N, C, scale * h, scale * w), fp32.

        Raises:
            InputError: If the output is not finite in fp32, or memory is too small for the smallest tiles.
        """
        if max(tile.shape[-2:]) <= self.tile:
            try:
                return self._finite(tile)
            except (RuntimeError, MemoryError) as error:
                if not out_of_memory(error):
                    raise
            # outside the handler, whose exception keeps the tensors of the failed attempt alive
            self._halve_tile(max(tile.shape[-2:]))
        return torch.stack([self._in_parts(image) for image in tile])

    def _in_parts(self, image: Tensor) -> Tensor:
        scale = self.traits.scale
        rows, columns = self.cuts(*image.shape[-2:])

        def output(row: int, column: int) -> Tensor:
            (top, bottom), (left, right) = rows.extent(row), columns.extent(column)
            return self(image[None, :, top:bottom, left:right])[0]

        result = image.new_empty(image.shape[0], image.shape[1] * scale, image.shape[2] * scale)
        for top, left, part in join(rows, columns, scale, output):
            result[:, top : top + part.shape[1], left : left + part.shape[2]] = part
        return result

    def _halve_tile(self, failed: int) -> None:
        self.tile = min(self.tile, failed) // 2
        if self.device.type == 'cuda':
            torch.cuda.empty_cache()
        if self.tile < SMALLEST_TILE:
            raise InputError(
                f'{self.device} does not have enough memory even for tiles of {failed} px. Free memory, or '
                'use --device cpu.'
            )
        self.say(f'not enough memory on {self.device}: continuing with tiles of {self.tile} px.')

    def _finite(self, tile: Tensor) -> Tensor:
        if self.precision != 'fp32':
            try:
                output = self._ensemble(tile)
                if torch.isfinite(output).all():
                    return output
                fault = f'the output in {self.precision} is not finite'
            except NotImplementedError as error:  # an operator that PyTorch has on this device only in fp32
                fault = f'{self.precision} is not supported on {self.device} ({error})'
            self.say(f'{fault}: continuing in fp32.')
            self._set_precision('fp32')
        output = self._ensemble(tile)
        if not torch.isfinite(output).all():
            raise InputError(
                'the output of the network is not finite. Its weights may be damaged, or its training may '
                'have diverged; give another checkpoint.'
            )
        return output

    def _ensemble(self, tile: Tensor) -> Tensor:
        if not self.ensemble:
            return self._padded(tile)
        total = torch.zeros(())
        for turns in range(4):
            for flip in (False, True):
                seen = torch.rot90(tile.flip(-1) if flip else tile, turns, (-2, -1))
                output = torch.rot90(self._padded(seen), -turns, (-2, -1))
                total = total + (output.flip(-1) if flip else output)
        return total / 8

    def _padded(self, tile: Tensor) -> Tensor:
        """Run the network on a tile, extended by mirroring if the network does not accept its size."""
        height, width = tile.shape[-2:]
        multiple, scale = self.traits.multiple, self.traits.scale
        rows, columns = (-(-max(size, SMALLEST_SIDE) // multiple) * multiple for size in (height, width))
        if (rows, columns) != (height, width):
            tile = tile.index_select(-2, mirror_index(height, 0, rows - height, tile.device))
            tile = tile.index_select(-1, mirror_index(width, 0, columns - width, tile.device))
        tile = tile.to(PRECISIONS[self.precision]).contiguous(memory_format=torch.channels_last)
        return self._network(tile)[..., : height * scale, : width * scale].float()

    def _set_precision(self, precision: str) -> None:
        self.precision = precision
        module = self._exact if precision == 'fp32' else copy.deepcopy(self._exact)
        self._network = module.to(self.device, PRECISIONS[precision]).to(memory_format=torch.channels_last)

    def _tile_from_memory(self) -> int:
        free = (
            0.6 * torch.cuda.mem_get_info(self.device)[0]
            if self.device.type == 'cuda'
            else 0.25 * _free_memory()
        )
        pixel = self.traits.values_per_pixel * HEADROOM * PRECISIONS[self.precision].itemsize
        side = int((free / pixel) ** 0.5)
        if not self.traits.looks_at_all:
            side = min(side, LARGEST_TILE.get(self.device.type, LARGEST_TILE['cpu']))
        return max(side // 16 * 16, 2 * SMALLEST_TILE)


def out_of_memory(error: BaseException) -> bool:
    """Return whether memory ran out; PyTorch has an exception class for that only on GPUs."""
    return isinstance(error, MemoryError) or any(text in str(error) for text in OUT_OF_MEMORY)


def _device(name: str | None) -> torch.device:
    if name is None:
        name = 'cuda' if torch.cuda.is_available() else 'cpu'
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f'device={name!r} cannot be used ({reason}). Use cpu, or cuda where there is a GPU.'
        ) from error
    return device


def _free_memory() -> int:
    """Return the bytes of memory that are available without swapping."""
    meminfo = Path('/proc/meminfo')
    for line in meminfo.read_text().splitlines() if meminfo.exists() else []:
        if line.startswith('MemAvailable:'):
            return int(line.split()[1]) * 1024
    return os.sysconf('SC_AVPHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')
