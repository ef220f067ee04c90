"""The discriminator of ESRGAN's released code."""

from __future__ import annotations

from typing import Literal

from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F

from ...arguments import Size
from ...errors import InputError
from ...registry import MODELS


@MODELS.register_module()
class ModifiedVGG(BaseModule):
    """Pairs of convolutions, the second of each with stride 2, and two dense layers: a logit a patch.

    MMagic's network of this name and BasicSR's ``VGGStyleDiscriminator`` for 128 and 256 px, with their
    state_dict. Unlike MMagic's it also takes images in channels-last memory format, and other sizes of
    patches.

    Source: Wang et al. 2018 (ESRGAN), released code.

    Args:
        in_channels: Channels of the image.
        mid_channels: Width of the first pair; it doubles with each of the next three.
        patch_size: Height and width of the patches, a multiple of 2^num_stages.
        init_cfg: See MMEngine's BaseModule.
        num_stages: Pairs of convolutions, 5 or 6; by default 6 for patches of 256 px, as in BasicSR, and 5
            for all others.

    Raises:
        InputError: For a patch size that is no multiple of 2^num_stages, and at the forward of another size.
    """

    def __init__(
        self,
        in_channels: Size = 3,
        mid_channels: Size = 64,
        patch_size: Size = 128,
        init_cfg: dict | None = None,
        num_stages: Literal[5, 6] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.num_stages = num_stages or (6 if patch_size == 256 else 5)
        least = 2**self.num_stages
        if patch_size < least or patch_size % least:
            raise InputError(
                f'ModifiedVGG: patch_size={patch_size!r} must be a multiple of {least}, because the size is '
                f'halved {self.num_stages} times.'
            )
        self.patch_size = patch_size
        channels = in_channels
        for stage in range(self.num_stages):
            width = mid_channels * min(2**stage, 8)
            setattr(self, f'conv{stage}_0', nn.Conv2d(channels, width, 3, 1, 1, bias=stage == 0))
            if stage > 0:
                setattr(self, f'bn{stage}_0', nn.BatchNorm2d(width))
            setattr(self, f'conv{stage}_1', nn.Conv2d(width, width, 4, 2, 1, bias=False))
            setattr(self, f'bn{stage}_1', nn.BatchNorm2d(width))
            channels = width
        self.linear1 = nn.Linear(channels * (patch_size // least) ** 2, 100)
        self.linear2 = nn.Linear(100, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, patch_size, patch_size) to logits (N, 1)."""
        if x.shape[-2:] != (self.patch_size, self.patch_size):
            raise InputError(
                f'ModifiedVGG was built for {self.patch_size}x{self.patch_size} patches, but got '
                f'{x.shape[-2]}x{x.shape[-1]}. Set patch_size of the discriminator to the crop size of the '
                'GT images.'
            )
        for stage in range(self.num_stages):
            for part in range(2):
                x = getattr(self, f'conv{stage}_{part}')(x)
                if (stage, part) != (0, 0):
                    x = getattr(self, f'bn{stage}_{part}')(x)
                x = F.leaky_relu(x, 0.2, inplace=True)
        return self.linear2(F.leaky_relu(self.linear1(x.flatten(1)), 0.2, inplace=True))
