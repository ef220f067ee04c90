"""Y, Cb and Cr of BT.601 in limited range, as MATLAB's ``rgb2ycbcr`` and ``ycbcr2rgb`` compute them."""

from __future__ import annotations

import numpy as np

# in thousandths of a level of 255: 219 levels of Y, 112 of Cb and Cr to each side
WEIGHTS = ((65481, 128553, 24966), (-37797, -74203, 112000), (112000, -93786, -18214))
OFFSETS = (16, 128, 128)
ROWS = 64  # converted at a time: all values of a large image would not fit into the processor's cache


def luma_pixels(image: np.ndarray, axis: int = -1) -> np.ndarray:
    """Return the Y channel of integer pixels, 16 to 235 of 255, rounded half up.

    >>> luma_pixels(np.array([[[0, 0, 0], [255, 255, 255], [255, 0, 0]]], np.uint8))[..., 0]
    array([[ 16, 235,  81]], dtype=uint8)

    Args:
        image: RGB, uint8 or uint16; for uint16 the levels of 255 are multiplied by 257.
        axis: Axis of the channels.

    Returns:
        Y, with one channel, of the same dtype.
    """
    levels = np.iinfo(image.dtype).max // 255
    # integers, so that halves are rounded up; the sums of 8-bit pixels fit into 32 bits
    wide = np.uint32 if levels == 1 else np.uint64
    red, green, blue = (part.astype(wide) for part in np.moveaxis(image, axis, 0))
    first, second, third = (wide(weight) for weight in WEIGHTS[0])
    luma = (first * red + second * green + third * blue + wide(127500)) // wide(255000) + wide(16 * levels)
    return np.expand_dims(luma.astype(image.dtype), axis)


def rgb_to_ycbcr(image: np.ndarray) -> np.ndarray:
    """Convert RGB to Y, Cb and Cr, neither rounded nor clipped.

    Args:
        image: Shape (H, W, 3), uint8 or uint16.

    Returns:
        Shape (H, W, 3), float32, in levels of 255: Y in [16, 235], Cb and Cr in [16, 240].
    """
    matrix = np.array(WEIGHTS, np.float32).T / np.float32(1000 * np.iinfo(image.dtype).max)
    result = np.empty(image.shape, np.float32)
    for top in range(0, len(image), ROWS):
        result[top : top + ROWS] = image[top : top + ROWS].astype(np.float32) @ matrix
    result += np.array(OFFSETS, np.float32)
    return result


def ycbcr_to_rgb(image: np.ndarray) -> np.ndarray:
    """Convert Y, Cb and Cr to RGB, neither rounded nor clipped.

    >>> ycbcr_to_rgb(np.array([[[235.0, 128.0, 128.0]]])).round(3)
    array([[[255., 255., 255.]]])

    Args:
        image: Shape (H, W, 3), floating point, in levels of 255.

    Returns:
        Shape (H, W, 3), of the same dtype, in levels of 255.
    """
    inverse = (np.linalg.inv(np.array(WEIGHTS) / 255000)).astype(image.dtype).T
    result = np.empty_like(image)
    for top in range(0, len(image), ROWS):
        result[top : top + ROWS] = (image[top : top + ROWS] - np.array(OFFSETS, image.dtype)) @ inverse
    return result
