"""Ground-truth images of a folder, without low-quality counterparts."""

from __future__ import annotations

import logging
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from mmagic.structures import DataSample
from mmengine.logging import print_log
from torch import Tensor

from ..arguments import Size
from ..errors import InputError
from ..io.images import check_image, name_all, named_images, read_image
from ..registry import DATASETS
from ..tool_names import tool, typed_here
from .augmentation import Augmentation, random_bits
from .base import RestorationDataset, Weighting
from .drawn import as_draw
from .sampler import Draw


@DATASETS.register_module()
class ImageDataset(RestorationDataset):
    """Ground truth alone, for recipes whose data preprocessor makes the low-quality images.

    Building the dataset checks the kind of every image, and that the crop fits. A sample has one image, shape
    (3, H, W), uint8, RGB, as ``inputs`` and as ``data_samples.gt_img``; with ``channels=1`` shape (1, H, W).

    Args:
        gt_folder: Folder of the images, or a pattern of folders: 'GoPro/train/*/sharp'.
        gt_size: Height and width of the random crops in pixels.
        augment: Flip and transpose at random.
        cache: Keep decoded images in memory.
        hint: Advice for a user whose folder is missing; appended to the error.
        on_bad_image: What to do when an image cannot be read. 'stop' raises the error. 'skip' takes another
            image, which the draw alone determines, logs a warning and counts it in ``bad_images``; with
            workers, each worker counts its own.
        channels: 3 for RGB, 1 for grey and for Y; see ``read_image``.
        weighting: 'area' draws an image in proportion to its area, as sub-images of one size would be drawn;
            'image' draws every image as often as any other.

    Raises:
        InputError: If the folder is missing or empty, an image is smaller than the crop, or images without
            crops are weighted by area.
    """

    scale = 1
    channels: Literal[1, 3] = 3

    def __init__(
        self,
        gt_folder: str,
        gt_size: Size,
        augment: bool = False,
        cache: bool = False,
        hint: str = '',
        on_bad_image: Literal['stop', 'skip'] = 'stop',
        channels: Literal[1, 3] = 3,
        weighting: Weighting = 'image',
    ) -> None:
        self._on_bad_image(on_bad_image)
        self.channels = channels
        self._open({'gt': gt_folder}, gt_size, augment, cache, hint, weighting)

    def _open(
        self,
        folders: dict[str, str],
        gt_size: int | None,
        augment: bool,
        cache: bool,
        hint: str,
        weighting: Weighting,
    ) -> None:
        self.gt_size = gt_size
        self.augment = augment
        self.cached: dict[Path, np.ndarray] | None = {} if cache else None
        try:
            found = self._find(**folders)
        except InputError as error:
            raise InputError(f'{error} {typed_here(hint)}'.strip()) from error
        self.names, self.files = ['_'.join(key) for key in found], list(found.values())
        with ThreadPoolExecutor() as pool:
            sizes = list(pool.map(self._check, self.files))
        self._check_sizes(sizes)
        self._weigh(weighting, gt_size, sizes)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, draw: Draw | int) -> dict[str, Tensor | DataSample]:
        """Load a sample.

        Args:
            draw: A draw, whose crop and augmentation follow from its seed and position; or a bare index,
                which is seeded from the worker's torch generator.

        Raises:
            InputError: If an image cannot be read, and ``on_bad_image`` is 'stop' or no other can be read.
        """
        drawn = self._chosen(as_draw(draw))
        index, images = self._load(drawn)
        files = self.files[index]
        augmentation = Augmentation.of(drawn)
        # LQ, if there is one, comes before GT
        units = (1, self.scale)[-len(images) :]
        sizes = [None if self.gt_size is None else self.gt_size * unit // self.scale for unit in units]
        tensors = [
            torch.from_numpy(
                np.ascontiguousarray(augmentation.view(image.transpose(2, 0, 1), size, unit, self.augment))
            )
            for image, size, unit in zip(images, sizes, units)
        ]
        sample = DataSample(gt_img=tensors[-1])
        info: dict[str, Any] = dict(
            key=self.names[index], gt_path=str(files[-1]), gt_channel_order='rgb', img_channel_order='rgb'
        )
        if len(files) > 1:
            info['img_path'] = str(files[0])
        if drawn.position >= 0:
            # the data preprocessor derives its random numbers from these
            info |= dict(position=drawn.position, seed=drawn.seed)
        sample.set_metainfo(info)
        return {'inputs': tensors[0], 'data_samples': sample}

    def _on_bad_image(self, action: str) -> None:
        self.skips = action == 'skip'
        self.bad_images = 0

    def _load(self, draw: Draw) -> tuple[int, tuple[np.ndarray, ...]]:
        """Return a sample's index and images, or those of its substitute if an image cannot be read."""
        try:
            return draw.index, self._images(self.files[draw.index])
        except InputError as error:
            if not self.skips:
                raise
            first = error
        self.bad_images += 1
        print_log(
            f'{first} Used another image instead; bad images so far in this worker: {self.bad_images}.',
            'current',
            logging.WARNING,
        )
        count = len(self.files)
        start = random_bits(draw, 'instead')  # the substitute for an image that cannot be read
        for step in range(count):
            index = (start + step) % count
            try:
                return index, self._images(self.files[index])
            except InputError:
                continue
        raise InputError(f'{first} None of the {count} images can be read.')

    def _find(self, **folders: str) -> dict[tuple[str, ...], tuple[Path, ...]]:
        """Find the files of the samples by name, ground truth last."""
        return {key: (path,) for key, path in named_images(folders['gt']).items()}

    def gt_sizes(self) -> list[tuple[int, int]]:
        """Return height and width in pixels of the ground truth of every sample, without a crop."""
        return [self._sizes(files)[-1] for files in self.files]

    def read_all(self) -> None:
        """Read every image once, so that a damaged one is found now; nothing is kept.

        Raises:
            InputError: If an image cannot be read, and ``on_bad_image`` is 'stop'.
        """
        if not self.skips:
            with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
                for _ in pool.map(read_image, {path: None for files in self.files for path in files}):
                    pass

    def _images(self, files: tuple[Path, ...]) -> tuple[np.ndarray, ...]:
        return tuple(self._read(path) for path in files)

    def _sizes(self, files: tuple[Path, ...]) -> tuple[tuple[int, int], ...]:
        return tuple(check_image(path) for path in files)

    def _read(self, path: Path) -> np.ndarray:
        if self.cached is None:
            return read_image(path, self.channels)
        if path not in self.cached:
            self.cached[path] = read_image(path, self.channels)
        return self.cached[path]

    def _check(self, files: tuple[Path, ...]) -> tuple[int, int]:
        """Return height and width of an image; (0, 0), which has no area, for one that is skipped."""
        try:
            sizes = self._sizes(files)
        except InputError:
            if self.skips:
                return 0, 0  # drawing the image logs the error
            raise
        if len(files) > 1:
            check_pair(files, sizes, self.scale)
        return sizes[-1]

    def _check_sizes(self, sizes: list[tuple[int, int]]) -> None:
        """Check that the crop fits into every image that is not skipped."""
        crop = self.gt_size or 0
        bad = [
            f'{files[-1]} is {height}x{width}, smaller than the crop of {crop}x{crop}.'
            for files, (height, width) in zip(self.files, sizes)
            if height and min(height, width) < crop
        ]
        if bad:
            advice = 'Remove what is too small, or set a smaller gt_size.'
            raise InputError(name_all(bad, f'{len(bad)} of {len(sizes)} images are too small:', advice))


def check_pair(files: tuple[Path, ...], sizes: tuple[tuple[int, int], ...], scale: int) -> None:
    """Check that GT is exactly ``scale`` times as large as LQ.

    Args:
        files: Paths of LQ and GT.
        sizes: Height and width of each, in pixels.
        scale: GT size / LQ size.

    Raises:
        InputError: If it is not; the error names both files.
    """
    (lq_h, lq_w), (gt_h, gt_w) = sizes
    if (gt_h, gt_w) != (lq_h * scale, lq_w * scale):
        raise InputError(
            f'{files[1]} is {gt_h}x{gt_w} and {files[0]} is {lq_h}x{lq_w}; at scale {scale} the LQ image '
            f'must be {gt_h / scale:g}x{gt_w / scale:g}. Correct the scale in the config, or make the pairs '
            f'again with: {tool("pairs")} GT_FOLDER OUT --scale {scale}'
        )
