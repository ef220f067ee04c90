"""Train from a config: the steps of ``tools/train.py CONFIG``, in order."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from ..config.checks import check_sections
from ..config.load import load_config
from ..config.loggers import check_loggers
from ..config.one_channel import leave_out_rgb
from ..engine.distributed.launch import end_with_parent, join_processes
from ..engine.stock import unwrapped
from ..errors import InputError
from ..tool_names import tool
from .checkpoint import check_checkpoint, check_initialisers, choose_checkpoint
from .checks import check_channels, check_hooks, check_scales, check_training
from .dry_run import try_model
from .lock import locked
from .resume_point import check_same_start
from .runner import TrainingRunner
from .summary import log_summary
from .try_validation import check_validation
from .work_dir import new_work_dir


def train(
    config: str,
    work_dir: str | None = None,
    resume: str | None = None,
    amp: bool | str = False,
    options: dict[str, Any] | None = None,
    launcher: str = 'none',
    max_hours: float | None = None,
    hooks: Sequence[Hook] = (),
) -> Runner:
    """Train a restorer as a config says.

    Args:
        config: Path of the config.
        work_dir: Folder for checkpoints and logs; ``work_dirs/<name of the config>`` by default.
        resume: Path of a checkpoint to resume; 'auto' resumes the newest readable one in ``work_dir``, or
            starts a new run where there is none.
        amp: Automatic mixed precision for every optimizer: 'float16', 'bfloat16', or True for float16 on a
            GPU and bfloat16 on a CPU.
        options: Values by dotted key that replace those of the config, such as {'train_cfg.max_iters': 100}.
        launcher: 'none', 'pytorch', 'slurm' or 'mpi'.
        max_hours: Save a checkpoint and stop after so many hours.
        hooks: Hooks to register beside those of the config.

    Returns:
        The runner, after training.

    Raises:
        InputError: For a config, data or checkpoint that cannot be used, or a folder in which another run is.
        Stopped: When a signal or ``max_hours`` ended the run; a checkpoint has been saved.
    """
    cfg = load_config(config, options, work_dir)
    check_sections(cfg)
    check_loggers(cfg)
    left_out = leave_out_rgb(cfg)
    if amp:
        _use_amp(cfg.optim_wrapper, None if amp is True else amp)
    if max_hours is not None:
        cfg.merge_from_dict({'default_hooks.stop': dict(type='StopHook', max_hours=max_hours)})
    join_processes(cfg, launcher)
    choose_checkpoint(cfg, resume)
    with ExitStack() as held:
        with new_work_dir(cfg.work_dir):
            held.enter_context(locked(cfg.work_dir, launcher))
            end_with_parent(launcher)
            runner = TrainingRunner.from_cfg(cfg)
            model = unwrapped(runner.model)
            for hook in hooks:
                runner.register_hook(hook)
            # not before the runner is built: on GPUs it joins the processes
            check_same_start(cfg.load_from if cfg.get('resume') else None, cfg.work_dir)
            check_scales(cfg, model, runner.datasets)
            check_channels(cfg, model, runner.datasets)
            check_checkpoint(cfg, model)
            check_initialisers(model)
            try_model(cfg, model, runner.datasets['train_dataloader'])
            check_hooks(runner)
            runner.build_parts()
            check_training(runner, model)
            check_validation(runner, model)
        runner.speak()
        if left_out:
            runner.logger.info(f'{" and ".join(left_out)} are left out, because the images have one channel.')
        log_summary(runner, model, runner.datasets)
        runner.train()
        _print_report_command(runner)
    return runner


def _use_amp(optim_wrapper: Config, dtype: str | None) -> None:
    """Make every optimizer wrapper of a config an ``AmpOptimWrapper``."""
    wrappers = [
        value for value in optim_wrapper.values() if isinstance(value, dict) and 'optimizer' in value
    ] or [optim_wrapper]
    for wrapper in wrappers:
        kind = wrapper.get('type', 'OptimWrapper')
        if kind not in ('OptimWrapper', 'AmpOptimWrapper'):
            raise InputError(
                f'--amp works with optim_wrapper.type OptimWrapper, but the config has {kind!r}.'
            )
        wrapper['type'] = 'AmpOptimWrapper'
        if dtype:
            wrapper['dtype'] = dtype


def _print_report_command(runner: Runner) -> None:
    """Print the command that compares the best and the last checkpoint, with the config beside them."""
    folder = Path(runner.work_dir)
    config = folder / Path(runner.cfg.filename or '').name
    best = [
        str(value) for key, value in runner.message_hub.runtime_info.items() if key.startswith('best_ckpt')
    ]
    last = (
        (folder / 'last_checkpoint').read_text(encoding='utf-8').strip()
        if (folder / 'last_checkpoint').is_file()
        else ''
    )
    checkpoints = [path for path in dict.fromkeys([*best, last]) if Path(path).is_file()]
    if checkpoints and config.is_file() and is_main_process():
        command = [str(config), *checkpoints, '--out', str(folder / 'report.html')]
        print(f'See what was trained: {tool("test")} {shlex.join(command)}')
