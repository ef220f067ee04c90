import pytest
from support.configs import CONFIGS, tiny_options

from mmsr_ext import InputError
from mmsr_ext.apis import train


def test_none_leaves_a_hook_out(tmp_path, in_root):
    """Of the recipes as of MMEngine, whose own method knows its own names alone."""
    options = tiny_options(tmp_path) | {
        'model.generator': dict(mid_channels=4, num_blocks=1),
        'default_hooks.history': None,
        'default_hooks.timer': None,
        'train_cfg.max_iters': 1,
    }
    runner = train(str(CONFIGS / 'srresnet_x4_demo.py'), str(tmp_path / 'run'), options=options)
    names = {type(hook).__name__ for hook in runner.hooks}
    assert 'LoggerHook' in names
    assert not {'BoundedHistoryHook', 'IterTimerHook'} & names


@pytest.mark.parametrize('size', [0, 2.5, None])
def test_what_is_no_window_is_named_with_its_section(tmp_path, in_root, size):
    """MMEngine would find out at the first line of the log."""
    options = tiny_options(tmp_path) | {'log_processor.window_size': size}
    with pytest.raises(InputError, match=r'log_processor.*window_size=.* must be an integer'):
        train(str(CONFIGS / 'srresnet_x4_demo.py'), str(tmp_path / 'run'), options=options)


@pytest.mark.parametrize(
    ('key', 'value', 'message'),
    [
        ('val_dataloader', 3, '3 is no dataloader'),
        ('default_hooks.checkpoint.max_keep_ckpts', [1], r'max_keep_ckpts=\[1\] must be an integer'),
    ],
)
def test_values_that_nothing_can_use_are_named(tmp_path, in_root, key, value, message):
    from mmengine.config import Config

    cfg = Config.fromfile(CONFIGS / 'srresnet_x4_demo.py')
    cfg.merge_from_dict(tiny_options(tmp_path))
    at, _, last = key.rpartition('.')
    (cfg if not at else cfg.default_hooks.checkpoint)[last] = value
    cfg.dump(tmp_path / 'mine.py')
    with pytest.raises(InputError, match=message):
        train(str(tmp_path / 'mine.py'), str(tmp_path / 'run'))
