from .backbones import SRResNet
from .discriminators import VGGDiscriminator
from .losses import AdversarialLoss, PerceptualLoss
from .restorers import GANRestorer

__all__ = ['AdversarialLoss', 'GANRestorer', 'PerceptualLoss', 'SRResNet', 'VGGDiscriminator']
