"""Check the arguments of our registered classes against the annotations of their constructors.

A config is written by hand. Without these checks a wrong value would raise an error deep inside PyTorch, or
none.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import math
import os
import types
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Sequence as AbstractSequence
from numbers import Integral, Real
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from .errors import InputError

Part = TypeVar('Part')


class Bound(NamedTuple):
    """Part of an annotation: the smallest value that is accepted, or the largest one that is not."""

    value: int
    accepted: bool = True

    def admits(self, number: Any) -> bool:
        """Return whether a number is on the right side of the bound."""
        return number >= self.value if self.accepted else number > self.value

    def __str__(self) -> str:
        return f'of at least {self.value}' if self.accepted else f'above {self.value}'


# projects whose constructors give the keywords that they do not know to those of their bases
PASSES_ON = ('mmsr_ext.', 'mmengine.', 'mmagic.datasets.basic_', 'mmagic.engine.', 'mmagic.visualization.')
Size = Annotated[int, Bound(1)]
Count = Annotated[int, Bound(0)]
Positive = Annotated[float, Bound(0, accepted=False)]


def checked(part: Part, other: Callable[[str], str] | None = None) -> Part:
    """Make a class check the arguments that it is built with.

    A keyword that the class does not know is refused, and the error names the nearest one that it knows. A
    value that does not match its annotation is refused, too; ``check_value`` says which annotations are
    checked. A class whose annotations cannot be evaluated has only its keywords checked.

    Args:
        part: The class. Anything else, such as a function, is left alone.
        other: Returns a sentence about another class of the same name that knows a keyword which the class
            does not, or an empty string.

    Returns:
        The same object.
    """
    if not inspect.isclass(part) or hasattr(vars(part).get('__init__'), 'is_checked'):
        return part
    kind: Any = part
    init = kind.__init__
    if hasattr(init, 'is_checked'):  # inherited from a class that checks already
        return part
    if init is object.__init__:
        signature = inspect.Signature([inspect.Parameter('self', inspect.Parameter.POSITIONAL_ONLY)])
        hints: dict[str, Any] = {}
    else:
        signature, hints = inspect.signature(init), _hints(init)

    @functools.wraps(init)
    def check_and_init(self: Any, *args: Any, **kwargs: Any) -> None:
        name = type(self).__name__
        if type(self).__init__ is check_and_init:
            _check_keys(name, kwargs, keywords_of(type(self)), other)
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
    kind.__init__ = check_and_init
    return part


def check_value(name: str, value: Any, hint: Any) -> None:
    """Check that a value matches its annotation.

    Checked are ``int``, ``float`` (finite), ``str``, ``bool``, ``None``, ``dict``, ``list``, ``tuple``,
    ``Sequence``, ``Literal``, ``Size``, ``Count``, ``Positive``, and unions of them. An integer is accepted
    for a float, a list for a tuple, a path for a string, NumPy's numbers for Python's. Any other annotation
    accepts every value.

    Args:
        name: The value's name in the error.
        value: The value.
        hint: The annotation, evaluated.

    Raises:
        InputError: If the value does not match. The error says what is expected and, where that is a choice
            of words, names the nearest one.

    Example:
        >>> from typing import Literal
        >>> check_value('SRResNet: mid_channels', 64, Size)
        >>> check_value('SRResNet: mid_channels', 0, Size)
        Traceback (most recent call last):
        mmsr_ext.errors.InputError: SRResNet: mid_channels=0 must be an integer of at least 1.
        >>> check_value('PerceptualLoss: dtype', 'bfloat', Literal['bfloat16', 'float16'] | None)
        Traceback (most recent call last):
        mmsr_ext.errors.InputError: PerceptualLoss: dtype='bfloat' must be 'bfloat16', 'float16' or None; \
