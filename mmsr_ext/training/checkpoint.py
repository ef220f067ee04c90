"""The checkpoint that a run starts from or resumes: choose it, and check that the model can load it."""

from __future__ import annotations

from typing import Any

from mmengine.config import Config

from ..errors import InputError
from ..tool_names import tool
from ..weights import check_fits, read_checkpoint, weights_of
from .resume_point import find_resume_point


def choose_checkpoint(cfg: Config, resume: str | None) -> None:
    """Write into a config which checkpoint the run resumes.

    Args:
        cfg: The config; its own ``resume`` and ``load_from`` count where ``resume`` is None.
        resume: 'auto' for the newest readable checkpoint of ``cfg.work_dir``, or a path.

    Raises:
        InputError: If all checkpoints in ``cfg.work_dir`` are damaged.
    """
    if resume is None and cfg.get('resume'):
        resume = cfg.get('load_from') or 'auto'
    if resume is None:
        return
    checkpoint = find_resume_point(cfg.work_dir) if resume == 'auto' else resume
    cfg.resume = checkpoint is not None
    if checkpoint is not None:
        cfg.load_from = checkpoint
        _skip_initialisation(cfg.model)


def _skip_initialisation(model: Config) -> None:
    """Drop ``init_cfg``: a resumed run does not need the weights it started from, which may be gone."""
    for name in ('generator', 'discriminator'):
        if (model.get(name) or {}).get('init_cfg'):
            model[name].init_cfg = None


def check_checkpoint(cfg: Config, model: Any) -> None:
    """Check that the model can load the checkpoint of a config; else MMEngine would train random weights.

    Args:
        cfg: The config, with ``load_from`` and ``resume``.
        model: The restorer, not wrapped.

    Raises:
        InputError: If the checkpoint cannot be read safely, does not fit, or is not of the kind that the
            config asks for.
    """
    path = cfg.get('load_from')
    if path is None:
        return
    content = read_checkpoint(path, whole=bool(cfg.get('resume')))
    if cfg.get('resume'):
        _check_state(content, path)
        # GeneratorEMAHook keeps its average outside the model, and checks it
        weights = {
            key: value for key, value in weights_of(content).items() if not key.startswith('generator_ema.')
        }
        check_fits(model, weights, path)
        return
    keys = [key.removeprefix('module.') for key in content.get('state_dict', content)]
    if not any(key.startswith('generator.') for key in keys):
        raise InputError(
            f'load_from={path} holds a bare network; load_from takes what {tool("train")} wrote. '
            'Start the generator from this file with --cfg-options '
            f'model.generator.init_cfg.type=Pretrained model.generator.init_cfg.checkpoint={path}'
        )
    check_fits(model.generator, weights_of(content, 'generator'), path)


def _check_state(content: dict, path: str) -> None:
    if 'optimizer' not in content:
        raise InputError(
            f'{path} holds weights only, no state of a run that could be resumed. '
            f'Start a new run from these weights with --cfg-options load_from={path}'
        )
    if 'config' in content.get('meta', {}):
        raise InputError(
            f'{path} has a config in its metadata that MMEngine would run as code. '
            f'Start a new run from its weights with --cfg-options load_from={path}'
        )
