"""Colours of transparent pixels."""

import numpy as np
import pytest

from mmsr_ext.functional import FilledColours, ImresizeRows, resize_with_alpha
from mmsr_ext.functional.alpha import REACH


def sparse(height, width, share, dtype=np.uint8):
    generator = np.random.default_rng(0)
    colours = generator.integers(0, np.iinfo(dtype).max + 1, (height, width, 3), dtype)
    return colours, (generator.random((height, width)) < share).astype(dtype)


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
@pytest.mark.parametrize('share', [0.3, 0.02])
def test_hidden_pixels_get_the_colour_of_the_nearest_visible_one(dtype, share):
    colours, alpha = sparse(40, 50, share, dtype)
    filled = FilledColours(colours, alpha).tile((0, 40), (0, 50))
    assert filled.dtype == dtype
    np.testing.assert_array_equal(filled[alpha > 0], colours[alpha > 0])
    y, x = np.nonzero(alpha)
    for row, column in np.argwhere(alpha == 0):
        distance = np.hypot(y - row, x - column)
        near = distance <= distance.min() * 1.03 + 1e-6  # OpenCV's distances are good to 2 %
        assert (filled[row, column] == colours[y[near], x[near]]).all(1).any()


def test_pixels_far_from_visible_ones_get_the_mean():
    colours, alpha = np.full((10, 200, 3), 9, np.uint8), np.zeros((10, 200), np.uint8)
    alpha[:, :2], colours[:, 0], colours[:, 1] = 255, 100, 200
    filled = FilledColours(colours, alpha).tile((0, 10), (0, 200))
    assert (filled[:, 1 : 2 + REACH] == 200).all()
    assert (filled[:, 2 + REACH :] == 150).all()
    assert (colours[:, 2:] == 9).all()  # the image itself stays


@pytest.mark.parametrize('share', [0.02, 0.0005])
def test_a_tile_is_a_part_of_the_whole(share):
    colours, alpha = sparse(160, 180, share)
    fill = FilledColours(colours, alpha)
    whole = fill.tile((0, 160), (0, 180))
    for rows, columns in [((0, 40), (0, 40)), ((50, 90), (70, 130)), ((100, 160), (140, 180))]:
        np.testing.assert_array_equal(fill.tile(rows, columns), whole[slice(*rows), slice(*columns)])


@pytest.mark.parametrize('scale', [0.3, 0.5, 1.7])
def test_resizing_in_parts_equals_the_whole(scale):
    image = np.random.default_rng(0).integers(0, 256, (60, 30, 4), np.uint8)
    resize = ImresizeRows(60, 30, scale)
    whole = resize_with_alpha(resize, image, 0, resize.height)
    first = resize.needed_from(7)
    np.testing.assert_array_equal(resize_with_alpha(resize, image[first:], 7, 15, first), whole[7:15])


def test_resizing_nothing_visible_resizes_the_colours():
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 4), np.uint8)
    image[..., 3] = 0
    resize = ImresizeRows(20, 30, 0.7)
    result = resize_with_alpha(resize, image, 0, resize.height)
    np.testing.assert_array_equal(result, resize.rows(image[..., :3], 0, resize.height))
