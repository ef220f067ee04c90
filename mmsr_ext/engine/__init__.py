from .amp_optim_wrapper import AmpOptimWrapper
from .generator_ema import GeneratorEMAHook
from .pretrained import Pretrained
from .separate_ddp import SeparateDDP
from .train_loop import IterBasedTrainLoop
from .validation_time import ValidationTimeHook

__all__ = ['AmpOptimWrapper', 'GeneratorEMAHook', 'IterBasedTrainLoop', 'Pretrained', 'SeparateDDP', 'ValidationTimeHook']
