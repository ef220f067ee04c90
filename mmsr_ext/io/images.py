"""Read and find images for training; every error names the file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import lru_cache
from glob import glob, has_magic
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from ..errors import InputError, printable
from ..functional import luma_pixels
from .headers import is_tiff, kind_of
from .kinds import DECODERS, Kind, decoder_of
from .limits import opened

NEVER_INTEGER = ('.pfm',)  # its pixels are always floats, which no reader here takes
PACK_DEEP = ', or pack the images with --depth 16.'
EIGHT_BIT = ('RGB', 'L', 'P', '1')
GREY = ('1', 'L', 'LA', 'La')
WITH_ALPHA = ('RGBA', 'LA', 'PA', 'RGBa', 'La')
UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
READ = {row.format for row in DECODERS}


def read_image(path: str | Path, channels: Literal[1, 3] | None = 3, depth: Literal[8, 16] = 8) -> np.ndarray:
    """Read an image as RGB, or as one channel.

    Args:
        path: Path of an image file.
        channels: 3 for RGB, where a grey image gets three equal channels. 1 for a grey image as it is stored,
            and for the Y channel of a colour image, as MATLAB's ``rgb2ycbcr`` has it: BT.601, 16 to 235. None
            for those of the file, 1 if it is grey and 3 otherwise.
        depth: 8; or 16 for images of 8 or 16 bits, where the values of the former are multiplied by 257.

    Returns:
        Shape (H, W, channels), uint8 or uint16.

    Raises:
        InputError: If the file is damaged, truncated, not an image, of more than ``depth`` bits, partly
            transparent, or animated.
    """
    if depth == 16:
        return _read_16_bits(path, channels)
    try:
        if is_tiff(path):
            return _read_tiff(path, channels)
        with opened(path) as image:
            kind, frames = kind_of(image, path), _frames(image)
            image.load()
    except InputError:
        raise
    except Exception as error:  # on damaged data decoders raise anything, such as zlib.error or struct.error
        raise InputError(
            f'{path} cannot be read as an image ({error}). Replace or remove the file.'
        ) from error
    _check_kind(path, image.mode, kind, frames)
    grey = image.mode in GREY
    if _has_alpha(image):
        image = image.convert('RGBA')
        if image.getchannel('A').getextrema() != (255, 255):
            raise InputError(
                f'{path} is partly transparent. Flatten it onto a background, or remove the file.'
            )
        image = image.convert('RGB')
    return _with_channels(np.array(image if image.mode == 'RGB' else image.convert('RGB')), channels, grey)


def check_image(path: str | Path) -> tuple[int, int]:
    """Check that ``read_image`` takes a file, as far as its header tells.

    A file with an alpha channel is read, because the header does not tell whether it is opaque.

    Returns:
        Height and width in pixels.

    Raises:
        InputError: If the file has no readable header, is not 8-bit, partly transparent, or animated.
    """
    try:
        with opened(path) as image:
            size = image.height, image.width
            if is_tiff(path):
                from .tiff import tiff_kind

                _check_tiff(path, tiff_kind(path))
            else:
                _check_kind(path, image.mode, kind_of(image, path), _frames(image))
            alpha = _has_alpha(image)
    except InputError:
        raise
    except UNREADABLE as error:
        raise InputError(
            f'{path} cannot be read as an image ({error}). Replace or remove the file.'
        ) from error
    if alpha:
        read_image(path)
    return size


def _frames(image: Image.Image) -> int:
    # the second picture of a telephone's MPO file is a preview, no animation
    return 1 if image.format == 'MPO' else getattr(image, 'n_frames', 1)


def _has_alpha(image: Image.Image) -> bool:
    return 'A' in image.getbands() or 'transparency' in image.info


def _check_kind(path: str | Path, mode: str, kind: Kind, frames: int) -> None:
    if frames > 1:
        raise InputError(
            f'{path} has {frames} frames; expected one. Save the one that you want as a file of its own.'
        )
    if mode not in (*EIGHT_BIT, *WITH_ALPHA):
        raise InputError(
            f'{path} has pixels of type {mode}; expected 8-bit RGB or grey. Convert the file'
            + (PACK_DEEP if kind.bits == 16 else '.')
        )
    if kind.bits > 8:  # Pillow reduces them
        raise InputError(
            f'{path} has pixels of {kind.bits} bits; expected 8-bit RGB or grey. Convert the file{PACK_DEEP}'
        )
    decoder_of(kind, path)


def _check_tiff(path: str | Path, kind: Kind) -> None:
    if kind.bits > 8 or kind.colours == 'CMYK':
        raise InputError(
            f'{path} has pixels of type {kind.bits}-bit {kind.colours}; expected 8-bit RGB or grey. Convert '
            'the file' + (PACK_DEEP if kind.bits == 16 and kind.colours != 'CMYK' else '.')
        )


def _read_16_bits(path: str | Path, channels: int | None) -> np.ndarray:
    from .pictures import read_picture  # slow to import, and few data sets have 16 bits

    pixels = read_picture(path).pixels
    if pixels.dtype == np.uint8:
        pixels = pixels.astype(np.uint16) * np.uint16(257)
    colours = 1 if pixels.shape[2] < 3 else 3
    if pixels.shape[2] > colours and pixels[..., colours:].min() < 65535:
        raise InputError(f'{path} is partly transparent. Flatten it onto a background, or remove the file.')
    grey = colours == 1
    pixels = np.ascontiguousarray(pixels[..., :1].repeat(3, 2) if grey else pixels[..., :3])
    return _with_channels(pixels, channels, grey)


def _with_channels(pixels: np.ndarray, channels: int | None, grey: bool) -> np.ndarray:
    if channels == 3 or (channels is None and not grey):
        return pixels
    return pixels[..., :1] if grey else luma_pixels(pixels)


def _read_tiff(path: str | Path, channels: int | None) -> np.ndarray:
    from .tiff import read_tiff, tiff_kind  # slow to import, and few data sets are TIFF files

    _check_tiff(path, tiff_kind(path))
    pixels = read_tiff(path)[0]
    if pixels.shape[2] in (2, 4):
        if pixels[..., -1].min() < 255:
            raise InputError(
                f'{path} is partly transparent. Flatten it onto a background, or remove the file.'
            )
        pixels = pixels[..., :-1]
    grey = pixels.shape[2] == 1
    return _with_channels(np.ascontiguousarray(pixels.repeat(3, 2) if grey else pixels), channels, grey)


def image_size(path: str | Path, depth: int = 8) -> tuple[int, int]:
    """Read height and width in pixels from the header of an image file.

    Args:
        path: Path of an image file.
        depth: See ``read_image``; with 16, files are recognised that ``read_picture`` reads.

    Raises:
        InputError: If the file has no readable header.
    """
    try:
        with opened(path) as image:
            return image.height, image.width
    except InputError:
        raise
    except UNREADABLE as error:
        if depth == 16:
            from .pictures import read_size  # as above

            size = read_size(path)
            if size != (0, 0):
                return size
        raise InputError(
            f'{path} cannot be read as an image ({error}). Replace or remove the file.'
        ) from error


@lru_cache(maxsize=1)
def image_suffixes() -> frozenset[str]:
    """Return the suffixes, in small letters, of the formats in ``kinds.DECODERS``.

    >>> {'.png', '.jpe', '.gif', '.tga'} <= image_suffixes()
    True
    """
    decoded = {
        suffix
        for suffix, kind in Image.registered_extensions().items()
        if kind in READ and kind in Image.OPEN
    }
    return frozenset(decoded.union(['.mpo']).difference(NEVER_INTEGER))  # Pillow opens MPO files as JPEG


def is_image_name(path: Path) -> bool:
    """Whether a path is named like an image that can be read; the case of the suffix does not matter.

    A name that begins with a dot is none: such are the temporary files of ``io.atomic``, and what systems put
    beside the files of a user (``._a.jpg``, ``.DS_Store``).

    >>> is_image_name(Path('a.JPG')), is_image_name(Path('._a.jpg')), is_image_name(Path('a.txt'))
    (True, False, False)
    """
    return not path.name.startswith('.') and path.suffix.lower() in image_suffixes()


def split_folder(
    folder: str | Path, recursive: bool = False, apart: Path | None = None
) -> tuple[list[Path], list[Path]]:
    """List the image files in a folder, see ``is_image_name``, and what else it holds.

    Args:
        folder: The folder.
        recursive: List its subfolders too, but not links to folders nor names that begin with a dot.
        apart: A subfolder that is not listed.

    Returns:
        Images, and all other files and folders, each sorted by name.

    Raises:
        InputError: If the folder does not exist or has no images.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f'image folder {folder} does not exist.')
    images: list[Path] = []
    others: list[Path] = []
    waiting = [folder]
    while waiting:
        current = waiting.pop(0)
        try:
            paths = sorted(current.iterdir())
        except OSError:
            if current == folder:
                raise
            images.append(current)  # reading it gives an error that names it
            continue
        for path in paths:
            if recursive and path.is_dir() and not path.is_symlink() and not path.name.startswith('.'):
                skipped = apart is not None and os.path.realpath(path) == os.path.realpath(apart)
                (others if skipped else waiting).append(path)
                continue
            # keep a broken link: reading it gives an error that names the missing image
            file = path.is_file() or (path.is_symlink() and not path.is_dir())
            (images if file and is_image_name(path) else others).append(path)
    if not images:
        held = f' It holds {name_some(others)}.' if others else ''
        raise InputError(f'image folder {folder} has no images, such as .png, .jpg or .tif files.{held}')
    return images, others


