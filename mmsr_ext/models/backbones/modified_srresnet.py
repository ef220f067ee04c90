"""BasicSR's MSRResNet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from torch import Tensor, nn
from torch.nn import functional as F

from ...arguments import Size
from ...registry import MODELS
from .generator import Generator
from .state_dict import length_of

# of the releases before 1.0, and of KAIR
FORMER_NAMES = {'recon_trunk.': 'body.', 'HRconv.': 'conv_hr.'}
SLOPE = 0.1


@MODELS.register_module()
class ModifiedSRResNet(Generator):
    """BasicSR's ``MSRResNet``: residual blocks without normalisation, and the bilinearly upsampled input.

    The defaults are BasicSR's: 1,517,571 parameters at x4. Names in the state_dict are BasicSR's, so its
    weights load; those of its first releases and of KAIR too. MMagic's ``MSRResNet`` is another function of
    the same weights: it has no activation after the upsampling.

    >>> import torch
    >>> ModifiedSRResNet(mid_channels=4, num_blocks=1)(torch.rand(1, 3, 12, 10)).shape
    torch.Size([1, 3, 48, 40])

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        mid_channels: Width of the trunk.
        num_blocks: Residual blocks.
        scale: 2, 3 or 4.
        init_cfg: See MMEngine's BaseModule.

    Raises:
        InputError: For another scale.
    """

    basicsr = 'MSRResNet'

    def __init__(
        self,
        in_channels: Size = 3,
        out_channels: Size = 3,
        mid_channels: Size = 64,
        num_blocks: Size = 16,
        scale: Literal[2, 3, 4] = 4,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.scale = scale
        width = mid_channels
        self.conv_first = nn.Conv2d(in_channels, width, 3, padding=1)
        self.body = nn.Sequential(*[_Block(width) for _ in range(num_blocks)])
        self.factor = 2 if scale == 4 else scale
        self.upconv1 = nn.Conv2d(width, self.factor**2 * width, 3, padding=1)
        if scale == 4:
            self.upconv2 = nn.Conv2d(width, 4 * width, 3, padding=1)
        self.conv_hr = nn.Conv2d(width, width, 3, padding=1)
        self.conv_last = nn.Conv2d(width, out_channels, 3, padding=1)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d) and layer.bias is not None:
                nn.init.kaiming_normal_(layer.weight)
                layer.weight.data.mul_(0.1)
                nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) in [0, 1] to (N, C, h * scale, w * scale)."""
        features = self.body(_act(self.conv_first(x)))
        for conv in [self.upconv1, self.upconv2] if self.scale == 4 else [self.upconv1]:
            features = _act(F.pixel_shuffle(conv(features), self.factor))
        out = self.conv_last(_act(self.conv_hr(features)))
        return out + F.interpolate(x, scale_factor=self.scale, mode='bilinear', align_corners=False)

    @classmethod
    def recognise(cls, weights: Mapping[str, Tensor]) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
        """Read the hyper-parameters off the weights, which may have the names of BasicSR's first releases."""
        weights = {_own_name(key): value for key, value in weights.items()}
        if not {'conv_first.weight', 'body.0.conv1.weight', 'upconv1.weight', 'conv_hr.weight'} <= set(
            weights
        ):
            return None
        width, in_channels = weights['conv_first.weight'].shape[:2]
        first = {4 * width: 2, 9 * width: 3}.get(len(weights['upconv1.weight']))
        if first is None:
            return None
        args = dict(
            in_channels=in_channels,
            out_channels=len(weights['conv_last.weight']),
            mid_channels=width,
            num_blocks=length_of(weights, 'body'),
            scale=4 if 'upconv2.weight' in weights else first,
        )
        return args, weights


class _Block(nn.Module):
    """conv, ReLU, conv, plus the input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(self.conv1(x).relu())


def _act(x: Tensor) -> Tensor:
    return F.leaky_relu(x, SLOPE, inplace=True)


def _own_name(key: str) -> str:
    for former, own in FORMER_NAMES.items():
        if key.startswith(former):
            return own + key.removeprefix(former)
    return key
