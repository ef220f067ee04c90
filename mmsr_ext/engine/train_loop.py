"""The training loop, which goes on where a run was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from mmengine.dist import get_world_size
from mmengine.runner import IterBasedTrainLoop as StockIterBasedTrainLoop
from mmengine.runner import Runner
from torch.utils.data import DataLoader, Dataset

from ..datasets import InfiniteDraws
from ..datasets.drawn import follow_draws
from ..registry import LOOPS
from .stock import between_updates, endless, seeds_differ


class ValidationStopped(Exception):
    """Ends a validation without a result, because the run is to stop."""


@LOOPS.register_module()
class IterBasedTrainLoop(StockIterBasedTrainLoop):
    """MMEngine's IterBasedTrainLoop, resumed at once and exactly.

    - MMEngine loads all batches that are past when a run is resumed. With the sampler ``InfiniteDraws`` the
      data go on at the sample, and with the seed, that the run had; with other samplers it is as in MMEngine.
    - A checkpoint is written before the validation of its iteration; a run that is resumed from it validates
      first.
    - A run that is asked to stop does not validate any more, and one that a hook stops after a validation is
      saved there.

    A subclass may override ``run`` and take its batches from ``dataloader_iterator``, as with MMEngine's.
    After a resume its data are the run's, from the first batch on: it passes over what is past itself.

    Args:
        runner: The runner.
        dataloader: The data.
        **kwargs: ``max_iters``, ``val_begin``, ``val_interval`` and ``dynamic_intervals`` of MMEngine's.

    Attributes:
        resumed: The position in a checkpoint that the run goes on from; None in a new run.
        validated: The last iteration that was validated.
    """

    def __init__(self, runner: Runner, dataloader: Any, **kwargs: Any) -> None:
        if isinstance(dataloader, dict):
            different = seeds_differ(runner)
            dataloader = runner.build_dataloader(
                follow_draws(dataloader), seed=runner.seed, diff_rank_seed=different
            )
        self._iterator: Iterator[Any] | None = None
        super().__init__(
            runner, _NotStarted(dataloader), **kwargs
        )  # workers start with the first batch, when it is known where
        self.dataloader: DataLoader = dataloader
        self._iterator = None
        # not so where the config gives the sampler a seed of its own
        self._seed_is_the_runs = getattr(dataloader.sampler, 'seed', None) == runner.seed
        self._samples_before = 0, 0
        self.resumed: dict[str, int] | None = None
        self.validated: int | None = None

    @property
    def dataloader_iterator(self) -> Iterator[Any]:
        """Return the endless iterator over the batches; the first use starts the workers."""
        if self._iterator is None:
            self._set_seed((self.resumed or {}).get('seed'))
            self._iterator = endless(self.dataloader)
        return self._iterator

    @dataloader_iterator.setter
    def dataloader_iterator(self, iterator: Iterator[Any]) -> None:
        self._iterator = iterator

    def position(self, iteration: int) -> dict[str, int | None]:
        """Return where the run is after ``iteration`` iterations.

        Returns:
            ``samples`` that are past, over all processes; the ``seed`` they are drawn with; the last
            iteration ``validated``.
        """
        start, samples = self._samples_before
        past = samples + (iteration - start) * self._samples_per_iteration
        return dict(
            samples=past, seed=getattr(self.dataloader.sampler, 'seed', None), validated=self.validated
        )

    def run(self) -> torch.nn.Module:
        """Train until the last iteration or until the run is to stop."""
        try:
            self.runner.call_hook('before_train')
            self.runner.call_hook('before_train_epoch')
            self._start_data()
            self.runner.call_hook('after_data_started')
            if self.resumed is not None and self.validated != self._iter:
                self.runner.message_hub.update_info('iter', self._iter - 1)  # as it was after the iteration
                self._validate_if_due()
            while self._iter < self._max_iters and not self._stops():
                self.runner.model.train()
                self.run_iter(next(self.dataloader_iterator))
                if not self.stop_training:
                    self._validate_if_due()
            self.runner.call_hook('after_train_epoch')
            self.runner.call_hook('after_train')
        finally:
            self.runner.call_hook('after_train_ended')
        return self.runner.model

    def _start_data(self) -> None:
        sampler = self.dataloader.sampler
        if self._iter > 0:
            position: dict[str, Any] = self.resumed or dict(
                samples=self._iter * self._samples_per_iteration, seed=None, validated=None
            )
            self.validated = position['validated']
            self._samples_before = self._iter, position['samples']
            self._set_seed(position['seed'])
            if isinstance(sampler, InfiniteDraws):
                sampler.start = position['samples']
        self.dataloader_iterator = endless(self.dataloader)
        if self._iter > 0 and not isinstance(sampler, InfiniteDraws):
            self.runner.logger.warning(
                f'{self._iter} batches that are past are loaded again, because the sampler is '
                f'{type(sampler).__name__}; InfiniteDraws goes on at once.'
            )
            for _ in range(self._iter):
                next(self.dataloader_iterator)

    def _set_seed(self, saved: int | None) -> None:
        """Give the sampler of a run that goes on the seed that it had."""
        sampler = self.dataloader.sampler
        if self._iter > 0 and isinstance(sampler, InfiniteDraws):
            if saved is not None:
                sampler.seed = saved
            elif self._seed_is_the_runs:
                sampler.seed = self.runner.seed

    def _validate_if_due(self) -> None:
        self._decide_current_val_interval()
        due = self._iter % self.val_interval == 0 or self._iter == self._max_iters
        if self.runner.val_loop is None or self._iter < self.val_begin or not due:
            return
        try:
            self.runner.val_loop.run()
            self.validated = self._iter
        except ValidationStopped:
            self.stop_training = True
            self.runner.call_hook('after_val_stopped')
        else:
            if self.stop_training:
                self.runner.call_hook('after_early_stop')

    def _stops(self) -> bool:
        """Return whether to stop now: not while gradients accumulate, which no checkpoint holds."""
        return self.stop_training and between_updates(self.runner.optim_wrapper)

    @property
    def _samples_per_iteration(self) -> int:
        return getattr(self.dataloader.batch_sampler, 'batch_size', 1) * get_world_size()


class _NotStarted:
    """Stands in for a DataLoader while MMEngine's loop is built, which would start its workers at once."""

    def __init__(self, dataloader: DataLoader) -> None:
        self.dataset: Dataset = dataloader.dataset

    def __iter__(self) -> Iterator[Any]:
        return iter(())
