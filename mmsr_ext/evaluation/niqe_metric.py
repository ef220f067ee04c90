"""NIQE as a metric."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from mmagic.evaluation.metrics.base_sample_wise_metric import BaseSampleWiseMetric
from mmagic.evaluation.metrics.niqe import niqe
from torch import Tensor

from ..registry import METRICS

BLOCK = 96


@METRICS.register_module()
class NIQE(BaseSampleWiseMetric):
    """MMagic's NIQE of the Y channel, with its parameters of pristine images, logged as ``NIQE``; lower is better.

    Unlike MMagic's class it takes ``pred_key``, and leaves images out of the mean for which it is not defined: with fewer than two blocks
    of 96x96 px, or flat all over. Without any other it is nan.

    Source: Mittal et al. 2013 (Making a completely blind image quality analyzer).

    Args:
        crop_border (int): Pixels left out at each side; the scale by convention.
        **kwargs: See MMagic's ``BaseSampleWiseMetric``.
    """

    metric = 'NIQE'
    default_prefix = ''  # the name says enough

    def __init__(self, crop_border: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.crop_border = crop_border

    def process_image(self, gt: Tensor, pred: Tensor, mask: Tensor) -> float:
        """Rate an image.

        Args:
            gt (Tensor): Not used.
            pred (Tensor): (3, H, W), BGR, [0, 255].
            mask (Tensor): Not used.

        Returns:
            float: nan where NIQE is not defined.
        """
        height, width = (size - 2 * self.crop_border for size in pred.shape[-2:])
        if min(height, width) < BLOCK or (height // BLOCK) * (width // BLOCK) < 2:
            return float('nan')
        try:
            with warnings.catch_warnings(), np.errstate(all='ignore'):  # of flat blocks, which it leaves out
                warnings.simplefilter('ignore', RuntimeWarning)
                return float(niqe(pred, self.crop_border, input_order='CHW', convert_to='y'))
        except np.linalg.LinAlgError:
            return float('nan')

    def compute_metrics(self, results: list[dict[str, float]]) -> dict[str, float]:
        """The mean over the images that have a value."""
        values = [result[self.metric] for result in results if np.isfinite(result[self.metric])]
        return {self.metric: float(np.mean(values)) if values else float('nan')}
