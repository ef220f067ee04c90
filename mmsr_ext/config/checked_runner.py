"""MMEngine's runner with errors that name the section of the config which is wrong."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmengine.config import Config
from mmengine.runner import LogProcessor, Runner
from mmengine.visualization import Visualizer

from ..compat import own_config
from ..errors import InputError
from .sections import debugging, one_line, section

if TYPE_CHECKING:
    from typing_extensions import Self

DRAWING_HOOKS = ('BasicVisualizationHook', 'VisualizationHook')
STOCK_HOOKS = 'runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint'
_run_numbers = itertools.count(1)


def _builds(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a method of the runner so that its exceptions name a section of the config."""

    @functools.wraps(method)
    def call(self: CheckedRunner, *args: Any, **kwargs: Any) -> Any:
        with section(self.cfg, name):
            return method(self, *args, **kwargs)

    return call


class CheckedRunner(Runner):
    """MMEngine's Runner, whose errors name the section of the config that is wrong.

    Several runs in one process share nothing: MMEngine keeps loggers, message hubs and visualizers by the
    name of the experiment, which has a number from the second run on.

    Args:
        cfg: The whole config.
        experiment_name: Start of the name of the experiment; by default the name of the config's file.
        **sections: Sections of the config, as ``Runner`` takes them.
    """

    def __init__(self, cfg: Config, experiment_name: str | None = None, **sections: Any) -> None:
        number = next(_run_numbers)
        self._suffix = f'_{number}' if number > 1 else ''
        if self._suffix:
            experiment_name = f'{experiment_name or Path(cfg.filename or "run").stem}{self._suffix}'
        super().__init__(cfg=cfg, experiment_name=experiment_name, **sections)

    @classmethod
    def from_cfg(cls, cfg: Config) -> Self:
        """Build a runner from a config.

        Raises:
            InputError: Naming the section that is wrong.
        """
        with section(cfg):
            return super().from_cfg(cfg)

    setup_env = _builds('env_cfg', Runner.setup_env)
    set_randomness = _builds('randomness', Runner.set_randomness)
    build_logger = _builds('log_level', Runner.build_logger)
    build_model = _builds('model', Runner.build_model)
    wrap_model = _builds('model_wrapper_cfg', Runner.wrap_model)
    register_custom_hooks = _builds('custom_hooks', Runner.register_custom_hooks)
    build_train_loop = _builds('train_cfg or train_dataloader', Runner.build_train_loop)
    build_optim_wrapper = _builds('optim_wrapper', Runner.build_optim_wrapper)
    scale_lr = _builds('auto_scale_lr', Runner.scale_lr)
    build_param_scheduler = _builds('param_scheduler', Runner.build_param_scheduler)
    build_val_loop = _builds('val_cfg, val_dataloader or val_evaluator', Runner.build_val_loop)
    build_test_loop = _builds('test_cfg, test_dataloader or test_evaluator', Runner.build_test_loop)

    def build_log_processor(self, log_processor: dict | LogProcessor) -> LogProcessor:
        """Build the log processor.

        Raises:
            InputError: If the section of the config is wrong.
        """
        with section(self.cfg, 'log_processor'):
            built = super().build_log_processor(log_processor)
            if not isinstance(built.window_size, int) or built.window_size < 1:
                raise ValueError(f'window_size={built.window_size!r} must be an integer of at least 1.')
        return built

    def register_default_hooks(self, hooks: dict[str, Any] | None = None) -> None:
        """Register MMEngine's hooks and those of ``default_hooks``; None in the place of one leaves it out.

        MMEngine knows None for the names of its own hooks alone.

        Raises:
            InputError: If the section of the config is wrong.
        """
        with section(self.cfg, 'default_hooks'):
            super().register_default_hooks(
                {
                    name: hook
                    for name, hook in (hooks or {}).items()
                    if hook is not None or name in STOCK_HOOKS
                }
            )

    def build_visualizer(self, visualizer: Visualizer | dict | None = None) -> Visualizer:
        """Build the visualizer, under a name that no earlier run in this process has.

        Raises:
            InputError: If its section of the config is wrong.
        """
        with section(self.cfg, 'visualizer'):
            if isinstance(visualizer, dict) and 'name' in visualizer:
                visualizer['name'] += self._suffix
            return super().build_visualizer(visualizer)

    def call_hook(self, fn_name: str, **kwargs: Any) -> None:
        """Call a method of every hook that has it.

        Raises:
            InputError: If the visualizer cannot draw the samples, whose keys are not known any earlier.
        """
        for hook in self.hooks:
            if not hasattr(hook, fn_name):
                continue
            try:
                getattr(hook, fn_name)(self, **kwargs)
            except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
                if type(hook).__name__ not in DRAWING_HOOKS or isinstance(error, InputError) or debugging():
                    raise
                raise InputError(
                    f'config {self.cfg.filename}: the visualizer cannot draw the samples of validation: '
                    f'{one_line(error)} Take it from {own_config("_base_/default_runtime.py")}.'
                ) from error
