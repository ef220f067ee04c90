"""Training pairs for deblurring, from sharp images alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError
from ...functional import motion_blur, motion_psf, motion_trajectory
from ...registry import MODELS
from .image_preprocessor import ImagePreprocessor, Samples, draws_of


@MODELS.register_module()
class MotionBlur(ImagePreprocessor):
    """Make the input out of the target in training: blurred by a random camera shake, in 8 bit.

    Each sample has a shake of its own, which depends on the seed and the position of its draw alone (sampler
    ``InfiniteDraws``). In validation the dataset's own inputs are used.

    Sources: Boracchi and Foi 2012; Kupyn et al. 2018 (DeblurGAN), section 4, whose values are the defaults.

    Args:
        length: Length of the camera's path in pixels.
        anxiety: How much the camera shakes; each sample draws one of these.
        exposures: The part of the path that is exposed, in (0, 1]; each sample draws one of these.
        **kwargs: See ``ImagePreprocessor``: ``mean``, ``std``, ...

    Raises:
        InputError: For values out of range, and at the first batch whose samples do not say their seed and
            position.
    """

    def __init__(
        self,
        length: float = 60.0,
        anxiety: tuple[float, ...] = (0.01, 0.009, 0.008, 0.007, 0.005, 0.003, 0.002, 0.001),
        exposures: tuple[float, ...] = (0.001, 0.1, 0.5, 1.0),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not length > 0:
            raise InputError(f'MotionBlur: length={length!r} must be positive.')
        if not anxiety or min(anxiety) < 0:
            raise InputError(f'MotionBlur: anxiety={anxiety!r} must be a list of values of at least 0.')
        if not exposures or not 0 < min(exposures) <= max(exposures) <= 1:
            raise InputError(f'MotionBlur: exposures={exposures!r} must be a list of values in (0, 1].')
        self.length = length
        self.anxiety = tuple(anxiety)
        self.exposures = tuple(exposures)

    def makes_lq(self, training: bool) -> bool:
        """Return True while training."""
        return training

    def make_lq(self, samples: Samples) -> Tensor | list[Tensor]:
        """Blur every image by its own shake, and round it to 8 bit.

        Raises:
            InputError: If the samples were not drawn.
        """
        draws = draws_of(samples)
        if draws is None:
            raise InputError(
                'MotionBlur: the samples do not say their seed and position, from which the blur is drawn. '
                'Use '
                "ImageDataset with sampler=dict(type='InfiniteDraws')."
            )
        if isinstance(samples, list):
            return [self._blur(sample.gt_img[None], [draw])[0] for sample, draw in zip(samples, draws)]
        return self._blur(samples.gt_img, draws)

    def _blur(self, sharp: Tensor, draws: list[tuple[int, int]]) -> Tensor:
        psfs = torch.from_numpy(np.stack([self.psf(*draw) for draw in draws]))
        blurred = motion_blur(self.normalise(sharp), psfs.to(sharp.device, non_blocking=True))
        return self.denormalise(blurred).round().clamp(0, 255)

    def psf(self, seed: int, position: int) -> np.ndarray:
        """Return the point spread function of one sample, (size, size)."""
        # another counter than that of the draw's own generator, which crops the image
        rng = np.random.Generator(np.random.Philox(key=[seed, position], counter=[0, 0, 0, 2]))
        trajectory = motion_trajectory(rng, self.length, float(rng.choice(self.anxiety)))
        return motion_psf(trajectory, 2 * math.ceil(self.length / 2) + 1, rng.choice(self.exposures))
