"""Training from a config."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.registry import DATASETS, DefaultScope
from mmengine.runner import Runner

from ..config.checks import build_parts, check_scales, check_sections, drawing, loaders, own_folder, section
from ..config.load import load_config, start_processes
from ..errors import InputError
from ..weights import check_fits, read_checkpoint, weights_of
from .dry_run import check_training, try_model
from .resume_point import check_same_start, find_resume_point


def train(
    config: str,
    work_dir: str | None = None,
    resume: str | None = None,
    amp: bool | str = False,
    options: dict[str, Any] | None = None,
    launcher: str = 'none',
    max_hours: float | None = None,
) -> Runner:
    """Train as a config says, on the stock runner.

    Args:
        config (str): Path of the config.
        work_dir (str, optional): Where checkpoints and logs go; ``work_dirs/<name of the config>`` by default.
        resume (str, optional): 'auto' goes on from the last checkpoint in ``work_dir`` that is whole, or starts where there is none; else
            the path of a checkpoint to go on from.
        amp (bool or str): Automatic mixed precision for every optimizer: True for float16 on a GPU and bfloat16 on a CPU, or one of these
            names.
        options (dict, optional): Overrides of config keys, such as {'train_cfg.max_iters': 100}.
        launcher (str): 'none', 'pytorch', 'slurm' or 'mpi'.
        max_hours (float, optional): Save a checkpoint and stop after so many hours.

    Returns:
        Runner: After training.

    Raises:
        InputError: For a config, data or checkpoint that cannot be used.
        Stopped: When a signal or ``max_hours`` ended the run; a checkpoint has been saved.
    """
    cfg = load_config(config, options, work_dir)
    check_sections(cfg)
    start_processes(cfg, launcher)
    if amp:
        _use_amp(cfg.optim_wrapper, None if amp is True else amp)
    if max_hours is not None:
        cfg.merge_from_dict({'default_hooks.stop': dict(type='StopHook', max_hours=max_hours)})
    _choose_checkpoint(cfg, resume)
    datasets = _build_datasets(cfg)
    with own_folder(cfg.work_dir):
        with section(cfg, 'it'):
            runner = Runner.from_cfg(cfg)
        check_same_start(
            runner._load_from if runner._resume else None, cfg.work_dir
        )  # on GPUs it is the runner that joins the processes
        check_scales(runner, datasets)
        _hand_over(datasets, runner)
        _check_checkpoint(runner)
        try_model(runner, datasets)
        build_parts(runner)
        check_training(runner)
    with drawing(cfg):
        runner.train()
    _tell_report_command(runner)
    return runner


def _choose_checkpoint(cfg: Config, resume: str | None) -> None:
    if resume is None and cfg.get('resume'):
        resume = cfg.get('load_from') or 'auto'
    if resume is None:
        return
    checkpoint = find_resume_point(cfg.work_dir) if resume == 'auto' else resume
    cfg.resume = checkpoint is not None
    if checkpoint is not None:
        cfg.load_from = checkpoint
        _skip_initialisation(cfg.model)


def _build_datasets(cfg: Config) -> dict[str, list[Any]]:
    """The datasets by loader, before anything else: what is missing is said before a perceptual network is downloaded."""
    datasets: dict[str, list[Any]] = {}
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope')):
        for name in ('train_dataloader', 'val_dataloader'):
            with section(cfg, name):
                datasets[name] = [DATASETS.build(loader['dataset']) for loader in loaders(cfg.get(name))]
                for dataset in datasets[name]:
                    if hasattr(dataset, 'full_init'):
                        dataset.full_init()
    return datasets


def _hand_over(datasets: dict[str, list[Any]], runner: Runner) -> None:
    """Let the runner's loaders have these datasets, so that it does not check all files a second time."""
    for name, built in datasets.items():
        for loader, dataset in zip(loaders(getattr(runner, f'_{name}')), built, strict=True):
            loader['dataset'] = dict(
                type=lambda dataset=dataset: dataset
            )  # a function, because MMEngine copies all else deeply


def _use_amp(optim_wrapper: Config, dtype: str | None) -> None:
    wrappers = [
        value for value in optim_wrapper.values() if isinstance(value, dict) and 'optimizer' in value
    ] or [optim_wrapper]
    for wrapper in wrappers:
        kind = wrapper.get('type', 'OptimWrapper')
        if kind not in ('OptimWrapper', 'AmpOptimWrapper'):
            raise InputError(
                f'--amp works with optim_wrapper.type OptimWrapper, but the config has {kind!r}.'
            )
        wrapper.type = 'AmpOptimWrapper'
        if dtype:
            wrapper.dtype = dtype


def _skip_initialisation(model: Config) -> None:
    """The weights that a run started from may be gone when it is resumed, and are not needed."""
    for name in ('generator', 'discriminator'):
        if (model.get(name) or {}).get('init_cfg'):
            model[name].init_cfg = None


def _check_checkpoint(runner: Runner) -> None:
    """MMEngine would go on with random weights where a checkpoint does not fit."""
    path = runner._load_from
    if path is None:
        return
    model = getattr(runner.model, 'module', runner.model)
    content = read_checkpoint(path)
    if runner._resume:
        if 'optimizer' not in content:
            raise InputError(
                f'{path} holds weights only, no state of a run that could be resumed. Start a new run from these weights with '
                f'--cfg-options load_from={path}'
            )
        # GeneratorEMAHook, which keeps its average outside the model, checks that part
        if 'config' in content.get('meta', {}):
            raise InputError(
                f'{path} has a config in its meta data that MMEngine would run as code. Start a new run from its weights with '
                f'--cfg-options load_from={path}'
            )
        check_fits(
            model,
            {
                key: value
                for key, value in weights_of(content).items()
                if not key.startswith('generator_ema.')
            },
            path,
        )
        return
    if not any(
        key.removeprefix('module.').startswith('generator.') for key in content.get('state_dict', content)
    ):
        raise InputError(
            f'load_from={path} holds a bare network; load_from takes what tools/train.py wrote. Start the generator from this '
            f'file with --cfg-options model.generator.init_cfg.type=Pretrained model.generator.init_cfg.checkpoint={path}'
        )
    check_fits(model.generator, weights_of(content, 'generator'), path)


def _tell_report_command(runner: Runner) -> None:
    """Print the command that compares the best and the last checkpoint, by the config as it ran, which MMEngine leaves beside them."""
    folder = Path(runner.work_dir)
    config = folder / Path(runner.cfg.filename or '').name
    best = [
        str(value) for key, value in runner.message_hub.runtime_info.items() if key.startswith('best_ckpt')
    ]
    last = (folder / 'last_checkpoint').read_text().strip() if (folder / 'last_checkpoint').is_file() else ''
    checkpoints = [path for path in dict.fromkeys([*best, last]) if Path(path).is_file()]
    if checkpoints and config.is_file() and is_main_process():
        names = ['python', 'tools/test.py', str(config), *checkpoints, '--out', str(folder / 'report.html')]
        print(f'See what was trained: {shlex.join(names)}')
