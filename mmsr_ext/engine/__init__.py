from .amp_optim_wrapper import AmpOptimWrapper
from .bounded_history import BoundedHistoryHook
from .checkpoint_hook import CheckpointHook
from .exact_resume import ExactResumeHook
from .generator_ema import GeneratorEMAHook
from .pretrained import Pretrained
from .separate_ddp import SeparateDDP
from .stop_hook import StopHook
from .train_loop import IterBasedTrainLoop

__all__ = [
    'AmpOptimWrapper', 'BoundedHistoryHook', 'CheckpointHook', 'ExactResumeHook', 'GeneratorEMAHook', 'IterBasedTrainLoop', 'Pretrained',
    'SeparateDDP', 'StopHook'
]
