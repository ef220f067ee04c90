"""Losses: pixel, perceptual and adversarial ones, and gradient penalties."""

from .adversarial_loss import AdversarialLoss
from .gan_loss_adapter import as_adversarial_loss
from .gradient_penalty import GradientPenalty
from .lpips_loss import LPIPSLoss
from .perceptual_loss import PerceptualLoss
from .pixel_losses import L1Loss, MSELoss
from .r1_penalty import R1Penalty

__all__ = [
    'AdversarialLoss',
    'GradientPenalty',
    'L1Loss',
    'LPIPSLoss',
    'MSELoss',
    'PerceptualLoss',
    'R1Penalty',
    'as_adversarial_loss',
]
