"""What every dataset of this package has in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

import numpy as np
from torch.utils.data import Dataset

from ..errors import InputError
from .augmentation import random_bits
from .sampler import Draw

Weighting = Literal['image', 'area']


class RestorationDataset(Dataset):
    """A dataset whose samples follow from draws, and which MMEngine's loops and wrappers accept."""

    # ConcatDataset wants it equal in all that it joins
    metainfo = dict(dataset_type='restoration', task_name='restoration')
    _ends: np.ndarray | None = None

    def full_init(self) -> None:
        """Do nothing; MMEngine's RepeatDataset and ConcatDataset call it before they read."""

    def _weigh(self, weighting: Weighting, gt_size: int | None, sizes: Iterable[tuple[int, int]]) -> None:
        """Keep what ``_chosen`` needs: where the pixels of each image end, if all images stood in one row."""
        if weighting == 'image':
            return
        if gt_size is None:
            raise InputError(
                f"{type(self).__name__}: weighting='area' is for crops, and gt_size is None. "
                'Set gt_size, or leave weighting out.'
            )
        self._ends = np.cumsum(np.prod(np.array(list(sizes), np.int64), axis=1))

    def _chosen(self, draw: Draw) -> Draw:
        """Return the draw with the index of the image that it reads.

        With ``weighting='area'`` draw i of n takes the image at a random pixel of the i-th n-th of all
        pixels, so that a pass over the dataset has each image less than two times off its exact share.
        """
        if self._ends is None:
            return draw
        count = len(self._ends)
        place = (draw.index % count << 64) + random_bits(draw, 'area')
        pixel = place * int(self._ends[-1]) // (count << 64)
        return draw.at(int(np.searchsorted(self._ends, pixel, side='right')))


def inner_datasets(dataset: Any) -> Iterator[Any]:
    """List the datasets that others wrap, such as MMEngine's, PyTorch's and ``MixedDataset``.

    >>> from torch.utils.data import ConcatDataset, Subset
    >>> list(inner_datasets(ConcatDataset([Subset([7, 8], [0]), [9]])))
    [[7, 8], [9]]

    Args:
        dataset: A dataset, which may have others as ``dataset`` or ``datasets``.

    Yields:
        The datasets that have none; the dataset itself if it wraps nothing.
    """
    inside = getattr(dataset, 'datasets', None) or [getattr(dataset, 'dataset', None)]
    if not isinstance(inside, (list, tuple)) or not all(hasattr(inner, '__getitem__') for inner in inside):
        yield dataset
        return
    for inner in inside:
        yield from inner_datasets(inner)
