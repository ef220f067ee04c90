"""The exception for what a user can correct, and the one that ends a run which was asked to stop."""

from __future__ import annotations


class InputError(ValueError):
    """A value that the user gave cannot be used.

    The message names the value, what was expected, and what to do next. The command lines print it alone,
    without a traceback.

    Args:
        message: What is wrong and what to do.
    """

    def __init__(self, message: str) -> None:
        # A DataLoader worker's exception is rebuilt here from the text of its traceback, whose end is the
        # message as it was raised.
        super().__init__(message.rpartition(f'{__name__}.InputError: ')[2].strip())


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
