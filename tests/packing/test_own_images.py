"""A config for one's own images."""

import importlib
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image
from support import ROOT

from mmsr_ext import InputError
from mmsr_ext.config.load import load_config
from mmsr_ext.datasets import PackedPairs, PairedImageDataset
from mmsr_ext.packing import choices as choices_module
from mmsr_ext.packing.choices import choose
from mmsr_ext.packing.own_images import prepare


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """Thirty photographs, one of which is smaller than the crops."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        importlib.import_module('mmsr_ext.packing.own_config'), '_can_download', lambda: False
    )
    (tmp_path / 'photos').mkdir()
    rng = np.random.default_rng(0)
    for index in range(30):
        shape = (60, 100, 3) if index == 7 else (97, 130 + index, 3)
        Image.fromarray(rng.integers(0, 256, shape, np.uint8)).save(f'photos/{index:02}.png')
    return tmp_path / 'photos'


def test_a_config_that_trains_as_it_is(photos):
    result = prepare('srgan_x4', 'my.py', 'photos', workers=0)
    assert (result.packed.images, result.held_out, result.packed.skipped) == (26, 3, 1)
    cfg = load_config('my.py')
    store = PackedPairs(cfg.train_dataloader.dataset.store, 4, cfg.train_dataloader.dataset.gt_size)
    held = PairedImageDataset(
        *(cfg.val_dataloader.dataset[key] for key in ('gt_folder', 'lq_folder')), scale=4
    )
    names = {sample['key'] for sample in store}
    assert len(names) == 26
    assert names.isdisjoint(held.names)
    assert '07' not in names | set(held.names)
    assert cfg.train_dataloader.batch_size == 16
    assert cfg.model.generator.init_cfg is None
    assert cfg.model.perceptual_loss.pretrained == 'builtin'
    assert (cfg.model.pixel_loss.loss_weight, cfg.model.gan_loss.loss_weight) == (1e-2, 1e-3)
    text = Path('my.py').read_text()
    lines = [line for line in text.splitlines() if line.strip(' )(,') and '#' not in line]
    # only what opens a dict, or what is explained above it, has no comment of its own
    assert all(line.endswith('dict(') or 'init_generator' in line or 'perceptual' in line for line in lines)


def test_an_interrupted_call_goes_on(photos, monkeypatch):
    module = importlib.import_module('mmsr_ext.packing.own_images')
    with monkeypatch.context() as patch:
        patch.setattr(module, 'make_pairs', lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            prepare('srresnet_x4_demo', 'my.py', 'photos', workers=0)
    assert not (photos.parent / 'my.py').exists()
    assert prepare('srresnet_x4_demo', 'my.py', 'photos', workers=0).packed.images == 26
    with pytest.raises(InputError, match=r'my\.py exists already'):
        prepare('srresnet_x4_demo', 'my.py', 'photos', workers=0)
    (photos / 'others').mkdir()
    for index in range(4):
        Image.new('RGB', (100, 100)).save(photos / f'others/x{index}.png')
    with pytest.raises(InputError, match=r'data/my/train has other images, such as 01'):
        prepare('srresnet_x4_demo', 'b.py', 'photos/others', data='data/my', workers=0)


def test_small_images_make_a_smaller_crop_or_are_padded(photos):
    for path in photos.iterdir():
        Image.open(path).crop((0, 0, 90, 70)).save(path)
    result = prepare('srgan_x4', 'small.py', 'photos', workers=0)
    assert (result.choices.crop, result.choices.recipe_crop) == (64, 96)
    assert load_config('small.py').model.discriminator.patch_size == 64
    result = prepare('srgan_x4', 'padded.py', 'photos', pad=True, workers=0)
    assert (result.choices.crop, result.packed.padded, result.packed.skipped) == (96, 27, 0)
    assert len(PackedPairs('data/padded/train', 4, 96)) == 27


def test_all_that_cannot_be_taken_is_named_and_counted(photos):
    (photos / '03.png').write_text('no image')
    Image.new('RGBA', (100, 100), (1, 2, 3, 4)).save(photos / '04.png')
    with pytest.raises(InputError, match=r'2 of 30 images (.|\n)*03\.png(.|\n)*04\.png'):
        prepare('srresnet_x4', 'my.py', 'photos', workers=0)
    assert sorted(path.name for path in photos.parent.iterdir()) == ['photos']


@pytest.mark.slow
def test_recipes_of_other_kinds(photos):
    result = prepare('realesrnet_x4_compact', 'real.py', 'photos', pad=True, workers=0)
    assert (result.choices.crop, result.choices.store_crop) == (256, 400)
    assert PackedPairs('data/real/train', None, 400)[0]['gt'].shape == (3, 400, 400)
    with pytest.raises(InputError, match='needs a blurred image for each sharp one'):
        prepare('deblurgan_gopro', 'blur.py', 'photos', workers=0)
    result = prepare('deblurgan_gopro', 'blur.py', 'photos', 'photos', pad=True, workers=0)
    assert PackedPairs('data/blur/train', 1, 256)[0]['lq'].shape == (3, 256, 256)
    assert len(PairedImageDataset('data/blur/val/GT', 'data/blur/val/LQx1', 1)) == 3


def test_the_batch_goes_with_the_memory(monkeypatch):
    cfg = Config.fromfile(ROOT / 'configs/srresnet_x4.py')
    chosen = []
    for free in (64e9, 5e8, 1e7):
        monkeypatch.setattr(choices_module, 'free_memory', lambda free=free: int(free))
        monkeypatch.setattr(choices_module, 'pick_device', lambda: 'cpu')
        chosen.append(choose(cfg, [(500, 500)] * 10).batch)
    assert chosen[0] == 16 > chosen[1] > chosen[2] == 1
