"""LPIPS as a loss."""

from __future__ import annotations

import warnings
from typing import Literal

import torch
from torch import Tensor, nn

from ...errors import InputError
from ...registry import MODELS
from .frozen_network import FrozenNetworkLoss
from .torchvision_weights import torchvision_weights

NETWORKS = {'alex': 'alexnet', 'vgg': 'vgg16', 'squeeze': 'squeezenet1_1'}
SMALLEST = {
    'alex': 31,
    'vgg': 16,
    'squeeze': 17,
}  # smallest height and width, in pixels, that reach the last layer


@MODELS.register_module()
class LPIPSLoss(FrozenNetworkLoss):
    """Learned perceptual image patch similarity, version 0.1 of the package ``lpips``, mean over the batch.

    For ``extra_losses`` of the restorer. The linear layers come with the package ``lpips``, the weights of
    the trunk from torchvision. See ``FrozenNetworkLoss`` for how the network is kept.

    Source: Zhang et al. 2018 (The unreasonable effectiveness of deep features as a perceptual metric).

    Args:
        net: 'alex' (the authors' choice as a metric), 'vgg' (their choice as a loss) or 'squeeze'.
        loss_weight: Weight of the loss.
        input_range: Values of black and white in the images.
        pretrained: 'imagenet' (torchvision's weights of the trunk), a file with them, or 'random'.

    Raises:
        InputError: For an empty range, or weights that cannot be read or downloaded; and for images below
            31 px (alex), 16 px (vgg) or 17 px (squeeze).
    """

    def __init__(
        self,
        net: Literal['alex', 'vgg', 'squeeze'] = 'vgg',
        loss_weight: float = 1.0,
        input_range: tuple[float, float] = (0.0, 1.0),
        pretrained: str = 'imagenet',
    ) -> None:
        super().__init__(input_range)
        self.set_network(_network(net, pretrained))
        self.loss_weight = loss_weight
        self.smallest = SMALLEST[net]

    def forward(self, x: Tensor, gt: Tensor) -> Tensor:
        """Compare images with their targets.

        Args:
            x: (N, 3, H, W) in ``input_range``.
            gt: The targets, of the same shape.

        Returns:
            Scalar.

        Raises:
            InputError: If the images are too small for the network.
        """
        if min(x.shape[-2:]) < self.smallest:
            raise InputError(
                f'LPIPS: an image of {x.shape[-2]}x{x.shape[-1]} is too small; it needs at least '
                f'{self.smallest} px.'
            )
        # not in half precision: the feature maps are normalised with an epsilon that float16 rounds to 0
        with torch.autocast(x.device.type, enabled=False):
            x, gt = (2 * self.to_unit_range(image.float()) - 1 for image in (x, gt))
            return self.loss_weight * self.run_network(x, gt).mean()


def _network(net: str, pretrained: str) -> nn.Module:
    import lpips  # here, because it imports SciPy, which other losses do not need

    with warnings.catch_warnings():
        warnings.simplefilter('ignore', UserWarning)  # torchvision's, about how the package calls it
        network = lpips.LPIPS(net=net, pnet_rand=True, verbose=False)
    if pretrained == 'random':
        return network
    weights = torchvision_weights(NETWORKS[net], pretrained, 'leave LPIPS out.')
    trunk = network.net.state_dict()
    # the package cuts torchvision's features into slices: slice2.3.weight is features.3.weight
    names = {key: f'features.{key.split(".", 1)[1]}' for key in trunk}
    missing = [
        name for key, name in names.items() if name not in weights or weights[name].shape != trunk[key].shape
    ]
    if missing:
        raise InputError(
            f'{pretrained} does not have the weights of {NETWORKS[net]}, which LPIPS with net={net!r} needs: '
            f"no {missing[0]} of the right shape. Give torchvision's file."
        )
    network.net.load_state_dict({key: weights[name] for key, name in names.items()})
    return network
