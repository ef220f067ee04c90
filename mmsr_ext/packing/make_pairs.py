"""Make LQ/GT pairs from a folder of images."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from ..arguments import check_value
from ..errors import InputError
from ..functional import bicubic_pair
from ..io.images import image_size, named_images, read_image


def make_pairs(
    source: str | Path | Mapping[str, Path], out: str | Path, scale: int = 4, most: int | None = None
) -> int:
    """Write GT images, cropped to a multiple of the scale, and their MATLAB bicubic reductions.

    Grey images stay grey.

    Args:
        source: Folder of images, or files by the name that each pair gets.
        out: Output folder, for ``GT`` and ``LQx<scale>``; must not hold pairs of this scale.
        scale: GT size / LQ size: 2, 3, 4 or 8.
        most: Height and width in pixels beyond which only the middle of an image is taken; None for whole
            images.

    Returns:
        The number of pairs.

    Raises:
        InputError: If the scale is not supported, an image cannot be read or is smaller than the scale, or
            ``out`` already holds pairs.
    """
    check_value('scale', scale, Literal[2, 3, 4, 8])
    out = Path(out)
    files = (
        source
        if isinstance(source, Mapping)
        else {'_'.join(key): path for key, path in named_images(source).items()}
    )
    folders = out / 'GT', out / f'LQx{scale}'
    for folder in folders:
        if folder.exists() and any(folder.iterdir()):
            raise InputError(f'{folder} already has files. Remove it, or choose another output folder.')
    bad = [error for path in files.values() if (error := _error(path, scale))]
    if bad:
        raise InputError('\n  '.join([f'{len(bad)} of {len(files)} images cannot be taken:', *bad]))
    try:
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        for name, path in files.items():
            pixels = middle(read_image(path, channels=None), most)
            for folder, image in zip(folders, bicubic_pair(pixels, scale, path)):
                Image.fromarray(image[..., 0] if image.shape[2] == 1 else image).save(folder / f'{name}.png')
    except BaseException:
        for folder in folders:  # leave no incomplete set of pairs
            shutil.rmtree(folder, ignore_errors=True)
        raise
    return len(files)


def _error(path: Path, scale: int) -> str:
    try:
        height, width = image_size(path)
    except InputError as error:
        return str(error)
    small = min(height, width) < scale
    return f'{path} is {height}x{width}, smaller than the scale, {scale}. Remove the image.' if small else ''


def middle(image: np.ndarray, most: int | None) -> np.ndarray:
    """Return the middle of an image, (H, W, C), of at most ``most`` pixels in height and width."""
    if most is None:
        return image
    top, left = (max(0, (side - most) // 2) for side in image.shape[:2])
    return image[top : top + most, left : left + most]
