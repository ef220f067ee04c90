"""The discriminator of SRGAN."""

from __future__ import annotations

from typing import Literal

from mmengine.model import BaseModule
from torch import Tensor, nn

from ...arguments import Size
from ...errors import InputError
from ...registry import MODELS


@MODELS.register_module()
class VGGDiscriminator(BaseModule):
    """Eight 3x3 convolutions, every second of stride 2, and two dense layers for the patch or each location.

    EnhanceNet's (Sajjadi et al. 2017, supplement, table 1) is this with ``mid_channels=32, num_stages=5,
    batch_norm=False``.

    Source: Ledig et al. 2017 (SRGAN), figure 4, without its final sigmoid, which is part of the loss. Works
    at any patch size; MMagic's ``ModifiedVGG`` (4x4 strided convolutions, 10 layers) takes 128 px only. The
    head per location is that of Keras-GAN's SRGAN, whose dense layers act on the channels alone; it takes
    patches of any size.

    Args:
        in_channels: Channels of the image.
        mid_channels: Width of the first layer; it doubles with every halving of the size.
        patch_size: Height and width of the patches, at least 2^num_stages. The paper's is 96. Not used by the
            head per location.
        dense_channels: Width of the first dense layer.
        batch_norm: Batch normalisation after all convolutions but the first.
        head: 'patch' for one logit a patch, 'location' for one at each of its ceil(H / 16) x ceil(W / 16)
            locations.
        num_stages: Pairs of convolutions, and so of halvings; the 16 above is 2^num_stages.
        spectral_norm: Spectral normalisation (Miyato et al. 2018) of all layers; with ``batch_norm=False``.
        init_cfg: See MMEngine's BaseModule.

    Raises:
        InputError: For a patch size that is too small, and with the head 'patch' at the forward of another
            size.
    """

    def __init__(
        self,
        in_channels: Size = 3,
        mid_channels: Size = 64,
        patch_size: Size = 96,
        dense_channels: Size = 1024,
        batch_norm: bool = True,
        head: Literal['patch', 'location'] = 'patch',
        num_stages: Size = 4,
        spectral_norm: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if patch_size < 2**num_stages:
            raise InputError(
                f'VGGDiscriminator: patch_size={patch_size!r} must be at least {2**num_stages}, because the '
                f'size is halved {num_stages} times.'
            )
        self.patch_size = patch_size
        self.head = head
        layers: list[nn.Module] = []
        channels, size = in_channels, patch_size
        for index in range(2 * num_stages):
            width, stride = mid_channels * 2 ** (index // 2), 1 + index % 2
            with_norm = batch_norm and index > 0
            layers.append(nn.Conv2d(channels, width, 3, stride, 1, bias=not with_norm))
            layers += [nn.BatchNorm2d(width)] if with_norm else []
            layers.append(nn.LeakyReLU(0.2, inplace=True))
            channels, size = width, -(-size // stride)
        self.features = nn.Sequential(*layers)
        if head == 'patch':
            dense = [
                nn.Flatten(),
                nn.Linear(channels * size * size, dense_channels),
                nn.Linear(dense_channels, 1),
            ]
        else:
            dense = [nn.Identity(), nn.Conv2d(channels, dense_channels, 1), nn.Conv2d(dense_channels, 1, 1)]
        self.classifier = nn.Sequential(*dense[:2], nn.LeakyReLU(0.2, inplace=True), dense[2])
        if spectral_norm:
            for layer in [*self.features, *self.classifier]:
                if isinstance(layer, (nn.Conv2d, nn.Linear)):
                    nn.utils.spectral_norm(layer)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, patch_size, patch_size) to (N, 1), or (N, C, H, W) to (N, 1, H / 16, W / 16)."""
        if self.head == 'patch' and x.shape[-2:] != (self.patch_size, self.patch_size):
            raise InputError(
                f'VGGDiscriminator was built for {self.patch_size}x{self.patch_size} patches, but got '
                f'{x.shape[-2]}x{x.shape[-1]}. Set patch_size of the discriminator to the crop size of the '
                'GT images.'
            )
        return self.classifier(self.features(x))
