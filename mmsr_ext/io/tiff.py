"""Read TIFF files: what they hold, their samples, and grey or colours with straight alpha from these."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tifffile
from PIL import ImageOps

from ..errors import InputError
from .colour import cmyk_to_rgb
from .kinds import COLOURS, COMPRESSIONS, SAMPLES, Kind, decoder_of, refusal
from .kinds import EXACT as CHECKS_ITSELF
from .limits import check_pixels, opened

ORIENTATION, INK_SET, ICC_PROFILE = 0x112, 332, 34675  # tags
STRIP = 64  # rows that are computed on at a time


def tiff_size(path: str | Path) -> tuple[int, int]:
    """Read height and width of the image in a TIFF file, before orientation is applied."""
    with tifffile.TiffFile(path) as file:
        page = _page_of(file, path)
        return page.imagelength, page.imagewidth


def tiff_kind(path: str | Path) -> Kind:
    """Tell the kind of the image in a TIFF file."""
    with tifffile.TiffFile(path) as file:
        return _kind_of(_page_of(file, path))


def read_tiff(path: str | Path) -> tuple[np.ndarray, int, bytes | None, str]:
    """Read a TIFF file.

    Args:
        path: Path of the file.

    Returns:
        Pixels, shape (H, W, C), uint8 or uint16, as they are stored, before orientation is applied;
        orientation; ICC profile of the pixels; and a remark on the colours, or ''.

    Raises:
        InputError: If the file is of a kind for which no decoder is known to be right.
        ValueError: If the file is damaged.
    """
    with tifffile.TiffFile(path) as file:
        page = _page_of(file, path)
        kind = _kind_of(page)
        decoder = decoder_of(kind, path)
        tags = {tag: page.tags[tag].value for tag in (ORIENTATION, INK_SET, ICC_PROFILE) if tag in page.tags}
        if kind.colours == 'CMYK' and tags.get(INK_SET, 1) != 1:
            raise refusal(path, 'a TIFF file of inks that are not CMYK')
        _check_size(page, path)
        turn, icc = int(tags.get(ORIENTATION, 1)), tags.get(ICC_PROFILE)
        icc = icc if isinstance(icc, bytes) else None
        if decoder == 'Pillow':
            return _by_pillow(path), 1, icc if kind.colours != 'CIELAB' else None, ''
        _check_end(page, kind, file.filehandle.size)
        pixels = _samples(page)
        extras = [int(extra) for extra in page.extrasamples]
        inverted = page.photometric == tifffile.PHOTOMETRIC.MINISWHITE
        if kind.colours == 'palette':
            colours = (np.asarray(page.colormap) >> 8).astype(np.uint8)
            return colours.T[pixels[..., 0]], turn, icc, ''
    pixels = straight(_scaled(pixels, kind.bits), {'grey': 1, 'CMYK': 4}.get(kind.colours, 3), extras)
    if inverted:
        np.subtract(np.iinfo(pixels.dtype).max, pixels[..., :1], out=pixels[..., :1])
    if kind.colours == 'CMYK':
        pixels, remark = cmyk_to_rgb(pixels, icc)
        return pixels, turn, None, remark
    return pixels, turn, icc, ''


def _page_of(file: tifffile.TiffFile, path: str | Path) -> tifffile.TiffPage:
    """Return the page of the image itself, without its previews and masks."""
    pages = [page for page in file.pages if isinstance(page, tifffile.TiffPage)]
    whole = [page for page in pages if not (page.is_reduced or page.is_mask)]
    if len(whole) > 1:
        raise InputError(
            f'{path} has {len(whole)} frames; expected one. Save the one that you want as a file of its own.'
        )
    if not whole:
        raise refusal(path, 'a TIFF file of previews only (raw data of a camera?)')
    return whole[0]


def _kind_of(page: tifffile.TiffPage) -> Kind:
    bits = page.bitspersample
    sample = page.tags.valueof(339, 1)
    samples = set(sample) if isinstance(sample, tuple) else {sample}
    colours = COLOURS.get(int(page.photometric), f'kind {int(page.photometric)}')
    return Kind(
        'TIFF',
        bits if isinstance(bits, int) else 0,
        colours if page.imagedepth == 1 else f'volume of {colours}',
        COMPRESSIONS.get(int(page.compression), f'compression {int(page.compression)}'),
        page.samplesperpixel > 1 and int(page.planarconfig) == tifffile.PLANARCONFIG.SEPARATE,
        SAMPLES.get(samples.pop(), 'unknown') if len(samples) == 1 else 'mixed',
        colours == 'YCbCr' and tuple(page.subsampling or (2, 2)) != (1, 1),
    )


def _check_size(page: tifffile.TiffPage, path: str | Path) -> None:
    """Refuse a file that declares too many pixels, or none, before they are decoded."""
    if not page.imagelength or not page.imagewidth:
        raise ValueError(f'it declares {page.imagewidth}x{page.imagelength} px')
    samples = page.samplesperpixel * page.imagedepth
    check_pixels(path, page.imagewidth, page.imagelength, samples)


def _check_end(page: tifffile.TiffPage, kind: Kind, size: int) -> None:
    """Check that no data are missing, for decoders that fill up what is missing."""
    parts = list(zip(page.dataoffsets, page.databytecounts, strict=False))
    missing = len(parts) < int(np.prod(page.chunked)) or any(not count for _, count in parts)
    if missing or (kind.compression not in CHECKS_ITSELF and any(sum(part) > size for part in parts)):
        raise ValueError('a part of the pixels is missing')


def _samples(page: tifffile.TiffPage) -> np.ndarray:
    """Decode; return shape (H, W, C), also for planes that are stored apart."""
    pixels = page.asarray(buffersize=1 << 24).reshape(page.shaped)[:, 0]
    pixels = pixels.astype(np.uint8) if pixels.dtype == bool else pixels  # of 1 bit
    return pixels[0] if len(pixels) == 1 else pixels[..., 0].transpose(1, 2, 0)


def _scaled(pixels: np.ndarray, bits: int) -> np.ndarray:
    """Scale samples of fewer than 8 bits to 8 bits."""
    return pixels if bits >= 8 else pixels.astype(np.uint8) * np.uint8(255 // (2**bits - 1))


def straight(pixels: np.ndarray, colours: int, extras: Sequence[int]) -> np.ndarray:
    """Keep colours and alpha, and divide colours by alpha, in place, where they are multiplied by it.

    Args:
        pixels: Shape (H, W, C), the colours first.
        colours: Number of channels that are colours.
        extras: Meaning of the other channels, TIFF tag 338. Without it the first of them is alpha.
    """
    meant = [index for index, kind in enumerate(extras) if kind != tifffile.EXTRASAMPLE.UNSPECIFIED]
    alphas = meant if extras else [0]
    kept = [*range(colours), *(colours + index for index in alphas[:1] if pixels.shape[2] > colours)]
    if len(kept) != pixels.shape[2]:
        pixels = pixels[..., kept]
    if not pixels.flags.writeable:
        pixels = pixels.copy()
    if len(kept) > colours and extras and extras[alphas[0]] == tifffile.EXTRASAMPLE.ASSOCALPHA:
        top = np.iinfo(pixels.dtype).max
        for first in range(0, len(pixels), STRIP):
            rows = pixels[first : first + STRIP]
            alpha = rows[..., -1:].astype(np.uint32)
            divided = np.minimum((rows[..., :-1] * np.uint32(top) + alpha // 2) // np.maximum(alpha, 1), top)
            rows[..., :-1] = np.where(alpha, divided, rows[..., :-1])
    return pixels


def _by_pillow(path: str | Path) -> np.ndarray:
    """Decode to upright RGB."""
    with opened(path) as image:
        # for a file that it maps into memory, Pillow would swap height and width before reading
        image.filename = ''
        image.load()
        return np.array(ImageOps.exif_transpose(image).convert('RGB'))
