"""The output of a generator for whole images, in validation and test: in tiles where memory asks for them."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from ...errors import InputError
from ..tiling import TiledRun, check_tiles, examine, out_of_memory, tile_from_memory
from ..tiling.live_memory import LiveMemory
from ..tiling.tiled_run import free_on

SMALL = 128**2  # pixels that no memory is too small for
MEASURED_SIDE = 64  # px


class TiledGenerator(TiledRun):
    """Compute the output of a generator for images of any size.

    An image for which there is memory goes through the generator as it is. It is cut into tiles where its
    tensors would take more than the memory that is free, or where memory runs out; tiles are halved until
    there is enough. An image whose size the generator does not accept is extended by mirroring.

    Args:
        tile: Height and width of tiles in pixels of the input; 0 for no tiles unless memory runs out; None
            for tiles of a size that follows from the free memory, where the whole image does not fit.
        overlap: Overlap of neighbouring tiles in pixels, at most half a tile; by default 32, or half a tile.
        memory_format: What the generator gets.

    Raises:
        InputError: If ``tile`` or ``overlap`` is out of range.
    """

    advice = 'Free memory, or validate smaller images.'

    def __init__(
        self,
        tile: int | None = None,
        overlap: int | None = None,
        memory_format: torch.memory_format = torch.contiguous_format,
    ) -> None:
        super().__init__(check_tiles(tile, overlap), self._warn)
        self.wanted, self.memory_format = tile, memory_format
        self.generator: nn.Module = nn.Identity()
        self._examined: tuple[nn.Module, int] | None = None
        self._bytes_per_pixel: float | None = None
        self._said: set[int] = set()
        self._too_large = sys.maxsize  # pixels of a batch for which memory did not suffice
        self._learned = sys.maxsize  # tile size for which it did

    def output(self, generator: nn.Module, images: Tensor) -> Tensor:
        """Compute the output of the generator.

        Args:
            generator: The network; its weights may change between images.
            images: (N, C, h, w), as the generator takes them.

        Returns:
            (N, C, h * scale, w * scale).

        Raises:
            InputError: If memory is too small for the smallest tiles.
        """
        self.generator, self.device = generator, images.device
        self._channels = images.shape[1]
        pixels, longest = images.numel() // images.shape[1], max(images.shape[-2:])
        self.tile = self.wanted or sys.maxsize
        if self.wanted is None and (pixels >= self._too_large or not self._fits(images)):
            self.tile = self._tile_for(images)
        if pixels >= self._too_large:
            self.tile = min(self.tile, self._learned)
        if self.tile < longest:
            self._examine(images.shape[1])
        before = self.tile
        result = self(images)
        if self.tile < before:  # memory ran out
            self._too_large, self._learned = min(self._too_large, pixels), min(self._learned, self.tile)
        return result

    def compute(self, tile: Tensor) -> Tensor:
        """Run the generator on images; mirror them to a size that it accepts, if it refuses theirs."""
        try:
            return self.generator(tile.contiguous(memory_format=self.memory_format))
        except (RuntimeError, ValueError, AssertionError, IndexError) as error:
            if isinstance(error, InputError) or out_of_memory(error):
                raise
            try:
                self._examine(tile.shape[1])
            except InputError:
                raise error from None
            if not any(size % self.traits.multiple for size in tile.shape[-2:]):
                raise
        return self.padded(self.generator, tile, self.memory_format)

    def needed(self, generator: nn.Module, shape: torch.Size | tuple[int, ...]) -> float:
        """Estimate the bytes that the tensors of a generator take at a time, from those for a small image.

        Args:
            generator: In eval mode.
            shape: Of the images, (N, C, h, w).

        Raises:
            InputError: If the generator does not map images to images.
        """
        self.generator = generator
        count, channels, height, width = shape
        self._examine(channels)
        if self._bytes_per_pixel is None:
            tensors = [*generator.parameters(), *generator.buffers()]
            size = -(-MEASURED_SIDE // self.traits.multiple) * self.traits.multiple
            with self._aside(), LiveMemory(tensors) as memory:
                image = torch.full((1, channels, size, size), 0.5, device=_device_of(generator))
                # not generator(...): hooks on it are for its images
                generator.forward(image.contiguous(memory_format=self.memory_format))
            self._bytes_per_pixel = memory.peak / size**2
        return self._bytes_per_pixel * count * height * width

    def _fits(self, images: Tensor) -> bool:
        """Return whether there is memory for whole images, as far as can be told."""
        if images.numel() // images.shape[1] <= SMALL or self.generator.training:
            return True
        try:
            return self.needed(self.generator, images.shape) <= free_on(self.device)
        except InputError:  # nothing is known of such a generator
            return True

    def _tile_for(self, images: Tensor) -> int:
        """Return the size of tiles for images that do not fit, and say so."""
        self._examine(images.shape[1])
        tile = tile_from_memory(self.traits, self.device, images.element_size())
        height, width = images.shape[-2:]
        if tile < max(height, width) and tile not in self._said:
            self._said.add(tile)
            needed, free = (
                size / 1e9 for size in (self.needed(self.generator, images.shape), free_on(self.device))
            )
            tone = (
                f', which may differ in tone ({self.traits.looks_at_all} looks at the whole image)'
                if self.traits.looks_at_all
                else ''
            )
            self._warn(
                f'an image of {width}x{height} px takes at least {needed:.1f} GB on {self.device}, where '
                f'{free:.1f} GB are free: it is computed in tiles of {tile} px{tone}.'
            )
        return tile

    def _halve_tile(self, failed: int) -> None:
        super()._halve_tile(failed)
        self._examine(self._channels)  # the size of the parts' outputs follows from the scale

    def _examine(self, channels: int) -> None:
        if self._examined != (self.generator, channels):
            with self._aside():
                self.traits = examine(self.generator, [channels])
            self._examined, self._bytes_per_pixel = (self.generator, channels), None

    @contextmanager
    def _aside(self) -> Iterator[None]:
        """Leave the random numbers of the run as they are."""
        device = _device_of(self.generator)
        with torch.random.fork_rng([device] if device.type == 'cuda' else []), torch.inference_mode():
            yield

    @staticmethod
    def _warn(text: str) -> None:
        print_log(f'validation: {text}', 'current', logging.WARNING)


def _device_of(network: nn.Module) -> torch.device:
    return next((parameter.device for parameter in network.parameters()), torch.device('cpu'))
