"""Colour images through a network of one channel: Y by the network, Cb and Cr by bicubic."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ..functional import ImresizeRows, rgb_to_ycbcr, ycbcr_to_rgb

Part = tuple[int, int]


def with_chroma(
    strips: Iterator[np.ndarray],
    colours: Callable[[Part, Part], np.ndarray],
    height: int,
    width: int,
    scale: int,
) -> Iterator[np.ndarray]:
    """Put the chroma of an image, enlarged by MATLAB's bicubic, to its enlarged Y.

    Args:
        strips: Y from the top, shape (h, W * scale, 1), float32, in levels of 255.
        colours: Function that returns a part of the image, RGB, from its first row and the one after the
            last, and the same of its columns; uint8 or uint16.
        height: Height of the image in pixels.
        width: Width of the image in pixels.
        scale: Output size / input size.

    Yields:
        RGB from the top, shape (h, W * scale, 3), rounded, of the image's dtype.
    """
    resize, top = ImresizeRows(height, width, scale), 0
    for luma in strips:
        bottom = top + len(luma)
        needed = resize.row_index[top:bottom]
        first, last = int(needed.min()), int(needed.max())
        source = colours((first, last + 1), (0, width))
        chroma = resize.rows(rgb_to_ycbcr(source)[..., 1:], top, bottom, first)
        rgb = ycbcr_to_rgb(np.concatenate([luma, chroma], 2))
        peak = np.iinfo(source.dtype).max
        rgb *= peak // 255
        yield np.rint(np.clip(rgb, 0, peak, out=rgb), out=rgb).astype(source.dtype)
        top = bottom
