import numpy as np
import pytest
import torch
from skimage.color import rgb2ycbcr
from skimage.data import astronaut
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from mmsr_ext.evaluation.metrics import PSNR, SSIM
from mmsr_ext.functional import imresize


@pytest.fixture(scope='module')
def images():
    gt = torch.from_numpy(astronaut()[100:260, 120:300].copy()).permute(2, 0, 1)
    return gt, imresize(imresize(gt, 1 / 4), 4)


def measure(metric, gt, pred):
    bgr = lambda x: x.flip(0).float()  # noqa: E731
    metric.process(None, [dict(gt_img=bgr(gt), output=dict(pred_img=bgr(pred)))])
    metric.size = 1
    return metric.evaluate()


@pytest.mark.parametrize('channel', ['Y', None])
@pytest.mark.parametrize('border', [0, 4])
def test_equals_scikit_image(images, channel, border):
    gt, pred = (image.permute(1, 2, 0).numpy() for image in images)
    if channel == 'Y':
        gt, pred = (rgb2ycbcr(image)[..., :1] for image in (gt, pred))
    inner = slice(border, -border or None)
    gt, pred = (image[inner, inner].astype(np.float64) for image in (gt, pred))
    psnr = measure(PSNR(crop_border=border, convert_to=channel), *images)
    ssim = measure(SSIM(crop_border=border, convert_to=channel), *images)
    assert list(psnr) == [f'PSNR-{channel or "RGB"}']
    assert list(ssim) == [f'SSIM-{channel or "RGB"}']
    expected = peak_signal_noise_ratio(gt, pred, data_range=255)
    assert psnr.popitem()[1] == pytest.approx(expected, abs=1e-9)
    expected = structural_similarity(
        gt,
        pred,
        data_range=255,
        channel_axis=-1,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )[1]
    # scikit-image averages over the border too, where its window is 11 px wide all the same
    assert ssim.popitem()[1] == pytest.approx(expected[5:-5, 5:-5].mean(), abs=1e-6)


def test_bicubic_of_a_photograph_is_in_its_known_range(images):
    """Nothing in the chain of imresize and metric is off by a shift or a range."""
    gt, pred = images
    shifted = torch.roll(pred, 1, 2)
    value = measure(PSNR(crop_border=4, convert_to='Y'), gt, pred)['PSNR-Y']
    assert value > measure(PSNR(crop_border=4, convert_to='Y'), gt, shifted)['PSNR-Y'] + 0.5
