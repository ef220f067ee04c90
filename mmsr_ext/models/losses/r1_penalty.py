"""R1 regularisation."""

from __future__ import annotations

from torch import Tensor, nn

from ...arguments import Positive
from ...registry import MODELS
from .gradient_penalty import input_gradient


@MODELS.register_module()
class R1Penalty(nn.Module):
    """``gamma / 2 * mean_n ||grad_x D(real_n)||_2^2``; takes the place of ``GradientPenalty``.

    As there, D is the mean over a sample's logits, and the penalty is computed in float32.

    Source: Mescheder et al. 2018, eq. (9).

    Args:
        gamma: The paper's gamma, above 0.
    """

    def __init__(self, gamma: Positive = 10.0) -> None:
        super().__init__()
        self.gamma = gamma

    def forward(self, discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        """Compute the penalty.

        Args:
            discriminator: (N, C, H, W) to logits of any shape (N, ...).
            real: (N, C, H, W).
            fake: Not used.

        Returns:
            A scalar, differentiable in the discriminator's parameters.
        """
        return self.gamma / 2 * input_gradient(discriminator, real).square().sum(1).mean()
