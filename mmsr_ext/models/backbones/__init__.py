from .srresnet import SRResNet

__all__ = ['SRResNet']
