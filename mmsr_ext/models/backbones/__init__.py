from .rrdbnet import RRDBNet
from .srresnet import SRResNet
from .srvggnet_compact import SRVGGNetCompact

__all__ = ['RRDBNet', 'SRResNet', 'SRVGGNetCompact']
