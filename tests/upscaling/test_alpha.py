"""Colours and alpha of partly transparent images."""

import numpy as np
import pytest
import torch
from torch import nn

from mmsr_ext.apis import Upscaler
from mmsr_ext.functional import imresize
from mmsr_ext.models.backbones import SRVGGNetCompact

SIZES = [(1, None), (1, 0.5), (1, 1.5), (2, None), (2, 1), (3, 2.4), (4, None), (4, 2), (4, 0.3), (4, 7)]


class Repeat(nn.Module):
    """Repeats every pixel ``scale`` times."""

    def __init__(self, scale):
        super().__init__()
        self.scale = scale

    def forward(self, x):
        return x.repeat_interleave(self.scale, -2).repeat_interleave(self.scale, -1)


def compact(scale=2):
    torch.manual_seed(0)
    return SRVGGNetCompact(mid_channels=8, num_convs=2, scale=scale).eval()


def random(*shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, shape, dtype)


def disc(size, edge, dtype=np.uint8, colour=(1, 1, 1), hidden=0):
    """A disc on transparency, whose alpha falls over ``edge`` pixels."""
    top = np.iinfo(dtype).max
    y, x = np.mgrid[:size, :size] + 0.5 - size / 2
    alpha = np.rint(np.clip((0.35 * size - np.hypot(y, x)) / edge + 0.5, 0, 1) * top)
    colours = np.where(alpha[..., None] > 0, np.multiply(colour, top), hidden)
    return np.dstack([colours, alpha]).astype(dtype)


def on_white(image):
    """The image laid on white, in [0, 255]."""
    top = np.iinfo(image.dtype).max
    colours, alpha = image[..., :-1] / top, image[..., -1:] / top
    return 255 * (colours * alpha + 1 - alpha)


@pytest.mark.parametrize(('scale', 'outscale'), SIZES)
@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
@pytest.mark.parametrize('edge', [1e-3, 1, 6])
@pytest.mark.parametrize('size', [17, 64, 150])
def test_a_white_disc_on_transparent_black_stays_white_on_white(scale, outscale, dtype, edge, size):
    upscaler = Upscaler(Repeat(scale), 'cpu', tile=48, outscale=outscale)
    for channels in ([0, 1, 2, 3], [0, 3]):  # colours, grey
        result = upscaler(disc(size, edge, dtype)[..., channels])
        assert result[..., -1].max() > 0
        assert on_white(result).min() >= 250


@pytest.mark.parametrize('outscale', [None, 1, 3])
@pytest.mark.parametrize('edge', [1e-3, 6])
def test_a_colour_bleeds_into_nothing(outscale, edge):
    colour = np.array([0.8, 0.4, 0.2])
    result = Upscaler(Repeat(2), 'cpu', tile=48, outscale=outscale)(disc(90, edge, np.uint8, colour))
    shown = result[..., 3] > 0
    assert np.abs(result[shown][:, :3] - colour * 255).max() <= 1


@pytest.mark.parametrize('outscale', [None, 1])
def test_what_is_hidden_does_not_show(outscale):
    image = disc(150, 3)
    image[..., :3] = random(150, 150, 3)
    other = image.copy()
    other[image[..., 3] == 0, :3] = 77
    upscaler = Upscaler(compact(), 'cpu', tile=48, outscale=outscale)
    np.testing.assert_array_equal(upscaler(image), upscaler(other))


def test_tiles_do_not_change_what_is_filled():
    image = disc(170, 3)
    image[..., :3] = random(170, 170, 3)
    whole = Upscaler(Repeat(2), 'cpu', tile=0)(image)
    for tile in (32, 48, 80):
        np.testing.assert_array_equal(Upscaler(Repeat(2), 'cpu', tile=tile)(image), whole)


@pytest.mark.parametrize('alpha', [0, 'top'])
@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
@pytest.mark.parametrize('outscale', [None, 3])
def test_colours_of_an_opaque_or_empty_image_are_those_without_alpha(alpha, dtype, outscale):
    image = random(50, 40, 4, dtype=dtype)
    image[..., 3] = np.iinfo(dtype).max if alpha == 'top' else alpha
    upscaler = Upscaler(compact(), 'cpu', tile=32, outscale=outscale)
    np.testing.assert_array_equal(upscaler(image)[..., :3], upscaler(image[..., :3]))


@pytest.mark.parametrize('outscale', [0.5, 1, 4])
def test_colours_are_resized_premultiplied(outscale):
    image = random(70, 40, 4)
    image[..., 3] = image[..., 3] // 2 + 100
    result = Upscaler(Repeat(2), 'cpu', tile=32, outscale=outscale)(image)
    large = torch.from_numpy(image[..., :3].repeat(2, 0).repeat(2, 1)).double()
    weight = imresize(torch.from_numpy(image[..., 3])[None], 2)[0][..., None].double()
    both = torch.cat([large * weight, weight], 2).permute(2, 0, 1)
    resized = imresize(both, outscale / 2).permute(1, 2, 0).numpy()
    expected = np.clip(resized[..., :3] / resized[..., 3:], 0, 255)
    assert np.abs(result[..., :3] - expected).max() <= 1


@pytest.mark.parametrize('channels', [[0, 1, 2, 3], [0, 3]])
def test_alpha_through_the_network_is_a_grey_image(channels):
    image = random(70, 90, 4)[..., channels]
    network = compact()
    result = Upscaler(network, 'cpu', tile=32, alpha='network')(image)
    grey = Upscaler(network, 'cpu', tile=32)(image[..., -1])
    np.testing.assert_array_equal(result[..., -1], grey)
    assert (grey != Upscaler(network, 'cpu', tile=32)(image)[..., -1]).any()
    np.testing.assert_array_equal(result[..., :-1], Upscaler(network, 'cpu', tile=32)(image)[..., :-1])


@pytest.mark.parametrize(('scale', 'outscale'), SIZES)
@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_a_white_disc_stays_white_with_its_alpha_through_the_network(scale, outscale, dtype):
    image = disc(64, 1, dtype)
    upscaler = Upscaler(Repeat(scale), 'cpu', tile=48, outscale=outscale, alpha='network')
    result = upscaler(image)
    assert result.shape == (*upscaler.output_size(64, 64), 4)
    assert on_white(result).min() >= 250
    if upscaler.outscale == scale:
        repeated = image.repeat(scale, 0).repeat(scale, 1)
        np.testing.assert_array_equal(result[..., -1], repeated[..., -1])


def test_an_alpha_that_is_the_same_everywhere_stays_so():
    image = random(20, 20, 4)
    image[..., 3] = 255
    assert (Upscaler(compact(), 'cpu', alpha='network')(image)[..., 3] == 255).all()


def test_strips_of_unequal_height(monkeypatch):
    """Tiles are halved between the strips of the colours and those of alpha."""
    upscaler = Upscaler(Repeat(2), 'cpu', tile=64, alpha='network')
    image, rows = random(150, 40, 4), []
    for strip in upscaler.rows(image):
        rows.append(strip)
        upscaler._runner.tile = 32
    np.testing.assert_array_equal(np.concatenate(rows)[..., 3], image[..., 3].repeat(2, 0).repeat(2, 1))


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_a_result_of_the_same_size_has_the_hidden_colours_back(dtype):
    image = random(150, 90, 4, dtype=dtype)
    image[20:90, :, 3] = 0
    np.testing.assert_array_equal(Upscaler(Repeat(1), 'cpu', tile=48)(image), image)
