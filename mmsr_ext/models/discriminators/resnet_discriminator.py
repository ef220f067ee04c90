"""The residual discriminator of SNGAN."""

from __future__ import annotations

from itertools import pairwise

from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F

from ...arguments import Size
from ...errors import InputError
from ...registry import MODELS


@MODELS.register_module()
class ResNetDiscriminator(BaseModule):
    """Residual blocks with spectral normalisation, then the sum over all positions.

    Source: Miyato et al. 2018 (SNGAN), appendix B.4; the defaults are their network for 128 px without
    classes, initialised as in their code. The state_dict is that of MMagic's ``ProjDiscriminator`` without
    classes. Takes any size of at least 2^num_down.

    Args:
        in_channels: Channels of the image.
        mid_channels: Width of the first block; it doubles with every halving of the size, up to 16 times.
        num_down: Blocks that halve the size.
        spectral_norm: Spectral normalisation of all layers, one power iteration a training forward.
        init_cfg: See MMEngine's BaseModule.

    Raises:
        InputError: At the forward of an image that is too small.
    """

    def __init__(
        self,
        in_channels: Size = 3,
        mid_channels: Size = 64,
        num_down: Size = 5,
        spectral_norm: bool = True,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.num_down = num_down
        widths = [mid_channels * min(2**index, 16) for index in range(num_down)]
        self.from_rgb = FirstBlock(in_channels, widths[0], spectral_norm)
        self.conv_blocks = nn.Sequential(
            *[Block(a, b, True, spectral_norm) for a, b in pairwise(widths)],
            Block(widths[-1], widths[-1], False, spectral_norm),
        )
        self.decision = nn.Linear(widths[-1], 1)
        nn.init.xavier_uniform_(self.decision.weight)
        nn.init.zeros_(self.decision.bias)
        if spectral_norm:
            nn.utils.spectral_norm(self.decision)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to logits (N, 1)."""
        least = 2**self.num_down
        if min(x.shape[-2:]) < least:
            raise InputError(
                f'ResNetDiscriminator: the image is {x.shape[-2]}x{x.shape[-1]}, but '
                f'num_down={self.num_down} needs at least {least}x{least}. Use larger crops, or a smaller '
                'num_down.'
            )
        return self.decision(F.relu(self.conv_blocks(self.from_rgb(x))).sum((2, 3)))


class FirstBlock(nn.Module):
    """Residual block that halves the size, for the image itself: no activation comes first.

    Args:
        in_channels: C.
        out_channels: Channels of the output.
        spectral_norm: Spectral normalisation of all layers.
    """

    def __init__(self, in_channels: int, out_channels: int, spectral_norm: bool) -> None:
        super().__init__()
        self.conv_1 = _conv(in_channels, out_channels, 3, spectral_norm)
        self.conv_2 = _conv(out_channels, out_channels, 3, spectral_norm)
        self.shortcut = _conv(in_channels, out_channels, 1, spectral_norm)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, out_channels, H // 2, W // 2)."""
        return F.avg_pool2d(self.conv_2(F.relu(self.conv_1(x))), 2) + self.shortcut(F.avg_pool2d(x, 2))


class Block(nn.Module):
    """Residual block with activations first, which halves the size if ``down``.

    Args:
        in_channels: C.
        out_channels: Channels of the output.
        down: Halve the size. Without it and with equal channels, the input itself is added.
        spectral_norm: Spectral normalisation of all layers.
    """

    def __init__(self, in_channels: int, out_channels: int, down: bool, spectral_norm: bool) -> None:
        super().__init__()
        self.down = down
        self.conv_1 = _conv(in_channels, out_channels, 3, spectral_norm)
        self.conv_2 = _conv(out_channels, out_channels, 3, spectral_norm)
        learned = down or in_channels != out_channels
        self.shortcut = _conv(in_channels, out_channels, 1, spectral_norm) if learned else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, out_channels, H, W), or half that size."""
        out = self.conv_2(F.relu(self.conv_1(F.relu(x)))) + self.shortcut(x)
        return F.avg_pool2d(out, 2) if self.down else out


def _conv(in_channels: int, out_channels: int, size: int, spectral_norm: bool) -> ConvModule:
    conv = ConvModule(
        in_channels, out_channels, size, padding=size // 2, act_cfg=None, with_spectral_norm=spectral_norm
    )
    weight = conv.conv.weight_orig if spectral_norm else conv.conv.weight
    nn.init.xavier_uniform_(weight, gain=1.0 if size == 1 else 2**0.5)
    nn.init.zeros_(conv.conv.bias)
    return conv
