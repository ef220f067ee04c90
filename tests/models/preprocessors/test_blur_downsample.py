import math

import numpy as np
import pytest
import torch
from mmagic.models import DataPreprocessor
from mmagic.structures import DataSample
from mmengine.registry import DefaultScope
from scipy import ndimage

from mmsr_ext import InputError
from mmsr_ext.models import BlurDownsample, GANRestorer

RANGE = dict(mean=[0.0] * 3, std=[255.0] * 3)


def matlab_imresize(image, scale):
    """MATLAB's imresize(image, scale) of a uint8 image (H, W, C), written out: rows first, each pass rounded
    to uint8."""

    def cubic(x):
        x = np.abs(x)
        return (x <= 1) * (1.5 * x**3 - 2.5 * x**2 + 1) + ((x > 1) & (x <= 2)) * (
            -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
        )

    stretch = min(scale, 1)
    for axis in (0, 1):
        source = np.moveaxis(image.astype(float), axis, 0)
        size = len(source)
        rows = []
        for row in range(1, math.ceil(size * scale) + 1):
            centre = row / scale + 0.5 * (1 - 1 / scale)
            indices = np.floor(centre - 2 / stretch) + np.arange(math.ceil(4 / stretch) + 2)
            weights = cubic(stretch * (centre - indices))
            mirrored = (indices.astype(int) - 1) % (2 * size)
            mirrored = np.where(mirrored < size, mirrored, 2 * size - 1 - mirrored)
            rows.append(np.tensordot(weights / weights.sum(), source[mirrored], 1))
        image = np.moveaxis(np.clip(np.floor(np.stack(rows) + 0.5), 0, 255).astype(np.uint8), 0, axis)
    return image


def reference(gt, sigma=1.5):
    """The LQ of a uint8 image (C, H, W) by SciPy and MATLAB's bicubic."""
    blurred = ndimage.gaussian_filter(gt.astype(float), (0, sigma, sigma), mode='reflect', truncate=4.0)
    return matlab_imresize(np.floor(blurred + 0.5).astype(np.uint8).transpose(1, 2, 0), 1 / 4).transpose(
        2, 0, 1
    )


def gt_image(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (3, height, width), np.uint8)


def batch(*images, order='rgb'):
    samples = [
        DataSample(gt_img=torch.tensor(image), metainfo=dict(gt_channel_order=order, img_channel_order='rgb'))
        for image in images
    ]
    lq = [torch.zeros(3, *(size // 4 for size in image.shape[1:]), dtype=torch.uint8) for image in images]
    return dict(inputs=lq, data_samples=samples)


@pytest.mark.parametrize('training', [True, False])
def test_lq_equals_scipy_and_matlab(training):
    images = [gt_image(48, 40, seed) for seed in range(2)]
    data = BlurDownsample(scale=4, sigma=1.5, **RANGE)(batch(*images), training)
    expected = np.stack([reference(image) for image in images])
    np.testing.assert_array_equal((data['inputs'] * 255).round().numpy(), expected)
    assert torch.equal(data['inputs'], torch.tensor(expected) / 255)


def test_rest_is_mmagic_s():
    images = [gt_image(16, 24, seed) for seed in range(2)]
    for training in (True, False):
        ours = BlurDownsample(scale=4, sigma=1.5, **RANGE)(batch(*images), training)['data_samples']
        theirs = DataPreprocessor(**RANGE)(batch(*images), training)['data_samples']
        assert torch.equal(ours.gt_img, theirs.gt_img)
        assert set(ours.metainfo_keys()) == set(theirs.metainfo_keys())


def test_channel_order_is_that_of_gt():
    image = gt_image(16, 24)
    data = BlurDownsample(scale=4, sigma=1.5, output_channel_order='RGB', **RANGE)(
        batch(image, order='bgr'), True
    )
    np.testing.assert_array_equal((data['inputs'][0] * 255).round().numpy(), reference(image)[::-1])


def test_images_of_different_sizes():
    images = [gt_image(16, 24), gt_image(20, 16)]
    data = BlurDownsample(scale=4, sigma=1.5, stack_data_sample=False, **RANGE)(batch(*images), False)
    assert data['inputs'].shape == (2, 3, 5, 6)
    np.testing.assert_array_equal((data['inputs'][1, :, :5, :4] * 255).round().numpy(), reference(images[1]))


def test_validation_sees_the_same_lq():
    with DefaultScope.overwrite_default_scope('mmsr_ext'):
        model = GANRestorer(
            generator=dict(type='SRResNet', mid_channels=4, num_blocks=1),
            test_cfg=dict(baseline='bicubic'),
            data_preprocessor=dict(type='BlurDownsample', scale=4, sigma=1.5, **RANGE),
        ).eval()
    image = gt_image(32, 24)
    (sample,) = model.val_step(batch(image))
    np.testing.assert_array_equal(
        sample.input.numpy(), reference(image)[::-1]
    )  # BGR, as MMagic's metrics take it
    np.testing.assert_array_equal(
        sample.output.bicubic_img.numpy()[::-1].transpose(1, 2, 0),
        matlab_imresize(reference(image).transpose(1, 2, 0), 4.0),
    )


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(scale=0, sigma=1.5), 'scale=0'),
        (dict(scale=0.25, sigma=1.5), 'scale=0.25'),
        (dict(scale=4, sigma=0), 'sigma=0'),
        (dict(scale=4, sigma=1, truncate=-1), 'truncate=-1'),
    ],
)
def test_errors(kwargs, message):
    with pytest.raises(InputError, match=message):
        BlurDownsample(**kwargs)


def test_size_not_a_multiple_of_the_scale():
    with pytest.raises(InputError, match='18x24, not a multiple of the scale, 4'):
        BlurDownsample(scale=4, sigma=1.5)(batch(gt_image(18, 24)), True)
