from .backbones import SRResNet, SRVGGNetCompact
from .discriminators import VGGDiscriminator
from .losses import AdversarialLoss, PerceptualLoss
from .preprocessors import RealESRGANDegradation
from .restorers import GANRestorer

__all__ = ['AdversarialLoss', 'GANRestorer', 'PerceptualLoss', 'RealESRGANDegradation', 'SRResNet', 'SRVGGNetCompact', 'VGGDiscriminator']
