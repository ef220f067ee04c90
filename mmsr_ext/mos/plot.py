"""The distribution of opinions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from ..errors import InputError
from ..io.atomic import whole_file


@dataclass(frozen=True)
class MethodScore:
    """A method's ratings.

    Args:
        method: Its name.
        mos: Their mean; None without ratings.
        low: Lower end of the 95 % interval.
        high: Upper end.
        ratings: How many.
        counts: How many of score 1, 2, 3, 4 and 5.
    """

    method: str
    mos: float | None
    low: float | None
    high: float | None
    ratings: int
    counts: list[int]


def save_distribution(path: str | Path, methods: Sequence[MethodScore]) -> None:
    """Plot the share of each score by method as colour, the MOS as a red marker, and its interval.

    Source: Ledig et al. 2017, figure 5.

    Args:
        path: A picture, in a format that matplotlib writes; in an existing folder.
        methods: The columns; those without ratings are left out.

    Raises:
        InputError: If the picture cannot be written there.
    """
    path = Path(path)
    rows = [row for row in methods if row.ratings]
    shares = np.array([row.counts for row in rows]).T / [row.ratings for row in rows]
    figure = Figure(figsize=(2 + 0.8 * len(rows), 4.5), layout='constrained')
    axes = figure.add_subplot()
    picture = axes.imshow(
        shares,
        cmap='Blues',
        vmin=0,
        vmax=1,
        origin='lower',
        aspect='auto',
        extent=(-0.5, len(rows) - 0.5, 0.5, 5.5),
    )
    places, means = range(len(rows)), np.array([row.mos for row in rows])
    reach = np.abs(np.array([[row.low for row in rows], [row.high for row in rows]]) - means)
    axes.errorbar(places, means, reach, fmt='o', color='red', capsize=3)
    axes.set_xticks(places, [row.method for row in rows], rotation=30, ha='right')
    axes.set_yticks(range(1, 6))
    axes.set_ylabel('score, 1 bad to 5 excellent')
    axes.set_title(f'{sum(row.ratings for row in rows)} ratings; red: MOS and its 95 % interval', fontsize=10)
    figure.colorbar(picture, label='share of the ratings')
    try:
        with whole_file(path) as partial:
            figure.savefig(partial, dpi=150)
    except (OSError, ValueError) as error:
        raise InputError(
            f'plot {path} cannot be written ({error}). Choose a name like mos.png in an existing folder.'
        ) from error
