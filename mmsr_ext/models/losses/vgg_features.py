"""Feature maps of torchvision's VGG, by the names of the literature."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

import torch
import torchvision
from torch import Tensor, nn

from ...arguments import checked
from ...errors import InputError
from ...pretrained import VGG19_FEATURES
from .torchvision_weights import torchvision_weights

ALIASES = {'VGG22': 'relu2_2', 'VGG54': 'relu5_4'}
BLOCKS = {'vgg16': (2, 2, 3, 3, 3), 'vgg19': (2, 2, 4, 4, 4)}

# Mean and standard deviation of RGB in [0, 1], and whether the network takes BGR instead. MINC's follow from
# its model release: BGR in [0, 255], minus (104, 117, 124).
NORMS = {
    'imagenet': ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), False),
    'minc': ((124 / 255, 117 / 255, 104 / 255), (1 / 255, 1 / 255, 1 / 255), True),
    'none': ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), False),
}


# What works without a download. Without any content loss the adversarial loss would be alone.
WITHOUT = (
    'take the shallower features that come with the package: in the config '
    "perceptual_loss=dict(layer_weights=dict(_delete_=True, VGG22=1.0), pretrained='builtin')"
)
WITHOUT_AT_ALL = "set pretrained='builtin': these layers come with the package"
DEEPEST_BUILTIN = 'relu3_1'


def layer_names(vgg_type: str) -> list[str]:
    """Return the names of VGG's layers in torchvision's order: conv1_1, relu1_1, conv1_2, ..., pool1, ..."""
    names: list[str] = []
    for block, convs in enumerate(BLOCKS[vgg_type], 1):
        names += [f'{kind}{block}_{conv}' for conv in range(1, convs + 1) for kind in ('conv', 'relu')] + [
            f'pool{block}'
        ]
    return names


@checked
class VGGFeatures(nn.Module):
    """Feature maps of VGG16 or VGG19 (Simonyan and Zisserman 2015).

    Args:
        layers: Names like 'conv5_4' (before the activation) and 'relu5_4' (after it), 'VGG22', 'VGG54', or
            the index in torchvision's ``features`` as MMagic writes it ('34').
        vgg_type: 'vgg16' or 'vgg19'.
        pretrained: 'imagenet' for torchvision's weights; 'builtin' for those of the package, which are of
            VGG19 and end at relu3_1; 'random'; or a file of a state_dict, where the layers have torchvision's
            names ('features.0'), Caffe's ('conv1_1') or those of ESRGAN's MINC file ('conv11').
        input_norm: What the weights expect of the input, which is RGB in [0, 1]: True or 'imagenet' for
            torchvision's normalisation, 'minc' for that of the MINC release's Caffe model (BGR in [0, 255],
            mean subtracted), False or 'none' for none.

    Raises:
        InputError: For an unknown layer, or weights that cannot be read or downloaded.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        layers: Iterable[str],
        vgg_type: Literal['vgg19', 'vgg16'] = 'vgg19',
        pretrained: str = 'imagenet',
        input_norm: bool | Literal['imagenet', 'minc', 'none'] = True,
    ) -> None:
        super().__init__()
        self.taps = {layer: _index_of(layer, vgg_type) for layer in layers}
        if not self.taps:
            raise InputError('layer_weights is empty: name at least one layer, such as conv5_4.')
        norm = input_norm if isinstance(input_norm, str) else 'imagenet' if input_norm else 'none'
        mean, std, self.bgr = NORMS[norm]
        self.normalised = norm != 'none'
        with torch.device('meta'):  # neither memory nor time for the classifier, which is not used
            network = getattr(torchvision.models, vgg_type)(weights=None, init_weights=False)
        self.features = network.features[: max(self.taps.values()) + 1].to_empty(device='cpu')
        for index, layer in enumerate(self.features):
            if isinstance(layer, nn.ReLU):
                layer.inplace = index - 1 not in self.taps.values()  # a tapped map must not be overwritten
        _load(self.features, vgg_type, pretrained)
        self.register_buffer('mean', torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer('std', torch.tensor(std).view(1, 3, 1, 1))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Map (N, C, H, W) in [0, 1] to the feature maps, by the names given to the constructor.

        An image of one channel counts as grey: three equal channels.
        """
        if x.shape[1] == 1:
            x = x.expand(-1, 3, -1, -1)
        if self.normalised:
            x = (x - self.mean) / self.std
        if self.bgr:
            x = x.flip(1)
        # after the normalisation, for which half precision is not enough
        x = x.to(self.features[0].weight.dtype)
        maps: dict[int, Tensor] = {}
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in self.taps.values():
                maps[index] = x
        return {name: maps[index] for name, index in self.taps.items()}


def _index_of(layer: str, vgg_type: str) -> int:
    names = layer_names(vgg_type)
    name = ALIASES.get(layer, layer)
    if name in names:
        return names.index(name)
    if name.isdigit() and int(name) < len(names):
        return int(name)
    raise InputError(f'{vgg_type} has no layer {layer!r}; its layers are {", ".join(names)}.')


def _load(features: nn.Sequential, vgg_type: str, pretrained: str) -> None:
    if pretrained == 'random':
        for layer in features:
            if isinstance(layer, nn.Conv2d):
                layer.reset_parameters()
        return
    if pretrained == 'builtin':
        if vgg_type != 'vgg19':
            raise InputError(f"pretrained='builtin' has the weights of vgg19 alone, not of {vgg_type}.")
        pretrained = str(VGG19_FEATURES)
    names = layer_names(vgg_type)
    suffices = vgg_type == 'vgg19' and len(features) <= names.index(DEEPEST_BUILTIN) + 1
    state = torchvision_weights(vgg_type, pretrained, WITHOUT_AT_ALL if suffices else WITHOUT)
    state = {_index_key(key, names): value for key, value in state.items()}
    for key, parameter in features.state_dict().items():
        if key not in state or state[key].shape != parameter.shape:
            raise InputError(
                f'{pretrained}: no weights of {vgg_type} for layer {names[int(key.split(".")[0])]} (key '
                f'features.{key}, shape {tuple(parameter.shape)}), which the perceptual loss needs. Give a '
                'file that goes as deep, or name layers that it has.'
            )
    features.load_state_dict({key: state[key].float() for key in features.state_dict()})


def _index_key(key: str, names: list[str]) -> str:
    """Return '0.weight' for each of 'features.0.weight', 'conv1_1.weight' and 'conv11.weight'."""
    found = re.fullmatch(r'conv(\d)_?(\d)\.(weight|bias)', key)
    name = f'conv{found[1]}_{found[2]}' if found else ''
    return f'{names.index(name)}.{found[3]}' if found and name in names else key.removeprefix('features.')
