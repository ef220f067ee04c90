"""Damaged configs and files end in one InputError or in a run; each case in a copy of a process that is
warm."""

import copy
import random
import shutil
from collections import Counter
from pathlib import Path

import pytest
import torch
from support.file_fuzz import fuzz
from support.fuzz import (
    expected_rates,
    mutate_config,
    mutate_file,
    outcome,
    reschedule,
    slip,
    tally,
    tiny_config,
    write,
)

from mmsr_ext import InputError
from mmsr_ext.apis import evaluate, pack_images, train
from mmsr_ext.config.load import load_config
from mmsr_ext.datasets import PackedPairs, PairedImageDataset

pytestmark = pytest.mark.forks


@pytest.fixture
def tiny(make_pairs, in_root):
    return tiny_config(make_pairs())


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
        if what.split()[2].startswith('test_'):
            results[what] = outcome(
                lambda path=path: evaluate(
                    path, [str(tmp_path / 'warm2/iter_2.pth')], str(tmp_path / 'tested')
                ),
                tmp_path / 'log',
            )
            continue
        results[what] = outcome(
            lambda path=path, number=number: train(path, str(tmp_path / f'run_{number}')), tmp_path / 'log'
        )
        for checkpoint in (tmp_path / f'run_{number}').glob('*.pth'):
            torch.load(checkpoint, weights_only=True)  # whole
        last = tmp_path / f'run_{number}' / 'last_checkpoint'
        assert not last.exists() or Path(last.read_text()).exists(), what
        shutil.rmtree(tmp_path / f'run_{number}', ignore_errors=True)
    kinds, bad = tally(results)
    print(kinds, *(f'{what} -> {result}' for what, result in results.items()), sep='\n')
    assert not bad, '\n'.join(f'{what} -> {result}' for what, result in bad.items())


@pytest.mark.parametrize('count', [20, pytest.param(300, marks=pytest.mark.slow)])
def test_slips(tiny, tmp_path, count):
    """A misspelt key is named, before anything is built."""
    rng, results = random.Random(7), {}
    load_config(write(tiny, tmp_path / 'good.py'))
    for number in range(count):
        config = copy.deepcopy(tiny)
        what, wrong = slip(config, rng)
        try:
            load_config(write(config, tmp_path / f'slip_{number}.py'))
            results[f'{number}: {what}'] = 'nothing said'
        except InputError as error:
            named = repr(wrong) in str(error) and '\n' not in str(error)
            results[f'{number}: {what}'] = 'named' if named else f'another: {error}'
    print(Counter(result.partition(':')[0] for result in results.values()))
    bad = [f'{what} -> {result}' for what, result in results.items() if result != 'named']
    assert not bad, '\n'.join(bad)


@pytest.mark.parametrize('count', [3, pytest.param(300, marks=pytest.mark.slow)])
def test_changed_schedules_at_resume(tiny, tmp_path, count):
    """The rates after a resume are those of a run whose config had always been this one."""
    config = copy.deepcopy(tiny)
    config['param_scheduler'] = dict(type='MultiStepLR', by_epoch=False, milestones=[1, 4], gamma=0.1)
    for name in ('val_dataloader', 'val_cfg', 'val_evaluator'):
        config.pop(name)
    config['train_cfg'].pop('val_interval')
    config['default_hooks']['checkpoint']['interval'] = 1
    train(write(config, tmp_path / 'before.py'), str(tmp_path / 'run'))
    start = str(tmp_path / 'run/iter_2.pth')
    rng, results = random.Random(8), {}
    for number in range(count):
        changed = copy.deepcopy(config)
        changed['train_cfg']['max_iters'] = 4
        what = f'{number}: {reschedule(changed, rng)}'
        path, folder = write(changed, tmp_path / f'resumed_{number}.py'), tmp_path / f'resumed_{number}'
        results[what] = outcome(
            lambda path=path, folder=folder: train(path, str(folder), start), tmp_path / 'log'
        )
        if results[what] == 'success':
            last = changed['train_cfg']['max_iters']
            saved = torch.load(folder / f'iter_{last}.pth', weights_only=True)['optimizer']
            for name, rate in expected_rates(changed, last).items():
                group = saved[name]['param_groups'][0]
                assert group['lr'] == pytest.approx(rate, rel=1e-12), (what, name)
                decay = changed['optim_wrapper'][name]['optimizer'].get('weight_decay', 0)
                assert group['weight_decay'] == decay, (what, name)
            if number % 50 == 0:  # the closed form itself, against a run that was not resumed
                train(path, str(tmp_path / 'unbroken'))
                unbroken = torch.load(tmp_path / f'unbroken/iter_{last}.pth', weights_only=True)['optimizer']
                for name in unbroken:
                    rates = [each[name]['param_groups'][0]['lr'] for each in (saved, unbroken)]
                    assert rates[0] == pytest.approx(rates[1], rel=1e-12), (what, name)
                shutil.rmtree(tmp_path / 'unbroken')
        shutil.rmtree(folder, ignore_errors=True)
    kinds, bad = tally(results)
    print(kinds)
    assert kinds['success'] == count, '\n'.join(f'{what} -> {result}' for what, result in bad.items())


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
        train(
            config, str(tmp_path / 'resumed'), str(folder / 'iter_2.pth'), options={'train_cfg.max_iters': 4}
        )

    rng, results = random.Random(6), {}
    for number in range(count):
        shutil.rmtree(folder)
        shutil.copytree(kept, folder)
        name = rng.choice(files)
        what = (
            f'{number}: {mutate_file(folder / name, [kept / other for other in files if other != name], rng)}'
        )
        case = (
            rng.choice([test, resume])
            if name.suffix == '.pth'
            else store
            if name.parts[0] == 'store'
            else rng.choice([images, pack])
        )
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
    print(kinds, *(f'{what} -> {result}' for what, result in results.items()), sep='\n')
    assert not bad, '\n'.join(f'{what} -> {result}' for what, result in bad.items())


@pytest.mark.parametrize('count', [15, pytest.param(300, marks=pytest.mark.slow)])
def test_strangers_files(tmp_path, count):
    kinds, bad, memory, seconds = fuzz(tmp_path / 'fuzz', range(count))
    print(kinds, f'at most {memory / 2**20:.0f} MiB, {seconds:.1f} s')
    assert not bad, bad
