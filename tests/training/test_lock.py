"""One run in a folder at a time; a lock whose process is gone is taken over."""

import os
import signal
import socket
import time

import pytest

from mmsr_ext import InputError
from mmsr_ext.training.lock import locked

pytestmark = pytest.mark.forks


def hold(folder):
    """Hold the lock in another process, which has a child of its own; return its pid."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with locked(folder):
            if os.fork():  # its data worker, say, which outlives it
                os.write(writer, b'x')
            time.sleep(3)
        os._exit(0)
    os.read(reader, 1)
    return child


def test_a_second_run_is_refused_and_the_first_named(tmp_path):
    child = hold(tmp_path)
    try:
        with (
            pytest.raises(InputError, match=f'process {child} on {socket.gethostname()}.*--work-dir'),
            locked(tmp_path),
        ):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_the_lock_of_a_killed_run_is_taken_over(tmp_path):
    child = hold(tmp_path)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with locked(tmp_path):
        assert (tmp_path / '.lock').read_text().startswith(f'process {os.getpid()} on ')
    with locked(tmp_path):
        pass


def test_other_processes_of_a_run_need_no_lock(tmp_path, monkeypatch):
    child = hold(tmp_path)
    monkeypatch.setenv('RANK', '1')
    try:
        with locked(tmp_path, 'pytorch'):
            pass
        with pytest.raises(InputError), locked(tmp_path, 'none'):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