def list_images(folder: str | Path) -> list[Path]:
    """List the image files in a folder, recognised by ``is_image_name`` and sorted by name.

    Raises:
        InputError: If the folder does not exist or has no images.
    """
    return split_folder(folder)[0]


def name_some(paths: Iterable[Path], most: int = 10) -> str:
    """Name paths for a message, hidden ones last; a folder's name ends in a slash.

    >>> name_some([Path('.a'), Path('b'), Path('c')], most=2)
    'b, c and 1 more'

    Args:
        paths: Paths; only their last parts are named.
        most: How many are named; the rest is counted.
    """
    ordered = sorted(paths, key=lambda path: path.name.startswith('.'))
    names = printable(', '.join(f'{path.name}/' if path.is_dir() else path.name for path in ordered[:most]))
    return f'{names} and {len(ordered) - most} more' if len(ordered) > most else names


def name_all(errors: Sequence[str], title: str, advice: str) -> str:
    r"""Return one error, or several as a list under a title, with what to do.

    >>> name_all(['a is bad.'], '1 image:', 'Remove it.')
    'a is bad. Remove it.'
    >>> name_all(['a is bad.', 'b is bad.'], '2 images:', 'Remove them.')
    '2 images:\n  a is bad.\n  b is bad.\nRemove them.'
    """
    if len(errors) == 1:
        return f'{errors[0]} {advice}'
    listed = '\n  '.join([title, *errors])
    return f'{listed}\n{advice}'


