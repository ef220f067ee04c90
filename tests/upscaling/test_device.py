"""Which device is taken, and what happens where it lacks an operator; MPS is a stand-in."""

import numpy as np
import pytest
import torch

from mmsr_ext.apis import Upscaler
from mmsr_ext.machine import pick_device
from mmsr_ext.models import SRVGGNetCompact


@pytest.mark.parametrize(
    ('cuda', 'mps', 'expected'), [(True, True, 'cuda'), (False, True, 'mps'), (False, False, 'cpu')]
)
def test_cuda_then_mps_then_cpu(monkeypatch, cuda, mps, expected):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, 'is_available', lambda: mps)
    assert pick_device('auto') == pick_device() == expected
    assert pick_device('cuda:1') == 'cuda:1'


def test_what_mps_lacks_is_computed_on_the_cpu(monkeypatch):
    said = []
    network = SRVGGNetCompact(mid_channels=4, num_convs=1, scale=2)
    upscaler = Upscaler(network, 'cpu', say=said.append)
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    expected = upscaler(image)

    def lacks(*_):
        raise NotImplementedError("The operator 'aten::x' is not implemented for the MPS device")

    runner = upscaler._runner
    runner.device = torch.device('mps')
    runner._network = lacks
    np.testing.assert_array_equal(upscaler(image), expected)
    assert said == ["The operator 'aten::x' is not implemented for the MPS device: continuing on the CPU."]
    assert runner.device.type == 'cpu'
