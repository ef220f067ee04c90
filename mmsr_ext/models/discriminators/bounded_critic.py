"""A critic whose output is bounded."""

from __future__ import annotations

from mmengine.model import BaseModule
from torch import Tensor

from ...registry import MODELS


@MODELS.register_module()
class BoundedCritic(BaseModule):
    """A discriminator that ends in a sigmoid, for a Wasserstein loss without penalty or weight clipping.

    Without a bound, such a critic lowers its loss without end by growing its weights.

    Source: the Keras port of DeblurGAN (RaphaelMeudec/deblur-gan), whose critic ends so.

    Args:
        network: Config of the discriminator.
        init_cfg: See MMEngine's BaseModule.
    """

    def __init__(self, network: dict, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.network = MODELS.build(network)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the network's logits, squashed to (0, 1)."""
        return self.network(x).sigmoid()
