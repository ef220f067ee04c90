"""Y, Cb and Cr, against the definition of BT.601 in exact fractions and against each other."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from mmsr_ext.functional import luma, luma_pixels, rgb_to_ycbcr, ycbcr_to_rgb


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_luma_is_rounded_half_up(dtype):
    levels = np.iinfo(dtype).max // 255
    image = np.random.default_rng(0).integers(0, 255 * levels + 1, (5, 7, 3)).astype(dtype)
    image[0, 0], image[0, 1] = 0, 255 * levels
    expected = [
        [
            int(
                Fraction(65481 * int(red) + 128553 * int(green) + 24966 * int(blue), 255000)
                + 16 * levels
                + Fraction(1, 2)
            )
            for red, green, blue in row
        ]
        for row in image
    ]
    luma_of = luma_pixels(image)
    assert luma_of.dtype == dtype
    np.testing.assert_array_equal(luma_of[..., 0], expected)
    np.testing.assert_array_equal(luma_pixels(image.transpose(2, 0, 1), axis=0)[0], expected)


def test_luma_is_that_of_the_metrics():
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    exact = luma(torch.from_numpy(image).permute(2, 0, 1))[0].numpy()
    assert np.abs(luma_pixels(image)[..., 0] - exact).max() <= 0.5
    np.testing.assert_allclose(rgb_to_ycbcr(image)[..., 0], exact, atol=1e-4)


def test_colours_come_back():
    for dtype in (np.uint8, np.uint16):
        top = np.iinfo(dtype).max
        image = np.random.default_rng(0).integers(0, top + 1, (130, 9, 3)).astype(dtype)
        back = ycbcr_to_rgb(rgb_to_ycbcr(image)) * (top / 255)
        np.testing.assert_allclose(back, image, atol=2e-6 * top)


def test_primaries():
    """Levels of BT.601 in limited range."""
    white, blue, red = rgb_to_ycbcr(np.array([[[255] * 3, [0, 0, 255], [255, 0, 0]]], np.uint8))[0]
    np.testing.assert_allclose(white, [235, 128, 128], atol=1e-4)
    assert blue[1] == pytest.approx(240, abs=1e-3)
    assert red[2] == pytest.approx(240, abs=1e-3)
