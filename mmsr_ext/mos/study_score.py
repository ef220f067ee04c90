"""The result of a study: mean opinion scores, and how far the raters can be trusted."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ..errors import InputError
from ..io.atomic import whole_file
from ..io.markdown import markdown_table
from .plot import MethodScore, save_distribution


@dataclass(frozen=True)
class RaterScore:
    """A rater.

    Args:
        rater: The name.
        ratings: How many, without the training items.
        calibration_error: Mean distance from the known answers; None without such ratings.
        failed: Whether that is above the threshold.
        agreement: Correlation with the mean of the others, see ``agreement_with_others``.
    """

    rater: str
    ratings: int
    calibration_error: float | None
    failed: bool
    agreement: float | None


@dataclass(frozen=True)
class StudyScore:
    """The result of a study.

    Args:
        methods: In the order of the study.
        raters: All of them, by name.
        icc: ICC(2,1) and ICC(2,k).
        consistency: What the coefficients are of, or why there are none.
        threshold: A rater with a larger calibration error fails.
        excluded: Whether failed raters were left out of ``methods`` and ``icc``.
        resamples: Of the bootstrap.
        seed: Of the bootstrap.
        notes: Which input was dropped, and what else limits the result.
    """

    methods: list[MethodScore]
    raters: list[RaterScore]
    icc: tuple[float, float] | None
    consistency: str
    threshold: float
    excluded: bool
    resamples: int
    seed: int
    notes: list[str]

    def text(self) -> str:
        """Format tables for a terminal."""
        failed = [rater for rater in self.raters if rater.failed]
        counted = len(self.raters) - (len(failed) if self.excluded else 0)
        lines = [
            f'Mean opinion scores, {counted} raters; 95 % bootstrap intervals over raters and images '
            f'({self.resamples} resamples, seed {self.seed})',
            '',
        ]
        lines += markdown_table(
            [
                ['method', 'MOS', '95 % interval', 'ratings', *'12345'],
                *(
                    [
                        row.method,
                        _number(row.mos),
                        f'{row.low:.2f} to {row.high:.2f}' if row.ratings else '-',
                        row.ratings,
                        *row.counts,
                    ]
                    for row in self.methods
                ),
            ]
        )
        lines += ['', f'Consistency: {self.consistency}', '']
        lines += markdown_table(
            [
                ['rater', 'ratings', 'calibration error', 'correlation with the others'],
                *(
                    [row.rater, row.ratings, _number(row.calibration_error), _number(row.agreement)]
                    for row in self.raters
                ),
            ]
        )
        rule = f'calibration error (mean distance from the known answers) above {self.threshold:g}'
        if failed:
            kept = 'left out above' if self.excluded else 'counted above; --exclude-failed leaves them out'
            lines += [
                '',
                (
                    f'{len(failed)} raters fail calibration, {rule}; {kept}: '
                    f'{", ".join(row.rater for row in failed)}'
                ),
            ]
        else:
            lines += ['', f'No rater fails calibration: {rule}.']
        return '\n'.join([*lines, *(f'note: {note}' for note in self.notes)])

    def save_json(self, path: str | Path) -> None:
        """Write everything as JSON."""
        _write(path, json.dumps(asdict(self), indent=1) + '\n')

    def save_csv(self, path: str | Path) -> None:
        """Write the table of methods as CSV."""
        text = io.StringIO(newline='')
        rows = csv.writer(text, lineterminator='\n')
        rows.writerow(
            ['method', 'mos', 'low', 'high', 'ratings', *(f'score_{score}' for score in range(1, 6))]
        )
        rows.writerows(
            [row.method, row.mos, row.low, row.high, row.ratings, *row.counts] for row in self.methods
        )
        _write(path, text.getvalue())

    def save_plot(self, path: str | Path) -> None:
        """Draw the distribution, see ``save_distribution``."""
        save_distribution(path, self.methods)


def _number(value: float | None) -> str:
    return '-' if value is None else f'{value:.2f}'


def _write(path: str | Path, text: str) -> None:
    path = Path(path)
    try:
        with whole_file(path) as partial:
            partial.write_text(text, encoding='utf-8')
    except OSError as error:
        raise InputError(
            f'{path} cannot be written ({error.strerror}). Choose a file in an existing folder.'
        ) from error
