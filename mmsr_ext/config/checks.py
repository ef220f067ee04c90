"""Building what a config describes, so that whatever is wrong with it is said in one line with its section."""

from __future__ import annotations

import inspect
import os
import shutil
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner
from mmengine.visualization import Visualizer

from ..arguments import Count, Size, check_value, nearest
from ..errors import InputError
from .load import DEBUG, one_line

NEEDED = dict(
    model='the restorer',
    train_dataloader='the data',
    optim_wrapper='the optimizers',
    train_cfg='how long to train',
)
TOGETHER = ('val_dataloader', 'val_cfg', 'val_evaluator')
# methods of the runner that build a section each
STEPS = dict(
    build_model='model',
    wrap_model='model_wrapper_cfg',
    build_visualizer='visualizer',
    build_log_processor='log_processor',
    build_logger='log_level',
    register_default_hooks='default_hooks',
    register_custom_hooks='custom_hooks',
    setup_env='env_cfg',
    set_randomness='randomness',
    build_dataloader='a dataloader',
    build_evaluator='val_evaluator',
)


@contextmanager
def section(cfg: Config, name: str) -> Iterator[None]:
    """What goes wrong while a section of a config is built becomes an InputError that names it.

    With MMSR_EXT_DEBUG=1 in the environment the original exception passes, for its traceback.

    Raises:
        InputError: For any exception of the block; one that is an InputError already stays as it is.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # MMEngine, MMagic and PyTorch have all kinds for a config that is wrong
        if os.environ.get(DEBUG, '0') != '0':
            raise
        name = next(
            (STEPS[frame.name] for frame in traceback.extract_tb(error.__traceback__) if frame.name in STEPS),
            name,
        )
        raise InputError(f'config {cfg.filename}: {name} cannot be built: {one_line(error)}') from error


@contextmanager
def drawing(cfg: Config) -> Iterator[None]:
    """What a visualizer fails to draw becomes an InputError; which keys samples have is known only when there are samples.

    Raises:
        InputError: Naming the visualizer. Exceptions from elsewhere pass.
    """
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        origin = error.__context__ or error  # MMEngine raises a TypeError of a hook anew
        frames = [frame.name for frame in traceback.extract_tb(origin.__traceback__)]
        if (
            isinstance(error, InputError)
            or 'add_datasample' not in frames
            or os.environ.get(DEBUG, '0') != '0'
        ):
            raise
        raise InputError(
            f'config {cfg.filename}: the visualizer cannot draw the samples of validation: {one_line(error)}. '
            'Take it from configs/_base_/default_runtime.py.'
        ) from error


def check_sections(cfg: Config) -> None:
    """That a config for training has what it must have.

    Raises:
        InputError: Naming the first key that is missing.
    """
    for name, what in NEEDED.items():
        if not isinstance(cfg.get(name), dict) or not cfg[name]:
            raise InputError(
                f'config {cfg.filename}: {name}, {what}, must be a dict, but is {_said(cfg, name)}. '
                'See configs/srresnet_x4.py.'
            )
    for name, least in dict(max_iters=1, max_epochs=1, val_interval=1, val_begin=0).items():
        if name in cfg.train_cfg:
            check_value(
                f'config {cfg.filename}: train_cfg.{name}', cfg.train_cfg[name], Size if least else Count
            )
    given = [name for name in TOGETHER if cfg.get(name) is not None]
    missing = [name for name in TOGETHER if name not in given]
    if given and missing:
        raise InputError(
            f'config {cfg.filename}: {missing[0]} is missing, but {given[0]} is there. Validation needs '
            f'{", ".join(TOGETHER)}; leave all three out to train without it.'
        )
    check_loaders(cfg, 'train_dataloader', 'val_dataloader')


def check_loaders(cfg: Config, *names: str) -> None:
    """That the configs of loaders have what they must have.

    Raises:
        InputError: Naming what is missing or wrong.
    """
    for name in names:
        if not isinstance(cfg.get(name, []), (dict, list, type(None))):
            raise InputError(f'config {cfg.filename}: {name} must be a dict, but is {_said(cfg, name)}.')
        for loader in loaders(cfg.get(name)):
            if not isinstance(loader, dict) or not isinstance(loader.get('dataset'), dict):
                raise InputError(
                    f"config {cfg.filename}: {name} needs a dataset, such as dict(type='PackedPairs', ...)."
                )
            if not isinstance(loader.get('sampler', {}), dict):
                raise InputError(
                    f"config {cfg.filename}: {name}.sampler must be a dict, such as dict(type='InfiniteDraws')."
                )
            for key, kind in dict(batch_size=Size, num_workers=Count).items():
                if key in loader:
                    check_value(f'config {cfg.filename}: {name}.{key}', loader[key], kind)


def loaders(config: Any) -> list[dict]:
    """The configs of one loader or several."""
    return [config] if isinstance(config, dict) else list(config or [])


@contextmanager
def own_folder(work_dir: str) -> Iterator[None]:
    """Make sure that a run can write its folder, and, if the block fails, remove the folder again where it was not there before.

    Raises:
        InputError: If it cannot be written.
    """
    existed, earlier = Path(work_dir).exists(), _visualizers()
    try:
        Path(work_dir).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=work_dir):
            pass
    except OSError as error:
        raise InputError(
            f'work_dir {work_dir} cannot be written ({error.strerror}). Give another with --work-dir.'
        ) from error
    try:
        yield
    except BaseException:
        if not existed and is_main_process():
            shutil.rmtree(work_dir, ignore_errors=True)
            for kind, name in _visualizers() - earlier:
                del kind._instance_dict[
                    name
                ]  # else a run of the same name and second would be given it, with its folder
        raise


def build_parts(runner: Runner) -> None:
    """Build what the runner would build when it starts to train, in its order, which makes no difference to it.

    Raises:
        InputError: Naming the section of the config that is wrong.
    """
    cfg = runner.cfg
    _check_hooks(runner)
    with section(cfg, 'train_cfg or train_dataloader'):
        runner._train_loop = runner.build_train_loop(runner._train_loop)
    with section(cfg, 'optim_wrapper'):
        runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    with section(cfg, 'auto_scale_lr'):
        runner.scale_lr(runner.optim_wrapper, runner.auto_scale_lr)
        runner.auto_scale_lr = None  # not once more when it trains
    with section(cfg, 'param_scheduler'):
        if runner.param_schedulers is not None:
            runner.param_schedulers = runner.build_param_scheduler(runner.param_schedulers)
    with section(cfg, 'val_cfg, val_dataloader or val_evaluator'):
        if runner._val_loop is not None:
            runner._val_loop = runner.build_val_loop(runner._val_loop)


def _check_hooks(runner: Runner) -> None:
    """What MMEngine's and MMagic's hooks would complain of in the midst of training."""
    for hook in runner.hooks:
        name = type(hook).__name__
        if isinstance(getattr(hook, 'interval', 1), bool) or not isinstance(
            getattr(hook, 'interval', 1), int
        ):
            raise InputError(
                f'config {runner.cfg.filename}: {name}: interval={hook.interval!r} must be an integer.'
            )
        if isinstance(hook, CheckpointHook):  # hands on to save_checkpoint what it does not know
            known = list(inspect.signature(runner.save_checkpoint).parameters)
            for key in set(hook.args) - set(known):
                known += list(inspect.signature(CheckpointHook.__init__).parameters)[1:-1]
                raise InputError(
                    f'config {runner.cfg.filename}: {name}: unknown key {key!r}; '
                    f'{nearest(key, known) or "it knows " + ", ".join(known) + "."}'
                )
        image = inspect.signature(runner.visualizer.add_datasample).parameters.get('image')
        if name == 'BasicVisualizationHook' and image and image.default is image.empty:
            raise InputError(
                f'config {runner.cfg.filename}: {name} draws with ConcatImageVisualizer, but the visualizer is '
                f'{type(runner.visualizer).__name__}. Take it from configs/_base_/default_runtime.py, or leave the hook out.'
            )


def check_scales(runner: Runner, datasets: dict[str, list[Any]]) -> None:
    """That the network enlarges as much as the data ask for.

    Raises:
        InputError: Naming both scales.
    """
    model = getattr(runner.model, 'module', runner.model)
    network = getattr(model, 'generator', None)
    scale = getattr(network, 'scale', None) or getattr(network, 'upscale_factor', None)
    preprocessor = getattr(model, 'data_preprocessor', None)
    if not isinstance(scale, int):
        return
    for name, built in datasets.items():
        makes_lq = getattr(preprocessor, 'makes_lq', lambda training: False)(name.startswith('train'))
        for dataset in built:
            owner = preprocessor if makes_lq else dataset
            wanted = getattr(owner, 'scale', None)
            if isinstance(wanted, int) and wanted != scale:
                raise InputError(
                    f'config {runner.cfg.filename}: {type(owner).__name__} of {name} has scale {wanted}, but model.generator '
                    f'({type(network).__name__}) enlarges by {scale}. Make the two equal.'
                )


def _visualizers() -> set[tuple[type, str]]:
    kinds, found = [Visualizer], set()
    for kind in kinds:
        kinds += kind.__subclasses__()
        found |= {(kind, name) for name in kind._instance_dict}
    return found


def _said(cfg: Config, name: str) -> str:
    return repr(cfg[name])[:60] if name in cfg else 'missing'
