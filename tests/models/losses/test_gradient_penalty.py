import pytest
import torch
from mmengine.optim import OptimWrapper, OptimWrapperDict
from support.models import PREPROCESSOR, batch
from torch import nn

from mmsr_ext import InputError
from mmsr_ext.models import GANRestorer, GradientPenalty, R1Penalty

DOUBLE = dict(dtype=torch.float64)


class Quadratic(nn.Module):
    """D(x) = sum(a x^2 / 2 + b x), whose gradient is a x + b."""

    def __init__(self, a: float, b: float) -> None:
        super().__init__()
        self.a, self.b = (nn.Parameter(torch.tensor(value, **DOUBLE)) for value in (a, b))

    def forward(self, x):
        return (self.a / 2 * x.square() + self.b * x).sum((1, 2, 3))[:, None]


class Judge(nn.Module):
    """A nonlinear discriminator with one logit (scalar), a coarse map (patch), or one for each pixel
    (unet)."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, 2 if kind == 'patch' else 1, 1, **DOUBLE)
        self.last = nn.Conv2d(
            4, 1, 8 if kind == 'scalar' else 3, padding=0 if kind == 'scalar' else 1, **DOUBLE
        )
        self.flat = kind == 'scalar'

    def forward(self, x):
        out = self.last(torch.tanh(self.conv(x)))
        return out.flatten(1) if self.flat else out


def images(count: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.rand(count, 3, 8, 8, **DOUBLE), torch.rand(count, 3, 8, 8, **DOUBLE)


def test_closed_form():
    judge = Quadratic(0.7, -0.2)
    real, _ = images()
    # with fake equal to real, the interpolation is known whatever alpha is
    value = GradientPenalty(loss_weight=4.0)(judge, real, real)
    gradient = (0.7 * real - 0.2).flatten(1)
    norm = gradient.norm(dim=1)
    torch.testing.assert_close(value, 4 * (norm - 1).square().mean(), rtol=1e-12, atol=0)
    value.backward()
    d_norm = 8 / 3 * (norm - 1) / norm
    torch.testing.assert_close(
        judge.a.grad, (d_norm * (gradient * real.flatten(1)).sum(1)).sum(), rtol=1e-10, atol=0
    )
    torch.testing.assert_close(judge.b.grad, (d_norm * gradient.sum(1)).sum(), rtol=1e-10, atol=0)

    value = R1Penalty(gamma=6.0)(judge, real, torch.rand_like(real))
    torch.testing.assert_close(value, 3 * norm.square().mean(), rtol=1e-12, atol=0)


@pytest.mark.parametrize('kind', ['scalar', 'patch', 'unet'])
def test_against_a_loop_over_samples(kind):
    judge, (real, fake) = Judge(kind), images()
    torch.manual_seed(5)
    penalty = GradientPenalty()(judge, real, fake)

    torch.manual_seed(5)
    alphas = torch.rand(3, 1, 1, 1, **DOUBLE).flatten()
    assert len(set(alphas.tolist())) == 3
    total = 0
    for alpha, a, b in zip(alphas, real, fake):
        mixed = (alpha * a + (1 - alpha) * b).requires_grad_()
        (gradient,) = torch.autograd.grad(judge(mixed[None]).mean(), mixed, create_graph=True)
        total = total + 10 * ((gradient**2).sum() ** 0.5 - 1) ** 2 / 3
    torch.testing.assert_close(penalty, total, rtol=1e-12, atol=0)
    for ours, expected in zip(
        *(torch.autograd.grad(x, list(judge.parameters()), materialize_grads=True) for x in (penalty, total))
    ):
        torch.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize('penalty', [GradientPenalty(), R1Penalty()])
@pytest.mark.parametrize('kind', ['scalar', 'patch', 'unet'])
def test_parameter_gradients_against_finite_differences(penalty, kind):
    judge, (real, fake) = Judge(kind), images(2)

    def value(*parameters):
        torch.manual_seed(1)
        return penalty(
            lambda x: torch.func.functional_call(judge, dict(zip(names, parameters)), x), real, fake
        )

    names = [name for name, _ in judge.named_parameters()]
    assert torch.autograd.gradcheck(value, tuple(judge.parameters()), fast_mode=True)


@pytest.mark.parametrize('penalty', [GradientPenalty(), R1Penalty()])
def test_float32_under_autocast_and_for_half_images(penalty):
    judge = Judge('patch').float()
    real, fake = (image.bfloat16() for image in images())
    torch.manual_seed(2)
    expected = penalty(judge, real.float(), fake.float())
    torch.manual_seed(2)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        value = penalty(judge, real, fake)
    assert value.dtype == torch.float32
    assert torch.equal(value, expected)


def restorer(penalty: dict) -> GANRestorer:
    torch.manual_seed(0)
    return GANRestorer(
        generator=dict(type='mmsr_ext.SRResNet', mid_channels=4, num_blocks=1, batch_norm=False),
        discriminator=dict(type='mmsr_ext.PatchGANDiscriminator', mid_channels=4, num_layers=2, norm='none'),
        gan_loss=dict(type='mmsr_ext.AdversarialLoss', gan_type='wgan'),
        gradient_penalty=penalty,
        data_preprocessor=PREPROCESSOR,
    )


def train(model: GANRestorer, batches: list[dict], accumulate: int = 1) -> dict:
    wrappers = OptimWrapperDict(
        **{
            name: OptimWrapper(
                torch.optim.SGD(getattr(model, name).parameters(), lr=0.1), accumulative_counts=accumulate
            )
            for name in ('generator', 'discriminator')
        }
    )
    for data in batches:
        logs = model.train_step(data, wrappers)
    return logs


def test_in_the_restorer():
    model = restorer(dict(type='mmsr_ext.GradientPenalty'))
    before = [parameter.clone() for parameter in model.discriminator.parameters()]
    logs = train(model, [batch(2, 4), batch(2, 4)])
    assert logs['loss_gp'] > 0
    assert all(torch.isfinite(value) for value in logs.values())
    assert all(not torch.equal(old, new) for old, new in zip(before[:-1], model.discriminator.parameters()))


def test_accumulation_equals_a_larger_batch():
    data = batch(4, 4)
    halves = [{key: value[part] for key, value in data.items()} for part in (slice(0, 2), slice(2, 4))]
    whole, parts = restorer(dict(type='mmsr_ext.R1Penalty')), restorer(dict(type='mmsr_ext.R1Penalty'))
    train(whole, [data])
    train(parts, halves, accumulate=2)
    for a, b in zip(whole.parameters(), parts.parameters()):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(('kind', 'name'), [(GradientPenalty, 'loss_weight'), (R1Penalty, 'gamma')])
def test_errors(kind, name):
    with pytest.raises(InputError, match=f'{name}=0 must be a number above 0'):
        kind(**{name: 0})
