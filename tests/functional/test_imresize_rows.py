import numpy as np
import pytest
import torch

from mmsr_ext import InputError
from mmsr_ext.functional import ImresizeRows, imresize


def keys_cubic(x):
    """Keys 1981, eq. (4), a = -0.5."""
    x = abs(x)
    return 1.5 * x**3 - 2.5 * x**2 + 1 if x <= 1 else -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0


def matrix(size, length, scale):
    """The resizing of one side by its definition: every output position sums over the mirrored signal."""
    stretch = min(scale, 1)
    result = np.zeros((length, size))
    for out in range(length):
        centre = (out + 0.5) / scale - 0.5
        taps = range(int(centre - 2 / stretch) - 2, int(centre + 2 / stretch) + 3)
        total = sum(keys_cubic((tap - centre) * stretch) for tap in taps)
        for tap in taps:
            folded = tap % (2 * size)
            result[out, folded if folded < size else 2 * size - 1 - folded] += (
                keys_cubic((tap - centre) * stretch) / total
            )
    return result


@pytest.mark.parametrize('scale', [0.3, 0.75, 1.5, 2.5, 3])
@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_equals_the_definition(scale, dtype):
    top = np.iinfo(dtype).max
    image = np.random.default_rng(0).integers(0, top + 1, (13, 9, 2), dtype)
    resize = ImresizeRows(13, 9, scale)
    assert (resize.height, resize.width) == tuple(int(np.ceil(size * scale)) for size in (13, 9))
    half_up = lambda x: np.clip(np.floor(x + 0.5), 0, top)  # noqa: E731
    down = half_up(np.einsum('oh,hwc->owc', matrix(13, resize.height, scale), image.astype(float)))
    expected = half_up(np.einsum('ow,hwc->hoc', matrix(9, resize.width, scale), down)).astype(int)
    result = resize.rows(image, 0, resize.height)
    assert result.dtype == dtype
    assert np.abs(result.astype(int) - expected).max() <= 1  # sums that are halves but for rounding
    assert (result != expected).mean() < 0.01


@pytest.mark.parametrize('scale', [1 / 4, 1 / 2, 2, 4])
@pytest.mark.parametrize('shape', [(21, 34), (1, 3), (1, 1)])
def test_equals_imresize_bit_for_bit(scale, shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    resize = ImresizeRows(*shape, scale)
    expected = imresize(torch.from_numpy(image).permute(2, 0, 1), scale).permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(resize.rows(image, 0, resize.height), expected)


@pytest.mark.parametrize('scale', [0.4, 1, 1.7])
def test_strips_equal_the_whole_from_the_rows_that_they_need(scale):
    image = np.random.default_rng(0).integers(0, 256, (40, 6, 1), np.uint8)
    resize = ImresizeRows(40, 6, scale)
    whole = resize.rows(image, 0, resize.height)
    done = 0
    for available in (3, 17, 18, 40):
        ready = resize.ready(available)
        first = resize.needed_from(done)
        np.testing.assert_array_equal(
            resize.rows(image[first:available], done, ready, first), whole[done:ready]
        )
        done = ready
    assert done == resize.height


@pytest.mark.parametrize('scale', [0, -1, float('nan'), float('inf')])
def test_impossible_scales_are_refused(scale):
    with pytest.raises(InputError, match='must be positive'):
        ImresizeRows(4, 4, scale)
