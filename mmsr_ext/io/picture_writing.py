"""Write image files strip by strip, with bit depth, transparency and colour profile."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tifffile
from PIL import Image

from ..errors import InputError
from .atomic import whole_file
from .png import write_png

Subsampling = Literal['4:4:4', '4:2:2', '4:2:0']

FORMATS = {
    '.png': 'png',
    '.jpg': 'jpg',
    '.jpeg': 'jpg',
    '.webp': 'webp',
    '.tif': 'tif',
    '.tiff': 'tif',
    '.bmp': 'bmp',
    '.ppm': 'ppm',
}
LARGEST_SIDE = {
    'jpg': 65500,
    'webp': 16383,
    'tif': 2**31 - 1,
    'png': 2**31 - 1,
    'bmp': 2**31 - 1,
    'ppm': 2**31 - 1,
}
WITH_ALPHA = ('png', 'webp', 'tif')
WITH_PROFILE = ('png', 'jpg', 'webp', 'tif')
FULL_COLOUR = 90  # quality of JPEG from which colours are not subsampled by default
STRIP = 64  # rows of a strip of a TIFF file


@dataclass(frozen=True)
class Encoding:
    """How JPEG and WebP files are compressed.

    Args:
        quality: Quality, 1 to 100.
        subsampling: Resolution of the colours of JPEG; by default 4:4:4 from quality 90, else 4:2:0.
        lossless: Whether WebP is compressed without loss.
    """

    quality: int = 95
    subsampling: Subsampling | None = None
    lossless: bool = False

    def options(self, kind: str) -> dict[str, Any]:
        """Return Pillow's options for a format, one of the values of ``FORMATS``."""
        if kind == 'jpg':
            default = '4:4:4' if self.quality >= FULL_COLOUR else '4:2:0'
            return dict(quality=self.quality, subsampling=self.subsampling or default)
        if kind == 'webp':
            return dict(lossless=True, exact=True) if self.lossless else dict(quality=self.quality)
        return {}


def check_output(path: Path, source: str | Path, height: int, width: int, alpha: bool) -> None:
    """Check that the format of an output file can hold an image.

    Args:
        path: File to write, with a suffix of ``FORMATS``.
        source: File that the image comes from, for the error.
        height: Height of the image in pixels.
        width: Width of the image in pixels.
        alpha: Whether the image has transparency.

    Raises:
        InputError: If the image is too large for the format, or has transparency that the format cannot hold.
    """
    kind = FORMATS[path.suffix.lower()]
    if max(height, width) > LARGEST_SIDE[kind]:
        raise InputError(
            f'{source} would become {height}x{width}, but {kind} files have at most {LARGEST_SIDE[kind]} px '
            'per side. Use --format png.'
        )
    if alpha and kind not in WITH_ALPHA:
        raise InputError(f'{source} has transparency, which {kind} files cannot hold. Use --format png.')


def holds_profile(path: Path, icc: bytes | None, channels: int) -> bool:
    """Whether an output file can hold an ICC profile, which must be of the colour space of the file.

    Args:
        path: File to write, with a suffix of ``FORMATS``.
        icc: The profile, if there is one.
        channels: Channels of the image, see ``write_picture``.
    """
    kind = FORMATS[path.suffix.lower()]
    space = b'GRAY' if channels < 3 and kind != 'webp' else b'RGB '
    return icc is not None and kind in WITH_PROFILE and icc[16:20] == space  # ICC.1:2022, 7.2.6


def lost_colours(path: Path, icc: bytes | None, chunks: Mapping[str, bytes], channels: int) -> list[str]:
    """Name what says the colours of an image, and is lost in an output file.

    Args:
        path: File to write, with a suffix of ``FORMATS``.
        icc: Profile of the image, if it has one.
        chunks: Its chunks, see ``png.colour_chunks``.
        channels: Channels of the image, see ``write_picture``.
    """
    held = holds_profile(path, icc, channels)
    lost = ['ICC profile'] if icc and not held else []
    if FORMATS[path.suffix.lower()] != 'png':
        lost += [
            kind for kind in chunks if kind == 'cICP' or not held
        ]  # the others are overridden by a profile
    return lost


def write_picture(
    path: Path,
    size: tuple[int, int],
    channels: int,
    dtype: np.dtype,
    strips: Iterable[np.ndarray],
    icc: bytes | None = None,
    encoding: Encoding = Encoding(),
    chunks: Mapping[str, bytes] | None = None,
) -> None:
    """Write an image file atomically, in the format of its suffix.

    PNG and TIFF are written strip by strip and keep 16 bits; for the other formats, which have 8 bits, the
    image is assembled in memory.

    Args:
        path: File to write, in an existing folder, with a suffix of ``FORMATS``.
        size: Height and width in pixels.
        channels: 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha.
        dtype: uint8 or uint16.
        strips: Strips of the image from the top, shape (h, W, channels), of that dtype.
        icc: ICC colour profile. Dropped if its colour space is not the written one, as for a grey image in a
            WebP file, which is always RGB.
        encoding: How JPEG and WebP are compressed.
        chunks: Chunks that say the colours, see ``png.colour_chunks``; only PNG holds them.
    """
    kind = FORMATS[path.suffix.lower()]
    icc = icc if holds_profile(path, icc, channels) else None
    with whole_file(path) as partial:
        if kind == 'png':
            write_png(partial, *size, channels, dtype, strips, icc, chunks)
        elif kind == 'tif':
            _write_tiff(partial, size, channels, np.dtype(dtype), strips, icc)
        else:
            pixels = np.concatenate(
                [
                    strip
                    if strip.dtype == np.uint8
                    else ((strip.astype(np.uint32) + 128) // 257).astype(np.uint8)
                    for strip in strips
                ]
            )
            image = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
            options = encoding.options(kind) | (dict(icc_profile=icc) if icc else {})
            image.save(partial, **options)


def _write_tiff(
    path: Path,
    size: tuple[int, int],
    channels: int,
    dtype: np.dtype,
    strips: Iterable[np.ndarray],
    icc: bytes | None,
) -> None:
    data = (zlib.compress(np.ascontiguousarray(rows).tobytes()) for rows in _of_height(strips, STRIP))
    shape = (*size, channels) if channels > 1 else size
    tifffile.imwrite(
        path,
        data,
        shape=shape,
        dtype=dtype,
        byteorder='<',
        bigtiff=int(np.prod(shape)) * dtype.itemsize > 2**32 - 2**25,
        photometric='rgb' if channels > 2 else 'minisblack',
        planarconfig='contig' if channels > 1 else None,
        extrasamples=['unassalpha'] if channels in (2, 4) else None,
        rowsperstrip=STRIP,
        compression='zlib',
        iccprofile=icc,
        metadata=None,
    )


def _of_height(strips: Iterable[np.ndarray], height: int) -> Iterator[np.ndarray]:
    """Regroup the rows into strips of the given height; the last one may have fewer rows."""
    held: np.ndarray | None = None
    for strip in strips:
        held = strip if held is None or not len(held) else np.concatenate([held, strip])
        whole = len(held) // height * height
        for top in range(0, whole, height):
            yield held[top : top + height]
        held = held[whole:]
    if held is not None and len(held):
        yield held
