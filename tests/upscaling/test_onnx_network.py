"""Upscaling with exported .onnx files."""

import numpy as np
import pytest
import torch

from mmsr_ext import InputError
from mmsr_ext.apis import Upscaler, export
from mmsr_ext.models import SRVGGNetCompact

pytest.importorskip('onnxruntime')


@pytest.fixture
def checkpoint(tmp_path):
    torch.manual_seed(1)
    network = SRVGGNetCompact(mid_channels=4, num_convs=1, scale=2, act_type='prelu')
    torch.save(dict(params=network.state_dict()), tmp_path / 'net.pth')
    return tmp_path / 'net.pth'


@pytest.mark.parametrize('half', [False, True])
def test_gives_what_the_network_gives(checkpoint, tmp_path, half):
    export(checkpoint, 'onnx', tmp_path / 'net.onnx', half=half)
    image = np.random.default_rng(0).integers(0, 256, (70, 45, 3), np.uint8)
    expected = Upscaler(checkpoint, 'cpu')(image)
    upscaler = Upscaler(tmp_path / 'net.onnx', 'cpu', tile=32, overlap=8)
    assert upscaler.scale == 2
    found = upscaler(image)
    assert found.shape == (140, 90, 3)
    assert np.abs(found.astype(int) - expected).max() <= 1  # rounding to 8 bit may go the other way
    with pytest.raises(InputError, match='does not support bf16'):  # its precision is the file's
        Upscaler(tmp_path / 'net.onnx', 'cpu', 'bf16')


def test_files_that_are_no_networks(tmp_path, checkpoint):
    (tmp_path / 'cut.onnx').write_bytes(b'no onnx')
    with pytest.raises(InputError, match=r'cut\.onnx cannot be read by ONNX Runtime'):
        Upscaler(tmp_path / 'cut.onnx', 'cpu')
    with pytest.raises(InputError, match=r'no\.onnx does not exist'):
        Upscaler(tmp_path / 'no.onnx', 'cpu')
    export(checkpoint, 'torchscript', tmp_path / 'net.pt')
    with pytest.raises(InputError, match='TorchScript'):
        Upscaler(tmp_path / 'net.pt', 'cpu')
