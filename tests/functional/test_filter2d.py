import numpy as np
import pytest
import scipy.ndimage
import torch

from mmsr_ext import InputError
from mmsr_ext.functional import filter2d


@pytest.mark.parametrize('kernel_shape', [(5, 5), (3, 7, 3)])
def test_a_kernel_an_image(kernel_shape):
    image = torch.rand(3, 2, 11, 14, dtype=torch.float64)
    kernel = torch.rand(kernel_shape, dtype=torch.float64)
    out = filter2d(image, kernel)
    for index in range(3):
        one = kernel if kernel.ndim == 2 else kernel[index]
        for channel in range(2):
            reference = scipy.ndimage.correlate(image[index, channel].numpy(), one.numpy(), mode='mirror')
            np.testing.assert_allclose(out[index, channel].numpy(), reference, rtol=1e-12)


@pytest.mark.parametrize(
    ('kernel', 'named'),
    [
        (torch.ones(4, 4), '4x4'),
        (torch.ones(13, 13), 'larger images or smaller kernels'),
        (torch.ones(3, 3, 3), '3 kernels for 2 images'),
    ],
)
def test_unsuitable_kernels(kernel, named):
    with pytest.raises(InputError, match=named):
        filter2d(torch.rand(2, 3, 6, 8), kernel)
