"""What EDSR and RCAN have in common."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from torch import Tensor, nn, tensor

from ...errors import InputError
from .generator import Generator

DIV2K_MEAN = (0.4488, 0.4371, 0.4040)


class ResidualTrunk(Generator):
    """Convolution, blocks with a skip around them, PixelShuffle stages, convolution, on mean-free images.

    The names in the state_dict are BasicSR's.

    Args:
        blocks: The blocks of the trunk, (N, mid_channels, h, w) to the same.
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        mid_channels: Width of the trunk.
        scale: 2, 3, 4 or 8.
        img_range: The network works on images with values from 0 to this; weights of the papers' authors and
            BasicSR expect 255.
        rgb_mean: Mean of the training images by channel, in [0, 1]. The default is DIV2K's.
        init_cfg: See MMEngine's BaseModule.

    Raises:
        InputError: For another scale, or a mean that does not have a value for every channel.
    """

    def __init__(
        self,
        blocks: Sequence[nn.Module],
        in_channels: int,
        out_channels: int,
        mid_channels: int,
        scale: Literal[2, 3, 4, 8],
        img_range: float,
        rgb_mean: tuple[float, ...],
        init_cfg: dict | None,
    ) -> None:
        super().__init__(init_cfg)
        name = type(self).__name__
        if not len(rgb_mean) == in_channels == out_channels:
            raise InputError(
                f'{name}: rgb_mean={rgb_mean!r} is subtracted from the input and added to the output, so it '
                f'needs a value for each of the channels; in_channels={in_channels}, '
                f'out_channels={out_channels}.'
            )
        self.scale = scale
        self.img_range = img_range
        self.register_buffer('mean', tensor(rgb_mean).view(1, -1, 1, 1), persistent=False)
        self.conv_first = nn.Conv2d(in_channels, mid_channels, 3, padding=1)
        self.body = nn.Sequential(*blocks)
        self.conv_after_body = nn.Conv2d(mid_channels, mid_channels, 3, padding=1)
        stages = []
        for factor in [3] if scale == 3 else [2] * (scale.bit_length() - 1):
            stages += [
                nn.Conv2d(mid_channels, factor**2 * mid_channels, 3, padding=1),
                nn.PixelShuffle(factor),
            ]
        self.upsample = nn.Sequential(*stages)
        self.conv_last = nn.Conv2d(mid_channels, out_channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) in [0, 1] to (N, C, h * scale, w * scale)."""
        features = self.conv_first((x - self.mean) * self.img_range)
        features = features + self.conv_after_body(self.body(features))
        return self.conv_last(self.upsample(features)) / self.img_range + self.mean


def trunk_arguments(weights: Mapping[str, Tensor]) -> dict[str, Any] | None:
    """Return the arguments that EDSR and RCAN share, from a state_dict's shapes; None if it is of neither."""
    stages = [weights[key] for key in sorted(weights) if re.fullmatch(r'upsample\.\d+\.weight', key)]
    if (
        not stages
        or not {'conv_first.weight', 'conv_after_body.weight', 'conv_last.weight'} <= weights.keys()
    ):
        return None
    width, channels = weights['conv_first.weight'].shape[:2]
    scale = 3 if stages[0].shape[0] == 9 * width else 2 ** len(stages)
    return dict(
        in_channels=channels,
        out_channels=weights['conv_last.weight'].shape[0],
        mid_channels=width,
        scale=scale,
    )
