"""Images of high quality in a folder."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from mmagic.structures import DataSample
from torch import Tensor
from torch.utils.data import Dataset

from ..errors import InputError
from ..registry import DATASETS
from .image_pairs import augment_images, random_numbers, to_tensor
from .imread import image_size, named_images, read_image
from .sampler import Draw


@DATASETS.register_module()
class ImageDataset(Dataset):
    """Ground truth alone, for recipes whose data preprocessor makes the low-quality images.

    Every image is checked when the dataset is built: that the crop fits. A sample has one image, (3, H, W), uint8, RGB, as ``inputs`` and
    as ``data_samples.gt_img``.

    Args:
        gt_folder (str): Folder of the images, or a pattern of folders: 'GoPro/train/*/sharp'.
        gt_size (int): Height and width of the random crops.
        augment (bool): Flip and transpose at random.
        cache (bool): Keep decoded images in memory.
        hint (str): What to do when the folder is missing; added to the error.

    Raises:
        InputError: If the folder is missing or empty, or an image is smaller than the crop.
    """

    def __init__(self, gt_folder: str, gt_size: int, augment: bool = False, cache: bool = False, hint: str = '') -> None:
        if not isinstance(gt_size, int) or gt_size < 1:
            raise InputError(f'ImageDataset: gt_size={gt_size!r} must be an integer of at least 1.')
        self.gt_size = gt_size
        self.augment = augment
        self.cached: dict[Path, np.ndarray] | None = {} if cache else None
        self.metainfo = dict(dataset_type='images', task_name='restoration', folder=str(gt_folder))
        try:
            files = named_images(gt_folder)
        except InputError as error:
            raise InputError(f'{error} {hint}'.strip()) from error
        self.names, self.paths = ['_'.join(key) for key in files], list(files.values())
        with ThreadPoolExecutor() as pool:
            for _ in pool.map(self._check, self.paths):
                pass

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, draw: Draw | int) -> dict[str, Tensor | DataSample]:
        """Load an image.

        Args:
            draw (Draw or int): A draw, whose crop and augmentation follow from its seed and position; or a bare index, for which they
                are drawn from torch's generator.
        """
        index, rng = (draw.index, draw.rng()) if isinstance(draw, Draw) else (draw, random_numbers())
        path = self.paths[index]
        image = self._read(path)
        top, left = (int(rng.integers(extent - self.gt_size + 1)) for extent in image.shape[:2])
        image = image[top:top + self.gt_size, left:left + self.gt_size]
        if self.augment:
            image, = augment_images([image], rng)
        gt = to_tensor(image)
        sample = DataSample(gt_img=gt)
        sample.set_metainfo(dict(key=self.names[index], gt_path=str(path), gt_channel_order='rgb', img_channel_order='rgb'))
        if isinstance(draw, Draw):
            sample.set_metainfo(dict(position=draw.position, seed=draw.seed))  # what else is random for it follows from these
        return {'inputs': gt, 'data_samples': sample}

    def _read(self, path: Path) -> np.ndarray:
        if self.cached is None:
            return read_image(path)
        if path not in self.cached:
            self.cached[path] = read_image(path)
        return self.cached[path]

    def _check(self, path: Path) -> None:
        height, width = image_size(path)
        if min(height, width) < self.gt_size:
            raise InputError(f'{path} is {height}x{width}, smaller than the crop of {self.gt_size}x{self.gt_size}. Remove the image, or '
                             'set a smaller gt_size.')
