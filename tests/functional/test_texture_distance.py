import pytest
import torch

from mmsr_ext import InputError
from mmsr_ext.functional import texture_distance


def plain_loop(x, y, p):
    """Each patch of each sample, each entry of its Gram matrix."""
    total, patches = 0.0, 0
    for n in range(x.shape[0]):
        for top in range(0, x.shape[2] - p + 1, p):
            for left in range(0, x.shape[3] - p + 1, p):
                patches += 1
                for i in range(x.shape[1]):
                    for j in range(x.shape[1]):
                        a, b = (
                            sum(
                                float(z[n, i, top + u, left + v]) * float(z[n, j, top + u, left + v])
                                for u in range(p)
                                for v in range(p)
                            )
                            for z in (x, y)
                        )
                        total += (a - b) ** 2
    return total / patches


@pytest.mark.parametrize('size', [(8, 8), (9, 14)])
def test_equals_a_plain_loop(size):
    x, y = (torch.randn(2, 3, *size, dtype=torch.float64) for _ in range(2))
    assert texture_distance(x, y, 4).item() == pytest.approx(plain_loop(x, y, 4), rel=1e-12)


def test_gradient():
    x, y = (torch.randn(1, 2, 6, 4, dtype=torch.float64) for _ in range(2))
    assert torch.autograd.gradcheck(lambda x: texture_distance(x, y, 2), x.requires_grad_())


def test_only_the_place_of_a_texture_matters_that_is_in_another_patch():
    x = torch.randn(1, 2, 8, 4, dtype=torch.float64)
    shuffled = x[:, :, [1, 3, 2, 0, 6, 4, 7, 5]]
    assert texture_distance(x, shuffled, 4).item() == pytest.approx(0, abs=1e-12)
    assert texture_distance(x, x.roll(4, 2), 4).item() > 1


def test_half_precision_is_widened():
    x = torch.full((1, 2, 4, 4), 200.0, dtype=torch.float16)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        value = texture_distance(x, torch.zeros_like(x), 4)
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(4 * (16 * 200.0**2) ** 2)


def test_maps_smaller_than_a_patch():
    with pytest.raises(InputError, match='16x16 do not fit into feature maps of 8x20'):
        texture_distance(torch.zeros(1, 2, 8, 20), torch.zeros(1, 2, 8, 20))
