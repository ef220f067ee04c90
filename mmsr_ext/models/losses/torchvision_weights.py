"""Weights of torchvision's networks, which perceptual losses look through."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torchvision
from torch import Tensor

from ...errors import InputError
from ...weights import read_checkpoint, weights_of


def torchvision_weights(model: str, pretrained: str, without: str) -> Mapping[str, Tensor]:
    """Read the weights of a network of torchvision.

    Args:
        model: The network's name in torchvision, such as 'vgg19'.
        pretrained: 'imagenet' for torchvision's own weights, which are downloaded unless they are on this
            machine; or a file that has the weights.
        without: What the user can do without the weights, for the error.

    Returns:
        The state_dict, with the names that the file has.

    Raises:
        InputError: If the weights cannot be downloaded, or there is no such file or it cannot be read.
    """
    if pretrained != 'imagenet':
        if not Path(pretrained).is_file():
            raise InputError(
                f"pretrained={pretrained!r} must be 'imagenet', 'random' or a file with torchvision's "
                f'weights of {model}; there is no such file.'
            )
        return weights_of(read_checkpoint(pretrained))
    weights: Any = torchvision.models.get_model_weights(model).IMAGENET1K_V1
    try:
        return weights.get_state_dict(progress=True, check_hash=True)
    except OSError as error:
        raise InputError(
            f'the ImageNet weights of {model} are not on this machine and could not be downloaded ({error}). '
            f"Bring {weights.url.rsplit('/', 1)[1]} of torchvision here and set pretrained='path/to/it'; or "
            f'{without}'
        ) from error
