"""How long a run will take, before it has taken long."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.hooks import Hook, LoggerHook
from mmengine.logging import print_log
from mmengine.runner import Runner

from ...registry import HOOKS

EARLY = 1, 10  # iterations after which the time is said
SILENCE = 60.0  # seconds without a line in the log
DAY = 24 * 3600.0


@HOOKS.register_module()
class ProgressHook(Hook):
    """Logs the time that a run will take after its iterations 1 and 10, and then wherever a minute is silent.

    A run that would take days on a CPU is warned of.
    """

    priority = 'VERY_LOW'  # after LoggerHook has written its line

    def before_train(self, runner: Runner) -> None:
        """Start the clock."""
        self.first = runner.iter
        self.start = self.said = time.perf_counter()

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | tuple | list | None = None,
        outputs: dict[str, Any] | None = None,
    ) -> None:
        """Log a line where one is due."""
        now = time.perf_counter()
        done = runner.iter + 1 - self.first
        if done == 1:
            self.warm = now  # the first iteration is slower than the others
        if any(
            self.every_n_train_iters(runner, hook.interval)
            for hook in runner.hooks
            if isinstance(hook, LoggerHook)
        ):
            self.said = now
        if done not in EARLY and now - self.said < SILENCE:
            return
        self.said = now
        each = (now - self.warm) / (done - 1) if done > 1 else now - self.start
        left = (runner.max_iters - runner.iter - 1) * each
        runner.logger.info(
            f'iteration {runner.iter + 1:,} of {runner.max_iters:,}: {each:.3g} s each, about '
            f'{duration(left)} left, without validations'
        )
        if done == EARLY[-1] and left > DAY and not torch.cuda.is_available():
            print_log(
                f'This run would take {duration(left)} on this CPU. Use a GPU, or a recipe that is made for '
                'CPUs: compact_x4, srgan_x4_demo.',
                'current',
                logging.WARNING,
            )


def duration(seconds: float) -> str:
    """Return a time in words of its two largest units.

    >>> duration(93784)
    '1 day 2 hours'

    Args:
        seconds: The time.
    """
    units: Sequence[tuple[str, int]] = ('day', 86400), ('hour', 3600), ('minute', 60), ('second', 1)
    rest, words = round(seconds), list[str]()
    for name, size in units:
        count, rest = divmod(rest, size)
        if count or (name == 'second' and not words):
            words.append(f'{count:,} {name}{"s" * (count != 1)}')
        elif words:
            break
    return ' '.join(words[:2])
