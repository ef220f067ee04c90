"""EnhanceNet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from torch import Tensor, nn

from ...arguments import Size
from ...errors import InputError
from ...functional import imresize
from ...registry import MODELS
from .generator import Generator
from .state_dict import length_of


@MODELS.register_module()
class EnhanceNet(Generator):
    """Residual network that adds detail to the bicubically upsampled input (Sajjadi et al. 2017, table 1).

    Residual blocks without normalisation, and nearest-neighbour upsampling followed by a convolution against
    checkerboard patterns. The defaults are the paper's network, 852,867 parameters.

    Args:
        channels: Channels of the input and the output.
        mid_channels: Width of the trunk.
        num_blocks: Residual blocks.
        scale: 2, 4 or 8; one upsampling stage a factor of 2.
        init_cfg: See MMEngine's BaseModule.
        in_channels: The same as ``channels``, by the name that other generators have for it.
        out_channels: The same; the output has the channels of the input, to which it is added.

    Raises:
        InputError: For another scale, or for channels that differ.
    """

    def __init__(
        self,
        channels: Size = 3,
        mid_channels: Size = 64,
        num_blocks: Size = 10,
        scale: Literal[2, 4, 8] = 4,
        init_cfg: dict | None = None,
        in_channels: Size | None = None,
        out_channels: Size | None = None,
    ) -> None:
        super().__init__(init_cfg)
        given = {value for value in (in_channels, out_channels) if value is not None}
        if len(given) > 1 or (given and channels not in (3, *given)):
            raise InputError(
                f'EnhanceNet: channels={channels}, in_channels={in_channels} and out_channels={out_channels} '
                'must be equal, because the input is added to the output. Give channels alone.'
            )
        channels = given.pop() if given else channels
        self.scale = scale
        width = mid_channels
        self.head = nn.Sequential(nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True))
        self.body = nn.Sequential(*[_Block(width) for _ in range(num_blocks)])
        stages = []
        for _ in range(scale.bit_length() - 1):
            stages += [
                nn.Upsample(scale_factor=2, mode='nearest'),
                nn.Conv2d(width, width, 3, padding=1),
                nn.ReLU(inplace=True),
            ]
        self.upsample = nn.Sequential(*stages)
        self.tail = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, channels, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) in [0, 1] to (N, C, h * scale, w * scale)."""
        return imresize(x, self.scale) + self.tail(self.upsample(self.body(self.head(x))))

    @classmethod
    def recognise(cls, weights: Mapping[str, Tensor]) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
        """Read the hyper-parameters off the weights."""
        if (
            not {'head.0.weight', 'body.0.conv1.weight', 'upsample.1.weight', 'tail.2.weight'}
            <= weights.keys()
        ):
            return None
        width, channels = weights['head.0.weight'].shape[:2]
        scale = 2 ** ((length_of(weights, 'upsample') + 1) // 3)
        return dict(
            channels=channels, mid_channels=width, num_blocks=length_of(weights, 'body'), scale=scale
        ), dict(weights)


class _Block(nn.Module):
    """conv, ReLU, conv, plus the input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(self.conv1(x).relu())
