"""Resuming with a changed config: the checkpoint gives the state, the config the hyper-parameters."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.logging import print_log
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.runner import Runner

from ..errors import InputError

# what a scheduler counts, in the place of what it was built with
COUNTERS = {'optimizer', 'base_values', 'last_step', '_global_step', '_last_value', 'verbose'}
PLATEAU = {'best', 'num_bad_epochs', 'cooldown_counter'}
# how PyTorch computes an update, which does not change what it computes
IMPLEMENTATION = {'params', 'param_names', 'foreach', 'fused', 'capturable', 'differentiable'}


def class_names(runner: Runner) -> dict[str, Any]:
    """Return the class names of a runner's optimizers and schedulers, for its checkpoints."""
    schedulers = _by_name(runner.param_schedulers)
    return dict(
        optimizers={name: type(wrapper.optimizer).__name__ for name, wrapper in _wrappers(runner).items()},
        schedulers={name: [type(one).__name__ for one in several] for name, several in schedulers.items()},
    )


def follow_config(
    runner: Runner, checkpoint: dict[str, Any], classes: Mapping[str, Any] | None = None
) -> None:
    """Put the config's hyper-parameters into a checkpoint that a run is about to be resumed from.

    Moments and positions stay the checkpoint's. Learning rates, weight decay, betas and schedules become what
    they would be at this iteration in a run whose config had always been this one: schedulers that changed
    are stepped from the start. Every change is logged in one line. With an unchanged config the checkpoint
    stays as it is, bit for bit.

    Args:
        runner: With optimizers and schedulers as the config describes them, not yet resumed.
        checkpoint: As it was read; changed in place.
        classes: What ``class_names`` returned when the checkpoint was saved; without it the classes are told
            by their keys.

    Raises:
        InputError: For another optimizer class, other parameter groups, another list or kind of schedulers.
    """
    wrappers = _wrappers(runner)
    schedulers = _by_name(runner.param_schedulers)
    optimizers = checkpoint['optimizer']
    saved = {
        name: optimizers[name] if name else optimizers for name in wrappers if not name or name in optimizers
    }
    if saved.keys() != wrappers.keys() or (set(wrappers) != {''} and set(optimizers) - set(wrappers)):
        names = sorted(set(optimizers) if set(wrappers) != {''} else wrappers)
        raise _cannot_follow(f'its optimizers are {names}, and those of the config {sorted(wrappers)}')
    classes = classes or {}
    for name, wrapper in wrappers.items():
        _check_optimizer(name, wrapper, saved[name], classes.get('optimizers', {}).get(name))
    saved_schedulers = _by_name(checkpoint.get('param_schedulers'))
    _check_schedulers(schedulers, saved_schedulers, classes.get('schedulers'))

    changed = {name: list(_changes(name, wrapper, saved[name])) for name, wrapper in wrappers.items()}
    changed_schedules = list(_schedule_changes(schedulers, saved_schedulers))
    for line in [*(line for lines in changed.values() for line in lines), *changed_schedules]:
        print_log(f'{line}, which is used.', 'current', logging.WARNING)
    if not changed_schedules and not any(changed.values()):
        return
    # a schedule starts from its optimizer's values
    initial_changed = any(_initial_values_changed(wrapper, saved[name]) for name, wrapper in wrappers.items())
    scheduled: set[str] = set()
    if initial_changed or _schedules_past_changed(schedulers, saved_schedulers, checkpoint['meta']['iter']):
        _replay(schedulers, saved_schedulers, wrappers, saved, checkpoint['meta']['iter'])
        if isinstance(runner.param_schedulers, dict):
            checkpoint['param_schedulers'] = {
                name: [one.state_dict() for one in several] for name, several in schedulers.items()
            }
        elif runner.param_schedulers is not None:
            checkpoint['param_schedulers'] = [one.state_dict() for one in schedulers['']]
    else:
        scheduled = {one.param_name for several in schedulers.values() for one in several}
        scheduled |= {'betas'} if 'momentum' in scheduled else set()
        for name, several in schedulers.items():
            for one, old in zip(several, saved_schedulers[name]):
                old['end'] = one.end
    for name, wrapper in wrappers.items():
        for group, old in zip(wrapper.optimizer.param_groups, saved[name]['param_groups']):
            for key, value in group.items():
                if key != 'params' and key not in scheduled:
                    old[key] = value
        if 'base_param_settings' in saved[name] and wrapper.base_param_settings is not None:
            saved[name]['base_param_settings'] = wrapper.base_param_settings


