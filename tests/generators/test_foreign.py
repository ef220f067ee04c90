"""Networks of other projects: built by what a checkpoint or a config says, to the end."""

import importlib
import sys

import pytest
import torch
from mmengine.registry import DefaultScope

from mmsr_ext.errors import InputError
from mmsr_ext.exporting.export import export
from mmsr_ext.generators.foreign import foreign_class
from mmsr_ext.generators.load import load_generator
from mmsr_ext.registry import MODELS
from mmsr_ext.upscaling.network import load_network

SWINIR = (
    "type='SwinIRNet', upscale=2, in_chans=3, img_size=16, window_size=4, img_range=1.0, depths=[1], "
    "embed_dim=4, num_heads=[1], mlp_ratio=2, upsampler='pixelshuffledirect', resi_connection='1conv'"
)
EDSR = "type='EDSRNet', in_channels=3, out_channels=3, mid_channels=8, num_blocks=1, upscale_factor=2"
RESTORMER = (
    "type='Restormer', inp_channels=3, out_channels=3, dim=4, num_blocks=[1, 1, 1, 1], "
    'num_refinement_blocks=1, heads=[1, 1, 1, 1], ffn_expansion_factor=2, bias=False, '
    "LayerNorm_type='BiasFree', dual_pixel_task=False"
)
SPANDREL = (
    "type='spandrel.architectures.Compact.__arch.SRVGG.SRVGGNetCompact', num_feat=4, num_conv=1, upscale=2"
)


def trained(path, text, name='generator'):
    """Write a checkpoint as a training leaves it; return its network."""
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmsr_ext'):
        network = MODELS.build(eval(f'dict({text})')).eval()
    state = {f'{name}.{key}': value for key, value in network.state_dict().items()}
    torch.save(dict(state_dict=state, meta=dict(cfg=f'model = dict(generator=dict({text}))')), path)
    return network


@pytest.mark.parametrize(
    'text', [SWINIR, EDSR, RESTORMER, SPANDREL], ids=['swinir', 'edsr', 'restormer', 'spandrel']
)
def test_a_checkpoint_says_what_it_is(tmp_path, text):
    network = trained(tmp_path / 'iter_1.pth', text)
    image = torch.rand(1, 3, 24, 32)
    with torch.no_grad():
        expected = network(image)
        loaded = load_network(tmp_path / 'iter_1.pth')
        torch.testing.assert_close(loaded(image), expected, atol=2e-6, rtol=1e-5)
        done = export(tmp_path / 'iter_1.pth', 'safetensors', tmp_path / 'net.safetensors')
        assert done.metadata['scale'] == str(expected.shape[-1] // 32)
        torch.testing.assert_close(load_generator(done.path)(image), expected, atol=2e-6, rtol=1e-5)


MINE = """
import torch
from mmsr_ext.registry import MODELS

@MODELS.register_module()
class Mine(torch.nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 3, width - 1, padding=1)

    def forward(self, x):
        return self.conv(x).repeat_interleave(2, -1).repeat_interleave(2, -2)
"""


def test_a_config_tells_of_a_network_of_the_users_own_package(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / 'own_networks_of_a_user.py').write_text(MINE)
    importlib.import_module('own_networks_of_a_user')

    config = tmp_path / 'mine.py'
    config.write_text(
        "custom_imports = dict(imports=['own_networks_of_a_user'])\ndefault_scope = 'mmsr_ext'\n"
        "model = dict(type='GANRestorer', generator=dict(type='Mine', width=4))\n"
    )
    path = tmp_path / 'iter_1.pth'
    try:
        network = trained(path, "type='Mine', width=4")
        with pytest.raises(InputError, match=r'its generator is Mine.*--config FILE'):
            load_network(path)
        image = torch.rand(1, 3, 9, 7)
        with torch.no_grad():
            for loaded in (load_network(path, config=config), load_generator(path, config=config)):
                assert torch.equal(loaded(image), network(image))
            done = export(path, 'pth', tmp_path / 'net.pth', config=config)
        assert done.metadata['architecture'] == 'Mine'
        with pytest.raises(InputError, match='--config FILE'):
            load_generator(done.path)
        assert load_generator(done.path, config=config).scale == 2
    finally:
        del MODELS.module_dict['Mine'], sys.modules['own_networks_of_a_user']


def test_a_config_of_another_network_is_refused(tmp_path):
    trained(tmp_path / 'iter_1.pth', EDSR)
    config = tmp_path / 'other.py'
    config.write_text(f"default_scope = 'mmsr_ext'\nmodel = dict(generator=dict({SWINIR}))\n")
    with pytest.raises(InputError, match=r'by .*other\.py is SwinIRNet.* has weights .* missing'):
        load_generator(tmp_path / 'iter_1.pth', config=config)
    config.write_text("default_scope = 'mmsr_ext'\nmodel = dict(type='GANRestorer')\n")
    with pytest.raises(InputError, match=r'has no model\.generator'):
        load_generator(tmp_path / 'iter_1.pth', config=config)


@pytest.mark.parametrize(
    ('name', 'args'),
    [
        ('os.system', {}),
        ('subprocess.Popen', {}),
        ('torch.nn.Conv2d', {}),
        ('spandrel.ModelLoader', {}),
        ('mmagic.models.utils.get_module_device', {}),
        ('SwinIRNet', {'weights': 'https://example.org/x.pth'}),
        ('SwinIRNet', {'pretrained': True}),
        ('SwinIRNet', {'norm': {'type': 'os.system'}}),
        ('PSNR', {}),
        ('', {}),
    ],
)
def test_a_file_of_a_stranger_names_networks_only(name, args):
    assert foreign_class(name, args) is None
