"""One table for all sets and methods: as text, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from typing import Any

from ..engine.better import higher_is_better
from ..machine import machine
from .measure import TIMES, Measurement

BEST = '*'
EXPLAINED = {
    'LPIPS': 'LPIPS 0.1, AlexNet; lower is better',
    'NIQE': (
        'NIQE: limited-range Y, as MMagic and BasicSR measure it, up to 4 % from the official program; lower '
        'is better, - where no image has two blocks of 96 px'
    ),
    'NIQE-MATLAB': (
        'NIQE-MATLAB: full-range grey, as the official program measures it; lower is better, - as for NIQE'
    ),
    'MP/s': 's/image, MP/s: the network alone; megapixels of output',
}


def as_text(result: Measurement) -> str:
    """Format the table under its protocol, with the notes below; a star marks the best of a set."""
    columns = columns_of(result)
    head = ['set', 'method', *columns]
    body = []
    for part in result.sets:
        best = {column: best_of(column, part.figures) for column in columns}
        for index, (method, figures) in enumerate(part.figures.items()):
            name = f'{part.name} ({len(part.images)})' if index == 0 else ''
            body.append(
                [name, method, *(_marked(column, figures.get(column), best[column]) for column in columns)]
            )
    widths = [max(map(len, line)) for line in zip(head, *body)]
    lines = []
    for line in [head, *body]:
        aligned = [
            text.ljust(width) if index < 2 else text.rjust(width)
            for index, (text, width) in enumerate(zip(line, widths))
        ]
        lines.append('  '.join(aligned).rstrip())
    return '\n'.join([*protocol_of(result), *lines, *result.notes])


def as_csv(result: Measurement) -> str:
    """Format a row for each set and method, in full precision; empty where there is no figure."""
    columns = columns_of(result)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(['set', 'images', 'method', *columns])
    for part in result.sets:
        for method, figures in part.figures.items():
            writer.writerow(
                [part.name, len(part.images), method, *(figures.get(column, '') for column in columns)]
            )
    return text.getvalue()


def as_json(result: Measurement) -> str:
    """Format the table, the figures of every image, the protocol and the machine."""
    sets = {
        part.name: dict(
            figures=part.figures,
            images={name: image.figures for name, image in part.images.items()},
            protocol=part.protocol,
            note=part.note,
            folder=str(part.folder),
        )
        for part in result.sets
    }
    return to_json(
        dict(
            config=result.config,
            checkpoints=result.checkpoints,
            protocol=protocol_of(result),
            sets=sets,
            notes=result.notes,
            machine=machine(),
        )
    )


def to_json(content: Any) -> str:
    """Format as JSON; inf and nan, which it does not have, become null."""
    return json.dumps(_finite(content), indent=2, allow_nan=False) + '\n'


def columns_of(result: Measurement) -> list[str]:
    """Return the names of the metrics in order, times last."""
    names = dict.fromkeys(
        name for part in result.sets for figures in part.figures.values() for name in figures
    )
    return sorted(names, key=lambda name: name in TIMES)


def protocol_of(result: Measurement) -> list[str]:
    """Return how the figures were measured, a line each."""
    by_text: dict[str, list[str]] = {}
    for part in result.sets:
        by_text.setdefault(part.protocol, []).append(part.name)
    lines = [text if len(by_text) == 1 else f'{", ".join(names)}: {text}' for text, names in by_text.items()]
    about = machine()
    device = (
        about['device'] if about['device'] != 'no GPU' else f'{about["processor"]}, {about["cores"]} cores'
    )
    columns = columns_of(result)
    lines += [
        text + (f', on {device}' if name == 'MP/s' else '')
        for name, text in EXPLAINED.items()
        if name in columns
    ]
    return lines + [f'{part.name}: {part.note}' for part in result.sets if part.note]


def cell(column: str, value: float | None) -> str:
    """Format a figure for the table."""
    if value is None or math.isnan(value):
        return '-'
    if column in TIMES:
        return f'{value:.3g}'
    return f'{value:.{2 if "PSNR" in column else 4}f}'


def best_of(column: str, figures: dict[str, dict[str, float]]) -> float | None:
    """Return the best figure of a column within a set; None where nobody knows which values are better."""
    values = [row[column] for row in figures.values() if column in row and not math.isnan(row[column])]
    higher = higher_is_better(column)
    if len(values) < 2 or higher is None:
        return None
    return max(values) if higher else min(values)


def is_best(column: str, value: float | None, best: float | None) -> bool:
    """Return whether a figure is the best of its column as far as the table shows."""
    return best is not None and cell(column, value) == cell(column, best)


def _marked(column: str, value: float | None, best: float | None) -> str:
    """Format a figure with a star or a space after it, so that the digits stay in line."""
    star = '' if best is None else BEST if is_best(column, value, best) else ' '
    return cell(column, value) + star


def _finite(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content
