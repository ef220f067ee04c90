"""Check the images that are measured on, and the metrics, before anything is measured."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

from mmengine.config import Config
from mmengine.dataset import DefaultSampler
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from torch.utils.data import ConcatDataset, DataLoader, Dataset, Subset

from ..datasets.base import inner_datasets
from ..datasets.images import ImageDataset
from ..errors import InputError
from ..generators.channels import image_channels
from ..models.tiling.tiled_run import free_on
from .metrics import ImageMetric


class WholeImage(NamedTuple):
    """Ground truth that is measured on.

    Attributes:
        path: Its file.
        height: In pixels.
        width: In pixels.
    """

    path: str
    height: int
    width: int

    @property
    def size(self) -> str:
        """Return height and width for a message."""
        return f'{self.height}x{self.width}'


def check_images(cfg: Config, name: str, loaders: Sequence[DataLoader], evaluators: Sequence[Any]) -> None:
    """Check the image files of dataloaders: whether they can be read, batched and measured.

    Args:
        cfg: The config, whose file the error names.
        name: Section of the dataloaders.
        loaders: Each with a dataset; of other projects' datasets only the metrics are checked.
        evaluators: One for each loader.

    Raises:
        InputError: Naming the file that cannot be read, is of another size than others of its batch, or is
            too small for a metric.
    """
    where = f'config {cfg.filename}: {name}'
    for loader, evaluator in zip(loaders, evaluators):
        metrics = getattr(evaluator, 'metrics', [])
        _check_interface(where, evaluator, metrics)
        images = images_of(loader.dataset)
        if images:
            _check_batches(where, loader, images)
            _check_smallest(where, metrics, images, _scale_of(loader))
            for dataset in inner_datasets(loader.dataset):
                if isinstance(dataset, ImageDataset):
                    dataset.read_all()


def images_of(dataset: Dataset) -> list[WholeImage]:
    """Return the ground truth of every sample of a dataset of whole images, wrapped or not; else nothing."""
    if isinstance(dataset, ConcatDataset):
        parts = [images_of(part) for part in dataset.datasets]
        return [image for part in parts for image in part] if all(parts) else []
    if isinstance(dataset, Subset):
        images = images_of(dataset.dataset)
        return [images[index] for index in dataset.indices] if images else []
    if isinstance(dataset, ImageDataset) and dataset.gt_size is None:
        sizes = zip(dataset.files, dataset.gt_sizes())
        return [WholeImage(str(files[-1]), *size) for files, size in sizes]
    return []


def warn_of_memory(name: str, model: Any, loaders: Sequence[DataLoader]) -> None:
    """Log a warning if there is no memory for the largest image as a whole.

    Args:
        name: Section of the dataloaders.
        model: The restorer, not wrapped; of another project's model nothing is known.
        loaders: Dataloaders of whole images.
    """
    found = [(image, loader) for loader in loaders for image in images_of(loader.dataset)]
    tiled = getattr(model, 'tiled_generator', None)
    if not found or tiled is None:
        return
    image, loader = max(found, key=lambda each: each[0].height * each[0].width)
    scale = _scale_of(loader)
    device = next(model.generator.parameters()).device
    channels = image_channels(model.generator) or 3
    shape = (loader.batch_size or 1, channels, image.height // scale, image.width // scale)
    training = model.training
    model.eval()
    try:
        needed, free = tiled.needed(model.generator, shape), free_on(device)
    except InputError:  # such a generator is tried elsewhere
        return
    finally:
        model.train(training)
    if needed > free and (tiled.wanted is None or tiled.wanted == 0):
        print_log(
            f'{name}: the generator takes at least {needed / 1e9:.1f} GB on {device} for the largest image, '
            f'{image.path} ({image.size}), where {free / 1e9:.1f} GB are free. It will be computed in tiles; '
            'set their size with model.test_cfg.tile.',
            'current',
            logging.WARNING,
        )


def _scale_of(loader: DataLoader) -> int:
    return next((each.scale for each in inner_datasets(loader.dataset) if hasattr(each, 'scale')), 1)


def _check_interface(where: str, evaluator: Any, metrics: Sequence[BaseMetric]) -> None:
    """Refuse metrics that the evaluator of another project cannot show images to."""
    if type(evaluator).__module__.startswith('mmagic.'):
        for metric in metrics:
            if not hasattr(metric, 'prepare'):
                raise InputError(
                    f"{where}: MMagic's evaluator cannot use {type(metric).__name__}, which has no "
                    "prepare(). Give the evaluator type='mmsr_ext.Evaluator', which takes MMEngine's metrics."
                )


def _check_batches(where: str, loader: DataLoader, images: list[WholeImage]) -> None:
    """Check that the images of a batch are of one size."""
    if (loader.batch_size or 1) == 1:
        return
    sampler, of_batches = loader.sampler, loader.batch_sampler
    in_order = isinstance(sampler, DefaultSampler) and not sampler.shuffle
    batches = list(of_batches) if in_order and of_batches is not None else [range(len(images))]
    for batch in batches:
        first = images[batch[0]]
        for image in (images[index] for index in batch):
            if image[1:] != first[1:]:
                raise InputError(
                    f'{where}.batch_size={loader.batch_size} puts images of different sizes into one batch: '
                    f'{first.path} is {first.size}, {image.path} is {image.size}. Set batch_size=1.'
                )


def _check_smallest(where: str, metrics: Sequence[BaseMetric], images: list[WholeImage], scale: int) -> None:
    """Check that no image is smaller than a metric takes."""
    smallest = min(images, key=lambda image: min(image.height, image.width))
    for metric in metrics:
        if isinstance(metric, ImageMetric):
            border = scale if metric.crop_border == 'scale' else metric.crop_border
            least = metric.smallest + 2 * border
            if min(smallest.height, smallest.width) < least:
                raise InputError(
                    f'{where}: {smallest.path} is {smallest.size}, too small for {metric.metric}, which '
                    f'needs at least {least}x{least}: {metric.smallest} px within a border (crop_border) of '
                    f'{border}. Remove the image, or leave the metric out.'
                )
