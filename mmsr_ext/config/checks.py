"""Check that a config has the sections that a run needs, before anything is built from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmengine.config import Config

from ..arguments import Count, Size, check_value
from ..compat import own_config
from ..errors import InputError

REQUIRED = dict(
    model='the restorer',
    train_dataloader='the data',
    optim_wrapper='the optimizers',
    train_cfg='how long to train',
)
VALIDATION = ('val_dataloader', 'val_cfg', 'val_evaluator')
LENGTHS: dict[str, Any] = dict(max_iters=Size, max_epochs=Size, val_interval=Size, val_begin=Count)
LOADER_COUNTS: dict[str, Any] = dict(batch_size=Size, num_workers=Count)
OTHER_SECTIONS: dict[str, Any] = dict(
    randomness=dict,
    env_cfg=dict,
    default_scope=str | None,
    experiment_name=str | None,
    param_scheduler=dict | list | None,
)


def check_sections(cfg: Config) -> None:
    """Check that a config for training has the sections it needs, with counts that are in range.

    Raises:
        InputError: Naming the first key that is missing or wrong.
    """
    for name, what in REQUIRED.items():
        if not isinstance(cfg.get(name), dict) or not cfg[name]:
            raise InputError(
                f'config {cfg.filename}: {name}, {what}, must be a dict, '
                f'but is {_describe_section(cfg, name)}. See {own_config("srresnet_x4.py")}.'
            )
    for name, kind in LENGTHS.items():
        if name in cfg.train_cfg:
            check_value(f'config {cfg.filename}: train_cfg.{name}', cfg.train_cfg[name], kind)
    for name, kind in OTHER_SECTIONS.items():
        if name in cfg:
            check_value(f'config {cfg.filename}: {name}', cfg[name], kind)
    given = [name for name in VALIDATION if cfg.get(name) is not None]
    missing = [name for name in VALIDATION if name not in given]
    if given and missing:
        raise InputError(
            f'config {cfg.filename}: {missing[0]} is missing, but {given[0]} is there. Validation needs '
            f'{", ".join(VALIDATION)}; leave all three out to train without it.'
        )
    check_loaders(cfg, 'train_dataloader', 'val_dataloader')
    _check_steps(cfg)


def _check_steps(cfg: Config) -> None:
    """Refuse a schedule that counts epochs, as by default: a run that counts iterations never steps it."""
    by_iteration = 'IterBased' in str(cfg.train_cfg.get('type')) or cfg.train_cfg.get('by_epoch') is False
    for path, scheduler in schedulers(cfg.get('param_scheduler')):
        kind = str(scheduler.get('type')).rpartition('.')[2]
        if not by_iteration or 'Plateau' in kind:  # which counts validations
            continue
        if scheduler.get('by_epoch', True) is True and not scheduler.get('convert_to_iter_based'):
            raise InputError(
                f'config {cfg.filename}: {path}: {kind} counts epochs, and the run counts iterations, '
                'so that it would never step. Add by_epoch=False.'
            )


def check_loaders(cfg: Config, *names: str) -> None:
    """Check that the sections of dataloaders have a dataset, a sampler and counts in range.

    What only workers use is removed from a dataloader without any.

    Args:
        cfg: The config.
        *names: Sections, each a dict or a list of dicts; a section that is absent is not checked.

    Raises:
        InputError: Naming what is missing or wrong.
    """
    for name in names:
        if not isinstance(cfg.get(name, []), (dict, list, type(None))):
            raise InputError(
                f'config {cfg.filename}: {name} must be a dict, but is {_describe_section(cfg, name)}.'
            )
        for loader in loaders(cfg.get(name)):
            if not isinstance(loader, dict) or not isinstance(loader.get('dataset'), dict):
                raise InputError(
                    f"config {cfg.filename}: {name} needs a dataset, such as dict(type='PackedPairs', ...)."
                )
            if not isinstance(loader.get('sampler', {}), dict):
                raise InputError(
                    f'config {cfg.filename}: {name}.sampler must be a dict, '
                    "such as dict(type='InfiniteDraws')."
                )
            for key, kind in LOADER_COUNTS.items():
                if key in loader:
                    check_value(f'config {cfg.filename}: {name}.{key}', loader[key], kind)
            if loader.get('num_workers') == 0:
                for key in ('persistent_workers', 'prefetch_factor'):  # which PyTorch refuses without workers
                    loader.pop(key, None)


def loaders(config: Any) -> list[dict]:
    """List the dataloaders of a section, which holds one, several or None.

    Raises:
        InputError: If it holds something else.
    """
    if config is None:
        return []
    found = [config] if isinstance(config, dict) else config
    if not isinstance(found, (list, tuple)) or not all(isinstance(loader, dict) for loader in found):
        raise InputError(
            f'{config!r} is no dataloader; expected a dict with batch_size and dataset, or a list of such.'
        )
    return list(found)


def schedulers(section: Any, path: str = 'param_scheduler') -> Iterator[tuple[str, dict]]:
    """Yield the dotted keys and dicts of schedulers: one, a list, or either by the name of an optimizer."""
    if isinstance(section, dict) and 'type' not in section:
        for name, inner in section.items():
            yield from schedulers(inner, f'{path}.{name}')
    else:
        yield from each_dict(path, section)


def each_dict(path: str, section: Any) -> Iterator[tuple[str, dict]]:
    """Yield the dotted keys and dicts of a section that holds one dict or a list of them."""
    if isinstance(section, dict):
        yield path, section
    elif isinstance(section, (list, tuple)):
        yield from ((f'{path}.{index}', item) for index, item in enumerate(section) if isinstance(item, dict))


def _describe_section(cfg: Config, name: str) -> str:
    return repr(cfg[name])[:60] if name in cfg else 'missing'
