"""Architectures of spandrel as generators."""

import json
from copy import deepcopy

import pytest
import torch
from support import ROOT
from support.models import PREPROCESSOR
from support.spandrel_small import SMALL
from support.spandrel_table import images, restorer, row

from mmsr_ext.apis import export, file_info, load_generator
from mmsr_ext.errors import InputError
from mmsr_ext.models.backbones import SpandrelNet
from mmsr_ext.models.backbones.spandrel_classes import spandrel_class, spandrel_classes
from mmsr_ext.registry import MODELS
from mmsr_ext.weights import check_fits, rename_to

TABLE = json.loads((ROOT / 'docs/spandrel.json').read_text())


def net(name, **more):
    return SpandrelNet(architecture=name, **SMALL[name] | more)


@pytest.mark.slow
@pytest.mark.parametrize('name', [one.name for one in spandrel_classes()])
def test_every_architecture_all_the_way(name, tmp_path):
    assert row(name, tmp_path) == TABLE[name]


def test_the_table_is_of_what_is_installed():
    assert set(TABLE) == {one.name for one in spandrel_classes()}
    assert sum(one['result'] == 'passes' for one in TABLE.values()) >= 40


@pytest.mark.parametrize('name', ['SwinIR', 'HAT', 'SPAN', 'RealPLKSR'])
def test_five_steps_equal_a_plain_loop(name):
    model, wrapper = restorer(dict(type='SpandrelNet', architecture=name, **SMALL[name]))
    chosen = spandrel_class(name)
    arguments = {
        key: value for key, value in model.generator.arguments.items() if key not in ('architecture', 'scale')
    }
    plain = chosen.kind(**arguments, **{chosen.scale_name: SMALL[name]['scale']}).train()
    plain.load_state_dict(model.generator.network.state_dict())
    optimizer = torch.optim.Adam(plain.parameters(), lr=1e-4)
    for seed in range(5):
        batch = images(2)
        lq = torch.stack(batch['inputs']).float() / 255
        gt = torch.stack([sample.gt_img for sample in batch['data_samples']]).float() / 255
        torch.manual_seed(seed)  # of stochastic depth
        optimizer.zero_grad()
        loss = (plain(lq) - gt).abs().mean()
        loss.backward()
        optimizer.step()
        torch.manual_seed(seed)
        logs = model.train_step(deepcopy(batch), wrapper)
        torch.testing.assert_close(logs['loss_pix'], loss.detach(), atol=1e-6, rtol=0)
    for key, value in plain.state_dict().items():
        torch.testing.assert_close(model.generator.network.state_dict()[key], value, atol=1e-6, rtol=0)


def test_stochastic_depth_is_off_in_eval():
    network = net('SwinIR', depths=[4], num_heads=[2], drop_path_rate=0.5)
    image = torch.rand(2, 3, 16, 16)
    with torch.no_grad():
        assert not torch.equal(network.train()(image), network(image))
        assert torch.equal(network.eval()(image), network(image))


@pytest.mark.parametrize('name', ['SPAN', 'FDAT', 'SwiftSRGAN', 'FFTformer'])
def test_parameters_without_gradient_are_frozen(name, capsys):
    network = net(name)
    assert network.frozen
    network.train()(torch.rand(2, 3, 16, 16)).sum().backward()
    for parameter in network.parameters():
        assert parameter.requires_grad == (parameter.grad is not None)


def test_a_batch_of_one_and_any_size():
    network = net('DAT').train()
    network(torch.rand(1, 3, 13, 18)).sum().backward()
    assert network(torch.rand(1, 3, 13, 18)).shape == (1, 3, 26, 36)
    assert all(layer.training for layer in network.modules())
    assert net('FBCNN').eval()(torch.rand(1, 3, 9, 7)).shape == (1, 3, 9, 7)  # of a tuple


