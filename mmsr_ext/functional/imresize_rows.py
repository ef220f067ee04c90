"""Bicubic resizing by any factor, a few rows at a time."""

from __future__ import annotations

import math

import numpy as np

from ..errors import InputError

CHUNK = 1 << 21  # values of a float64 intermediate


class ImresizeRows:
    """MATLAB's ``imresize`` in strips of rows, so that neither image has to be in memory as a whole.

    Equals ``imresize`` for the scales that ``imresize`` supports: rows are resized first, and each of the two
    passes rounds half up and clips, except for floating point. The weights are computed and summed in
    float64.

    Args:
        height: Height of the image in pixels.
        width: Width of the image in pixels.
        scale: Size of the result / size of the image; rounded up to whole pixels.

    Raises:
        InputError: If the scale is not positive.
    """

    def __init__(self, height: int, width: int, scale: float) -> None:
        if not (scale > 0 and math.isfinite(scale)):
            raise InputError(f'ImresizeRows: scale={scale} must be positive.')
        self.row_index, self.row_weight = _taps(height, scale)
        self.column_index, self.column_weight = _taps(width, scale)
        self.source_height = height
        self.height, self.width = len(self.row_index), len(self.column_index)
        self._highest = np.maximum.accumulate(self.row_index.max(1))
        self._lowest = np.minimum.accumulate(self.row_index.min(1)[::-1])[::-1]

    def ready(self, available: int) -> int:
        """Return how many rows of the result the first ``available`` rows of the image determine."""
        return int(np.searchsorted(self._highest, available))

    def needed_from(self, start: int) -> int:
        """Return the first row of the image that row ``start`` of the result, or a later one, needs."""
        return int(self._lowest[start]) if start < self.height else self.source_height

    def rows(self, image: np.ndarray, start: int, stop: int, first: int = 0) -> np.ndarray:
        """Compute the rows from ``start`` to ``stop`` of the result.

        Args:
            image: Rows of the image from row ``first`` on, at least those that are needed; shape (h, W, C),
                uint8, uint16 or floating point.
            start: First row of the result to compute.
            stop: Row after the last one to compute.
            first: Index of the first row in ``image``.

        Returns:
            Shape (stop - start, width, C), of the same dtype.
        """
        top = np.iinfo(image.dtype).max if image.dtype.kind == 'u' else None
        result = np.empty((stop - start, self.width, image.shape[2]), image.dtype)
        step = max(1, CHUNK // (max(image.shape[1], self.width) * image.shape[2]))
        for begin in range(start, stop, step):
            part = slice(begin, min(begin + step, stop))
            index, weight = self.row_index[part] - first, self.row_weight[part, :, None, None]
            strip = _rounded(sum(weight[:, tap] * image[index[:, tap]] for tap in range(index.shape[1])), top)
            index, weight = self.column_index, self.column_weight[..., None]
            strip = _rounded(
                sum(weight[:, tap] * strip[:, index[:, tap]] for tap in range(index.shape[1])), top
            )
            result[part.start - start : part.stop - start] = strip
        return result


def _rounded(values: np.ndarray, top: int | None) -> np.ndarray:
    return values if top is None else np.clip(np.floor(values + 0.5, out=values), 0, top, out=values)


def _taps(size: int, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Return indices into the image and weights for every position of the result, shape (length, taps)."""
    length = max(1, math.ceil(size * scale - 1e-9))
    stretch = min(scale, 1.0)  # below 1 the kernel is widened: antialiasing
    centre = (np.arange(length) + 0.5) / scale - 0.5
    first = np.floor(centre - 2 / stretch).astype(int)
    index = first[:, None] + np.arange(math.ceil(4 / stretch) + 2)
    distance = np.abs(centre[:, None] - index) * stretch
    weight = np.where(
        distance <= 1,
        1.5 * distance**3 - 2.5 * distance**2 + 1,
        np.where(distance < 2, -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2, 0),
    )
    used = np.any(weight != 0, 0)
    index, weight = index[:, used] % (2 * size), weight[:, used]
    return np.where(index < size, index, 2 * size - 1 - index), weight / weight.sum(1, keepdims=True)
