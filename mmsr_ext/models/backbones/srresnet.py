"""SRResNet, the generator of SRGAN."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ...arguments import Size
from ...errors import InputError
from ...functional import imresize
from ...registry import MODELS
from .generator import Generator
from .state_dict import length_of

# What the shapes of the weights do not tell is told by the presence of a buffer, so that weights are not used
# with another function.
TANH, RESIDUAL = 'output_is_tanh', 'output_adds_bicubic'


@MODELS.register_module()
class SRResNet(Generator):
    """Super-resolution residual network (Ledig et al. 2017, SRGAN, figure 4); the defaults are the paper's.

    MMagic's ``MSRResNet`` is another network: 3x3 head, no batch normalisation, LeakyReLU.

    >>> network = SRResNet(mid_channels=8, num_blocks=1, scale=4)
    >>> network(torch.rand(1, 3, 12, 10)).shape
    torch.Size([1, 3, 48, 40])

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        mid_channels: Width of the trunk.
        num_blocks: Residual blocks.
        scale: 2, 4 or 8; one stage of upsampling a factor of 2.
        batch_norm: Batch normalisation in the trunk.
        output_activation: 'none', or 'tanh' for (tanh(x) + 1) / 2, the paper's output mapped to this
            project's range [0, 1].
        residual: Add the network's output to the bicubically upsampled input. It learns faster; not in the
            paper.
        trunk_end: What follows the convolution after the blocks: 'norm' (batch normalisation if there is
            any), or 'prelu', as in some ports of SRGAN.
        upsampling: 'pixelshuffle' is the paper's; an adversarial loss can leave a grid in what it makes.
            'icnr' is the same, initialised as nearest-neighbour upsampling (Aitken et al. 2017). 'nearest' is
            nearest-neighbour upsampling and a convolution (Odena et al. 2016), which makes no grid.
        init_cfg: See MMEngine's BaseModule.

    Raises:
        InputError: For another scale, output activation or trunk end, or residual with unequal channels or an
            output activation.
    """

    def __init__(
        self,
        in_channels: Size = 3,
        out_channels: Size = 3,
        mid_channels: Size = 64,
        num_blocks: Size = 16,
        scale: Literal[2, 4, 8] = 4,
        batch_norm: bool = True,
        output_activation: Literal['none', 'tanh'] = 'none',
        residual: bool = False,
        trunk_end: Literal['norm', 'prelu'] = 'norm',
        upsampling: Literal['pixelshuffle', 'icnr', 'nearest'] = 'pixelshuffle',
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if residual and (in_channels != out_channels or output_activation != 'none'):
            raise InputError(
                "SRResNet: residual=True needs in_channels == out_channels and output_activation='none', but "
                f'got {in_channels}, {out_channels} and {output_activation!r}.'
            )
        self.scale = scale
        self.output_activation = output_activation
        self.residual = residual
        width = mid_channels
        self.head = nn.Sequential(nn.Conv2d(in_channels, width, 9, padding=4), nn.PReLU())
        self.body = nn.Sequential(
            *[ResidualBlock(width, batch_norm) for _ in range(num_blocks)],
            nn.Conv2d(width, width, 3, padding=1),
            nn.PReLU() if trunk_end == 'prelu' else _norm(width, batch_norm),
        )
        stages = [_stage(width, upsampling) for _ in range(scale.bit_length() - 1)]
        self.upsample = nn.Sequential(*(layer for stage in stages for layer in stage))
        self.tail = nn.Conv2d(width, out_channels, 9, padding=4)
        for name, present in [(TANH, output_activation == 'tanh'), (RESIDUAL, residual)]:
            if present:
                self.register_buffer(name, torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) in [0, 1] to (N, C, h * scale, w * scale)."""
        features = self.head(x)
        out = self.tail(self.upsample(features + self.body(features)))
        if self.output_activation == 'tanh':
            return (out.tanh() + 1) / 2
        return out + imresize(x, self.scale) if self.residual else out

    @classmethod
    def recognise(cls, weights: Mapping[str, Tensor]) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
        """Read the hyper-parameters off the weights, which may have the names of leftthomas' SRGAN."""
        weights = _from_leftthomas(weights)
        if not {'head.0.weight', 'head.1.weight', 'body.0.conv1.weight', 'tail.weight'} <= weights.keys():
            return None
        num_blocks = length_of(weights, 'body', 'conv1')
        end = f'body.{num_blocks + 1}.'
        width, in_channels = weights['head.0.weight'].shape[:2]
        args = dict(
            in_channels=in_channels,
            out_channels=weights['tail.weight'].shape[0],
            mid_channels=width,
            num_blocks=num_blocks,
            scale=2 ** (length_of(weights, 'upsample') // 3),
            batch_norm='body.0.norm1.weight' in weights,
            output_activation='tanh' if TANH in weights else 'none',
            residual=RESIDUAL in weights,
            upsampling='nearest' if 'upsample.1.weight' in weights else 'pixelshuffle',
            trunk_end='prelu' if end + 'weight' in weights and end + 'bias' not in weights else 'norm',
        )
        return args, weights


class ResidualBlock(nn.Module):
    """conv, norm, PReLU, conv, norm, plus the input. (N, C, H, W) to the same.

    Args:
        channels: C.
        batch_norm: With batch normalisation.
    """

    def __init__(self, channels: int, batch_norm: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm1 = _norm(channels, batch_norm)
        self.act = nn.PReLU()
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm2 = _norm(channels, batch_norm)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape."""
        return x + self.norm2(self.conv2(self.act(self.norm1(self.conv1(x)))))


def _stage(width: int, upsampling: str) -> list[nn.Module]:
    """Return the layers that double the size."""
    if upsampling == 'nearest':
        enlarge = nn.Upsample(scale_factor=2, mode='nearest')
        return [enlarge, nn.Conv2d(width, width, 3, padding=1), nn.PReLU()]
    conv = nn.Conv2d(width, 4 * width, 3, padding=1)
    if upsampling == 'icnr':
        with torch.no_grad():
            for values in (conv.weight, conv.bias):
                assert values is not None
                values.copy_(values[::4].repeat_interleave(4, 0))  # the four pixels of a channel are equal
    return [conv, nn.PixelShuffle(2), nn.PReLU()]


def _norm(channels: int, batch_norm: bool) -> nn.Module:
    return nn.BatchNorm2d(channels) if batch_norm else nn.Identity()


def _from_leftthomas(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of github.com/leftthomas/SRGAN, which numbers its parts through."""
    blocks = [
        int(found[1]) for found in map(re.compile(r'block(\d+)\.conv1\.weight').match, weights) if found
    ]
    if not blocks or 'block1.0.weight' not in weights:
        return dict(weights)
    last = max(blocks)
    renamed = {_leftthomas_name(key, last): value for key, value in weights.items()}
    for key in [
        key for key in renamed if key.endswith('.running_mean')
    ]:  # the files are older than this counter
        renamed.setdefault(key.replace('running_mean', 'num_batches_tracked'), torch.tensor(0))
    renamed[TANH] = torch.ones(())
    return renamed


def _leftthomas_name(key: str, last: int) -> str:
    """Return our name of a weight of a network whose last residual block is ``block<last>``."""
    found = re.fullmatch(r'block(\d+)\.(\w+)\.(.+)', key)
    if not found:
        return key
    number, part, rest = int(found[1]), found[2], found[3]
    if number == 1:
        return f'head.{part}.{rest}'
    if number <= last:
        return f'body.{number - 2}.{part.replace("bn", "norm").replace("prelu", "act")}.{rest}'
    if not part.isdigit():
        return key
    if number == last + 1:
        return f'body.{last - 1 + int(part)}.{rest}'
    if '.' not in rest:
        return f'tail.{rest}'
    layer, _, rest = rest.partition('.')
    return f'upsample.{3 * int(part) + (2 if layer == "prelu" else 0)}.{rest}'
