"""A log whose curves may fail to be written without an end of the run."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from mmengine.hooks import LoggerHook as StockLoggerHook
from mmengine.runner import Runner

from ...registry import HOOKS


@HOOKS.register_module()
class LoggerHook(StockLoggerHook):
    """MMEngine's LoggerHook; curves that cannot be written are reported, and the run goes on.

    A full disk or a folder that was removed costs points of a curve at most. The arguments are MMEngine's.
    """

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        """Log losses and times."""
        self._try(runner, super().after_train_iter, *args, **kwargs)

    def after_val_epoch(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        """Log metrics of a validation."""
        self._try(runner, super().after_val_epoch, *args, **kwargs)

    @staticmethod
    def _try(runner: Runner, log: Callable[..., None], *args: Any, **kwargs: Any) -> None:
        try:
            log(runner, *args, **kwargs)
        except OSError as error:
            runner.logger.error(
                f'{error.filename or runner.log_dir} could not be written: {error.strerror or error}. The '
                'run goes on; its curves have a gap.'
            )
            with suppress(OSError):  # so that the next point has a folder, should this one have been removed
                Path(runner.log_dir, 'vis_data').mkdir(parents=True, exist_ok=True)
