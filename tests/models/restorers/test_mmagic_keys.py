"""The keys that MMagic's restorers take, with their meaning or with one sentence."""

import copy
import urllib.error

import pytest
import torch
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.registry import DefaultScope
from support.models import GENERATOR, PREPROCESSOR, SmallDiscriminator, batch

from mmsr_ext import InputError
from mmsr_ext.engine import GeneratorEMAHook
from mmsr_ext.models import GANRestorer
from mmsr_ext.registry import MODELS

L1 = dict(type='mmagic.L1Loss')
GAN = dict(type='mmagic.GANLoss', gan_type='vanilla', loss_weight=0.1)


class Brightness(torch.nn.Module):
    """Stands for a perceptual loss."""

    def forward(self, x, gt):
        return (x.mean((2, 3)) - gt.mean((2, 3))).abs().mean(), None


def sharp_batch(seed=0):
    data = batch(seed=seed)
    generator = torch.Generator().manual_seed(seed + 100)
    for sample in data['data_samples']:
        sample.gt_unsharp = torch.randint(0, 256, sample.gt_img.shape, generator=generator).float()
    return data


def wrappers(model):
    names = ('generator', 'discriminator')
    return {name: OptimWrapper(torch.optim.SGD(getattr(model, name).parameters(), 0.01)) for name in names}


def pair(**keys):
    common = dict(generator=GENERATOR, pixel_loss=L1, gan_loss=GAN, data_preprocessor=PREPROCESSOR, **keys)
    theirs = MODELS.build(dict(type='mmagic.RealESRGAN', **common))
    ours = MODELS.build(
        dict(
            type='mmsr_ext.GANRestorer',
            discriminator=dict(type='mmsr_ext.VGGDiscriminator', mid_channels=1),
            **common,
        )
    )
    theirs.discriminator = SmallDiscriminator()
    theirs.disc_repeat = 1  # MMagic sets it to 0 without a discriminator
    ours.discriminator = copy.deepcopy(theirs.discriminator)
    ours.generator.load_state_dict(theirs.generator.state_dict())
    theirs.perceptual_loss = ours.perceptual_loss = Brightness()
    return theirs.train(), ours.train()


@pytest.mark.parametrize('pixel', [False, True])
@pytest.mark.parametrize('percep', [False, True])
@pytest.mark.parametrize('gan', [False, True])
def test_sharpened_targets_equal_mmagics(pixel, percep, gan):
    theirs, ours = pair(
        is_use_sharpened_gt_in_pixel=pixel,
        is_use_sharpened_gt_in_percep=percep,
        is_use_sharpened_gt_in_gan=gan,
        is_use_ema=True,
        train_cfg=dict(start_iter=1000),
    )
    opt_theirs, opt_ours = OptimWrapperDict(**wrappers(theirs)), wrappers(ours)  # ours takes a plain dict
    for step in range(3):
        expected = theirs.train_step(sharp_batch(step), opt_theirs)
        got = ours.train_step(sharp_batch(step), opt_ours)
        for key in expected:
            torch.testing.assert_close(got[key], expected[key], rtol=1e-5, atol=1e-7)
    for name in ('generator', 'discriminator'):
        for one, other in zip(getattr(ours, name).parameters(), getattr(theirs, name).parameters()):
            torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-7)


def test_sharpened_targets_follow_the_preprocessor_s_order_and_range(scope):
    model = GANRestorer(
        GENERATOR,
        pixel_loss=L1,
        is_use_sharpened_gt_in_pixel=True,
        data_preprocessor=dict(type='mmsr_ext.ImagePreprocessor', output_channel_order='BGR'),
    )
    data = sharp_batch()
    for sample in data['data_samples']:
        sample.gt_unsharp = sample.gt_img.clone()
    samples = model.data_preprocessor(data, True)['data_samples']
    targets = model._targets(samples)
    assert torch.equal(targets.pixel, targets.real)
    assert targets.pixel is not targets.real


def test_targets_without_a_sharpened_image_are_one_sentence():
    model = GANRestorer(
        GENERATOR, pixel_loss=L1, is_use_sharpened_gt_in_pixel=True, data_preprocessor=PREPROCESSOR
    )
    with pytest.raises(InputError, match='UnsharpMasking'):
        model.train_step(batch(), OptimWrapper(torch.optim.SGD(model.parameters(), 0.1)))


