"""Writing mixtures of two networks, and measuring each."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from ..generators.description import ENTRY
from ..generators.interpolate import check_alpha, mix, read_pair
from ..io.atomic import whole_file
from .evaluate import evaluate
from .tradeoff import save_tradeoff


def save_interpolations(
    a: str,
    b: str,
    alphas: Sequence[float],
    out: str | None = None,
    config: str | None = None,
    options: dict[str, Any] | None = None,
) -> list[Path]:
    """Write ``out/alpha_<alpha>.pth`` for every alpha, and with a config measure them.

    The files hold the weights under ``params``, as BasicSR's do, and under ``mmsr_ext`` what
    ``load_generator`` needs to build the network; where only one of the two tells that, the other is taken to
    be the same, and where neither does, the files do not either. With a config also ``out/table.csv``, the
    metrics of every file, and ``out/tradeoff.png``, see ``save_tradeoff``; and what ``evaluate`` leaves in
    ``out/test``. A file is either whole or not there.

    Args:
        a: A file with the network at alpha = 0.
        b: A file with the network at alpha = 1.
        alphas: In [0, 1].
        out: ``work_dirs/interpolate_<a>_<b>`` by default, with the names of the files, and of their folders
            where the files have equal or numbered names, such as iter_5.pth.
        config: Path of a config of the networks with a test set.
        options: Overrides of config keys.

    Returns:
        The files with weights.

    Raises:
        InputError: As ``interpolate`` and ``evaluate``; before anything is written, unless for the config.
    """
    for alpha in alphas:
        check_alpha(alpha)
    first, second = read_pair(a, b)
    description = first.description or second.description
    folder = Path(out or _folder(a, b))
    files = {alpha: folder / f'alpha_{alpha}.pth' for alpha in map(float, alphas)}
    for alpha, path in files.items():
        content: dict[str, Any] = {'params': mix(first.weights, second.weights, alpha)}
        if description:
            content[ENTRY] = description | {
                'weights': f'interpolated: {1 - alpha:g} {Path(a).name} + {alpha:g} {Path(b).name}'
            }
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as partial:
            torch.save(content, partial)
    if config:
        table = evaluate(config, [str(path) for path in files.values()], str(folder), options=options).table
        with whole_file(folder / 'table.csv') as partial:
            _write_csv(partial, table)
        save_tradeoff(
            folder / 'tradeoff.png', table, {path.stem: f'α = {alpha:g}' for alpha, path in files.items()}
        )
    return list(files.values())


def _folder(a: str, b: str) -> str:
    """Return the default output folder; common names such as iter_5 are prefixed by their folder."""
    paths = [Path(path).absolute() for path in (a, b)]
    alike = paths[0].stem == paths[1].stem
    names = [
        f'{path.parent.name}_{path.stem}' if alike or re.search(r'_\d+$', path.stem) else path.stem
        for path in paths
    ]
    return f'work_dirs/interpolate_{"_".join(names)}'


def _write_csv(path: Path, table: dict[str, dict[str, float]]) -> None:
    columns = list(dict.fromkeys(name for row in table.values() for name in row))
    with path.open('w', encoding='utf-8', newline='') as file:
        writer = csv.DictWriter(file, ['network', *columns], restval='', lineterminator='\n')
        writer.writeheader()
        writer.writerows({'network': name, **row} for name, row in table.items())
