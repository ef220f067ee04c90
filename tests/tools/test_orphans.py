"""Processes of a run end with their launcher, however that ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import ROOT

from mmsr_ext.kill_test.forked_run import write_recipe

pytestmark = pytest.mark.slow
LONG = "\ntrain_cfg['max_iters'] = 100000\ntrain_cfg['val_interval'] = 100000\n"


def processes(mark):
    """Processes whose command line holds a text."""
    found = []
    for path in Path('/proc').glob('[0-9]*/cmdline'):
        try:
            if mark in path.read_text() and 'Z' not in (path.parent / 'stat').read_text().split()[2]:
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def rank_of(process):
    """Rank of a process of a run; None of its launcher."""
    content = Path(f'/proc/{process}/environ').read_bytes().split(b'\0')
    return next((int(line[5:]) for line in content if line.startswith(b'RANK=')), None)


@pytest.mark.parametrize(
    ('rank', 'number'),
    [(None, signal.SIGKILL), (None, signal.SIGHUP), (0, signal.SIGKILL), (1, signal.SIGKILL)],
)
def test_a_process_that_ends_leaves_no_orphan(tmp_path, rank, number):
    """The launcher, and each process that it has started."""
    recipe = write_recipe(tmp_path)
    recipe.write_text(recipe.read_text() + LONG)
    environment = os.environ | dict(
        PYTHONPATH=str(ROOT), PATH=f'{Path(sys.executable).parent}:{os.environ["PATH"]}', OMP_NUM_THREADS='1'
    )
    command = [
        'bash',
        str(ROOT / 'tools/dist_train.sh'),
        str(recipe),
        '2',
        '--work-dir',
        str(tmp_path / 'run'),
    ]
    with (tmp_path / 'output.txt').open('w') as output:
        launcher = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    deadline = time.monotonic() + 240
    while not list((tmp_path / 'run').glob('iter_*.pth')) and time.monotonic() < deadline:
        assert launcher.poll() is None, (tmp_path / 'output.txt').read_text()
        time.sleep(0.1)
    if rank is None:
        launcher.send_signal(number)
    else:
        os.kill(next(one for one in processes(str(tmp_path)) if rank_of(one) == rank), number)
    assert launcher.wait(60) != 0
    ended = time.monotonic()
    while processes(str(tmp_path)) and time.monotonic() < ended + 60:
        time.sleep(0.1)
    assert not processes(str(tmp_path)), (tmp_path / 'output.txt').read_text()
    assert (tmp_path / 'run' / 'last_checkpoint').is_file()
