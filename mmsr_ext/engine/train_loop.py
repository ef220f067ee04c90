"""The training loop, resumed without loading what is past."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmengine.dist import get_world_size
from mmengine.runner import IterBasedTrainLoop as StockIterBasedTrainLoop
from mmengine.runner import Runner
from mmengine.runner.loops import _InfiniteDataloaderIterator

from ..datasets import InfiniteDraws
from ..registry import LOOPS


@LOOPS.register_module()
class IterBasedTrainLoop(StockIterBasedTrainLoop):
    """MMEngine's IterBasedTrainLoop, which by itself loads all batches that are past when a run is resumed.

    With the sampler ``InfiniteDraws`` the data go on at the position and with the seed that the run had, at once. With other samplers it is
    MMEngine's.

    Args:
        runner (Runner): The runner.
        dataloader (DataLoader or dict): The data.
        **kwargs: ``max_iters``, ``val_begin``, ``val_interval`` and ``dynamic_intervals`` of MMEngine's.
    """

    def __init__(self, runner: Runner, dataloader: Any, **kwargs: Any) -> None:
        super().__init__(runner, dataloader, **kwargs)
        # not so where the config gives the sampler a seed of its own
        self._seed_is_the_runs = getattr(self.dataloader.sampler, 'seed', None) == runner.seed

    def run(self) -> None:
        """Train."""
        sampler = self.dataloader.sampler
        if self._iter > 0 and isinstance(sampler, InfiniteDraws):
            if self._seed_is_the_runs:
                sampler.seed = self.runner.seed
            sampler.start = self._iter * self.dataloader.batch_size * get_world_size()
            self.dataloader_iterator = _Past(_InfiniteDataloaderIterator(self.dataloader), self._iter)
        super().run()


class _Past:
    """Gives nothing for the batches that MMEngine's loop asks for in order to pass them over, then those of the iterator."""

    def __init__(self, iterator: Iterator[Any], count: int) -> None:
        self.iterator = iterator
        self.count = count

    def __next__(self) -> Any:
        if self.count:
            self.count -= 1
            return None
        return next(self.iterator)
