"""The networks that come with the package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import InputError

FOLDER = Path(__file__).parent
DEFAULT = 'compact_x4'
VGG19_FEATURES = FOLDER / 'vgg19_to_relu3_1.safetensors'


def names() -> list[str]:
    """Return the names of the networks that come with the package.

    >>> 'compact_x4' in names()
    True
    """
    return sorted(file.stem for file in FOLDER.glob('*.json'))


def weights_file(source: str | Path) -> Path:
    """Return the file of weights that a path or the name of a built-in network means.

    >>> weights_file('compact_x4').name
    'compact_x4.safetensors'

    Args:
        source: A path, which is returned whether the file exists or not, or a name where there is no such
            file.
    """
    path = Path(source)
    return builtin_network(str(source)) if str(source) in names() and not path.exists() else path


def builtin_network(name: str = DEFAULT) -> Path:
    """Return the weights of a network that comes with the package.

    >>> builtin_network().name
    'compact_x4.safetensors'

    Args:
        name: Name of the network.

    Returns:
        Path of the .safetensors file.

    Raises:
        InputError: If there is none of that name.
    """
    path = FOLDER / f'{name}.safetensors'
    if name not in names():
        raise InputError(f'there is no built-in network {name!r}; expected one of {", ".join(names())}.')
    return path


def card_of(name: str = DEFAULT) -> dict[str, Any]:
    """Return the card of a network that comes with the package.

    >>> card_of()['scale']
    4

    Args:
        name: Name of the network.

    Returns:
        The card in the form of OpenModelDB: architecture, scale, licence, data, iterations, checksum. Its key
        ``measured`` has the figures and how they were measured.

    Raises:
        InputError: If there is none of that name.
    """
    return json.loads(builtin_network(name).with_suffix('.json').read_text(encoding='utf-8'))
