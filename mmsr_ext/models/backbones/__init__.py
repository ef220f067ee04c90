from .srresnet import SRResNet
from .srvggnet_compact import SRVGGNetCompact

__all__ = ['SRResNet', 'SRVGGNetCompact']
