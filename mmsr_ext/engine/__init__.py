from .amp_optim_wrapper import AmpOptimWrapper
from .generator_ema import GeneratorEMAHook
from .iter_timer import IterTimerHook
from .pretrained import Pretrained
from .separate_ddp import SeparateDDP
from .train_loop import IterBasedTrainLoop

__all__ = ['AmpOptimWrapper', 'GeneratorEMAHook', 'IterBasedTrainLoop', 'IterTimerHook', 'Pretrained', 'SeparateDDP']
