"""EDSR against MMagic's EDSRNet on the same weights."""

import pytest
import torch

from mmsr_ext.models import EDSR
from mmsr_ext.registry import MODELS


@pytest.mark.parametrize('scale', [2, 3, 4])
def test_equals_mmagic(scale):
    theirs = MODELS.build(
        dict(
            type='mmagic.EDSRNet',
            in_channels=3,
            out_channels=3,
            mid_channels=8,
            num_blocks=3,
            upscale_factor=scale,
            res_scale=0.1,
        )
    )
    ours = EDSR(
        mid_channels=8, num_blocks=3, scale=scale, res_scale=0.1, img_range=1.0
    )  # MMagic's has no other range
    weights = {}
    for key, value in theirs.state_dict().items():
        if key.startswith('upsample.'):
            stage, kind = key.split('.')[1], key.split('.')[-1]
            key = f'upsample.{2 * int(stage)}.{kind}'
        weights[key] = value
    ours.load_state_dict(weights)
    x = torch.rand(2, 3, 9, 6, requires_grad=True)
    y = x.detach().clone().requires_grad_()
    torch.testing.assert_close(ours(x), theirs(y), rtol=1e-6, atol=1e-6)
    ours(x).square().sum().backward()
    theirs(y).square().sum().backward()
    torch.testing.assert_close(x.grad, y.grad, rtol=1e-5, atol=1e-5)
