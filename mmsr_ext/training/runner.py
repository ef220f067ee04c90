"""The runner that trains: it builds the data before anything else."""

from __future__ import annotations

from logging import WARNING, FileHandler, StreamHandler
from typing import Any

from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope
from torch.utils.data import Dataset

from ..config.checked_runner import CheckedRunner
from ..config.checks import loaders
from ..config.sections import section
from ..datasets.drawn import follow_draws
from ..engine.stock import set_dataloader, unwrapped
from ..weights import read_checkpoint
from .checkpoint import weights_of_generator


class TrainingRunner(CheckedRunner):
    """A CheckedRunner that builds its dataloaders before the model, and everything else before it trains.

    Missing images are so reported before a perceptual network is downloaded. ``datasets`` lists what the
    dataloaders read, by section: 'train_dataloader' and 'val_dataloader'.
    """

    datasets: dict[str, list[Dataset]]
    optim_wrapper: Any
    auto_scale_lr: Any
    param_schedulers: Any

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """Build the logger; until ``speak`` the console gets warnings alone, the log file all."""
        logger = super().build_logger(*args, **kwargs)
        self._levels = {
            handler: handler.level
            for handler in logger.handlers
            if isinstance(handler, StreamHandler) and not isinstance(handler, FileHandler)
        }
        for handler, level in self._levels.items():
            handler.setLevel(max(level, WARNING))
        return logger

    def speak(self) -> None:
        """Let the console have what is logged from here on."""
        for handler, level in self._levels.items():
            handler.setLevel(level)

    def set_randomness(self, **options: Any) -> None:
        """Set the seed, which dataloaders depend on, and build them.

        Args:
            **options: ``seed``, ``diff_rank_seed`` and ``deterministic``, as ``Runner`` takes them.

        Raises:
            InputError: For a seed or a dataloader that cannot be used.
        """
        super().set_randomness(**options)
        different = options.get('diff_rank_seed', False)
        self.datasets = {}
        for name in ('train_dataloader', 'val_dataloader'):
            config = self.cfg.get(name)
            scope = DefaultScope.overwrite_default_scope(self.cfg.get('default_scope'))
            with section(self.cfg, name), scope:
                built = [
                    self.build_dataloader(follow_draws(loader), self.seed, different)
                    for loader in loaders(config)
                ]
            self.datasets[name] = [loader.dataset for loader in built]
            if built:
                set_dataloader(self, name, built if isinstance(config, list) else built[0])

    def load_checkpoint(self, filename: str, *args: Any, **kwargs: Any) -> dict:
        """Load weights to start from: a checkpoint of a restorer, or a file with a generator alone.

        Raises:
            InputError: If the file holds no generator.
        """
        model = unwrapped(self.model)
        content = read_checkpoint(filename)
        weights = weights_of_generator(content, filename, model.generator)
        if weights is None:
            return super().load_checkpoint(filename, *args, **kwargs)
        checkpoint = dict(state_dict={f'generator.{key}': value for key, value in weights.items()})
        self.call_hook('after_load_checkpoint', checkpoint=checkpoint)
        model.load_state_dict(checkpoint['state_dict'], strict=False)
        others = 'the discriminator' if getattr(model, 'adversarial', False) else ''
        self.logger.info(
            f'{type(model.generator).__name__} loaded from {filename}, which holds a generator alone'
            + (f'; {others} starts as initialised' if others else '')
        )
        return checkpoint

    def build_parts(self) -> None:
        """Build what MMEngine builds when training starts, in its order.

        Raises:
            InputError: Naming the section of the config that is wrong.
        """
        _ = self.train_loop  # a property that builds the loop
        self.optim_wrapper = self.build_optim_wrapper(self.optim_wrapper)
        self.scale_lr(self.optim_wrapper, self.auto_scale_lr)
        self.auto_scale_lr = None  # else training would scale the learning rates once more
        if self.param_schedulers is not None:
            self.param_schedulers = self.build_param_scheduler(self.param_schedulers)
        _ = self.val_loop
