import torch
from torch import nn

from mmsr_ext.models import BoundedCritic
from mmsr_ext.registry import MODELS


def test_bounds_the_networks_output():
    critic = BoundedCritic(
        dict(type='mmsr_ext.VGGDiscriminator', mid_channels=1, patch_size=16, dense_channels=4)
    )
    x = torch.rand(3, 3, 16, 16)
    torch.testing.assert_close(critic.eval()(x), 1 / (1 + torch.exp(-critic.network(x))))


class Constant(nn.Module):
    """A critic that can only move its level."""

    def __init__(self):
        super().__init__()
        self.slope = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return self.slope * x.mean((1, 2, 3))


def test_a_wasserstein_critic_stays_within_its_bound_only_with_it():
    MODELS.register_module(module=Constant, force=True)
    real, fake = torch.ones(2, 3, 4, 4), -torch.ones(2, 3, 4, 4)
    losses = {}
    for name, critic in [('bare', Constant()), ('bounded', BoundedCritic(dict(type='mmsr_ext.Constant')))]:
        optimizer = torch.optim.SGD(critic.parameters(), 1.0)
        for _ in range(200):
            loss = critic(fake).mean() - critic(real).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        losses[name] = loss.item()
    assert losses['bare'] < -700
    assert -1 < losses['bounded'] < -0.9
