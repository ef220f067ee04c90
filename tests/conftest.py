import gc
import os

# tests copy their process (os.fork), and the copies wait for ever for the threads of a pool that is not
# copied; before PyTorch is imported
os.environ['OMP_NUM_THREADS'] = '1'

# isort: split

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from support import ROOT

import mmsr_ext  # noqa: F401  mends MMagic before a test imports it

# a copy of this process must not collect what earlier tests have left: a process group's end waits for
# threads, which a copy does not have
os.register_at_fork(after_in_child=gc.freeze)


def pytest_collection_modifyitems(items):
    # autograd refuses to run in a copy once it has started threads, as some tests make it do: what copies its
    # process comes first
    items.sort(key=lambda item: item.get_closest_marker('forks') is None)


@pytest.fixture(autouse=True)
def _seeded(tmp_path, monkeypatch):
    torch.manual_seed(0)
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))  # nothing that a machine happens to have cached


@pytest.fixture
def scope():
    """Short names resolve as in our configs."""
    from mmengine.registry import DefaultScope

    with DefaultScope.overwrite_default_scope('mmsr_ext'):
        yield


@pytest.fixture
def make_pairs(tmp_path):
    """Write random smooth LQ/GT pairs; returns the dataset's folder arguments."""

    def make(name: str = 'pairs', count: int = 3, size: int = 48, scale: int = 4) -> dict:
        rng = np.random.default_rng(0)
        for part, edge in [('GT', size), ('LQ', size // scale)]:
            folder = tmp_path / name / part
            folder.mkdir(parents=True)
            for index in range(count):
                pixels = rng.integers(0, 256, (6, 6, 3), np.uint8)
                Image.fromarray(pixels).resize((edge, edge), Image.Resampling.BICUBIC).save(
                    folder / f'{index}.png'
                )
        return dict(
            gt_folder=str(tmp_path / name / 'GT'),
            lq_folder=str(tmp_path / name / 'LQ'),
            lq_name='{}',
            scale=scale,
        )

    return make


@pytest.fixture
def in_root(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')]))


@pytest.fixture
def demo_data(make_pairs):
    """Overrides that give a demo config tiny data: packed pairs to train on, folders to validate on."""
    from mmsr_ext.apis import pack_images

    folders = make_pairs()
    store = Path(folders['gt_folder']).with_name('store')
    pack_images(folders['gt_folder'], store, lq_folder=folders['lq_folder'], workers=0)
    data = {
        f'{loader}.dataset.{key}': value
        for loader in ('val_dataloader', 'test_dataloader')
        for key, value in folders.items()
    }
    return data | {'train_dataloader.dataset.store': str(store)}
