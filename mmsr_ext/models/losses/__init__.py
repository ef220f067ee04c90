from .adversarial_loss import AdversarialLoss
from .gan_loss_adapter import as_adversarial_loss
from .perceptual_loss import PerceptualLoss

__all__ = ['AdversarialLoss', 'PerceptualLoss', 'as_adversarial_loss']
