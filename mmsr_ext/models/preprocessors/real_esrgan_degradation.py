"""The degradation of Real-ESRGAN."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import torch
from mmagic.structures import DataSample
from torch import Tensor
from torch.nn import functional as F

from ...arguments import Count, Size
from ...errors import InputError
from ...functional import add_gaussian_noise, add_poisson_noise, filter2d, jpeg, jpeg_file, usm_sharpen
from ...registry import MODELS
from .degradation_stage import (
    RESIZE_MODES,
    Stage,
    StageDraw,
    check_probability,
    check_sizes,
    choice,
    draw_sinc_kernel,
)
from .image_preprocessor import ImagePreprocessor, convert, draws_of, order_of
from .pair_pool import PairPool

SECOND: dict[str, Any] = dict(
    blur_prob=0.8,
    sigma=(0.2, 1.5),
    resize_probs=(0.3, 0.4, 0.3),
    resize_range=(0.3, 1.2),
    gaussian_sigma=(1.0, 25.0),
    poisson_scale=(0.05, 2.5),
)
JPEG = {'simulated': jpeg, 'file': jpeg_file}
# which of a sample's independent sequences of random numbers; its dataset uses sequence 0
DEGRADATION, POOL = 2, 3


@MODELS.register_module()
class RealESRGANDegradation(ImagePreprocessor):
    """Makes LQ from GT by two rounds of blur, resizing, noise and JPEG with random parameters, on the device.

    In training it takes samples whose only image is GT and returns pairs in [0, 1], RGB. In validation it
    takes LQ/GT pairs, as ``ImagePreprocessor`` with mean 0 and standard deviation 255 does.

    Every sample has its own parameters, and all that is random follows from the sample's ``seed`` and
    ``position`` (as ``mmsr_ext.datasets`` puts them into its meta information) alone, not from the device,
    the batch size or the number of workers: the parameters are drawn on the CPU, the noise of each pixel is a
    hash of a drawn key and the pixel's number. Images are degraded one after the other, because each has
    sizes of its own.

    Source: Wang et al. 2021 (Real-ESRGAN), sections 3 and 4.1; the defaults are the figures of its released
    options.

    Args:
        scale: GT size / LQ size.
        gt_size: Height and width of the GT crops, a multiple of ``scale``. They are cut after the
            degradation, out of what the dataset gives, which is the same or larger (400 in the released code)
            so that crops have no degraded borders.
        first: Changes to the first round, see ``Stage``.
        second: Changes to the second round, whose defaults are the paper's.
        final_sinc_prob: Probability of a sinc filter at the end.
        final_sinc_sizes: Its sizes to choose from.
        jpeg_mode: 'simulated' on the device, or 'file' with libjpeg on the CPU, for which the device is
            waited for.
        gt_usm: ``gt_img`` is sharpened by unsharp masking, and LQ made from the sharpened image.
        gan_gt_usm: With ``gt_usm``, the discriminator too sees sharpened images; else ``gan_gt_img`` holds
            the plain ones.
        pool_size: Pairs in the pool out of which batches are mixed; see ``PairPool``. 0 for none.
        channels: Channels of the images: 3, or 1 for grey and for Y, as the dataset's ``channels``.

    Raises:
        InputError: When built, for a value out of range; at the first batch, for samples without seed and
            position, or too small images.
    """

    def __init__(
        self,
        scale: Size = 4,
        gt_size: Size = 256,
        first: dict | None = None,
        second: dict | None = None,
        final_sinc_prob: float = 0.8,
        final_sinc_sizes: tuple[int, ...] = (7, 9, 11, 13, 15, 17, 19, 21),
        jpeg_mode: Literal['simulated', 'file'] = 'simulated',
        gt_usm: bool = True,
        gan_gt_usm: bool = False,
        pool_size: Count = 180,
        channels: Literal[1, 3] = 3,
    ) -> None:
        super().__init__(mean=0.0, std=255.0, output_channel_order='RGB')
        if gt_size % scale or gt_size < 32:
            raise InputError(
                f'RealESRGANDegradation: gt_size={gt_size!r} must be a multiple of the scale, {scale}, and '
                'at least 32.'
            )
        check_probability('final_sinc_prob', final_sinc_prob)
        check_sizes('final_sinc_sizes', final_sinc_sizes)
        self.scale = scale
        self.gt_size = gt_size
        self.stages = Stage().with_changes(first), Stage(**SECOND).with_changes(second)
        self.final_sinc_prob = final_sinc_prob
        self.final_sinc_sizes = tuple(final_sinc_sizes)
        self.jpeg = JPEG[jpeg_mode]
        self.gt_usm = gt_usm
        self.gan_gt_usm = gan_gt_usm
        self.channels = channels
        lq_size = gt_size // scale
        shapes = (channels, lq_size, lq_size), (channels, gt_size, gt_size)
        self.pool = PairPool(pool_size, *shapes) if pool_size else None

    @torch.no_grad()
    def makes_lq(self, training: bool) -> bool:
        """See ``ImagePreprocessor``."""
        return training

    def forward(self, data: dict, training: bool = False) -> dict[str, Tensor | DataSample]:
        """Make a batch for the network.

        Args:
            data: As ``ImagePreprocessor`` takes it; in training GT is uint8, (C, H, W) each, and LQ is not
                used.
            training: Degrade, or pass pairs through.

        Returns:
            ``inputs`` (N, C, h, w) and ``data_samples`` with ``gt_img``, and ``gan_gt_img`` where it differs.
        """
        if not training:
            return super().forward(data, training)
        gt, draws = self._read(data)
        self._check_size(gt)
        source = gt.float() / 255
        if self.gt_usm:
            source = usm_sharpen(source)
        pairs = [
            self._pair(one, target, _rng(*draw, DEGRADATION)) for one, target, draw in zip(source, gt, draws)
        ]
        lq, gt = (torch.stack(images) for images in zip(*pairs))
        if self.pool is not None:
            lq, gt = self.pool.exchange(lq, gt, _rng(*draws[0], POOL))
        lq, gt = lq.float() / 255, gt.float() / 255
        if not self.gt_usm:
            return {'inputs': lq, 'data_samples': DataSample(gt_img=gt)}
        # anew, because the pool keeps plain images, which are what the discriminator sees
        sharp = usm_sharpen(gt)
        return {
            'inputs': lq,
            'data_samples': DataSample(gt_img=sharp, gan_gt_img=sharp if self.gan_gt_usm else gt),
        }

    def _read(self, data: dict) -> tuple[Tensor, list[tuple[int, int]]]:
        """Return GT images on the device, uint8, RGB, and (seed, position) of each."""
        samples = self.read(data, with_lq=False)[1]
        draws, gt = draws_of(samples), None if isinstance(samples, list) else samples.get('gt_img')
        if gt is None or draws is None:
            raise InputError(
                'RealESRGANDegradation needs samples with gt_img, seed and position. Use the dataset '
                'ImageDataset with the sampler InfiniteDraws.'
            )
        if gt.dtype != torch.uint8 or gt.shape[1] != self.channels:
            raise InputError(
                f'RealESRGANDegradation: gt_img must be uint8 with {self.channels} channels, but is '
                f'{gt.dtype} with {gt.shape[1]}. Set channels of the dataset and of the data_preprocessor to '
                'the same number, and pack images of 8 bits.'
            )
        return convert(gt, order_of(samples, 'gt', self.channels), 'RGB')[0], draws

    def _check_size(self, gt: Tensor) -> None:
        edge = min(gt.shape[-2:])
        if edge < self.gt_size or gt.shape[-2] % self.scale or gt.shape[-1] % self.scale:
            raise InputError(
                f'RealESRGANDegradation: GT of {gt.shape[-2]}x{gt.shape[-1]} must be a multiple of the '
                f'scale, {self.scale}, and at least gt_size, {self.gt_size}. Set gt_size of the dataset.'
            )
        first, second = self.stages
        smallest = int(edge * (first.resize_range[0] if first.resize_probs[1] else 1))
        for what, prob, sizes, size in [
            ('the first blur', first.blur_prob, first.kernel_sizes, edge),
            ('the second blur', second.blur_prob, second.kernel_sizes, smallest),
            ('the final sinc filter', self.final_sinc_prob, self.final_sinc_sizes, edge // self.scale),
        ]:
            if prob and max(sizes) // 2 >= size:
                raise InputError(
                    f'RealESRGANDegradation: GT of {edge} px may be only {size} px large when it comes to '
                    f'{what}, too small for a kernel of {max(sizes)}. Set a larger gt_size of the dataset, '
                    'or smaller kernel sizes.'
                )

    def _pair(self, source: Tensor, gt: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Degrade one image (C, H, W) in [0, 1], and crop it and its GT; return both in uint8."""
        first, second = (stage.draw(rng) for stage in self.stages)
        final_mode, final_size = choice(rng, RESIZE_MODES), choice(rng, self.final_sinc_sizes)
        final_kernel = (
            draw_sinc_kernel(rng, final_size, math.pi / 3) if rng.random() < self.final_sinc_prob else None
        )
        jpeg_first = rng.random() < 0.5
        edge, small = self.gt_size // self.scale, (gt.shape[-2] // self.scale, gt.shape[-1] // self.scale)
        top, left = (int(rng.integers(extent - edge + 1)) for extent in small)

        x = self._until_noise(source[None], first, (source.shape[-2], source.shape[-1]))
        x = self.jpeg(x, first.quality)
        x = self._until_noise(x, second, small)
        if jpeg_first:
            x = self.jpeg(x, second.quality)
        x = _resize(x, small, final_mode)
        if final_kernel is not None:
            x = filter2d(x, final_kernel)
        if not jpeg_first:
            x = self.jpeg(x, second.quality)
        lq = (x[0].clamp(0, 1) * 255).round().to(torch.uint8)
        rows, columns = (slice(start * self.scale, (start + edge) * self.scale) for start in (top, left))
        return lq[:, top : top + edge, left : left + edge], gt[:, rows, columns]

    def _until_noise(self, x: Tensor, draw: StageDraw, size: tuple[int, int]) -> Tensor:
        if draw.kernel is not None:
            x = filter2d(x, draw.kernel)
        x = _resize(x, [max(1, int(extent * draw.scale)) for extent in size], draw.resize_mode)
        add_noise = add_gaussian_noise if draw.gaussian else add_poisson_noise
        return add_noise(x[0], draw.noise_level, draw.grey, draw.noise_key)[None]


def _rng(seed: int, position: int, sequence: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=[seed, position], counter=[0, 0, 0, sequence]))


def _resize(x: Tensor, size: Any, mode: str) -> Tensor:
    if tuple(x.shape[-2:]) == tuple(size):
        return x
    return F.interpolate(x, tuple(size), mode=mode, align_corners=None if mode == 'area' else False)
