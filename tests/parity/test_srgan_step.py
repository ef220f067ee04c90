"""GANRestorer's step against MMagic's SRGAN: same weights, same batches, SGD."""

import copy

import pytest
import torch
from mmengine.optim import OptimWrapper, OptimWrapperDict
from support.models import GENERATOR, PREPROCESSOR, SmallDiscriminator, batch

from mmsr_ext.registry import MODELS


def optimizers(model, accumulate=1, lr=0.01):
    return OptimWrapperDict(
        **{
            name: OptimWrapper(
                torch.optim.SGD(getattr(model, name).parameters(), lr), accumulative_counts=accumulate
            )
            for name in ('generator', 'discriminator')
        }
    )


def pair(batch_norm=True, gan_type='vanilla', **train_cfg):
    """MMagic's SRGAN and ours with the same weights."""
    common = dict(
        generator=GENERATOR,
        pixel_loss=dict(type='mmagic.L1Loss', loss_weight=0.01),
        gan_loss=dict(type='mmagic.GANLoss', gan_type=gan_type, loss_weight=0.005),
        data_preprocessor=PREPROCESSOR,
        train_cfg=train_cfg,
    )
    theirs = MODELS.build(dict(type='mmagic.SRGAN', **common))
    ours = MODELS.build(
        dict(
            type='mmsr_ext.GANRestorer',
            discriminator=dict(type='mmsr_ext.VGGDiscriminator', mid_channels=1),
            **common,
        )
    )
    theirs.discriminator = SmallDiscriminator(batch_norm)
    theirs.disc_repeat = train_cfg.get('disc_repeat', 1)  # MMagic sets it to 0 without a discriminator
    ours.discriminator = copy.deepcopy(theirs.discriminator)
    ours.generator.load_state_dict(theirs.generator.state_dict())
    return theirs.train(), ours.train()


def assert_equal(ours, theirs, rtol):
    for name in ('generator', 'discriminator'):
        expected = dict(getattr(theirs, name).named_parameters())
        for key, value in getattr(ours, name).named_parameters():
            largest = expected[key].abs().max().item()
            torch.testing.assert_close(
                value, expected[key], rtol=rtol, atol=rtol * largest, msg=lambda m, key=key: f'{key}: {m}'
            )


@pytest.mark.parametrize('gan_type', ['vanilla', 'lsgan'])
@pytest.mark.parametrize('disc_steps', [1, 2])
@pytest.mark.parametrize('disc_init_steps', [0, 2])
def test_five_steps_equal_mmagic(disc_steps, disc_init_steps, gan_type):
    theirs, ours = pair(gan_type=gan_type, disc_steps=disc_steps, disc_init_steps=disc_init_steps)
    before = copy.deepcopy(ours.generator.state_dict())
    opt_theirs, opt_ours = optimizers(theirs), optimizers(ours)
    for step in range(5):
        log_theirs = theirs.train_step(batch(seed=step), opt_theirs)
        log_ours = ours.train_step(batch(seed=step), opt_ours)
        assert set(log_ours) == set(log_theirs) | {'d_real', 'd_fake'}
        for key in log_theirs:
            torch.testing.assert_close(log_ours[key], log_theirs[key], rtol=1e-5, atol=1e-7)
    assert_equal(ours, theirs, 1e-6)
    assert any(not torch.equal(value, before[key]) for key, value in ours.generator.state_dict().items())


@pytest.mark.parametrize('repeat', [1, 3])
def test_adversarial_loss_equals_adapted_gan_loss(repeat):
    """AdversarialLoss in MMagic's place; disc_repeat judges anew after each update, as MMagic does."""
    theirs, ours = pair(disc_repeat=repeat)
    ours.gan_loss = MODELS.build(dict(type='AdversarialLoss', gan_type='vanilla', loss_weight=0.005))
    opt_theirs, opt_ours = optimizers(theirs), optimizers(ours)
    for step in range(3):
        theirs.train_step(batch(seed=step), opt_theirs)
        ours.train_step(batch(seed=step), opt_ours)
    assert_equal(ours, theirs, 1e-6)


@pytest.mark.parametrize('disc_steps', [1, 2])
def test_accumulation_equals_one_large_batch(disc_steps):
    _, small = pair(batch_norm=False, disc_steps=disc_steps)
    large = copy.deepcopy(small)
    opt_small, opt_large = optimizers(small, accumulate=4), optimizers(large)
    for step in range(2):
        for part in range(4):
            small.train_step(batch(2, seed=4 * step + part), opt_small)
        parts = [
            batch(2, seed=4 * step + part) for part in range(4)
        ]  # anew: MMagic's preprocessor changes a batch in place
        large.train_step({key: [item for part in parts for item in part[key]] for key in parts[0]}, opt_large)
    assert_equal(small, large, 1e-5)


def test_two_discriminator_forwards_where_mmagic_has_three():
    theirs, ours = pair()
    counts = {}
    for name, model in [('theirs', theirs), ('ours', ours)]:
        model.discriminator.register_forward_hook(
            lambda *_, name=name: counts.update({name: counts.get(name, 0) + 1})
        )
        model.train_step(batch(), optimizers(model))
    assert counts == {'theirs': 3, 'ours': 2}


def test_no_generator_graph_when_only_the_discriminator_learns():
    _, model = pair(disc_steps=2)
    grads = []
    model.generator.register_forward_hook(lambda module, args, output: grads.append(output.requires_grad))
    wrappers = optimizers(model)
    for step in range(3):
        model.train_step(batch(seed=step), wrappers)
    assert grads == [True, False, True]
