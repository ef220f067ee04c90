"""``disc_repeat`` against a loop written down by hand, in float64 with SGD."""

import copy

import pytest
import torch
from mmagic.structures import DataSample
from mmengine.optim import OptimWrapper, OptimWrapperDict
from torch import nn

from mmsr_ext.models import GANRestorer
from mmsr_ext.registry import MODELS

PREPROCESSOR = dict(type='mmagic.DataPreprocessor', mean=[0.0] * 3, std=[255.0] * 3)


class SlopePenalty(nn.Module):
    """A penalty without random numbers: (|grad_x D| - 1)^2 halfway between real and fake, a sample at a
    time."""

    def forward(self, discriminator, real, fake):
        middle = ((real + fake) / 2).requires_grad_()
        (slope,) = torch.autograd.grad(discriminator(middle).sum(), middle, create_graph=True)
        return 10 * (slope.flatten(1).norm(dim=1) - 1).square().mean()


def build(repeat, gan_type, penalty):
    MODELS.register_module(module=SlopePenalty, force=True)
    model = (
        GANRestorer(
            dict(type='mmsr_ext.DeblurResNet', mid_channels=4, num_blocks=1, dropout=False),
            discriminator=dict(type='mmsr_ext.VGGDiscriminator', mid_channels=1),
            gan_loss=dict(type='mmsr_ext.AdversarialLoss', gan_type=gan_type),
            pixel_loss=dict(type='mmagic.MSELoss'),
            gradient_penalty=dict(type='mmsr_ext.SlopePenalty') if penalty else None,
            train_cfg=dict(disc_repeat=repeat),
            data_preprocessor=PREPROCESSOR,
        )
        .double()
        .train()
    )
    model.discriminator = nn.Sequential(
        nn.Conv2d(3, 4, 4, 2, 1), nn.Softplus(), nn.Conv2d(4, 1, 4, 2, 1)
    ).double()
    return model


def batch(seed):
    rng = torch.Generator().manual_seed(seed)
    lq, gt = (torch.randint(0, 256, (2, 3, 12, 12), generator=rng, dtype=torch.uint8) for _ in range(2))
    samples = [
        DataSample(gt_img=image, metainfo=dict(gt_channel_order='rgb', img_channel_order='rgb'))
        for image in gt
    ]
    return (lq, gt), dict(inputs=list(lq), data_samples=samples)


def descend(network, loss, rate):
    for parameter, gradient in zip(
        network.parameters(), torch.autograd.grad(loss, list(network.parameters()))
    ):
        parameter.data -= rate * gradient


@pytest.mark.parametrize('penalty', [False, True])
@pytest.mark.parametrize('gan_type', ['wgan', 'vanilla'])
def test_predictions_are_computed_anew_after_each_update(gan_type, penalty):
    model = build(5, gan_type, penalty)
    generator, critic = copy.deepcopy(model.generator), copy.deepcopy(model.discriminator)
    model.data_preprocessor.double()
    opt = OptimWrapperDict(
        generator=OptimWrapper(torch.optim.SGD(model.generator.parameters(), 0.05)),
        discriminator=OptimWrapper(torch.optim.SGD(model.discriminator.parameters(), 0.02)),
    )
    for seed in range(2):
        (lq, gt), data = batch(seed)
        logs = model.train_step(data, opt)
        lq, gt = lq.float().double() / 255, gt.float().double() / 255
        fake = generator(lq)
        judged = critic(fake)
        adversarial = -judged.mean() if gan_type == 'wgan' else torch.log1p(torch.exp(-judged)).mean()
        descend(generator, (fake - gt).square().mean() + adversarial, 0.05)
        fake = fake.detach()
        for _ in range(5):
            r, f = critic(gt), critic(fake)
            loss = (
                f.mean() - r.mean()
                if gan_type == 'wgan'
                else torch.log1p(torch.exp(-r)).mean() + torch.log1p(torch.exp(f)).mean()
            )
            if penalty:
                loss = loss + SlopePenalty()(critic, gt, fake)
            descend(critic, loss, 0.02)
        torch.testing.assert_close(
            logs['d_fake'].double(), f.mean().detach(), rtol=1e-6, atol=1e-8
        )  # of the last update
    for ours, expected in zip((model.generator, model.discriminator), (generator, critic)):
        for key, value in ours.state_dict().items():
            torch.testing.assert_close(
                value, expected.state_dict()[key], rtol=1e-6, atol=1e-9, msg=lambda m, key=key: f'{key}: {m}'
            )


def test_a_repeat_counts():
    """One update and five are not the same, so that the test above can fail."""
    once, five = (build(repeat, 'wgan', False) for repeat in (1, 5))
    five.load_state_dict(once.state_dict())
    for model in (once, five):
        opt = OptimWrapperDict(
            **{
                name: OptimWrapper(torch.optim.SGD(getattr(model, name).parameters(), 0.02))
                for name in ('generator', 'discriminator')
            }
        )
        model.train_step(batch(0)[1], opt)
    key = 'discriminator.0.weight'
    assert (once.state_dict()[key] - five.state_dict()[key]).abs().max() > 1e-4
    assert torch.equal(
        once.state_dict()['generator.model.0.conv.weight'], five.state_dict()['generator.model.0.conv.weight']
    )
