import argparse
import subprocess
import sys

import pytest
from support import ROOT

from mmsr_ext import InputError
from mmsr_ext.benchmark import startup


def test_time_until_a_line_and_until_the_end():
    code = (
        "import time; print('first', flush=True); time.sleep(1); print('second', flush=True); time.sleep(1)"
    )
    assert startup._until(['-c', code], 'second') >= 1
    assert startup._until(['-c', code]) >= startup._until(['-c', code], 'first') + 1


@pytest.mark.parametrize(
    ('arguments', 'text', 'named'),
    [
        (['-c', 'import no_such_module'], '', 'status 1: .*No module named'),
        (['-c', "print('other')"], 'first', 'status 0: other'),
    ],
)
def test_a_process_that_does_not_get_there_is_an_error(arguments, text, named):
    with pytest.raises(InputError, match=f'(?s){named}'):
        startup._until(arguments, text)


def test_bad_rounds():
    with pytest.raises(InputError, match='--rounds 0'):
        startup.measure(argparse.Namespace(rounds=0))


@pytest.mark.slow
def test_the_tool(tmp_path, in_root):
    run = subprocess.run(
        [
            sys.executable,
            'tools/benchmark.py',
            'startup',
            '--rounds',
            '1',
            '--json',
            str(tmp_path / 'a.json'),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    for name in (
        'import torch',
        'import mmsr_ext',
        'tools/train.py --help',
        'first iteration',
        'import mmagic.models',
    ):
        assert name in run.stdout
    assert (tmp_path / 'a.json').read_text().count('"process"') == 5
