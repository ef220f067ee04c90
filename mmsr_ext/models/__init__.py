from .backbones import EDSR, ESPCN, RCAN, DeblurResNet, EnhanceNet, SRResNet
from .discriminators import BoundedCritic, VGGDiscriminator
from .losses import AdversarialLoss, LPIPSLoss, PerceptualLoss
from .preprocessors import MotionBlur
from .restorers import GANRestorer

__all__ = [
    'EDSR', 'ESPCN', 'RCAN', 'AdversarialLoss', 'BoundedCritic', 'DeblurResNet', 'EnhanceNet', 'GANRestorer', 'LPIPSLoss', 'MotionBlur',
    'PerceptualLoss', 'SRResNet', 'VGGDiscriminator'
]
