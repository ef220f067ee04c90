"""A moving average of the generator's weights."""

from __future__ import annotations

import logging
from copy import deepcopy
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.optim import OptimWrapperDict
from mmengine.runner import Runner
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from ...errors import InputError
from ...registry import HOOKS
from ...weights import check_fits
from ..stock import resumes, unwrapped

KEY = 'generator_ema'


@HOOKS.register_module()
class GeneratorEMAHook(Hook):
    """Average the generator's weights after every step: ``e = decay * e + (1 - decay) * g``.

    The average equals the generator when training starts, stands still while only the discriminator is
    updated, while gradients accumulate and when the loss scaler skips a step, and takes the generator's place
    in validation and testing. Buffers, such as the statistics of batch normalisation, are copied, unless they
    are not finite: they are averages already. A checkpoint's state_dict has the trained weights under
    ``generator.`` and the average under ``generator_ema.``, which is MMagic's name for it.

    MMEngine's ``EMAHook`` averages the whole model, discriminator included, at every iteration; MMagic's
    ``RealESRGAN`` initialises its average apart from the generator. An optimizer that is fused
    (``fused=True``) hides a skip of the loss scaler: the average then moves towards the unchanged generator.

    Source: Polyak and Juditsky 1992; decay 0.999 of Wang et al. 2021 (Real-ESRGAN), section 4.1.

    Args:
        decay: In [0, 1).

    Raises:
        InputError: For another decay.
    """

    priority = 'NORMAL'  # before checkpoints are written

    def __init__(self, decay: float = 0.999) -> None:
        if not 0 <= decay < 1:
            raise InputError(
                f'GeneratorEMAHook: decay={decay!r} must be at least 0 and below 1; 0.999 is usual.'
            )
        self._average = get_ema_multi_avg_fn(decay)
        self._stepped = False
        self._started = False  # before that, the average is the generator itself
        self.ema: Any = None  # the averaged network, from before_run on

    def before_run(self, runner: Runner) -> None:
        """Make room for the average.

        Raises:
            InputError: If the model keeps an average of its own.
        """
        if getattr(unwrapped(runner.model), KEY, None) is not None:
            raise InputError(
                f'GeneratorEMAHook: the model has a {KEY} of its own, for which is_use_ema=True asks; set it '
                'to False.'
            )
        self.generator = unwrapped(unwrapped(runner.model).generator)
        if self.ema is None:
            self.ema = deepcopy(self.generator).requires_grad_(False)

    def before_train(self, runner: Runner) -> None:
        """Start from the generator as initialised or loaded, unless an average was resumed."""
        if not (resumes(runner) and self._started):
            self._copy(self.generator, self.ema)
            self._started = True
        wrapper = runner.optim_wrapper
        optimizer = (wrapper['generator'] if isinstance(wrapper, OptimWrapperDict) else wrapper).optimizer
        optimizer.register_step_post_hook(self._after_step)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None
    ) -> None:
        """Average, if the generator was updated."""
        if not self._stepped:
            return
        self._stepped = False
        parameters = [parameter.detach() for parameter in self.generator.parameters()]
        self._average(list(self.ema.parameters()), parameters, None)
        for average, buffer in zip(self.ema.buffers(), self.generator.buffers(), strict=True):
            # the generator's own are put back later, by UpdateGuardHook
            average.copy_(
                torch.where(buffer.isfinite().all(), buffer, average)
                if buffer.is_floating_point()
                else buffer
            )

    def before_val_epoch(self, runner: Runner) -> None:
        """Put the average in the generator's place."""
        self._swap()

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Put the trained weights back."""
        self._swap()

    def after_val_stopped(self, runner: Runner) -> None:
        """Put the trained weights back, when a validation was broken off."""
        self._swap()

    def before_test_epoch(self, runner: Runner) -> None:
        """Put the average in the generator's place."""
        self._swap()

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Put the trained weights back."""
        self._swap()

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Add the average to the checkpoint."""
        checkpoint['state_dict'] |= {
            f'{KEY}.{key}': value.cpu() for key, value in self.ema.state_dict().items()
        }

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Take the average out of a checkpoint; where there is none, it is the generator."""
        state = checkpoint.get('state_dict', checkpoint)
        average = {
            key.removeprefix(f'{KEY}.'): state.pop(key) for key in list(state) if key.startswith(f'{KEY}.')
        }
        self._started = bool(average)
        if average:
            check_fits(self.ema, average, f'({KEY})')
            self.ema.load_state_dict(average)
        elif resumes(runner):
            print_log(
                'The checkpoint has no average of the generator; it starts from the generator.',
                'current',
                logging.WARNING,
            )

    def save_rank_state(self, runner: Runner, state: dict) -> None:
        """Add this process's buffers; called by ``ExactResumeHook``."""
        state |= {f'{KEY}.{name}': buffer.cpu() for name, buffer in self.ema.named_buffers()}

    def load_rank_state(self, runner: Runner, state: dict) -> None:
        """Take this process's buffers out."""
        for name, buffer in self.ema.named_buffers():
            if f'{KEY}.{name}' in state:
                buffer.copy_(state.pop(f'{KEY}.{name}'))

    def _after_step(self, *args: Any) -> None:
        self._stepped = True

    def _swap(self) -> None:
        if not self._started:
            return
        trained = deepcopy(self.generator)
        self._copy(self.ema, self.generator)
        self._copy(trained, self.ema)

    @staticmethod
    @torch.no_grad()
    def _copy(source: nn.Module, target: nn.Module) -> None:
        for kind in ('parameters', 'buffers'):
            for value, place in zip(getattr(source, kind)(), getattr(target, kind)(), strict=True):
                place.copy_(value)
