"""Measure checkpoints, print the table and write what was asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process

from ..errors import InputError
from ..io.atomic import writable, write_text
from .comparison import save_comparison
from .measure import Measurement, measure
from .report import save_report
from .table import as_csv, as_json, as_text


def evaluate(
    config: str,
    checkpoints: list[str],
    work_dir: str | None = None,
    out: str | None = None,
    json_file: str | None = None,
    csv_file: str | None = None,
    max_images: int | None = None,
    options: dict[str, Any] | None = None,
    launcher: str = 'none',
    raw: bool = False,
    benchmarks: str | None = None,
    lpips: str | None = None,
) -> Measurement:
    """Measure checkpoints of one architecture on a config's test data, beside the config's baseline.

    Prints one table, and leaves every output and comparison pictures in ``work_dir/test``.

    Args:
        config: Path of the config.
        checkpoints: Files that hold the weights of the config's generator.
        work_dir: ``work_dirs/<name of the config>`` by default.
        out: An HTML file: table, images to compare, curves of the runs that the checkpoints are of.
        json_file: A file for the figures, those for every image included.
        csv_file: A file for the table.
        max_images: Images of a set that the HTML file shows; see ``save_report``.
        options: Overrides of config keys.
        launcher: 'none', 'pytorch', 'slurm' or 'mpi'.
        raw: Measure the trained weights also where a checkpoint has their average, which else is preferred.
        benchmarks: Folder with the test sets Set5, Set14, ...; those that are there are measured too.
        lpips: A file of torchvision's AlexNet weights, where they are not in its cache.

    Returns:
        In every process; ``table`` has the figures by method.

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
    result = measure(config, checkpoints, work_dir, options, launcher, raw, benchmarks, lpips)
    if is_main_process():
        print_result(result)
        if json_file:
            write_text(json_file, as_json(result))
        if csv_file:
            write_text(csv_file, as_csv(result))
        if out:
            save_report(out, result, max_images)
            print(f'report: {out}')
    return result


def print_result(result: Measurement) -> None:
    """Print the table, and where outputs and comparison pictures are."""
    print(as_text(result))
    for part in result.sets:
        print(f'{part.name}, outputs: {part.folder}')
        if part.images:
            methods = [method for method in part.figures if (part.folder / method).is_dir()]
            picture = save_comparison(Path(part.folder), methods, list(part.images))
            print(f'{part.name}, comparison: {picture}')
