"""GANRestorer with relativistic='average' and MMagic's ESRGAN: the same weights after five steps of SGD."""

import torch
from helpers import PREPROCESSOR, batch
from mmagic.models.editors import ESRGAN
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.registry import DefaultScope

from mmsr_ext.models import GANRestorer

MODEL = dict(
    generator=dict(type='mmagic.MSRResNet', in_channels=3, out_channels=3, mid_channels=4, num_blocks=1, upscale_factor=4),
    discriminator=dict(type='mmagic.PatchDiscriminator', in_channels=3, base_channels=4, num_conv=1),  # with batch normalisation
    pixel_loss=dict(type='mmagic.L1Loss', loss_weight=1e-2),
    data_preprocessor=PREPROCESSOR)


def train(model, steps):
    wrappers = OptimWrapperDict(**{
        name: OptimWrapper(torch.optim.SGD(getattr(model, name).parameters(), lr=0.5))
        for name in ('generator', 'discriminator')
    })
    for step in range(steps):
        model.train_step(batch(3, seed=step), wrappers)


def test_equals_mmagic_s_esrgan():
    with DefaultScope.overwrite_default_scope('mmagic'):
        theirs = ESRGAN(gan_loss=dict(type='GANLoss', gan_type='vanilla', loss_weight=0.5), **MODEL)
    ours = GANRestorer(
        gan_loss=dict(type='mmsr_ext.AdversarialLoss', gan_type='vanilla', relativistic='average', loss_weight=0.5), **MODEL)
    # MMagic's start makes the generator's last layers, and so their gradients, all but vanish
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    start = {key: value.clone() for key, value in theirs.state_dict().items()}
    ours.load_state_dict(start, strict=False)
    train(theirs, 5)
    train(ours, 5)
    for (name, expected), (_, value) in zip(theirs.named_parameters(), ours.named_parameters(), strict=True):
        torch.testing.assert_close(value, expected, rtol=1e-5, atol=1e-6, msg=name)
    for name in ('generator.conv_first.weight', 'discriminator.model.0.conv.weight'):
        assert (ours.state_dict()[name] - start[name]).abs().max() > 1e-3
