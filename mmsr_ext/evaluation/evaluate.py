"""Measure checkpoints, print the table and write what was asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process

from ..errors import InputError, printable
from ..io.atomic import writable, write_text
from .comparison import save_comparison
from .finished import add_finished, measure_finished, named_folders
from .measure import Measurement, measure
from .report import save_report
from .table import as_csv, as_json, as_text


def evaluate(
    config: str | None,
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
    images: list[str] | None = None,
    names: list[str] | None = None,
    scale: int | None = None,
    border: int | None = None,
    gt: str | None = None,
) -> Measurement:
    """Measure checkpoints of one architecture on a config's test data, beside the config's baseline.

    Or folders of finished outputs, of any program, beside checkpoints or without a config.

    Prints one table, and leaves every output and comparison pictures in ``work_dir/test``.

    Args:
        config: Path of the config; None to measure ``images`` alone.
        checkpoints: Files that hold the weights of the config's generator.
        work_dir: ``work_dirs/<name of the config>`` by default, or work_dirs/images.
        out: An HTML file: table, images to compare, curves of the runs that the checkpoints are of.
        json_file: A file for the figures, those for every image included.
        csv_file: A file for the table.
        max_images: Images of a set that the HTML file shows; see ``save_report``.
        options: Overrides of config keys.
        launcher: 'none', 'pytorch', 'slurm' or 'mpi'.
        raw: Measure the trained weights also where a checkpoint has their average, which else is preferred.
        benchmarks: Folder with the test sets Set5, Set14, ...; those that are there are measured too.
        lpips: A file of torchvision's AlexNet weights, where they are not in its cache.
        images: Folders of outputs, see ``measure_finished``.
        names: Names of their rows; by default the names of the folders.
        scale: Scale of the outputs, for ``images`` without a config.
        border: Pixels left out at each side, for ``images`` without a config; by default the scale.
        gt: Folder of their ground truth, for ``images`` without a config.

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
    folders = named_folders(images or [], names)
    if config is None:
        where = str(Path(work_dir or 'work_dirs/images') / 'test')
        result = measure_finished(folders, benchmarks or 'data', where, scale, border, gt, lpips)
    else:
        result = measure(config, checkpoints, work_dir, options, launcher, raw, benchmarks, lpips)
    if is_main_process():
        if config is not None:
            add_finished(result, folders, lpips)
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
    print(printable(as_text(result)))
    for part in result.sets:
        print(f'{part.name}, outputs: {part.folder}')
        if part.images:
            methods = [method for method in part.figures if (part.folder / method).is_dir()]
            picture = save_comparison(Path(part.folder), methods, list(part.images))
            print(f'{part.name}, comparison: {picture}')
