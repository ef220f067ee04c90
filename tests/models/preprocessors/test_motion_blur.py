import numpy as np
import pytest
import torch
from mmagic.structures import DataSample
from scipy import ndimage

from mmsr_ext import InputError
from mmsr_ext.models import MotionBlur

RANGE = dict(mean=[0.0] * 3, std=[255.0] * 3)


def batch(positions=(0, 1), seed=0, draws=True):
    pixels = torch.Generator().manual_seed(0)
    inputs, samples = [], []
    for position in positions:
        gt = torch.randint(0, 256, (3, 24, 20), generator=pixels, dtype=torch.uint8)
        sample = DataSample(gt_img=gt)
        sample.set_metainfo(dict(gt_channel_order='rgb', img_channel_order='rgb'))
        if draws:
            sample.set_metainfo(dict(position=position, seed=seed))
        samples.append(sample)
        inputs.append(torch.zeros_like(gt))
    return dict(inputs=inputs, data_samples=samples)


def test_inputs_are_the_blurred_targets_in_8_bit():
    preprocessor = MotionBlur(length=30.0, **RANGE)
    out = preprocessor(batch(positions=(3, 8), seed=7), True)
    gt = out['data_samples'].gt_img
    for n, position in enumerate((3, 8)):
        psf = preprocessor.psf(7, position)
        assert psf.shape == (31, 31)
        for c in range(3):
            expected = ndimage.convolve(gt[n, c].double().numpy() * 255, psf, mode='reflect')
            levels = out['inputs'][n, c].numpy() * 255
            np.testing.assert_allclose(levels, levels.round(), atol=1e-4)
            np.testing.assert_allclose(levels, expected, atol=0.501)


def test_blur_depends_on_seed_and_position_alone():
    preprocessor = MotionBlur(length=30.0, anxiety=(0.005,), exposures=(1.0,), **RANGE)
    first = preprocessor(batch((4, 5)), True)['inputs']
    torch.rand(3)
    np.random.rand()
    again = MotionBlur(length=30.0, anxiety=(0.005,), exposures=(1.0,), **RANGE)
    assert torch.equal(again(batch((4, 5)), True)['inputs'], first)
    assert torch.equal(again(batch((4,)), True)['inputs'][0], first[0])
    kernels = {preprocessor.psf(seed, position).tobytes() for seed in range(4) for position in range(4)}
    assert len(kernels) == 16


def test_every_choice_is_drawn():
    preprocessor = MotionBlur(length=10.0, exposures=(0.001, 1.0), **RANGE)
    peaks = [preprocessor.psf(0, position).max() for position in range(40)]
    assert (
        8 < sum(peak > 0.2 for peak in peaks) < 32
    )  # hardly any exposure leaves the light in four pixels at most


def test_validation_takes_the_datasets_inputs():
    data = batch(draws=False)
    assert not MotionBlur(**RANGE)(data, False)['inputs'].any()


def test_any_range_of_values():
    data, other = batch(), batch()
    in_unit = MotionBlur(**RANGE)(data, True)['inputs']
    in_signed = MotionBlur(mean=[127.5] * 3, std=[127.5] * 3)(other, True)['inputs']
    torch.testing.assert_close(in_signed, 2 * in_unit - 1)


def test_samples_without_draws():
    with pytest.raises(InputError, match='InfiniteDraws'):
        MotionBlur(**RANGE)(batch(draws=False), True)


@pytest.mark.parametrize(
    ('arguments', 'named'),
    [
        (dict(length=0), 'length=0'),
        (dict(anxiety=(-0.1,)), 'anxiety'),
        (dict(anxiety=()), 'anxiety'),
        (dict(exposures=(0.0, 1.0)), 'exposures'),
        (dict(exposures=(0.5, 1.5)), 'exposures'),
    ],
)
def test_bad_arguments(arguments, named):
    with pytest.raises(InputError, match=named):
        MotionBlur(**arguments, **RANGE)
