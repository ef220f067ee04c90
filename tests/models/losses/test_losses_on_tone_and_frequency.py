"""Losses on colours, frequencies and structure, against definitions in float64."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from skimage.metrics import structural_similarity

from mmsr_ext.errors import InputError
from mmsr_ext.models.losses import (
    ColourLoss,
    FFTLoss,
    FocalFrequencyLoss,
    LDLLoss,
    LumaLoss,
    MSSSIMLoss,
)

LOSSES = [ColourLoss, FFTLoss, FocalFrequencyLoss, LDLLoss, LumaLoss, MSSSIMLoss]


def pair(size=(24, 30), noise=0.1):
    random = np.random.default_rng(0)
    target = gaussian_filter(random.random((2, 3, *size)), (0, 0, 1, 1))
    pred = target + noise * random.standard_normal(target.shape)
    return pred, target


def value(loss, pred, target):
    return loss(torch.from_numpy(pred).float(), torch.from_numpy(target).float()).item()


def test_luma():
    pred, target = pair()
    luma = np.tensordot([0.299, 0.587, 0.114], pred - target, (0, 1))
    assert value(LumaLoss(2.0), pred, target) == pytest.approx(2 * np.abs(luma).mean(), rel=1e-5)


def test_colour():
    pred, target = pair()
    blurred = gaussian_filter(pred - target, (0, 0, 3, 3))
    assert value(ColourLoss(3.0), pred, target) == pytest.approx(np.abs(blurred).mean(), rel=1e-4)
    # a tint costs as much as it is, a detail nearly nothing
    assert value(ColourLoss(), target + 0.1, target) == pytest.approx(0.1, rel=1e-4)
    board = np.indices((24, 30)).sum(0) % 2 - 0.5
    assert value(ColourLoss(), target + board, target) < 1e-3


def test_spectrum():
    pred, target = pair()
    spectrum = np.fft.rfft2(pred - target)
    expected = np.mean([np.abs(spectrum.real).mean(), np.abs(spectrum.imag).mean()])
    assert value(FFTLoss(), pred, target) == pytest.approx(expected, rel=1e-5)


def test_focal_frequency():
    pred, target = pair()
    difference = np.fft.fft2(pred, norm='ortho') - np.fft.fft2(target, norm='ortho')
    for alpha in (1.0, 2.0):
        weight = np.abs(difference) ** alpha
        weight /= weight.max((-2, -1), keepdims=True)
        expected = (weight * np.abs(difference) ** 2).mean()
        assert value(FocalFrequencyLoss(alpha), pred, target) == pytest.approx(expected, rel=1e-4)


def test_ldl():
    pred, target = pair()
    error = np.abs(target - pred).sum(1)
    padded = np.pad(error, ((0, 0), (3, 3), (3, 3)), mode='reflect')
    local = np.empty_like(error)
    for row in range(error.shape[1]):
        for column in range(error.shape[2]):
            local[:, row, column] = padded[:, row : row + 7, column : column + 7].var((1, 2), ddof=1)
    weight = error.var((1, 2), ddof=1)[:, None, None] ** 0.2 * local
    expected = (np.abs(pred - target) * weight[:, None]).mean()
    assert value(LDLLoss(), pred, target) == pytest.approx(expected, rel=1e-4)


def test_ms_ssim():
    """Of scikit-image the luminance, and the structure of each scale."""
    pred, target = pair((176, 192), 0.05)
    weights = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]
    expected = []
    for one, other in zip(pred.reshape(-1, 176, 192), target.reshape(-1, 176, 192)):
        result = 1.0
        for index, weight in enumerate(weights):
            kwargs = dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1.0)
            whole = structural_similarity(one, other, full=True, **kwargs)[1]
            means = [gaussian_filter(image, 1.5, truncate=3.5) for image in (one, other)]
            luminance = (2 * means[0] * means[1] + 1e-4) / (means[0] ** 2 + means[1] ** 2 + 1e-4)
            part = whole if index == 4 else whole / luminance
            result *= part[5:-5, 5:-5].mean() ** weight
            halved = [(len(one) + 1) // 2, (one.shape[1] + 1) // 2]
            if index < 4:
                one, other = (
                    image.reshape(halved[0], 2, halved[1], 2).mean((1, 3)) for image in (one, other)
                )
        expected.append(1 - result)
    assert value(MSSSIMLoss(), pred, target) == pytest.approx(np.mean(expected), rel=1e-4)
    assert value(MSSSIMLoss(), target, target) == pytest.approx(0, abs=1e-5)
    with pytest.raises(InputError, match='160 pixels is too small; expected at least 161'):
        MSSSIMLoss()(torch.zeros(1, 3, 160, 200), torch.zeros(1, 3, 160, 200))


@pytest.mark.parametrize('loss', LOSSES)
def test_in_half_precision(loss):
    pred, target = pair((176, 192))
    expected = value(loss(), pred, target)
    pred, target = torch.from_numpy(pred).half().requires_grad_(), torch.from_numpy(target).half()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        result = loss()(pred, target)
    assert result.dtype == torch.float32
    assert result.item() == pytest.approx(expected, rel=5e-3)
    result.backward()
    assert pred.grad.isfinite().all()
    equal = loss()(target.requires_grad_(), target.detach())
    equal.backward()
    assert target.grad.isfinite().all()  # also where nothing differs
