"""Damaged configs and files end in one InputError or in a run; each case in a copy of a process that is warm."""

import copy
import random
import shutil

import pytest
import torch
from fuzz_helper import mutate_config, mutate_file, outcome, tally

from mmsr_ext.apis import evaluate, pack_images, train
from mmsr_ext.apis.config import load_config
from mmsr_ext.datasets import PackedPairs, PairedImageDataset

LOADER = dict(num_workers=0, persistent_workers=False, pin_memory=False)


@pytest.fixture
def tiny(make_pairs, in_root):
    """A GAN that trains for two iterations in a blink, as a plain dict."""
    folders = make_pairs()
    torch.set_num_threads(1)
    cfg = load_config('configs/srgan_x4_demo.py')
    pairs = dict(folders, type='PairedImageDataset', gt_size=32)
    cfg.merge_from_dict({
        'model.generator': dict(_delete_=True, type='SRResNet', mid_channels=4, num_blocks=1, scale=4),
        'model.discriminator.mid_channels': 2,
        'model.discriminator.dense_channels': 4,
        'model.discriminator.patch_size': 32,
        'train_dataloader': dict(LOADER, batch_size=2),
        'val_dataloader': dict(LOADER),
        'train_cfg': dict(max_iters=2, val_interval=2),
        'default_hooks': dict(checkpoint=dict(interval=2), logger=dict(interval=1)),
    })
    config = cfg.to_dict()
    config['train_dataloader']['dataset'] = pairs
    config['val_dataloader']['dataset'] = dict(folders, type='PairedImageDataset')
    config['test_dataloader'] = copy.deepcopy(config['val_dataloader'])
    for key in ('work_dir', 'filename', 'demo_train', 'demo_val', 'demo_hint', 'div2k_hint', 'div2k_pack', 'pretrained_generator'):
        config.pop(key, None)
    return config


def write(config, path):
    """As a config file; nan and inf are written as Python reads them."""
    lines = [f'{key} = {value!r}' for key, value in config.items()]
    path.write_text('\n'.join(lines).replace('nan', "float('nan')") + '\n')
    return str(path)


@pytest.mark.parametrize('count', [20, pytest.param(300, marks=pytest.mark.slow)])
def test_configs(tiny, tmp_path, count):
    good = write(tiny, tmp_path / 'good.py')
    assert outcome(lambda: train(good, str(tmp_path / 'warm')), tmp_path / 'log') == 'success'
    train(good, str(tmp_path / 'warm2'))  # imports all that the copies need
    rng, results = random.Random(5), {}
    for number in range(count):
        config = copy.deepcopy(tiny)
        what = f'{number}: {mutate_config(config, rng)}'
        path = write(config, tmp_path / f'fuzz_{number}.py')
        results[what] = outcome(lambda path=path, number=number: train(path, str(tmp_path / f'run_{number}')), tmp_path / 'log')
        for checkpoint in (tmp_path / f'run_{number}').glob('*.pth'):
            torch.load(checkpoint, weights_only=True)  # whole
        if results[what] != 'success':
            assert not (tmp_path / f'run_{number}' / 'last_checkpoint').exists(), what
        shutil.rmtree(tmp_path / f'run_{number}', ignore_errors=True)
    kinds, bad = tally(results)
    print(kinds)
    assert not bad, '\n'.join(f'{what} -> {result}' for what, result in bad.items())


@pytest.mark.parametrize('count', [30, pytest.param(300, marks=pytest.mark.slow)])
def test_files(tiny, tmp_path, count):
    config = write(tiny, tmp_path / 'good.py')
    train(config, str(tmp_path / 'run'))
    pairs = {key: value for key, value in tiny['val_dataloader']['dataset'].items() if key != 'type'}
    folder = tmp_path / 'pairs'
    pack_images(pairs['gt_folder'], folder / 'store', lq_folder=pairs['lq_folder'], workers=0)
    shutil.copy(tmp_path / 'run/iter_2.pth', folder / 'iter_2.pth')
    kept = tmp_path / 'kept'
    shutil.copytree(folder, kept)
    files = sorted(path.relative_to(kept) for path in kept.rglob('*') if path.is_file())

    def images():
        data = PairedImageDataset(**pairs, gt_size=16)
        return [data[index] for index in range(3)]

    def store():
        data = PackedPairs(str(folder / 'store'), 4, 16)
        return [data[index] for index in range(3)]

    def pack():
        pack_images(pairs['gt_folder'], tmp_path / 'new', lq_folder=pairs['lq_folder'], workers=0)

    def test():
        evaluate(config, [str(folder / 'iter_2.pth')], str(tmp_path / 'tested'))

    def resume():
        train(config, str(tmp_path / 'resumed'), str(folder / 'iter_2.pth'), options={'train_cfg.max_iters': 4})

    rng, results = random.Random(6), {}
    for number in range(count):
        shutil.rmtree(folder)
        shutil.copytree(kept, folder)
        name = rng.choice(files)
        what = f'{number}: {mutate_file(folder / name, [kept / other for other in files if other != name], rng)}'
        case = rng.choice([test, resume]) if name.suffix == '.pth' else store if name.parts[0] == 'store' else rng.choice([images, pack])
        what += f', {case.__name__}'
        results[what] = outcome(case, tmp_path / 'log')
        if (tmp_path / 'new').exists():
            assert results[what] == 'success', what
            shutil.rmtree(tmp_path / 'new')
        shutil.rmtree(tmp_path / '.new.partial', ignore_errors=True)
        for checkpoint in (tmp_path / 'resumed').glob('*.pth'):
            torch.load(checkpoint, weights_only=True)
        shutil.rmtree(tmp_path / 'resumed', ignore_errors=True)
    kinds, bad = tally(results)
    print(kinds)
    assert not bad, '\n'.join(f'{what} -> {result}' for what, result in bad.items())
