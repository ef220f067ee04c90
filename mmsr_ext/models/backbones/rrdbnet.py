"""RRDBNet, the generator of ESRGAN."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from ...arguments import Size
from ...errors import InputError
from ...registry import MODELS
from .generator import Generator
from .state_dict import length_of

RESIDUAL_SCALE = 0.2
INIT_SCALE = 0.1
NEGATIVE_SLOPE = 0.2

# ESRGAN's two earlier namings: of its first release (model.0, ...), and of its second, which KAIR has too
# (RRDB_trunk, ...)
OLD_NAMES = [
    (re.compile(pattern), name)
    for pattern, name in [
        (r'model\.1\.sub\.(\d+)\.RDB(\d)\.conv(\d)\.0\.', r'body.\1.rdb\2.conv\3.'),
        (r'RRDB_trunk\.(\d+)\.RDB(\d)\.conv(\d)\.', r'body.\1.rdb\2.conv\3.'),
        (r'(model\.1\.sub\.\d+|trunk_conv)\.(?=weight|bias)', 'conv_body.'),
        (r'model\.0\.', 'conv_first.'),
        (r'(model\.3|upconv1)\.', 'conv_up1.'),
        (r'(model\.6|upconv2)\.', 'conv_up2.'),
        (r'(model\.8|HRconv)\.', 'conv_hr.'),
        (r'model\.10\.', 'conv_last.'),
    ]
]


@MODELS.register_module()
class RRDBNet(Generator):
    """Network of residual-in-residual dense blocks, without batch normalisation.

    The names in its state_dict are BasicSR's. Equals MMagic's ``RRDBNet`` on the same weights, and further
    takes any image size at scales 1 and 2, and checkpoints activations.

    Sources: Wang et al. 2018 (ESRGAN), section 3.1 and figure 4; Wang et al. 2021 (Real-ESRGAN), section 3.4,
    for scales 1 and 2, where a pixel-unshuffle first reduces the image 4 and 2 times.

    >>> network = RRDBNet(mid_channels=8, num_blocks=1, growth_channels=4, scale=2)
    >>> network(torch.rand(1, 3, 12, 10)).shape
    torch.Size([1, 3, 24, 20])

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        mid_channels: Width of the trunk.
        num_blocks: Blocks of the trunk; the paper has 23, and 16 in a smaller variant.
        growth_channels: Channels that each convolution of a dense block adds.
        scale: 1, 2 or 4.
        with_cp: Keep the blocks' inputs alone for the backward pass and compute the rest anew: less memory
            for one more forward pass. The gradients are the same.
        init_cfg: See MMEngine's BaseModule. Without it: Kaiming's normal initialisation times 0.1, biases 0.
        upscale_factor: MMagic's name of ``scale``.

    Raises:
        InputError: For another scale, or two of them.
    """

    basicsr = True
    mmagic = True

    def __init__(
        self,
        in_channels: Size = 3,
        out_channels: Size = 3,
        mid_channels: Size = 64,
        num_blocks: Size = 23,
        growth_channels: Size = 32,
        scale: Literal[1, 2, 4] = 4,
        with_cp: bool = False,
        init_cfg: dict | None = None,
        upscale_factor: Literal[1, 2, 4] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if upscale_factor is not None:
            if scale not in (4, upscale_factor):
                raise InputError(
                    f'RRDBNet: scale={scale} and upscale_factor={upscale_factor} are one thing; give one.'
                )
            scale = upscale_factor
        self.scale = scale
        self.unshuffle = 4 // scale
        self.with_cp = with_cp
        width = mid_channels
        self.conv_first = _conv(in_channels * self.unshuffle**2, width)
        self.body = nn.Sequential(*[RRDB(width, growth_channels) for _ in range(num_blocks)])
        self.conv_body = _conv(width, width)
        self.conv_up1 = _conv(width, width)
        self.conv_up2 = _conv(width, width)
        self.conv_hr = _conv(width, width)
        self.conv_last = _conv(width, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) in [0, 1] to (N, C, h * scale, w * scale).

        At scales 1 and 2 a size that is no multiple of 4 and 2 is extended to one by reflection, and the
        output cropped.
        """
        height, width = x.shape[-2:]
        if self.unshuffle > 1:
            x = F.pad(x, (0, -width % self.unshuffle, 0, -height % self.unshuffle), mode='reflect')
            x = F.pixel_unshuffle(x, self.unshuffle)
        features = self.conv_first(x)
        features = features + self.conv_body(self._trunk(features))
        for conv in (self.conv_up1, self.conv_up2):
            features = _activate(conv(F.interpolate(features, scale_factor=2, mode='nearest')))
        return self.conv_last(_activate(self.conv_hr(features)))[
            ..., : height * self.scale, : width * self.scale
        ]

    def _trunk(self, x: Tensor) -> Tensor:
        if not (self.with_cp and torch.is_grad_enabled()):
            return self.body(x)
        for block in self.body:
            x = checkpoint(block, x, use_reentrant=False, preserve_rng_state=False)
        return x

    @classmethod
    def spandrel(cls, arguments: Mapping[str, Any], names: str) -> str | None:
        """Say as which architecture spandrel loads the weights."""
        if arguments['growth_channels'] != 32 or arguments['in_channels'] != arguments['out_channels']:
            return None
        border = 'It extends images to multiples of 4 pixels in its own way, which changes their border.'
        return f'ESRGAN. {border}' if arguments['scale'] < 4 else 'ESRGAN'

    @classmethod
    def recognise(cls, weights: Mapping[str, Tensor]) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
        """Read the hyper-parameters off the weights, which may have one of ESRGAN's older namings.

        The input and the output are taken to have equally many channels, which tells the scale.
        """
        weights = {_rename(key): value for key, value in weights.items()}
        if (
            not {'conv_first.weight', 'body.0.rdb1.conv1.weight', 'conv_up2.weight', 'conv_last.weight'}
            <= weights.keys()
        ):
            return None
        width, unshuffled = weights['conv_first.weight'].shape[:2]
        channels = weights['conv_last.weight'].shape[0]
        scale = {channels: 4, 4 * channels: 2, 16 * channels: 1}.get(unshuffled)
        if scale is None:
            return None
        args = dict(
            in_channels=channels,
            out_channels=channels,
            mid_channels=width,
            num_blocks=length_of(weights, 'body'),
            growth_channels=weights['body.0.rdb1.conv1.weight'].shape[0],
            scale=scale,
        )
        return args, weights


