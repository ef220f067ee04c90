from .backbones import SRResNet
from .discriminators import PatchGANDiscriminator, ResNetDiscriminator, UNetDiscriminator, VGGDiscriminator
from .losses import AdversarialLoss, GradientPenalty, PerceptualLoss, R1Penalty
from .preprocessors import BlurDownsample
from .restorers import GANRestorer

__all__ = [
    'AdversarialLoss', 'BlurDownsample', 'GANRestorer', 'GradientPenalty', 'PatchGANDiscriminator', 'PerceptualLoss', 'R1Penalty',
    'ResNetDiscriminator', 'SRResNet', 'UNetDiscriminator', 'VGGDiscriminator'
]
