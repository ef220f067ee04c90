"""Early stopping that saves where it stops, and keeps to it when the run is resumed."""

from __future__ import annotations

from typing import Literal

from mmengine.hooks import EarlyStoppingHook as StockEarlyStoppingHook
from mmengine.runner import Runner

from ...arguments import Size, nearest
from ...errors import InputError
from ...registry import HOOKS
from ..better import rule_of
from ..stock import resumes


@HOOKS.register_module()
class EarlyStoppingHook(StockEarlyStoppingHook):
    """MMEngine's EarlyStoppingHook, with a rule that follows from the metric and a state that is saved.

    - The iteration at which the run stops is saved.
    - A resumed run goes on counting where it was. One that had stopped ends at once, until ``patience`` is
      raised.
    - A metric that is not measured is an error.

    Args:
        monitor: Name of the metric, as it is logged.
        rule: Which values are better; needed for a metric that is not known alone.
        min_delta: What counts as an improvement, in the unit of the metric.
        strict: Of no effect: a missing metric is an error.
        check_finite: Stop when the metric is nan or infinite.
        patience: Validations without improvement after which to stop.
        stopping_threshold: Stop as soon as the metric is better than this.

    Raises:
        InputError: For a rule that contradicts the metric, and for a metric that is not measured.
    """

    priority = 'LOW'  # before checkpoints are written, which hold the count

    def __init__(
        self,
        monitor: str,
        rule: Literal['greater', 'less'] | None = None,
        min_delta: float = 0.1,
        strict: bool = False,
        check_finite: bool = True,
        patience: Size = 5,
        stopping_threshold: float | None = None,
    ) -> None:
        rule = rule_of(monitor, rule, 'EarlyStoppingHook', 'monitor')
        super().__init__(monitor, rule, min_delta, strict, check_finite, patience, stopping_threshold)

    @property
    def _key(self) -> str:
        return f'early_stopping_{self.monitor}'

    def before_train(self, runner: Runner) -> None:
        """Go on counting, and end a run that had been stopped."""
        state = runner.message_hub.runtime_info.get(self._key) if resumes(runner) else None
        if not isinstance(state, dict):
            return
        self.best_score, self.wait_count = state['best'], state['waited']
        if self.wait_count >= self.patience:
            runner.train_loop.stop_training = True
            runner.logger.warning(
                f'The run was stopped early: {self.monitor} had not improved on {self.best_score:.4f} in '
                f'{self.wait_count} validations. To train on, raise patience={self.patience} of '
                'EarlyStoppingHook.'
            )

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Count, and stop the run if there was no improvement for long enough.

        Raises:
            InputError: If the metric is not among those that were measured.
        """
        metrics = metrics or {}
        if self.monitor not in metrics:
            raise InputError(
                f'EarlyStoppingHook: monitor={self.monitor!r} is no metric of val_evaluator; '
                f'{nearest(self.monitor, metrics) or "there are " + ", ".join(metrics) + "."}'
            )
        super().after_val_epoch(runner, metrics)
        state = dict(best=float(self.best_score), waited=self.wait_count)
        runner.message_hub.update_info(self._key, state)