class RRDB(nn.Module):
    """Three dense blocks, whose change of the input is scaled by 0.2. (N, C, H, W) to the same.

    Args:
        channels: C.
        growth_channels: See ``DenseBlock``.
    """

    def __init__(self, channels: int, growth_channels: int) -> None:
        super().__init__()
        self.rdb1 = DenseBlock(channels, growth_channels)
        self.rdb2 = DenseBlock(channels, growth_channels)
        self.rdb3 = DenseBlock(channels, growth_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape."""
        return torch.add(x, self.rdb3(self.rdb2(self.rdb1(x))), alpha=RESIDUAL_SCALE)


class DenseBlock(nn.Module):
    """Five densely connected convolutions, scaled by 0.2, plus the input.

    Args:
        channels: C.
        growth_channels: Channels of the first four outputs.
    """

    def __init__(self, channels: int, growth_channels: int) -> None:
        super().__init__()
        for index in range(5):
            out_channels = growth_channels if index < 4 else channels
            self.add_module(f'conv{index + 1}', _conv(channels + index * growth_channels, out_channels))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape."""
        features = x
        *growing, last = self.children()
        for conv in growing:
            features = torch.cat((features, _activate(conv(features))), 1)
        return torch.add(x, last(features), alpha=RESIDUAL_SCALE)


def _conv(in_channels: int, out_channels: int) -> nn.Conv2d:
    conv = nn.Conv2d(in_channels, out_channels, 3, padding=1)
    nn.init.kaiming_normal_(conv.weight)
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
    with torch.no_grad():
        conv.weight.mul_(INIT_SCALE)
    return conv


def _activate(x: Tensor) -> Tensor:
    return F.leaky_relu(x, NEGATIVE_SLOPE, inplace=True)


def _rename(key: str) -> str:
    for pattern, name in OLD_NAMES:
        if pattern.match(key):
            return pattern.sub(name, key, count=1)
    return key
