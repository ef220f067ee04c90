"""Find keys of a config that nothing reads."""

from __future__ import annotations

import inspect
import io
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner

from ..arguments import nearest
from ..errors import InputError

# read beside the arguments of the runner: by MMEngine, and by this project
MORE_KEYS = ('custom_imports', 'filename', 'model_wrapper_cfg', 'runner_type', 'init_generator')
# a key of another project's config that is so like one of ours is a slip; 'dnd_dataloader' is none
SLIP = 0.88
RENAMED = {'pretrained_generator': 'init_generator'}


def check_keys(cfg: Config, options: Iterable[str]) -> None:
    """Check that something reads every top-level key of a config.

    A variable that the config's own files use, or whose name starts with an underscore, is the user's. A
    config of another project may have more; there only what looks like a slip is an error.

    Args:
        cfg: As it was read, with its source text.
        options: Dotted keys that were given on the command line.

    Raises:
        InputError: Naming a key that nothing reads, and the nearest one.
    """
    known = [*list(inspect.signature(Runner.__init__).parameters)[1:], *MORE_KEYS]
    for option in options:
        key = option.partition('.')[0]
        if key not in known:
            raise InputError(f'--cfg-options {option}: {_advice(cfg, key, known)}')
    used = _names(cfg.text)
    foreign = cfg.get('default_scope') != 'mmsr_ext'
    for key in cfg:
        if key in known or key.startswith('_') or used[key] > 1:
            continue
        if not foreign or nearest(key, known, SLIP) or key in RENAMED:
            raise InputError(f'config {cfg.filename}: {_advice(cfg, key, known)}')


def _advice(cfg: Config, key: str, known: list[str]) -> str:
    if key in RENAMED:
        return f'{key} is now called {RENAMED[key]}.'
    if key in cfg and _names(cfg.text)[key] > 1:
        return f'{key} is a variable of the config file, used already. Set the keys that it went into.'
    inside = [path for path in _paths(cfg) if path.endswith(f'.{key}')]
    hint = f'did you mean {inside[0]!r}?' if inside else nearest(key, known)
    hint = hint or f'known are {", ".join(sorted(known))}; a variable of your own starts with an underscore.'
    return f'nothing reads {key!r}; {hint}'


def _paths(config: Any, path: str = '') -> Iterator[str]:
    """Yield the dotted keys of a config, outer ones first."""
    items = [(f'{path}.{key}' if path else str(key), value) for key, value in config.items()]
    yield from (name for name, _ in items)
    for name, value in items:
        if isinstance(value, dict):
            yield from _paths(value, name)


def _names(text: str) -> Counter[str]:
    """Count the names in a config's source, which holds those of its bases too."""
    names: Counter[str] = Counter()
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.NAME:
                names[token.string] += 1
    except (tokenize.TokenError, IndentationError):
        pass  # the files' paths stand between them; what was read counts
    return names
