import numpy as np
import pytest
import scipy.stats
import torch

from mmsr_ext.functional.counter_random import poisson, random_bits, standard_normal

KEY = 0x0123456789ABCDEF


def bits_reference(count, key):
    """The hash in Python's unbounded integers."""

    def mix(x):
        x = (x ^ x >> 16) * 0x7FEB352D % 2**32
        x = (x ^ x >> 15) * 0x846CA68B % 2**32
        return x ^ x >> 16

    return [mix(mix((i + key % 2**32) % 2**32) ^ key >> 32) for i in range(count)]


@pytest.mark.parametrize('key', [0, 1, KEY, 2**63 - 1, 2**32 - 3])
def test_bits(key):
    assert random_bits((3, 7), key).flatten().tolist() == bits_reference(21, key)


def test_bits_are_uniform_and_keys_independent():
    one, other, next_key = (
        random_bits((200_000,), key).double().numpy() / 2**32 for key in (KEY, KEY + 2**32, KEY + 1)
    )
    for sample in (one, other, next_key):
        assert scipy.stats.kstest(sample, 'uniform').pvalue > 1e-3
    for lag in (0, 1, 2, 255, 256):
        for second in (other, next_key, one[7:]):
            length = min(len(one), len(second)) - lag
            assert (
                abs(np.corrcoef(one[:length], second[lag : lag + length])[0, 1]) < 0.012
            )  # 5 standard deviations


def test_normal_is_the_quantile_of_the_bits():
    uniform = (np.array(bits_reference(1000, KEY)) + 0.5) / 2**32
    np.testing.assert_allclose(
        standard_normal((1000,), KEY).numpy(), scipy.stats.norm.ppf(uniform), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize('exponent', [0, 3, 8])
def test_poisson_is_the_quantile_of_the_bits(exponent):
    levels = torch.arange(256).repeat(20)
    uniform = np.array(bits_reference(len(levels), KEY)) / 2**32
    # our tables are rounded to 2^-32; such a step above or below is the one allowance
    rates = levels.numpy() / 255 * 2**exponent
    low, high = (
        scipy.stats.poisson.ppf(np.clip(uniform + step, 1e-300, 1 - 1e-12), rates)
        for step in (-1 / 2**32, 2 / 2**32)
    )
    ours = poisson(levels, torch.tensor(exponent), KEY).numpy()
    assert ((ours >= np.maximum(low, 0)) & (ours <= high)).all()
    assert (low == high).mean() > 0.99
    assert (ours[levels.numpy() == 0] == 0).all()


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
def test_the_same_on_a_gpu():
    levels = torch.arange(256).repeat(100)
    assert random_bits((50, 7), KEY, 'cuda').cpu().equal(random_bits((50, 7), KEY))
    torch.testing.assert_close(
        standard_normal((10_000,), KEY, 'cuda').cpu(), standard_normal((10_000,), KEY), rtol=1e-6, atol=1e-7
    )
    assert (
        poisson(levels.cuda(), torch.tensor(8, device='cuda'), KEY)
        .cpu()
        .equal(poisson(levels, torch.tensor(8), KEY))
    )
