import numpy as np
import pytest
import torch
from scipy import ndimage

from mmsr_ext import InputError
from mmsr_ext.functional import gaussian_blur, mirror_index


@pytest.mark.parametrize('truncate', [2.0, 4.0])
@pytest.mark.parametrize('sigma', [0.4, 1.5, 3.0])
@pytest.mark.parametrize(
    'size', [(23, 31), (3, 5), (1, 8)]
)  # the second and third are smaller than the kernel
def test_equals_scipy(size, sigma, truncate):
    image = np.random.default_rng(0).random((2, 3, *size))
    expected = ndimage.gaussian_filter(image, (0, 0, sigma, sigma), mode='reflect', truncate=truncate)
    np.testing.assert_allclose(
        gaussian_blur(torch.tensor(image), sigma, truncate).numpy(), expected, rtol=0, atol=1e-14
    )
    single = gaussian_blur(torch.tensor(image, dtype=torch.float32), sigma, truncate)
    assert single.dtype == torch.float32
    np.testing.assert_allclose(single.numpy(), expected, rtol=0, atol=1e-6)


def test_uint8_rounds_half_up_once():
    image = np.random.default_rng(0).integers(0, 256, (3, 40, 37), np.uint8)
    expected = np.floor(ndimage.gaussian_filter(image.astype(float), (0, 1.5, 1.5), mode='reflect') + 0.5)
    blurred = gaussian_blur(torch.tensor(image), 1.5)
    assert blurred.dtype == torch.uint8
    np.testing.assert_array_equal(blurred.numpy(), expected)


def test_flat_image_stays():
    image = torch.full((3, 9, 9), 255, dtype=torch.uint8)
    assert torch.equal(gaussian_blur(image, 1.5), image)


@pytest.mark.parametrize('low_high', [(2, 3), (9, 11), (0, 0)])
def test_mirror_index_equals_numpy(low_high):
    expected = np.pad(np.arange(4), low_high, mode='symmetric')
    np.testing.assert_array_equal(mirror_index(4, *low_high).numpy(), expected)


@pytest.mark.parametrize('kwargs', [dict(sigma=0), dict(sigma=-1), dict(sigma=1, truncate=0)])
def test_errors(kwargs):
    with pytest.raises(InputError, match='must be positive'):
        gaussian_blur(torch.zeros(1, 4, 4), **kwargs)
