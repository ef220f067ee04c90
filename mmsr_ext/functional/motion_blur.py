"""Blur from camera shake."""

from __future__ import annotations

import cmath
import math

import numpy as np
import torch
from torch import Tensor

from .mirror import mirrored


def motion_trajectory(
    rng: np.random.Generator, length: float = 60.0, anxiety: float = 0.005, steps: int = 2000
) -> np.ndarray:
    """Draw the path of a shaking camera: a particle whose direction is disturbed at every step.

    The disturbances are Gaussian noise, a pull back to the origin, and, rarely, an impulse that reverses the
    particle; their strengths are drawn once per path. With anxiety 0 the path is straight.

    Sources: Boracchi and Foi 2012, section II.B; the ranges of the strengths are those of DeblurGAN's code
    (Kupyn et al. 2018).

    Args:
        rng: Source of all random numbers; generators in equal states give equal paths.
        length: Length of the path in pixels.
        anxiety: Strength of the shake; DeblurGAN draws it between 0.001 and 0.01.
        steps: Number of positions on the path.

    Returns:
        Shape (steps, 2), y and x in pixels; starts at the origin.
    """
    pull, impulse_rate, shake, angle = rng.uniform(0, (0.7, 0.2, 10.0, 2 * math.pi))
    step = length / (steps - 1)
    noise = rng.standard_normal((steps, 2)) @ (1, 1j)
    impulses = rng.uniform(size=steps) < impulse_rate * anxiety
    turns = 2 * np.exp(1j * (math.pi + rng.uniform(-0.5, 0.5, steps)))
    path, position, velocity = [0j], 0j, cmath.rect(step, angle)
    for gauss, impulse, turn in zip(noise.tolist(), impulses.tolist(), turns.tolist()[:-1]):
        change = anxiety * (shake * gauss - pull * position) * step
        velocity += change + velocity * turn if impulse else change
        velocity *= step / abs(velocity)
        position += velocity
        path.append(position)
    return np.stack([np.imag(path), np.real(path)], axis=1)


def motion_psf(trajectory: np.ndarray, size: int, exposure: float = 1.0) -> np.ndarray:
    """Return the point spread function of a path: the share of the exposure spent at each pixel.

    Source: Boracchi and Foi 2012, section II.B; normalised to sum 1 for every exposure, as in DeblurGAN.

    Args:
        trajectory: Shape (steps, 2), y and x in pixels; its bounding box is centred.
        size: Height and width of the result in pixels, odd, at least 1 more than the bounding box.
        exposure: Exposed part of the path, from its start, in (0, 1].

    Returns:
        Shape (size, size), float64, not negative, of sum 1.
    """
    path = trajectory[: max(1, round(exposure * len(trajectory)))]
    path = path - (path.min(0) + path.max(0)) / 2 + (size - 1) / 2
    corner = np.clip(np.floor(path).astype(int), 0, size - 2)
    low = path - corner
    psf = np.zeros((size, size))
    for dy, dx in ((0, 0), (0, 1), (1, 0), (1, 1)):
        weights = (low[:, 0] if dy else 1 - low[:, 0]) * (low[:, 1] if dx else 1 - low[:, 1])
        np.add.at(psf, (corner[:, 0] + dy, corner[:, 1] + dx), weights)
    return psf / psf.sum()


def motion_blur(images: Tensor, psfs: Tensor) -> Tensor:
    """Convolve every image with its own kernel; borders are mirrored.

    Args:
        images: Shape (N, C, H, W), floating point.
        psfs: Kernels, shape (N, k, k), k odd, on the same device.

    Returns:
        Shape (N, C, H, W).
    """
    size = psfs.shape[-1]
    for axis in (2, 3):
        images = mirrored(images, axis, size // 2, size // 2)
    # The Fourier transform makes the convolution circular; wrapped values fill the first size - 1 rows and
    # columns, which are cut off.
    shape = images.shape[-2:]
    product = torch.fft.rfft2(images) * torch.fft.rfft2(psfs.to(images.dtype), s=shape)[:, None]
    return torch.fft.irfft2(product, s=shape)[..., size - 1 :, size - 1 :]
