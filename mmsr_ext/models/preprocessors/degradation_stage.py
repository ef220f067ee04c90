"""What is drawn at random for one degradation of one image."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from ...errors import InputError
from ...functional import gaussian_kernel, sinc_kernel

# 0.1 for sinc; the rest is shared out in the paper's proportions, 0.45 : 0.25 : 0.12 : 0.03 : 0.12 : 0.03
KERNEL_PROBS = dict(
    iso=0.405,
    aniso=0.225,
    generalized_iso=0.108,
    generalized_aniso=0.027,
    plateau_iso=0.108,
    plateau_aniso=0.027,
    sinc=0.1,
)
RESIZE_MODES = ('area', 'bilinear', 'bicubic')


class StageDraw(NamedTuple):
    """One draw from a ``Stage``: a blur kernel or None, then resizing, noise and JPEG."""

    kernel: Tensor | None
    scale: float
    resize_mode: str
    gaussian: bool
    noise_level: float
    grey: bool
    noise_key: int
    quality: int


@dataclass(frozen=True)
class Stage:
    """Blur, resize, noise, JPEG, and the ranges from which their parameters are drawn.

    Source: Wang et al. 2021 (Real-ESRGAN), figure 2 and section 4.1. The defaults are the paper's first
    degradation.

    Args:
        blur_prob: Probability of a blur.
        kernel_sizes: Odd sizes to choose from.
        kernel_probs: Weight by kernel: 'iso', 'aniso', 'generalized_iso', 'generalized_aniso', 'plateau_iso',
            'plateau_aniso', 'sinc'.
        sigma: Range of a kernel's standard deviations, in pixels.
        beta_gaussian: Range of the shape of generalised kernels, drawn half the time from its part up to 1
            and else from the other.
        beta_plateau: The same for plateau kernels.
        resize_probs: Weights of enlarging, reducing, and keeping the size.
        resize_range: Smallest and largest factor, around 1.
        gaussian_prob: Probability of Gaussian noise; else Poisson noise.
        gaussian_sigma: Range of its standard deviation, in levels of 255.
        poisson_scale: Range of the strength of Poisson noise.
        grey_prob: Probability of noise that is the same in all channels.
        jpeg_quality: Range of the quality, both ends included.

    Raises:
        InputError: Naming the value that is out of range.
    """

    blur_prob: float = 1.0
    kernel_sizes: tuple[int, ...] = (7, 9, 11, 13, 15, 17, 19, 21)
    kernel_probs: dict[str, float] = field(default_factory=KERNEL_PROBS.copy)
    sigma: tuple[float, float] = (0.2, 3.0)
    beta_gaussian: tuple[float, float] = (0.5, 4.0)
    beta_plateau: tuple[float, float] = (1.0, 2.0)
    resize_probs: tuple[float, float, float] = (0.2, 0.7, 0.1)
    resize_range: tuple[float, float] = (0.15, 1.5)
    gaussian_prob: float = 0.5
    gaussian_sigma: tuple[float, float] = (1.0, 30.0)
    poisson_scale: tuple[float, float] = (0.05, 3.0)
    grey_prob: float = 0.4
    jpeg_quality: tuple[int, int] = (30, 95)

    def __post_init__(self) -> None:
        unknown = sorted(set(self.kernel_probs) - set(KERNEL_PROBS))
        if unknown:
            raise InputError(
                f'degradation: unknown kernel {unknown[0]!r} in kernel_probs; choose from '
                f'{", ".join(KERNEL_PROBS)}.'
            )
        check_sizes('kernel_sizes', self.kernel_sizes)
        _check_weights('kernel_probs', list(self.kernel_probs.values()))
        _check_weights('resize_probs', self.resize_probs, 3)
        for name in ('blur_prob', 'gaussian_prob', 'grey_prob'):
            check_probability(name, getattr(self, name))
        for name, low, high in [
            ('sigma', 1e-3, math.inf),
            ('beta_gaussian', 1e-3, math.inf),
            ('beta_plateau', 1e-3, math.inf),
            ('resize_range', 1e-3, math.inf),
            ('gaussian_sigma', 0, 255),
            ('poisson_scale', 0, math.inf),
            ('jpeg_quality', 1, 100),
        ]:
            _check_range(name, getattr(self, name), low, high)
        for name in ('beta_gaussian', 'beta_plateau', 'resize_range'):
            low, high = getattr(self, name)
            if not low <= 1 <= high:
                raise InputError(
                    f'degradation: {name}={getattr(self, name)!r} must not have both ends on one side of 1.'
                )

    def with_changes(self, changes: dict | None) -> Stage:
        """Return a stage with other values for some of the fields.

        Raises:
            InputError: For an unknown field or a value out of range.
        """
        known = [one.name for one in fields(self)]
        unknown = sorted(set(changes or {}) - set(known))
        if unknown:
            raise InputError(f'degradation: unknown key {unknown[0]!r}; it knows {", ".join(known)}.')
        return replace(self, **(changes or {}))

    def draw(self, rng: np.random.Generator) -> StageDraw:
        """Draw the parameters for one image."""
        kernel = self._kernel(rng) if rng.random() < self.blur_prob else None
        low, high = self.resize_range
        direction = choice(rng, ('up', 'down', 'keep'), self.resize_probs)
        scale = {'up': rng.uniform(1, high), 'down': rng.uniform(low, 1), 'keep': 1.0}[direction]
        mode = choice(rng, RESIZE_MODES)
        gaussian = bool(rng.random() < self.gaussian_prob)
        level = rng.uniform(*self.gaussian_sigma) / 255 if gaussian else rng.uniform(*self.poisson_scale)
        grey = bool(rng.random() < self.grey_prob)
        quality = int(rng.integers(self.jpeg_quality[0], self.jpeg_quality[1] + 1))
        return StageDraw(
            kernel, float(scale), mode, gaussian, float(level), grey, int(rng.integers(2**63)), quality
        )

    def _kernel(self, rng: np.random.Generator) -> Tensor:
        name = choice(rng, list(self.kernel_probs), list(self.kernel_probs.values()))
        size = int(choice(rng, self.kernel_sizes))
        if name == 'sinc':
            return draw_sinc_kernel(rng, size, math.pi / 3 if size < 13 else math.pi / 5)
        sigma_x, sigma_y = rng.uniform(*self.sigma, 2)
        angle = rng.uniform(-math.pi, math.pi)
        family, _, shape = name.rpartition('_')
        if shape == 'iso':
            sigma_y, angle = sigma_x, 0.0
        if family:
            low, high = self.beta_plateau if family == 'plateau' else self.beta_gaussian
            beta = rng.uniform(low, 1) if rng.random() < 0.5 else rng.uniform(1, high)
        else:
            beta = 1.0
        return gaussian_kernel(
            size, sigma_x, sigma_y, angle, beta, 'plateau' if family == 'plateau' else 'gaussian'
        )


def draw_sinc_kernel(rng: np.random.Generator, size: int, lowest_cutoff: float) -> Tensor:
    """Draw a sinc kernel with a cutoff in [lowest_cutoff, pi]."""
    return sinc_kernel(size, rng.uniform(lowest_cutoff, math.pi))


def choice(rng: np.random.Generator, options: Any, weights: Any = None) -> Any:
    """Draw one of the options, of any type, with the given weights."""
    weights = np.ones(len(options)) if weights is None else np.asarray(weights, float)
    return options[int(rng.choice(len(options), p=weights / weights.sum()))]


def check_probability(name: str, value: float) -> None:
    """Raise InputError unless ``value`` is a probability."""
    if not 0 <= value <= 1:
        raise InputError(f'degradation: {name}={value!r} must be a probability, from 0 to 1.')


def check_sizes(name: str, sizes: Any) -> None:
    """Raise InputError unless ``sizes`` are sizes of kernels."""
    if (
        not isinstance(sizes, (tuple, list))
        or not sizes
        or any(not isinstance(size, int) or size < 3 or size % 2 == 0 for size in sizes)
    ):
        raise InputError(f'degradation: {name}={sizes!r} must be odd integers of at least 3.')


def _check_range(name: str, value: Any, low: float, high: float) -> None:
    if not isinstance(value, (tuple, list)) or len(value) != 2 or not low <= value[0] <= value[1] <= high:
        raise InputError(
            f'degradation: {name}={value!r} must be (lowest, highest), ascending, both within [{low:g}, '
            f'{high:g}].'
        )


def _check_weights(name: str, weights: Any, count: int | None = None) -> None:
    if (
        not isinstance(weights, (tuple, list))
        or (count and len(weights) != count)
        or min(weights, default=-1) < 0
        or sum(weights) <= 0
    ):
        raise InputError(
            f'degradation: {name}={weights!r} must be {count or "some"} weights, none below 0 and not all 0.'
        )
