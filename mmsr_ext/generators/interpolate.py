"""Network interpolation: between the network of best fidelity and the one of best perception."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from ..errors import InputError
from ..weights import differences, generator_part, generator_weights, rename_to
from .description import all_arguments, description_of
from .load import NotRecognised, identify

Weights = str | Path | Mapping[str, Tensor]

IMMATERIAL = ('with_cp',)  # arguments that change no output


class _Network(NamedTuple):
    """One of the two.

    Attributes:
        name: For errors.
        weights: Under one naming for all files of an architecture.
        description: See ``description_of``; empty if neither the file nor the weights tell.
    """

    name: str
    weights: Mapping[str, Tensor]
    description: dict[str, str]


def interpolate(a: Weights, b: Weights, alpha: float) -> dict[str, Tensor]:
    """Mix two networks of one architecture: ``(1 - alpha) * a + alpha * b`` of every parameter and buffer.

    Computed in float64. Buffers of integers, such as batch normalisation's num_batches_tracked, are rounded
    to the nearest one, and booleans have to be equal: what both networks have in common stays what it is.
    Batch normalisation's running statistics are interpolated like all else, which is only an estimate of what
    the new network would measure.

    Source: Wang et al. 2018 (ESRGAN), section 3.4; Wang et al. 2019 (Deep Network Interpolation), eq. (1).

    >>> interpolate({'weight': torch.zeros(2)}, {'weight': torch.ones(2)}, 0.25)
    {'weight': tensor([0.2500, 0.2500])}

    Args:
        a: The network at alpha = 0: a file, of which the generator is taken, or a state_dict.
        b: The network at alpha = 1.
        alpha: In [0, 1].

    Returns:
        A state_dict, in the order of a's; of the more precise type where the two differ.

    Raises:
        InputError: If alpha is outside [0, 1], a file cannot be read or is not what it says, or the two are
            of unlike architectures, or of one with unequal arguments, such as EDSR's res_scale.
    """
    check_alpha(alpha)
    first, second = read_pair(a, b)
    return mix(first.weights, second.weights, alpha)


def check_alpha(alpha: float) -> None:
    """Refuse a share outside [0, 1]."""
    if not 0 <= alpha <= 1:
        raise InputError(f'alpha={alpha!r} must be in [0, 1]: 0 is the first network, 1 the second.')


def read_pair(a: Weights, b: Weights) -> tuple[_Network, _Network]:
    """Read two networks, and refuse those that cannot be mixed."""
    first, second = _read(a), _read(b)
    faults = differences(first.weights, second.weights)
    if faults:
        raise InputError(
            f'{second.name} is of another architecture than {first.name}: it has weights {faults}. Networks '
            'can be interpolated if they are of one architecture, and best if one was trained from the '
            'other.'
        )
    faults = _unequal(first.description, second.description)
    if faults:
        raise InputError(
            f'{second.name} is another network than {first.name}, though their weights have the same names '
            f'and shapes: {faults} (a file that does not say so is taken to be as published). Networks can '
            'be interpolated if they are built alike.'
        )
    return first, second


def _read(source: Weights) -> _Network:
    if isinstance(source, Mapping):
        return _Network('the weights', source, {})
    try:
        network, args, content = identify(source)
    except NotRecognised:
        return _Network(str(source), generator_weights(source), {})
    weights = rename_to(network, generator_part(content, source))
    return _Network(str(source), weights, description_of(network, all_arguments(network, args)))


def _unequal(a: dict[str, str], b: dict[str, str]) -> str:
    """Describe how the second description differs from the first; empty if it does not or one is missing."""
    if not (a and b):
        return ''
    if a['architecture'] != b['architecture']:
        return f'it is {b["architecture"]}, not {a["architecture"]}'
    own, other = json.loads(a['arguments']), json.loads(b['arguments'])
    return ', '.join(
        f'its {key} is {other[key]!r}, not {value!r}'
        for key, value in own.items()
        if other[key] != value and key not in IMMATERIAL
    )


def mix(a: Mapping[str, Tensor], b: Mapping[str, Tensor], alpha: float) -> dict[str, Tensor]:
    """Return ``(1 - alpha) * a + alpha * b``."""
    return {key: _between(a[key], b[key], alpha, key) for key in a}


def _between(a: Tensor, b: Tensor, alpha: float, key: str) -> Tensor:
    dtype = torch.promote_types(a.dtype, b.dtype)
    if dtype == torch.bool:
        if not torch.equal(a, b):
            raise InputError(
                f'{key} holds truth values, which are not the same in the two networks and cannot be '
                'interpolated.'
            )
        return a.clone()
    value = (1 - alpha) * a.double() + alpha * b.double()
    return (value if dtype.is_floating_point else value.round()).to(dtype)
