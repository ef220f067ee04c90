from types import SimpleNamespace

import pytest
from mmengine.hooks import LoggerHook

from mmsr_ext.engine import ProgressHook
from mmsr_ext.engine.hooks import progress


@pytest.fixture
def lines(monkeypatch):
    """Return a function that runs iterations of given seconds and returns the lines of the log."""

    def run(seconds, first=0, max_iters=1000, interval=100):
        logged = []
        clock = SimpleNamespace(now=0.0)
        monkeypatch.setattr(progress.time, 'perf_counter', lambda: clock.now)
        monkeypatch.setattr(progress, 'print_log', lambda text, *args: logged.append(text))
        runner = SimpleNamespace(
            iter=first,
            max_iters=max_iters,
            hooks=[LoggerHook(interval=interval)],
            logger=SimpleNamespace(info=logged.append),
        )
        hook = ProgressHook()
        hook.before_train(runner)
        for index, each in enumerate(seconds):
            runner.iter = first + index
            clock.now += each
            hook.after_train_iter(runner, index)
        return logged

    return run


def test_early_and_where_the_log_is_silent(lines):
    """Iterations of 7 s after a first of 20 s: lines at 1 and 10, and none longer ago than about a minute."""
    logged = lines([20.0] + [7.0] * 29, first=100)
    assert [text.split(':')[0] for text in logged] == [
        f'iteration {number} of 1,000' for number in (101, 110, 119, 128)
    ]
    assert '20 s each, about 4 hours 59 minutes left' in logged[0]
    assert '7 s each, about 1 hour 43 minutes left' in logged[1]


def test_the_logger_breaks_the_silence(lines):
    assert len(lines([7.0] * 30, interval=5)) == 2


def test_days_on_a_cpu_are_warned_of(lines, monkeypatch):
    monkeypatch.setattr(progress.torch.cuda, 'is_available', lambda: False)
    logged = lines([1.0] * 10, max_iters=200_000)
    assert 'would take 2 days 7 hours on this CPU' in logged[-1]
    monkeypatch.setattr(progress.torch.cuda, 'is_available', lambda: True)
    assert len(lines([1.0] * 10, max_iters=200_000)) == 2


def test_in_a_run(tmp_path, in_root):
    from support.configs import tiny_run

    tiny_run('srresnet_x4.py', tmp_path, {'model.generator.num_blocks': 1, 'train_cfg.max_iters': 2})
    log = next((tmp_path / 'srresnet_x4').glob('*/*.log')).read_text()
    assert 'iteration 1 of 2: ' in log
