"""Measuring checkpoints, and telling the result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process

from ..errors import InputError
from ..io.atomic import writable, write_text
from .comparison import save_comparison
from .measure import TIMES, Measurement, measure
from .report import save_report
from .table import as_csv, as_json, as_text, to_json


def evaluate(
    config: str,
    checkpoints: list[str],
    work_dir: str | None = None,
    out: str | None = None,
    options: dict[str, Any] | None = None,
    launcher: str = 'none',
    raw: bool = False,
) -> dict[str, dict[str, float]]:
    """Measure checkpoints of one architecture on a config's test set, beside the config's baseline.

    Prints a table, and leaves every output and a comparison picture in ``work_dir/test``.

    Args:
        config: Path of the config.
        checkpoints: Files that hold the weights of the config's generator.
        work_dir: ``work_dirs/<name of the config>`` by default.
        out: A JSON file for the figures.
        options: Overrides of config keys.
        launcher: 'none', 'pytorch', 'slurm' or 'mpi'.
        raw: Measure the trained weights also where a checkpoint has their average, which else is preferred.

    Returns:
        Metric by name by method.

    Raises:
        InputError: For a config, data or checkpoint that cannot be used.
    """
    result = measure(config, checkpoints, work_dir, options, launcher, raw)
    table: dict[str, dict[str, float]] = {}
    for part in result.sets:
        for method, figures in part.figures.items():
            table.setdefault(method, {}).update(
                {name: value for name, value in figures.items() if name not in TIMES}
            )
    if is_main_process():
        _tell(result)
        if out:
            write_text(out, to_json(table))
    return table


def evaluate_all(
    config: str,
    checkpoints: list[str],
    out: str | None = None,
    json_file: str | None = None,
    csv_file: str | None = None,
    max_images: int | None = None,
    **kwargs: Any,
) -> Measurement:
    """Measure checkpoints on the benchmark sets that are there and on the config's own test data.

    Prints one table, and leaves every output and comparison pictures in ``work_dir/test``.

    Args:
        config: Path of the config.
        checkpoints: Files that hold the weights of the config's generator.
        out: An HTML file: table, images to compare, curves of the runs that the checkpoints are of.
        json_file: A file for the figures, those for every image included.
        csv_file: A file for the table.
        max_images: Images of a set that the HTML file shows; see ``save_report``.
        **kwargs: See ``measure``.

    Returns:
        In every process.

    Raises:
        InputError: For a config, data, checkpoint or output file that cannot be used; before anything is
            measured, where it can be seen.
    """
    if max_images is not None and max_images < 1:
        raise InputError(
            f'--max-images {max_images} must be at least 1; leave it out for as many as a page of 100 MB '
            'takes.'
        )
    for path in filter(None, (out, json_file, csv_file)):
        writable(path)
    result = measure(config, checkpoints, **{'benchmarks': 'data', **kwargs})
    if is_main_process():
        _tell(result)
        if json_file:
            write_text(json_file, as_json(result))
        if csv_file:
            write_text(csv_file, as_csv(result))
        if out:
            save_report(out, result, max_images)
            print(f'report: {out}')
    return result


def _tell(result: Measurement) -> None:
    print(as_text(result))
    for part in result.sets:
        print(f'{part.name}, outputs: {part.folder}')
        if part.images:
            methods = [method for method in part.figures if (part.folder / method).is_dir()]
            print(
                f'{part.name}, comparison: {save_comparison(Path(part.folder), methods, list(part.images))}'
            )
