"""RRDBNet and the relativistic step against MMagic's RRDBNet and ESRGAN."""

import pytest
import torch
from mmagic.models.editors import ESRGAN
from mmagic.models.editors.esrgan import RRDBNet as MMagicRRDBNet
from mmagic.structures import DataSample
from mmengine.config import Config
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.registry import DefaultScope
from support.configs import CONFIGS
from torch import nn

from mmsr_ext.models.backbones import RRDBNet
from mmsr_ext.models.restorers import GANRestorer
from mmsr_ext.registry import MODELS

TINY = dict(in_channels=3, out_channels=3, mid_channels=8, num_blocks=2, growth_channels=4)
PREPROCESSOR = dict(type='mmagic.DataPreprocessor', mean=[0.0] * 3, std=[255.0] * 3)


class SmallDiscriminator(nn.Module):
    """Without the biases whose gradient is zero but for rounding: before a normalisation, and where only
    differences of outputs count."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(8, 8, 3, 2, 1, bias=False),
            nn.BatchNorm2d(8),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(8 * 64, 1, bias=False),
        )

    def forward(self, x):
        return self.body(x)


@pytest.fixture(autouse=True)
def _registered():
    MODELS.register_module(name='SmallDiscriminator', module=SmallDiscriminator, force=True)
    yield
    MODELS.module_dict.pop('SmallDiscriminator')


def batch(seed):
    generator = torch.Generator().manual_seed(seed)
    images = [
        [torch.randint(0, 256, (3, size, size), generator=generator, dtype=torch.uint8) for size in (8, 32)]
        for _ in range(4)
    ]
    return dict(inputs=[lq for lq, _ in images], data_samples=[DataSample(gt_img=gt) for _, gt in images])


def optimizers(model, lr=0.01):
    return OptimWrapperDict(
        **{
            name: OptimWrapper(torch.optim.SGD(getattr(model, name).parameters(), lr))
            for name in ('generator', 'discriminator')
        }
    )


def both():
    """Our restorer and MMagic's, with equal weights."""
    common = dict(
        discriminator=dict(type='mmsr_ext.SmallDiscriminator'),
        pixel_loss=dict(type='mmagic.L1Loss', loss_weight=1e-2, reduction='mean'),
        data_preprocessor=PREPROCESSOR,
    )
    with DefaultScope.overwrite_default_scope('mmagic'):
        theirs = ESRGAN(
            generator=dict(type='RRDBNet', upscale_factor=4, **TINY),
            gan_loss=dict(
                type='GANLoss', gan_type='vanilla', loss_weight=5e-3, real_label_val=1.0, fake_label_val=0
            ),
            **common,
        )
    with DefaultScope.overwrite_default_scope('mmsr_ext'):
        ours = GANRestorer(
            generator=dict(type='RRDBNet', scale=4, **TINY),
            gan_loss=dict(
                type='AdversarialLoss', gan_type='vanilla', relativistic='average', loss_weight=5e-3
            ),
            **common,
        )
    for layer in theirs.generator.modules():
        if isinstance(layer, nn.Conv2d):
            layer.reset_parameters()  # larger than RRDBNet's own initialisation, so that gradients are too
    ours.generator.load_state_dict(theirs.generator.state_dict())
    ours.discriminator.load_state_dict(theirs.discriminator.state_dict())
    return ours, theirs


def count_forwards(network):
    calls = []
    network.register_forward_hook(lambda *_: calls.append(1))
    return calls


@pytest.mark.parametrize('scale', [1, 2, 4])
def test_rrdbnet_equals_mmagic(scale):
    theirs = MMagicRRDBNet(upscale_factor=scale, **TINY)
    ours = RRDBNet(scale=scale, **TINY)
    ours.load_state_dict(theirs.state_dict())
    x = torch.rand(2, 3, 16, 12)
    torch.testing.assert_close(ours(x), theirs(x), rtol=0, atol=1e-6)


def test_five_steps_equal_mmagics_esrgan():
    ours, theirs = both()
    initial = {name: parameter.clone() for name, parameter in theirs.named_parameters()}
    for model in (ours, theirs):
        wrappers = optimizers(model, lr=0.1)
        for seed in range(5):
            logs = model.train_step(batch(seed), wrappers)
    for name, parameter in theirs.named_parameters():
        change = (parameter - initial[name]).norm()
        difference = (ours.get_parameter(name) - parameter).norm()
        # Five steps in float32: the sums round in another order where the discriminator runs once instead of
        # twice, and no
        # weight agrees beyond its last bit. A bias starts at 0: what is left of it is the change, not 1e-6 of
        # a weight.
        last_bit = torch.finfo(torch.float32).eps * parameter.abs().max()
        assert difference <= 1e-5 * change + last_bit, name
        assert change == 0 or change > 20 * last_bit, name  # the steps were large enough to tell
    assert set(logs) == {'loss_pix', 'loss_gan', 'loss_d_real', 'loss_d_fake'}


def test_a_step_runs_the_discriminator_twice_and_mmagics_five_times():
    ours, theirs = both()
    for model, expected in [(ours, 2), (theirs, 5)]:
        calls = count_forwards(model.discriminator)
        wrappers = optimizers(model)
        for step in range(3):
            model.train_step(batch(step), wrappers)
        assert len(calls) == 3 * expected


def test_activation_checkpointing_changes_no_step():
    models = [both()[0], both()[0]]
    models[1].load_state_dict(models[0].state_dict())
    models[1].generator.with_cp = True
    for model in models:
        wrappers = optimizers(model)
        for step in range(2):
            model.train_step(batch(step), wrappers)
    assert all(
        torch.equal(value, models[0].state_dict()[key]) for key, value in models[1].state_dict().items()
    )


def test_a_step_of_the_recipe_runs_the_discriminator_twice():
    cfg = Config.fromfile(CONFIGS / 'esrgan_x4.py')
    cfg.merge_from_dict(
        dict(
            model=dict(
                generator=dict(TINY, init_cfg=None),
                discriminator=dict(mid_channels=4, patch_size=32, dense_channels=8),
                perceptual_loss=dict(pretrained='random'),
            )
        )
    )
    with DefaultScope.overwrite_default_scope('mmsr_ext'):
        model = MODELS.build(cfg.model)
    calls = count_forwards(model.discriminator)
    logs = model.train_step(batch(0), optimizers(model))
    assert len(calls) == 2
    assert {'loss_pix', 'loss_perceptual', 'loss_gan', 'loss_d_real', 'loss_d_fake'} <= set(logs)
