"""What a resumed run needs beyond weights and optimizers, to go on as if it had never stopped."""

from __future__ import annotations

import logging
from typing import Any

import torch
from mmengine.dist import get_dist_info
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner
from torch import Tensor, nn

from ...registry import HOOKS
from ..distributed.process_group import host_group
from ..follow_config import class_names, follow_config
from ..random_state import random_state, set_random_state
from ..stock import resumes, unwrapped

KEY = 'exact_resume'


@HOOKS.register_module()
class ExactResumeHook(Hook):
    """Saves and restores the random state and the buffers of every process, and the place in the data.

    With the same number of processes a resumed run equals the unbroken one bit for bit (deterministic
    algorithms provided). Buffers are a process's own where each has seen other data: the pool of
    ``RealESRGANDegradation``, the statistics of batch normalisation. With another number of processes the
    data go on at the sample that was next, and a process that is new takes the first one's buffers.
    Validation leaves no trace in the random state.

    Another hook may add tensors of its own to a process's state, under names that the first one's has in
    ``state_dict``, and take them out again: ``save_rank_state(runner, state)``, ``load_rank_state(runner,
    state)``.

    The checkpoint gives the state, and the config every hyper-parameter: see ``follow_config``.

    Works together with our ``IterBasedTrainLoop`` and ``CheckpointHook``; with MMEngine's the state of the
    first process is saved.
    """

    priority = 'LOW'  # before checkpoints are written

    def __init__(self) -> None:
        self._gathered: list[dict] | None = None
        self._restored: dict | None = None
        self._before_val: dict | None = None

    def gather_checkpoint(self, runner: Runner, meta: dict) -> None:
        """Bring every process's state to the first one; called in all of them by ``CheckpointHook``."""
        rank, world_size = get_dist_info()
        own = self._own(runner, rank > 0)
        if world_size == 1:
            self._gathered = [own]
            return
        gathered: list[Any] | None = [None] * world_size if rank == 0 else None
        torch.distributed.gather_object(own, gathered, 0, host_group())
        self._gathered = gathered

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Add the state to a checkpoint that can be resumed from."""
        if 'optimizer' not in checkpoint:
            return
        ranks, self._gathered = self._gathered or [self._own(runner, False)], None
        first = checkpoint['state_dict']
        for state in ranks[1:]:
            state['buffers'] = {
                key: value for key, value in state['buffers'].items() if not value.equal(first[key])
            }
        checkpoint[KEY] = dict(world_size=get_dist_info()[1], ranks=ranks, classes=class_names(runner))
        if hasattr(runner.train_loop, 'position'):
            checkpoint[KEY]['data'] = runner.train_loop.position(checkpoint['meta']['iter'])

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Take this process's state out of a checkpoint."""
        saved = checkpoint.pop(KEY, None)
        if not resumes(runner):
            return
        follow_config(runner, checkpoint, (saved or {}).get('classes'))
        if getattr(unwrapped(runner.model), 'generator_ema', None) is None:
            _drop_average(checkpoint['state_dict'])
        if saved is None:
            runner.logger.warning(
                'The checkpoint has no random state: it was not written by this project. The run goes on, '
                'but not exactly as it would have.'
            )
            return
        rank, world_size = get_dist_info()
        if saved['world_size'] != world_size:
            runner.logger.warning(
                f'Resumed with {world_size} process(es), saved with {saved["world_size"]}: the data go on at '
                'the next sample, but not exactly as they would have.'
            )
        if rank < len(saved['ranks']):
            state = saved['ranks'][rank]
            runner.call_hook('load_rank_state', state=state['buffers'])
            checkpoint['state_dict'] |= state['buffers']
            self._restored = state['random']
        if 'data' in saved and hasattr(runner.train_loop, 'position'):
            runner.train_loop.resumed = saved['data']

    def after_data_started(self, runner: Runner) -> None:
        """Restore the random state, once nothing but the training itself will draw from it."""
        if self._restored is not None:
            set_random_state(self._restored)
            self._restored = None

    def before_val(self, runner: Runner) -> None:
        """Keep the random state."""
        self._before_val = random_state()

    def after_val_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        """Note that this iteration has been validated, before a checkpoint of the best is written."""
        if self._before_val is not None and hasattr(runner.train_loop, 'position'):
            runner.train_loop.validated = runner.iter

    def after_val(self, runner: Runner) -> None:
        """Restore the random state."""
        if self._before_val is not None:
            set_random_state(self._before_val)
        self._before_val = None

    after_val_stopped = after_val

    def _own(self, runner: Runner, buffers: bool) -> dict[str, Any]:
        state = _buffers(runner.model) if buffers else {}
        if buffers:
            runner.call_hook('save_rank_state', state=state)
        return dict(random=self._before_val or random_state(), buffers=state)


def _buffers(model: nn.Module) -> dict[str, Tensor]:
    """Return the buffers that a state_dict has, on the CPU."""
    model = unwrapped(model)
    names = {name for name, _ in model.named_buffers()}
    return {name: value.cpu() for name, value in model.state_dict().items() if name in names}


def _drop_average(state_dict: dict[str, Tensor]) -> None:
    """Warn where the config drops the checkpoint's average: no ``GeneratorEMAHook`` has taken it."""
    names = [name for name in state_dict if name.startswith('generator_ema.')]
    for name in names:
        del state_dict[name]
    if names:
        print_log(
            'The checkpoint has a moving average of the generator, and the config no GeneratorEMAHook: the '
            'average is dropped, and validation measures the trained weights.',
            'current',
            logging.WARNING,
        )
