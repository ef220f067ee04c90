import math

import pytest
import torch
from mmagic.evaluation.metrics.niqe import niqe
from skimage.data import astronaut
from skimage.filters import gaussian

from mmsr_ext.evaluation.metrics import NIQE


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


def test_images_without_a_value_are_left_out():
    small, flat, photo = (
        bgr(astronaut()[:190, :100]),
        torch.full((3, 200, 200), 7.0),
        bgr(astronaut()[:300, :300]),
    )
    assert math.isnan(measure([small, flat])['NIQE'])
    assert measure([small, photo, flat]) == measure([photo])
