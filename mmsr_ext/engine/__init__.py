from .amp_optim_wrapper import AmpOptimWrapper
from .deferred_runtime_info import DeferredRuntimeInfoHook
from .generator_ema import GeneratorEMAHook
from .pretrained import Pretrained
from .separate_ddp import SeparateDDP
from .tf32 import TF32Hook
from .train_loop import IterBasedTrainLoop

__all__ = [
    'AmpOptimWrapper', 'DeferredRuntimeInfoHook', 'GeneratorEMAHook', 'IterBasedTrainLoop', 'Pretrained', 'SeparateDDP', 'TF32Hook'
]
