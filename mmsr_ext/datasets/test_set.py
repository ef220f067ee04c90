"""Test sets as they are passed around."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import InputError
from ..functional import bicubic_pair
from ..io.images import image_size
from ..registry import DATASETS
from .pairs import PairedImageDataset


@DATASETS.register_module()
class BenchmarkDataset(PairedImageDataset):
    """Whole pairs of a test set: GT need not be a multiple of the scale, and LQ may be missing.

    GT is cropped at its right and lower edge to ``scale`` times LQ, as is usual. Without a folder of LQ
    images they are MATLAB's bicubic reduction of that crop, made when they are read.

    Args:
        gt_folder: Folder of the ground truth.
        scale: GT size / LQ size.
        lq_folder: Folder of the low-quality images.
        lq_name: Name of the LQ file without suffix, where ``{}`` is the GT file's.

    Raises:
        InputError: If a folder is missing or empty, a pair is incomplete or of wrong sizes, or an image is
            smaller than the scale.
    """

    def __init__(self, gt_folder: str, scale: int, lq_folder: str | None = None, lq_name: str = '{}') -> None:
        self.reduces = lq_folder is None
        super().__init__(gt_folder, lq_folder or gt_folder, scale, lq_name='{}' if self.reduces else lq_name)

    def _images(self, files: tuple[Path, ...]) -> tuple[np.ndarray, ...]:
        if self.reduces:
            gt, lq = bicubic_pair(self._read(files[1]), self.scale, files[1])
            return lq, gt
        _, (height, width) = self._sizes(files)
        return self._read(files[0]), self._read(files[1])[:height, :width]

    def _sizes(self, files: tuple[Path, ...]) -> tuple[tuple[int, int], ...]:
        gt = image_size(files[1])
        lq = (gt[0] // self.scale, gt[1] // self.scale) if self.reduces else image_size(files[0])
        if min(lq) < 1:
            raise InputError(
                f'{files[1]} is {gt[0]}x{gt[1]}, smaller than the scale, {self.scale}. Remove the image.'
            )
        # only what is left over at the edge: an LQ image of another scale stays an error
        height, width = (
            size if size - part * self.scale >= self.scale else min(size, part * self.scale)
            for size, part in zip(gt, lq)
        )
        return lq, (height, width)
