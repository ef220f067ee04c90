"""The report: one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import json
from collections import Counter
from datetime import date
from html import escape
from importlib import resources
from itertools import zip_longest
from pathlib import Path
from string import Template
from typing import Any

from ...io.atomic import write_text
from ...io.images import image_size
from ...machine import machine
from ..measure import Measurement, SetResult
from ..table import best_of, cell, columns_of, is_best, protocol_of
from .curves import draw_all
from .scalars import read_scalars

PAGE_BYTES = 100_000_000  # a page that browsers still open at once


def save_report(path: str | Path, result: Measurement, max_images: int | None = None) -> None:
    """Write the table, a viewer for the images, and the curves of the runs that the checkpoints are of.

    Images are embedded in full size and without loss. The file is written whole or not at all.

    Args:
        path: A .html file in an existing folder.
        result: As ``measure`` returns it.
        max_images: Images of a set; by default all, as long as all together have less than 100 MB.

    Raises:
        InputError: If the file cannot be written.
    """
    shown = _chosen(result, max_images)
    counts = [
        f'{part.name}: {len(names)} of {len(part.images)} images'
        for part, names in zip(result.sets, shown)
        if len(names) < len(part.images)
    ]
    text = Template(resource('page.html')).substitute(
        title=escape(', '.join(result.checkpoints)),
        style=resource('page.css'),
        script=resource('page.js'),
        table=_table(result),
        protocol=''.join(f'<li>{escape(line)}</li>' for line in [*protocol_of(result), *result.notes]),
        images=json.dumps(
            [_images(result, part, names) for part, names in zip(result.sets, shown) if names]
        ).replace('<', '\\u003c'),
        shown=escape(f'Shown are {"; ".join(counts)}. --max-images N shows more.' if counts else ''),
        curves=_curves(result),
        about=_about(result),
    )
    write_text(path, text)


def resource(name: str) -> str:
    """Return a file of this folder."""
    return resources.files(__package__).joinpath(name).read_text(encoding='utf-8')


def _table(result: Measurement) -> str:
    columns = columns_of(result)
    lines = [
        '<thead><tr><th scope="col">set</th><th scope="col">method</th>'
        + ''.join(f'<th scope="col">{escape(column)}</th>' for column in columns)
        + '</tr></thead>'
    ]
    for part in result.sets:
        best = {column: best_of(column, part.figures) for column in columns}
        rows = []
        for index, (method, figures) in enumerate(part.figures.items()):
            head = (
                f'<th scope="rowgroup" rowspan="{len(part.figures)}">{escape(part.name)} '
                f'({len(part.images)})</th>'
                if index == 0
                else ''
            )
            cells = ''.join(_cell(column, figures.get(column), best[column]) for column in columns)
            rows.append(f'<tr>{head}<th scope="row">{escape(method)}</th>{cells}</tr>')
        lines.append(f'<tbody>{"".join(rows)}</tbody>')
    return f'<table>{"".join(lines)}</table>'


def _cell(column: str, value: float | None, best: float | None) -> str:
    text = cell(column, value)
    return f'<td><b>{text}</b></td>' if is_best(column, value, best) else f'<td>{text}</td>'


def _chosen(result: Measurement, max_images: int | None) -> list[list[str]]:
    """Choose the images to show: the first ones of each set, in turn, while there is room."""
    if max_images is not None:
        return [list(part.images)[:max_images] for part in result.sets]
    chosen: list[list[str]] = [[] for _ in result.sets]
    room = PAGE_BYTES
    for names in zip_longest(*(part.images for part in result.sets)):
        for part, name, own in zip(result.sets, names, chosen):
            if name is None:
                continue
            room -= sum(file.stat().st_size for file in _files(result, part, name).values()) * 4 // 3
            if room < 0:
                return chosen
            own.append(name)
    return chosen


def _files(result: Measurement, part: SetResult, name: str) -> dict[str, Path]:
    methods = ['LQ', *([result.baseline] if result.baseline else []), *result.checkpoints, 'GT']
    files = {method: part.folder / method / f'{name}.png' for method in methods}
    return {
        method: file
        for method, file in files.items()
        if file.is_file() and not (method == 'LQ' and result.baseline == 'input')
    }


def _images(result: Measurement, part: SetResult, names: list[str]) -> dict[str, Any]:
    images = []
    for name in names:
        files = _files(result, part, name)
        height, width = image_size(files['GT'])
        layers = []
        for method, file in files.items():
            source = f'data:image/png;base64,{base64.b64encode(file.read_bytes()).decode()}'
            figures = ', '.join(
                f'{key} {cell(key, value)}'
                for key, value in part.images[name].figures.get(method, {}).items()
            )
            layers.append(dict(label=method, source=source, figures=figures))
        images.append(dict(name=name, width=width, height=height, layers=layers))
    return dict(name=part.name, images=images)


def _curves(result: Measurement) -> str:
    runs: dict[Path, None] = {}
    for checkpoint in map(Path, result.checkpoints.values()):
        folder = next(
            (
                folder
                for folder in (checkpoint.parent, checkpoint.resolve().parent)
                if any(folder.glob('*/vis_data'))
            ),
            None,
        )
        if folder is not None:
            runs[folder.resolve()] = None
    charts = {run: draw_all(series) for run in runs if (series := read_scalars(run))}
    if not charts:
        return '<p>The folders of the checkpoints have no log of a run.</p>'
    names = Counter(run.name for run in charts)
    titles = {run: run.name if names[run.name] == 1 else f'{run.parent.name}/{run.name}' for run in charts}
    return ''.join(
        f'<h3>{escape(titles[run])}</h3><div class="charts">{chart}</div>' for run, chart in charts.items()
    )


def _about(result: Measurement) -> str:
    versions = ', '.join(f'{name} {version}' for name, version in machine()['versions'].items())
    lines = [
        *([f'config {result.config}'] if result.config else []),
        *(f'{name}: {path}' for name, path in result.checkpoints.items()),
        versions,
        f'{date.today()}',
    ]
    return ''.join(f'<li>{escape(line)}</li>' for line in lines)
