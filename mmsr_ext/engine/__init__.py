from .amp_optim_wrapper import AmpOptimWrapper
from .deferred_runtime_info import DeferredRuntimeInfoHook
from .generator_ema import GeneratorEMAHook
from .iter_timer import IterTimerHook
from .pretrained import Pretrained
from .separate_ddp import SeparateDDP
from .tf32 import TF32Hook
from .train_loop import IterBasedTrainLoop
from .update_guard import UpdateGuardHook
from .validation_time import ValidationTimeHook

__all__ = [
    'AmpOptimWrapper', 'DeferredRuntimeInfoHook', 'GeneratorEMAHook', 'IterBasedTrainLoop', 'IterTimerHook', 'Pretrained',
    'SeparateDDP', 'TF32Hook', 'UpdateGuardHook', 'ValidationTimeHook'
]
