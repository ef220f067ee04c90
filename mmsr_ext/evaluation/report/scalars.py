"""What a run has logged, over all the times that it was started."""

from __future__ import annotations

import json
from pathlib import Path

NOT_DRAWN = {'step', 'iter', 'epoch', 'time', 'data_time', 'memory'}

Series = dict[str, list[tuple[int, float]]]


def read_scalars(work_dir: Path) -> Series:
    """Read ``work_dir/<time>/vis_data/scalars.json`` of every start of a run, in order of time.

    A run that was killed and resumed has logged some steps twice: of an earlier start what is past the first
    step of a later one is dropped. A last line that was cut off by a kill is left out.

    Args:
        work_dir: Of a run, or any other folder.

    Returns:
        (step, value) by name, without times; empty where nothing was logged.
    """
    series: Series = {}
    for path in sorted(work_dir.glob('*/vis_data/scalars.json')):
        records = _records(path)
        if not records:
            continue
        first = _step(records[0], 0)
        series = {
            name: kept
            for name, points in series.items()
            if (kept := [point for point in points if point[0] < first])
        }
        latest = 0
        for record in records:
            latest = step = _step(record, latest)
            for name, value in record.items():
                if name not in NOT_DRAWN and isinstance(value, (int, float)):
                    series.setdefault(name, []).append((step, float(value)))
    return series


def _step(record: dict, latest: int) -> int:
    """Give validations that are logged by epoch the training step before them."""
    return int(record.get('step') or record.get('iter') or latest)


def _records(path: Path) -> list[dict]:
    records = []
    for line in path.read_text(encoding='utf-8').splitlines():
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return [record for record in records if isinstance(record, dict)]
