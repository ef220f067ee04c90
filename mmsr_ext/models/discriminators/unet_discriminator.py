"""The discriminator of Real-ESRGAN."""

from __future__ import annotations

from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import spectral_norm

from ...arguments import Size
from ...errors import InputError
from ...registry import MODELS


@MODELS.register_module()
class UNetDiscriminator(BaseModule):
    """U-Net with spectral normalisation: a logit for every pixel.

    Source: Wang et al. 2021 (Real-ESRGAN), figure 6; spectral normalisation of Miyato et al. 2018, one power
    iteration a training forward. The state_dict is that of BasicSR's ``UNetDiscriminatorSN``. Takes any size
    of at least 8 px, and does the same as BasicSR's and MMagic's (``UNetDiscriminatorWithSpectralNorm``) at
    multiples of 8, which are all that those take.

    Args:
        in_channels: Channels of the image.
        mid_channels: Width at full size; it doubles with each of the three halvings.
        skip_connection: Add the encoder's features to the decoder's.
        init_cfg: See MMEngine's BaseModule.

    Raises:
        InputError: At the forward of an image smaller than 8 px.
    """

    def __init__(
        self,
        in_channels: Size = 3,
        mid_channels: Size = 64,
        skip_connection: bool = True,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.skip_connection = skip_connection
        width = mid_channels
        self.conv0 = nn.Conv2d(in_channels, width, 3, 1, 1)
        self.conv1 = spectral_norm(nn.Conv2d(width, width * 2, 4, 2, 1, bias=False))
        self.conv2 = spectral_norm(nn.Conv2d(width * 2, width * 4, 4, 2, 1, bias=False))
        self.conv3 = spectral_norm(nn.Conv2d(width * 4, width * 8, 4, 2, 1, bias=False))
        self.conv4 = spectral_norm(nn.Conv2d(width * 8, width * 4, 3, 1, 1, bias=False))
        self.conv5 = spectral_norm(nn.Conv2d(width * 4, width * 2, 3, 1, 1, bias=False))
        self.conv6 = spectral_norm(nn.Conv2d(width * 2, width, 3, 1, 1, bias=False))
        self.conv7 = spectral_norm(nn.Conv2d(width, width, 3, 1, 1, bias=False))
        self.conv8 = spectral_norm(nn.Conv2d(width, width, 3, 1, 1, bias=False))
        self.conv9 = nn.Conv2d(width, 1, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to logits (N, 1, H, W)."""
        if min(x.shape[-2:]) < 8:
            raise InputError(
                f'UNetDiscriminator: the image is {x.shape[-2]}x{x.shape[-1]}, but its size is halved 3 '
                'times. Use crops of at least 8x8.'
            )
        encoded = [_act(self.conv0(x))]
        for conv in (self.conv1, self.conv2, self.conv3):
            encoded.append(_act(conv(encoded[-1])))
        x = encoded.pop()
        for conv in (self.conv4, self.conv5, self.conv6):
            skip = encoded.pop()
            x = _act(conv(F.interpolate(x, size=skip.shape[-2:], mode='bilinear', align_corners=False)))
            x = x + skip if self.skip_connection else x
        return self.conv9(_act(self.conv8(_act(self.conv7(x)))))


def _act(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.2, inplace=True)
