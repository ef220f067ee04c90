"""A new backbone is one class: it trains, loads, upscales, is exported and describes itself without being
listed."""

import numpy as np
import pytest
import torch
from support.configs import tiny_run
from torch import nn

from mmsr_ext.apis import Upscaler, export, file_info, load_generator
from mmsr_ext.generators.architectures import known_names
from mmsr_ext.models.backbones.generator import Generator
from mmsr_ext.registry import MODELS
from mmsr_ext.weights import read_checkpoint


@pytest.fixture
def plain():
    """Register a network of two convolutions, whose weights another project calls ``a`` and ``b``."""

    class Plain(Generator):
        """Two convolutions."""

        aliases = ('TheirPlain',)
        basicsr = True

        def __init__(self, mid_channels: int = 4, scale: int = 2, init_cfg: dict | None = None) -> None:
            super().__init__(init_cfg)
            self.scale = scale
            self.first = nn.Conv2d(3, mid_channels, 3, padding=1)
            self.last = nn.Conv2d(mid_channels, 3 * scale**2, 3, padding=1)

        def forward(self, x):
            return nn.functional.pixel_shuffle(self.last(self.first(x).relu()), self.scale)

        @classmethod
        def recognise(cls, weights):
            weights = {
                key.replace('a.', 'first.').replace('b.', 'last.'): value for key, value in weights.items()
            }
            if set(weights) != {'first.weight', 'first.bias', 'last.weight', 'last.bias'}:
                return None
            scale = int((weights['last.bias'].numel() // 3) ** 0.5)
            return dict(mid_channels=len(weights['first.bias']), scale=scale), weights

    MODELS.register_module(module=Plain)
    yield Plain
    del MODELS.module_dict['Plain']


def test_all_that_others_do_for_it(plain, tmp_path):
    generator = dict(_delete_=True, type='Plain', mid_channels=6, scale=4)
    runner = tiny_run('srresnet_x4.py', tmp_path, dict(model=dict(generator=generator)))
    checkpoint = next(tmp_path.rglob('iter_3.pth'))
    trained = runner.model.generator.eval().to(memory_format=torch.contiguous_format)

    x = torch.rand(1, 3, 7, 9)
    loaded = load_generator(checkpoint)
    assert isinstance(loaded, plain)
    assert loaded(x).equal(trained(x))

    image = (x[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    assert Upscaler(str(checkpoint), device='cpu')(image).shape == (28, 36, 3)

    for format in ('safetensors', 'pth', 'onnx'):
        done = export(str(checkpoint), format, str(tmp_path / f'net.{format}'))
        assert file_info(str(done.path))['architecture'] == 'Plain'
        if format != 'onnx':
            assert load_generator(done.path)(x).equal(trained(x))
            assert 'does not know this Plain' in done.notes[0]
    assert any('BasicSR' in note for note in export(str(checkpoint), 'pth', str(tmp_path / 'b.pth')).notes)


def test_names_of_another_project(plain, tmp_path):
    network = plain(mid_channels=5, scale=3)
    names = {'first': 'a', 'last': 'b'}
    weights = {
        f'{names[key.split(".")[0]]}.{key.split(".")[1]}': value
        for key, value in network.state_dict().items()
    }
    torch.save(dict(params=weights), tmp_path / 'theirs.pth')
    x = torch.rand(1, 3, 5, 5)
    assert load_generator(tmp_path / 'theirs.pth')(x).equal(network(x))
    assert 'Plain' in known_names()


def test_the_config_in_a_checkpoint_may_have_another_projects_name(plain, tmp_path):
    config = "model = dict(generator=dict(type='TheirPlain', mid_channels=4, upscale_factor=2))"
    content = dict(
        meta=dict(cfg=config), state_dict={f'generator.{k}': v for k, v in plain().state_dict().items()}
    )
    torch.save(content, tmp_path / 'run.pth')
    assert read_checkpoint(tmp_path / 'run.pth')['meta']['cfg'] == config
    assert load_generator(tmp_path / 'run.pth').scale == 2
