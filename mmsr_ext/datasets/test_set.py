"""Test sets as they are passed around."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from ..errors import InputError
from ..functional import imresize
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
        _, (height, width) = self._sizes(files)
        gt = self._read(files[1])[:height, :width]
        if not self.reduces:
            return self._read(files[0]), gt
        return imresize(torch.from_numpy(gt).permute(2, 0, 1), 1 / self.scale).permute(1, 2, 0).numpy(), gt

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
