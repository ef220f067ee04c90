"""How the command lines end: one line for what the user can put right, no traceback."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable

from ..errors import InputError


def run(main: Callable[[], object], when_interrupted: str = '') -> None:
    """Call ``main`` and leave the process: status 0, 1 after an InputError, 130 after Ctrl-C.

    Args:
        main (Callable): The command line.
        when_interrupted (str): What to say after Ctrl-C.
    """
    interrupted = False

    def interrupt(signum: int, frame: object) -> None:
        nonlocal interrupted
        interrupted = True
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    try:
        main()
    except InputError as error:
        sys.exit(f'error: {error}')
    except BaseException:
        # not KeyboardInterrupt alone: yapf and other libraries on the way turn it into errors of their own
        if not interrupted:
            raise
        print(f'\ninterrupted. {when_interrupted}'.rstrip(), file=sys.stderr)
        sys.exit(130)
