"""NIQE as a metric."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from functools import lru_cache
from importlib import resources
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from ...arguments import Count
from ...errors import InputError
from ...registry import METRICS
from .image_metric import ImageMetric

BLOCK = 96
# from YIQ to RGB, whose inverse has the weights of grey in its first row
NTSC = [[1.0, 0.956, 0.621], [1.0, -0.272, -0.647], [1.0, -1.106, 1.703]]


@METRICS.register_module()
class NIQE(ImageMetric):
    """NIQE in one of two conventions, logged as ``NIQE`` or ``NIQE-MATLAB``; lower is better.

    'Y' is the convention of MMagic and BasicSR: Y of BT.601 in limited range, 16 to 235. 'matlab' is that of
    the authors' program: grey in full range, 0 to 255, rounded, by the weights of MATLAB's rgb2gray. The two
    differ by up to 4 %; compare figures of one convention only.

    Unlike MMagic's class it measures the image that ``key`` names, and leaves images out of the mean for
    which it is not defined: with fewer than two blocks of 96x96 px, or flat all over. Without any other it is
    nan. An image of one channel, grey or Y, is measured as it is.

    Source: Mittal et al. 2013 (Making a completely blind image quality analyzer).

    Args:
        crop_border: Pixels left out at each side; 'scale', the convention, for as many as the images are
            enlarged by.
        convention: 'Y' or 'matlab'.
        pred_key: Name of the image.
        convert_to: MMagic's key: 'y' or 'Y' for the convention 'Y'; 'gray' for OpenCV's grey, MMagic's
            default, logged as ``NIQE-gray``.
        key: MMagic's name of ``pred_key``.
        is_predicted: The image is in the sample's ``output``; if not, in the sample itself.
        **kwargs: See ``ImageMetric``.

    Raises:
        InputError: For another convention, two of them, or two names of the image.
    """

    higher_is_better = False

    def __init__(
        self,
        crop_border: Count | Literal['scale'] = 0,
        convention: Literal['Y', 'matlab'] = 'Y',
        pred_key: str = 'pred_img',
        convert_to: Literal['y', 'Y', 'gray'] | None = None,
        key: str | None = None,
        is_predicted: bool = True,
        **kwargs: Any,
    ) -> None:
        if key is not None and pred_key not in ('pred_img', key):
            raise InputError(f'NIQE: pred_key={pred_key!r} and key={key!r} are one thing; give one of them.')
        if convert_to is not None and convention == 'matlab':
            raise InputError(f"NIQE: convention='matlab' and convert_to={convert_to!r} are two; give one.")
        super().__init__(crop_border, pred_key=key or pred_key, **kwargs)
        self.convention = 'gray' if convert_to == 'gray' else convention
        self.metric = {'Y': 'NIQE', 'matlab': 'NIQE-MATLAB', 'gray': 'NIQE-gray'}[self.convention]
        self.is_predicted = is_predicted

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """See ``ImageMetric``."""
        if not self.is_predicted:
            images = [sample.get(self.pred_key) for sample in data_samples]
            data_samples = [{self.gt_key: image, 'output': {self.pred_key: image}} for image in images]
        super().process(data_batch, data_samples)

    def measure(self, gt: Tensor, pred: Tensor) -> Tensor:
        """See ``ImageMetric``; ``gt`` is not used, and nan where NIQE is not defined."""
        from mmagic.evaluation.metrics.niqe import niqe, niqe_core  # takes all of MMagic's models along

        height, width = pred.shape[-2:]
        if min(height, width) < BLOCK or (height // BLOCK) * (width // BLOCK) < 2:
            return torch.tensor(math.nan)
        try:
            with warnings.catch_warnings(), np.errstate(all='ignore'):  # of flat blocks, which it leaves out
                warnings.simplefilter('ignore', RuntimeWarning)
                if self.convention == 'matlab':
                    value = niqe_core(_grey(pred), **_pristine())  # niqe would compute in float32
                elif pred.shape[0] == 1:
                    value = niqe(pred[0].cpu(), 0, input_order='HW')
                else:
                    image = pred.flip(0).cpu()
                    value = niqe(image, 0, input_order='CHW', convert_to=self.convention.lower())
                return torch.tensor(value, dtype=torch.float64)
        except np.linalg.LinAlgError:
            return torch.tensor(math.nan)

    def compute_metrics(self, results: list[float]) -> dict[str, float]:
        """Return the mean over the images that have a value."""
        return super().compute_metrics([result for result in results if math.isfinite(result)] or [math.nan])


@lru_cache(maxsize=1)
def _pristine() -> dict[str, np.ndarray]:
    """Load the window and the statistics of pristine images that the authors published, from MMagic."""
    with resources.files('mmagic.evaluation.metrics').joinpath('niqe_pris_params.npz').open('rb') as file:
        held = np.load(file)
        return {name: held[name] for name in ('mu_pris_param', 'cov_pris_param', 'gaussian_window')}


def _grey(image: Tensor) -> np.ndarray:
    """Convert (3, H, W), RGB, in [0, 255], to grey of 8 bits, (H, W), as MATLAB's rgb2gray does.

    An image of one channel is grey already.
    """
    weights = np.linalg.inv(NTSC)[0] if image.shape[0] == 3 else np.ones(1)
    return np.floor(np.tensordot(weights, image.cpu().double().numpy(), 1) + 0.5)
