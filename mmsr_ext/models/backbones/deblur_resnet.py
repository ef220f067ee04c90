"""The generator of DeblurGAN."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

from mmcv.cnn import ConvModule
from torch import Tensor, nn
from torch.nn import functional as F

from ...arguments import Size
from ...errors import InputError
from ...registry import MODELS
from .generator import Generator
from .state_dict import length_of

NORMS = {'instance': 'IN', 'batch': 'BN'}


@MODELS.register_module()
class DeblurResNet(Generator):
    """Johnson's residual network with a skip from the input to the output, for images of any size.

    7x7 convolution, two strided convolutions, residual blocks with dropout 0.5, two transposed convolutions,
    7x7 convolution, tanh; reflection padding. Layers and names of weights are those of MMagic's
    ``ResnetGenerator``, which has no skip and takes multiples of 4 only; here the image is extended by
    reflection, and the output cut to its size. The tanh is halved, because the paper's images are in [-1, 1].
    The defaults are the paper's network, 11,378,179 parameters.

    Sources: Kupyn et al. 2018 (DeblurGAN), section 3.2 and figure 3; Johnson et al. 2016.

    Args:
        channels: Channels of the input and the output.
        mid_channels: Width of the first layer; 4 times as wide in the residual blocks.
        num_blocks: Residual blocks.
        norm: 'instance', or 'batch' as the Keras port has it.
        dropout: Dropout in the residual blocks, in train mode.
        init_cfg: See MMEngine's BaseModule. By default normal with standard deviation 0.02, as the authors'
            code.

    Raises:
        InputError: For an unknown norm, and at the forward of an image smaller than 5 pixels.
    """

    scale = 1

    def __init__(
        self,
        channels: Size = 3,
        mid_channels: Size = 64,
        num_blocks: Size = 9,
        norm: Literal['instance', 'batch'] = 'instance',
        dropout: bool = True,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        layer = partial(ConvModule, bias=norm == 'instance', norm_cfg=dict(type=NORMS[norm]))
        layers = [layer(channels, mid_channels, 7, padding=3, padding_mode='reflect')]
        layers += [
            layer(width, 2 * width, 3, stride=2, padding=1) for width in (mid_channels, 2 * mid_channels)
        ]
        layers += [_Block(4 * mid_channels, layer, dropout) for _ in range(num_blocks)]
        transposed = dict(type='deconv', output_padding=1)
        layers += [
            layer(2 * width, width, 3, stride=2, padding=1, conv_cfg=transposed)
            for width in (2 * mid_channels, mid_channels)
        ]
        layers.append(
            ConvModule(
                mid_channels, channels, 7, padding=3, padding_mode='reflect', act_cfg=dict(type='Tanh')
            )
        )
        self.model = nn.Sequential(*layers)
        for layer in self.modules():
            if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
                nn.init.normal_(layer.weight, 0.0, 0.02)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
            elif isinstance(layer, nn.BatchNorm2d):
                nn.init.normal_(layer.weight, 1.0, 0.02)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) in [0, 1] to the same shape."""
        height, width = x.shape[-2:]
        if min(height, width) < 5:
            raise InputError(
                f'DeblurResNet: an image of {height}x{width} is too small; it needs at least 5 pixels in '
                'both directions.'
            )
        extended = F.pad(x, (0, -width % 4, 0, -height % 4), mode='reflect')
        return x + self.model(extended)[..., :height, :width] / 2

    @classmethod
    def recognise(cls, weights: Mapping[str, Tensor]) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
        """Read the hyper-parameters off the weights; MMagic's CycleGAN has the same names."""
        blocks = length_of(weights, 'model', 'block')
        first, last = 'model.0.conv.weight', f'model.{blocks + 2}.conv.weight'
        if blocks < 4 or not {first, last, 'model.3.block.0.conv.weight'} <= weights.keys():
            return None
        width, channels = weights[first].shape[:2]
        args = dict(
            channels=channels,
            mid_channels=width,
            num_blocks=blocks - 3,
            norm='batch' if 'model.0.bn.weight' in weights else 'instance',
            dropout='model.3.block.2.conv.weight' in weights,
        )
        return args, dict(weights)


class _Block(nn.Module):
    """Two convolutions, dropout between them, and the sum with the input."""

    def __init__(self, width: int, layer: partial, dropout: bool) -> None:
        super().__init__()
        between = [nn.Dropout(0.5)] if dropout else []
        first, second = (
            layer(width, width, 3, padding=1, padding_mode='reflect', **act)
            for act in ({}, dict(act_cfg=None))
        )
        self.block = nn.Sequential(first, *between, second)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block(x)
