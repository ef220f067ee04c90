"""LQ/GT pairs stored side by side in one image file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..io.images import check_image
from ..registry import DATASETS
from .pairs import PairedImageDataset


@DATASETS.register_module()
class SideBySideDataset(PairedImageDataset):
    """Images whose left half is LQ and whose right half is GT, as pix2pix stores pairs.

    Args:
        folder: Folder of the images, or a pattern of folders.
        reverse: GT is on the left.
        **kwargs: ``gt_size``, ``augment``, ``cache``, ``hint``, ``on_bad_image``, ``channels`` and
            ``weighting`` of ``PairedImageDataset``.

    Raises:
        InputError: If the folder is missing or empty, or an image has an odd width or is smaller than the
            crop.
    """

    def __init__(self, folder: str, reverse: bool = False, **kwargs: Any) -> None:
        self.reverse = reverse
        super().__init__(gt_folder=folder, lq_folder=folder, scale=1, **kwargs)

    def _images(self, files: tuple[Path, ...]) -> tuple[np.ndarray, ...]:
        left, right = np.split(self._read(files[0]), 2, axis=1)
        return (right, left) if self.reverse else (left, right)

    def _sizes(self, files: tuple[Path, ...]) -> tuple[tuple[int, int], ...]:
        height, width = check_image(files[0])
        if width % 2:
            raise InputError(
                f'{files[0]} is {width} px wide; expected an even width, for two halves. Remove the image.'
            )
        return (height, width // 2), (height, width // 2)
