"""Logged values, read from the device once a log interval."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.hooks import LoggerHook, RuntimeInfoHook
from mmengine.runner import Runner
from torch import Tensor

from ...registry import HOOKS


@HOOKS.register_module()
class DeferredRuntimeInfoHook(RuntimeInfoHook):
    """MMEngine's RuntimeInfoHook without its wait for the device at every logged value of every iteration.

    This one keeps the values where they are, and hands all of them to the MessageHub, in order and unchanged,
    before somebody reads them: at the LoggerHook's interval, before validation, and before a checkpoint is
    saved. Takes the place of ``runtime_info`` in ``default_hooks``.
    """

    def __init__(self) -> None:
        self.interval = 1
        self.pending: list[tuple[list[str], Tensor]] = []

    def before_train(self, runner: Runner) -> None:
        """See MMEngine's."""
        super().before_train(runner)
        self.interval = min(
            (hook.interval for hook in runner.hooks if isinstance(hook, LoggerHook)), default=1
        )

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None
    ) -> None:
        """Keep the values; hand them over where the LoggerHook will read them."""
        outputs = outputs or {}
        values = {name: value for name, value in outputs.items() if isinstance(value, Tensor)}
        super().after_train_iter(
            runner,
            batch_idx,
            data_batch,
            {name: outputs[name] for name in outputs if name not in values},
        )
        if values:
            self.pending.append(
                (list(values), torch.stack([value.detach().reshape(()) for value in values.values()]))
            )
        if self.every_n_inner_iters(batch_idx, self.interval) or self.is_last_train_iter(runner):
            self.hand_over(runner)

    def before_val(self, runner: Runner) -> None:
        """See MMEngine's."""
        self.hand_over(runner)
        super().before_val(runner)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Put all logged values into the checkpoint, which MMEngine has filled already."""
        self.hand_over(runner)
        if 'message_hub' in checkpoint:
            checkpoint['message_hub'] = runner.message_hub.state_dict()

    def after_train(self, runner: Runner) -> None:
        """See MMEngine's."""
        self.hand_over(runner)
        super().after_train(runner)

    def hand_over(self, runner: Runner) -> None:
        """Give the MessageHub what was kept: one transfer from the device."""
        if not self.pending:
            return
        pending, self.pending = self.pending, []
        values = iter(torch.cat([value for _, value in pending]).tolist())
        for names, _ in pending:
            for name in names:
                runner.message_hub.update_scalar(f'train/{name}', next(values))
