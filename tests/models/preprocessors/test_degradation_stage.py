import math
from collections import Counter

import numpy as np
import pytest
import torch

from mmsr_ext import InputError
from mmsr_ext.models.preprocessors.degradation_stage import Stage


def draws(stage, count=2000):
    return [stage.draw(np.random.default_rng(index)) for index in range(count)]


def test_shares_and_ranges_of_the_first_stage():
    found = draws(Stage())
    share = 3 * math.sqrt(0.25 / len(found))
    assert all(draw.kernel is not None for draw in found)
    for size, count in Counter(draw.kernel.shape[0] for draw in found).items():
        assert size in (7, 9, 11, 13, 15, 17, 19, 21)
        assert count / len(found) == pytest.approx(1 / 8, abs=share)
    for wanted, got in [
        (0.2, [d.scale > 1 for d in found]),
        (0.7, [d.scale < 1 for d in found]),
        (0.1, [d.scale == 1 for d in found]),
        (0.5, [d.gaussian for d in found]),
        (0.4, [d.grey for d in found]),
        (1 / 3, [d.resize_mode == 'area' for d in found]),
        (1 / 3, [d.resize_mode == 'bicubic' for d in found]),
        (0.1, [d.kernel.min() < -1e-6 for d in found]),
    ]:  # sinc kernels alone have negative weights
        assert np.mean(got) == pytest.approx(wanted, abs=share)
    for values, low, high in [
        ([d.scale for d in found], 0.15, 1.5),
        ([d.quality for d in found], 30, 95),
        ([d.noise_level * 255 for d in found if d.gaussian], 1, 30),
        ([d.noise_level for d in found if not d.gaussian], 0.05, 3),
    ]:
        assert low <= min(values) < low + 0.05 * (high - low)
        assert high - 0.05 * (high - low) < max(values) <= high
    assert len({draw.noise_key for draw in found}) == len(found)


def test_equal_generators_give_equal_draws():
    one, other = (Stage().draw(np.random.default_rng(3)) for _ in range(2))
    assert one.kernel.equal(other.kernel)
    assert one[1:] == other[1:]


@pytest.mark.parametrize(
    ('name', 'isotropic', 'beta'),
    [
        ('iso', True, {1}),
        ('aniso', False, {1}),
        ('generalized_iso', True, (0.5, 4)),
        ('generalized_aniso', False, (0.5, 4)),
        ('plateau_iso', True, (1, 2)),
        ('plateau_aniso', False, (1, 2)),
    ],
)
def test_kernel_families(name, isotropic, beta, monkeypatch):
    calls = []
    monkeypatch.setattr(
        'mmsr_ext.models.preprocessors.degradation_stage.gaussian_kernel',
        lambda *args: calls.append(args) or torch.ones(1, 1),
    )
    draws(Stage(kernel_probs={name: 1.0}), 300)
    for _, sigma_x, sigma_y, angle, shape, profile in calls:
        assert 0.2 <= min(sigma_x, sigma_y) <= max(sigma_x, sigma_y) <= 3
        assert (sigma_x == sigma_y) == isotropic
        assert (angle == 0) == isotropic
        assert -math.pi <= angle <= math.pi
        assert min(beta) <= shape <= max(beta)
        assert profile == ('plateau' if 'plateau' in name else 'gaussian')
    if name.startswith('generalized'):
        assert np.mean([call[4] < 1 for call in calls]) == pytest.approx(0.5, abs=0.1)


def test_blur_can_be_left_out():
    assert np.mean([draw.kernel is None for draw in draws(Stage(blur_prob=0.8), 1000)]) == pytest.approx(
        0.2, abs=0.04
    )


@pytest.mark.parametrize(
    ('changes', 'named'),
    [
        (dict(sigma=(3, 0.2)), 'sigma='),
        (dict(sigma=(0, 1)), 'sigma='),
        (dict(kernel_sizes=(7, 8)), 'kernel_sizes='),
        (dict(kernel_sizes=()), 'kernel_sizes='),
        (dict(kernel_probs=dict(box=1)), 'box'),
        (dict(kernel_probs=dict(iso=0)), 'kernel_probs='),
        (dict(resize_probs=(1, 1)), 'resize_probs='),
        (dict(resize_probs=(1, -1, 1)), 'resize_probs='),
        (dict(resize_range=(1.1, 1.5)), 'resize_range='),
        (dict(beta_plateau=(1.5, 2)), 'beta_plateau='),
        (dict(gaussian_sigma=(1, 300)), 'gaussian_sigma='),
        (dict(gaussian_prob=1.5), 'gaussian_prob=1.5'),
        (dict(jpeg_quality=(0, 95)), 'jpeg_quality='),
        (dict(jpeg_quality=(30,)), 'jpeg_quality='),
        (dict(quality=(30, 95)), "unknown key 'quality'"),
    ],
)
def test_values_out_of_range(changes, named):
    with pytest.raises(InputError, match=named):
        Stage().with_changes(changes)
