"""What runs around the model: hooks, loop, optimizer wrapper, the finite guard, resume."""

from .. import compat
from .amp_optim_wrapper import AmpOptimWrapper
from .distributed.separate_ddp import SeparateDDP
from .hooks.bounded_history import BoundedHistoryHook
from .hooks.checkpoint import CheckpointHook
from .hooks.deferred_runtime_info import DeferredRuntimeInfoHook
from .hooks.early_stopping import EarlyStoppingHook
from .hooks.exact_resume import ExactResumeHook
from .hooks.generator_ema import GeneratorEMAHook
from .hooks.iter_timer import IterTimerHook
from .hooks.logger import LoggerHook
from .hooks.progress import ProgressHook
from .hooks.stop import StopHook
from .hooks.tf32 import TF32Hook
from .hooks.update_guard import UpdateGuardHook
from .hooks.validation_time import ValidationTimeHook
from .pretrained import Pretrained
from .train_loop import IterBasedTrainLoop

compat.read_mmengine_checkpoints()

__all__ = [
    'AmpOptimWrapper',
    'BoundedHistoryHook',
    'CheckpointHook',
    'DeferredRuntimeInfoHook',
    'EarlyStoppingHook',
    'ExactResumeHook',
    'GeneratorEMAHook',
    'IterBasedTrainLoop',
    'IterTimerHook',
    'LoggerHook',
    'Pretrained',
    'ProgressHook',
    'SeparateDDP',
    'StopHook',
    'TF32Hook',
    'UpdateGuardHook',
    'ValidationTimeHook',
]
