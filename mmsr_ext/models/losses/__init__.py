from .adversarial_loss import AdversarialLoss
from .gan_loss_adapter import as_adversarial_loss
from .lpips_loss import LPIPSLoss
from .perceptual_loss import PerceptualLoss

__all__ = ['AdversarialLoss', 'LPIPSLoss', 'PerceptualLoss', 'as_adversarial_loss']
