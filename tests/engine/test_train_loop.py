import torch
from configs_helper import CONFIGS, tiny_options
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from mmsr_ext.engine import IterBasedTrainLoop


class Watch(Hook):

    def __init__(self):
        self.seen = []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.seen.append([(key, position, seed) for key, (seed, position) in zip(data_batch['keys'], data_batch['draws'].tolist())])


def run(tmp_path, iterations, **changes):
    cfg = Config.fromfile(CONFIGS / 'srresnet_x4_demo.py')
    cfg.merge_from_dict(tiny_options(tmp_path))
    cfg.merge_from_dict(dict(model=dict(generator=dict(mid_channels=4, num_blocks=1)), work_dir=str(tmp_path / 'run'), **changes))
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
        torch.utils.data.dataloader._SingleProcessDataLoaderIter._next_data = lambda self: loaded.append(1) or read(self)
        _, rest = run(tmp_path, 5, resume=True, load_from=str(tmp_path / 'run/iter_4.pth'), val_cfg=None, val_dataloader=None,
                      val_evaluator=None)
    finally:
        torch.utils.data.dataloader._SingleProcessDataLoaderIter._next_data = read
    assert rest == whole[4:]
    assert [position for batch in whole for _, position, _ in batch] == list(range(10))
    assert len(loaded) == 1  # nothing that is past is loaded
