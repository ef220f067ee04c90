"""Resident memory of a piece of work."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from typing import Any


def resident_growth(prepare: Callable[..., Callable[[], object]], *arguments: Any) -> int:
    """Return by how many bytes work enlarges the resident set of a fresh process; Linux only.

    Args:
        prepare: Called in that process with the arguments; returns the work. A function of a module, so that
            it can be sent.
        *arguments: What can be pickled.
    """
    context = multiprocessing.get_context('spawn')
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_grow, args=(sender, prepare, arguments))
    process.start()
    sender.close()
    try:
        return receiver.recv()
    finally:
        process.join()


def _grow(sender: Any, prepare: Callable[..., Callable[[], object]], arguments: tuple) -> None:
    work = prepare(*arguments)
    # what building has used and given back must not hide what the work uses: the peak is only ever raised
    with open('/proc/self/clear_refs', 'w') as peak:
        peak.write('5')
    before = _status('VmRSS')
    work()
    sender.send(_status('VmHWM') - before)


def _status(name: str) -> int:
    with open('/proc/self/status') as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(f'{name}:'))
