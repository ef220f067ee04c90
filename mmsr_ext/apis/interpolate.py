"""Network interpolation: between the network of best fidelity and the one of best perception."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..engine.checkpoint import differences, generator_part, generator_weights, own_names
from ..errors import InputError
from .description import ENTRY, all_arguments, description_of
from .evaluate import evaluate
from .files import whole_file
from .load import NotRecognised, identify
from .tradeoff import save_tradeoff

Weights = str | Path | Mapping[str, Tensor]

IMMATERIAL = ('with_cp', )  # arguments that change no output


class _Network(NamedTuple):
    """One of the two.

    Attributes:
        name (str): For errors.
        weights (Mapping[str, Tensor]): Under one naming for all files of an architecture.
        description (dict[str, str]): See ``description_of``; empty if neither the file nor the weights tell.
    """

    name: str
    weights: Mapping[str, Tensor]
    description: dict[str, str]


def interpolate(a: Weights, b: Weights, alpha: float) -> dict[str, Tensor]:
    """Weights between those of two networks of one architecture: ``(1 - alpha) * a + alpha * b`` for every parameter and buffer.

    Computed in float64. Buffers of integers, such as batch normalisation's num_batches_tracked, are rounded to the nearest one, and
    booleans have to be equal: what both networks have in common stays what it is. Batch normalisation's running statistics are interpolated
    like all else, which is only an estimate of what the new network would measure.

    Source: Wang et al. 2018 (ESRGAN), section 3.4; Wang et al. 2019 (Deep Network Interpolation), eq. (1).

    Args:
        a (str, Path or Mapping[str, Tensor]): The network at alpha = 0: a file, of which the generator is taken, or a state_dict.
        b (str, Path or Mapping[str, Tensor]): The network at alpha = 1.
        alpha (float): In [0, 1].

    Returns:
        dict[str, Tensor]: A state_dict, in the order of a's; of the more precise type where the two differ.

    Raises:
        InputError: If alpha is outside [0, 1], a file cannot be read or is not what it says, or the two are of unlike architectures, or of
            one with unequal arguments, such as EDSR's res_scale.
    """
    _check(alpha)
    first, second = _pair(a, b)
    return _mix(first.weights, second.weights, alpha)


def save_interpolations(a: str,
                        b: str,
                        alphas: Sequence[float],
                        out: str | None = None,
                        config: str | None = None,
                        options: dict[str, Any] | None = None) -> list[Path]:
    """Write ``out/alpha_<alpha>.pth`` for every alpha, and with a config measure them.

    The files hold the weights under ``params``, as BasicSR's do, and under ``mmsr_ext`` what ``load_generator`` needs to build the network;
    where only one of the two tells that, the other is taken to be the same, and where neither does, the files do not either. With a config
    also ``out/table.csv``, the metrics of every file, and ``out/tradeoff.png``, see ``save_tradeoff``; and what ``evaluate`` leaves in
    ``out/test``. A file is either whole or not there.

    Args:
        a (str): A file with the network at alpha = 0.
        b (str): A file with the network at alpha = 1.
        alphas (Sequence[float]): In [0, 1].
        out (str, optional): ``work_dirs/interpolate_<a>_<b>`` by default, with the names of the files, and of their folders where the files
            have equal or numbered names, such as iter_5.pth.
        config (str, optional): Path of a config of the networks with a test set.
        options (dict, optional): Overrides of config keys.

    Returns:
        list[Path]: The files with weights.

    Raises:
        InputError: As ``interpolate`` and ``evaluate``; before anything is written, unless for the config.
    """
    for alpha in alphas:
        _check(alpha)
    first, second = _pair(a, b)
    description = first.description or second.description
    folder = Path(out or _folder(a, b))
    files = {alpha: folder / f'alpha_{alpha}.pth' for alpha in map(float, alphas)}
    for alpha, path in files.items():
        content: dict[str, Any] = {'params': _mix(first.weights, second.weights, alpha)}
        if description:
            content[ENTRY] = description | {'weights': f'interpolated: {1 - alpha:g} {Path(a).name} + {alpha:g} {Path(b).name}'}
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as partial:
            torch.save(content, partial)
    if config:
        table = evaluate(config, [str(path) for path in files.values()], str(folder), options=options)
        with whole_file(folder / 'table.csv') as partial:
            partial.write_text(_csv(table))
        save_tradeoff(folder / 'tradeoff.png', table, {path.stem: f'α = {alpha:g}' for alpha, path in files.items()})
    return list(files.values())


def _check(alpha: float) -> None:
    if not 0 <= alpha <= 1:
        raise InputError(f'alpha={alpha!r} must be in [0, 1]: 0 is the first network, 1 the second.')


def _pair(a: Weights, b: Weights) -> tuple[_Network, _Network]:
    first, second = _read(a), _read(b)
    faults = differences(first.weights, second.weights)
    if faults:
        raise InputError(f'{second.name} is of another architecture than {first.name}: it has weights {faults}. Networks can be '
                         'interpolated if they are of one architecture, and best if one was trained from the other.')
    faults = _unequal(first.description, second.description)
    if faults:
        raise InputError(f'{second.name} is another network than {first.name}, though their weights have the same names and shapes: '
                         f'{faults} (a file that does not say so is taken to be as published). Networks can be interpolated if they are '
                         'built alike.')
    return first, second


def _read(source: Weights) -> _Network:
    if isinstance(source, Mapping):
        return _Network('the weights', source, {})
    try:
        network, args, content = identify(source)
    except NotRecognised:
        return _Network(str(source), generator_weights(source), {})
    weights = own_names(network, generator_part(content, source))
    return _Network(str(source), weights, description_of(network, all_arguments(network, args)))


def _unequal(a: dict[str, str], b: dict[str, str]) -> str:
    """In words, how the second description differs from the first; empty if it does not, or there are not two."""
    if not (a and b):
        return ''
    if a['architecture'] != b['architecture']:
        return f'it is {b["architecture"]}, not {a["architecture"]}'
    own, other = json.loads(a['arguments']), json.loads(b['arguments'])
    return ', '.join(f'its {key} is {other[key]!r}, not {value!r}'
                     for key, value in own.items() if other[key] != value and key not in IMMATERIAL)


def _folder(a: str, b: str) -> str:
    """By default; names that many files have, such as iter_5, are told apart by the folder."""
    paths = [Path(path).absolute() for path in (a, b)]
    alike = paths[0].stem == paths[1].stem
    names = [f'{path.parent.name}_{path.stem}' if alike or re.search(r'_\d+$', path.stem) else path.stem for path in paths]
    return f'work_dirs/interpolate_{"_".join(names)}'


def _mix(a: Mapping[str, Tensor], b: Mapping[str, Tensor], alpha: float) -> dict[str, Tensor]:
    return {key: _between(a[key], b[key], alpha, key) for key in a}


def _between(a: Tensor, b: Tensor, alpha: float, key: str) -> Tensor:
    dtype = torch.promote_types(a.dtype, b.dtype)
    if dtype == torch.bool:
        if not torch.equal(a, b):
            raise InputError(f'{key} holds truth values, which are not the same in the two networks and cannot be interpolated.')
        return a.clone()
    value = (1 - alpha) * a.double() + alpha * b.double()
    return (value if dtype.is_floating_point else value.round()).to(dtype)


def _csv(table: dict[str, dict[str, float]]) -> str:
    columns = list(dict.fromkeys(name for row in table.values() for name in row))
    lines = [','.join(['network', *columns])]
    lines += [','.join([name, *(str(row.get(column, '')) for column in columns)]) for name, row in table.items()]
    return '\n'.join(lines) + '\n'
