"""The statistics of a mean-opinion-score study beside independent computations."""

import numpy as np
import pytest
from scipy import stats

from mmsr_ext.mos.statistics import (
    agreement_with_others,
    bootstrap_means,
    calibration_error,
    intraclass_correlation,
    percentile_intervals,
)

# Shrout and Fleiss 1979, table 2: 6 targets rated by 4 judges; their table 4 gives ICC(2,1) = .29 and
# ICC(2,4) = .62
TARGETS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float
)


def test_icc_of_the_publication():
    single, mean = intraclass_correlation(TARGETS)
    assert (round(single, 2), round(mean, 2)) == (0.29, 0.62)


def test_icc_recovers_the_variances_of_its_model():
    rng = np.random.default_rng(0)
    items, raters, noise = (
        spread * rng.normal(size=shape)
        for spread, shape in [(2, (4000, 1)), (1, (1, 200)), (1.5, (4000, 200))]
    )
    single, mean = intraclass_correlation(items + raters + noise)
    assert single == pytest.approx(4 / (4 + 1 + 2.25), abs=0.02)
    assert mean == pytest.approx(4 / (4 + (1 + 2.25) / 200), abs=0.002)


def test_icc_at_its_limits():
    assert intraclass_correlation(np.array([[1, 1, 1], [4, 4, 4], [5, 5, 5]], float)) == (1, 1)
    for undefined in (np.ones((1, 3)), np.ones((3, 1)), np.full((3, 3), 4.0), np.ones((0, 2))):
        assert intraclass_correlation(undefined) is None


def test_bootstrap_equals_explicit_resampling_of_the_list_of_ratings():
    rng = np.random.default_rng(1)
    scores = rng.integers(1, 6, (2, 4, 5)).astype(float)
    scores[rng.random(scores.shape) < 0.2] = np.nan
    means = bootstrap_means(scores, 50, 7)
    draws = np.random.default_rng(7)
    by_rater, by_image = draws.multinomial(4, [1 / 4] * 4, 50), draws.multinomial(5, [1 / 5] * 5, 50)
    for index in range(50):
        for method in range(2):
            drawn = [
                scores[method, r, i]
                for r in range(4)
                for i in range(5)
                for _ in range(by_rater[index, r] * by_image[index, i])
            ]
            assert means[index, method] == pytest.approx(np.nanmean(drawn))
    assert np.array_equal(means, bootstrap_means(scores, 50, 7))
    assert not np.array_equal(means, bootstrap_means(scores, 50, 8))


def test_bootstrap_has_the_variance_of_two_independent_multinomials():
    scores = np.random.default_rng(2).integers(1, 6, (1, 6, 9)).astype(float)
    means = bootstrap_means(scores, 40000, 0)
    # the mean is bilinear in the counts, whose second moments are 1 - 1/n, and 2 - 1/n on the diagonal
    moments = [np.eye(n) + 1 - 1 / n for n in (6, 9)]
    second = np.einsum('ra,ri,aj,ij->', moments[0], scores[0], scores[0], moments[1]) / (6 * 9) ** 2
    assert means.mean() == pytest.approx(scores.mean(), abs=0.01)
    assert means.var() == pytest.approx(second - scores.mean() ** 2, rel=0.03)


def test_interval_of_one_rater_is_the_ordinary_bootstrap_over_images():
    scores = np.random.default_rng(3).integers(1, 6, (1, 1, 30)).astype(float)
    (interval,) = percentile_intervals(bootstrap_means(scores, 20000, 0))
    reference = stats.bootstrap(
        (scores[0, 0],), np.mean, n_resamples=20000, method='percentile', rng=np.random.default_rng(0)
    )
    assert interval == pytest.approx(tuple(reference.confidence_interval), abs=0.04)


def test_a_method_without_ratings_has_no_interval():
    scores = np.stack([np.full((2, 3), np.nan), np.full((2, 3), 4.0)])
    intervals = percentile_intervals(bootstrap_means(scores, 100, 0))
    assert np.isnan(intervals[0]).all()
    assert list(intervals[1]) == [4, 4]


def test_agreement_is_pearson_with_the_mean_of_the_others():
    scores = TARGETS.copy()
    scores[0, 1] = scores[3, 2] = np.nan
    for rater, value in enumerate(agreement_with_others(scores)):
        others = np.nanmean(np.delete(scores, rater, 1), 1)
        own = ~np.isnan(scores[:, rater])
        assert value == pytest.approx(stats.pearsonr(scores[own, rater], others[own]).statistic)
    assert agreement_with_others(TARGETS[:, :1]) == [None]
    assert agreement_with_others(TARGETS[:2]) == [None] * 4
    assert agreement_with_others(np.array([[3, 1], [3, 2], [3, 5]], float)) == [None, None]


def test_calibration_error():
    assert calibration_error(dict(a=2, b=5, c=1), dict(a=1, b=5, d=5)) == 0.5
    assert calibration_error(dict(c=1), dict(a=1)) is None
