"""Gradient penalty of WGAN-GP."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...arguments import Positive
from ...functional import at_least_float32
from ...registry import MODELS


@MODELS.register_module()
class GradientPenalty(nn.Module):
    """WGAN-GP's penalty: ``weight * mean_n (||grad_x D(x_n)||_2 - 1)^2`` at mixtures x_n of real and fake.

    One alpha and one norm, over all of C, H and W, for each sample. D is what the losses make of a sample:
    the mean over its logits, when there are several. Computed in float32 also under autocast. The
    discriminator should not have batch normalisation, which makes one sample's output depend on the others.

    Source: Gulrajani et al. 2017 (WGAN-GP), eq. (3) and algorithm 1.

    Args:
        loss_weight: The paper's lambda, above 0.
    """

    def __init__(self, loss_weight: Positive = 10.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        """Compute the penalty.

        Args:
            discriminator: (N, C, H, W) to logits of any shape (N, ...).
            real: (N, C, H, W).
            fake: Of the same shape; no gradient flows into it.

        Returns:
            A scalar, differentiable in the discriminator's parameters.
        """
        real, fake = at_least_float32(real), at_least_float32(fake)
        alpha = torch.rand(len(real), 1, 1, 1, device=real.device, dtype=real.dtype)
        gradient = input_gradient(discriminator, alpha * real + (1 - alpha) * fake)
        return self.loss_weight * (torch.linalg.vector_norm(gradient, dim=1) - 1).square().mean()


def input_gradient(discriminator: nn.Module, images: Tensor) -> Tensor:
    """Return the gradient of each sample's mean logit in its pixels, differentiable once more.

    Args:
        discriminator: (N, C, H, W) to logits of any shape (N, ...).
        images: (N, C, H, W); taken as constants.

    Returns:
        (N, C * H * W), float32 (float64 for float64).
    """
    images = at_least_float32(images).detach().requires_grad_()
    with torch.autocast(images.device.type, enabled=False):
        logits = discriminator(images).reshape(len(images), -1)
        return torch.autograd.grad(logits.mean(1).sum(), images, create_graph=True)[0].flatten(1)