def _wrappers(runner: Runner) -> dict[str, OptimWrapper]:
    wrapper = runner.optim_wrapper
    return dict(wrapper.items()) if isinstance(wrapper, OptimWrapperDict) else {'': wrapper}


def _by_name(schedulers: Any) -> dict[str, list[Any]]:
    return dict(schedulers) if isinstance(schedulers, dict) else {'': list(schedulers or [])}


def _cannot_follow(what: str) -> InputError:
    return InputError(
        f'the checkpoint cannot be resumed with this config: {what}. Resume with the config of the run, or '
        'start a new run from its weights: --cfg-options load_from=CHECKPOINT, without --resume.'
    )


def _check_optimizer(name: str, wrapper: OptimWrapper, saved: Mapping[str, Any], kind: str | None) -> None:
    whose = f'the optimizer of {name}' if name else 'the optimizer'
    own, groups = wrapper.optimizer.param_groups, saved['param_groups']
    built = type(wrapper.optimizer).__name__
    # which other class it was can be told only by the names of its hyper-parameters
    foreign = {key for key in groups[0] if not key.startswith('initial_')} - set(own[0]) - IMPLEMENTATION
    if kind not in (None, built) or (kind is None and foreign):
        was = kind or f'one with {", ".join(sorted(foreign))}'
        raise _cannot_follow(f'{whose} was {was}, and is {built} in the config')
    sizes, saved_sizes = ([len(group['params']) for group in each] for each in (own, groups))
    if sizes != saved_sizes:
        raise _cannot_follow(
            f'{whose} had {sum(saved_sizes)} parameters in {len(saved_sizes)} groups, and has {sum(sizes)} '
            f'in {len(sizes)} in the config (paramwise_cfg, frozen layers, another network)'
        )


def _check_schedulers(
    built: dict[str, list[Any]], saved: dict[str, list[Any]], kinds: Mapping[str, list[str]] | None
) -> None:
    for name in dict.fromkeys([*saved, *built]):
        own, old = built.get(name, []), saved.get(name, [])
        names = [type(one).__name__ for one in own]
        was = (kinds or {}).get(name)
        if was is None:  # a checkpoint of another framework: the keys tell
            same = len(own) == len(old) and all(
                vars(a).keys() - {'optimizer'} == b.keys() for a, b in zip(own, old)
            )
            was = names if same else [_kind(one) for one in old]
        if was != names:
            of = f' of {name}' if name else ''
            raise _cannot_follow(
                f'its schedulers{of} were {was or "none"}, and are {names or "none"} in the config'
            )


def _kind(state: Mapping[str, Any]) -> str:
    own = sorted(state.keys() - COUNTERS - {'begin', 'end', 'by_epoch', 'param_name'})
    return f'one with {", ".join(own) or "no keys of its own"}'


def _changes(name: str, wrapper: OptimWrapper, saved: Mapping[str, Any]) -> Iterator[str]:
    """Say which hyper-parameters of an optimizer changed, each once for all groups that changed alike."""
    of = f' of {name}' if name else ''
    lines: dict[str, None] = {}
    for own, old in zip(wrapper.optimizer.param_groups, saved['param_groups']):
        for key, value in _hyper_parameters(own).items():
            before = _hyper_parameters(old).get(key, value)
            if _plain(before) != _plain(value):
                lines[f'{key}{of}: {_text(before)} in the checkpoint, {_text(value)} in the config'] = None
    return iter(lines)


