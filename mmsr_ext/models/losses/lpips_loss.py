"""LPIPS as a loss."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import Tensor, nn

from ...errors import InputError
from ...registry import MODELS
from ...weights import read_checkpoint

NETWORKS = {'alex': 'alexnet', 'vgg': 'vgg16', 'squeeze': 'squeezenet1_1'}
SMALLEST = {
    'alex': 31,
    'vgg': 16,
    'squeeze': 17,
}  # height and width of which something is left at the last layer


@MODELS.register_module()
class LPIPSLoss(nn.Module):
    """Learned perceptual image patch similarity, version 0.1 of the package ``lpips``, mean over the batch.

    For ``extra_losses`` of the restorer. The network is frozen and no part of the module tree, as in
    ``PerceptualLoss``. Its linear layers come with the package, the weights of its trunk from torchvision.

    Source: Zhang et al. 2018 (The unreasonable effectiveness of deep features as a perceptual metric).

    Args:
        net: 'alex' (the authors' choice as a metric), 'vgg' (their choice as a loss) or 'squeeze'.
        loss_weight: Weight of the loss.
        input_range: Values of black and white in the images.
        pretrained: 'imagenet' (torchvision's weights of the trunk), a file with them, or 'random'.

    Raises:
        InputError: For an unknown network, an empty range, or weights that cannot be had; and for images
            below 31 px (alex), 16 px (vgg) or 17 px (squeeze).
    """

    def __init__(
        self,
        net: str = 'vgg',
        loss_weight: float = 1.0,
        input_range: tuple[float, float] = (0.0, 1.0),
        pretrained: str = 'imagenet',
    ) -> None:
        super().__init__()
        if net not in NETWORKS:
            raise InputError(f'LPIPS: net={net!r} must be one of {", ".join(NETWORKS)}.')
        low, high = input_range
        if not low < high:
            raise InputError(f'LPIPS: input_range={input_range!r} must be (black, white) with black < white.')
        self.loss_weight = loss_weight
        self.smallest = SMALLEST[net]
        self.low, self.high = low, high
        # in a tuple, which torch does not search for submodules
        self._network = (_network(net, pretrained),)

    def forward(self, x: Tensor, gt: Tensor) -> Tensor:
        """Compare images with their targets.

        Args:
            x: (N, 3, H, W) in ``input_range``.
            gt: The targets, of the same shape.

        Returns:
            Scalar.
        """
        if min(x.shape[-2:]) < self.smallest:
            raise InputError(
                f'LPIPS: an image of {x.shape[-2]}x{x.shape[-1]} is too small; it needs at least '
                f'{self.smallest} px.'
            )
        network: Any = self._network[0]
        if network.scaling_layer.shift.device != x.device:
            network.to(x.device)
        with torch.autocast(
            x.device.type, enabled=False
        ):  # the maps are normalised with an epsilon below float16's
            x, gt = (2 * (image.float() - self.low) / (self.high - self.low) - 1 for image in (x, gt))
            return self.loss_weight * network(x, gt).mean()


def _network(net: str, pretrained: str) -> nn.Module:
    import lpips  # here, because it imports SciPy, for which the others need not wait

    with warnings.catch_warnings():
        warnings.simplefilter('ignore', UserWarning)  # of torchvision, at the package's old way of calling it
        network = lpips.LPIPS(net=net, pnet_rand=True, verbose=False)
    if pretrained != 'random':
        trunk = network.net.state_dict()
        weights = _imagenet(net) if pretrained == 'imagenet' else _file(pretrained, net)
        # the package cuts torchvision's features into slices: slice2.3.weight is features.3.weight
        names = {key: f'features.{key.split(".", 1)[1]}' for key in trunk}
        unlike = [
            name
            for key, name in names.items()
            if name not in weights or weights[name].shape != trunk[key].shape
        ]
        if unlike:
            raise InputError(
                f'{pretrained} does not have the weights of {NETWORKS[net]}, which LPIPS with net={net!r} '
                f'needs: no {unlike[0]} of the right shape. Give the file of torchvision.'
            )
        network.net.load_state_dict({key: weights[name] for key, name in names.items()})
    return network.requires_grad_(False).eval()


def _imagenet(net: str) -> dict[str, Tensor]:
    weights = torchvision.models.get_model_weights(NETWORKS[net]).IMAGENET1K_V1
    try:
        return weights.get_state_dict(progress=True, check_hash=True)
    except OSError as error:
        raise InputError(
            f'LPIPS: the ImageNet weights of {NETWORKS[net]} are not on this machine and could not be '
            f'downloaded ({error}). '
            f"Bring {weights.url.rsplit('/', 1)[1]} of torchvision here and set pretrained='path/to/it', or "
            'leave LPIPS out.'
        ) from error


def _file(path: str, net: str) -> dict[str, Tensor]:
    if not Path(path).is_file():
        raise InputError(
            f"LPIPS: pretrained={path!r} must be 'imagenet', 'random' or a file with torchvision's weights "
            f'of {NETWORKS[net]}; there is no such file.'
        )
    return read_checkpoint(path)
