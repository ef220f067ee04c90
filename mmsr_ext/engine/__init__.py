from .amp_optim_wrapper import AmpOptimWrapper
from .bounded_history import BoundedHistoryHook
from .checkpoint_hook import CheckpointHook
from .deferred_runtime_info import DeferredRuntimeInfoHook
from .exact_resume import ExactResumeHook
from .generator_ema import GeneratorEMAHook
from .iter_timer import IterTimerHook
from .pretrained import Pretrained
from .separate_ddp import SeparateDDP
from .stop_hook import StopHook
from .tf32 import TF32Hook
from .train_loop import IterBasedTrainLoop
from .update_guard import UpdateGuardHook
from .validation_time import ValidationTimeHook

__all__ = [
    'AmpOptimWrapper', 'BoundedHistoryHook', 'CheckpointHook', 'DeferredRuntimeInfoHook', 'ExactResumeHook', 'GeneratorEMAHook',
    'IterBasedTrainLoop', 'IterTimerHook', 'Pretrained', 'SeparateDDP', 'StopHook', 'TF32Hook', 'UpdateGuardHook', 'ValidationTimeHook'
]
