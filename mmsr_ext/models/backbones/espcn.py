"""ESPCN."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from ...arguments import Size
from ...errors import InputError
from ...registry import MODELS
from .generator import Generator


@MODELS.register_module()
class ESPCN(Generator):
    """Efficient sub-pixel network: three convolutions with tanh on the small image, then a PixelShuffle.

    The defaults are the paper's layers (5x5x64, 3x3x32, 3x3) on colour images; the paper's network takes the
    Y channel alone (``in_channels=1, out_channels=1``).

    Source: Shi et al. 2016, section 3.2, with the tanh of section 4.3.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        mid_channels: Width of the first and the second layer.
        kernel_sizes: Odd sizes of the three kernels.
        scale: At least 2.
        init_cfg: See MMEngine's BaseModule.

    Raises:
        InputError: For a scale below 2 or an even kernel size.
    """

    def __init__(
        self,
        in_channels: Size = 3,
        out_channels: Size = 3,
        mid_channels: tuple[Size, Size] = (64, 32),
        kernel_sizes: tuple[Size, Size, Size] = (5, 3, 3),
        scale: Size = 4,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if not isinstance(scale, int) or scale < 2:
            raise InputError(f'ESPCN: scale={scale!r} must be an integer of at least 2.')
        if any(size % 2 == 0 for size in kernel_sizes):
            raise InputError(
                f'ESPCN: kernel_sizes={kernel_sizes!r} must be odd, so that the image keeps its size.'
            )
        self.scale = scale
        widths = (in_channels, *mid_channels, out_channels * scale**2)
        self.conv1, self.conv2, self.conv3 = (
            nn.Conv2d(inner, outer, size, padding=size // 2)
            for inner, outer, size in zip(widths, widths[1:], kernel_sizes)
        )
        self.shuffle = nn.PixelShuffle(scale)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) in [0, 1] to (N, C, h * scale, w * scale)."""
        return self.shuffle(self.conv3(self.conv2(self.conv1(x).tanh()).tanh()))

    @classmethod
    def recognise(cls, weights: Mapping[str, Tensor]) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
        """Read the hyper-parameters off the weights; equal input and output channels tell the scale."""
        names = ('conv1', 'conv2', 'conv3')
        if set(weights) != {f'{name}.{part}' for name in names for part in ('weight', 'bias')}:
            return None
        shapes = [weights[f'{name}.weight'].shape for name in names]
        channels = shapes[0][1]
        scale = math.isqrt(shapes[2][0] // channels)
        if scale < 2 or channels * scale**2 != shapes[2][0]:
            return None  # MMagic's SRCNN has the same names
        args = dict(
            in_channels=channels,
            out_channels=channels,
            mid_channels=(shapes[0][0], shapes[1][0]),
            kernel_sizes=tuple(shape[2] for shape in shapes),
            scale=scale,
        )
        return args, dict(weights)
