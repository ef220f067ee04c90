import multiprocessing
import os
import re
import shutil
import signal
import time
from functools import partial

import pytest
from support.runs import At, free_port, last, load, ranks, steps, tiny_train

from mmsr_ext import InputError
from mmsr_ext.engine import StopHook
from mmsr_ext.engine.hooks import checkpoint
from mmsr_ext.errors import Stopped
from mmsr_ext.kill_test.run import differences

pytestmark = pytest.mark.forks

HANDLED = signal.SIGINT, signal.SIGTERM, signal.SIGUSR1


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp('whole')
    return folder, tiny_train(folder)


@pytest.fixture
def folder(whole, tmp_path):
    shutil.copy(whole[0] / 'recipe.py', tmp_path)
    return tmp_path


def send(number, count=1):

    def kill(runner):
        for _ in range(count):
            os.kill(os.getpid(), number)

    return kill


@pytest.mark.parametrize(
    ('number', 'point', 'iteration', 'saved'),
    [
        (signal.SIGINT, 'before_train_iter', 9, 10),
        (signal.SIGTERM, 'before_train_iter', 3, 4),
        (signal.SIGUSR1, 'after_train_iter', 4, 5),
        (signal.SIGTERM, 'before_val_iter', 8, 8),  # validation is broken off
        (signal.SIGTERM, 'before_val_iter', 24, 24),
    ],
)
def test_stops_with_a_checkpoint_and_goes_on_exactly(whole, folder, number, point, iteration, saved, capfd):
    before = [signal.getsignal(each) for each in HANDLED]
    with pytest.raises(Stopped) as stopped:
        tiny_train(folder, hooks=[At(point, iteration, send(number))])
    assert stopped.value.code == 128 + number
    assert stopped.value.reason == number.name
    assert f'{number.name}: saving a checkpoint after this iteration' in capfd.readouterr().err
    assert [signal.getsignal(each) for each in HANDLED] == before
    assert steps(folder / 'run')[-1] == saved
    scores = load(folder / 'run' / f'iter_{saved}.pth')['message_hub']['log_scalars'].get('val/PSNR-Y')
    assert (len(scores['values']) if scores else 0) == (
        saved - 1
    ) // 8  # that of this iteration is not among them
    assert list(differences(whole[1], tiny_train(folder, resume='auto'))) == []


def test_second_interrupt_stops_at_once(folder):
    with pytest.raises(KeyboardInterrupt):
        tiny_train(folder, hooks=[At('before_train_iter', 4, send(signal.SIGINT, 2))])
    assert steps(folder / 'run') == [3]


def test_time_limit(whole, folder):
    with pytest.raises(Stopped) as stopped:
        tiny_train(
            folder, hooks=[At('before_train_iter', 10, lambda runner: time.sleep(0.2))], max_hours=1e-9
        )
    assert stopped.value.code == 0
    assert 'hours are over' in stopped.value.reason
    assert steps(folder / 'run') == [1]
    assert list(differences(whole[1], tiny_train(folder, resume='auto', max_hours=1.0))) == []


def test_data_workers_survive_a_signal_to_the_whole_group(whole, folder):
    others = set(multiprocessing.active_children())

    def kill_all(runner):
        workers = set(multiprocessing.active_children()) - others
        assert len(workers) == 2
        for process in [os.getpid(), *(worker.pid for worker in workers)]:
            os.kill(process, signal.SIGTERM)
        time.sleep(0.2)

    with pytest.raises(Stopped):
        tiny_train(
            folder, hooks=[At('before_train_iter', 4, kill_all)], options={'train_dataloader.num_workers': 2}
        )
    assert steps(folder / 'run') == [3, 5]
    for worker in set(multiprocessing.active_children()) - others:  # but not their loader's end
        worker.terminate()
        worker.join(20)
    assert set(multiprocessing.active_children()) <= others


def test_waits_for_gradients_that_accumulate(folder):
    accumulate = {f'optim_wrapper.{name}.accumulative_counts': 4 for name in ('generator', 'discriminator')}
    with pytest.raises(Stopped):
        tiny_train(folder, hooks=[At('before_train_iter', 1, send(signal.SIGTERM))], options=accumulate)
    assert steps(folder / 'run') == [4]


@pytest.mark.parametrize('point', ['before_train_iter', 'before_val_iter'])
def test_processes_stop_after_the_same_iteration(folder, point):
    """One of two is asked to."""

    def call(rank):
        hooks = [At(point, 8, send(signal.SIGTERM))] if rank == 1 else []
        tiny_train(folder, hooks=hooks, launcher='pytorch')

    def resume(name, rank):
        tiny_train(folder, name, 'auto', launcher='pytorch')

    assert ranks(2, call, free_port()) == [143, 143]
    stopped_at = steps(folder / 'run')[-1]
    assert 8 <= stopped_at < 24
    for name in ('run', 'two'):
        call = partial(resume, name)
        assert ranks(2, call, free_port()) == [0, 0]
    assert list(differences(last(folder / 'two'), last(folder / 'run'))) == []


def test_no_process_leaves_before_the_checkpoint_is_written(folder, monkeypatch):
    """Slurm would kill the one that writes it."""
    write = checkpoint.write_durably

    def slow(path, content):
        time.sleep(2)
        write(path, content)

    def call(rank):
        if rank == 0:
            monkeypatch.setattr(checkpoint, 'write_durably', slow)
        hooks = [At('before_train_iter', 4, send(signal.SIGTERM))] if rank == 1 else []
        try:
            tiny_train(
                folder, hooks=hooks, launcher='pytorch', options={'default_hooks.checkpoint.interval': 100}
            )
        finally:
            (folder / f'{rank}.txt').write_text(str(steps(folder / 'run')))

    assert ranks(2, call, free_port()) == [143, 143]
    assert (
        (folder / '1.txt').read_text() == (folder / '0.txt').read_text() == str(steps(folder / 'run')) != '[]'
    )


@pytest.mark.parametrize('hours', [0, -1, 'two', True, float('nan')])
def test_bad_limit(hours):
    with pytest.raises(InputError, match=re.escape(f'max_hours={hours!r} must be a number')):
        StopHook(hours)
