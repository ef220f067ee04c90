"""Reading images whole, or saying which one cannot be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import InputError

SUFFIXES = ('.png', '.jpg', '.jpeg', '.bmp', '.tif', '.tiff', '.webp', '.ppm')
EIGHT_BIT = ('RGB', 'L', 'P', '1')


def read_image(path: str | Path) -> np.ndarray:
    """Read an 8-bit image; grey ones get three equal channels.

    Args:
        path (str or Path): A file.

    Returns:
        np.ndarray: (H, W, 3), uint8, RGB.

    Raises:
        InputError: Naming the file, if it is damaged, truncated, no image, not 8-bit, or partly transparent.
    """
    try:
        with Image.open(path) as image:
            image.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f'{path} cannot be read as an image ({error}). Replace or remove the file.') from error
    if 'A' in image.getbands() or 'transparency' in image.info:
        image = image.convert('RGBA')
        if image.getchannel('A').getextrema() != (255, 255):
            raise InputError(f'{path} is partly transparent. Flatten it onto a background, or remove the file.')
        image = image.convert('RGB')
    if image.mode not in EIGHT_BIT:
        raise InputError(f'{path} has pixels of type {image.mode}; expected 8-bit RGB or grey. Convert the file.')
    return np.array(image.convert('RGB'))


def image_size(path: str | Path) -> tuple[int, int]:
    """Height and width from the file's header.

    Raises:
        InputError: Naming the file, if it has none.
    """
    try:
        with Image.open(path) as image:
            return image.height, image.width
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f'{path} cannot be read as an image ({error}). Replace or remove the file.') from error


def list_images(folder: str | Path) -> list[Path]:
    """The image files in a folder, by their suffix, sorted by name.

    Raises:
        InputError: If the folder does not exist or has none.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f'image folder {folder} does not exist.')
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    if not files:
        raise InputError(f'image folder {folder} has no images (looked for {", ".join(SUFFIXES)}).')
    return files
