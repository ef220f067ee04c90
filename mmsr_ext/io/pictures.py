"""Image files of any kind, in and out, with depth, transparency, orientation and colour profile."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from PIL import Image, ImageOps, UnidentifiedImageError

from ..errors import InputError
from .atomic import whole_file
from .png import write_png

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
STRIP = 64  # rows of a TIFF file's strip, and those that are computed on at a time
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
        pixels: (H, W, C), C of 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha; uint8 or uint16. Upright.
        icc: The colour profile of these pixels.
    """

    pixels: np.ndarray
    icc: bytes | None = None


def read_picture(path: str | Path) -> Picture:
    """Read an image file, and turn it upright as its EXIF orientation says.

    16 bits are kept of PNG and TIFF. Palettes, CMYK and other spaces become RGB or grey; the profile of a
    CMYK file is left out, because it does not describe RGB.

    Args:
        path: A file.

    Raises:
        InputError: Naming the file, if it is damaged, truncated, no image, has several frames, or pixels of
            another type.
    """
    try:
        try:
            with Image.open(path) as image:
                return _decoded(image, path)
        except UnidentifiedImageError:
            with suppress(tifffile.TiffFileError, IndexError):  # no TIFF file, or without an image
                picture = _by_tifffile(path)  # Pillow knows no grey of 16 bits with alpha
                if picture is not None:
                    return picture
            raise
    except (InputError, MemoryError):
        raise
    except (
        Exception
    ) as error:  # over damaged data decoders raise whatever they meet, zlib.error and struct.error among it
        reason = ' '.join(str(error).split()) or type(error).__name__
        raise InputError(
            f'{path} cannot be read as an image ({reason}). Replace or remove the file.'
        ) from error


def read_size(path: str | Path) -> tuple[int, int]:
    """Return height and width by the header, before the picture is turned; (0, 0) for a broken file."""
    try:
        try:
            with Image.open(path) as image:
                return image.height, image.width
        except UnidentifiedImageError:
            with tifffile.TiffFile(path) as file:
                return file.pages[0].imagelength, file.pages[0].imagewidth
    except Exception:  # as above; reading it will say what
        return 0, 0


def check_output(path: Path, source: str | Path, height: int, width: int, alpha: bool) -> None:
    """Make sure that a format can hold an image.

    Raises:
        InputError: If the image is too large for the format, or has transparency that it does not know.
    """
    kind = FORMATS[path.suffix.lower()]
    if max(height, width) > LARGEST_SIDE[kind]:
        raise InputError(
            f'{source} would become {height}x{width}, but {kind} files have at most {LARGEST_SIDE[kind]} px '
            'a side. Use --format png.'
        )
    if alpha and kind not in WITH_ALPHA:
        raise InputError(f'{source} has transparency, which {kind} files cannot hold. Use --format png.')


def write_picture(
    path: Path,
    size: tuple[int, int],
    channels: int,
    dtype: np.dtype,
    strips: Iterable[np.ndarray],
    icc: bytes | None = None,
    quality: int = 95,
) -> None:
    """Write an image file whole or not at all, in the format of its suffix.

    PNG and TIFF are written strip by strip, and with 16 bits if the image has them; for the other formats,
    which have 8, the image is put together in memory.

    Args:
        path: In an existing folder.
        size: Height and width.
        channels: As ``Picture``'s.
        dtype: uint8 or uint16.
        strips: (h, W, channels) of that type, from the top.
        icc: Colour profile. Left out where it is of another colour space than what is written, as of a grey
            image that becomes a WebP, which are RGB.
        quality: Of JPEG and WebP, 1 to 100.
    """
    kind = FORMATS[path.suffix.lower()]
    space = b'GRAY' if channels < 3 and kind != 'webp' else b'RGB '
    icc = icc if icc and icc[16:20] == space else None  # ICC.1:2022, 7.2.6
    with whole_file(path) as partial:
        if kind == 'png':
            write_png(partial, *size, channels, dtype, strips, icc)
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
            options: dict[str, Any] = {}
            if kind in ('jpg', 'webp'):
                options = dict(quality=quality) | (dict(icc_profile=icc) if icc else {})
            image.save(partial, **options)


def _decoded(image: Any, path: str | Path) -> Picture:
    """Decode a file that Pillow has identified with the first library that supports all of it."""
    tiff, raw = image.format == 'TIFF', _raw_mode(image)
    frames = getattr(image, 'n_frames', 1) if image.format != 'MPO' else 1  # a photograph with its preview
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
        # Pillow turns files that it maps into memory by exchanging height and width before it reads them
        image.filename = ''
    image.load()
    if bits <= 8 or image.mode.startswith('I;16'):
        pixels = _array(ImageOps.exif_transpose(image), path)
        return Picture(_plain(pixels, photometric, extras) if tiff and bits == 16 else pixels, icc)
    stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED) if not tiff or photometric in PLAIN else None
    if stored is None or stored.dtype != np.uint16:
        raise InputError(
            f'{path} has 16 bits a channel, and cannot be decoded. Save it as PNG, or as RGB TIFF without '
            'compression.'
        )
    pixels = stored.reshape(*stored.shape[:2], -1)
    pixels = pixels[..., CV2_ORDER[pixels.shape[2]]]
    if tiff:  # OpenCV has turned it
        return Picture(_plain(pixels, photometric, extras), icc)
    if raw.startswith('LA'):
        pixels = pixels[..., [0, 3]]  # OpenCV has no grey with alpha
    return Picture(_upright(pixels, turn), icc)


def _check_kind(path: str | Path, frames: int, bits: int) -> None:
    if frames > 1:
        raise InputError(
            f'{path} has {frames} frames; expected a single image. Save them as files of their own.'
        )
    if bits > 8 and bits != 16:
        raise InputError(f'{path} has {bits} bits a channel; expected 8 or 16. Convert the file.')


def _raw_mode(image: Any) -> str:
    """How the pixels are stored, such as 'RGB;16B' of a PNG file that Pillow would reduce to 8 bits."""
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
    """Convert the stored samples of a TIFF in place to grey or RGB with straight alpha.

    Args:
        pixels: (H, W, C).
        photometric: One of ``PLAIN``.
        extras: What the samples beside the colours are. A single one of which nothing is said is alpha.
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
    """The pixels of a Pillow image of 8 bits, or of grey with 16."""
    if image.mode.startswith('I;16'):
        pixels = np.array(image).astype(np.uint16)[..., None]
        transparent = image.info.get('transparency')  # a value of PNG's
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
    """Turned and mirrored as EXIF 2.32, tag 0x112 says; a view."""
    turns, mirrored = TURNS.get(orientation, (0, False))
    pixels = np.rot90(pixels, turns)
    return pixels[:, ::-1] if mirrored else pixels


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
    """The same rows in strips of this height, of which the last may be lower."""
    held: np.ndarray | None = None
    for strip in strips:
        held = strip if held is None or not len(held) else np.concatenate([held, strip])
        whole = len(held) // height * height
        for top in range(0, whole, height):
            yield held[top : top + height]
        held = held[whole:]
    if held is not None and len(held):
        yield held