def _hyper_parameters(group: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a config sets: of a scheduled one its initial value."""
    plain = {
        key: value
        for key, value in group.items()
        if key not in IMPLEMENTATION and not key.startswith('initial_')
    }
    if 'initial_momentum' in group:
        plain.pop('betas', None)  # a schedule of the momentum writes Adam's first beta
    return plain | {
        key.removeprefix('initial_'): value for key, value in group.items() if key.startswith('initial_')
    }


def _initial_values_changed(wrapper: OptimWrapper, saved: Mapping[str, Any]) -> bool:
    groups = zip(wrapper.optimizer.param_groups, saved['param_groups'])
    return any(own[key] != old.get(key) for own, old in groups for key in own if key.startswith('initial_'))


def _schedule_changes(built: dict[str, list[Any]], saved: dict[str, list[Any]]) -> Iterator[str]:
    for name, schedulers in built.items():
        of = f' of {name}' if name else ''
        for own, old in zip(schedulers, saved.get(name, [])):
            for key, value in vars(own).items():
                if key not in COUNTERS | PLATEAU and key in old and _plain(old[key]) != _plain(value):
                    name_of = f'{key} of {type(own).__name__}{of}'
                    yield f'{name_of}: {_text(old[key])} in the checkpoint, {_text(value)} in the config'


def _schedules_past_changed(
    built: dict[str, list[Any]], saved: dict[str, list[Any]], iterations: int
) -> bool:
    """Return whether a run with these schedules would have had other values so far.

    MMEngine ends a schedule with the run, so that a longer run alone changes ``end``; until then it has no
    effect.
    """
    for name, schedulers in built.items():
        for own, old in zip(schedulers, saved.get(name, [])):
            kept = COUNTERS | PLATEAU | ({'end'} if iterations < min(own.end, old['end']) else set())
            if any(
                _plain(old.get(key)) != _plain(value) for key, value in vars(own).items() if key not in kept
            ):
                return True
    return False


def _replay(
    schedulers: dict[str, list[Any]],
    saved: dict[str, list[Any]],
    wrappers: dict[str, OptimWrapper],
    optimizers: Mapping[str, Any],
    iterations: int,
) -> None:
    """Step schedulers to where a run with them would be; the optimizers take the values on the way."""
    for name, several in schedulers.items():
        if any(getattr(one, 'need_val_args', False) for one in several):
            _scale_plateau(name, several, saved[name], wrappers, optimizers)
            continue
        steps = [one for one in several if not one.by_epoch]
        with warnings.catch_warnings():
            warnings.simplefilter(
                'ignore'
            )  # PyTorch's and MMEngine's of a scheduler that steps before its optimizer
            for _ in range(iterations if steps else 0):
                for one in steps:
                    one.step()


def _scale_plateau(
    name: str,
    several: list[Any],
    saved: list[Mapping[str, Any]],
    wrappers: dict[str, OptimWrapper],
    optimizers: Mapping[str, Any],
) -> None:
    """Keep what metrics have decided: a plateau's factor so far applies to the new initial value."""
    for one, old in zip(several, saved):
        own = {key: value for key, value in vars(one).items() if key not in COUNTERS | PLATEAU}
        one.load_state_dict(dict(old) | own)
        for wrapper_name, wrapper in wrappers.items():
            if name not in ('', wrapper_name):
                continue
            for group, before in zip(
                wrapper.optimizer.param_groups, optimizers[wrapper_name]['param_groups']
            ):
                initial = f'initial_{one.param_name}'
                group[one.param_name] = group[initial] * before[one.param_name] / before[initial]


def _plain(value: Any) -> Any:
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _text(value: Any) -> str:
    return f'{value:g}' if isinstance(value, float) else str(value)
