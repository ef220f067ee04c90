"""FSRCNN."""

from __future__ import annotations

from torch import Tensor, nn

from ...arguments import Count, Size
from ...registry import MODELS
from .generator import Generator


@MODELS.register_module()
class FSRCNN(Generator):
    """Fast super-resolution: features are extracted, shrunk, mapped, expanded and then deconvolved.

    The defaults are FSRCNN(56, 12, 4) of the paper, on the Y channel alone: 12,464 weights at every scale,
    12,809 parameters with biases and slopes. The weights do not tell the scale, so that only a file that
    names it can be loaded without a config.

    Source: Dong et al. 2016 (Accelerating the Super-Resolution Convolutional Neural Network), section 3.

    >>> sum(parameter.numel() for parameter in FSRCNN().parameters())
    12809

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        mid_channels: Width of the extracted features, the paper's d.
        shrunk_channels: Width of the mapping layers, the paper's s.
        num_mappings: How many 3x3 mapping layers, the paper's m.
        scale: Output size / input size; the stride of the last layer.
        init_cfg: See MMEngine's BaseModule; the paper's initialisation by default.
    """

    def __init__(
        self,
        in_channels: Size = 1,
        out_channels: Size = 1,
        mid_channels: Size = 56,
        shrunk_channels: Size = 12,
        num_mappings: Count = 4,
        scale: Size = 4,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.scale = scale
        self.feature = nn.Sequential(
            nn.Conv2d(in_channels, mid_channels, 5, padding=2), nn.PReLU(mid_channels)
        )
        self.shrink = nn.Sequential(nn.Conv2d(mid_channels, shrunk_channels, 1), nn.PReLU(shrunk_channels))
        layers: list[nn.Module] = []
        for _ in range(num_mappings):
            layers += [nn.Conv2d(shrunk_channels, shrunk_channels, 3, padding=1), nn.PReLU(shrunk_channels)]
        self.map = nn.Sequential(*layers)
        self.expand = nn.Sequential(nn.Conv2d(shrunk_channels, mid_channels, 1), nn.PReLU(mid_channels))
        # a 9x9 kernel whatever the scale; the output has exactly scale times the input's size
        self.deconv = nn.ConvTranspose2d(mid_channels, out_channels, 9, scale, 4, output_padding=scale - 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, a=0.25)
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)) and module.bias is not None:
                nn.init.zeros_(module.bias)
        nn.init.normal_(self.deconv.weight, std=0.001)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) in [0, 1] to (N, C, h * scale, w * scale)."""
        return self.deconv(self.expand(self.map(self.shrink(self.feature(x)))))
