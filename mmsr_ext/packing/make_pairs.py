"""Making LQ/GT pairs from images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image

from ..arguments import check_value
from ..errors import InputError
from ..functional import imresize
from ..io.images import named_images, read_image


def make_pairs(source: str | Path | Mapping[str, Path], out: str | Path, scale: int = 4) -> int:
    """Write GT images, cropped to a multiple of the scale, and their MATLAB bicubic reductions.

    Args:
        source: A folder of images, or files by the name that they get.
        out: Must not hold pairs of this scale yet.
        scale: 2, 3, 4 or 8.

    Returns:
        The number of pairs.

    Raises:
        InputError: If the scale is another, images cannot be read, or ``out`` is not free.
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
    images = {name: _multiple_of(read_image(path), scale, path) for name, path in files.items()}
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    for name, gt in images.items():
        lq = imresize(torch.from_numpy(gt).permute(2, 0, 1), 1 / scale).permute(1, 2, 0).numpy()
        for folder, image in zip(folders, (gt, lq)):
            Image.fromarray(image).save(folder / f'{name}.png')
    return len(images)


def _multiple_of(image: np.ndarray, scale: int, path: Path) -> np.ndarray:
    height, width = (size - size % scale for size in image.shape[:2])
    if not height or not width:
        raise InputError(f'{path} is {image.shape[0]}x{image.shape[1]}, smaller than the scale, {scale}.')
    return np.ascontiguousarray(image[:height, :width])
