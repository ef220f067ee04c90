"""Read image files of any kind, with bit depth, transparency, orientation and colours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from PIL import Image

from ..errors import InputError
from .colour import cmyk_to_rgb
from .headers import SIGNATURE, head, is_lossless_webp, is_tiff, kind_of
from .kinds import Kind, decoder_of, refusal
from .limits import opened
from .png import colour_chunks, has_late_metadata
from .tiff import read_tiff, tiff_size

ORIENTATION = 0x112
TURNS = {
    2: (0, True),
    3: (2, False),
    4: (2, True),
    5: (-1, True),
    6: (-1, False),
    7: (1, True),
    8: (1, False),
}
PLAIN_JP2 = (16, 17)  # sRGB and grey, ISO/IEC 15444-1, I.5.3.3


@dataclass
class Picture:
    """The content of an image file.

    Args:
        pixels: Shape (H, W, C), upright, uint8 or uint16; C is 1 for grey, 2 for grey and alpha, 3 for RGB, 4
            for RGB and alpha.
        icc: ICC colour profile of the pixels.
        chunks: Chunks of a PNG file that say its colours without a profile: gAMA, cHRM, sRGB, cICP.
        lossless: Whether it is a WebP file without loss.
        remark: What the user should know about the colours, or ''.
    """

    pixels: np.ndarray
    icc: bytes | None = None
    chunks: Mapping[str, bytes] = field(default_factory=dict)
    lossless: bool = False
    remark: str = ''


def read_picture(path: str | Path) -> Picture:
    """Read an image file, and turn it upright according to its EXIF orientation.

    PNG, TIFF, PPM, JPEG 2000 and AVIF keep more than 8 bits, as 16. Palettes and other colour spaces become
    RGB or grey; CMYK becomes sRGB through its profile. Every kind of file is decoded by the library that
    ``kinds.DECODERS`` names.

    Args:
        path: Path of an image file.

    Raises:
        InputError: If the file is damaged, truncated, not an image, has several frames, or is of a kind for
            which no decoder is known to be right.
    """
    try:
        if is_tiff(path):
            pixels, turn, icc, remark = read_tiff(path)
            return Picture(_upright(pixels, turn), icc, remark=remark)
        with opened(path) as image:
            return _decoded(image, path)
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
        if is_tiff(path):
            return tiff_size(path)
        with opened(path) as image:
            return image.height, image.width
    except Exception:  # as above; read_picture reports the fault
        return 0, 0


def _decoded(image: Any, path: str | Path) -> Picture:
    """Decode a file that Pillow has identified."""
    frames = getattr(image, 'n_frames', 1) if image.format != 'MPO' else 1  # a photograph and its preview
    if frames > 1:
        raise InputError(
            f'{path} has {frames} frames; expected one. Save the one that you want as a file of its own.'
        )
    kind = kind_of(image, path)
    decoder = decoder_of(kind, path)
    # Pillow decodes a PNG file to find metadata after the pixels; most files have none there
    early = image.format == 'PNG' and not has_late_metadata(path)
    exif = Image.Image.getexif(image) if early else image.getexif()
    turn, icc = exif.get(ORIENTATION, 1), image.info.get('icc_profile')
    if decoder != 'Pillow':
        pixels = BY_OTHERS[decoder](image, kind, path)
        pixels = pixels[..., None] if pixels.ndim == 2 else pixels
        return Picture(_upright(pixels, turn), icc, colour_chunks(path) if image.format == 'PNG' else {})
    image.load()
    if image.mode == 'CMYK':
        pixels, remark = cmyk_to_rgb(np.array(image), icc)
        return Picture(_upright(pixels, turn), None, remark=remark)
    lossless = image.format == 'WEBP' and is_lossless_webp(path)
    return Picture(_upright(_array(image), turn), icc if image.mode != 'LAB' else None, {}, lossless)


def _by_libpng(image: Any, kind: Kind, path: str | Path) -> np.ndarray:
    return imagecodecs.png_decode(Path(path).read_bytes())


def _by_numpy(image: Any, kind: Kind, path: str | Path) -> np.ndarray:
    """Decode a binary PGM or PPM file of 16 bits."""
    layout = image.tile[0]
    if head(path, 2) not in (b'P5', b'P6'):
        raise refusal(path, 'a PPM file of 16-bit pixels written as text')
    top = 65535 if layout.codec_name == 'raw' else int(layout.args[1])
    shape = (image.height, image.width, 3 if image.mode == 'RGB' else 1)
    stored = np.fromfile(path, '>u2', shape[0] * shape[1] * shape[2], offset=layout.offset)
    return _to_16_bits(stored.reshape(shape), top)


def _by_openjpeg(image: Any, kind: Kind, path: str | Path) -> np.ndarray:
    data = Path(path).read_bytes()
    box = data.find(b'colr', 0, data.find(SIGNATURE)) + 4
    if box >= 4 and data[box] == 1 and int.from_bytes(data[box + 3 : box + 7], 'big') not in PLAIN_JP2:
        raise refusal(path, 'a JPEG2000 file of 16-bit pixels that are neither RGB nor grey')
    return imagecodecs.jpeg2k_decode(data)


def _by_libavif(image: Any, kind: Kind, path: str | Path) -> np.ndarray:
    return _to_16_bits(imagecodecs.avif_decode(Path(path).read_bytes()), (1 << kind.bits) - 1)


def _to_16_bits(stored: np.ndarray, top: int) -> np.ndarray:
    """Scale samples in [0, top] to [0, 65535]."""
    if top == 65535:
        return stored.astype(np.uint16)
    return ((stored.astype(np.uint32) * 65535 + top // 2) // top).clip(max=65535).astype(np.uint16)


BY_OTHERS = {'libpng': _by_libpng, 'plain': _by_numpy, 'openjpeg': _by_openjpeg, 'libavif': _by_libavif}


def _array(image: Image.Image) -> np.ndarray:
    """Return the pixels of an 8-bit Pillow image, shape (H, W, C)."""
    alpha = 'transparency' in image.info or image.mode in ('LA', 'La', 'PA', 'RGBA', 'RGBa')
    colours = 'L' if image.mode in ('1', 'L', 'LA', 'La') else 'RGB'
    pixels = np.array(image.convert(colours + 'A' if alpha else colours))
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Return a view rotated and mirrored according to EXIF 2.32, tag 0x112."""
    turns, mirrored = TURNS.get(orientation, (0, False))
    pixels = np.rot90(pixels, turns)
    return pixels[:, ::-1] if mirrored else pixels
