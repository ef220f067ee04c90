"""Images of any size through a network."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import InputError
from ..functional import ImresizeRows
from .network import load_network
from .tile_runner import Precision, Runner
from .tiles import join

LUMA = (0.299, 0.587, 0.114)  # BT.601


class Upscaler:
    """A network made into a function of images of any size and depth.

    The image and the result stay on the host; tiles of it go to the device. Neighbouring tiles overlap and
    are blended. When the memory does not suffice, tiles are halved. What half precision cannot compute, or
    not to finite values, is computed again, and all that follows, in fp32.

    Colours go through the network. A grey image is given to a network of three channels as an equal one in
    each, and the luma (BT.601) of the result is taken; a network of one channel gets every channel by itself.
    Alpha does not go through the network, which has never seen any: it is resized by MATLAB's bicubic.

    >>> from mmsr_ext.models import SRResNet
    >>> upscaler = Upscaler(SRResNet(mid_channels=4, num_blocks=1, scale=2), device='cpu')
    >>> upscaler(np.zeros((9, 7, 3), np.uint8)).shape
    (18, 14, 3)

    Args:
        network: A file, see ``load_generator``, or of an architecture of spandrel's if that is installed; or
            a network from (N, C, H, W) in [0, 1], C of 3 or 1, to the same or an integer multiple of the
            size. Of a network a copy is used.
        device: 'cpu', 'cuda', 'cuda:1', ...; a GPU if there is one by default.
        precision: 'fp32', 'fp16' or 'bf16'.
        tile: Height and width of the tiles, at least 32; chosen from the free memory by default; 0 for no
            tiles.
        overlap: Of tiles, in pixels of the input, at most half a tile; 32 by default, or half a tile if that
            is less.
        outscale: Size of the result / size of the image. Unless it is the network's own, the network's result
            is resized by MATLAB's bicubic, and the size is rounded up.
        ensemble: Average the results for the 8 flips and rotations of the image. Lim et al. 2017 (EDSR),
            section 3.3.
        say: Takes what the user should know, each thing once; printed to stderr by default.

    Attributes:
        scale: The network's.
        outscale: See above.
        device: Where it runs.
        traits: What the network takes and gives.

    Raises:
        InputError: If the network cannot be loaded or is not one between images, or an argument is out of
            range.
    """

    def __init__(
        self,
        network: str | Path | nn.Module,
        device: str | None = None,
        precision: Precision = 'fp32',
        tile: int | None = None,
        overlap: int | None = None,
        outscale: float | None = None,
        ensemble: bool = False,
        say: Callable[[str], None] | None = None,
    ) -> None:
        if outscale is not None and not 0 < outscale <= 64:
            raise InputError(f'outscale={outscale!r} must be above 0 and at most 64.')
        self.say = say or (lambda text: print(text, file=sys.stderr))
        module = copy.deepcopy(network).cpu() if isinstance(network, nn.Module) else load_network(network)
        self._runner = Runner(module, device, precision, tile, overlap, ensemble, self.say)
        self.device, self.traits = self._runner.device, self._runner.traits
        self.scale = self.traits.scale
        self.outscale = self.scale if outscale is None else outscale
        self._said_tiles = False

    @property
    def tile(self) -> int:
        """The present one."""
        return self._runner.tile

    @property
    def precision(self) -> str:
        """The present one."""
        return self._runner.precision

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Upscale an image.

        Args:
            image: (H, W) grey or (H, W, C), C of 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha; uint8 or
                uint16.

        Returns:
            np.ndarray: Of the same type and number of axes and channels; ``output_size`` high and wide.

        Raises:
            InputError: For another image, a result that is not finite, or memory that does not suffice for
                the smallest tiles.
        """
        result = np.concatenate(list(self.rows(image)))
        return result[..., 0] if image.ndim == 2 else result

    def output_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the result for an image."""
        if self.outscale == self.scale:
            return height * self.scale, width * self.scale
        resize = ImresizeRows(height * self.scale, width * self.scale, self.outscale / self.scale)
        return resize.height, resize.width

    def rows(self, image: np.ndarray) -> Iterator[np.ndarray]:
        """Upscale an image and yield the result in strips (h, W, C) from the top, to bound the memory.

        Args:
            image: As for a call.

        Raises:
            InputError: As a call.
        """
        pixels = image[..., None] if image.ndim == 2 else image
        if (
            pixels.ndim != 3
            or pixels.dtype not in (np.uint8, np.uint16)
            or not 1 <= pixels.shape[2] <= 4
            or not pixels.size
        ):
            raise InputError(
                f'an image of shape {image.shape} and type {image.dtype} cannot be upscaled; expected (H, W) '
                'or (H, W, 1 to 4) of uint8 or uint16.'
            )
        colours = pixels.shape[2] - 1 if pixels.shape[2] in (2, 4) else pixels.shape[2]
        strips = self._network_rows(pixels[..., :colours])
        height, width = (size * self.scale for size in pixels.shape[:2])
        if self.outscale != self.scale:
            strips = _resized(strips, ImresizeRows(height, width, self.outscale / self.scale))
        if colours == pixels.shape[2]:
            yield from strips
            return
        alpha, top = ImresizeRows(pixels.shape[0], pixels.shape[1], self.outscale), 0
        for strip in strips:
            beside = alpha.rows(pixels[..., colours:], top, top + len(strip))
            yield np.concatenate([strip, beside], 2)
            top += len(strip)

    def _network_rows(self, image: np.ndarray) -> Iterator[np.ndarray]:
        """The network's result, strip by strip."""
        height, width, channels = image.shape
        rows, columns = self._runner.cuts(height, width)
        if self.traits.looks_at_all and len(rows.starts) * len(columns.starts) > 1 and not self._said_tiles:
            self.say(
                f'the network looks at the whole image ({self.traits.looks_at_all}), but is given tiles of '
                f'{rows.length}x{columns.length} px: they may differ in tone. --tile 0 takes no tiles, and '
                'more memory.'
            )
            self._said_tiles = True
        top_value = np.iinfo(image.dtype).max

        def output(row: int, column: int) -> Tensor:
            (top, bottom), (left, right) = rows.extent(row), columns.extent(column)
            with torch.inference_mode():
                return self._image_output(self._to_device(image[top:bottom, left:right], top_value))

        strip = np.empty((0, width * self.scale, channels), image.dtype)
        unfinished: list[tuple[np.ndarray, Tensor, torch.cuda.Event | None]] = []
        for _, left, part in join(rows, columns, self.scale, output):
            if left == 0:
                _finish(unfinished)
                if len(strip):
                    yield strip
                strip = np.empty((part.shape[1], width * self.scale, channels), image.dtype)
            place = strip[:, left : left + part.shape[2]]
            copied = self._to_host(part, top_value)
            _finish(
                unfinished
            )  # the part before, whose way to the host the device's work on this one has hidden
            unfinished.append((place, *copied))
        _finish(unfinished)
        yield strip

    def _to_device(self, tile: np.ndarray, top_value: int) -> Tensor:
        """(H, W, C) of integers as (1, C, H, W), fp32, in [0, 1], on the device."""
        tile = np.ascontiguousarray(tile if top_value == 255 else tile.astype(np.int32))
        tensor = torch.from_numpy(tile)
        if self.device.type == 'cuda':
            tensor = tensor.pin_memory()
        return tensor.to(self.device, non_blocking=True).permute(2, 0, 1)[None].float() / top_value

    def _to_host(self, part: Tensor, top_value: int) -> tuple[Tensor, torch.cuda.Event | None]:
        """(C, H, W) as (H, W, C) of integers, on its way to the host."""
        values = (
            part.permute(1, 2, 0)
            .clamp(0, 1)
            .mul_(top_value)
            .round_()
            .to(torch.uint8 if top_value == 255 else torch.int32)
        )
        if self.device.type != 'cuda':
            return values.cpu(), None
        host = values.contiguous().to('cpu', non_blocking=True)
        event = torch.cuda.Event()
        event.record(torch.cuda.current_stream(self.device))
        return host, event

    def _image_output(self, tile: Tensor) -> Tensor:
        """(1, C, h, w) of the image's channels to (C, h * scale, w * scale), fp32."""
        channels = tile.shape[1]
        if channels == self.traits.channels:
            return self._runner(tile)[0]
        if self.traits.channels == 1:
            return self._runner(tile.transpose(0, 1))[:, 0]
        grey = self._runner(tile.expand(1, 3, -1, -1)).clamp(0, 1)
        return (grey * grey.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1)


def _finish(unfinished: list[tuple[np.ndarray, Tensor, torch.cuda.Event | None]]) -> None:
    """Put what has arrived on the host into its place."""
    while unfinished:
        place, values, event = unfinished.pop()
        if event is not None:
            event.synchronize()
        place[:] = values.numpy()


def _resized(strips: Iterator[np.ndarray], resize: ImresizeRows) -> Iterator[np.ndarray]:
    """Strips of an image as strips of its resized version."""
    held: np.ndarray | None = None
    first = done = 0
    for strip in strips:
        held = strip if held is None else np.concatenate([held, strip])
        stop = resize.ready(first + len(held))
        if stop > done:
            yield resize.rows(held, done, stop, first)
            done = stop
            needed = resize.needed_from(done)
            held, first = held[max(needed - first, 0) :], max(needed, first)
