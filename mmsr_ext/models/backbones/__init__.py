"""Generators: networks that make images."""

from .deblur_resnet import DeblurResNet
from .edsr import EDSR
from .enhancenet import EnhanceNet
from .espcn import ESPCN
from .fsrcnn import FSRCNN
from .modified_srresnet import ModifiedSRResNet
from .rcan import RCAN
from .rrdbnet import RRDBNet
from .spandrel_net import SpandrelNet
from .srresnet import SRResNet
from .srvggnet_compact import SRVGGNetCompact

__all__ = [
    'EDSR',
    'ESPCN',
    'FSRCNN',
    'RCAN',
    'DeblurResNet',
    'EnhanceNet',
    'ModifiedSRResNet',
    'RRDBNet',
    'SRResNet',
    'SRVGGNetCompact',
    'SpandrelNet',
]
