"""Fill the colours of transparent pixels, and resize colours by the weight of their alpha."""

from __future__ import annotations

import cv2
import numpy as np

from .imresize_rows import CHUNK, ImresizeRows

REACH = 32  # px; hidden pixels farther from all visible ones get the mean colour


class FilledColours:
    """The colours of an image, with those under an alpha of 0 filled from their neighbours, tile by tile.

    Colours under an alpha of 0 are undefined; most programs write black. A hidden pixel gets the colour of
    the nearest visible one within ``REACH`` pixels, or else the mean of the visible ones. So the result
    depends neither on the hidden colours nor on how the image is cut into tiles. Without a visible pixel
    the colours stay. The image is not changed.

    Args:
        colours: Shape (H, W, C), uint8 or uint16.
        alpha: Shape (H, W), of the same dtype; above 0 where the colours are defined.
    """

    def __init__(self, colours: np.ndarray, alpha: np.ndarray) -> None:
        self.colours, self.alpha = colours, alpha
        height, width, channels = colours.shape
        total, count = np.zeros(channels), 0
        step = max(1, CHUNK // (width * channels))
        for top in range(0, height, step):
            visible = alpha[top : top + step] > 0
            total += colours[top : top + step][visible].sum(0, dtype=np.float64)
            count += np.count_nonzero(visible)
        self._mean = np.rint(total / count).astype(colours.dtype) if count else None

    def tile(self, rows: tuple[int, int], columns: tuple[int, int]) -> np.ndarray:
        """Return the colours of a part of the image.

        Args:
            rows: First row and the one after the last.
            columns: First column and the one after the last.
        """
        (top, bottom), (left, right) = rows, columns
        inner = self.colours[top:bottom, left:right]
        if self._mean is None or (self.alpha[top:bottom, left:right] > 0).all():
            return inner
        y, x = max(top - REACH, 0), max(left - REACH, 0)
        window = np.s_[y : bottom + REACH, x : right + REACH]
        filled = _filled(self.colours[window], self.alpha[window] > 0, self._mean)
        return filled[top - y : bottom - y, left - x : right - x]


def _filled(colours: np.ndarray, visible: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Give hidden pixels the colour of the nearest visible one, or the mean."""
    if not visible.any():
        return np.broadcast_to(mean, colours.shape)
    distance, label = cv2.distanceTransformWithLabels(
        (~visible).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    seen = np.empty((label.max() + 1, colours.shape[2]), colours.dtype)
    seen[label[visible]] = colours[visible]
    filled = seen[label]
    filled[distance > REACH] = mean
    return filled


def resize_with_alpha(
    resize: ImresizeRows, image: np.ndarray, start: int, stop: int, first: int = 0
) -> np.ndarray:
    """Resize colours premultiplied by alpha, so that every pixel counts as much as it is visible.

    Where the resized alpha is below 1/255, the colours are resized without weights.

    Args:
        resize: How the image is resized.
        image: Rows of the image from row ``first`` on; shape (h, W, C + 1), alpha last, uint8 or uint16.
        start: First row of the result to compute.
        stop: Row after the last one to compute.
        first: Index of the first row in ``image``.

    Returns:
        The colours, not premultiplied, shape (stop - start, width, C), of the same dtype.
    """
    top, channels = np.iinfo(image.dtype).max, image.shape[2] - 1
    result = np.empty((stop - start, resize.width, channels), image.dtype)
    width = max(image.shape[1] * resize.source_height / resize.height, resize.width)  # per row of the result
    step = max(1, int(CHUNK / (width * image.shape[2])))
    for begin in range(start, stop, step):
        end = min(begin + step, stop)
        low, high = resize.row_index[begin:end].min(), resize.row_index[begin:end].max()
        part = image[low - first : high + 1 - first]
        alpha = part[..., channels:].astype(np.float64)
        weighted = resize.rows(np.concatenate([part[..., :channels] * alpha, alpha], 2), begin, end, low)
        weight = weighted[..., channels:]
        colours = np.rint(np.clip(weighted[..., :channels] / np.maximum(weight, 1), 0, top))
        place = result[begin - start : end - start]
        place[:] = resize.rows(part[..., :channels], begin, end, low)
        np.copyto(place, colours.astype(image.dtype), where=weight >= top / 255)
    return result
