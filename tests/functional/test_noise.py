import numpy as np
import pytest
import scipy.stats
import torch

from mmsr_ext.functional import add_gaussian_noise, add_poisson_noise
from mmsr_ext.functional.counter_random import random_bits


def smooth_image(height=60, width=80):
    rows, columns = torch.meshgrid(
        torch.linspace(0.3, 0.6, height), torch.linspace(0, 0.1, width), indexing='ij'
    )
    return torch.stack([rows, rows + columns, 0.7 - rows + columns])


def test_gaussian_has_its_standard_deviation():
    image = smooth_image()
    noise = add_gaussian_noise(image, 0.03, False, 5) - image
    assert noise.std().item() == pytest.approx(0.03, rel=0.03)
    assert abs(np.corrcoef(noise.flatten(1).numpy()) - np.eye(3)).max() < 0.06
    assert scipy.stats.kstest(noise.flatten().numpy() / 0.03, 'norm').pvalue > 1e-3


@pytest.mark.parametrize('add', [add_gaussian_noise, add_poisson_noise])
def test_grey_noise_is_equal_in_all_channels(add):
    image = smooth_image()
    noise = add(image, 0.02, True, 5) - image
    torch.testing.assert_close(noise, noise[:1].expand(3, -1, -1))
    assert noise.std() > 1e-3


@pytest.mark.parametrize('add', [add_gaussian_noise, add_poisson_noise])
def test_clipped_and_a_function_of_the_key(add):
    image = torch.rand(3, 20, 30)
    noisy = add(image, 1.5, False, 5)
    assert noisy.min() == 0
    assert noisy.max() == 1
    assert add(image, 1.5, False, 5).equal(noisy)
    assert not add(image, 1.5, False, 6).equal(noisy)


@pytest.mark.parametrize('distinct', [5, 64, 256])
def test_poisson_against_scipy(distinct):
    levels = np.random.default_rng(0).integers(0, distinct, (3, 24, 32)) * (255 // (distinct - 1))
    values = 2 ** np.ceil(np.log2(len(np.unique(levels))))
    uniform = (random_bits(levels.shape, 9).numpy() + 0.5) / 2**32
    counts = scipy.stats.poisson.ppf(uniform, levels / 255 * values)
    expected = np.clip(levels / 255 + 0.7 * (counts / values - levels / 255), 0, 1)
    ours = add_poisson_noise(torch.from_numpy(levels / 255).float(), 0.7, False, 9).numpy()
    np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_grey_poisson_is_that_of_the_luminance():
    image = smooth_image()
    luminance = (0.2989 * image[0] + 0.587 * image[1] + 0.114 * image[2])[None].expand(3, -1, -1)
    noise = add_poisson_noise(image, 1.0, True, 3) - image
    # the variance of a count of v * x photons in units of 1 / v is x / v; v is 128 for the 78 levels of this
    # image
    distinct = len((luminance * 255).round().unique())
    assert 64 < distinct <= 128
    assert noise[0].var().item() == pytest.approx(luminance.mean().item() / 128, rel=0.1)
