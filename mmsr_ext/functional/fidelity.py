"""PSNR, SSIM and the luma channel that they are usually computed on."""

from __future__ import annotations

import cv2
import torch
from torch import Tensor
from torch.nn import functional as F

WINDOW = 11


def luma(image: Tensor) -> Tensor:
    """Return the Y channel of BT.601 in limited range, 16 to 235, unrounded, as MATLAB's rgb2ycbcr does.

    Args:
        image: Shape (..., 3, H, W), RGB, in [0, 255].

    Returns:
        Shape (..., 1, H, W), float64.
    """
    red, green, blue = image.double().unbind(-3)
    return (16 + (65.481 * red + 128.553 * green + 24.966 * blue) / 255).unsqueeze(-3)


def psnr(x: Tensor, y: Tensor) -> Tensor:
    """Return the peak signal-to-noise ratio.

    >>> gt = torch.full((3, 16, 16), 100.0)
    >>> round(float(psnr(gt, gt + 1)), 2)  # an error of 1 of 255
    48.13

    Args:
        x: Shape (..., C, H, W), in [0, 255].
        y: As ``x``.

    Returns:
        Shape (...), in dB, float64; inf where the images are equal.
    """
    return 10 * torch.log10(255**2 / (x.double() - y).square().mean((-3, -2, -1)))


def ssim(x: Tensor, y: Tensor) -> Tensor:
    """Return the structural similarity, averaged over positions and channels.

    The window is a Gaussian of 11x11 px, sigma 1.5. Computed in float64, because the variances are small
    differences of large numbers.

    Source: Wang et al. 2004; K1 = 0.01, K2 = 0.03.

    >>> image = torch.arange(3 * 16 * 16.0).view(3, 16, 16) % 251
    >>> round(float(ssim(image, image)), 4)
    1.0

    Args:
        x: Shape (..., C, H, W), in [0, 255], H and W at least 11.
        y: As ``x``.

    Returns:
        Shape (...), float64.
    """
    pairs = zip(x.flatten(0, -3), y.flatten(0, -3))
    return torch.stack([_ssim_of_channel(*pair) for pair in pairs]).view(x.shape[:-2]).mean(-1)


def _ssim_of_channel(x: Tensor, y: Tensor) -> Tensor:
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    x, y = x.double(), y.double()
    mean_x, mean_y = _smooth(x), _smooth(y)
    # in place: on a CPU, allocating images takes longer than computing them
    product, squares = mean_x * mean_y, mean_x.square_().add_(mean_y.square_())
    covariance = _smooth(x * y).sub_(product)
    variances = _smooth(x.square().add_(y.square())).sub_(squares)  # of x and y together
    similar = product.mul_(2).add_(c1).mul_(covariance.mul_(2).add_(c2))
    return similar.div_(squares.add_(c1).mul_(variances.add_(c2))).mean()


def _smooth(x: Tensor) -> Tensor:
    """Filter an (H, W) image with the window, at the positions where the window fits."""
    window = cv2.getGaussianKernel(WINDOW, 1.5)
    if x.device.type == 'cpu':  # eight times as fast as torch
        inner = slice(WINDOW // 2, -(WINDOW // 2))
        return torch.from_numpy(cv2.sepFilter2D(x.numpy(), -1, window, window)[inner, inner])
    column = torch.from_numpy(window).to(x.device)
    return F.conv2d(F.conv2d(x[None, None], column[None, None]), column.T[None, None])[0, 0]
