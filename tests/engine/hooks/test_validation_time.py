import re
import time

from support.configs import tiny_run

from mmsr_ext.engine import ValidationTimeHook


def test_share_of_a_run(tmp_path, monkeypatch, in_root):
    """Two validations that are made to take two seconds, in a run of which the hook says how long it took."""
    start = ValidationTimeHook.before_val

    def slow(self, runner):
        start(self, runner)
        time.sleep(1)

    monkeypatch.setattr(ValidationTimeHook, 'before_val', slow)
    options = {
        'model.generator.mid_channels': 4,
        'model.generator.num_blocks': 1,
        'train_cfg.max_iters': 4,
        'train_cfg.val_interval': 2,
    }
    begin = time.perf_counter()
    tiny_run('srresnet_x4.py', tmp_path, options)
    elapsed = time.perf_counter() - begin
    log = next((tmp_path / 'srresnet_x4').glob('*/*.log')).read_text()
    count, seconds, share, total = map(
        float, re.search(r'(\d+) validations took ([\d.]+) s, ([\d.]+)% of the ([\d.]+) s', log).groups()
    )
    assert count == 2
    assert 2 <= seconds <= total <= elapsed
    assert abs(share / 100 - seconds / total) < 0.05


def test_a_validation_alone_is_no_share():
    hook = ValidationTimeHook()
    hook.before_val(None)
    hook.after_val(None)
