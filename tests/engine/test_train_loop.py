import os
import resource
import subprocess
import sys
import time

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from support import ROOT
from support.configs import CONFIGS, tiny_options
from support.runs import At, tiny_train

from mmsr_ext.engine import IterBasedTrainLoop
from mmsr_ext.evaluation.metrics import Evaluator


class Watch(Hook):
    def __init__(self):
        self.seen = []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.seen.append(
            [
                (key, position, seed)
                for key, (seed, position) in zip(data_batch['keys'], data_batch['draws'].tolist())
            ]
        )


def run(tmp_path, iterations, **changes):
    cfg = Config.fromfile(CONFIGS / 'srresnet_x4_demo.py')
    cfg.merge_from_dict(tiny_options(tmp_path))
    cfg.merge_from_dict(
        dict(
            model=dict(generator=dict(mid_channels=4, num_blocks=1)),
            work_dir=str(tmp_path / 'run'),
            **changes,
        )
    )
    cfg.train_cfg.max_iters = iterations
    cfg.default_hooks.checkpoint.interval = 2
    cfg.experiment_name = f'{tmp_path.name}{iterations}{len(changes)}'
    watch = Watch()
    with DefaultScope.overwrite_default_scope('mmsr_ext'):
        runner = Runner.from_cfg(Config(cfg.to_dict(), format_python_code=False))
        runner.register_hook(watch)
        runner.train()
    return runner, watch.seen


def test_resumed_run_goes_on_where_it_was(tmp_path):
    """The seed is drawn at random by the first run; the second reads it from the checkpoint."""
    runner, whole = run(tmp_path, 5)
    assert type(runner.train_loop) is IterBasedTrainLoop
    loaded = []
    read = torch.utils.data.dataloader._SingleProcessDataLoaderIter._next_data
    try:
        torch.utils.data.dataloader._SingleProcessDataLoaderIter._next_data = lambda self: (
            loaded.append(1) or read(self)
        )
        _, rest = run(
            tmp_path,
            5,
            resume=True,
            load_from=str(tmp_path / 'run/iter_4.pth'),
            val_cfg=None,
            val_dataloader=None,
            val_evaluator=None,
        )
    finally:
        torch.utils.data.dataloader._SingleProcessDataLoaderIter._next_data = read
    assert rest == whole[4:]
    assert [position for batch in whole for _, position, _ in batch] == list(range(10))
    assert len(loaded) == 1  # nothing that is past is loaded


class OwnRun(IterBasedTrainLoop):
    """A loop as users write one for MMEngine: its own ``run``, which passes over what is past itself."""

    def run(self):
        self.runner.call_hook('before_train')
        self.runner.call_hook('before_train_epoch')
        for _ in range(self._iter):
            next(self.dataloader_iterator)
        while self._iter < self._max_iters:
            self.runner.model.train()
            self.run_iter(next(self.dataloader_iterator))
        self.runner.call_hook('after_train_epoch')
        self.runner.call_hook('after_train')
        return self.runner.model


def test_a_subclass_may_override_run_and_iterate_the_data(tmp_path):
    _, whole = run(tmp_path, 5)
    resumed = dict(resume=True, load_from=str(tmp_path / 'run/iter_4.pth'))
    train_cfg = dict(type=OwnRun, val_interval=100)
    _, rest = run(tmp_path, 5, train_cfg=train_cfg, **resumed)
    assert rest == whole[4:]
    _, anew = run(tmp_path, 3, train_cfg=train_cfg)
    assert [position for batch in anew for _, position, _ in batch] == list(range(6))


def test_valloop_with_a_dict_of_metrics(tmp_path):
    """MMEngine's loop calls the evaluator that the name has in this scope, ours."""
    evaluator = dict(
        _delete_=True, metrics=[dict(type='PSNR', crop_border=4), dict(type='mmagic.MAE', prefix='other')]
    )
    val_cfg = dict(_delete_=True, type='ValLoop')
    hooks = dict(checkpoint=dict(save_best='PSNR-RGB'))
    runner, _ = run(tmp_path, 2, val_cfg=val_cfg, val_evaluator=evaluator, default_hooks=hooks)
    assert type(runner.val_loop).__name__ == 'ValLoop'
    assert type(runner.val_loop.evaluator) is Evaluator
    result = runner.val_loop.run()
    assert result.keys() == {'PSNR-RGB', 'other/MAE'}


def late_checkpoint(tmp_path):
    """Of a run whose counters say a million."""
    content = tiny_train(tmp_path)
    content['meta']['iter'] = 1_000_000
    content['exact_resume']['data'] = dict(samples=2_000_000, seed=1, validated=1_000_000)
    for schedulers in content['param_schedulers'].values():
        for scheduler in schedulers:
            scheduler['end'] = 2_000_000  # the run was to be longer
    torch.save(content, tmp_path / 'late.pth')
    return {24: tmp_path / 'run' / 'iter_24.pth', 1_000_000: tmp_path / 'late.pth'}


def one_more(iteration):
    return {
        'train_cfg.max_iters': iteration + 1,
        'train_cfg.val_begin': 10**7,
        'default_hooks.checkpoint.save_last': False,
    }


def test_a_million_iterations_cost_as_much_as_a_few(tmp_path):
    """From the call to the first iteration, in seconds of this process."""
    seconds = {}
    for iteration, path in [*late_checkpoint(tmp_path).items()] * 3:
        start, seen = time.process_time(), []
        watch = At(
            'before_train_iter',
            iteration,
            lambda runner, start=start, seen=seen: seen.append(time.process_time() - start),
        )
        tiny_train(tmp_path, 'again', str(path), [watch], options=one_more(iteration))
        seconds[iteration] = min(seconds.get(iteration, 1e9), *seen)
    assert seconds[1_000_000] < 1.2 * seconds[24]


@pytest.mark.slow
def test_resume_at_a_million_starts_as_fast_as_a_new_run(tmp_path):
    """One iteration by tools/train.py, in seconds of the processor."""
    late, seconds = late_checkpoint(tmp_path)[1_000_000], {}
    environment = os.environ | {'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'}
    for resume, iteration in [([], 0), (['--resume', str(late)], 1_000_000)] * 3:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        options = [f'{key}={value}' for key, value in one_more(iteration).items()]
        subprocess.run(
            [
                sys.executable,
                'tools/train.py',
                str(tmp_path / 'recipe.py'),
                '--work-dir',
                str(tmp_path / 'again'),
                *resume,
                '--cfg-options',
                *options,
            ],
            cwd=ROOT,
            env=environment,
            check=True,
            capture_output=True,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        seconds[iteration] = min(seconds.get(iteration, 1e9), used)
    print(seconds)
    assert seconds[1_000_000] < 1.2 * seconds[0]
