"""Check that what watches a metric watches one that is measured, and in its better direction."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from mmengine.hooks import CheckpointHook, EarlyStoppingHook
from mmengine.runner import Runner

from ..arguments import nearest
from ..engine.better import higher_is_better
from ..errors import InputError


class Monitor(NamedTuple):
    """A metric that a part of the run watches.

    Args:
        owner: Class of the part.
        key: Its argument that names the metric.
        name: The metric.
        rule: Which values the part takes for better; None where it was checked before.
    """

    owner: str
    key: str
    name: str
    rule: str | None = None


def check_monitors(runner: Runner) -> None:
    """Check ``save_best``, early stopping and plateau schedules against the metrics of validation.

    A run without validation may have a ``save_best``, which then says in the log that it does nothing.

    Args:
        runner: The runner, with all its parts built.

    Raises:
        InputError: Naming a metric that is not measured, and the nearest that is; or a rule that contradicts
            the metric.
    """
    where = f'config {runner.cfg.filename}'
    names = _measured(runner)
    for monitor in _monitors(runner):
        if runner.val_loop is None and monitor.key == 'save_best':
            runner.logger.warning(f'No best checkpoint is kept ({monitor.name}): the run has no validation.')
            continue
        if names is not None and monitor.name not in names:
            raise InputError(
                f'{where}: {monitor.key}={monitor.name!r} of {monitor.owner} is no metric of val_evaluator; '
                f'{nearest(monitor.name, names) or "there are " + (", ".join(names) or "none") + "."}'
            )
        better = {True: 'greater', False: 'less', None: monitor.rule}[higher_is_better(monitor.name)]
        if monitor.rule not in (None, better):
            raise InputError(
                f'{where}: {monitor.owner} has rule={monitor.rule!r}, and of {monitor.key}={monitor.name!r} '
                f'{"higher" if better == "greater" else "lower"} values are better. Set rule={better!r}.'
            )


def _measured(runner: Runner) -> list[str] | None:
    """List the names of the metrics; None if one of them tells its names only after it has measured."""
    loop = runner.val_loop
    evaluators = getattr(loop, 'evaluators', None) or [getattr(loop, 'evaluator', None)]
    metrics = [metric for evaluator in evaluators for metric in getattr(evaluator, 'metrics', [])]
    if not all(isinstance(getattr(metric, 'metric', None), str) for metric in metrics):
        return None
    return ['/'.join(filter(None, (metric.prefix, metric.metric))) for metric in metrics]


def _monitors(runner: Runner) -> Iterator[Monitor]:
    for hook in runner.hooks:
        if isinstance(hook, CheckpointHook) and hook.save_best:
            for name in [hook.save_best] if isinstance(hook.save_best, str) else hook.save_best:
                if name != 'auto':
                    yield Monitor(type(hook).__name__, 'save_best', name)
        elif isinstance(hook, EarlyStoppingHook):
            yield Monitor(type(hook).__name__, 'monitor', hook.monitor, hook.rule)
    several: Any = runner.param_schedulers or []
    several = several.values() if isinstance(several, dict) else [several]
    for scheduler in [one for each in several for one in each]:
        if getattr(scheduler, 'need_val_args', False):
            yield Monitor(type(scheduler).__name__, 'monitor', scheduler.monitor, scheduler.rule)
