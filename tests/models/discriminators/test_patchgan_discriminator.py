import pytest
import torch

from mmsr_ext.models import PatchGANDiscriminator


@pytest.mark.parametrize(('num_layers', 'field'), [(1, 16), (2, 34), (3, 70), (4, 142)])
def test_receptive_field(num_layers, field):
    network = PatchGANDiscriminator(mid_channels=2, num_layers=num_layers, norm='none').double()
    assert network.receptive_field == field
    # large enough for a logit in the middle that sees no border
    stride = 2**num_layers
    size = field + (4 - field % 4) + 4 * stride
    image = torch.rand(1, 3, size, size, dtype=torch.float64, requires_grad=True)
    logits = network(image)
    middle = logits.shape[-1] // 2
    (gradient,) = torch.autograd.grad(logits[0, 0, middle, middle], image)
    touched = gradient[0].abs().sum(0).nonzero()
    low, high = touched.min(0).values, touched.max(0).values
    assert low.min() > 0
    assert high.max() < size - 1
    assert (high - low + 1).tolist() == [field, field]


def test_isola_initialisation():
    network = PatchGANDiscriminator(mid_channels=64)
    weights = network.model[2].conv.weight
    assert abs(weights.std().item() - 0.02) < 2e-4
    assert abs(network.model[2].bn.weight.mean().item() - 1) < 0.01
