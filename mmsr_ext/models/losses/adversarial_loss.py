"""Adversarial losses."""

from __future__ import annotations

from typing import Literal

import torch
from mmengine.dist import get_world_size
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce
from torch.nn import functional as F

from ...errors import InputError
from ...functional import at_least_float32
from ...registry import MODELS

LABELLED = ('vanilla', 'lsgan')


@MODELS.register_module()
class AdversarialLoss(nn.Module):
    """The losses that the generator and the discriminator minimise against each other.

    With x the discriminator's logits, R real, F fake, and every term a mean over all elements:

    ========  ====================================  ===========================
    gan_type  discriminator                         generator
    ========  ====================================  ===========================
    vanilla   bce(R, real_label) + bce(F, fake)     bce(F, real_label)
    lsgan     (R - real_label)^2 + (F - fake)^2     (F - real_label)^2
    wgan      -R + F                                -F
    softplus  softplus(-R) + softplus(F)            softplus(-F)
    hinge     relu(1 - R) + relu(1 + F)             -F
    ========  ====================================  ===========================

    Relativistic: R - mean(F) and F - mean(R) take the places of R and F, each term is halved, the
    discriminator's means carry no gradient, and the generator minimises the discriminator's loss with the
    labels exchanged.

    Sources: Goodfellow et al. 2014 (vanilla); Mao et al. 2017 (lsgan); Arjovsky et al. 2017 (wgan); KAIR's
    softplusgan; Lim and Ye 2017 (hinge); Jolicoeur-Martineau 2019 and Wang et al. 2018 (ESRGAN), eq. (1) and
    (2), for the relativistic average.

    >>> loss = AdversarialLoss(gan_type='hinge', loss_weight=0.1)
    >>> loss.generator(torch.tensor([2.0, 4.0]))
    {'loss_gan': tensor(-0.3000)}

    Args:
        gan_type: A row of the table.
        relativistic: False; 'average' for means over all elements, as MMagic and BasicSR; 'batch' for means
            over the batch axis, as KAIR.
        real_label: Label of real samples, for vanilla and lsgan.
        fake_label: Label of fake samples, for vanilla and lsgan.
        loss_weight: Weight of the generator's term. The discriminator's is always 1.
        global_means: In several processes, take the relativistic means over the batches of all, so that they
            equal one process with the whole batch; else each process has its own, as in MMagic and BasicSR.

    Raises:
        InputError: For labels that the ``gan_type`` does not have, and for ``global_means`` of a loss that
            is not relativistic.

    Example:
        >>> loss = AdversarialLoss('hinge')
        >>> real, fake = torch.tensor([2.0, 0.5]), torch.tensor([-1.0, 1.0])
        >>> loss.generator(fake)
        {'loss_gan': tensor(-0.)}
        >>> loss.discriminator(real, fake)
        {'loss_d_real': tensor(0.2500), 'loss_d_fake': tensor(1.)}
    """

    def __init__(
        self,
        gan_type: Literal['vanilla', 'lsgan', 'wgan', 'softplus', 'hinge'] = 'vanilla',
        relativistic: Literal[False, 'average', 'batch'] = False,
        real_label: float = 1.0,
        fake_label: float = 0.0,
        loss_weight: float = 1.0,
        global_means: bool = False,
    ) -> None:
        super().__init__()
        if gan_type not in LABELLED and (real_label, fake_label) != (1.0, 0.0):
            raise InputError(
                f'AdversarialLoss: {gan_type} has no labels, but real_label={real_label!r} and '
                f'fake_label={fake_label!r}. Leave them out, or use {" or ".join(LABELLED)}.'
            )
        if global_means and not relativistic:
            raise InputError(
                "AdversarialLoss: global_means=True is for relativistic losses; set relativistic='average', "
                'or leave it out.'
            )
        self.gan_type = gan_type
        self.global_means = global_means
        self.relativistic = relativistic
        self.real_label = real_label
        self.fake_label = fake_label
        self.loss_weight = loss_weight

    def generator(self, pred_fake: Tensor, pred_real: Tensor | None = None) -> dict[str, Tensor]:
        """Compute the generator's term.

        Args:
            pred_fake: D(fake), any shape.
            pred_real: D(real), needed when relativistic; no gradient flows into it.

        Returns:
            ``loss_gan``, weighted.
        """
        fake = at_least_float32(pred_fake)
        if self.relativistic:
            assert pred_real is not None
            real = at_least_float32(pred_real).detach()
            loss = (
                self._term(fake - self._mean(real), True) + self._term(real - self._mean(fake), False)
            ) / 2
        elif self.gan_type in ('wgan', 'hinge'):
            loss = -fake.mean()
        else:
            loss = self._term(fake, True)
        return {'loss_gan': loss * self.loss_weight}

    def discriminator(self, pred_real: Tensor | None, pred_fake: Tensor | None) -> dict[str, Tensor]:
        """Compute the discriminator's terms.

        Args:
            pred_real: D(real), any shape.
            pred_fake: D(fake), of the same shape. Where not relativistic one of the two may be None; its term
                is then missing.

        Returns:
            ``loss_d_real`` and ``loss_d_fake``.
        """
        real, fake = (None if pred is None else at_least_float32(pred) for pred in (pred_real, pred_fake))
        if not self.relativistic:
            terms = {'loss_d_real': (real, True), 'loss_d_fake': (fake, False)}
            return {
                name: self._term(pred, is_real) for name, (pred, is_real) in terms.items() if pred is not None
            }
        assert real is not None
        assert fake is not None
        return {
            'loss_d_real': self._term(real - self._mean(fake.detach()), True) / 2,
            'loss_d_fake': self._term(fake - self._mean(real.detach()), False) / 2,
        }

    @torch.no_grad()
    def probabilities(self, pred_real: Tensor, pred_fake: Tensor) -> dict[str, Tensor]:
        """Compute what the discriminator believes, where its logits stand for a probability.

        Args:
            pred_real: D(real), any shape.
            pred_fake: D(fake), of the same shape.

        Returns:
            Of vanilla and softplus ``p_real`` and ``p_fake``, the mean probabilities that a real and a fake
            image is real, or, relativistic, more real than the other kind; nothing of the others. At 0.5 the
            discriminator cannot tell them apart.
        """
        if self.gan_type not in ('vanilla', 'softplus'):
            return {}
        real, fake = at_least_float32(pred_real), at_least_float32(pred_fake)
        if self.relativistic:
            real, fake = real - self._mean(fake), fake - self._mean(real)
        return {'p_real': real.sigmoid().mean(), 'p_fake': fake.sigmoid().mean()}

    def _mean(self, x: Tensor) -> Tensor:
        mean = x.mean() if self.relativistic == 'average' else x.mean(0, keepdim=True)
        if not self.global_means or get_world_size() == 1:
            return mean
        return all_reduce(mean) / get_world_size()

    def _term(self, x: Tensor, is_real: bool) -> Tensor:
        """Return the discriminator's loss for logits ``x`` that are labelled real or fake."""
        label = self.real_label if is_real else self.fake_label
        sign = -1 if is_real else 1
        if self.gan_type == 'vanilla':
            return F.binary_cross_entropy_with_logits(x, torch.full_like(x, label))
        if self.gan_type == 'lsgan':
            return (x - label).square().mean()
        if self.gan_type == 'wgan':
            return sign * x.mean()
        if self.gan_type == 'softplus':
            return F.softplus(sign * x).mean()
        return F.relu(1 + sign * x).mean()
