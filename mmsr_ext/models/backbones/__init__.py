from .rrdbnet import RRDBNet
from .srresnet import SRResNet

__all__ = ['RRDBNet', 'SRResNet']
