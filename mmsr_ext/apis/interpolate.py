"""Network interpolation: between the network of best fidelity and the one of best perception."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..engine.checkpoint import differences, generator_weights
from ..errors import InputError
from .evaluate import evaluate
from .files import whole_file
from .load import ARCHITECTURES
from .tradeoff import save_tradeoff

Weights = str | Path | Mapping[str, Tensor]


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
        InputError: If alpha is outside [0, 1], a file cannot be read, or the two are of unlike architectures.
    """
    _check(alpha)
    return _mix(*_pair(a, b), alpha)


def save_interpolations(a: str,
                        b: str,
                        alphas: Sequence[float],
                        out: str | None = None,
                        config: str | None = None,
                        options: dict[str, Any] | None = None) -> list[Path]:
    """Write ``out/alpha_<alpha>.pth`` for every alpha, and with a config measure them.

    The files hold the weights under ``params``, as BasicSR's do. With a config also ``out/table.csv``, the metrics of every file, and
    ``out/tradeoff.png``, see ``save_tradeoff``; and what ``evaluate`` leaves in ``out/test``. A file is either whole or not there.

    Args:
        a (str): A file with the network at alpha = 0.
        b (str): A file with the network at alpha = 1.
        alphas (Sequence[float]): In [0, 1].
        out (str, optional): ``work_dirs/interpolate_<a>_<b>`` by default.
        config (str, optional): Path of a config of the networks with a test set.
        options (dict, optional): Overrides of config keys.

    Returns:
        list[Path]: The files with weights.

    Raises:
        InputError: As ``interpolate`` and ``evaluate``; before anything is written, unless for the config.
    """
    for alpha in alphas:
        _check(alpha)
    pair = _pair(a, b)
    folder = Path(out or f'work_dirs/interpolate_{Path(a).stem}_{Path(b).stem}')
    files = {alpha: folder / f'alpha_{alpha}.pth' for alpha in map(float, alphas)}
    for alpha, path in files.items():
        weights = _mix(*pair, alpha)
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as partial:
            torch.save({'params': weights}, partial)
    if config:
        table = evaluate(config, [str(path) for path in files.values()], str(folder), options=options)
        with whole_file(folder / 'table.csv') as partial:
            partial.write_text(_csv(table))
        save_tradeoff(folder / 'tradeoff.png', table, {path.stem: f'α = {alpha:g}' for alpha, path in files.items()})
    return list(files.values())


def _check(alpha: float) -> None:
    if not 0 <= alpha <= 1:
        raise InputError(f'alpha={alpha!r} must be in [0, 1]: 0 is the first network, 1 the second.')


def _pair(a: Weights, b: Weights) -> tuple[Mapping[str, Tensor], Mapping[str, Tensor]]:
    first, second = (weights if isinstance(weights, Mapping) else _own_names(generator_weights(weights)) for weights in (a, b))
    faults = differences(first, second)
    if faults:
        names = ['the weights' if isinstance(weights, Mapping) else weights for weights in (a, b)]
        raise InputError(f'{names[1]} is of another architecture than {names[0]}: it has weights {faults}. Networks can be interpolated if '
                         'they are of one architecture, and best if one was trained from the other.')
    return first, second


def _own_names(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """One naming for all files of an architecture."""
    found = next(filter(None, (architecture.recognise(weights) for architecture in ARCHITECTURES)), None)
    return found[1] if found else weights


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
