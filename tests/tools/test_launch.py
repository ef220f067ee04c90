"""Runs under torchrun, as dist_train.sh starts them: processes that fail, signals, two machines."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import ROOT
from support.runs import free_port, last, load, steps
from torch.distributed.launcher.api import LaunchConfig

from mmsr_ext.kill_test.forked_run import write_recipe
from mmsr_ext.kill_test.run import differences

pytestmark = pytest.mark.slow
FAILING = """import os, signal
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmsr_ext import InputError

@HOOKS.register_module()
class Failing(Hook):

    def __init__(self, how):
        self.how = how

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == 4 and runner.rank == 1:
            if self.how == 'kill':
                os.kill(os.getpid(), signal.SIGKILL)
            raise {'input': InputError('a bad file'), 'bug': ZeroDivisionError('oh')}[self.how]
"""


@pytest.fixture
def start(tmp_path):
    """Starts tools/dist_train.sh; its output goes to a file."""
    recipe = write_recipe(tmp_path)
    (tmp_path / 'failing.py').write_text(FAILING)
    processes = []

    def start(name, processes_per_node=2, output='output.txt', extra='', **environment):
        path = recipe
        if extra:
            path = tmp_path / 'changed.py'
            path.write_text(recipe.read_text() + extra)
        python = f'{Path(sys.executable).parent}:{os.environ["PATH"]}'
        environment = {
            **os.environ,
            'PYTHONPATH': f'{ROOT}:{tmp_path}',
            'PATH': python,
            'OMP_NUM_THREADS': '1',
            **environment,
        }
        command = [
            'bash',
            'tools/dist_train.sh',
            str(path),
            str(processes_per_node),
            '--work-dir',
            str(tmp_path / name),
            '--resume',
        ]
        with (tmp_path / output).open('w') as out:
            processes.append(
                subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT)
            )
        return processes[-1]

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()


def failing(how):
    return f"""
custom_imports = dict(imports=['mmsr_ext', 'failing'], allow_failed_imports=False)
custom_hooks = [dict(type='GeneratorEMAHook', decay=0.9), dict(type='mmengine.Failing', how={how!r})]
"""


def wait_for(path, process, seconds=240):
    deadline = time.monotonic() + seconds
    while not path.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    assert path.exists()


@pytest.mark.parametrize(
    ('how', 'message'),
    [
        ('input', r'error in process 1 of 2 \(.*\): a bad file'),
        ('bug', r'failed in process 1 of 2 \(.*\): ZeroDivisionError: oh'),
        ('kill', r'Signal 9'),
    ],
)
def test_a_process_that_fails_ends_the_job_and_is_named(start, tmp_path, how, message):
    process = start('run', extra=failing(how))
    wait_for(tmp_path / 'run' / 'iter_3.pth', process)
    since = time.monotonic()
    assert process.wait(60) != 0
    print(time.monotonic() - since)
    text = (tmp_path / 'output.txt').read_text()
    assert re.search(message, text), text
    cause = text.split('Root Cause')[1]
    assert re.search(r'rank\s*: 1 ', cause), text
    assert steps(tmp_path / 'run') == [3]


def test_sigterm_to_the_launcher_saves_and_the_run_goes_on_exactly(start, tmp_path):
    process = start('run')
    wait_for(tmp_path / 'run' / 'iter_6.pth', process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) != 0
    text = (tmp_path / 'output.txt').read_text()
    assert 'stopped (SIGTERM). Resume with: bash tools/dist_train.sh' in text, text
    assert (
        load(tmp_path / 'run' / f'iter_{steps(tmp_path / "run")[-1]}.pth')['exact_resume']['world_size'] == 2
    )
    assert start('run').wait(300) == 0
    assert start('whole').wait(300) == 0
    assert list(differences(last(tmp_path / 'whole'), last(tmp_path / 'run'))) == []


def test_two_machines(start, tmp_path):
    """Two launchers on this one; then the second machine's process fails."""
    place = dict(NNODES='2', MASTER_ADDR='127.0.0.1')
    for extra, statuses in [('', {0}), (failing('input'), {1})]:
        place['PORT'] = str(free_port())
        name = 'failing' if extra else 'two'
        nodes = [
            start(name, 1, f'{name}{rank}.txt', extra, NODE_RANK=str(rank), **place) for rank in range(2)
        ]
        assert {node.wait(300) for node in nodes} == statuses, [
            (tmp_path / f'{name}{rank}.txt').read_text() for rank in range(2)
        ]
    assert 'error in process 1 of 2' in (tmp_path / 'failing1.txt').read_text()
    assert last(tmp_path / 'two')['exact_resume']['world_size'] == 2
    assert start('one').wait(300) == 0
    assert list(differences(last(tmp_path / 'one'), last(tmp_path / 'two'))) == []


@pytest.mark.skipif(
    'shutdown_timeout' not in LaunchConfig.__dataclass_fields__,
    reason='torch before 2.12 always waits 30 seconds',
)
@pytest.mark.parametrize('seconds', ['', '2'])
def test_how_long_processes_have_to_save(tmp_path, seconds):
    """They are asked to stop and do not."""
    (tmp_path / 'stubborn.py').write_text(f"""import os, pathlib, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
path = pathlib.Path({str(tmp_path)!r}, 'ready')
path.with_suffix('.txt').write_text(os.environ['TORCH_ELASTIC_SHUTDOWN_TIMEOUT'] + f' {{os.getpid()}}')
path.with_suffix('.txt').rename(path)
time.sleep(60)
""")
    environment = {
        **os.environ,
        'PATH': f'{Path(sys.executable).parent}:{os.environ["PATH"]}',
        'SHUTDOWN_TIMEOUT': seconds,
    }
    tool = os.path.relpath(tmp_path / 'stubborn.py', ROOT / 'tools')
    process = subprocess.Popen(['bash', 'tools/launch.sh', '1', tool], cwd=ROOT, env=environment)
    try:
        wait_for(tmp_path / 'ready', process)
        given, worker = (tmp_path / 'ready').read_text().split()
        assert given == (seconds or '300')
        if not seconds:
            os.kill(int(worker), signal.SIGKILL)
            return
        since = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(25)
        assert time.monotonic() - since > 1.5
    finally:
        process.wait(25)
