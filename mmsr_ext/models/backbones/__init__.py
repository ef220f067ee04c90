from .deblur_resnet import DeblurResNet
from .edsr import EDSR
from .enhancenet import EnhanceNet
from .espcn import ESPCN
from .rcan import RCAN
from .srresnet import SRResNet

__all__ = ['EDSR', 'ESPCN', 'RCAN', 'DeblurResNet', 'EnhanceNet', 'SRResNet']
