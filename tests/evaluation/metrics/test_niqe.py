import math
from importlib import resources

import numpy as np
import pytest
import torch
from mmagic.evaluation.metrics.niqe import compute_feature, niqe
from scipy.ndimage import correlate1d
from skimage.data import astronaut, chelsea, coffee
from skimage.filters import gaussian

from mmsr_ext import InputError
from mmsr_ext.engine.better import higher_is_better
from mmsr_ext.evaluation.metrics import NIQE
from mmsr_ext.functional import imresize, luma_pixels


def measure(images, **kwargs):
    metric = NIQE(**kwargs)
    key = kwargs.get('pred_key', 'pred_img')
    for image in images:
        metric.process(None, [dict(gt_img=image, output={key: image})])
    metric.size = len(images)
    return metric.evaluate()


def bgr(image):
    return torch.from_numpy(image[..., ::-1].copy()).permute(2, 0, 1).float()


def test_rates_as_mmagic_does_and_degradations_worse():
    sharp = astronaut()[:300, :300]
    blurred = gaussian(sharp, 3, channel_axis=-1, preserve_range=True)
    noisy = (sharp + 40 * torch.randn(*sharp.shape).numpy()).clip(0, 255)
    values = [
        measure([bgr(image)], crop_border=4, pred_key='bicubic_img')['NIQE']
        for image in (sharp, blurred, noisy)
    ]
    assert values[0] == pytest.approx(
        float(niqe(sharp[..., ::-1].astype('float32'), 4, convert_to='y')), rel=1e-6
    )
    assert values[0] < min(values[1:])


def official(image):
    """The authors' computequality.m in float64, with MATLAB's rgb2gray, fspecial, imfilter and imresize."""
    grey = np.floor(image @ [0.298936021293775, 0.587043074451121, 0.114020904255103] + 0.5)
    grey = grey[: grey.shape[0] // 96 * 96, : grey.shape[1] // 96 * 96]
    gauss = np.exp(-(np.arange(-3, 4) ** 2) / (2 * (7 / 6) ** 2))
    gauss /= gauss.sum()
    features = []
    for side in (96, 48):
        mean, square = (
            correlate1d(correlate1d(part, gauss, 0, mode='nearest'), gauss, 1, mode='nearest')
            for part in (grey, grey**2)
        )
        normal = (grey - mean) / (np.sqrt(np.abs(square - mean**2)) + 1)
        features.append(
            [
                compute_feature(normal[y : y + side, x : x + side])
                for x in range(0, grey.shape[1] // side * side, side)
                for y in range(0, grey.shape[0] // side * side, side)
            ]
        )
        grey = imresize(torch.from_numpy(grey)[None], 0.5)[0].numpy()
    features = np.concatenate(features, 1)
    with resources.files('mmagic.evaluation.metrics').joinpath('niqe_pris_params.npz').open('rb') as file:
        pristine = np.load(file)
        difference = pristine['mu_pris_param'].ravel() - features.mean(0)
        spread = (pristine['cov_pris_param'] + np.cov(features, rowvar=False)) / 2
    return float(np.sqrt(difference @ np.linalg.pinv(spread) @ difference))


@pytest.mark.parametrize('image', [astronaut()[:300, :300], chelsea()[:, :400], coffee()[100:, 200:]])
def test_matlab_s_convention_equals_the_official_program(image):
    values = measure([bgr(image)], convention='matlab')
    assert values == {'NIQE-MATLAB': pytest.approx(official(image), rel=1e-3)}
    other = measure([bgr(image)])['NIQE']
    assert 0.005 < abs(other / values['NIQE-MATLAB'] - 1) < 0.05
    assert higher_is_better('NIQE-MATLAB') is False
    with pytest.raises(InputError, match="convention='grey'"):
        NIQE(convention='grey')


def test_images_without_a_value_are_left_out():
    small, flat, photo = (
        bgr(astronaut()[:190, :100]),
        torch.full((3, 200, 200), 7.0),
        bgr(astronaut()[:300, :300]),
    )
    assert math.isnan(measure([small, flat])['NIQE'])
    assert measure([small, photo, flat]) == measure([photo])


def test_mmagics_arguments():
    sharp, small = astronaut()[:200, :200], torch.zeros(3, 8, 8)
    gray = NIQE(key='input', is_predicted=False, convert_to='gray', input_order='HWC')
    sample = dict(input=sharp[..., ::-1].astype('float32'), gt_img=small, output=dict(pred_img=small))
    gray.process(None, [sample])
    expected = niqe(sharp[..., ::-1].astype('float32'), 0, convert_to='gray')
    assert gray.evaluate(1) == {'NIQE-gray': pytest.approx(float(expected), rel=1e-6)}
    assert measure([bgr(sharp)], input_order='CHW', convert_to='Y') == measure([bgr(sharp)])
    with pytest.raises(InputError, match="key='b'"):
        NIQE(pred_key='a', key='b')


@pytest.mark.parametrize('convention', ['Y', 'matlab'])
def test_one_channel_is_measured_as_it_is(convention):
    luma = luma_pixels(astronaut()[:300, :300])
    if convention == 'Y':
        expected = float(niqe(luma[..., 0].astype('float32'), 4, input_order='HW'))
    else:  # three equal channels are that grey
        grey = torch.from_numpy(luma).permute(2, 0, 1).float().expand(3, -1, -1)
        expected = measure([grey], crop_border=4, convention='matlab')['NIQE-MATLAB']
    image = torch.from_numpy(luma).permute(2, 0, 1).float()
    metric = NIQE(4, convention)
    metric.process(None, [dict(gt_img=image, output=dict(pred_img=image))])
    assert metric.evaluate(1) == {metric.metric: pytest.approx(expected, rel=1e-6)}
