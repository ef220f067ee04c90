"""Checking the arguments of our registered classes against the annotations of their constructors.

A config is written by hand, and what is wrong with it would else be said deep inside PyTorch, or never.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import math
import os
import types
from collections.abc import Callable, Iterable, Mapping
from numbers import Integral, Real
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

import numpy as np

from .errors import InputError


class AtLeast(NamedTuple):
    """Part of an annotation: the smallest value."""

    least: int


Size = Annotated[int, AtLeast(1)]
Count = Annotated[int, AtLeast(0)]


def checked(part: Any) -> Any:
    """Let a class check what it is built with; anything else is returned as it is.

    Keys that it does not know are refused, with the nearest one that it does, and so are values of another
    type than the annotation: ``int``, ``float``, ``str``, ``bool``, ``dict``, ``list``, ``tuple`` and
    ``Sequence``, unions of them, ``Size`` and ``Count``. Integers are floats, lists are tuples, paths are
    strings, and numbers may be NumPy's; floats are finite. Other annotations are not checked.

    Args:
        part: What is registered.

    Returns:
        The same object.
    """
    if not inspect.isclass(part) or hasattr(part.__init__, 'is_checked'):
        return part
    init = part.__init__
    bare = init is object.__init__
    signature = (
        inspect.Signature([inspect.Parameter('self', inspect.Parameter.POSITIONAL_ONLY)])
        if bare
        else inspect.signature(init)
    )
    hints = {} if bare else _hints(init, signature)

    @functools.wraps(init)
    def check_and_init(self: object, *args: Any, **kwargs: Any) -> None:
        name = type(self).__name__
        _check_keys(name, kwargs, _keys(type(self)) if type(self).__init__ is check_and_init else None)
        try:
            given = signature.bind(self, *args, **kwargs).arguments
        except TypeError as error:
            takes = ', '.join(list(signature.parameters)[1:]) or 'no arguments'
            raise InputError(f'{name}: {error}. It takes {takes}.') from error
        for key, value in given.items():
            if key in hints:
                check_value(f'{name}: {key}', value, hints[key])
        init(self, *args, **kwargs)

    check_and_init.is_checked = True  # type: ignore[attr-defined]
    part.__init__ = check_and_init  # type: ignore[method-assign]
    return part


def check_value(name: str, value: Any, hint: Any) -> None:
    """That a value is of a type.

    Args:
        name: How the error calls it.
        value: The value.
        hint: An annotation.

    Raises:
        InputError: If it is not.
    """
    if not _fits(value, hint):
        raise InputError(f'{name}={_short(value)} must be {_describe(hint)}.')


def nearest(word: str, words: Iterable[str]) -> str:
    """', did you mean ...?' with the nearest of some words; empty if none is near."""
    near = difflib.get_close_matches(word, list(words), 1, 0.6)
    return f'did you mean {near[0]!r}?' if near else ''


def _check_keys(name: str, kwargs: Mapping[str, Any], known: list[str] | None) -> None:
    if known is None:
        return
    unknown = [key for key in kwargs if key not in known]
    if unknown:
        advice = nearest(unknown[0], known) or f'it knows {", ".join(known) or "none"}.'
        raise InputError(f'{name}: unknown key {unknown[0]!r}; {advice}')


def _keys(part: type) -> list[str] | None:
    """Return a constructor's argument names and those it passes on; None where they cannot be known."""
    names: list[str] = []
    for owner in part.__mro__:
        if owner is object:
            return names
        if '__init__' not in vars(owner):
            continue
        parameters = list(inspect.signature(vars(owner)['__init__']).parameters.values())[1:]
        names += [
            parameter.name
            for parameter in parameters
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        ]
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            return list(dict.fromkeys(names))
        if not owner.__module__.startswith(('mmsr_ext.', 'mmengine.')):
            return None
    return names


def _hints(init: Callable, signature: inspect.Signature) -> dict[str, Any]:
    hints = {}
    for name, parameter in signature.parameters.items():
        if (
            parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
            or parameter.annotation is parameter.empty
        ):
            continue
        try:
            hints[name] = (
                eval(parameter.annotation, init.__globals__)
                if isinstance(parameter.annotation, str)
                else parameter.annotation
            )
        except NameError:  # imported for annotations alone
            continue
        if name == 'init_cfg':
            hints[name] = dict | list[dict] | None  # MMEngine takes several, too
    return hints


def _fits(value: Any, hint: Any) -> bool:
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _fits(value, args[0]) and value >= args[1].least
    if origin in (Union, types.UnionType):
        return any(_fits(value, arg) for arg in args)
    if hint in (None, type(None)):
        return value is None
    if hint is bool:
        return isinstance(value, (bool, np.bool_))
    if hint is int:
        return isinstance(value, Integral) and not isinstance(value, bool)
    if hint is float:
        return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    if hint is str:
        return isinstance(value, (str, os.PathLike))
    kind = origin or hint
    if kind is dict:
        return isinstance(value, Mapping) and (
            not args or all(_fits(k, args[0]) and _fits(v, args[1]) for k, v in value.items())
        )
    if kind is tuple and args and args[-1] is not Ellipsis:
        return isinstance(value, (list, tuple)) and len(value) == len(args) and all(map(_fits, value, args))
    if kind in (list, tuple) or getattr(kind, '__name__', '') == 'Sequence':
        return isinstance(value, (list, tuple)) and (not args or all(_fits(item, args[0]) for item in value))
    return True


def _describe(hint: Any) -> str:
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return f'{_describe(args[0])} of at least {args[1].least}'
    if origin in (Union, types.UnionType):
        return ' or '.join(_describe(arg) for arg in args)
    names = {
        None: 'None',
        type(None): 'None',
        bool: 'True or False',
        int: 'an integer',
        float: 'a number',
        str: 'a string',
        dict: 'a dict',
    }
    if origin is dict:
        return f'a dict of {_describe(args[1])} by {_describe(args[0])}'
    if origin in (tuple, list) or getattr(origin, '__name__', '') == 'Sequence':
        fixed = origin is tuple and args[-1] is not Ellipsis
        return (
            f'a list of {len(args)}, each {_describe(args[0])}'
            if fixed
            else f'a list, each {_describe(args[0])}'
        )
    return names.get(hint, getattr(hint, '__name__', str(hint)))


def _short(value: Any) -> str:
    text = ' '.join(repr(value).split())
    return text if len(text) < 100 else f'{text[:97]}...'
