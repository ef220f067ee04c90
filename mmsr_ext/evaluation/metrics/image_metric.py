"""What metrics of single images have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Literal

import torch
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from torch import Tensor
from torch.utils.data import DataLoader

from ...arguments import Count, checked
from ...errors import InputError


@checked
class ImageMetric(BaseMetric):
    """The mean over a test set of what ``measure`` gives for output and ground truth of an image.

    It is computed where the images are, and the results are fetched when the set is through: the host does
    not wait for the device in between. Works with our and MMagic's loops and evaluators, and with MMEngine's.
    It does what MMagic's ``BaseSampleWiseMetric`` does, whose import takes all of MMagic's models along.

    Args:
        crop_border: Pixels left out at each side; 'scale' for as many as the images are enlarged by.
        gt_key: Name of the ground truth in a sample.
        pred_key: Name of the image in the sample's ``output``.
        collect_device: See MMEngine's ``BaseMetric``.
        prefix: Goes before the name, with a '/'.
        input_order: 'CHW' or 'HWC', of the images in the samples.

    Raises:
        InputError: For a negative border; and for images of different sizes, or smaller than the metric
            takes.
    """

    metric: str
    higher_is_better: bool
    default_prefix = ''  # the name says enough
    smallest: int = 1  # height and width, without the border, of the images that it takes
    # by these MMagic's evaluator knows that the metric is to be shown the data as they are
    SAMPLER_MODE = 'normal'
    sample_model = 'orig'

    def __init__(
        self,
        crop_border: Count | Literal['scale'] = 0,
        gt_key: str = 'gt_img',
        pred_key: str = 'pred_img',
        collect_device: str = 'cpu',
        prefix: str | None = None,
        input_order: Literal['CHW', 'HWC'] = 'CHW',
    ) -> None:
        super().__init__(collect_device, prefix)
        self.crop_border = crop_border
        self.gt_key = gt_key
        self.pred_key = pred_key
        self.input_order = input_order

    @abstractmethod
    def measure(self, gt: Tensor, pred: Tensor) -> Tensor:
        """Compare two images.

        Args:
            gt: (3, H, W), RGB, [0, 255], without the border.
            pred: Of the same shape.

        Returns:
            Scalar.
        """

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Measure the images of a batch.

        Args:
            data_batch: As the dataloader gave it; its LQ images tell the scale where nothing else does.
            data_samples: With the ground truth and ``output``, (C, H, W) or as ``input_order`` says,
                [0, 255], BGR; tensors or arrays.
        """
        for index, sample in enumerate(data_samples):
            pred, gt = sample['output'].get(self.pred_key), sample.get(self.gt_key)
            if pred is None or gt is None:
                missing = self.gt_key if gt is None else f'output {self.pred_key}'
                raise InputError(
                    f'{self.metric}: an image has no {missing}. It is measured with ground truth: '
                    'use a dataset that has it, such as PairedImageDataset, or leave the metric out.'
                )
            pred, gt = torch.as_tensor(pred), torch.as_tensor(gt)
            if self.input_order == 'HWC':
                pred, gt = pred.movedim(-1, -3), gt.movedim(-1, -3)
            if pred.shape != gt.shape:
                raise InputError(
                    f'{self.metric}: {self.pred_key} is {tuple(pred.shape)} and {self.gt_key} '
                    f'{tuple(gt.shape)}. Check the scale of the generator and of the data.'
                )
            border = self._border(gt, data_batch, index)
            height, width = (size - 2 * border for size in gt.shape[-2:])
            if min(height, width) < self.smallest:
                raise InputError(
                    f'{self.metric}: an image of {gt.shape[-2]}x{gt.shape[-1]} is too small for a border of '
                    f'{border} px; it needs at least {self.smallest} px within. Leave it out of the test set.'
                )
            images = (
                image[..., border : border + height, border : border + width].flip(-3)
                for image in (gt.to(pred.device), pred)
            )
            self.results.append(torch.as_tensor(self.measure(*images)).mean())  # over the frames of a video

    def _border(self, gt: Tensor, data_batch: Any, index: int) -> int:
        """Return the pixels to leave out of an image of a batch."""
        if self.crop_border != 'scale':
            return self.crop_border
        inputs = data_batch.get('inputs') if isinstance(data_batch, dict) else None
        width = inputs[index].shape[-1] if isinstance(inputs, (list, tuple, Tensor)) else 0
        if not width or gt.shape[-1] < width:
            raise InputError(
                f"{self.metric}: crop_border='scale', and nothing tells the scale of the images. "
                'Give the number of pixels: crop_border=4.'
            )
        return round(gt.shape[-1] / width)

    def evaluate(self, size: int | None = None) -> dict[str, float]:
        """Collect the results of all processes and average them.

        Args:
            size: Length of the test set; by default that of the one that ``prepare`` was given.
        """
        if self.results:
            self.results[:] = torch.stack(self.results).tolist()
        return super().evaluate(self.size if size is None else size)

    def compute_metrics(self, results: list[float]) -> dict[str, float]:
        """Return the mean under the metric's name."""
        return {self.metric: sum(results) / len(results)}

    def prepare(self, module: BaseModel, dataloader: DataLoader) -> None:
        """See MMagic's evaluator; the scale of the images is asked of the dataset and the model."""
        self.size = len(dataloader.dataset)  # type: ignore[arg-type]
        if self.crop_border == 'scale':
            preprocessor, generator = (
                getattr(module, name, None) for name in ('data_preprocessor', 'generator')
            )
            scales = [
                getattr(owner, 'scale', None) for owner in (dataloader.dataset, preprocessor, generator)
            ]
            scales.append(getattr(generator, 'upscale_factor', None))
            self.crop_border = next((scale for scale in scales if isinstance(scale, int)), 'scale')

    def get_metric_sampler(
        self, model: BaseModel, dataloader: DataLoader, metrics: Sequence[BaseMetric]
    ) -> DataLoader:
        """See MMagic's evaluator."""
        return dataloader
