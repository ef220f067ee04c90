"""Image files and Pillow's images as arrays, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from ..io.pictures import Picture, read_picture

PLAIN = ('L', 'LA', 'RGB', 'RGBA')
GREY_16 = ('I;16', 'I;16L', 'I;16B', 'I;16N')


def picture_of(image: str | Path | Image.Image) -> Picture:
    """Return the pixels and the profile of an image file, or of an image of Pillow, upright.

    Args:
        image: A path, see ``read_picture``; or an image: palettes and other colour spaces become RGB.

    Raises:
        InputError: If the file cannot be read.
    """
    if not isinstance(image, Image.Image):
        return read_picture(image)
    icc = image.info.get('icc_profile') if image.mode in PLAIN else None
    image = ImageOps.exif_transpose(image)
    if image.mode in GREY_16:
        return Picture(np.asarray(image).astype(np.uint16)[..., None])
    if image.mode not in PLAIN:
        transparent = 'transparency' in image.info or 'A' in image.getbands() or 'a' in image.getbands()
        image = image.convert('L' if image.mode == '1' else 'RGBA' if transparent else 'RGB')
    pixels = np.asarray(image)
    return Picture(pixels[..., None] if pixels.ndim == 2 else pixels, icc)


def image_of(pixels: np.ndarray, icc: bytes | None) -> tuple[Image.Image, bool]:
    """Return an image of Pillow, and whether its values were rounded from 16 to 8 bits.

    Pillow has 16 bits for grey alone.

    Args:
        pixels: Shape (H, W, C), uint8 or uint16.
        icc: Profile of the colours.
    """
    rounded = pixels.dtype == np.uint16 and pixels.shape[2] != 1
    if rounded:
        pixels = ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    info: dict[str, Any] = {'icc_profile': icc} if icc else {}
    image.info.update(info)
    return image, rounded
