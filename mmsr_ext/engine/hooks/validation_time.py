"""How much of a run is validation."""

from __future__ import annotations

import time

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from ...registry import HOOKS


@HOOKS.register_module()
class ValidationTimeHook(Hook):
    """Logs at the end of training how long the validations took, and what share of the run that was.

    What other hooks do in a validation, such as drawing pictures, counts as validation.
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner: Runner) -> None:
        """Start the clock."""
        self.count, self.seconds, self.start = 0, 0.0, time.perf_counter()

    def before_val(self, runner: Runner) -> None:
        """Stop the time of a validation, without the training steps that the device has yet to do."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self._since = time.perf_counter()

    def after_val(self, runner: Runner) -> None:
        """Add it up."""
        if hasattr(self, 'start'):  # else there is no run of which it would be a share
            self.count += 1
            self.seconds += time.perf_counter() - self._since

    def after_train(self, runner: Runner) -> None:
        """Log the sum."""
        total = time.perf_counter() - self.start
        share = f'{self.seconds / total:.1%} of the {total:.1f} s of this run'
        runner.logger.info(f'{self.count} validations took {self.seconds:.1f} s, {share}')
