from types import SimpleNamespace

import pytest
from mmengine.logging import MessageHub

from mmsr_ext.engine import IterTimerHook
from mmsr_ext.registry import HOOKS


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(time=1000.0)
    monkeypatch.setattr('time.time', lambda: now.time)
    return now


def run(hook, runner, clock, mode, durations):
    """Time left after each of some iterations."""
    left = []
    getattr(hook, f'before_{mode}_epoch')(runner)
    for index, seconds in enumerate(durations):
        getattr(hook, f'before_{mode}_iter')(runner, index)
        clock.time += seconds
        getattr(hook, f'after_{mode}_iter')(runner, index)
        left.append(runner.message_hub.get_info('eta'))
        runner.iter += mode == 'train'
    return left


def test_time_left(clock, tmp_path):
    """Of a run that is resumed at 95 of 200, in closed form; then of a validation on two sets of 3 and 5
    images."""
    hook = HOOKS.build(dict(type='IterTimerHook'))
    assert type(hook) is IterTimerHook
    loop = SimpleNamespace(total_length=8, dataloader=[None] * 3)
    runner = SimpleNamespace(
        iter=95, max_iters=200, message_hub=MessageHub(tmp_path.name), val_loop=loop, test_loop=loop
    )
    hook.before_train(runner)
    durations = [4, 2, 3, 3, 3, 3]
    expected = [sum(durations[:n]) / n * (105 - n) for n in range(1, 7)]
    assert run(hook, runner, clock, 'train', durations) == pytest.approx(expected)
    for mode in ('val', 'test'):
        assert run(hook, runner, clock, mode, [1] * 8) == pytest.approx([7, 6, 5, 4, 3, 2, 1, 0])
        getattr(hook, f'after_{mode}_epoch')(runner)
