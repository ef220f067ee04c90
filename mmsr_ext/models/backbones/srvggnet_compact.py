"""The compact generator of Real-ESRGAN."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Literal

from torch import Tensor, nn
from torch.nn import functional as F

from ...arguments import Size
from ...errors import InputError
from ...registry import MODELS
from .generator import Generator
from .state_dict import length_of

ACTIVATIONS = {
    'relu': lambda channels: nn.ReLU(inplace=True),
    'prelu': lambda channels: nn.PReLU(channels),
    'leakyrelu': lambda channels: nn.LeakyReLU(0.1, inplace=True),
}


@MODELS.register_module()
class SRVGGNetCompact(Generator):
    """Plain 3x3 convolutions at the input's size and one PixelShuffle, added to the nearest-neighbour image.

    Source: Real-ESRGAN's released general-x4v3 (64 channels, 32 convolutions) and animevideov3 (16). The keys
    are BasicSR's.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output; equal to ``in_channels``, which are added to it.
        mid_channels: Width.
        num_convs: Convolutions between the first and the last.
        scale: Output size / input size.
        act_type: 'relu', 'prelu' (a slope a channel) or 'leakyrelu' (slope 0.1).
        init_cfg: See MMEngine's BaseModule.

    Raises:
        InputError: For an unknown activation, unequal channels, or a scale below 1.
    """

    basicsr = True

    def __init__(
        self,
        in_channels: Size = 3,
        out_channels: Size = 3,
        mid_channels: Size = 64,
        num_convs: Size = 32,
        scale: Size = 4,
        act_type: Literal['relu', 'prelu', 'leakyrelu'] = 'prelu',
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if in_channels != out_channels:
            raise InputError(
                f'SRVGGNetCompact: in_channels={in_channels!r} and out_channels={out_channels!r} must be '
                'equal.'
            )
        self.scale = scale
        layers: list[nn.Module] = []
        for channels in [in_channels] + [mid_channels] * num_convs:
            layers += [nn.Conv2d(channels, mid_channels, 3, padding=1), ACTIVATIONS[act_type](mid_channels)]
        self.body = nn.Sequential(*layers, nn.Conv2d(mid_channels, out_channels * scale**2, 3, padding=1))
        self.upsampler = nn.PixelShuffle(scale)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) in [0, 1] to (N, C, h * scale, w * scale)."""
        return self.upsampler(self.body(x)) + F.interpolate(x, scale_factor=self.scale, mode='nearest')

    @classmethod
    def spandrel(cls, arguments: Mapping[str, Any], names: str) -> str | None:
        """Say as which architecture spandrel loads the weights."""
        return 'Compact' if arguments['act_type'] == 'prelu' else None

    @classmethod
    def recognise(cls, weights: Mapping[str, Tensor]) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
        """Read the hyper-parameters off the weights of a network with PReLU; other activations have none."""
        last = f'body.{length_of(weights, "body") - 1}.weight'
        if not {'body.0.weight', 'body.1.weight', last} <= weights.keys():
            return None
        if not all(re.fullmatch(r'body\.\d+\.\w+', key) for key in weights):
            return None
        if [weights[key].ndim for key in ('body.0.weight', 'body.1.weight', last)] != [4, 1, 4]:
            return None
        width, channels = weights['body.0.weight'].shape[:2]
        scale = math.isqrt(weights[last].shape[0] // channels)
        if channels * scale**2 != weights[last].shape[0]:
            return None
        num_convs = length_of(weights, 'body') // 2 - 1
        args = dict(
            in_channels=channels,
            out_channels=channels,
            mid_channels=width,
            num_convs=num_convs,
            scale=scale,
            act_type='prelu',
        )
        return args, dict(weights)
