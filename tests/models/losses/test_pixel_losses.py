import pytest
import torch

from mmsr_ext import InputError
from mmsr_ext.registry import MODELS


@pytest.mark.parametrize('name', ['L1Loss', 'MSELoss'])
@pytest.mark.parametrize('arguments', [{}, dict(loss_weight=0.3, reduction='sum'), dict(reduction='none')])
def test_equals_mmagics(scope, name, arguments):
    ours, theirs = (MODELS.build(dict(type=f'{package}{name}', **arguments)) for package in ('', 'mmagic.'))
    assert type(ours).__module__.startswith('mmsr_ext')
    x, y = (torch.rand(2, 3, 8, 9).requires_grad_() for _ in range(2))
    a, b = ours(x, y), theirs(x, y)
    torch.testing.assert_close(a, b)
    for one, other in zip(torch.autograd.grad(a.sum(), (x, y)), torch.autograd.grad(b.sum(), (x, y))):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize('name', ['L1Loss', 'MSELoss'])
@pytest.mark.parametrize('reduction', ['none', 'sum', 'mean'])
@pytest.mark.parametrize('sample_wise', [False, True])
@pytest.mark.parametrize('channels', [1, 3])
def test_masks_equal_mmagics(scope, name, reduction, sample_wise, channels):
    arguments = dict(loss_weight=0.5, reduction=reduction, sample_wise=sample_wise)
    ours, theirs = (MODELS.build(dict(type=f'{package}{name}', **arguments)) for package in ('', 'mmagic.'))
    x, y = torch.rand(2, 3, 8, 9), torch.rand(2, 3, 8, 9)
    weight = (torch.rand(2, channels, 8, 9) > 0.3).float()
    weight[1] *= 0.2
    torch.testing.assert_close(ours(x, y, weight), theirs(x, y, weight))


def test_bad_reduction(scope):
    with pytest.raises(InputError, match="reduction='max'"):
        MODELS.build(dict(type='L1Loss', reduction='max'))
