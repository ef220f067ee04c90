import numpy as np
import pytest
import torch
from mmagic.models import GANLoss

from mmsr_ext import InputError
from mmsr_ext.models import AdversarialLoss
from mmsr_ext.models.losses import as_adversarial_loss

GAN_TYPES = ['vanilla', 'lsgan', 'wgan', 'softplus', 'hinge']
SHAPES = {'scalar': (4, 1), 'patch': (4, 1, 3, 5), 'unet': (2, 1, 8, 8)}
REAL_LABEL, FAKE_LABEL, WEIGHT = 0.9, 0.1, 0.3


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def term(gan_type, x, label, sign):
    """The discriminator's loss of one logit and its derivative; sign is -1 for real and 1 for fake."""
    return {
        'vanilla': (-label * np.log(sigmoid(x)) - (1 - label) * np.log(1 - sigmoid(x)), sigmoid(x) - label),
        'lsgan': ((x - label) ** 2, 2 * (x - label)),
        'wgan': (sign * x, sign * np.ones_like(x)),
        'softplus': (np.log(1 + np.exp(sign * x)), sign * sigmoid(sign * x)),
        'hinge': (np.maximum(0, 1 + sign * x), sign * (1 + sign * x > 0)),
    }[gan_type]


def reference(gan_type, relativistic, real, fake, labels):
    """Values and gradients, written out: discriminator (real, fake), generator, and their derivatives in the
    logits."""
    n, batch = real.size, len(real)
    if not relativistic:
        (d_real, grad_real), (d_fake, grad_fake) = (
            term(gan_type, real, labels[0], -1),
            term(gan_type, fake, labels[1], 1),
        )
        g, grad_g = (
            (-fake, -np.ones_like(fake))
            if gan_type in ('wgan', 'hinge')
            else term(gan_type, fake, labels[0], -1)
        )
        return d_real.mean(), d_fake.mean(), grad_real / n, grad_fake / n, g.mean(), grad_g / n
    axes = None if relativistic == 'average' else 0
    x, y = real - fake.mean(axes, keepdims=True), fake - real.mean(axes, keepdims=True)
    (d_real, grad_real), (d_fake, grad_fake) = (
        term(gan_type, x, labels[0], -1),
        term(gan_type, y, labels[1], 1),
    )
    (g_fake, grad_g), (g_real, grad_mean) = term(gan_type, y, labels[0], -1), term(gan_type, x, labels[1], 1)
    count = n if relativistic == 'average' else batch
    grad_g = grad_g - grad_mean.sum(axes, keepdims=True) / count
    g = g_fake.mean() + g_real.mean()
    return d_real.mean() / 2, d_fake.mean() / 2, grad_real / n / 2, grad_fake / n / 2, g / 2, grad_g / n / 2


