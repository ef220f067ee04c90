import numpy as np
import pytest
import torch

from mmsr_ext import InputError
from mmsr_ext.functional import imresize


def cubic(x):
    """Keys' kernel with a = -0.5 (Keys 1981, eq. (4))."""
    x = np.abs(x)
    return np.where(
        x <= 1, 1.5 * x**3 - 2.5 * x**2 + 1, np.where(x < 2, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2, 0)
    )


def weights(size, scale, border='mirror'):
    """MATLAB's contributions as a dense matrix (length, size), float64."""
    length = int(np.ceil(size * scale))
    stretch = min(scale, 1)
    matrix = np.zeros((length, size))
    for out in range(length):
        centre = (out + 1) / scale + 0.5 * (1 - 1 / scale)  # 1-based, as in MATLAB
        first = int(np.floor(centre - 2 / stretch))
        taps = np.arange(first, first + int(np.ceil(4 / stretch)) + 2)
        weight = stretch * cubic(stretch * (centre - taps))
        mirrored = (taps - 1) % (2 * size)
        mirrored = np.where(mirrored < size, mirrored, 2 * size - 1 - mirrored)
        inside = mirrored if border == 'mirror' else np.clip(taps - 1, 0, size - 1)
        np.add.at(matrix[out], inside, weight / weight.sum())
    return matrix


def reference(image, scale, border='mirror'):
    rows, columns = (weights(size, scale, border) for size in image.shape[:2])
    half_up = lambda x: np.clip(np.floor(x + 0.5), 0, 255)  # noqa: E731
    vertical = half_up(np.einsum('oh,hwc->owc', rows, image.astype(np.float64)))
    return half_up(np.einsum('ow,hwc->hoc', columns, vertical)).astype(np.uint8)


@pytest.mark.parametrize('scale', [1 / 2, 1 / 3, 1 / 4, 1 / 8, 2, 3, 4, 8])
@pytest.mark.parametrize('shape', [(48, 72), (50, 37), (3, 5), (1, 1)])
@pytest.mark.parametrize('border', ['mirror', 'repeat'])
def test_equals_the_float64_definition(scale, shape, border):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    image[: shape[0] // 2] = np.where(image[: shape[0] // 2] > 127, 255, 0)  # overshoot
    out = imresize(torch.from_numpy(image).permute(2, 0, 1), scale, border).permute(1, 2, 0).numpy()
    expected = reference(image, scale, border)
    assert out.shape == expected.shape
    if scale in (
        3,
        1 / 3,
    ):  # weights are no dyadic fractions: sums that are halves exactly may round either way
        assert np.abs(out.astype(int) - expected).max() <= 1
        assert (out != expected).mean() < 1e-3
    else:
        np.testing.assert_array_equal(out, expected)


def test_floats_are_neither_rounded_nor_clipped():
    image = torch.rand(2, 3, 24, 20, dtype=torch.float64)
    out = imresize(image, 1 / 4)
    rows, columns = (torch.from_numpy(weights(size, 1 / 4)) for size in (24, 20))
    torch.testing.assert_close(out, rows @ image @ columns.T)
    assert torch.autograd.gradcheck(
        lambda x: imresize(x, 1 / 2), torch.rand(1, 1, 6, 6, dtype=torch.float64, requires_grad=True)
    )


def test_batch_equals_single_images():
    images = torch.randint(0, 256, (3, 3, 16, 20), dtype=torch.uint8)
    assert torch.equal(imresize(images, 1 / 4), torch.stack([imresize(image, 1 / 4) for image in images]))


@pytest.mark.parametrize('scale', [0.3, 2.5, 1.01, 0, -2])
def test_other_scales_are_refused(scale):
    with pytest.raises(InputError, match=str(scale)):
        imresize(torch.zeros(3, 8, 8), scale)


def test_the_two_conventions_differ_at_the_border_alone():
    image = torch.randint(0, 256, (3, 64, 48), dtype=torch.uint8)
    differ = imresize(image, 1 / 4) != imresize(image, 1 / 4, border='repeat')
    assert differ[:, 0].any()
    assert not differ[:, 2:-2, 2:-2].any()
    with pytest.raises(InputError, match="border='reflect' must be 'mirror' or 'repeat'"):
        imresize(image, 1 / 4, border='reflect')


def test_scale_one_is_a_copy():
    image = torch.rand(3, 4, 4)
    out = imresize(image, 1)
    assert torch.equal(out, image)
    assert out is not image
