"""A log history that does not grow."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.logging import HistoryBuffer
from mmengine.runner import Runner

from ...errors import InputError
from ...registry import HOOKS


@HOOKS.register_module()
class BoundedHistoryHook(Hook):
    """Bound the log history in memory and in checkpoints; the log files keep every value.

    MMEngine keeps a million, and copies them at every iteration.

    Args:
        length: Values that are kept; never fewer than the log processor averages over.

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

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Write the history as plain tensors and numbers, which ``torch.load(weights_only=True)`` reads."""
        make_plain(checkpoint)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Make MMEngine's history of the plain one."""
        make_histories(checkpoint)


def make_plain(checkpoint: dict) -> None:
    """Replace the histories of a checkpoint by plain tensors and numbers; those that are plain stay."""
    hub = checkpoint.get('message_hub')
    if hub is None:
        return
    hub['log_scalars'] = {
        name: dict(zip(('values', 'counts'), map(torch.from_numpy, history.data)), length=history.max_length)
        if isinstance(history, HistoryBuffer)
        else history
        for name, history in hub['log_scalars'].items()
    }
    hub['runtime_info'] = {
        key: value.item() if hasattr(value, 'item') else value for key, value in hub['runtime_info'].items()
    }


def make_histories(checkpoint: dict) -> None:
    """Replace the plain histories of a checkpoint by MMEngine's; those that are MMEngine's stay."""
    histories = checkpoint.get('message_hub', {}).get('log_scalars', {})
    for name, history in histories.items():
        if isinstance(history, dict):
            values, counts = (history[key].tolist() for key in ('values', 'counts'))
            histories[name] = HistoryBuffer(values, counts, history['length'])
