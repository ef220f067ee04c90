"""README and the pages of docs/ do what they say: their commands, as they are written, on small images and
with runs of two iterations."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from support import ROOT

from mmsr_ext.models import SRResNet, SRVGGNetCompact

SHORT = (
    'train_cfg.max_iters=2 train_cfg.val_interval=2 default_hooks.checkpoint.interval=2 '
    'default_hooks.logger.interval=1 train_dataloader.batch_size=1 train_dataloader.num_workers=0 '
    'train_dataloader.persistent_workers=False val_dataloader.num_workers=0 '
    'val_dataloader.persistent_workers=False $MORE'
)
WRAPPER = f"""#!/usr/bin/env bash
case "$1 $*" in
    "tools/train.py "*--cfg-options*) set -- "$@" {SHORT} ;;
    "tools/train.py "*) set -- "$@" --cfg-options {SHORT} ;;
esac
exec {sys.executable} "$@"
"""


def photographs(folder: Path, count: int = 3, height: int = 264, width: int = 272, seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    for index in range(count):
        image = Image.fromarray(rng.integers(0, 256, (height // 16, width // 16, 3), np.uint8))
        image.resize((width, height), Image.Resampling.BICUBIC).save(folder / f'{index}.png')


@pytest.fixture
def home(tmp_path):
    """A working copy in which a page's commands can be typed."""
    for name in ('configs', 'tools'):
        shutil.copytree(ROOT / name, tmp_path / 'home' / name, ignore=shutil.ignore_patterns('__pycache__'))
    wrapper = tmp_path / 'bin/python'
    wrapper.parent.mkdir()
    wrapper.write_text(WRAPPER)
    wrapper.chmod(0o755)
    return tmp_path / 'home'


def run_page(name: str, home: Path, more: str = '') -> str:
    return run(blocks_of((ROOT / 'docs' / name).read_text()), home, more)


def blocks_of(text: str) -> list[str]:
    return re.findall(r'^```bash\n(.*?)^```', text, re.MULTILINE | re.DOTALL)


def run(blocks: list[str], home: Path, more: str = '') -> str:
    environment = dict(
        os.environ,
        PATH=f'{home.parent / "bin"}:{os.environ["PATH"]}',
        TORCH_HOME=str(home.parent / 'torch'),
        PYTHONPATH=str(ROOT),
        MORE=more,
    )
    done = subprocess.run(
        ['bash', '-euo', 'pipefail', '-c', '\n'.join(blocks)],
        cwd=home,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1500,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    assert 'Traceback' not in done.stdout
    return done.stdout


def random_vgg(home: Path) -> None:
    """In the place of torchvision's download."""
    folder = home.parent / 'torch/hub/checkpoints'
    folder.mkdir(parents=True)
    torch.save(
        {f'features.{key}': value for key, value in torchvision.models.vgg19().features.state_dict().items()},
        folder / 'vgg19-dcbb9e9d.pth',
    )


def random_compact(home: Path, name: str, num_convs: int) -> None:
    """In the place of a published file."""
    (home / 'weights').mkdir()
    network = SRVGGNetCompact(mid_channels=64, num_convs=num_convs, scale=4, act_type='prelu')
    torch.save({'params': network.state_dict()}, home / 'weights' / name)


@pytest.mark.slow
def test_readme(home):
    """Of the sections to which the first command of a newcomer leads; others have tests of their own."""
    photographs(home / 'my_photos')
    photographs(home / 'my_held_out_photos', 2, 97, 110, seed=1)
    sections = dict(
        re.findall(r'^## (.*?)\n(.*?)(?=^## |\Z)', (ROOT / 'README.md').read_text(), re.MULTILINE | re.DOTALL)
    )
    run([blocks_of(sections[name])[0] for name in ('Train on your own images', 'Measure and compare')], home)
    assert (home / 'report.html').stat().st_size > 10_000


@pytest.mark.slow
def test_train(home):
    photographs(home / 'my_photos')
    photographs(home / 'my_held_out_photos', 2, 97, 110, seed=1)
    out = run_page('train.md', home)
    assert 'psnr' in out
    assert (home / 'report.html').stat().st_size > 10_000
    assert Image.open(home / 'upscaled/0.png').size == (440, 388)
    assert len(list((home / 'work_dirs').glob('interpolate*/*.pth'))) == 5


@pytest.mark.slow
def test_fine_tune(home):
    photographs(home / 'my_photos')
    photographs(home / 'my_held_out_photos', 2, 96, 112, seed=1)
    random_vgg(home)
    random_compact(home, 'realesr-general-x4v3.pth', 32)
    run_page('fine_tune.md', home)
    assert Image.open(home / 'before/0.png').size == (112, 96)
    before = torch.load(home / 'weights/realesr-general-x4v3.pth', weights_only=True)['params']
    after = torch.load(home / 'mine-x4.pth', weights_only=True)['params_ema']
    assert before.keys() == after.keys()
    drift = max((before[key] - after[key]).abs().max() for key in before)
    assert 0 < drift < 1e-3  # two updates of at most lr, in an average


@pytest.mark.slow
def test_anime(home):
    photographs(home / 'my_drawings')
    photographs(home / 'my_held_out_drawings', 2, 96, 112, seed=1)
    random_vgg(home)
    random_compact(home, 'realesr-animevideov3.pth', 16)
    run_page('anime.md', home)
    for folder in ('upscaled', 'upscaled_by_mine'):
        assert Image.open(home / folder / '0.png').size == (1088, 1056)


@pytest.mark.slow
def test_deblur(home):
    photographs(home / 'my_sharp_photos')
    photographs(home / 'my_pairs/sharp', 2, 264, 272, seed=1)
    photographs(home / 'my_pairs/blur', 2, 264, 272, seed=1)
    shutil.copytree(home / 'my_pairs', home / 'my_training_pairs')
    random_vgg(home)
    run_page('deblur.md', home, 'train_dataloader.dataset.gt_size=64')
    assert Image.open(home / 'deblurred/0.png').size == (272, 264)
    assert (home / 'work_dirs/mine_deblur_pairs/iter_2.pth').exists()


@pytest.mark.slow
def test_evaluate(home):
    photographs(home / 'data/demo/val/GT', 2, 96, 112, seed=1)
    photographs(home / 'data/demo/val/LQx4', 2, 32, 48, seed=1)
    for path in (home / 'data/demo/val/LQx4').iterdir():
        Image.open(path).resize((28, 24)).save(path)
    for name in ('srresnet_x4_demo/SRResNet.pth', 'srgan_x4_demo/SRGAN.pth'):
        (home / 'work_dirs' / name).parent.mkdir(parents=True)
        torch.save(
            SRResNet(mid_channels=32, num_blocks=4, batch_norm=False, residual=True).state_dict(),
            home / 'work_dirs' / name,
        )
    out = run_page('evaluate.md', home)
    assert 'items of 4 methods' in out
    assert (home / 'figures.json').exists()
    assert (home / 'figures.csv').exists()
