"""The one exception for what a user can put right."""

from __future__ import annotations


class InputError(ValueError):
    """A value that the user gave cannot be used.

    The message names the value, what was expected, and what to do next. The command lines print it alone, without a traceback.

    Args:
        message (str): What is wrong and what to do.
    """

    def __init__(self, message: str) -> None:
        # A DataLoader worker's exception is rebuilt here from the text of its traceback, whose end is the message as it was raised.
        super().__init__(message.rpartition(f'{__name__}.InputError: ')[2].strip())
