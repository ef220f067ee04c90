import math

import numpy as np
import pytest
import scipy.special
import torch

from mmsr_ext import InputError
from mmsr_ext.functional import gaussian_kernel, sinc_kernel


def gaussian_reference(size, sigma_x, sigma_y, angle, beta, profile):
    """From the covariance matrix, a pixel at a time."""
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    inverse = np.linalg.inv(turn @ np.diag([sigma_x**2, sigma_y**2]) @ turn.T)
    kernel = np.zeros((size, size))
    for row in range(size):
        for column in range(size):
            r = np.array([column - size // 2, row - size // 2], float)
            q = (r @ inverse @ r) ** beta
            kernel[row, column] = math.exp(-q / 2) if profile == 'gaussian' else 1 / (1 + q)
    return kernel / kernel.sum()


def sinc_reference(size, cutoff):
    kernel = np.zeros((size, size))
    for row in range(size):
        for column in range(size):
            r = math.hypot(row - size // 2, column - size // 2)
            kernel[row, column] = (
                cutoff * scipy.special.j1(cutoff * r) / (2 * math.pi * r) if r else cutoff**2 / (4 * math.pi)
            )
    return kernel / kernel.sum()


@pytest.mark.parametrize('profile', ['gaussian', 'plateau'])
@pytest.mark.parametrize(
    ('size', 'sigma_x', 'sigma_y', 'angle', 'beta'),
    [
        (7, 0.2, 0.2, 0.0, 1.0),
        (21, 3.0, 0.7, 0.6, 1.0),
        (9, 1.3, 2.5, -2.9, 0.5),
        (13, 2.0, 2.0, 0.0, 4.0),
        (11, 0.5, 1.5, 1.6, 2.0),
    ],
)
def test_gaussian(size, sigma_x, sigma_y, angle, beta, profile):
    ours = gaussian_kernel(size, sigma_x, sigma_y, angle, beta, profile)
    reference = torch.from_numpy(gaussian_reference(size, sigma_x, sigma_y, angle, beta, profile))
    torch.testing.assert_close(ours, reference, rtol=1e-10, atol=1e-14)
    assert ours.sum().item() == pytest.approx(1)


def test_isotropic_by_default():
    torch.testing.assert_close(gaussian_kernel(9, 1.5), gaussian_kernel(9, 1.5, 1.5, angle=0.7))


@pytest.mark.parametrize(('size', 'cutoff'), [(7, math.pi / 3), (13, math.pi / 5), (21, math.pi), (21, 2.0)])
def test_sinc(size, cutoff):
    # torch's Bessel function is good to 5e-7
    torch.testing.assert_close(
        sinc_kernel(size, cutoff), torch.from_numpy(sinc_reference(size, cutoff)), rtol=0, atol=1e-7
    )


@pytest.mark.parametrize(
    'make',
    [
        lambda: gaussian_kernel(8, 1.0),
        lambda: gaussian_kernel(7, 0.0),
        lambda: gaussian_kernel(7, 1.0, -1.0),
        lambda: gaussian_kernel(7, 1.0, beta=0.0),
        lambda: gaussian_kernel(7, 1.0, profile='box'),
        lambda: sinc_kernel(7, 0.0),
        lambda: sinc_kernel(7, 3.3),
        lambda: sinc_kernel(0, 1.0),
    ],
)
def test_values_out_of_range(make):
    with pytest.raises(InputError):
        make()
