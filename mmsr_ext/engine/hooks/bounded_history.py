"""A log history that does not grow."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from ...errors import InputError
from ...registry import HOOKS


@HOOKS.register_module()
class BoundedHistoryHook(Hook):
    """Keeps the last values of every logged number in memory and in checkpoints; all of them are in the log files.

    MMEngine keeps a million, and copies them at every iteration.

    Args:
        length (int): Values that are kept; never fewer than the log processor averages over.

    Raises:
        InputError: If it is not a positive integer.
    """

    priority = 'VERY_LOW'

    def __init__(self, length: int = 1000) -> None:
        if not isinstance(length, int) or isinstance(length, bool) or length < 1:
            raise InputError(f'BoundedHistoryHook: length={length!r} must be an integer of at least 1.')
        self.length = length

    def before_train(self, runner: Runner) -> None:
        """Make room for what is averaged."""
        windows = [
            runner.log_processor.window_size,
            *(custom.get('window_size') for custom in runner.log_processor.custom_cfg),
        ]
        self.length = max([self.length, *(size for size in windows if isinstance(size, int))])

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Bound every history that there is."""
        for history in runner.message_hub.log_scalars.values():
            history.max_length = self.length
