"""Ending a run in good order: Ctrl-C, SIGTERM, Slurm's signal, a time limit."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner

from ...errors import InputError, Stopped
from ...registry import HOOKS
from ..distributed.process_group import largest, wait_for_all
from ..stock import between_updates, trains
from ..train_loop import ValidationStopped

SIGNALS = signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP
OUT_OF_TIME = 1000


@HOOKS.register_module()
class StopHook(Hook):
    """Save a checkpoint and end the run after the current iteration, on a signal or after a time.

    Ctrl-C (a second one ends it at once), SIGTERM, SIGHUP of a terminal that closes (not under ``nohup``),
    SIGUSR1 for ``sbatch --signal``. A validation is broken
    off, and made up for when the run is resumed. All processes of a run stop after the same iteration: about
    once a second, or at every iteration if that takes longer, they agree whether one of them was asked to.
    ``runner.train()`` then raises ``Stopped``.

    Args:
        max_hours: Hours after which to end it, counted from when the hook is built.

    Raises:
        InputError: If ``max_hours`` is not a positive number.
    """

    priority = 'LOW'  # before checkpoints are written

    def __init__(self, max_hours: float | None = None) -> None:
        if max_hours is not None and (
            isinstance(max_hours, bool) or not isinstance(max_hours, (int, float)) or not max_hours > 0
        ):
            raise InputError(f'StopHook: max_hours={max_hours!r} must be a number above 0.')
        self.max_hours = max_hours
        self._deadline = None if max_hours is None else time.monotonic() + 3600 * max_hours
        self._asked = 0
        self._agreed = 0
        self._previous: dict[int, Any] = {}
        self._training = multiprocessing.RawValue('b', False)  # seen by data workers
        self._every = self._wait = 1  # iterations from one agreement to the next
        self._since = time.monotonic()
        self._val_in_step = False

    def before_train(self, runner: Runner) -> None:
        """Handle signals, and have the data workers ignore those sent to the whole group."""
        self._process = os.getpid()
        self._training.value = True
        if threading.current_thread() is threading.main_thread():
            heard = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]  # nohup
            self._previous = {number: signal.signal(number, self._ask) for number in heard}
        loops = [runner.train_loop, runner.val_loop] if runner.val_loop else [runner.train_loop]
        for loader in [loader for loop in loops for loader in _loaders(loop)]:
            loader.worker_init_fn = partial(ignore_signals, loader.worker_init_fn, self._training)
        self._since = time.monotonic()

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None
    ) -> None:
        """Stop, if any process was asked to."""
        self._agree()
        if self._agreed and between_updates(runner.optim_wrapper):
            runner.train_loop.stop_training = True

    def before_val(self, runner: Runner) -> None:
        """Find out whether all processes have as many batches, so that they can agree after each."""
        if get_world_size() > 1:
            counts = [float(len(loader)) for loader in _loaders(runner.val_loop)]
            numbers = largest(*counts, *(-count for count in counts))
            self._val_in_step = all(
                number == count for number, count in zip(numbers, [*counts, *(-count for count in counts)])
            )

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Stop a validation when the run is to stop."""
        if not trains(runner) or not self._previous:
            return
        if get_world_size() == 1 or self._val_in_step:
            self._agree()
        if self._agreed and between_updates(runner.optim_wrapper):
            raise ValidationStopped

    def after_train_ended(self, runner: Runner) -> None:
        """Restore the signal handlers."""
        self._training.value = False
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}

    def after_run(self, runner: Runner) -> None:
        """Raise ``Stopped`` once all processes are here: launchers kill a job when one process has left it.

        Raises:
            Stopped: If the run was ended.
        """
        if not self._agreed:
            return
        if get_world_size() > 1:
            wait_for_all()  # rank 0 may still be writing the checkpoint
        if self._agreed == OUT_OF_TIME:
            raise Stopped(f'{self.max_hours:g} hours are over', 0)
        raise Stopped(signal.Signals(self._agreed).name, 128 + self._agreed)

    def _agree(self) -> None:
        if self._deadline is not None and time.monotonic() > self._deadline:
            self._asked = self._asked or OUT_OF_TIME
        if get_world_size() == 1:
            self._agreed = self._asked
            return
        if self._agreed:
            return
        self._wait -= 1
        if self._wait > 0:
            return
        asked, seconds = largest(self._asked, (time.monotonic() - self._since) / self._every)
        self._agreed = int(asked)
        # the same number in every process, because it follows from the largest
        self._every = self._wait = max(1, min(100, int(1 / max(seconds, 1e-3))))
        self._since = time.monotonic()

    def _ask(self, number: int, frame: object) -> None:
        if os.getpid() != self._process:
            return  # in a data worker
        if number == signal.SIGINT and self._asked == signal.SIGINT:
            previous = self._previous.get(number)
            if callable(previous):
                previous(number, frame)
            raise KeyboardInterrupt
        self._asked = int(number)
        more = '; press Ctrl-C again to stop at once' if number == signal.SIGINT else ''
        os.write(
            2, f'\n{signal.Signals(number).name}: saving a checkpoint after this iteration{more}\n'.encode()
        )


def _loaders(loop: Any) -> list:
    return getattr(loop, 'dataloaders', None) or [loop.dataloader]


def ignore_signals(init: Callable | None, training: Any, worker: int) -> None:
    """Ignore signals in a data worker: one sent to the whole group would end it before the run is saved."""

    def end(number: int, frame: object) -> None:
        if not training.value:
            os._exit(0)

    for number in SIGNALS:
        signal.signal(number, end)
    if init is not None:
        init(worker)
