"""Validation of images for which there is no memory as a whole."""

import pytest
import torch
from mmagic.structures import DataSample
from mmengine.registry import DefaultScope
from torch import nn

from mmsr_ext.errors import InputError
from mmsr_ext.models import GANRestorer, SRVGGNetCompact
from mmsr_ext.models.restorers.tiled_generator import TiledGenerator
from mmsr_ext.models.tiling import tiled_run
from mmsr_ext.models.tiling.live_memory import LiveMemory


@pytest.fixture
def generator():
    torch.manual_seed(0)
    return SRVGGNetCompact(mid_channels=4, num_convs=1, scale=2).eval()  # it sees 4 px far


class Limited(nn.Module):
    """Has memory for images of a number of pixels, and writes down what it was given."""

    def __init__(self, network, most, error=None):
        super().__init__()
        self.network, self.most, self.sizes = network, most, []
        self.error = error or RuntimeError('DefaultCPUAllocator: not enough memory')

    def forward(self, x):
        self.sizes.append(tuple(x.shape[-2:]))
        if x.shape[-2] * x.shape[-1] > self.most:
            raise self.error
        return self.network(x)


def have(monkeypatch, free):
    monkeypatch.setattr(tiled_run, 'free_memory', lambda: free)


@torch.no_grad()
def test_an_image_that_fits_is_computed_whole(generator, monkeypatch):
    image = torch.rand(1, 3, 150, 170)
    tiled = TiledGenerator()
    needed = tiled.needed(generator, image.shape)
    limited = Limited(generator, 10**6).eval()
    have(monkeypatch, needed)
    assert torch.equal(tiled.output(limited, image), generator(image))
    assert limited.sizes[-1] == (150, 170)
    have(monkeypatch, needed - 1)
    result = tiled.output(limited, image)
    assert limited.sizes[-1] != (150, 170)
    torch.testing.assert_close(result, generator(image), atol=1e-4, rtol=0)


@torch.no_grad()
def test_the_estimate_is_what_the_tensors_take(generator):
    image = torch.rand(2, 3, 96, 80)
    with LiveMemory([*generator.parameters(), *generator.buffers()]) as memory:
        generator(image)
    assert TiledGenerator().needed(generator, image.shape) == pytest.approx(
        memory.peak + image.nbytes, rel=0.05
    )


@torch.no_grad()
@pytest.mark.parametrize('error', [None, MemoryError(), torch.OutOfMemoryError('CUDA out of memory')])
@pytest.mark.parametrize('tile', [None, 0, 96])
def test_tiles_are_halved_where_memory_runs_out(generator, error, tile):
    image = torch.rand(2, 3, 120, 130)
    limited = Limited(generator, 72**2, error).eval()
    tiled = TiledGenerator(tile)
    torch.testing.assert_close(tiled.output(limited, image), generator(image), atol=1e-4, rtol=0)
    # what was learned counts for images as large, and not for smaller ones
    limited.sizes.clear()
    tiled.output(limited, image)
    assert all(height * width <= 72**2 for height, width in limited.sizes)
    limited.sizes.clear()
    small = torch.rand(1, 3, 30, 80)
    assert torch.equal(tiled.output(limited, small), generator(small))
    assert limited.sizes == [(30, 80)]


@torch.no_grad()
def test_memory_for_no_tile_is_an_error_of_one_line(generator):
    with pytest.raises(InputError, match=r'enough memory even for tiles of 32 px\. Free memory, or validate'):
        TiledGenerator().output(Limited(generator, 20**2).eval(), torch.rand(1, 3, 64, 64))


@torch.no_grad()
def test_tiles_of_a_size(generator):
    limited = Limited(generator, 10**6).eval()
    image = torch.rand(1, 3, 100, 100)
    result = TiledGenerator(48, 24).output(limited, image)
    assert max(size for sizes in limited.sizes[1:] for size in sizes) <= 48 + 24
    torch.testing.assert_close(result, generator(image), atol=1e-4, rtol=0)


class Multiple(nn.Module):
    """A U-Net in small: takes multiples of 8 only."""

    def forward(self, x):
        return x + nn.functional.avg_pool2d(x, 8).repeat_interleave(8, -1).repeat_interleave(8, -2)


def test_an_image_of_a_size_that_the_generator_refuses_is_extended():
    image = torch.rand(1, 3, 45, 83)
    result = TiledGenerator().output(Multiple().eval(), image)
    assert result.shape == image.shape
    torch.testing.assert_close(result[..., :40, :80], Multiple()(image[..., :40, :80]))


class Broken(nn.Module):
    def forward(self, x):
        raise RuntimeError('a fault of its own')


def test_other_errors_pass():
    with pytest.raises(RuntimeError, match='a fault of its own'):
        TiledGenerator().output(Broken().eval(), torch.rand(1, 3, 32, 32))


def test_random_numbers_and_hooks_are_left_alone(generator, monkeypatch):
    calls = []
    generator.register_forward_hook(lambda *given: calls.append(given))
    state = torch.get_rng_state()
    image = torch.full((1, 3, 150, 150), 0.5)
    with torch.no_grad():
        TiledGenerator().output(generator, image)
    assert len(calls) == 1
    assert torch.equal(state, torch.get_rng_state())


def restorer(**test_cfg):
    with DefaultScope.overwrite_default_scope('mmsr_ext'):
        return GANRestorer(
            generator=dict(type='SRResNet', mid_channels=4, num_blocks=1, scale=2),
            data_preprocessor=dict(type='ImagePreprocessor', mean=0, std=255),
            test_cfg=test_cfg,
        ).eval()


@torch.no_grad()
def test_the_restorer_predicts_in_tiles():
    torch.manual_seed(1)
    model = restorer(baseline='bicubic', tile=32, overlap=16)
    data = dict(
        inputs=[torch.randint(256, (3, 40, 70), dtype=torch.uint8)],
        data_samples=[DataSample(gt_img=torch.zeros(3, 80, 140, dtype=torch.uint8))],
    )
    sizes = []
    model.generator.register_forward_hook(lambda net, given, out: sizes.append(given[0].shape[-2:]))
    (cut,) = model.val_step(data)
    assert len(sizes) > 1
    model.tiled_generator = restorer().tiled_generator
    (whole,) = model.val_step(data)
    assert (cut.output.pred_img - whole.output.pred_img).abs().max() <= 1
    assert cut.output.bicubic_img.equal(whole.output.bicubic_img)


@pytest.mark.parametrize(
    ('test_cfg', 'message'),
    [
        (dict(tile=16), 'test_cfg: tile=16 must be 0'),
        (dict(tile=64, overlap=33), 'test_cfg: overlap=33 must be at least 0'),
        (dict(tile='big'), "test_cfg: tile='big' must be"),
        (dict(tiles=64), "unknown key 'tiles'; did you mean 'tile'"),
    ],
)
def test_keys_that_cannot_be_used_are_refused(test_cfg, message):
    with pytest.raises(InputError, match=message):
        restorer(**test_cfg)
