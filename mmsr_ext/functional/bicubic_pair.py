"""Make an LQ/GT pair from one image."""

from __future__ import annotations

import numpy as np
import torch

from ..errors import InputError
from .imresize import imresize


def bicubic_pair(image: np.ndarray, scale: int, name: object = 'the image') -> tuple[np.ndarray, np.ndarray]:
    """Crop an image to a multiple of the scale, and reduce it by MATLAB's bicubic.

    >>> gt, lq = bicubic_pair(np.zeros((10, 13, 3), np.uint8), 4)
    >>> gt.shape, lq.shape
    ((8, 12, 3), (2, 3, 3))

    Args:
        image: Shape (H, W, C), uint8.
        scale: GT size / LQ size.
        name: Name of the image in an error.

    Returns:
        GT, cropped at the bottom and right, shape (H, W, C), and LQ, shape (H / scale, W / scale, C); uint8.

    Raises:
        InputError: If the image is smaller than the scale.
    """
    height, width = (size - size % scale for size in image.shape[:2])
    if not height or not width:
        raise InputError(
            f'{name} is {image.shape[0]}x{image.shape[1]}, smaller than the scale, {scale}. Remove the image.'
        )
    gt = np.ascontiguousarray(image[:height, :width])
    return gt, imresize(torch.from_numpy(gt).permute(2, 0, 1), 1 / scale).permute(1, 2, 0).numpy()
