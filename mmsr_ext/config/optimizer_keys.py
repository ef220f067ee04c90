"""What an optimizer's section of a config may say."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from numbers import Real
from typing import Any

from ..arguments import keywords_of, nearest

# what DefaultOptimWrapperConstructor of MMEngine reads
PARAMWISE = (
    'custom_keys',
    'bias_lr_mult',
    'bias_decay_mult',
    'norm_decay_mult',
    'flat_decay_mult',
    'dwconv_decay_mult',
    'dcn_offset_lr_mult',
    'bypass_duplicate',
)


def optimizers_of(section: Any, path: str = 'optim_wrapper') -> Iterator[tuple[str, dict]]:
    """Yield the dotted keys and dicts of the optimizer wrappers of a config.

    >>> [path for path, _ in optimizers_of(dict(generator=dict(optimizer=dict(type='Adam'))))]
    ['optim_wrapper.generator']

    Args:
        section: ``optim_wrapper``; one wrapper, or several by the name of their network.
        path: Its dotted key.
    """
    if not isinstance(section, dict):
        return
    parts = {name: part for name, part in section.items() if isinstance(part, dict) and name != 'optimizer'}
    several = 'optimizer' not in section and any('optimizer' in part for part in parts.values())
    if not several:
        if (
            'optimizer' in section or 'constructor' not in section
        ):  # else that class alone knows what it reads
            yield path, section
        return
    for name, part in parts.items():
        yield f'{path}.{name}', part


def unread_of_optimizer(path: str, given: dict, kind: type | None) -> str:
    """Say which key of an optimizer its class does not take, or which value is no number.

    Args:
        path: Dotted key of the section.
        given: The section.
        kind: The optimizer's class; without it nothing is checked.

    Returns:
        The fault and its cure in one line; empty without a fault.
    """
    known = keywords_of(kind) if kind else None
    if kind is None or known is None:
        return ''
    known = [key for key in known if key != 'params']
    foreign = [key for key in given if key not in (*known, 'type', '_scope_')]
    inherited = [key for key in foreign if _is_of_another(key)]
    if inherited:
        rate = f', lr={given["lr"]}' if 'lr' in given else ''
        return (
            f'{path}: {kind.__name__} does not take {" and ".join(inherited)}, which the recipe sets for '
            f'another optimizer. Start anew: optimizer=dict(_delete_=True, '
            f"type='{given.get('type', kind.__name__)}'{rate}); {kind.__name__} takes {', '.join(known)}."
        )
    if foreign:
        near = nearest(str(foreign[0]), known) or f'{kind.__name__} takes {", ".join(known)}.'
        return f'{path}: unknown key {foreign[0]!r}; {near}'
    for key, value in given.items():
        default = _default(kind, key)
        if isinstance(default, Real) and not isinstance(default, bool) and isinstance(value, (str, dict)):
            return f'{path}.{key}={value!r} must be a number, such as {default}.'
    return ''


def _default(kind: type, key: str) -> Any:
    parameter = inspect.signature(kind).parameters.get(key)
    return None if parameter is None else parameter.default


def _is_of_another(key: str) -> bool:
    """Return whether another of PyTorch's optimizers takes a keyword."""
    import torch

    kinds = [kind for kind in vars(torch.optim).values() if inspect.isclass(kind)]
    return any(key in (keywords_of(kind) or ()) for kind in kinds if issubclass(kind, torch.optim.Optimizer))
