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


class Other(torch.nn.Module):
    """Repeats pixels, with the conventions of other programs."""

    def __init__(self, top=1, last=False, order=(0, 1, 2)):
        super().__init__()
        self.top, self.last, self.order = top, last, list(order)

    def forward(self, x):
        x = x.permute(0, 3, 1, 2) if self.last else x
        # unlike a mere repetition, wrong for another range
        x = ((x / self.top - 0.5) * 1.0).tanh() + 0.5
        x = x[:, self.order].repeat_interleave(2, -1).repeat_interleave(2, -2) * self.top
        return x.permute(0, 2, 3, 1) if self.last else x


def write(path, module, shape, axes=None, **kwargs):
    torch.onnx.export(
        module.eval(),
        (torch.rand(shape),),
        path,
        dynamo=False,
        opset_version=17,
        input_names=['i'],
        output_names=['o'],
        dynamic_axes={'i': axes, 'o': axes} if axes else None,
    )
    return path


def picture(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


ANY = {0: 'n', 2: 'h', 3: 'w'}
PLAIN = picture(70, 45, 3)


@pytest.mark.parametrize(
    ('module', 'shape', 'options'),
    [
        (Other(), (1, 3, 64, 64), {}),
        (Other(), (1, 3, 48, 80), {}),
        (Other(), (1, 3, 48, 80), dict(ensemble=True)),
        (Other(), (4, 3, 37, 53), dict(overlap=4)),
        (Other(), (1, 3, 192, 192), {}),
        (Other(255), (1, 3, 64, 64), dict(input_range='0-255')),
        (Other(last=True), (1, 64, 64, 3), {}),
    ],
)
def test_a_fixed_size_is_tiled_to(tmp_path, module, shape, options):
    path = write(tmp_path / 'fixed.onnx', module, shape)
    expected = Upscaler(Other(), 'cpu')(PLAIN)
    found = Upscaler(path, 'cpu', **options)(PLAIN)
    assert np.abs(found.astype(int) - expected).max() <= 1
    with pytest.raises(InputError, match=f'the network takes images of .*{max(shape)}|{shape[2]}x'):
        Upscaler(path, 'cpu', tile=100, **{key: options[key] for key in options if key != 'overlap'})


def test_a_network_of_one_channel_and_one_image_at_a_time(tmp_path):
    path = write(tmp_path / 'y.onnx', Other(order=(0,)), (1, 1, 32, 32))
    expected = Upscaler(Other(order=(0,)), 'cpu')(PLAIN)
    assert np.abs(Upscaler(path, 'cpu')(PLAIN).astype(int) - expected).max() <= 1


def test_range_and_order_are_checked(tmp_path, checkpoint):
    wide = write(tmp_path / 'wide.onnx', Other(255), (1, 3, 32, 32), ANY)
    with pytest.raises(
        InputError, match=r'wide\.onnx does not take images of range 0-1.*Give --input-range 0-255'
    ):
        Upscaler(wide, 'cpu')
    found = Upscaler(wide, 'cpu', input_range='0-255')(PLAIN)
    assert np.abs(found.astype(int) - Upscaler(Other(), 'cpu')(PLAIN)).max() <= 1
    unit = write(tmp_path / 'unit.onnx', Other(), (1, 3, 32, 32), ANY)
    with pytest.raises(InputError, match=r'does not take images of range 0-255.*Give --input-range 0-1'):
        Upscaler(unit, 'cpu', input_range='0-255')
    swapped = write(tmp_path / 'swapped.onnx', Other(order=(2, 1, 0)), (1, 3, 32, 32), ANY)
    with pytest.raises(InputError, match='red comes back as blue'):
        Upscaler(swapped, 'cpu')
    with pytest.raises(InputError, match=r'--input-range 0-255 is for \.onnx files'):
        Upscaler(checkpoint, 'cpu', input_range='0-255')
    with pytest.raises(InputError, match=r'is for \.onnx files'):
        Upscaler(Other(), 'cpu', input_range='0-255')


def test_the_content_decides(tmp_path):
    path = write(tmp_path / 'net.ONNX', Other(), (1, 3, 32, 32), ANY)
    for name in ('net.pth', 'net', 'net.OnNx'):
        (tmp_path / name).write_bytes(path.read_bytes())
        assert Upscaler(tmp_path / name, 'cpu').scale == 2
    torch.save(SRVGGNetCompact(mid_channels=4, num_convs=1, scale=2).state_dict(), tmp_path / 'weights.onnx')
    assert Upscaler(tmp_path / 'weights.onnx', 'cpu').scale == 2


def test_external_data(tmp_path):
    import onnx

    network = SRVGGNetCompact(mid_channels=32, num_convs=2, scale=2, act_type='prelu')
    path = write(tmp_path / 'whole.onnx', network, (1, 3, 32, 32), ANY)
    model = onnx.load(path)
    onnx.save(
        model, tmp_path / 'split.onnx', save_as_external_data=True, location='split.data', size_threshold=0
    )
    found = Upscaler(tmp_path / 'split.onnx', 'cpu')(PLAIN)
    assert np.abs(found.astype(int) - Upscaler(network, 'cpu')(PLAIN)).max() <= 1
    (tmp_path / 'split.data').unlink()
    with pytest.raises(InputError, match=r'split\.onnx cannot be read by ONNX Runtime'):
        Upscaler(tmp_path / 'split.onnx', 'cpu')


def test_files_that_are_no_networks(tmp_path, checkpoint):
    (tmp_path / 'cut.onnx').write_bytes(b'no onnx')
    with pytest.raises(InputError, match=r'cut\.onnx cannot be read by ONNX Runtime'):
        Upscaler(tmp_path / 'cut.onnx', 'cpu')
    with pytest.raises(InputError, match=r'no\.onnx does not exist'):
        Upscaler(tmp_path / 'no.onnx', 'cpu')
    export(checkpoint, 'torchscript', tmp_path / 'net.pt')
    with pytest.raises(InputError, match='TorchScript'):
        Upscaler(tmp_path / 'net.pt', 'cpu')
