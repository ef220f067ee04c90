"""RCAN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from torch import Tensor, nn

from ...arguments import Size
from ...errors import InputError
from ...registry import MODELS
from .rcan_names import from_authors, to_authors
from .residual_trunk import DIV2K_MEAN, ResidualTrunk, trunk_arguments
from .state_dict import length_of


@MODELS.register_module()
class RCAN(ResidualTrunk):
    """Residual channel attention network: residual blocks that weight their channels by their means.

    The defaults are the paper's network: 15,592,355 parameters at x4. Names in the state_dict are BasicSR's,
    so its weights load.

    Source: Zhang et al. 2018, figures 2 to 4.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        mid_channels: Width of the trunk.
        num_groups: Residual groups.
        num_blocks: Blocks in a group.
        squeeze_factor: The attention's bottleneck has ``mid_channels // squeeze_factor`` channels.
        scale: 2, 3, 4 or 8.
        res_scale: Factor on what a block adds to its input.
        img_range: See ``ResidualTrunk``.
        rgb_mean: See ``ResidualTrunk``.
        init_cfg: See MMEngine's BaseModule.

    Raises:
        InputError: For another scale, a squeeze factor larger than the width, or a mean that does not have a
            value for every channel.
    """

    basicsr = True

    def __init__(
        self,
        in_channels: Size = 3,
        out_channels: Size = 3,
        mid_channels: Size = 64,
        num_groups: Size = 10,
        num_blocks: Size = 20,
        squeeze_factor: Size = 16,
        scale: Literal[2, 3, 4, 8] = 4,
        res_scale: float = 1.0,
        img_range: float = 255.0,
        rgb_mean: tuple[float, ...] = DIV2K_MEAN,
        init_cfg: dict | None = None,
    ) -> None:
        if not 1 <= squeeze_factor <= mid_channels:
            raise InputError(
                f'RCAN: squeeze_factor={squeeze_factor!r} must be between 1 and mid_channels, {mid_channels}.'
            )
        groups = [_Group(mid_channels, num_blocks, squeeze_factor, res_scale) for _ in range(num_groups)]
        super().__init__(
            groups, in_channels, out_channels, mid_channels, scale, img_range, rgb_mean, init_cfg
        )

    @classmethod
    def spandrel(cls, arguments: Mapping[str, Any], names: str) -> str | None:
        """Say as which architecture spandrel loads the weights."""
        return 'RCAN' if names == 'authors' else None

    @staticmethod
    def authors_names(weights: Mapping[str, Tensor], arguments: Mapping[str, Any]) -> dict[str, Tensor]:
        """Return the weights under the names that the authors gave them."""
        if (arguments['img_range'], arguments['res_scale']) != (255.0, 1.0):
            raise InputError(
                '--names authors: their RCAN has img_range=255 and res_scale=1, this one '
                f'img_range={arguments["img_range"]} and res_scale={arguments["res_scale"]}; leave it out.'
            )
        return to_authors(weights, arguments['rgb_mean'])

    @classmethod
    def recognise(cls, weights: Mapping[str, Tensor]) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
        """Read the hyper-parameters off the weights, which may have their authors' names.

        ``res_scale``, which they do not tell, is 1 as in all published models.
        """
        authors = from_authors(weights)
        weights = authors[0] if authors else weights
        args, squeeze = trunk_arguments(weights), 'body.0.residual_group.0.rcab.3.attention.1.weight'
        if args is None or squeeze not in weights:
            return None
        num_blocks = length_of(
            (key.removeprefix('body.0.') for key in weights if key.startswith('body.0.')), 'residual_group'
        )
        squeeze_factor = args['mid_channels'] // weights[squeeze].shape[0]
        args |= dict(
            num_groups=length_of(weights, 'body'), num_blocks=num_blocks, squeeze_factor=squeeze_factor
        )
        if authors:
            args |= dict(rgb_mean=authors[1], img_range=authors[2])
        return args, dict(weights)


class _Group(nn.Module):
    """Blocks and a conv, plus the input."""

    def __init__(self, channels: int, num_blocks: int, squeeze_factor: int, res_scale: float) -> None:
        super().__init__()
        self.residual_group = nn.Sequential(
            *[_Block(channels, squeeze_factor, res_scale) for _ in range(num_blocks)]
        )
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(self.residual_group(x))


class _Block(nn.Module):
    """conv, ReLU, conv, channel attention, scaled, plus the input."""

    def __init__(self, channels: int, squeeze_factor: int, res_scale: float) -> None:
        super().__init__()
        self.res_scale = res_scale
        self.rcab = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1),
            _ChannelAttention(channels, squeeze_factor),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.rcab(x) * self.res_scale


class _ChannelAttention(nn.Module):
    """Every channel times a weight in (0, 1) that follows from the means of all channels."""

    def __init__(self, channels: int, squeeze_factor: int) -> None:
        super().__init__()
        self.attention = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, channels // squeeze_factor, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels // squeeze_factor, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x * self.attention(x)
