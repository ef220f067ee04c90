"""Test sets in the form in which they are distributed."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from ..errors import InputError
from ..functional import bicubic_pair
from ..io.images import check_image
from ..registry import DATASETS
from .pairs import PairedImageDataset


@DATASETS.register_module()
class BenchmarkDataset(PairedImageDataset):
    """Whole pairs of a test set; GT sizes need not be multiples of the scale, and LQ may be missing.

    GT is cropped at the right and bottom to ``scale`` times LQ, which is the usual protocol. Without a folder
    of LQ images, LQ is MATLAB's bicubic reduction of the cropped GT, computed on reading.

    Args:
        gt_folder: Folder of the ground truth.
        scale: GT size / LQ size.
        lq_folder: Folder of the low-quality images; None to reduce GT.
        lq_name: Name of an LQ file without suffix, where ``{}`` stands for the GT file's name.
        channels: 3 for RGB, 1 for grey and for Y; see ``read_image``. Y is reduced, where LQ is missing.

    Raises:
        InputError: If a folder is missing or empty, a pair is incomplete or its sizes do not match, or an
            image is smaller than the scale.
    """

    def __init__(
        self,
        gt_folder: str,
        scale: int,
        lq_folder: str | None = None,
        lq_name: str = '{}',
        channels: Literal[1, 3] = 3,
    ) -> None:
        self.reduces = lq_folder is None
        lq_name = '{}' if self.reduces else lq_name
        super().__init__(gt_folder, lq_folder or gt_folder, scale, lq_name=lq_name, channels=channels)

    def _images(self, files: tuple[Path, ...]) -> tuple[np.ndarray, ...]:
        if self.reduces:
            gt, lq = bicubic_pair(self._read(files[1]), self.scale, files[1])
            return lq, gt
        _, (height, width) = self._sizes(files)
        return self._read(files[0]), self._read(files[1])[:height, :width]

    def _sizes(self, files: tuple[Path, ...]) -> tuple[tuple[int, int], ...]:
        gt = check_image(files[1])
        lq = (gt[0] // self.scale, gt[1] // self.scale) if self.reduces else check_image(files[0])
        if min(lq) < 1:
            raise InputError(
                f'{files[1]} is {gt[0]}x{gt[1]}, smaller than the scale, {self.scale}. Remove the image.'
            )
        # crop only the remainder at the edge, so that an LQ image of another scale stays an error
        height, width = (
            size if size - part * self.scale >= self.scale else min(size, part * self.scale)
            for size, part in zip(gt, lq)
        )
        return lq, (height, width)
