"""Mean opinion scores from ratings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..tool_names import tool
from .plot import MethodScore
from .ratings import NAME, merge, read_ratings
from .statistics import (
    agreement_with_others,
    bootstrap_means,
    calibration_error,
    intraclass_correlation,
    percentile_intervals,
)
from .study import Study
from .study_score import RaterScore, StudyScore


def score_study(
    out: str | Path,
    files: Sequence[str | Path] = (),
    exclude_failed: bool = False,
    threshold: float = 1.0,
    resamples: int = 2000,
    seed: int = 0,
) -> StudyScore:
    """Compute a study's mean opinion scores, and how far its raters can be trusted.

    Training items never count. A rater's calibration is judged by the GT and nearest-neighbour items among
    the others. The result does not depend on the order of files and ratings.

    Source: Ledig et al. 2017, section 3.4 and figure 5.

    Args:
        out: Written by ``build_study``; the server's ratings in it are used.
        files: Further ratings, saved by raters.
        exclude_failed: Leave out raters who fail calibration.
        threshold: In [0, 4]; a rater fails whose calibration error is larger. Who always presses 3 has 2.
        resamples: Of the bootstrap, at least 1.
        seed: Of the bootstrap, at least 0.

    Returns:
        The result.

    Raises:
        InputError: If there is no study, a file cannot be read or has none of its ratings, none are left, or
            a number is out of range.
    """
    for name, value, fits in [
        ('threshold', threshold, 0 <= threshold <= 4),
        ('resamples', resamples, resamples >= 1),
        ('seed', seed, seed >= 0),
    ]:
        if not fits:
            raise InputError(
                f'{name}={value} is out of range: threshold is in [0, 4], resamples at least 1, seed at '
                'least 0.'
            )
    study = Study.load(out)
    given, notes = _read(study, Path(out), [Path(file) for file in files])
    given = {
        rater: {item: score for item, score in sorted(given[rater].items()) if item in study.items}
        for rater in sorted(given)
    }
    given = {rater: scores for rater, scores in given.items() if scores}
    answers = {name: item.answer for name, item in study.items.items() if item.answer is not None}
    errors = {rater: calibration_error(scores, answers) for rater, scores in given.items()}
    failed = {rater for rater, error in errors.items() if error is not None and error > threshold}
    unchecked = sorted(rater for rater, error in errors.items() if error is None)
    if unchecked:
        notes.append(
            f'{len(unchecked)} raters rated no calibration item and are not judged by it: '
            f'{", ".join(unchecked)}'
        )
    counted = [rater for rater in given if not (exclude_failed and rater in failed)]
    if not counted:
        raise InputError(
            f'no ratings of {out} are left'
            + (
                f': all {len(failed)} raters fail calibration at threshold {threshold:g}. '
                'Raise --threshold, or leave out --exclude-failed.'
                if failed
                else '. Collect more before scoring.'
            )
        )

    agreement = agreement_with_others(_matrix(given, list(given), list(study.items)))
    raters = [
        RaterScore(rater, len(given[rater]), errors[rater], rater in failed, value)
        for rater, value in zip(given, agreement)
    ]
    methods = _method_scores(study, given, counted, resamples, seed)
    notes += [f'{row.method} has no ratings' for row in methods if not row.ratings]
    if len(counted) == 1:
        notes.append('one rater: the intervals are over images alone')
    icc, consistency = _consistency(study, given, counted)
    return StudyScore(methods, raters, icc, consistency, threshold, exclude_failed, resamples, seed, notes)


def _read(study: Study, out: Path, files: list[Path]) -> tuple[dict[str, dict[str, int]], list[str]]:
    collected = out / NAME
    paths = [collected] * collected.exists() + [
        file for file in dict.fromkeys(files) if file.absolute() != collected.absolute()
    ]
    if not paths:
        raise InputError(
            f'{out} has no ratings. Collect some: {tool("mos")} serve {out}; or name the files '
            'that raters saved.'
        )
    ratings, notes = [], []
    for path in paths:
        whole, dropped = read_ratings(path, study)
        if not whole and path != collected:
            raise InputError(
                f'{path} has no ratings of the study {out}{f" ({dropped})" if dropped else ""}. Leave it '
                'out, or score its own study.'
            )
        ratings += whole
        notes += [dropped] if dropped else []
    merged, more = merge(ratings)
    return merged, notes + more


def _matrix(given: dict[str, dict[str, int]], raters: list[str], items: list[str]) -> np.ndarray:
    """Return the scores as (items, raters), NaN where there is no rating."""
    return np.array([[given[rater].get(item, np.nan) for rater in raters] for item in items], float).reshape(
        len(items), len(raters)
    )


def _method_scores(
    study: Study, given: dict[str, dict[str, int]], raters: list[str], resamples: int, seed: int
) -> list[MethodScore]:
    images = sorted({item.image for item in study.items.values()})
    cube = np.full((len(study.methods), len(raters), len(images)), np.nan)
    for name, item in study.items.items():
        for index, rater in enumerate(raters):
            cube[study.methods.index(item.method), index, images.index(item.image)] = given[rater].get(
                name, np.nan
            )
    intervals = percentile_intervals(bootstrap_means(cube, resamples, seed))
    rows = []
    for method, scores, interval in zip(study.methods, cube, intervals):
        scores = scores[~np.isnan(scores)]
        mean = float(scores.mean()) if scores.size else None
        low, high = map(float, interval) if scores.size else (None, None)
        rows.append(
            MethodScore(
                method, mean, low, high, scores.size, [int((scores == score).sum()) for score in range(1, 6)]
            )
        )
    return rows


def _consistency(
    study: Study, given: dict[str, dict[str, int]], raters: list[str]
) -> tuple[tuple[float, float] | None, str]:
    """Return the ICC over the methods' items, without calibration items, whose spread would raise it."""
    items = [name for name, item in study.items.items() if item.answer is None]
    complete = [rater for rater in raters if all(item in given[rater] for item in items)]
    over = f'over {len(items)} items without calibration, {len(complete)} raters who rated all of them'
    icc = intraclass_correlation(_matrix(given, complete, items))
    if icc is None:
        return None, f'no ICC {over}; it takes 2 of both, and ratings that differ'
    return icc, f'ICC(2,1) = {icc[0]:.3f}, ICC(2,k) = {icc[1]:.3f} (Shrout and Fleiss 1979), {over}'
