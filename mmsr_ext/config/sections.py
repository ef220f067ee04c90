"""Errors in one line that name the section of the config which is wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from mmengine.config import Config

from ..errors import InputError

DEBUG = 'MMSR_EXT_DEBUG'  # set it to 1 in the environment to get tracebacks in place of one-line errors


def debugging() -> bool:
    """Return True if the user asks for tracebacks."""
    return os.environ.get(DEBUG, '0') != '0'


def one_line(error: Exception) -> str:
    """Describe any exception in one line of moderate length."""
    text = ' '.join(str(error).split()) or 'no message'
    text = text if len(text) < 400 else f'{text[:397]}...'
    return f'{type(error).__name__}: {text}. For the traceback, set {DEBUG}=1 in the environment.'


@contextmanager
def section(cfg: Config, name: str = '') -> Iterator[None]:
    """Turn an exception of the block into an InputError that names a section of the config.

    With ``MMSR_EXT_DEBUG=1`` in the environment the original exception passes.

    Args:
        cfg: The config, whose file the error names.
        name: The section that the block builds; empty for the config as a whole.

    Raises:
        InputError: For any exception of the block. An InputError passes unchanged, so that the innermost
            section is named.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # MMEngine, MMagic and PyTorch raise exceptions of every kind
        if debugging():
            raise
        what = f': {name} cannot be built' if name else ' cannot be used'
        raise InputError(f'config {cfg.filename}{what}: {one_line(error)}') from error
