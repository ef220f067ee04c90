from .amp_optim_wrapper import AmpOptimWrapper
from .pretrained import Pretrained
from .separate_ddp import SeparateDDP

__all__ = ['AmpOptimWrapper', 'Pretrained', 'SeparateDDP']