def test_average_starts_from_the_generator_and_predicts(tmp_path):
    model = GANRestorer(GENERATOR, pixel_loss=L1, is_use_ema=True, data_preprocessor=PREPROCESSOR)
    model.init_weights()
    for one, other in zip(model.generator.parameters(), model.generator_ema.parameters(), strict=True):
        assert torch.equal(one, other)
        assert not other.requires_grad
    torch.nn.init.ones_(model.generator.conv_last.weight)
    image = torch.rand(1, 3, 8, 8)
    assert torch.equal(model(image), model.generator_ema(image))
    assert not torch.equal(model(image), model.generator(image))
    other = GANRestorer(GENERATOR, pixel_loss=L1, is_use_ema=True, data_preprocessor=PREPROCESSOR)
    bare = {key: value for key, value in model.state_dict().items() if 'generator_ema' not in key}
    other.load_state_dict(bare)  # a checkpoint without an average
    assert torch.equal(other(image), model.generator(image))


def test_one_average_is_enough():
    model = GANRestorer(GENERATOR, pixel_loss=L1, is_use_ema=True, data_preprocessor=PREPROCESSOR)
    with pytest.raises(InputError, match='is_use_ema=True'):
        GeneratorEMAHook().before_run(type('Runner', (), dict(model=model)))


def test_a_built_preprocessor():
    built = MODELS.build(PREPROCESSOR)
    model = GANRestorer(GENERATOR, pixel_loss=L1, data_preprocessor=built)
    assert model.data_preprocessor is built


def test_a_body_logs_loss():
    """As BaseEditModel does; MMEngine's CheckInvalidLossHook reads it."""
    model = GANRestorer(GENERATOR, pixel_loss=L1, data_preprocessor=PREPROCESSOR)
    body = MODELS.build(
        dict(type='mmagic.BaseEditModel', generator=GENERATOR, pixel_loss=L1, data_preprocessor=PREPROCESSOR)
    )
    body.generator.load_state_dict(model.generator.state_dict())
    got, expected = (
        one.train_step(batch(), OptimWrapper(torch.optim.SGD(one.parameters(), 0.1))) for one in (model, body)
    )
    assert got['loss'] == expected['loss'] == got['loss_pix']


def test_keys_without_effect_are_logged(monkeypatch):
    lines = []
    monkeypatch.setattr(
        'mmsr_ext.models.restorers.schedule.print_log', lambda text, *args: lines.append(text)
    )
    GANRestorer(GENERATOR, train_cfg=dict(start_iter=5), test_cfg=dict(metrics=['PSNR'], crop_border=4))
    assert [line.partition(' has no effect')[0] for line in lines] == [
        'train_cfg: start_iter',
        'test_cfg: metrics and crop_border',
    ]


def test_keys_of_another_step_are_one_sentence():
    model = GANRestorer(
        GENERATOR,
        pixel_loss=L1,
        data_preprocessor=PREPROCESSOR,
        disc_loss=dict(type='AdvLoss'),
        adv_lambda=0.1,
    )
    assert model(torch.rand(1, 3, 8, 8)).shape == (1, 3, 32, 32)
    with pytest.raises(InputError, match=r'adv_lambda and disc_loss .* gan_loss=dict\(') as caught:
        model.train_step(batch(), OptimWrapper(torch.optim.SGD(model.parameters(), 0.1)))
    assert '\n' not in str(caught.value)


def test_a_download_that_fails_names_what_needs_none(monkeypatch):
    def offline(*args, **kwargs):
        raise urllib.error.URLError('no network')

    monkeypatch.setattr('torchvision.models._api.load_state_dict_from_url', offline)
    loss = dict(type='PerceptualLoss', layer_weights={'34': 1.0})
    with (
        DefaultScope.overwrite_default_scope('mmagic'),
        pytest.raises(InputError, match=r"mmsr_ext.PerceptualLoss .* pretrained='builtin'"),
    ):
        GANRestorer(GENERATOR, perceptual_loss=loss)