@pytest.mark.parametrize('shape', SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize('relativistic', [False, 'average', 'batch'])
@pytest.mark.parametrize('gan_type', GAN_TYPES)
def test_closed_form(gan_type, relativistic, shape):
    rng = np.random.default_rng(0)
    real, fake = rng.normal(0.3, 1.5, shape), rng.normal(-0.2, 1.5, shape)
    smoothed = gan_type in ('vanilla', 'lsgan')
    labels = (REAL_LABEL, FAKE_LABEL) if smoothed else (1.0, 0.0)
    loss = AdversarialLoss(gan_type, relativistic, *labels, loss_weight=WEIGHT)
    d_real, d_fake, grad_real, grad_fake, g, grad_g = reference(gan_type, relativistic, real, fake, labels)

    r, f = (torch.tensor(x, requires_grad=True) for x in (real, fake))
    terms = loss.discriminator(r, f)
    assert list(terms) == ['loss_d_real', 'loss_d_fake']
    np.testing.assert_allclose(
        [terms['loss_d_real'].item(), terms['loss_d_fake'].item()], [d_real, d_fake], rtol=1e-12
    )
    sum(terms.values()).backward()
    np.testing.assert_allclose(r.grad.numpy(), grad_real, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(f.grad.numpy(), grad_fake, rtol=1e-9, atol=1e-15)

    r, f = (torch.tensor(x, requires_grad=True) for x in (real, fake))
    terms = loss.generator(f, r)
    assert list(terms) == ['loss_gan']
    np.testing.assert_allclose(terms['loss_gan'].item(), WEIGHT * g, rtol=1e-12)
    terms['loss_gan'].backward()
    np.testing.assert_allclose(f.grad.numpy(), WEIGHT * grad_g, rtol=1e-9, atol=1e-15)
    assert r.grad is None


def test_batch_equals_average_for_scalars_only():
    real, fake = torch.randn(4, 1), torch.randn(4, 1)
    values = [
        AdversarialLoss(relativistic=mean).generator(fake, real)['loss_gan'] for mean in ('average', 'batch')
    ]
    assert torch.equal(*values)
    real, fake = torch.randn(4, 1, 3, 3), torch.randn(4, 1, 3, 3)
    values = [
        AdversarialLoss(relativistic=mean).generator(fake, real)['loss_gan'] for mean in ('average', 'batch')
    ]
    assert not torch.isclose(*values)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
@pytest.mark.parametrize('relativistic', [False, 'average', 'batch'])
@pytest.mark.parametrize('gan_type', GAN_TYPES)
def test_half_precision_is_computed_in_float32(gan_type, relativistic, dtype):
    # the square of these, and their sum, are out of float16's range
    real, fake = (400 * torch.randn(2, 1, 16, 16)).to(dtype), (400 * torch.randn(2, 1, 16, 16)).to(dtype)
    loss = AdversarialLoss(gan_type, relativistic)
    values = loss.generator(fake, real) | loss.discriminator(real, fake)
    wide = loss.generator(fake.double(), real.double()) | loss.discriminator(real.double(), fake.double())
    for name, value in values.items():
        assert value.dtype == torch.float32
        torch.testing.assert_close(value.double(), wide[name], rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize('shape', SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize('gan_type', ['vanilla', 'lsgan', 'wgan', 'hinge'])
def test_equals_mmagic(gan_type, shape):
    labels = (REAL_LABEL, FAKE_LABEL) if gan_type in ('vanilla', 'lsgan') else (1.0, 0.0)
    theirs = GANLoss(gan_type, *labels, loss_weight=WEIGHT)
    adapted = as_adversarial_loss(theirs)
    ours = AdversarialLoss(gan_type, False, *labels, loss_weight=WEIGHT)
    real, fake = torch.randn(shape), torch.randn(shape)
    expected = {
        'loss_gan': theirs(fake, True, is_disc=False),
        'loss_d_real': theirs(real, True, is_disc=True),
        'loss_d_fake': theirs(fake, False, is_disc=True),
    }
    for loss in (adapted, ours):
        values = loss.generator(fake, real) | loss.discriminator(real, fake)
        assert values.keys() == expected.keys()
        for name, value in expected.items():
            torch.testing.assert_close(values[name], value, rtol=1e-6, atol=1e-7)


def test_adapter_leaves_ours_alone():
    loss = AdversarialLoss()
    assert as_adversarial_loss(loss) is loss


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(gan_type='ragan'), 'vanilla'),
        (dict(relativistic=True), "'average' or 'batch'"),
        (dict(gan_type='hinge', real_label=0.9), 'hinge has no labels'),
    ],
)
def test_errors(kwargs, message):
    with pytest.raises(InputError, match=message):
        AdversarialLoss(**kwargs)


def test_probabilities():
    real, fake = torch.tensor([0.0, 2.0]), torch.tensor([-1.0, 0.0])
    p = AdversarialLoss('vanilla').probabilities(real, fake)
    expected = {'p_real': (0.5 + sigmoid(2.0)) / 2, 'p_fake': (sigmoid(-1.0) + 0.5) / 2}
    assert {name: float(value) for name, value in p.items()} == pytest.approx(expected)
    p = AdversarialLoss('vanilla', relativistic='average').probabilities(real, fake)
    assert float(p['p_real']) == pytest.approx((sigmoid(0.5) + sigmoid(2.5)) / 2)
    assert AdversarialLoss('hinge').probabilities(real, fake) == {}
