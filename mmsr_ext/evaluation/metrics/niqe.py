"""NIQE as a metric."""

from __future__ import annotations

import math
import warnings

import numpy as np
import torch
from torch import Tensor

from ...registry import METRICS
from .image_metric import ImageMetric

BLOCK = 96


@METRICS.register_module()
class NIQE(ImageMetric):
    """MMagic's NIQE of the Y channel, logged as ``NIQE``; lower is better.

    Unlike MMagic's class it takes ``pred_key``, and leaves images out of the mean for which it is not
    defined: with fewer than two blocks of 96x96 px, or flat all over. Without any other it is nan. Takes the
    arguments of ``ImageMetric``; ``crop_border`` is the scale by convention.

    Source: Mittal et al. 2013 (Making a completely blind image quality analyzer).
    """

    metric = 'NIQE'

    def measure(self, gt: Tensor, pred: Tensor) -> Tensor:
        """See ``ImageMetric``; ``gt`` is not used, and nan where NIQE is not defined."""
        from mmagic.evaluation.metrics.niqe import niqe  # takes all of MMagic's models along

        height, width = pred.shape[-2:]
        if min(height, width) < BLOCK or (height // BLOCK) * (width // BLOCK) < 2:
            return torch.tensor(math.nan)
        try:
            with warnings.catch_warnings(), np.errstate(all='ignore'):  # of flat blocks, which it leaves out
                warnings.simplefilter('ignore', RuntimeWarning)
                return torch.tensor(
                    niqe(pred.flip(0).cpu(), 0, input_order='CHW', convert_to='y'), dtype=torch.float64
                )
        except np.linalg.LinAlgError:
            return torch.tensor(math.nan)

    def compute_metrics(self, results: list[float]) -> dict[str, float]:
        """Return the mean over the images that have a value."""
        return super().compute_metrics([result for result in results if math.isfinite(result)] or [math.nan])
