"""Convert inks to sRGB."""

from __future__ import annotations

import imagecodecs
import numpy as np

STRIP = 256  # rows that are converted at a time
PLAIN = 'has inks without a profile; they are converted by the plain formula (1 - C)(1 - K)'


def cmyk_to_rgb(pixels: np.ndarray, icc: bytes | None) -> tuple[np.ndarray, str]:
    """Convert CMYK to sRGB: by LittleCMS through its profile, else by the plain formula.

    >>> cmyk_to_rgb(np.array([[[0, 255, 0, 51]]], np.uint8), None)[0]
    array([[[204,   0, 204]]], dtype=uint8)

    Args:
        pixels: Shape (H, W, 4) or (H, W, 5) with alpha, uint8 or uint16; 0 is no ink.
        icc: Profile of the inks.

    Returns:
        RGB, shape (H, W, 3) or (H, W, 4), of the same dtype; and a remark if there is no profile of CMYK,
        else ''.
    """
    result = np.empty((*pixels.shape[:2], pixels.shape[2] - 1), pixels.dtype)
    result[..., 3:] = pixels[..., 4:]
    profile = icc if icc and icc[16:20] == b'CMYK' else None  # ICC.1:2022, 7.2.6
    top = np.uint32(np.iinfo(pixels.dtype).max)
    for first in range(0, len(pixels), STRIP):
        inks = np.ascontiguousarray(pixels[first : first + STRIP, :, :4])
        if profile:
            rgb = imagecodecs.cms_transform(
                inks, profile, imagecodecs.cms_profile('srgb'), colorspace='cmyk', outcolorspace='rgb'
            )
        else:
            light = top - inks[..., 3:].astype(np.uint32)
            rgb = light - (inks[..., :3] * light + top // 2) // top
        result[first : first + STRIP, :, :3] = rgb
    return result, '' if profile else PLAIN
