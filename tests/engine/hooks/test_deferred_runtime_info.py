import random
from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import LoggerHook, RuntimeInfoHook
from mmengine.logging import MessageHub

from mmsr_ext.engine import DeferredRuntimeInfoHook


@pytest.fixture
def run():

    def run(hook, iterations=25, interval=10):
        """The hook's part of a training; returns what the MessageHub holds, and how often each scalar had
        been handed over."""
        hub = MessageHub.get_instance(f'{type(hook).__name__}-{iterations}-{random.random()}')
        runner = SimpleNamespace(
            message_hub=hub,
            hooks=[LoggerHook(interval=interval)],
            iter=0,
            epoch=0,
            max_iters=iterations,
            max_epochs=1,
            train_loop=SimpleNamespace(),
            train_dataloader=SimpleNamespace(dataset=[]),
        )
        hook.before_train(runner)
        lengths = []
        for index in range(iterations):
            runner.iter = index
            torch.manual_seed(index)
            outputs = dict(
                loss_pix=torch.rand(()), loss_gan=torch.rand((), dtype=torch.bfloat16), plain=index / 3
            )
            hook.after_train_iter(runner, index, None, outputs)
            lengths.append(
                len(hub.get_scalar('train/loss_pix').data[0]) if 'train/loss_pix' in hub.log_scalars else 0
            )
        return runner, lengths

    return run


def histories(runner):
    return {name: buffer.data[0].tolist() for name, buffer in runner.message_hub.log_scalars.items()}


def test_the_message_hub_gets_what_mmengines_hook_gives_it(run):
    ours, lengths = run(DeferredRuntimeInfoHook())
    theirs, _ = run(RuntimeInfoHook())
    assert histories(ours) == histories(theirs)
    assert lengths == [0] * 9 + [10] * 10 + [20] * 5 + [25]


def test_values_are_not_read_before_the_log_interval(run, monkeypatch):
    reads = []
    stock = torch.Tensor.tolist
    monkeypatch.setattr(torch.Tensor, 'tolist', lambda self: reads.append(1) or stock(self))
    monkeypatch.setattr(torch.Tensor, 'item', lambda self: pytest.fail('a value was read on its own'))
    run(DeferredRuntimeInfoHook(), iterations=25)
    assert len(reads) == 3


def test_a_checkpoint_and_a_validation_find_all_values(run):
    hook = DeferredRuntimeInfoHook()
    runner, _ = run(hook, iterations=20, interval=20)
    runner.max_iters = 40
    runner.iter = 20
    hook.after_train_iter(runner, 20, None, dict(loss_pix=torch.tensor(7.0)))
    checkpoint = dict(message_hub={})
    hook.before_save_checkpoint(runner, checkpoint)
    assert checkpoint['message_hub']['log_scalars']['train/loss_pix'].data[0][-1] == 7
    hook.after_train_iter(runner, 21, None, dict(loss_pix=torch.tensor(8.0)))
    hook.before_val(runner)
    assert runner.message_hub.get_scalar('train/loss_pix').current() == 8
