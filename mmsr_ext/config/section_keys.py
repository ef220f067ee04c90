"""Find keys within the sections of a config that nothing reads."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from mmengine.config import Config
from mmengine.hooks import CheckpointHook
from mmengine.registry import Registry
from mmengine.runner import Runner
from mmengine.utils.dl_utils import set_multi_processing
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader

from .. import registry
from ..arguments import keywords_of, nearest
from ..errors import InputError
from .checks import each_dict, schedulers
from .optimizer_keys import PARAMWISE, optimizers_of, unread_of_optimizer

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
EVALUATORS = ('val_evaluator', 'test_evaluator')
# of any dict that is built: by MMEngine's registry, and by its merging of configs
OF_EVERY_PART = ('type', '_scope_')
# what the runner gives to the parts that it builds
OF_BUILDER = {'optimizer', 'param_name', 'runner', 'dataloader', 'evaluator', 'module', '_scope_'}
OF_LOADERS = ('num_batch_per_epoch', 'disable_subprocess_warning')
LOOPS = dict(train_cfg='IterBasedTrainLoop', val_cfg='ValLoop', test_cfg='TestLoop')
OF_LOOPS = ('by_epoch',)
OF_SCHEDULERS = ('convert_to_iter_based',)
OF_HOOKS = ('priority',)
OF_ENVIRONMENT = ('cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit')
OF_AUTO_SCALE = ('enable', 'base_batch_size')


class Section(NamedTuple):
    """A dict of a config, and the keys that something reads.

    Args:
        path: Its dotted key.
        given: The dict.
        known: Keys that are read; None where that cannot be told.
        owner: Name of the class that reads them.
    """

    path: str
    given: dict
    known: list[str] | None
    owner: str = ''


def check_section_keys(cfg: Config) -> None:
    """Check that something reads every key of the sections that a run is built from.

    These are the loops, the loaders with datasets, samplers and transforms, the optimizers, the schedulers,
    the hooks, the evaluators, the visualizer, the environment and the parts of the model. A class that is not
    found, or whose keywords cannot be listed, is not checked here: building it says what is wrong.

    Args:
        cfg: The config with its overrides.

    Raises:
        InputError: Naming the key by its full path, and the nearest one that is read.
    """
    where = f'config {cfg.filename}'
    for section in _sections(cfg):
        if section.known is None:
            continue
        for key in section.given:
            if key not in section.known and key not in OF_EVERY_PART:
                raise InputError(f'{where}: {_advice(section, key)}')
    for name, wrapper in optimizers_of(cfg.get('optim_wrapper')):
        optimizer = wrapper.get('optimizer')
        if not isinstance(optimizer, dict):
            continue
        kind = _find(cfg, registry.OPTIMIZERS, optimizer.get('type'))
        if fault := unread_of_optimizer(f'{name}.optimizer', optimizer, kind):
            raise InputError(f'{where}: {fault}')
    for name, hook in _items(cfg.get('default_hooks')):
        if isinstance(hook, dict) and 'type' not in hook:
            typed = [other for other, value in _items(cfg.default_hooks) if 'type' in (value or ())]
            raise InputError(
                f'{where}: default_hooks.{name} has no type; '
                f'{nearest(name, typed) or "give it one, such as " + repr("CheckpointHook") + "."}'
            )


def _sections(cfg: Config) -> Iterator[Section]:
    for name in LOADERS:
        for path, loader in each_dict(name, cfg.get(name)):
            yield Section(path, loader, [*_parameters(DataLoader.__init__), *OF_LOADERS], 'a dataloader')
            yield from _datasets(cfg, f'{path}.dataset', loader.get('dataset'))
            for key in ('sampler', 'batch_sampler'):
                yield from _part(cfg, registry.DATA_SAMPLERS, f'{path}.{key}', loader.get(key))
            yield from _function(f'{path}.collate_fn', loader.get('collate_fn'))
    for name, kind in LOOPS.items():
        yield from _part(cfg, registry.LOOPS, name, cfg.get(name), OF_LOOPS, default=kind)
    yield from _optim_wrappers(cfg)
    for path, scheduler in schedulers(cfg.get('param_scheduler')):
        yield from _part(cfg, registry.PARAM_SCHEDULERS, path, scheduler, OF_SCHEDULERS)
    hooks = [(f'default_hooks.{name}', hook) for name, hook in _items(cfg.get('default_hooks'))]
    for path, hook in [*hooks, *each_dict('custom_hooks', cfg.get('custom_hooks'))]:
        yield from _part(cfg, registry.HOOKS, path, hook, OF_HOOKS)
    for name in EVALUATORS:
        yield from _evaluators(cfg, name)
    yield from _part(cfg, registry.VISUALIZERS, 'visualizer', cfg.get('visualizer'))
    for path, backend in each_dict('visualizer.vis_backends', _under(cfg.get('visualizer'), 'vis_backends')):
        yield from _part(cfg, registry.VISBACKENDS, path, backend)
    yield from _part(
        cfg, registry.LOG_PROCESSORS, 'log_processor', cfg.get('log_processor'), default='LogProcessor'
    )
    yield from _model(cfg)
    yield from _environment(cfg)


def _environment(cfg: Config) -> Iterator[Section]:
    known: dict[str, Iterable[str]] = dict(
        env_cfg=OF_ENVIRONMENT,
        randomness=_parameters(Runner.set_randomness),
        auto_scale_lr=OF_AUTO_SCALE,
    )
    for name, keys in known.items():
        if isinstance(cfg.get(name), dict):
            yield Section(name, cfg[name], list(keys))
    processes = _under(cfg.get('env_cfg'), 'mp_cfg')
    if isinstance(processes, dict):
        yield Section('env_cfg.mp_cfg', processes, _parameters(set_multi_processing, first=0))
    wrapper = cfg.get('model_wrapper_cfg')
    if isinstance(wrapper, dict) and str(wrapper.get('type')).rpartition('.')[2].endswith('DDP'):
        yield Section('model_wrapper_cfg', wrapper, _parameters(DistributedDataParallel.__init__))


def _optim_wrappers(cfg: Config) -> Iterator[Section]:
    section = cfg.get('optim_wrapper')
    for path, wrapper in optimizers_of(section):
        kind = _find(cfg, registry.OPTIM_WRAPPERS, wrapper.get('type', 'OptimWrapper'))
        own = keywords_of(kind) if kind else None
        known = None if own is None else [*own, 'paramwise_cfg', 'constructor', 'modules']
        yield Section(path, wrapper, known, wrapper.get('type', 'OptimWrapper'))
        paramwise = wrapper.get('paramwise_cfg')
        if isinstance(paramwise, dict) and 'constructor' not in wrapper:
            yield Section(f'{path}.paramwise_cfg', paramwise, list(PARAMWISE))
        for name, rates in _items(_under(paramwise, 'custom_keys')):
            if isinstance(rates, dict):
                yield Section(f'{path}.paramwise_cfg.custom_keys.{name}', rates, ['lr_mult', 'decay_mult'])
    constructor = str(_under(section, 'constructor')).rpartition('.')[2]
    parts = [name for name, part in _items(cfg.get('model')) if isinstance(part, dict)]
    if constructor == 'MultiOptimWrapperConstructor' and 'modules' not in section and 'generator' in parts:
        networks = [name for name in parts if name in ('generator', 'discriminator')]
        if _is_ours(cfg):
            yield Section('optim_wrapper', section, ['constructor', *networks], constructor)


def _model(cfg: Config) -> Iterator[Section]:
    if not _is_ours(cfg):
        return  # models of other projects read more of a part's keys than its class does
    for name, part in _items(cfg.get('model')):
        parts = [(f'model.{name}', part)]
        if name == 'extra_losses':
            parts = [(f'model.{name}.{key}', loss) for key, loss in _items(part)]
        for path, each in parts:
            yield from _part(cfg, registry.MODELS, path, each)


def _evaluators(cfg: Config, name: str) -> Iterator[Section]:
    for path, evaluator in each_dict(name, cfg.get(name)):
        metrics, inner = evaluator, path
        if 'metrics' in evaluator:
            yield from _part(cfg, registry.EVALUATORS, path, evaluator, default='Evaluator')
            metrics, inner = evaluator['metrics'], f'{path}.metrics'
        for where, metric in each_dict(inner, metrics):
            yield from _part(cfg, registry.METRICS, where, metric)


def _datasets(cfg: Config, path: str, dataset: Any) -> Iterator[Section]:
    if not isinstance(dataset, dict):
        return
    yield from _part(cfg, registry.DATASETS, path, dataset)
    yield from _datasets(cfg, f'{path}.dataset', dataset.get('dataset'))
    for where, inner in each_dict(f'{path}.datasets', dataset.get('datasets')):
        yield from _datasets(cfg, where, inner)
    for where, transform in each_dict(f'{path}.pipeline', dataset.get('pipeline')):
        yield from _part(cfg, registry.TRANSFORMS, where, transform)


def _part(
    cfg: Config, child: Registry, path: str, part: Any, more: Iterable[str] = (), default: str | None = None
) -> Iterator[Section]:
    """Yield a dict that is built by a registry, with the keywords of its class."""
    if not isinstance(part, dict):
        return
    name = part.get('type', default)
    kind = _find(cfg, child, name)
    known = keywords_of(kind) if kind is not None else None
    if kind is not None and issubclass(kind, CheckpointHook):
        more = [*more, *_parameters(Runner.save_checkpoint)]  # to which it passes what it does not know
    yield Section(
        path, part, known if known is None else [*known, *more], str(getattr(kind, '__name__', name))
    )


def _function(path: str, part: Any) -> Iterator[Section]:
    """Yield a dict that names a function, with the arguments of the function."""
    name = _under(part, 'type')
    function = registry.FUNCTIONS.get(name) if isinstance(name, str) else name
    if not callable(function):
        return
    parameters = inspect.signature(function).parameters.values()
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        yield Section(path, part, [parameter.name for parameter in parameters][1:], function.__name__)


def _find(cfg: Config, child: Registry, name: Any) -> Any:
    """Return the class of a type's name, a class itself, or None where it is not found."""
    if not isinstance(name, str):
        return name if inspect.isclass(name) else None
    start = child if cfg.get('default_scope') == 'mmsr_ext' else child.parent
    try:
        found = start.get(name)
    except Exception:  # building it says what is wrong
        return None
    return found if inspect.isclass(found) else None


def _advice(section: Section, key: str) -> str:
    known = section.known or []
    if key == '_delete_':
        return (
            f'{section.path}: _delete_ has nothing to delete, because nothing is inherited here. Remove it.'
        )
    reader = f'{section.owner} knows' if section.owner else 'known are'
    of_builder = set() if section.path.startswith('optim_wrapper') else OF_BUILDER
    all_known = ', '.join(sorted(set(known) - of_builder)) or 'no keys'
    return f'{section.path}: unknown key {key!r}; {nearest(str(key), known) or f"{reader} {all_known}."}'


def _is_ours(cfg: Config) -> bool:
    return _under(cfg.get('model'), 'type') in ('GANRestorer', 'mmsr_ext.GANRestorer')


def _parameters(function: Any, first: int = 1) -> list[str]:
    return list(inspect.signature(function).parameters)[first:]


def _under(section: Any, key: str) -> Any:
    return section.get(key) if isinstance(section, dict) else None


def _items(section: Any) -> list[tuple[str, Any]]:
    return list(section.items()) if isinstance(section, dict) else []
