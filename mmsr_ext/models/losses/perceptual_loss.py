"""Perceptual and style loss: the distance of two images in the features of a VGG network."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from ...arguments import Size
from ...errors import InputError
from ...functional import at_least_float32, gram_matrix, texture_distance
from ...registry import MODELS
from .frozen_network import FrozenNetworkLoss
from .vgg_features import VGGFeatures

DTYPES = {None: torch.float32, 'bfloat16': torch.bfloat16, 'float16': torch.float16}
CRITERIA = {'l1': F.l1_loss, 'mse': F.mse_loss}


@MODELS.register_module()
class PerceptualLoss(FrozenNetworkLoss):
    """Distance of two images in the feature maps of a VGG network, and of their Gram matrices.

    ``sum_layer w * criterion(s * phi(x), s * phi(y))`` and, for the style, the same over ``gram(phi)``, or
    EnhanceNet's texture loss. Both terms take their maps from one forward of the network. See
    ``FrozenNetworkLoss`` for how the network is kept.

    ESRGAN's MINC loss is this with ``vgg_type='vgg16'``, ``layer_weights={'conv5_3': 1.0}`` and the weights
    of a network that was trained to recognise materials (Bell et al. 2015). There is no lasting place to
    download them from, so that ``pretrained`` is a file of the user's, on which ``use_input_norm`` depends:
    'minc' for the Caffe model of the MINC release with its weights unchanged; 'none' for VGG16minc_53.pth of
    ESRGAN's authors, which they changed to take RGB in [0, 1] (XPixelGroup/BasicSR, issue 134).

    Sources: Johnson et al. 2016; Ledig et al. 2017, eq. (5), for VGG22 and VGG54; Wang et al. 2018 (ESRGAN),
    section 3.3, for features before the activation and for MINC; Sajjadi et al. 2017 (EnhanceNet), section
    4.2.3, for the texture loss.

    Args:
        layer_weights: Weight by layer: 'conv5_4' (before the activation), 'relu5_4' (after it), 'VGG22'
            (relu2_2), 'VGG54' (relu5_4), or an index of torchvision's ``features`` ('34').
        layer_weights_style: The same for the style term; ``layer_weights`` if not given.
        vgg_type: 'vgg19' or 'vgg16'.
        perceptual_weight: Weight of the feature term; it is not computed when 0.
        style_weight: Weight of the style term; it is not computed when 0.
        criterion: 'l1' or 'mse', mean over all elements.
        feature_scale: The factor s on the feature maps; Ledig et al. use 1 / 12.75. 'unit_mean' gives the
            target's maps of a layer the mean absolute value 1, sample by sample, and the output's the same
            factor; EnhanceNet's weights are for such maps.
        input_range: Values of black and white in the images; (0, 1) by default.
        use_input_norm: True or 'imagenet', 'minc', False or 'none'; see ``VGGFeatures``.
        pretrained: 'imagenet' (torchvision's weights; 'torchvision://vgg19' in MMagic), 'builtin' (the
            package's, to relu3_1), a file of weights, or 'random'; see ``VGGFeatures``.
        dtype: 'bfloat16' or 'float16' runs the network in half precision; the distances are computed in
            float32. float16 wants the loss scaling of --amp float16.
        compile: Runs the network through ``torch.compile`` with these arguments.
        style_patch_size: Makes the style term EnhanceNet's texture loss, ``texture_distance`` over patches of
            this size (the paper's is 16); the criterion does not apply to it.
        norm_img: MMagic's name of an ``input_range``: (-1, 1) for True, (0, 1) for False. MMagic's own class
            has True by default, and a ``style_weight`` of 1.

    Raises:
        InputError: For an unknown layer, an empty range, two weights of 0, or network weights that cannot be
            read or downloaded.

    Example:
        >>> loss = PerceptualLoss({'relu2_2': 1.0}, pretrained='random', style_weight=1.0)
        >>> x, gt = torch.rand(1, 3, 16, 16, requires_grad=True), torch.rand(1, 3, 16, 16)
        >>> perceptual, style = loss(x, gt)
        >>> (perceptual + style).shape
        torch.Size([])
        >>> loss(gt, gt)[0]
        tensor(0.)
    """

    def __init__(
        self,
        layer_weights: dict[str, float],
        layer_weights_style: dict[str, float] | None = None,
        vgg_type: Literal['vgg19', 'vgg16'] = 'vgg19',
        perceptual_weight: float = 1.0,
        style_weight: float = 0.0,
        criterion: Literal['l1', 'mse'] = 'l1',
        feature_scale: float | Literal['unit_mean'] = 1.0,
        input_range: tuple[float, float] | None = None,
        use_input_norm: bool | Literal['imagenet', 'minc', 'none'] = True,
        pretrained: str = 'imagenet',
        dtype: Literal['bfloat16', 'float16'] | None = None,
        compile: dict | None = None,
        style_patch_size: Size | None = None,
        norm_img: bool | None = None,
    ) -> None:
        if norm_img is not None and input_range is not None:
            raise InputError(
                f'PerceptualLoss: norm_img={norm_img} and input_range={input_range} are one thing; give one.'
            )
        super().__init__(input_range or ((-1.0, 1.0) if norm_img else (0.0, 1.0)))
        if perceptual_weight <= 0 and style_weight <= 0:
            raise InputError(
                'PerceptualLoss: perceptual_weight and style_weight are both 0; leave the loss out instead.'
            )
        self.terms = {
            'perceptual': (perceptual_weight, dict(layer_weights)),
            'style': (style_weight, dict(layer_weights_style or layer_weights)),
        }
        self.criterion = CRITERIA[criterion]
        self.feature_scale = feature_scale
        self.style_patch_size = style_patch_size
        layers = {layer: None for weight, weights in self.terms.values() if weight > 0 for layer in weights}
        network = VGGFeatures(layers, vgg_type, _source(pretrained, vgg_type), use_input_norm)
        network.features.to(DTYPES[dtype])
        self.set_network(network, compile)

    def forward(self, x: Tensor, gt: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Compare an image with its target.

        Args:
            x: (N, 3, H, W) in ``input_range``.
            gt: The target, of the same shape; no gradient flows into it.

        Returns:
            The perceptual and the style loss; None for one whose weight is 0.
        """
        with torch.no_grad():
            target = self.run_network(self.to_unit_range(gt))
            if self.is_compiled:
                # with mode='reduce-overhead' the next call would overwrite them: a CUDA graph returns the
                # same memory every time
                target = {name: value.clone() for name, value in target.items()}
        output = self.run_network(self.to_unit_range(x))
        if self.feature_scale != 1:
            scales = {name: self._scale(value) for name, value in target.items()}
            output, target = (
                {name: maps[name] * scale for name, scale in scales.items()} for maps in (output, target)
            )
        return self._term('perceptual', output, target), self._term('style', output, target)

    def _scale(self, target: Tensor) -> float | Tensor:
        if not isinstance(self.feature_scale, str):
            return self.feature_scale
        # VGG's activations are of the order of 1; the floor keeps a sample without any from dominating
        return 1 / at_least_float32(target).abs().mean((1, 2, 3), keepdim=True).clamp_min(1e-2)

    def _term(self, name: str, output: dict[str, Tensor], target: dict[str, Tensor]) -> Tensor | None:
        weight, layers = self.terms[name]
        if weight <= 0:
            return None
        distances = [w * self._distance(name, output[layer], target[layer]) for layer, w in layers.items()]
        return weight * sum(distances[1:], distances[0])

    def _distance(self, name: str, output: Tensor, target: Tensor) -> Tensor:
        if name == 'style' and self.style_patch_size is not None:
            return texture_distance(output, target, self.style_patch_size)
        prepare = gram_matrix if name == 'style' else at_least_float32
        return self.criterion(prepare(output), prepare(target))


def _source(pretrained: str, vgg_type: str) -> str:
    """Return what ``VGGFeatures`` calls torchvision's weights, which MMagic calls 'torchvision://vgg19'."""
    scheme, separator, name = str(pretrained).partition('://')
    if scheme != 'torchvision' or not separator:
        return pretrained
    if name != vgg_type:
        raise InputError(
            f'PerceptualLoss: pretrained={pretrained!r} must be of vgg_type={vgg_type!r}: '
            f"'torchvision://{vgg_type}'."
        )
    return 'imagenet'
