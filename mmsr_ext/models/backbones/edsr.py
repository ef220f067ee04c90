"""EDSR."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from torch import Tensor, nn

from ...arguments import Size
from ...registry import MODELS
from .residual_trunk import DIV2K_MEAN, ResidualTrunk, trunk_arguments
from .state_dict import length_of

# MMagic's EDSRNet, which works on images in [0, 1]
MMAGIC_UPSAMPLE = re.compile(r'upsample\.(\d+)\.upsample_conv\.')
IMG_RANGE = 255.0

# Weights do not tell the factor; those of the published models by width and blocks.
RES_SCALES = {(64, 16): 1.0, (256, 32): 0.1}


@MODELS.register_module()
class EDSR(ResidualTrunk):
    """Enhanced deep super-resolution network: residual blocks without normalisation.

    The defaults are the baseline model, BasicSR's EDSR-M (1,517,571 parameters at x4); EDSR-L, the paper's
    final model, has ``mid_channels=256, num_blocks=32, res_scale=0.1`` (43,089,923). Names in the state_dict
    are BasicSR's, so its weights load. Those of MMagic's ``EDSRNet`` load, too, which has other names and
    works on images in [0, 1]: the outer convolutions make up for that.

    Source: Lim et al. 2017, figure 2, table 1.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        mid_channels: Width of the trunk.
        num_blocks: Residual blocks.
        scale: 2, 3, 4 or 8.
        res_scale: Factor on what a block adds to its input.
        img_range: See ``ResidualTrunk``.
        rgb_mean: See ``ResidualTrunk``.
        init_cfg: See MMEngine's BaseModule.

    Raises:
        InputError: For another scale, or a mean that does not have a value for every channel.
    """

    aliases = ('EDSRNet',)
    basicsr = True

    def __init__(
        self,
        in_channels: Size = 3,
        out_channels: Size = 3,
        mid_channels: Size = 64,
        num_blocks: Size = 16,
        scale: Literal[2, 3, 4, 8] = 4,
        res_scale: float = 1.0,
        img_range: float = IMG_RANGE,
        rgb_mean: tuple[float, ...] = DIV2K_MEAN,
        init_cfg: dict | None = None,
    ) -> None:
        blocks = [_Block(mid_channels, res_scale) for _ in range(num_blocks)]
        super().__init__(
            blocks, in_channels, out_channels, mid_channels, scale, img_range, rgb_mean, init_cfg
        )

    @classmethod
    def adapt(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        """Translate MMagic's arguments, without its division by 1."""
        arguments = super().adapt(arguments)
        if set(arguments.get('rgb_std', ())) == {1.0}:
            del arguments['rgb_std']
        return arguments

    @staticmethod
    def own_names(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the weights under this class's names, those of MMagic's ``EDSRNet`` of any size too."""
        return dict(_from_mmagic(weights))

    @classmethod
    def recognise(cls, weights: Mapping[str, Tensor]) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
        """Read the hyper-parameters off an EDSR-M or EDSR-L; other sizes do not tell their ``res_scale``."""
        weights = _from_mmagic(weights)
        args = trunk_arguments(weights)
        if args is None or 'body.0.conv1.weight' not in weights:
            return None
        num_blocks = length_of(weights, 'body')
        if (args['mid_channels'], num_blocks) not in RES_SCALES:
            return None
        return {
            **args,
            'num_blocks': num_blocks,
            'res_scale': RES_SCALES[args['mid_channels'], num_blocks],
        }, dict(weights)


def _from_mmagic(weights: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    if 'upsample.0.upsample_conv.weight' not in weights:
        return weights
    # every stage is a convolution and a shuffle, which count separately here
    renamed = {
        MMAGIC_UPSAMPLE.sub(lambda stage: f'upsample.{2 * int(stage[1])}.', key): value
        for key, value in weights.items()
    }
    for key, factor in [
        ('conv_first.weight', 1 / IMG_RANGE),
        ('conv_last.weight', IMG_RANGE),
        ('conv_last.bias', IMG_RANGE),
    ]:
        if key in renamed:
            renamed[key] = renamed[key] * factor
    return renamed


class _Block(nn.Module):
    """conv, ReLU, conv, scaled, plus the input."""

    def __init__(self, channels: int, res_scale: float) -> None:
        super().__init__()
        self.res_scale = res_scale
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(self.conv1(x).relu()) * self.res_scale
