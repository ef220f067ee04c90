"""The time that is left."""

from __future__ import annotations

import time
from typing import Any

from mmengine.hooks import IterTimerHook as StockIterTimerHook
from mmengine.runner import Runner

from ...registry import HOOKS


@HOOKS.register_module()
class IterTimerHook(StockIterTimerHook):
    """MMEngine's IterTimerHook, for MMagic's loops over several sets of images too.

    MMagic's own says nothing in the first 100 iterations, shows the training's time in validation, and
    estimates up to a hundred times too much for a resumed run, because it counts iterations of before.
    """

    t: float  # MMEngine's: when the last iteration ended

    def _after_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None, mode: str = 'train'
    ) -> None:
        if mode == 'train':
            super()._after_iter(runner, batch_idx, data_batch, outputs, mode)
            return
        now = time.time()
        runner.message_hub.update_scalar(f'{mode}/time', now - self.t)
        self.time_sec_test_val += now - self.t
        self.t = now
        loop = runner.val_loop if mode == 'val' else runner.test_loop
        total = getattr(loop, 'total_length', None) or len(loop.dataloader)
        runner.message_hub.update_info(
            'eta', self.time_sec_test_val / (batch_idx + 1) * (total - batch_idx - 1)
        )
