"""MMagic's MSRResNet and SRCNNNet, with the scale under the name that all networks here have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmagic.models.editors.srcnn import SRCNNNet as MMagicSRCNNNet
from mmagic.models.editors.srgan import MSRResNet as MMagicMSRResNet
from torch import Tensor

from ..models.backbones.state_dict import length_of


class MSRResNet(MMagicMSRResNet):
    """MMagic's network; BasicSR's of the same name has activations after the upsampling."""

    @property
    def scale(self) -> int:
        """Return output size / input size."""
        return self.upscale_factor

    @classmethod
    def recognise(cls, weights: Mapping[str, Tensor]) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
        """Read the hyper-parameters off the weights."""
        if (
            not {
                'conv_first.weight',
                'trunk_net.0.conv1.weight',
                'upsample1.upsample_conv.weight',
                'conv_hr.weight',
            }
            <= weights.keys()
        ):
            return None
        width, channels = weights['conv_first.weight'].shape[:2]
        first = {4: 2, 9: 3}.get(weights['upsample1.upsample_conv.weight'].shape[0] // width)
        if first is None or 'conv_last.weight' not in weights:
            return None
        args = dict(
            in_channels=channels,
            out_channels=weights['conv_last.weight'].shape[0],
            mid_channels=width,
            num_blocks=length_of(weights, 'trunk_net'),
            upscale_factor=4 if 'upsample2.upsample_conv.weight' in weights else first,
        )
        return args, dict(weights)


class SRCNNNet(MMagicSRCNNNet):
    """MMagic's network; its weights do not tell the scale, so that a file has to name it."""

    @property
    def scale(self) -> int:
        """Return output size / input size."""
        return self.upscale_factor
