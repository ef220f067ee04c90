from .amp_optim_wrapper import AmpOptimWrapper
from .generator_ema import GeneratorEMAHook
from .pretrained import Pretrained
from .separate_ddp import SeparateDDP

__all__ = ['AmpOptimWrapper', 'GeneratorEMAHook', 'Pretrained', 'SeparateDDP']
