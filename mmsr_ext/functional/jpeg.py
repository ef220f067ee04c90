"""JPEG compression, computed on the device or by libjpeg."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Literal

import torch
import torchvision
from torch import Tensor
from torch.nn import functional as F

from ..arguments import check_value
from ..errors import InputError

# The example tables of ITU-T T.81, annex K, which libjpeg and OpenCV scale by the quality.
LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
CHROMINANCE = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *((99,) * 8,) * 4,
)
TO_YCBCR = ((0.299, 0.587, 0.114), (-0.168735892, -0.331264108, 0.5), (0.5, -0.418687589, -0.081312411))
TO_RGB = ((1, 0, 1.402), (1, -0.344136286, -0.714136286), (1, 1.772, 0))
Subsampling = Literal['4:2:0', '4:4:4']


def jpeg(image: Tensor, quality: int | Sequence[int] | Tensor, subsampling: Subsampling = '4:2:0') -> Tensor:
    """Compress and decompress images as libjpeg does, on their device.

    Differentiable: rounding passes gradients through unchanged; clipped values get none.

    >>> image = torch.full((1, 3, 16, 16), 0.5)
    >>> jpeg(image, quality=90).shape
    torch.Size([1, 3, 16, 16])

    Source: ITU-T T.81 (1992), with libjpeg's colour conversion, table scaling and chroma interpolation.

    Args:
        image: Shape (N, 3, H, W), RGB in [0, 1], or (N, 1, H, W), grey; rounded to 8 bits first, as in a
            file.
        quality: 1 to 100, one value for all images or one per image.
        subsampling: '4:2:0' for chroma at half the height and width, or '4:4:4'.

    Returns:
        The same shape, in [0, 1], in steps of 1 / 255.

    Raises:
        InputError: For a quality or subsampling out of range.
    """
    check_value('jpeg: subsampling', subsampling, Subsampling)
    luminance, chrominance = (table.to(image, non_blocking=True) for table in quantisation_tables(quality))
    if image.shape[1] == 1:
        return _jpeg_of_grey(image, luminance)
    factor = 2 if subsampling == '4:2:0' else 1
    h, w = image.shape[-2:]
    block = 8 * factor
    to_ycbcr, to_rgb, offset = _colours(image.device)
    offset = offset.to(image.dtype)
    x = F.pad(_round(image.clamp(0, 1) * 255), (0, -w % block, 0, -h % block), mode='replicate')
    x = _round(_convert(to_ycbcr, x) + offset)
    luma, chroma = x[:, :1], x[:, 1:]
    if factor == 2:
        chroma = _round(F.avg_pool2d(chroma, 2))
    luma, chroma = _compress(luma, luminance), _compress(chroma, chrominance)
    if factor == 2:
        # exclude the padding beyond the last chroma sample from the interpolation
        chroma = chroma[..., : math.ceil(h / 2), : math.ceil(w / 2)]
        chroma = F.interpolate(chroma, scale_factor=2, mode='bilinear', align_corners=False)
    x = torch.cat([luma[..., :h, :w], chroma[..., :h, :w]], 1) - offset
    return _round(_convert(to_rgb, x)).clamp(0, 255) / 255


def _jpeg_of_grey(image: Tensor, table: Tensor) -> Tensor:
    h, w = image.shape[-2:]
    x = F.pad(_round(image.clamp(0, 1) * 255), (0, -w % 8, 0, -h % 8), mode='replicate')
    return _compress(x, table)[..., :h, :w] / 255


def jpeg_file(image: Tensor, quality: int | Sequence[int]) -> Tensor:
    """Compress and decompress images with libjpeg itself, on the CPU, with '4:2:0' chroma.

    Args:
        image: Shape (N, 3, H, W), RGB in [0, 1], or (N, 1, H, W), grey.
        quality: 1 to 100, one value for all images or one per image.

    Returns:
        The same shape, in [0, 1], in steps of 1 / 255, on the image's device, without gradient.
    """
    qualities = [quality] * len(image) if isinstance(quality, int) else quality
    pixels = (image.detach().clamp(0, 1) * 255).round().to(torch.uint8).cpu()
    files = [torchvision.io.encode_jpeg(one, int(q)) for one, q in zip(pixels, qualities, strict=True)]
    return torch.stack([torchvision.io.decode_jpeg(file) for file in files]).to(image) / 255


def quantisation_tables(quality: int | Sequence[int] | Tensor) -> tuple[Tensor, Tensor]:
    """Return the luminance and chrominance tables as libjpeg scales them.

    Args:
        quality: 1 to 100, one value or one per image.

    Returns:
        Two tables, shape (N, 8, 8), integers in [1, 255] as float32, on the CPU; N = 1 for a single quality.

    Raises:
        InputError: For a quality out of range, or one that is not an integer.
    """
    quality = torch.as_tensor(quality).reshape(-1, 1, 1).cpu()
    if quality.is_floating_point() or ((quality < 1) | (quality > 100)).any():
        raise InputError(f'jpeg: quality={quality.flatten().tolist()} must be integers from 1 to 100.')
    percent = torch.where(quality < 50, 5000 // quality, 200 - 2 * quality)
    scaled = ((torch.tensor(table) * percent + 50) // 100 for table in (LUMINANCE, CHROMINANCE))
    luminance, chrominance = (table.clamp(1, 255).float() for table in scaled)
    return luminance, chrominance


def _convert(matrix: Tensor, x: Tensor) -> Tensor:
    """Convert colours in float64: float32 products may be rounded to TF32, or to half under autocast."""
    return torch.einsum('ij,njhw->nihw', matrix, x.double()).to(x.dtype)


def _compress(x: Tensor, table: Tensor) -> Tensor:
    """Transform 8x8 blocks, quantise, and transform back: (N, C, H, W) to integers in [0, 255].

    Computed in float64, for the reason given in ``_convert``.
    """
    n, c, h, w = x.shape
    transform = _dct(x.device)
    blocks = (
        (x.double() - 128).reshape(n, c, h // 8, 8, w // 8, 8).permute(0, 1, 2, 4, 3, 5).reshape(n, c, -1, 64)
    )
    step = table.reshape(-1, 1, 1, 64)
    blocks = (_round(blocks @ transform.T / step) * step) @ transform
    x = blocks.reshape(n, c, h // 8, w // 8, 8, 8).permute(0, 1, 2, 4, 3, 5).reshape(n, c, h, w).to(x.dtype)
    return _round(x + 128).clamp(0, 255)


@cache
@torch.inference_mode(False)  # the cached tensors are used in training too
def _colours(device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    constants = TO_YCBCR, TO_RGB, [[[0]], [[128]], [[128]]]
    first, second, offset = (torch.tensor(one, dtype=torch.float64, device=device) for one in constants)
    return first, second, offset


@cache
@torch.inference_mode(False)
def _dct(device: torch.device) -> Tensor:
    """Return the orthonormal DCT-II of 8x8 blocks, flattened row by row, as one (64, 64) matrix."""
    index = torch.arange(8, dtype=torch.float64)
    rows = torch.cos((2 * index + 1) * index[:, None] * math.pi / 16) / 2
    rows[0] /= math.sqrt(2)
    return torch.kron(rows, rows).to(device)


def _round(x: Tensor) -> Tensor:
    return x + (x.round() - x).detach()
