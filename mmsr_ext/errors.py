"""The exception for what a user can correct, and the one that ends a run which was asked to stop."""

from __future__ import annotations

import re

# what a terminal would obey, or could not show: control characters, changes of the direction of writing, and
# bytes of a file name that are no text
UNPRINTABLE = re.compile('[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069\\ud800-\\udfff]')


def printable(text: str) -> str:
    r"""Return a text in which what a terminal would obey is spelled out; names of files may hold such.

    >>> printable('a\x1b[31m.png')
    'a\\x1b[31m.png'
    """
    return UNPRINTABLE.sub(lambda found: found[0].encode('unicode_escape', 'surrogatepass').decode(), text)


class InputError(ValueError):
    """A value that the user gave cannot be used.

    The message names the value, what was expected, and what to do next. The command lines print it alone,
    without a traceback, and what a terminal would obey is spelled out in it.

    Args:
        message: What is wrong and what to do.
    """

    def __init__(self, message: str) -> None:
        # A DataLoader worker's exception is rebuilt here from the text of its traceback, whose end is the
        # message as it was raised.
        super().__init__(printable(message.rpartition(f'{__name__}.InputError: ')[2].strip()))


class Stopped(SystemExit):
    """A run was asked to stop, and has saved where it is.

    Left alone it ends the process with ``code``: 128 plus the number of the signal, or 0 after a time limit.

    Args:
        reason: What asked.
        code: Exit status.
    """

    def __init__(self, reason: str, code: int) -> None:
        super().__init__(code)
        self.reason = reason
