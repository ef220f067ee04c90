"""What a run shows while it goes on, and at its end."""

import io
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.hooks import LoggerHook
from PIL import Image
from support import ROOT
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mmsr_ext.apis import train
from mmsr_ext.evaluation.report.scalars import read_scalars

TENSORBOARD_LINE = re.search(
    r'^visualizer = dict\(vis_backends=.*$', (ROOT / 'docs/training.md').read_text(), re.MULTILINE
).group()


TINY = {
    'model.generator.mid_channels': 4,
    'model.generator.num_blocks': 1,
    'model.generator.init_cfg': None,
    'model.discriminator.mid_channels': 2,
    'train_dataloader.dataset.gt_size': 32,
    'train_dataloader.batch_size': 2,
    'train_dataloader.num_workers': 0,
    'train_dataloader.persistent_workers': False,
    'train_cfg.max_iters': 4,
    'train_cfg.val_interval': 2,
    'default_hooks.checkpoint': dict(interval=2, save_best='PSNR-Y', rule='greater'),
    'default_hooks.logger.interval': 1,
}


@pytest.fixture
def config(demo_data, in_root, tmp_path):
    """The demo's SRGAN, tiny, with the line for TensorBoard of docs/training.md."""
    path = tmp_path / 'mine.py'
    path.write_text(f'_base_ = {str(ROOT / "configs/srgan_x4_demo.py")!r}\n{TENSORBOARD_LINE}\n')
    cfg = Config.fromfile(path)
    cfg.merge_from_dict(TINY | demo_data)
    Config(cfg.to_dict(), format_python_code=False).dump(path)
    return str(path)


def test_tensorboard_and_the_command_at_the_end(config, tmp_path, capsys):
    runner = train(config, str(tmp_path / 'run'))
    events = EventAccumulator(str(next((tmp_path / 'run').glob('*/vis_data'))))
    events.Reload()
    tags = events.Tags()
    logged = read_scalars(tmp_path / 'run')
    for name in ('loss_pix', 'loss_gan', 'd_real', 'd_fake'):
        assert [event.step for event in events.Scalars(name)] == [1, 2, 3, 4]
        assert [event.value for event in events.Scalars(name)] == pytest.approx(
            [value for _, value in logged[name]], rel=1e-5
        )
    for name in ('PSNR-Y', 'SSIM-RGB', 'bicubic/PSNR-Y'):
        assert [event.step for event in events.Scalars(name)] == [2, 4]  # of training, not MMEngine's epoch 0
    assert sorted(tags['images']) == ['0', '1', '2']
    picture = events.Images('0')
    assert [event.step for event in picture] == [2, 4]
    assert (picture[0].width, picture[0].height) == (3 * 48, 48)
    written = Image.open(next((tmp_path / 'run').glob('*/vis_data/vis_image/0_4.png')))
    assert np.array_equal(
        np.array(Image.open(io.BytesIO(picture[1].encoded_image_string))), np.array(written)
    )

    command = shlex.split(
        re.search('^See what was trained: (.*)$', capsys.readouterr().out, re.MULTILINE).group(1)
    )
    best = Path(runner.message_hub.get_info('best_ckpt')).name
    assert command[:2] == ['python', 'tools/test.py']
    assert [Path(name).name for name in command[3:5]] == [best, 'iter_4.pth']
    out = subprocess.run(
        [sys.executable, *command[1:], '--data-root', str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert out.returncode == 0, out.stderr
    page = (tmp_path / 'run/report.html').read_text()
    assert 'aria-label="loss_pix over the steps"' in page
    assert 'aria-label="d_real, d_fake over the steps"' in page
    assert (
        'discriminator' in (tmp_path / 'run/mine.py').read_text()
    )  # the run's own config is still the one to resume by


def test_time_left_of_a_resumed_run(config, tmp_path, monkeypatch):
    """By the iterations since it was resumed, for those that are left."""
    train(config, str(tmp_path / 'run'))
    seen = []

    class EnoughError(Exception):
        pass

    def after_train_iter(self, runner, *args, **kwargs):
        original(self, runner, *args, **kwargs)
        times = runner.message_hub.get_scalar('train/time').data[0]
        seen.append((runner.iter + 1, float(times[-1]), runner.message_hub.get_info('eta')))
        if len(seen) == 3:
            raise EnoughError

    original = LoggerHook.after_train_iter
    monkeypatch.setattr(LoggerHook, 'after_train_iter', after_train_iter)
    options = {'train_cfg.max_iters': 1_000_000, 'train_cfg.val_interval': 1000}
    with pytest.raises(EnoughError):
        train(config, str(tmp_path / 'run'), 'auto', options=options)
    assert [step for step, *_ in seen] == [5, 6, 7]
    mean = np.mean([time for _, time, _ in seen])
    assert seen[-1][2] == pytest.approx(mean * (1_000_000 - 7), rel=1e-6)
    log = sorted((tmp_path / 'run').glob('*/*.log'))[-1].read_text()
    assert re.search(r'Iter\(train\) \[ *7/1000000\].* eta: \d+.*time:.*loss_pix', log)
