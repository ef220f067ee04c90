"""How large an image may be, which is checked before it is decoded."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from PIL import Image, UnidentifiedImageError

from ..errors import InputError
from .other_formats import named

MAX_PIXELS = 10**9
VARIABLE = 'MMSR_EXT_MAX_PIXELS'  # in the environment, so that it reaches workers of any kind
CURE = f'If it is what it says, allow it with --max-pixels, or {VARIABLE} in the environment.'
PLANES = 4  # samples per pixel that an image may have without counting as a larger one

_lock, _readers, _before = Lock(), 0, Image.MAX_IMAGE_PIXELS


def max_pixels() -> int:
    """Return how many pixels an image may have.

    Raises:
        InputError: If the environment's MMSR_EXT_MAX_PIXELS is no number.
    """
    text = os.environ.get(VARIABLE, str(MAX_PIXELS))
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 19 and int(text)):
        raise InputError(
            f'max_pixels={text!r} must be a number of pixels of at least 1, such as {MAX_PIXELS}.'
        )
    return int(text)


@contextmanager
def allow_pixels(pixels: int | None) -> Iterator[None]:
    """Let images have so many pixels within the block, also in the processes that it starts.

    Args:
        pixels: At least 1; None leaves the limit as it is.

    Raises:
        InputError: For less than one pixel.
    """
    before = os.environ.get(VARIABLE)
    if pixels is not None:
        os.environ[VARIABLE] = str(pixels)
    try:
        max_pixels()
        yield
    finally:
        if before is not None:
            os.environ[VARIABLE] = before
        elif pixels is not None:
            del os.environ[VARIABLE]


def check_pixels(path: str | Path, width: int, height: int, samples: int = 1) -> None:
    """Refuse an image that is too large, by what its header declares.

    Args:
        path: For the error.
        width: In pixels.
        height: In pixels.
        samples: Samples per pixel.

    Raises:
        InputError: If it has more than ``max_pixels`` pixels.
    """
    most, declared = max_pixels(), width * height
    if declared * max(samples, PLANES) > most * PLANES:
        planes = f' with {samples} samples each' if samples > PLANES else ''
        raise InputError(
            f'{path} declares {width}x{height} px ({declared:,}){planes}; expected at most {most:,}. {CURE}'
        )


@contextmanager
def opened(path: str | Path) -> Iterator[Any]:
    """Open an image file with Pillow, and refuse one that is too large before it is decoded.

    Pillow's own limit follows ours within the block: for pictures within pictures, too.

    Args:
        path: An image file.

    Yields:
        The ``PIL.Image.Image``.

    Raises:
        InputError: If the image has more than ``max_pixels`` pixels, or the file is of a format that is not
            read, see ``other_formats``.
        OSError: And others of Pillow's, if it cannot be opened.
    """
    global _readers, _before
    most = max_pixels()
    with _lock:
        if not _readers:
            _before = Image.MAX_IMAGE_PIXELS
        _readers += 1
        Image.MAX_IMAGE_PIXELS = most
    try:
        # from a path Pillow would map raw pixels into memory, and a file that is shortened end the process
        with open(path, 'rb') as file:
            try:
                image = Image.open(file)
            except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
                size = re.search(r'\d+', str(error))
                declared = int(size[0]) if size else most
                raise InputError(
                    f'{path} declares {declared:,} px; expected at most {most:,}. {CURE}'
                ) from error
            except UnidentifiedImageError as error:
                file.seek(0)
                known = named(path, file.read(1 << 20))
                raise known or UnidentifiedImageError('cannot identify image file') from error
            with image:
                check_pixels(path, *image.size)
                yield image
    finally:
        with _lock:
            _readers -= 1
            if not _readers:
                Image.MAX_IMAGE_PIXELS = _before