def test_half_precision_where_the_class_has_it():
    image = torch.rand(1, 3, 16, 16)
    full, half = net('HAT').eval(), net('Compact').eval()
    with torch.no_grad():
        expected = full(image)
        with torch.autocast('cpu', dtype=torch.float16):
            assert torch.equal(full(image), expected)
        with torch.autocast('cpu', dtype=torch.bfloat16):
            assert half(image).dtype == torch.bfloat16
            assert not torch.equal(full(image), expected)
    assert full.unfit == {torch.float16}
    assert not half.unfit


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(), r'give architecture, .*init_cfg'),
        (dict(architecture='HATT'), "unknown; did you mean 'HAT'"),
        (dict(architecture='KBNet'), r'several; .*KBNet_'),
        (
            dict(architecture='HAT', embed_dims=96),
            "HAT has no argument 'embed_dims'; did you mean 'embed_dim'",
        ),
        (dict(architecture='HAT', upscale=4), "no argument 'upscale'; did you mean 'scale'"),
        (dict(architecture='SPAN', scale=4), "needs the argument 'num_in_ch'"),
        (dict(architecture='NAFNet', scale=4), 'has scale 1, but scale=4'),
        (dict(architecture='SwinIR', **SMALL['SwinIR'] | dict(upsampler='')), 'upsampler'),
        (dict(architecture='RestoreFormer'), r"non-commercial, see https.*accept_license='non-commercial'"),
        (dict(architecture='GFPGAN', accept_license='non-commercial', decoder_load_path='a'), 'no argument'),
    ],
)
def test_errors_say_what_to_do(arguments, message):
    with pytest.raises(InputError, match=message):
        SpandrelNet(**arguments)


def test_classes_of_real_cugan_by_scale():
    assert spandrel_class('RealCUGAN', 3).name == 'UpCunet3x'


def test_a_file_says_architecture_and_arguments(tmp_path, scope):
    published = spandrel_class('RealPLKSR').kind(dim=8, n_blocks=2, upscaling_factor=2, kernel_size=5)
    path = str(tmp_path / '2x-published.pth')
    torch.save(published.state_dict(), path)
    network = MODELS.build(dict(type='SpandrelNet', init_cfg=dict(type='Pretrained', checkpoint=path)))
    network.init_weights()
    assert network.arguments['architecture'] == 'RealPLKSR'
    assert (network.scale, network.arguments['n_blocks']) == (2, 2)
    image = torch.rand(1, 3, 16, 16)
    with torch.no_grad():
        assert torch.equal(network.eval()(image), published.eval()(image))
        assert torch.equal(load_generator(path)(image), published(image))
    # the checkpoint of a training whose config names no architecture
    state = {f'generator.{key}': value for key, value in network.state_dict().items()}
    text = f"model = dict(generator=dict(type='SpandrelNet', init_cfg=dict(checkpoint={path!r})))"
    torch.save(dict(state_dict=state, meta=dict(cfg=text)), tmp_path / 'iter_1.pth')
    with torch.no_grad():
        assert torch.equal(load_generator(tmp_path / 'iter_1.pth')(image), published(image))


def test_exported_under_spandrels_names(tmp_path):
    network = net('HAT', conv_scale=0.02)
    state = {f'generator.{key}': value for key, value in network.state_dict().items()}
    arguments = ', '.join(f'{key}={value!r}' for key, value in network.arguments.items())
    text = f"model = dict(generator=dict(type='SpandrelNet', {arguments}))"
    torch.save(dict(state_dict=state, meta=dict(cfg=text)), tmp_path / 'iter_1.pth')
    done = export(tmp_path / 'iter_1.pth', 'pth')
    assert done.path.name == 'iter_1_hat_x2.pth'
    about = file_info(done.path)
    assert about['architecture_license'] == 'MIT'
    assert about['architecture_source'].endswith('XPixelGroup/HAT')
    weights = torch.load(done.path, weights_only=True)['params_ema']
    assert weights.keys() == network.network.state_dict().keys()
    # conv_scale is not told by the weights, but by the file's own description
    assert any('differs by' in note for note in done.notes)
    assert load_generator(done.path).network.hyperparameters['conv_scale'] == 0.02
    check_fits(network, rename_to(network, weights), done.path)


def test_in_a_gan_with_an_average():
    config = dict(
        type='GANRestorer',
        generator=dict(type='SpandrelNet', architecture='SPAN', **SMALL['SPAN']),
        discriminator=dict(type='mmsr_ext.PatchGANDiscriminator', mid_channels=4, num_layers=1),
        gan_loss=dict(type='mmsr_ext.AdversarialLoss', gan_type='vanilla', loss_weight=0.1),
        is_use_ema=True,
        data_preprocessor=PREPROCESSOR,
    )
    model = MODELS.build(config | dict(generator=config['generator'] | dict(type='mmsr_ext.SpandrelNet')))
    assert len(model.generator_ema.frozen) == 40
    optimizers = {
        name: torch.optim.Adam([p for p in getattr(model, name).parameters() if p.requires_grad])
        for name in ('generator', 'discriminator')
    }
    from mmengine.optim import OptimWrapper

    wrappers = {name: OptimWrapper(one) for name, one in optimizers.items()}
    logs = model.train().train_step(images(2), wrappers)
    assert logs['loss_gan'].isfinite() if 'loss_gan' in logs else logs
