"""SRResNet, the generator of SRGAN."""

from __future__ import annotations

from mmengine.model import BaseModule
from torch import Tensor, nn

from ...errors import InputError
from ...functional import imresize
from ...registry import MODELS


@MODELS.register_module()
class SRResNet(BaseModule):
    """Super-resolution residual network. Source: Ledig et al. 2017 (SRGAN), figure 4; the defaults are the paper's network.

    MMagic's ``MSRResNet`` is another network: 3x3 head, no batch normalisation, LeakyReLU.

    Args:
        in_channels (int): Channels of the input.
        out_channels (int): Channels of the output.
        mid_channels (int): Width of the trunk.
        num_blocks (int): Residual blocks.
        scale (int): 2, 4 or 8; one PixelShuffle a factor of 2.
        batch_norm (bool): Batch normalisation in the trunk.
        output_activation (str): 'none', or 'tanh' for (tanh(x) + 1) / 2, the paper's output mapped to this project's range [0, 1].
        residual (bool): Add the network's output to the bicubically upsampled input. It learns faster; not in the paper.
        init_cfg (dict, optional): See MMEngine's BaseModule.

    Raises:
        InputError: For another scale or output activation, or residual with unequal channels or an output activation.
    """

    def __init__(self,
                 in_channels: int = 3,
                 out_channels: int = 3,
                 mid_channels: int = 64,
                 num_blocks: int = 16,
                 scale: int = 4,
                 batch_norm: bool = True,
                 output_activation: str = 'none',
                 residual: bool = False,
                 init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        if scale not in (2, 4, 8):
            raise InputError(f'SRResNet: scale={scale!r} must be 2, 4 or 8.')
        if output_activation not in ('none', 'tanh'):
            raise InputError(f"SRResNet: output_activation={output_activation!r} must be 'none' or 'tanh'.")
        if residual and (in_channels != out_channels or output_activation != 'none'):
            raise InputError('SRResNet: residual=True needs in_channels == out_channels and output_activation=\'none\', but got '
                             f'{in_channels}, {out_channels} and {output_activation!r}.')
        self.scale = scale
        self.output_activation = output_activation
        self.residual = residual
        width = mid_channels
        self.head = nn.Sequential(nn.Conv2d(in_channels, width, 9, padding=4), nn.PReLU())
        self.body = nn.Sequential(*[ResidualBlock(width, batch_norm) for _ in range(num_blocks)], nn.Conv2d(width, width, 3, padding=1),
                                  _norm(width, batch_norm))
        stages = []
        for _ in range(scale.bit_length() - 1):
            stages += [nn.Conv2d(width, 4 * width, 3, padding=1), nn.PixelShuffle(2), nn.PReLU()]
        self.upsample = nn.Sequential(*stages)
        self.tail = nn.Conv2d(width, out_channels, 9, padding=4)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) in [0, 1] to (N, C, h * scale, w * scale)."""
        features = self.head(x)
        out = self.tail(self.upsample(features + self.body(features)))
        if self.output_activation == 'tanh':
            return (out.tanh() + 1) / 2
        return out + imresize(x, self.scale) if self.residual else out


class ResidualBlock(nn.Module):
    """conv, norm, PReLU, conv, norm, plus the input. (N, C, H, W) to the same.

    Args:
        channels (int): C.
        batch_norm (bool): With batch normalisation.
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


def _norm(channels: int, batch_norm: bool) -> nn.Module:
    return nn.BatchNorm2d(channels) if batch_norm else nn.Identity()
