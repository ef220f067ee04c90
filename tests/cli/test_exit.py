import errno
import os
import signal

import pytest

from mmsr_ext.cli import exit as cli
from mmsr_ext.errors import InputError, Stopped


@pytest.fixture(autouse=True)
def _handler(monkeypatch):
    stock = signal.getsignal(signal.SIGINT)
    for name in ('RANK', 'WORLD_SIZE', 'SLURM_PROCID', 'SLURM_NTASKS', 'TORCHELASTIC_ERROR_FILE'):
        monkeypatch.delenv(name, raising=False)
    yield
    signal.signal(signal.SIGINT, stock)


def throw(error):
    raise error


@pytest.mark.parametrize(
    ('main', 'code', 'last'),
    [
        (lambda: throw(InputError('no such file')), 'error: no such file', ''),
        (lambda: throw(Stopped('SIGTERM', 143)), 143, 'stopped (SIGTERM). Resume with: this'),
        (lambda: throw(Stopped('SIGINT', 130)), 130, 'interrupted. Resume with: this'),
        (lambda: throw(Stopped('2 hours are over', 0)), 0, 'stopped (2 hours are over). Resume with: this'),
        (lambda: os.kill(os.getpid(), signal.SIGINT), 130, 'interrupted. Resume with: this'),
        (
            lambda: throw(OSError(errno.ENOSPC, 'No space left on device', 'log.json')),
            (
                'error: log.json could not be written: No space left on device. Make room (df -h, df -i). '
                'Resume with: this'
            ),
            '',
        ),
    ],
)
def test_how_a_command_ends(main, code, last, capfd):
    """A text as the code is printed by Python, with status 1."""
    with pytest.raises(SystemExit) as ended:
        cli.run(main, 'Resume with: this')
    assert ended.value.code == code
    assert capfd.readouterr().err.strip() == last


def test_other_errors_are_left_alone():
    cli.run(lambda: None)
    with pytest.raises(ZeroDivisionError):
        cli.run(lambda: 1 / 0)


@pytest.mark.parametrize(
    ('error', 'last'),
    [
        (InputError('a bad file'), r'error in process 3 of 8 \(.+\): a bad file'),
        (ZeroDivisionError('oh'), r'failed in process 3 of 8 \(.+\): ZeroDivisionError: oh'),
    ],
)
def test_one_of_several_processes_names_itself(error, last, capfd, monkeypatch, tmp_path):
    """Also to the launcher, by the file that it asks for."""
    import json
    import re

    monkeypatch.setenv('RANK', '3')
    monkeypatch.setenv('WORLD_SIZE', '8')
    monkeypatch.setenv('TORCHELASTIC_ERROR_FILE', str(tmp_path / 'error.json'))
    child = os.fork()
    if child == 0:
        cli.run(lambda: throw(error))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    assert re.fullmatch(last, capfd.readouterr().err.strip().splitlines()[-1])
    assert str(error) in json.loads((tmp_path / 'error.json').read_text())['message']['message']
