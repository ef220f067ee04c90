"""What can be said of a table of ratings: intervals, agreement, calibration."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def bootstrap_means(scores: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """Return means after drawing raters and images anew with replacement, independently of each other.

    The same draws serve all methods. Missing ratings stay missing.

    Source: Owen 2007 (The pigeonhole bootstrap), Annals of Applied Statistics 1(2).

    Args:
        scores: (M, R, I), by method, rater and image; NaN where there is no rating.
        resamples: B, how often.
        seed: Of the draws.

    Returns:
        np.ndarray: (B, M); NaN where a draw has no rating of the method.
    """
    _, raters, images = scores.shape
    generator = np.random.default_rng(seed)
    by_rater = generator.multinomial(raters, np.full(raters, 1 / raters), resamples).astype(float)
    by_image = generator.multinomial(images, np.full(images, 1 / images), resamples).astype(float)
    given = ~np.isnan(scores)
    means = []
    for method, there in zip(np.where(given, scores, 0), given):
        total = np.einsum('bi,bi->b', by_rater @ method, by_image)
        count = np.einsum('bi,bi->b', by_rater @ there, by_image)
        means.append(np.divide(total, count, out=np.full(resamples, np.nan), where=count > 0))
    return np.stack(means, 1)


def percentile_intervals(means: np.ndarray, level: float = 0.95) -> np.ndarray:
    """Return bootstrap percentile intervals.

    Args:
        means: (B, M), see ``bootstrap_means``.
        level: In (0, 1).

    Returns:
        np.ndarray: (M, 2), lower and upper ends; NaN for a method without ratings.
    """
    tails = [(1 - level) / 2, (1 + level) / 2]
    return np.array(
        [
            np.quantile(column[~np.isnan(column)], tails) if not np.isnan(column).all() else [np.nan] * 2
            for column in means.T
        ]
    )


def intraclass_correlation(scores: np.ndarray) -> tuple[float, float] | None:
    """Return the ICC in the two-way random effects model, of one rater and of the mean of all k.

    ICC(2,1) = (BMS - EMS) / (BMS + (k - 1) EMS + k (JMS - EMS) / n) and ICC(2,k) = (BMS - EMS) / (BMS + (JMS
    - EMS) / n), with the mean squares between the n items, between the k raters, and of the residual.

    Source: Shrout and Fleiss 1979, Psychological Bulletin 86(2).

    Args:
        scores: (n, k), without gaps.

    Returns:
        Both coefficients; None where they are not defined: fewer than 2 items or raters, or all ratings
        equal.
    """
    n, k = scores.shape
    if n < 2 or k < 2 or (scores == scores.flat[0]).all():
        return None
    mean = scores.mean()
    items, raters = scores.mean(1), scores.mean(0)
    between = k * ((items - mean) ** 2).sum() / (n - 1)
    judges = n * ((raters - mean) ** 2).sum() / (k - 1)
    residual = ((scores - items[:, None] - raters + mean) ** 2).sum() / ((n - 1) * (k - 1))
    spread = (judges - residual) / n
    return (between - residual) / (between + (k - 1) * residual + k * spread), (between - residual) / (
        between + spread
    )


def agreement_with_others(scores: np.ndarray) -> list[float | None]:
    """Return Pearson's correlation of each rater with the mean of the others, over common items.

    Args:
        scores: (n, k), items by raters; NaN where there is no rating.

    Returns:
        One a rater; None for fewer than 3 such items, or where either side is constant.
    """
    given = ~np.isnan(scores)
    filled = np.where(given, scores, 0)
    results: list[float | None] = []
    for rater in range(scores.shape[1]):
        count = given.sum(1) - given[:, rater]
        both = given[:, rater] & (count > 0)
        own = scores[both, rater]
        others = (filled.sum(1) - filled[:, rater])[both] / count[both]
        defined = both.sum() >= 3 and np.ptp(own) > 0 and np.ptp(others) > 1e-12
        results.append(float(np.corrcoef(own, others)[0, 1]) if defined else None)
    return results


def calibration_error(scores: Mapping[str, int], answers: Mapping[str, int]) -> float | None:
    """Return a rater's mean distance from the calibration items' answers; None without such scores."""
    distances = [abs(scores[item] - answer) for item, answer in answers.items() if item in scores]
    return sum(distances) / len(distances) if distances else None
