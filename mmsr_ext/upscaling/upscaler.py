"""Upscale images of any size with a network."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Literal, overload

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from ..arguments import check_value
from ..errors import InputError
from ..functional import FilledColours, ImresizeRows, resize_with_alpha, rgb_to_ycbcr
from ..functional.tiles import Axis, join
from ..pretrained import builtin_network
from .chroma import with_chroma
from .network import load_network
from .onnx_network import InputRange
from .pil_images import image_of, picture_of
from .tile_runner import Precision, Runner

Alpha = Literal['bicubic', 'network']
LUMA = (0.299, 0.587, 0.114)  # BT.601


class Upscaler:
    """Upscale images of any size and bit depth with a network.

    Image and result stay on the host; only tiles go to the device. Neighbouring tiles overlap and are
    blended. When memory runs out, the tile size is halved. A tile whose output in half precision is not
    finite or not supported is computed again in fp32, and so are all later ones.

    The network gets the colours. A network of three channels gets a grey image three times, and the result is
    the luma (BT.601) of its output. A network of one channel gets a grey image as it is, and of colours the Y
    channel (BT.601, 16 to 235, as MATLAB's rgb2ycbcr), to which Cb and Cr are put, enlarged by MATLAB's
    bicubic. Alpha is resized
    by MATLAB's bicubic, because networks are not trained on it, or goes through the network as a grey image.
    Colours under an alpha of 0 are undefined: they are filled from their neighbours before the network sees
    them; a result of the same size has them back.

    >>> from mmsr_ext.models import SRResNet
    >>> upscaler = Upscaler(SRResNet(mid_channels=4, num_blocks=1, scale=2), device='cpu')
    >>> upscaler(np.zeros((9, 7, 3), np.uint8)).shape
    (18, 14, 3)

    Args:
        network: A checkpoint file, see ``load_generator``, or one of an architecture that spandrel knows, if
            spandrel is installed; or a module that maps (N, C, H, W) in [0, 1], C 3 or 1, to the same size or
            an integer multiple of it. A module is copied. By default the network x4 that comes with the
            package, see ``mmsr_ext/pretrained``.
        device: 'cpu', 'cuda', 'cuda:1', 'mps', or 'auto', the default: CUDA, then MPS, then the CPU.
        precision: 'fp32', 'fp16' or 'bf16'.
        tile: Height and width of the tiles in pixels of the input, at least 32; by default chosen from the
            free memory; 0 for no tiles.
        overlap: Overlap of neighbouring tiles in pixels of the input, at most half a tile; by default 32, or
            half a tile if that is less.
        outscale: Size of the result / size of the image; by default the network's scale. For another value
            the output of the network is resized by MATLAB's bicubic, colours premultiplied by alpha, and the
            size is rounded up.
        ensemble: Average the results for the 8 flips and rotations of the image (Lim et al. 2017, EDSR,
            section 3.3).
        alpha: How alpha is enlarged: 'bicubic', or 'network', which gives sharper edges and takes up to twice
            as long. An alpha that is the same everywhere stays so.
        input_range: Range of the values that an .onnx file takes and gives.
        say: Function that shows a message to the user; by default it prints to stderr.
        config: The config that a checkpoint file was trained with, for a network that the file alone does not
            tell: one of the user's own package.

    Attributes:
        scale: Scale of the network.
        outscale: Size of the result / size of the image.
        device: Device that the network is on.
        traits: Traits of the network.

    Raises:
        InputError: If the network cannot be loaded or does not map images to images, or an argument is out of
            range.
    """

    def __init__(
        self,
        network: str | Path | nn.Module | None = None,
        device: str | None = None,
        precision: Precision = 'fp32',
        tile: int | None = None,
        overlap: int | None = None,
        outscale: float | None = None,
        ensemble: bool = False,
        alpha: Alpha = 'bicubic',
        input_range: InputRange = '0-1',
        say: Callable[[str], None] | None = None,
        config: str | Path | None = None,
    ) -> None:
        if outscale is not None and not 0 < outscale <= 64:
            raise InputError(f'outscale={outscale!r} must be above 0 and at most 64.')
        check_value('alpha', alpha, Alpha)
        check_value('input_range', input_range, InputRange)
        if input_range != '0-1' and isinstance(network, nn.Module):
            raise InputError(
                f'input_range={input_range!r} is for .onnx files; scale what a module takes in it.'
            )
        self.alpha = alpha
        self.say = say or (lambda text: print(text, file=sys.stderr))
        if network is None:
            network = builtin_network()
        module = (
            copy.deepcopy(network).cpu()
            if isinstance(network, nn.Module)
            else load_network(network, input_range, config)
        )
        self._runner = Runner(module, device, precision, tile, overlap, ensemble, self.say)
        self.device, self.traits = self._runner.device, self._runner.traits
        self.scale = self.traits.scale
        self.outscale = self.scale if outscale is None else outscale
        self._said_tiles = False

    @property
    def tile(self) -> int:
        """Current tile size in pixels of the input."""
        return self._runner.tile

    @property
    def precision(self) -> str:
        """Current precision."""
        return self._runner.precision

    @overload
    def __call__(self, image: np.ndarray) -> np.ndarray: ...

    @overload
    def __call__(self, image: str | Path | Image.Image) -> Image.Image: ...

    def __call__(self, image: np.ndarray | str | Path | Image.Image) -> np.ndarray | Image.Image:
        """Upscale an image.

        Args:
            image: Shape (H, W) or (H, W, C), uint8 or uint16; C is 1 for grey, 2 for grey and alpha, 3 for
                RGB, 4 for RGB and alpha. Or the path of an image file, or an image of Pillow.

        Returns:
            The result, with the dtype, number of axes and channels of the image, and the height and width of
            ``output_size``. An image of Pillow, with the colour profile, for a path and for such an image;
            Pillow has no colours of 16 bits, which are rounded to 8.

        Raises:
            InputError: If the array is not such an image, the file cannot be read, the output is not finite,
                or memory is too small for the smallest tiles.
        """
        if not isinstance(image, np.ndarray):
            picture = picture_of(image)
            if picture.remark:
                self.say(f'{image} {picture.remark}.')
            shown, rounded = image_of(self(picture.pixels), picture.icc)
            if rounded:
                self.say('the result has 8 bits, because Pillow has no colours of 16; an array keeps them.')
            return shown
        result = np.concatenate(list(self.rows(image)))
        return result[..., 0] if image.ndim == 2 else result

    def output_size(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width of the result for an image of this size, in pixels."""
        if self.outscale == self.scale:
            return height * self.scale, width * self.scale
        resize = ImresizeRows(height * self.scale, width * self.scale, self.outscale / self.scale)
        return resize.height, resize.width

    def rows(self, image: np.ndarray) -> Iterator[np.ndarray]:
        """Upscale an image and yield the result in strips, so that it need not fit into memory.

        Args:
            image: As in ``__call__``.

        Yields:
            Strips from the top, shape (h, W, C).

        Raises:
            InputError: For the reasons of ``__call__``.
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
        alpha = pixels[..., colours:]
        # where all pixels have the same alpha, there is nothing to fill and no weight
        blended = bool(alpha.size) and alpha.min() < alpha.max()
        strips = self._network_rows(pixels[..., :colours], alpha[..., 0] if blended else None)
        height, width = (size * self.scale for size in pixels.shape[:2])
        if blended and self.alpha == 'network':
            strips = _beside(strips, self._network_rows(alpha, None))
            if self.outscale != self.scale:
                resize = ImresizeRows(height, width, self.outscale / self.scale)
                strips = _resized(strips, resize, partial(_colours_and_alpha, resize))
            yield from strips
            return
        if self.outscale != self.scale:
            resize = ImresizeRows(height, width, self.outscale / self.scale)
            if blended:
                strips = _resized(
                    _with_alpha(strips, alpha, self.scale), resize, partial(resize_with_alpha, resize)
                )
            else:
                strips = _resized(strips, resize, resize.rows)
        elif blended and self.scale == 1:
            strips = _with_hidden(strips, pixels)
        yield from _with_alpha(strips, alpha, self.outscale) if alpha.size else strips

    def _network_rows(self, image: np.ndarray, alpha: np.ndarray | None) -> Iterator[np.ndarray]:
        """Yield the image that the network makes of the colours, strip by strip."""
        height, width, channels = image.shape
        rows, columns = self._runner.cuts(height, width)
        if self.traits.looks_at_all and len(rows.starts) * len(columns.starts) > 1 and not self._said_tiles:
            self.say(
                f'the output of the network depends on the whole image ({self.traits.looks_at_all}), but the '
                f'image is cut into tiles of {rows.length}x{columns.length} px, which may differ in tone. '
                '--tile 0 uses no tiles, and more memory.'
            )
            self._said_tiles = True
        filled = None if alpha is None else FilledColours(image, alpha)

        def colours(high: tuple[int, int], wide: tuple[int, int]) -> np.ndarray:
            return image[slice(*high), slice(*wide)] if filled is None else filled.tile(high, wide)

        if channels > self.traits.channels:

            def luma(high: tuple[int, int], wide: tuple[int, int]) -> np.ndarray:
                return rgb_to_ycbcr(colours(high, wide))[..., :1]

            strips = self._strips(luma, rows, columns, 1, np.dtype(np.float32))
            yield from with_chroma(strips, colours, height, width, self.scale)
        else:
            yield from self._strips(colours, rows, columns, channels, image.dtype)

    def _strips(
        self,
        pixels: Callable[[tuple[int, int], tuple[int, int]], np.ndarray],
        rows: Axis,
        columns: Axis,
        channels: int,
        dtype: np.dtype,
    ) -> Iterator[np.ndarray]:
        """Yield the output of the network strip by strip; floats in levels of 255 stay as they are."""
        width = columns.size
        top_value = 255 if dtype.kind == 'f' else np.iinfo(dtype).max

        def output(row: int, column: int) -> Tensor:
            tile = pixels(rows.extent(row), columns.extent(column))
            with torch.inference_mode():
                return self._image_output(self._to_device(tile, top_value))

        strip = np.empty((0, width * self.scale, channels), dtype)
        unfinished: list[tuple[np.ndarray, Tensor, torch.cuda.Event | None]] = []
        for _, left, part in join(rows, columns, self.scale, output):
            if left == 0:
                _finish(unfinished)
                if len(strip):
                    yield strip
                strip = np.empty((part.shape[1], width * self.scale, channels), dtype)
            place = strip[:, left : left + part.shape[2]]
            copied = self._to_host(part, dtype, top_value)
            _finish(unfinished)  # the previous part, copied while the device computed this one
            unfinished.append((place, *copied))
        _finish(unfinished)
        yield strip

    def _to_device(self, tile: np.ndarray, top_value: int) -> Tensor:
        """Convert pixels, shape (H, W, C), to fp32 in [0, 1] on the device, shape (1, C, H, W)."""
        tile = np.ascontiguousarray(tile if top_value == 255 else tile.astype(np.int32))
        tensor = torch.from_numpy(tile)
        if self.device.type == 'cuda':
            tensor = tensor.pin_memory()
        return tensor.to(self.device, non_blocking=True).permute(2, 0, 1)[None].float() / top_value

    def _to_host(
        self, part: Tensor, dtype: np.dtype, top_value: int
    ) -> tuple[Tensor, torch.cuda.Event | None]:
        """Convert (C, H, W) to pixels, shape (H, W, C), and start the copy to the host."""
        values = part.permute(1, 2, 0)
        if dtype.kind == 'f':
            values = values * top_value
        else:
            values = values.clamp(0, 1).mul_(top_value).round_()
            values = values.to(torch.uint8 if top_value == 255 else torch.int32)
        if self.device.type != 'cuda':
            return values.cpu(), None
        host = values.contiguous().to('cpu', non_blocking=True)
        event = torch.cuda.Event()
        event.record(torch.cuda.current_stream(self.device))
        return host, event

    def _image_output(self, tile: Tensor) -> Tensor:
        """Map a tile (1, C, h, w) to (C, h * scale, w * scale), fp32; C is at most the network's."""
        channels = tile.shape[1]
        if channels == self.traits.channels:
            return self._runner(tile)[0]
        grey = self._runner(tile.expand(1, 3, -1, -1)).clamp(0, 1)
        return (grey * grey.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1)


def _finish(unfinished: list[tuple[np.ndarray, Tensor, torch.cuda.Event | None]]) -> None:
    """Wait for the copies to the host, and write them into the strip."""
    while unfinished:
        place, values, event = unfinished.pop()
        if event is not None:
            event.synchronize()
        place[:] = values.numpy()


def _with_hidden(strips: Iterator[np.ndarray], pixels: np.ndarray) -> Iterator[np.ndarray]:
    """Put back the colours that an image of the same size has under an alpha of 0."""
    top = 0
    for strip in strips:
        stored = pixels[top : top + len(strip)]
        np.copyto(strip, stored[..., :-1], where=stored[..., -1:] == 0)
        yield strip
        top += len(strip)


def _with_alpha(strips: Iterator[np.ndarray], alpha: np.ndarray, scale: float) -> Iterator[np.ndarray]:
    """Put alpha, resized by ``scale`` from shape (H, W, 1), beside the colours."""
    resize, top = ImresizeRows(alpha.shape[0], alpha.shape[1], scale), 0
    for strip in strips:
        yield np.concatenate([strip, resize.rows(alpha, top, top + len(strip))], 2)
        top += len(strip)


def _beside(colours: Iterator[np.ndarray], alpha: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """Put the strips of alpha beside those of the colours, which may be of other heights."""
    held: np.ndarray | None = None
    for strip in colours:
        while held is None or len(held) < len(strip):
            held = next(alpha) if held is None else np.concatenate([held, next(alpha)])
        yield np.concatenate([strip, held[: len(strip)]], 2)
        held = held[len(strip) :]


def _colours_and_alpha(
    resize: ImresizeRows, image: np.ndarray, start: int, stop: int, first: int = 0
) -> np.ndarray:
    """Resize rows as ``resize_with_alpha`` does, and their alpha too."""
    colours = resize_with_alpha(resize, image, start, stop, first)
    return np.concatenate([colours, resize.rows(image[..., -1:], start, stop, first)], 2)


def _resized(
    strips: Iterator[np.ndarray], resize: ImresizeRows, rows: Callable[..., np.ndarray]
) -> Iterator[np.ndarray]:
    """Resize an image strip by strip, with ``resize.rows`` or a function like it."""
    held: np.ndarray | None = None
    first = done = 0
    for strip in strips:
        held = strip if held is None else np.concatenate([held, strip])
        stop = resize.ready(first + len(held))
        if stop > done:
            yield rows(held, done, stop, first)
            done = stop
            needed = resize.needed_from(done)
            held, first = held[max(needed - first, 0) :], max(needed, first)
