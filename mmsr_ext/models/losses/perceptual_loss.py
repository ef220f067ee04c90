"""Perceptual and style loss."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...arguments import Size
from ...errors import InputError
from ...functional import at_least_float32, gram_matrix, texture_distance
from ...registry import MODELS
from .vgg_features import VGGFeatures

DTYPES = {None: torch.float32, 'bfloat16': torch.bfloat16, 'float16': torch.float16}
CRITERIA = {'l1': F.l1_loss, 'mse': F.mse_loss}


@MODELS.register_module()
class PerceptualLoss(nn.Module):
    """Distance of two images in the feature maps of a VGG network, and of their Gram matrices.

    ``sum_layer w * criterion(s * phi(x), s * phi(y))`` and, for the style, the same over ``gram(phi)``, or
    EnhanceNet's texture loss. The network is frozen, always in eval mode, and no part of the module tree: it
    is neither saved, nor wrapped for distributed training, nor trained. Both terms take their maps from one
    forward of it.

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
        input_range: Values of black and white in the images.
        use_input_norm: True or 'imagenet', 'minc', False or 'none'; see ``VGGFeatures``.
        pretrained: 'imagenet' (torchvision's weights), a file of weights, or 'random'; see ``VGGFeatures``.
        dtype: 'bfloat16' or 'float16' runs the network in half precision; the distances are computed in
            float32. float16 wants the loss scaling of --amp float16.
        compile: Runs the network through ``torch.compile`` with these arguments.
        style_patch_size: Makes the style term EnhanceNet's texture loss, ``texture_distance`` over patches of
            this size (the paper's is 16); the criterion does not apply to it.

    Raises:
        InputError: For an unknown layer, network, criterion, scale or normalisation, or weights that cannot
            be had.
    """

    def __init__(
        self,
        layer_weights: dict[str, float],
        layer_weights_style: dict[str, float] | None = None,
        vgg_type: str = 'vgg19',
        perceptual_weight: float = 1.0,
        style_weight: float = 0.0,
        criterion: str = 'l1',
        feature_scale: float | str = 1.0,
        input_range: tuple[float, float] = (0.0, 1.0),
        use_input_norm: bool | str = True,
        pretrained: str = 'imagenet',
        dtype: str | None = None,
        compile: dict | None = None,
        style_patch_size: Size | None = None,
    ) -> None:
        super().__init__()
        if criterion not in CRITERIA:
            raise InputError(f'PerceptualLoss: criterion={criterion!r} must be one of {", ".join(CRITERIA)}.')
        if isinstance(feature_scale, str) and feature_scale != 'unit_mean':
            raise InputError(
                f"PerceptualLoss: feature_scale={feature_scale!r} must be a number or 'unit_mean'."
            )
        if style_patch_size is not None and style_patch_size < 1:
            raise InputError(
                f'PerceptualLoss: style_patch_size={style_patch_size!r} must be at least 1; the paper has 16.'
            )
        if dtype not in DTYPES:
            raise InputError(f"PerceptualLoss: dtype={dtype!r} must be 'bfloat16', 'float16' or None.")
        low, high = input_range
        if not low < high:
            raise InputError(
                f'PerceptualLoss: input_range={input_range!r} must be (black, white) with black < white.'
            )
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
        self.low, self.high = low, high
        layers = {layer: None for weight, weights in self.terms.values() if weight > 0 for layer in weights}
        # in a tuple, which torch does not search for submodules
        self._network = (VGGFeatures(layers, vgg_type, pretrained, use_input_norm),)
        self._network[0].features.to(DTYPES[dtype])
        self._run = (
            self._network[0]
            if compile is None
            else torch.compile(self._network[0], dynamic=False, **compile),
        )

    def forward(self, x: Tensor, gt: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Compare an image with its target.

        Args:
            x: (N, 3, H, W) in ``input_range``.
            gt: The target, of the same shape; no gradient flows into it.

        Returns:
            The perceptual and the style loss; None for one whose weight is 0.
        """
        with torch.no_grad():
            target = self._features(gt)
            if self._run[0] is not self._network[0]:
                # mode='reduce-overhead' would have the second call overwrite them: a CUDA graph returns the
                # same memory every time
                target = {name: value.clone() for name, value in target.items()}
        output = self._features(x)
        if self.feature_scale != 1:
            scales = {name: self._scale(value) for name, value in target.items()}
            output, target = (
                {name: maps[name] * scale for name, scale in scales.items()} for maps in (output, target)
            )
        return self._term('perceptual', output, target), self._term('style', output, target)

    def _apply(self, fn: Callable, recurse: bool = True) -> PerceptualLoss:
        """Moves to another device or memory format reach the network, too."""
        self._network[0]._apply(fn)
        return super()._apply(fn, recurse)

    def _features(self, x: Tensor) -> dict[str, Tensor]:
        return self._run[0]((x - self.low) / (self.high - self.low))

    def _scale(self, target: Tensor) -> float | Tensor:
        if not isinstance(self.feature_scale, str):
            return self.feature_scale
        # VGG's activations are of the order of 1; the floor keeps a sample without any from having all the
        # weight
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
