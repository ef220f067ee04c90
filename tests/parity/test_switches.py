"""The switches for speed change no result: MMagic's SRGAN, and ours with every one of them on."""

import copy

import pytest
import torch
from mmengine.optim import OptimWrapper, OptimWrapperDict
from support.models import GENERATOR, PREPROCESSOR, batch

from mmsr_ext import InputError
from mmsr_ext.engine import AmpOptimWrapper
from mmsr_ext.models import GANRestorer
from mmsr_ext.registry import MODELS

NETWORKS = ('generator', 'discriminator')


def restorer(**switches):
    torch.manual_seed(0)
    perceptual = dict(
        type='mmsr_ext.PerceptualLoss',
        layer_weights={'relu1_1': 0.1},
        pretrained='random',
        **switches.pop('perceptual', {}),
    )
    return GANRestorer(
        GENERATOR,
        discriminator=dict(type='mmsr_ext.VGGDiscriminator', mid_channels=4, patch_size=32),
        gan_loss=dict(type='mmsr_ext.AdversarialLoss', loss_weight=5e-3),
        pixel_loss=dict(type='mmagic.L1Loss', loss_weight=1e-2),
        perceptual_loss=perceptual,
        data_preprocessor=PREPROCESSOR,
        **switches,
    ).train()


def train(model, steps, optimizer=torch.optim.SGD, wrapper=OptimWrapper, lr=0.01, **kwargs):
    wrappers = OptimWrapperDict(
        **{
            name: wrapper(optimizer=optimizer(getattr(model, name).parameters(), lr, **kwargs))
            for name in NETWORKS
        }
    )
    logs = [model.train_step(batch(seed=step), wrappers) for step in range(steps)]
    return {name: torch.stack([log[name].float() for log in logs]) for name in logs[0]}


def assert_same(ours, theirs):
    """Within 1e-5; biases that began at 0 are sums of gradients that cancel, and are compared on the scale of
    a weight."""
    expected = dict(theirs.named_parameters())
    for name, value in ours.named_parameters():
        torch.testing.assert_close(
            value, expected[name], rtol=1e-5, atol=1e-8, msg=lambda m, name=name: f'{name}: {m}'
        )


def with_mmagics_step(model):
    """MMagic's SRGAN around copies of the same networks and losses."""
    theirs = MODELS.build(
        dict(
            type='mmagic.SRGAN',
            generator=GENERATOR,
            pixel_loss=dict(type='mmagic.L1Loss', loss_weight=1e-2),
            gan_loss=dict(type='mmagic.GANLoss', gan_type='vanilla', loss_weight=5e-3),
            data_preprocessor=PREPROCESSOR,
            train_cfg=dict(disc_steps=1, disc_init_steps=0),
        )
    )
    theirs.disc_repeat = 1  # MMagic sets it to 0 without a discriminator
    theirs.perceptual_loss = model.perceptual_loss
    for name in NETWORKS:
        setattr(theirs, name, copy.deepcopy(getattr(model, name)))
    return theirs.train()


@pytest.mark.parametrize('backend', ['aot_eager', pytest.param('inductor', marks=pytest.mark.slow)])
def test_every_switch_on_equals_mmagic(backend):
    compiled = dict(backend=backend)
    model = restorer(
        channels_last=True,
        compile=dict(generator=compiled, discriminator=compiled),
        perceptual=dict(compile=compiled),
    )
    theirs = with_mmagics_step(restorer())
    assert_same(model, theirs)
    ours_log, theirs_log = train(model, 5, fused=True), train(theirs, 5)
    assert_same(model, theirs)
    for name, values in theirs_log.items():
        torch.testing.assert_close(ours_log[name], values, rtol=1e-5, atol=1e-6)
    assert not any('_orig_mod' in key for key in model.state_dict())


def test_fused_adam_equals_ordinary_adam():
    fused, ordinary = restorer(), restorer()
    train(fused, 5, torch.optim.Adam, lr=1e-4, fused=True)
    train(ordinary, 5, torch.optim.Adam, lr=1e-4, foreach=False)
    assert_same(fused, ordinary)


def test_bfloat16_follows_float32_for_fifty_steps():
    """A value in bfloat16 has 8 bits, 0.4 %; the losses, which are means over many, stay within 5 % of
    float32's."""
    half = train(
        restorer(channels_last=True, perceptual=dict(dtype='bfloat16')),
        50,
        torch.optim.Adam,
        AmpOptimWrapper,
        1e-4,
    )
    full = train(restorer(), 50, torch.optim.Adam, lr=1e-4)
    for name in ('loss_pix', 'loss_perceptual', 'loss_gan', 'loss_d_real', 'loss_d_fake'):
        torch.testing.assert_close(
            half[name], full[name], rtol=0.05, atol=0.02, msg=lambda m, name=name: f'{name}: {m}'
        )
    assert full['loss_pix'][-10:].mean() < full['loss_pix'][:10].mean()


def test_compile_names_the_networks():
    with pytest.raises(InputError, match="'vgg' is not a network"):
        restorer(compile=dict(vgg=dict()))