def named_images(folder: str | Path) -> dict[tuple[str, ...], Path]:
    """Find the image files in a folder, or in all folders that match a pattern: 'GoPro/train/*/sharp'.

    Returns:
        Files by their name without suffix, preceded by the parts of the path that the wildcards match.

    Raises:
        InputError: If no folder matches, a folder has no images, two files differ only in their suffix, or
            the pattern contains '**'.
    """
    folder = Path(folder)
    if folder.is_dir() or not has_magic(str(folder)):
        return _by_name(((path.stem,), path) for path in list_images(folder))
    if '**' in folder.parts:
        raise InputError(f"image folder {folder} contains '**'; write one '*' for each level of folders.")
    wild = [index for index, part in enumerate(folder.parts) if has_magic(part)]
    folders = [path for path in map(Path, sorted(glob(str(folder)))) if path.is_dir()]
    if not folders:
        raise InputError(f'no image folder matches {folder}.')
    return _by_name(
        ((*(path.parts[index] for index in wild), file.stem), file)
        for path in folders
        for file in list_images(path)
    )


def _by_name(files: Iterable[tuple[tuple[str, ...], Path]]) -> dict[tuple[str, ...], Path]:
    named: dict[tuple[str, ...], Path] = {}
    for name, path in files:
        if named.setdefault(name, path) != path:
            raise InputError(f'{named[name]} and {path} differ only in their suffix; rename or remove one.')
    return named
