from .backbones import EDSR, ESPCN, RCAN, DeblurResNet, EnhanceNet, SRResNet
from .discriminators import VGGDiscriminator
from .losses import AdversarialLoss, LPIPSLoss, PerceptualLoss
from .preprocessors import MotionBlur
from .restorers import GANRestorer

__all__ = [
    'EDSR', 'ESPCN', 'RCAN', 'AdversarialLoss', 'DeblurResNet', 'EnhanceNet', 'GANRestorer', 'LPIPSLoss', 'MotionBlur', 'PerceptualLoss',
    'SRResNet', 'VGGDiscriminator'
]
