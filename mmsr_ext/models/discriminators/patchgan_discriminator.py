"""The discriminator of pix2pix."""

from __future__ import annotations

from typing import Literal, cast

from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor, nn

from ...arguments import Size
from ...errors import InputError
from ...registry import MODELS

NORMS = {'none': None, 'batch': dict(type='BN'), 'instance': dict(type='IN')}


@MODELS.register_module()
class PatchGANDiscriminator(BaseModule):
    """4x4 convolutions whose outputs judge patches: 16, 34, 70, 142 px for 1, 2, 3, 4 layers of stride 2.

    Source: Isola et al. 2017 (pix2pix), section 6.1.2, without its final sigmoid, which is part of the loss.
    The state_dict is that of MMagic's ``PatchDiscriminator``, which has neither ``norm='none'`` nor spectral
    normalisation.

    Args:
        in_channels: Channels of the image.
        mid_channels: Width of the first layer; it doubles with every layer, up to 8 times.
        num_layers: Convolutions of stride 2; two of stride 1 follow.
        norm: 'none', 'batch' or 'instance', after all convolutions but the first and the last.
        spectral_norm: Spectral normalisation (Miyato et al. 2018) of all convolutions.
        init_cfg: See MMEngine's BaseModule. By default the paper's: normal with standard deviation 0.02.

    Raises:
        InputError: At the forward of an image that is too small.
    """

    def __init__(
        self,
        in_channels: Size = 3,
        mid_channels: Size = 64,
        num_layers: Size = 3,
        norm: Literal['none', 'batch', 'instance'] = 'batch',
        spectral_norm: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.num_layers = num_layers
        layers: list[nn.Module] = []
        channels = in_channels
        for index in range(num_layers + 1):
            width = mid_channels * min(2**index, 8)
            with_norm = norm if index else 'none'
            layers.append(
                ConvModule(
                    channels,
                    width,
                    4,
                    stride=2 if index < num_layers else 1,
                    padding=1,
                    bias=with_norm != 'batch',
                    norm_cfg=NORMS[with_norm],
                    act_cfg=dict(type='LeakyReLU', negative_slope=0.2),
                    with_spectral_norm=spectral_norm,
                )
            )
            channels = width
        last = nn.Conv2d(channels, 1, 4, stride=1, padding=1)
        self.model = nn.Sequential(*layers, nn.utils.spectral_norm(last) if spectral_norm else last)
        for layer in self.model.modules():
            if isinstance(layer, nn.Conv2d):
                weight = layer.weight_orig if spectral_norm else layer.weight
                nn.init.normal_(cast(Tensor, weight), 0.0, 0.02)
            elif isinstance(layer, nn.BatchNorm2d):
                nn.init.normal_(layer.weight, 1.0, 0.02)

    @property
    def receptive_field(self) -> int:
        """Height and width of the patch that one logit depends on (norms aside), in pixels."""
        size = 1
        for stride in [1, 1] + [2] * self.num_layers:
            size = (size - 1) * stride + 4
        return size

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to logits (N, 1, H // 2^num_layers - 2, W // 2^num_layers - 2)."""
        least = 3 * 2**self.num_layers
        if min(x.shape[-2:]) < least:
            raise InputError(
                f'PatchGANDiscriminator: the image is {x.shape[-2]}x{x.shape[-1]}, but {self.num_layers} '
                f'layers of stride 2 need at least {least}x{least}. Use larger crops, or a smaller '
                'num_layers.'
            )
        return self.model(x)
