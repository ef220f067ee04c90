"""Give a loss that was written for MMagic's SRGAN the interface of AdversarialLoss."""

from __future__ import annotations

from torch import Tensor, nn


class GANLossAdapter(nn.Module):
    """MMagic's ``GANLoss`` (non-relativistic) with the two methods of ``AdversarialLoss``.

    Args:
        gan_loss: Called as MMagic's: (prediction, target_is_real, is_disc=...), returns a scalar.
    """

    def __init__(self, gan_loss: nn.Module) -> None:
        super().__init__()
        self.gan_loss = gan_loss

    def generator(self, pred_fake: Tensor, pred_real: Tensor | None = None) -> dict[str, Tensor]:
        """See ``AdversarialLoss.generator``; ``pred_real`` is not used."""
        return {'loss_gan': self.gan_loss(pred_fake, True, is_disc=False)}

    def discriminator(self, pred_real: Tensor | None, pred_fake: Tensor | None) -> dict[str, Tensor]:
        """See ``AdversarialLoss.discriminator``."""
        terms = {'loss_d_real': (pred_real, True), 'loss_d_fake': (pred_fake, False)}
        return {
            name: self.gan_loss(pred, is_real, is_disc=True)
            for name, (pred, is_real) in terms.items()
            if pred is not None
        }


def as_adversarial_loss(loss: nn.Module) -> nn.Module:
    """Return ``loss`` itself if it has the two methods of ``AdversarialLoss``, else an adapter around it."""
    return loss if hasattr(loss, 'generator') and hasattr(loss, 'discriminator') else GANLossAdapter(loss)
