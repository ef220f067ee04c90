"""Read image files of any kind, with bit depth, transparency, orientation and colour profile."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from PIL import Image, ImageOps, UnidentifiedImageError

from ..errors import InputError

STRIP = 64  # rows that are computed on at a time
PLAIN = (tifffile.PHOTOMETRIC.MINISWHITE, tifffile.PHOTOMETRIC.MINISBLACK, tifffile.PHOTOMETRIC.RGB)
ORIENTATION, PHOTOMETRIC, BITS, EXTRA_SAMPLES, ICC_PROFILE = 0x112, 262, 258, 338, 34675  # tags of TIFF
CV2_ORDER = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}
TURNS = {
    2: (0, True),
    3: (2, False),
    4: (2, True),
    5: (-1, True),
    6: (-1, False),
    7: (1, True),
    8: (1, False),
}


@dataclass
class Picture:
    """The content of an image file.

    Args:
        pixels: Shape (H, W, C), upright, uint8 or uint16; C is 1 for grey, 2 for grey and alpha, 3 for RGB, 4
            for RGB and alpha.
        icc: ICC colour profile of the pixels.
    """

    pixels: np.ndarray
    icc: bytes | None = None


def read_picture(path: str | Path) -> Picture:
    """Read an image file, and turn it upright according to its EXIF orientation.

    PNG and TIFF keep 16 bits. Palettes, CMYK and other colour spaces become RGB or grey; the profile of a
    CMYK file is dropped, because it does not describe RGB.

    Args:
        path: Path of an image file.

    Raises:
        InputError: If the file is damaged, truncated, not an image, has several frames, or pixels of an
            unsupported type.
    """
    try:
        try:
            with Image.open(path) as image:
                return _decoded(image, path)
        except UnidentifiedImageError:
            with suppress(tifffile.TiffFileError, IndexError):  # not a TIFF file, or one without an image
                picture = _by_tifffile(path)  # Pillow does not support 16-bit grey with alpha
                if picture is not None:
                    return picture
            raise
    except (InputError, MemoryError):
        raise
    except Exception as error:  # on damaged data decoders raise anything, such as zlib.error or struct.error
        reason = ' '.join(str(error).split()) or type(error).__name__
        raise InputError(
            f'{path} cannot be read as an image ({reason}). Replace or remove the file.'
        ) from error


def read_size(path: str | Path) -> tuple[int, int]:
    """Read height and width from the header, before orientation is applied; (0, 0) for a broken file."""
    try:
        try:
            with Image.open(path) as image:
                return image.height, image.width
        except UnidentifiedImageError:
            with tifffile.TiffFile(path) as file:
                return file.pages[0].imagelength, file.pages[0].imagewidth
    except Exception:  # as above; read_picture reports the fault
        return 0, 0


def _decoded(image: Any, path: str | Path) -> Picture:
    """Decode a file that Pillow has identified with the first library that supports all of it."""
    tiff, raw = image.format == 'TIFF', _raw_mode(image)
    frames = getattr(image, 'n_frames', 1) if image.format != 'MPO' else 1  # a photograph and its preview
    bits = int(np.max(image.tag_v2.get(BITS, 8))) if tiff else 16 if '16' in raw else 8
    turn = image.getexif().get(ORIENTATION, 1)
    icc = image.info.get('icc_profile') if image.mode not in ('CMYK', 'LAB') else None
    _check_kind(path, frames, bits)
    picture = _by_tifffile(path) if tiff else None
    if picture is not None:
        return picture
    photometric, extras = (
        (image.tag_v2.get(PHOTOMETRIC), image.tag_v2.get(EXTRA_SAMPLES, ())) if tiff else (None, ())
    )
    if tiff:
        # for a file that it maps into memory, Pillow would swap height and width before reading
        image.filename = ''
    image.load()
    if bits <= 8 or image.mode.startswith('I;16'):
        pixels = _array(ImageOps.exif_transpose(image), path)
        return Picture(_plain(pixels, photometric, extras) if tiff and bits == 16 else pixels, icc)
    stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED) if not tiff or photometric in PLAIN else None
    if stored is None or stored.dtype != np.uint16:
        raise InputError(
            f'{path} has 16 bits per channel in an encoding that is not supported. Save it as PNG, or as '
            'uncompressed RGB TIFF.'
        )
    pixels = stored.reshape(*stored.shape[:2], -1)
    pixels = pixels[..., CV2_ORDER[pixels.shape[2]]]
    if tiff:  # OpenCV has applied the orientation
        return Picture(_plain(pixels, photometric, extras), icc)
    if raw.startswith('LA'):
        pixels = pixels[..., [0, 3]]  # OpenCV reads grey with alpha as RGB with alpha
    return Picture(_upright(pixels, turn), icc)


def _check_kind(path: str | Path, frames: int, bits: int) -> None:
    if frames > 1:
        raise InputError(
            f'{path} has {frames} frames; expected one. Save the one that you want as a file of its own.'
        )
    if bits > 8 and bits != 16:
        raise InputError(f'{path} has {bits} bits per channel; expected 8 or 16. Convert the file.')


def _raw_mode(image: Any) -> str:
    """Return how the pixels are stored, such as 'RGB;16B' for a PNG file that Pillow reduces to 8 bits."""
    if image.format != 'PNG' or not image.tile:
        return image.mode if image.mode.startswith('I;16') else ''
    return str(image.tile[0][3])


def _by_tifffile(path: str | Path) -> Picture | None:
    """Read a TIFF file with tifffile; return None for a kind or compression that it cannot read."""
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        _check_kind(path, len(file.pages), 8)
        if (
            page.photometric not in PLAIN
            or page.dtype not in (np.uint8, np.uint16)
            or page.axes not in ('YX', 'YXS', 'SYX')
            or page.bitspersample not in (8, 16)
        ):
            return None
        try:
            pixels = page.asarray()
        except ValueError as error:
            if 'imagecodecs' not in str(error):
                raise
            return None
        turn, icc = (page.tags[tag].value if tag in page.tags else None for tag in (ORIENTATION, ICC_PROFILE))
        pixels = (
            pixels[..., None]
            if page.axes == 'YX'
            else pixels.transpose(1, 2, 0)
            if page.axes == 'SYX'
            else pixels
        )
        pixels = _plain(pixels, page.photometric, page.extrasamples)
        return Picture(_upright(pixels, turn or 1), icc if isinstance(icc, bytes) else None)


def _plain(pixels: np.ndarray, photometric: int | None, extras: Sequence[int]) -> np.ndarray:
    """Convert the stored samples of a TIFF file in place to grey or RGB with straight alpha.

    Args:
        pixels: Shape (H, W, C).
        photometric: One of ``PLAIN``.
        extras: Meaning of the samples after the colours. Without this tag the first of them is alpha.
    """
    colours = 3 if photometric == tifffile.PHOTOMETRIC.RGB else 1
    alphas = (
        [index for index, kind in enumerate(extras) if kind != tifffile.EXTRASAMPLE.UNSPECIFIED]
        if extras
        else [0]
    )
    kept = [*range(colours), *(colours + index for index in alphas[:1] if pixels.shape[2] > colours)]
    if len(kept) != pixels.shape[2]:
        pixels = pixels[..., kept]
    top = np.iinfo(pixels.dtype).max
    if len(kept) > colours and extras and extras[alphas[0]] == tifffile.EXTRASAMPLE.ASSOCALPHA:
        for first in range(0, len(pixels), STRIP):
            rows = pixels[first : first + STRIP]
            alpha = rows[..., -1:].astype(np.uint32)
            straight = np.minimum((rows[..., :-1] * np.uint32(top) + alpha // 2) // np.maximum(alpha, 1), top)
            rows[..., :-1] = np.where(alpha, straight, rows[..., :-1])
    if photometric == tifffile.PHOTOMETRIC.MINISWHITE:
        np.subtract(top, pixels[..., :1], out=pixels[..., :1])
    return pixels


def _array(image: Image.Image, path: str | Path) -> np.ndarray:
    """Return the pixels of an 8-bit or 16-bit grey Pillow image, shape (H, W, C)."""
    if image.mode.startswith('I;16'):
        pixels = np.array(image).astype(np.uint16)[..., None]
        transparent = image.info.get('transparency')  # the grey value that PNG marks as transparent
        return (
            pixels
            if transparent is None
            else np.concatenate([pixels, np.where(pixels == transparent, 0, 65535).astype(np.uint16)], 2)
        )
    if image.mode in ('I', 'F'):
        raise InputError(
            f'{path} has pixels of type {image.mode}; expected 8 or 16 bits, grey or colour. Convert the '
            'file.'
        )
    alpha = 'transparency' in image.info or image.mode in ('LA', 'La', 'PA', 'RGBA', 'RGBa')
    colours = 'L' if image.mode in ('1', 'L', 'LA', 'La') else 'RGB'
    pixels = np.array(image.convert(colours + 'A' if alpha else colours))
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Return a view rotated and mirrored according to EXIF 2.32, tag 0x112."""
    turns, mirrored = TURNS.get(orientation, (0, False))
    pixels = np.rot90(pixels, turns)
    return pixels[:, ::-1] if mirrored else pixels
