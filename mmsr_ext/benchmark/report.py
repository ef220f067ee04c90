"""What a measurement says: the machine, a table, and the same as JSON."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..io.markdown import markdown_table
from ..machine import machine
from ..tool_names import tool


@dataclass
class Report:
    """The result of a measurement.

    Args:
        title: What was measured, with sizes and precision.
        rows: One a line of the table; the keys, which name units, are its columns, and are the same in every
            row.
        notes: What a reader must know to read the table.
        machine: On which it was measured; this one.
    """

    title: str
    rows: list[dict[str, Any]]
    notes: list[str] = field(default_factory=list)
    machine: dict[str, Any] = field(default_factory=machine)

    def text(self) -> str:
        """Format the table as Markdown, below what was measured and on which machine."""
        columns = list(self.rows[0])
        lines = markdown_table([columns, *([_cell(row[column]) for column in columns] for row in self.rows)])
        about = self.machine
        head = [
            self.title,
            '',
            f'{about["processor"]}, {about["cores"]} cores, {about["device"]}; '
            + ', '.join(f'{name} {version}' for name, version in about['versions'].items()),
        ]
        return '\n'.join(
            [*head, '', *lines, *([''] if self.notes else []), *(f'- {note}' for note in self.notes)]
        )

    def save(self, path: str | Path) -> None:
        """Write table, notes and machine as JSON."""
        Path(path).write_text(json.dumps(asdict(self), indent=1) + '\n', encoding='utf-8')

    @classmethod
    def load(cls, path: str | Path) -> Report:
        """Read what ``save`` wrote.

        Raises:
            InputError: If it is something else.
        """
        try:
            return cls(**json.loads(Path(path).read_text(encoding='utf-8')))
        except (OSError, ValueError, TypeError) as error:
            raise InputError(f'{path} is not what {tool("benchmark")} writes with --json: {error}') from error


def interleaved(sides: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Call every side once a round, in alternating order, so that other load falls on all of them.

    Args:
        sides: By name, a function that does the work once and returns what it measured, such as seconds.
        rounds: How often.

    Returns:
        By name, one value a round.
    """
    results: dict[str, list[float]] = {name: [] for name in sides}
    for index in range(rounds):
        names = list(sides)
        for name in names if index % 2 == 0 else reversed(names):
            results[name].append(sides[name]())
    return results


def median_ratio(ours: list[float], theirs: list[float]) -> float:
    """Return the median over the rounds of ours / theirs."""
    return statistics.median(a / b for a, b in zip(ours, theirs))


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f'{value:.4g}' if abs(value) < 1000 else f'{value:,.0f}'
    return '-' if value is None else str(value)
