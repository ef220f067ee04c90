"""Losses: pixel, perceptual and adversarial ones, and gradient penalties."""

from .adversarial_loss import AdversarialLoss
from .colour_losses import ColourLoss, LumaLoss
from .frequency_losses import FFTLoss, FocalFrequencyLoss
from .gan_loss_adapter import as_adversarial_loss
from .gradient_penalty import GradientPenalty
from .ldl_loss import LDLLoss
from .lpips_loss import LPIPSLoss
from .ms_ssim_loss import MSSSIMLoss
from .perceptual_loss import PerceptualLoss
from .pixel_losses import L1Loss, MSELoss
from .r1_penalty import R1Penalty

__all__ = [
    'AdversarialLoss',
    'ColourLoss',
    'FFTLoss',
    'FocalFrequencyLoss',
    'GradientPenalty',
    'L1Loss',
    'LDLLoss',
    'LPIPSLoss',
    'LumaLoss',
    'MSELoss',
    'MSSSIMLoss',
    'PerceptualLoss',
    'R1Penalty',
    'as_adversarial_loss',
]
