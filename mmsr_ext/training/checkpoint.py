"""The checkpoint that a run starts from or resumes: choose it, and check that the model can load it."""

from __future__ import annotations

from typing import Any

from mmengine.config import Config
from mmengine.model import PretrainedInit
from torch import Tensor, nn

from ..errors import InputError
from ..weights import check_fits, differences, generator_part, read_checkpoint, rename_to, weights_of
from .resume_point import find_resume_point

# names of MMEngine's initialiser in a config of ours, where 'Pretrained' is our own
MMENGINES = ('mmengine.Pretrained', 'mmengine.PretrainedInit', 'mmengine.model.PretrainedInit')


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
    if (found := weights_of_generator(content, path, model.generator)) is None:
        found = weights_of(content, 'generator')
    check_fits(model.generator, found, path)


def weights_of_generator(
    content: dict[str, Any], path: str, generator: nn.Module
) -> dict[str, Tensor] | None:
    """Return a generator's weights in a file that ``tools/train.py`` did not write.

    Args:
        content: What the file holds, as ``read_checkpoint`` returns it: the network alone, or as BasicSR,
            Real-ESRGAN and other trainers save it.
        path: The file, for the error.
        generator: Whose names of the weights are returned.

    Returns:
        A state_dict; None for a checkpoint of a restorer.

    Raises:
        InputError: If the file holds no generator.
    """
    names = [key.removeprefix('module.') for key in content.get('state_dict', content)]
    if any(name.startswith('generator.') for name in names):
        return None
    return rename_to(generator, generator_part(content, path))


def check_initialisers(model: nn.Module) -> None:
    """Check what MMEngine's own ``Pretrained`` will load, which leaves random what does not fit.

    Args:
        model: The restorer, not wrapped, with the ``init_cfg`` that its parts were built with.

    Raises:
        InputError: If a file does not have exactly the weights of its network.
    """
    for name, module in model.named_modules():
        several = getattr(module, 'init_cfg', None) or []
        for one in [several] if isinstance(several, dict) else several:
            kind = one.get('type')
            if kind is not PretrainedInit and str(kind) not in MMENGINES:
                continue
            path, prefix = str(one.get('checkpoint')), str(one.get('prefix') or '').rstrip('.')
            content = read_checkpoint(path)
            weights = content.get('state_dict', content)
            if prefix:
                weights = {
                    key.removeprefix(f'{prefix}.'): value
                    for key, value in weights.items()
                    if key.startswith(f'{prefix}.')
                }
            faults = differences(module.state_dict(), weights)
            if faults:
                where = '.'.join(filter(None, ('model', name, 'init_cfg')))
                raise InputError(
                    f"{where}: MMEngine's Pretrained would leave random what does not fit, and "
                    f'{path} has weights {faults}. Use init_cfg.type=Pretrained, which reads files of other '
                    'trainers too, with partial=True for a file that fits in part.'
                )


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