did you mean 'bfloat16'?
    """
    if not _fits(value, hint):
        advice = _nearest_choice(value, hint)
        end = f'; {advice}' if advice else '.'
        raise InputError(f'{name}={_short(value)} must be {_describe(hint)}{end}')


def nearest(word: str, words: Iterable[str], likeness: float = 0.6) -> str:
    """Return 'did you mean ...?' with the nearest of some words; an empty string if none is near.

    Args:
        word: What was given.
        words: What is known.
        likeness: How alike the two have to be, from 0 to 1, as ``difflib`` counts.

    >>> nearest('lerning_rate', ['learning_rate', 'momentum'])
    "did you mean 'learning_rate'?"
    """
    near = difflib.get_close_matches(word, list(words), 1, likeness)
    return f'did you mean {near[0]!r}?' if near else ''


def _check_keys(
    name: str, kwargs: Mapping[str, Any], known: list[str] | None, other: Callable[[str], str] | None = None
) -> None:
    """Refuse an unknown keyword; ``known`` is None for a class whose keywords cannot be listed."""
    if known is None:
        return
    unknown = [key for key in kwargs if key not in known]
    if unknown:
        advice = other(unknown[0]) if other else ''
        advice = advice or nearest(unknown[0], known) or f'it knows {", ".join(known) or "none"}.'
        raise InputError(f'{name}: unknown key {unknown[0]!r}; {advice}')


def keywords_of(part: type) -> list[str] | None:
    """List the keywords of a class's constructor, and of those to which it passes others.

    Args:
        part: The class.

    Returns:
        Their names; None where they cannot be listed, since the constructor keeps any keyword for itself,
        which a class of ours says by ``keeps_keywords``, or the class has a ``__new__`` of its own.

    >>> class Network:
    ...     def __init__(self, width, depth=2): ...
    >>> keywords_of(Network)
    ['width', 'depth']
    """
    names: list[str] = []
    if part.__new__ is not object.__new__ or getattr(part, 'keeps_keywords', False):
        return None
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
        if not owner.__module__.startswith(PASSES_ON):
            return None
    return names


def _hints(init: Callable) -> dict[str, Any]:
    """Return the annotations of a constructor's arguments."""
    try:
        hints = get_type_hints(init, include_extras=True)
    except NameError:  # a name that was imported for type checkers only
        return {}
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    for name, parameter in inspect.signature(init).parameters.items():
        if parameter.kind in variadic:
            hints.pop(name, None)
    if 'init_cfg' in hints:
        hints['init_cfg'] = dict | list[dict] | None  # MMEngine takes a list, too
    return hints


def _fits(value: Any, hint: Any) -> bool:
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _fits(value, args[0]) and all(bound.admits(value) for bound in _bounds(args))
    if origin is Literal:
        return any(_fits(value, type(choice)) and value == choice for choice in args)
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
    if kind in (list, tuple, AbstractSequence):
        return isinstance(value, (list, tuple)) and (not args or all(_fits(item, args[0]) for item in value))
    if inspect.isclass(kind) and kind.__module__.startswith('torch.nn.'):
        return isinstance(value, kind)
    return True


def _describe(hint: Any) -> str:
    """Say in words what an annotation accepts."""
    *options, last = _options(hint)
    return f'{", ".join(options)} or {last}' if options else last


def _options(hint: Any) -> list[str]:
    """Return the members of a union and the choices of a ``Literal``, each in words."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return [option for arg in args for option in _options(arg)]
    if origin is Literal:
        return [repr(choice) for choice in args]
    if origin is Annotated:
        return [' '.join([_describe(args[0]), *map(str, _bounds(args))])]
    if hint is bool:
        return ['True', 'False']
    if origin is dict:
        return [f'a dict, each key {_describe(args[0])}, each value {_describe(args[1])}']
    if origin is tuple and args[-1] is not Ellipsis:
        return [f'a list of {len(args)}, each {_describe(args[0])}']
    if origin in (tuple, list, AbstractSequence):
        return [f'a list, each {_describe(args[0])}']
    names = {
        None: 'None',
        type(None): 'None',
        int: 'an integer',
        float: 'a number',
        str: 'a string',
        dict: 'a dict',
        list: 'a list',
        tuple: 'a list',
        AbstractSequence: 'a list',
    }
    return [names.get(hint, getattr(hint, '__name__', str(hint)))]


def _bounds(args: tuple[Any, ...]) -> list[Bound]:
    return [bound for bound in args[1:] if isinstance(bound, Bound)]


def _nearest_choice(value: Any, hint: Any) -> str:
    """Return 'did you mean ...?' for the first word of a value that is no choice of its annotation."""
    choices = [choice for choice in _choices(hint) if isinstance(choice, str)]
    words = value if isinstance(value, (list, tuple)) else [value]
    unknown = [word for word in words if isinstance(word, str) and word not in choices]
    return nearest(unknown[0], choices) if unknown else ''


def _choices(hint: Any) -> list[Any]:
    """Return the values of all ``Literal`` inside an annotation."""
    if get_origin(hint) is Literal:
        return list(get_args(hint))
    return [choice for arg in get_args(hint) for choice in _choices(arg)]


def _short(value: Any) -> str:
    text = ' '.join(repr(value).split())
    return text if len(text) < 100 else f'{text[:97]}...'
