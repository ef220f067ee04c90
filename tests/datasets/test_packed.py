"""Samples and batches out of a packed store, beside those of the folders that it was made of."""

import json
import os
import pickle
import shutil
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.runner import Runner
from PIL import Image
from torch.utils.data import DataLoader

from mmsr_ext import InputError
from mmsr_ext.apis import make_pairs, pack_images, verify_store
from mmsr_ext.datasets import Draw, ImageDataset, InfiniteDraws, PackedPairs, PairedImageDataset, stack_images
from mmsr_ext.datasets.store import Store, write_header
from mmsr_ext.datasets.store_index import COLUMNS
from mmsr_ext.registry import MODELS

SIZES = [(53, 70), (48, 49), (90, 64)]


def write(folder, sizes=SIZES, seed=0):
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    for index, (height, width) in enumerate(sizes):
        Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8)).save(
            folder / f'image {index} ü.png'
        )
    return folder


@pytest.fixture
def photos(tmp_path):
    return write(tmp_path / 'photos')


@pytest.mark.parametrize('scale', [2, 3, 4, 8])
@pytest.mark.parametrize('gt_size', [24, None])
def test_pairs_are_those_of_the_folders(photos, tmp_path, scale, gt_size):
    """make_pairs is compared with MATLAB elsewhere."""
    make_pairs(photos, tmp_path / 'pairs', scale)
    pack_images(photos, tmp_path / 'store', scale, workers=0)
    options = dict(scale=scale, gt_size=gt_size, augment=True)
    folders = PairedImageDataset(str(tmp_path / 'pairs/GT'), str(tmp_path / f'pairs/LQx{scale}'), **options)
    packed = PackedPairs(str(tmp_path / 'store'), **options)
    assert len(packed) == len(folders) == 3
    for position in range(30):
        draw = Draw(position % 3, position, seed=2**40 + 1)
        expected, sample = folders[draw], packed[draw]
        assert torch.equal(sample['lq'], expected['inputs'])
        assert torch.equal(sample['gt'], expected['data_samples'].gt_img)
        assert sample['draw'] == (2**40 + 1, position)
        assert sample['key'] == expected['data_samples'].key == f'image {position % 3} ü'


def test_ground_truth_alone(photos, tmp_path):
    pack_images(photos, tmp_path / 'gt', workers=0)
    pack_images(
        photos, tmp_path / 'pairs', 2, workers=0
    )  # cropped to even sizes, so that crops fall elsewhere
    assert not (tmp_path / 'gt/lq.npy').exists()
    folder = ImageDataset(str(photos), gt_size=40, augment=True)
    packed, of_pairs = (
        PackedPairs(str(tmp_path / name), gt_size=40, augment=True) for name in ('gt', 'pairs')
    )
    for position in range(12):
        draw = Draw(position % 3, position, 7)
        assert torch.equal(packed[draw]['gt'], folder[draw]['inputs'])
        assert packed[draw].keys() == of_pairs[draw].keys() == {'gt', 'draw', 'key'}
        assert of_pairs[draw]['gt'].shape == (3, 40, 40)


def test_bare_index(photos, tmp_path):
    pack_images(photos, tmp_path / 'store', 4, workers=0)
    data = PackedPairs(str(tmp_path / 'store'), 4, gt_size=16)
    torch.manual_seed(3)
    first = [data[1] for _ in range(8)]
    torch.manual_seed(3)
    assert all(torch.equal(a['gt'], data[1]['gt']) for a in first)
    assert len({sample['gt'].numpy().tobytes() for sample in first}) > 4
    assert first[0]['draw'] == (-1, -1)


@pytest.mark.parametrize('workers', [0, 1, 3])
def test_batches(photos, tmp_path, workers):
    """Both ways to a batch, in this process and in others, against the samples one by one."""
    pack_images(photos, tmp_path / 'store', 4, workers=0)
    data = PackedPairs(str(tmp_path / 'store'), 4, gt_size=32, augment=True)
    draws = [draw for draw, _ in zip(InfiniteDraws(data, seed=5), range(16))]
    samples = [data[draw] for draw in draws]

    class OneByOne(torch.utils.data.Dataset):
        __len__, __getitem__ = data.__len__, staticmethod(data.__getitem__)

    for dataset in (data, OneByOne()):
        loader = DataLoader(
            dataset, 4, sampler=InfiniteDraws(data, seed=5), num_workers=workers, collate_fn=stack_images
        )
        batches = [batch for batch, _ in zip(loader, range(4))]
        for name, plural in [('gt', 'gt'), ('lq', 'lq'), ('draw', 'draws'), ('key', 'keys')]:
            found = [value for batch in batches for value in batch[plural]]
            assert all(
                torch.equal(torch.as_tensor(a), torch.as_tensor(b[name])) if name != 'key' else a == b[name]
                for a, b in zip(found, samples, strict=True)
            )
        batch = batches[0]
        assert batch.keys() == {'gt', 'lq', 'draws', 'keys'}
        assert (batch['gt'].shape, batch['lq'].shape, batch['draws'].shape) == (
            (4, 3, 32, 32),
            (4, 3, 8, 8),
            (4, 2),
        )
        assert (batch['gt'].dtype, batch['draws'].dtype) == (torch.uint8, torch.int64)
        assert all(batch[name].is_contiguous() for name in ('gt', 'lq', 'draws'))
        assert type(batch) is dict


def test_a_copy_for_another_process_opens_the_files_anew(photos, tmp_path):
    pack_images(photos, tmp_path / 'store', workers=0)
    data = PackedPairs(str(tmp_path / 'store'), gt_size=16)
    first = data[Draw(1, 2, 3)]  # opens the files
    pickled = pickle.dumps(data)
    assert len(pickled) < 5000
    assert torch.equal(pickle.loads(pickled)[Draw(1, 2, 3)]['gt'], first['gt'])


def test_configs_find_the_collate_function(photos, tmp_path, scope):
    """Also with a dataset of another kind in the place of PackedPairs."""
    pack_images(photos, tmp_path / 'store', workers=0)
    loader = dict(
        batch_size=2,
        num_workers=0,
        sampler=dict(type='InfiniteDraws', seed=1),
        collate_fn=dict(type='mmsr_ext.stack_images'),
    )
    build = partial(Runner.build_dataloader, seed=0)
    packed = build(loader | dict(dataset=dict(type='PackedPairs', store=str(tmp_path / 'store'), gt_size=24)))
    folder = build(loader | dict(dataset=dict(type='ImageDataset', gt_folder=str(photos), gt_size=24)))
    ours, theirs = next(iter(packed)), next(iter(folder))
    assert theirs.keys() == {'inputs', 'data_samples'}
    assert torch.equal(ours['gt'], torch.stack(theirs['inputs']))


def test_images_of_different_sizes_make_no_batch(photos, tmp_path):
    pack_images(photos, tmp_path / 'store', workers=0)
    data = PackedPairs(str(tmp_path / 'store'))
    assert data.__getitems__([1])['gt'].shape == (1, 3, 48, 49)
    for make in (lambda: data.__getitems__([0, 1]), lambda: stack_images([data[0], data[1]])):
        with pytest.raises(InputError, match=r'image 0 ü of 53x70 and image 1 ü of 48x49.*gt_size'):
            make()


def change(store, **changes):
    index = json.loads((store / 'index.json').read_text())
    (store / 'index.json').write_text(json.dumps(index | changes))


def change_row(store, column, value):
    rows = np.load(store / 'index.npy')
    rows[1, COLUMNS.index(column)] = value
    np.save(store / 'index.npy', rows)


def with_json_rows(store, out, version=1):
    """Copy a store, with its index as it was written before: a list of images in JSON."""
    opened = Store(store)
    shutil.copytree(store, out)
    (out / 'index.npy').unlink()
    (out / 'names.npy').unlink()
    names = ['format', 'scale', 'bytes', *(['channels', 'depth'] if version == 2 else [])]
    head = {name: opened.index.head[name] for name in names}
    images = [opened.index[number] for number in range(len(opened))]
    (out / 'index.json').write_text(json.dumps(head | dict(version=version, images=images)))


@pytest.mark.parametrize(('version', 'channels', 'depth'), [(1, 3, 8), (2, 1, 8), (2, 3, 16)])
def test_a_store_of_an_earlier_version_is_read(photos, tmp_path, version, channels, depth):
    pack_images(photos, tmp_path / 'new', 4, workers=0, channels=channels, depth=depth)
    with_json_rows(tmp_path / 'new', tmp_path / 'old', version)
    new, old = (
        PackedPairs(str(tmp_path / name), 4, gt_size=16, augment=True, channels=channels, weighting='area')
        for name in ('new', 'old')
    )
    assert len(old) == 3
    for draw, _ in zip(InfiniteDraws(new, seed=3), range(12)):
        ours, theirs = new[draw], pickle.loads(pickle.dumps(old))[draw]
        assert ours['key'] == theirs['key']
        assert torch.equal(ours['gt'], theirs['gt'])
        assert torch.equal(ours['lq'], theirs['lq'])
    assert verify_store(tmp_path / 'old', workers=0) == 3


@pytest.mark.slow
def test_a_million_images(tmp_path):
    """Opening reads the numbers of the index once and keeps none; crops cost the same as of a small store."""
    opening, reading, private = {}, {}, {}
    for count in (1000, 1_000_000):
        store = tmp_path / str(count)
        store.mkdir()
        rows = np.zeros((count, len(COLUMNS)), '<i8')
        rows[:, :2] = 32
        rows[:, 2], rows[:, 3] = np.arange(count) * 3 * 32 * 32, np.arange(count) * 3 * 8 * 8
        rows[:, 6], rows[:, 7] = 4 * np.arange(count), 4
        np.save(store / 'index.npy', rows)
        np.save(store / 'names.npy', np.full(4 * count, ord('n'), np.uint8))
        lengths = dict(gt=count * 3 * 32 * 32, lq=count * 3 * 8 * 8)
        for part, length in lengths.items():
            write_header(store / f'{part}.npy', length)  # a sparse file
        head = dict(format='mmsr_ext.PackedPairs', version=3, scale=4, bytes=lengths)
        (store / 'index.json').write_text(json.dumps(head | dict(images=count, names=4 * count)))
        before, start = private_bytes(), bytes_read()
        data = PackedPairs(str(store), 4, gt_size=16)
        opening[count] = bytes_read() - start
        draws = [draw for draw, _ in zip(InfiniteDraws(data, seed=0), range(320))]
        private[count] = private_bytes() - before
        start = bytes_read()
        for first in range(0, len(draws), 16):
            data.__getitems__(draws[first : first + 16])
        reading[count] = bytes_read() - start
    assert opening[1_000_000] < 1_000_000 * 8 * len(COLUMNS) + 10_000
    assert private[1_000_000] < 20 * 2**20
    assert reading[1_000_000] < 1.2 * reading[1000]


def bytes_read():
    return int(Path('/proc/self/io').read_text().split('rchar:')[1].split()[0])


def private_bytes():
    lines = Path('/proc/self/smaps_rollup').read_text().splitlines()
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith('Private'))


def test_stores_that_cannot_be_used(photos, tmp_path):
    good = tmp_path / 'good'
    pack_images(photos, good, 4, workers=0)
    pack_images(photos, tmp_path / 'gt', workers=0)
    (tmp_path / '.half.partial').mkdir()
    old = tmp_path / 'old'
    with_json_rows(good, old)
    rows = json.loads((old / 'index.json').read_text())['images']
    outside = [[*rows[0][:3], 10**9, *rows[0][4:]], *rows[1:]]
    broken = {
        'short': lambda store: os.truncate(store / 'gt.npy', 1000),
        'longer': lambda store: (store / 'lq.npy').write_bytes(b'0' + (store / 'lq.npy').read_bytes()),
        'missing': lambda store: (store / 'lq.npy').unlink(),
        'unindexed': lambda store: (store / 'index.json').unlink(),
        'cut': lambda store: (store / 'index.json').write_text('{"format": "mmsr_ext.Pa'),
        'other': lambda store: (store / 'index.json').write_text('[1]'),
        'newer': lambda store: change(store, version=4),
        'none': lambda store: change(store, images=0),
        'text': lambda store: change(store, images='three'),
        'rowless': lambda store: (store / 'index.npy').unlink(),
        'shortindex': lambda store: os.truncate(store / 'index.npy', 200),
        'shortnames': lambda store: os.truncate(store / 'names.npy', 130),
        'outside': lambda store: change_row(store, 'gt', 10**9),
        'far': lambda store: change_row(store, 'lq', 2**63 - 1),
        'negative': lambda store: change_row(store, 'gt', -1),
        'odd': lambda store: change_row(store, 'height', 50),
        'unnamed': lambda store: change_row(store, 'name_length', 10**6),
    }
    broken_1 = {
        'outside_1': lambda store: change(store, images=outside),
        'columns_1': lambda store: change(store, images=[['a', 1]]),
        'numbers_1': lambda store: change(store, images=[[3, *rows[0][1:]]]),
        'none_1': lambda store: change(store, images=[]),
    }
    for name, breaking in broken_1.items():
        shutil.copytree(old, tmp_path / name)
        breaking(tmp_path / name)
    for name, breaking in broken.items():
        shutil.copytree(good, tmp_path / name)
        breaking(tmp_path / name)
    for name, options, named in [
        ('nowhere', {}, r'nowhere does not exist\. Pack it\.'),
        ('half', {}, 'half is not finished; repeat'),
        ('short', {}, r'gt\.npy has 1,000 bytes; the index says .*copied in part'),
        ('longer', {}, r'lq\.npy has .*the index says'),
        ('missing', {}, r'lq\.npy cannot be read \(No such file'),
        ('unindexed', {}, r'no packed store: it has no index\.json'),
        ('photos', {}, r'no packed store.*pack_data\.py .*photos STORE'),
        ('cut', {}, r'index\.json is damaged'),
        ('other', {}, 'not the index of a packed store'),
        ('newer', {}, r'version 4; this release reads versions 1 to 3\. Pack it again'),
        ('none', {}, r'index\.json is damaged.*0 images'),
        ('text', {}, r'index\.json is damaged'),
        ('rowless', {}, r'index\.npy cannot be read \(No such file'),
        ('shortindex', {}, r'index\.npy has 200 bytes; the index says'),
        ('shortnames', {}, r'names\.npy has 130 bytes; the index says'),
        ('outside', {}, r'index\.json is damaged.*beyond the end of its array'),
        ('far', {}, r'index\.json is damaged'),
        ('negative', {}, r'index\.json is damaged.*image 1'),
        ('odd', {}, r'index\.json is damaged.*image 1 of 50x'),
        ('unnamed', {}, r'index\.json is damaged.*name lies beyond'),
        ('outside_1', {}, r'index\.json is damaged.*beyond the end'),
        ('columns_1', {}, r'index\.json is damaged'),
        ('numbers_1', {}, r'index\.json is damaged'),
        ('none_1', {}, r'index\.json is damaged.*0 images'),
        ('good', dict(scale=2), 'pairs at scale 4, but the config wants pairs at scale 2'),
        ('gt', {}, 'has GT alone, but the config wants pairs at scale 4'),
        ('good', dict(scale=0), 'scale=0'),
        ('good', dict(gt_size=18), 'gt_size=18 must be a multiple'),
        ('good', dict(gt_size='32'), "gt_size='32' must be an integer or None"),
        ('good', dict(gt_size=52), r'image 1 ü in .* is 48x48, smaller than the crop of 52x52'),
    ]:
        with pytest.raises(InputError, match=named) as caught:
            PackedPairs(str(tmp_path / name), **{'scale': 4, 'hint': 'Pack it.', **options})
        assert '\n' not in str(caught.value)


@pytest.mark.parametrize('way', ['shortened', 'replaced', 'removed', 'written'])
@pytest.mark.parametrize('workers', [0, 1])
def test_a_store_changed_while_it_is_read(photos, tmp_path, way, workers):
    store = tmp_path / 'store'
    pack_images(photos, store, 4, workers=0)
    data = PackedPairs(str(store), 4, gt_size=16)
    batches = iter(
        DataLoader(data, 2, sampler=InfiniteDraws(data, seed=1), num_workers=workers, collate_fn=stack_images)
    )
    next(batches)
    if way == 'shortened':
        os.truncate(store / 'gt.npy', 2000)
    elif way == 'written':
        with (store / 'gt.npy').open('r+b') as file:
            file.write(b'x')
    else:
        store.rename(tmp_path / 'old')
        if way == 'replaced':
            shutil.copytree(tmp_path / 'old', store)
    with pytest.raises(
        InputError, match=r'(gt|lq)\.npy (was changed while it was being read|cannot be read)'
    ) as caught:
        list(islice(batches, 10))
    assert 'Traceback' not in str(caught.value)


def test_a_store_shortened_after_the_check(photos, tmp_path, monkeypatch):
    """The file may shrink between the check and the read: an error, never the end of the process."""
    pack_images(photos, tmp_path / 'store', 4, workers=0)
    data = PackedPairs(str(tmp_path / 'store'), 4, gt_size=16)
    data[Draw(1, 2, 3)]
    monkeypatch.setattr(data.stores, 'check_unchanged', lambda: None)
    os.truncate(tmp_path / 'store' / 'gt.npy', 200)
    with pytest.raises(InputError, match=r'gt\.npy was changed while it was being read'):
        data[Draw(1, 2, 3)]


def test_the_files_are_closed_with_the_store(photos, tmp_path):
    pack_images(photos, tmp_path / 'store', workers=0)
    before = len(os.listdir('/proc/self/fd'))
    data = PackedPairs(str(tmp_path / 'store'), gt_size=16)
    data[Draw(1, 2, 3)]
    assert len(os.listdir('/proc/self/fd')) == before + 3  # pixels, rows and names
    del data
    assert len(os.listdir('/proc/self/fd')) == before


def test_lmdb_and_folders_through_mmagic_still_work(photos, tmp_path, scope):
    """A training step's batch from PNG and from LMDB, by MMagic's dataset and transforms."""
    lmdb = pytest.importorskip('lmdb')
    make_pairs(
        {f'image{index}': path for index, path in enumerate(sorted(photos.iterdir()))}, tmp_path / 'pairs', 4
    )
    loads = {}
    for key, part in [('gt', 'GT'), ('img', 'LQx4')]:
        files = sorted((tmp_path / 'pairs' / part).iterdir())
        with (
            lmdb.open(str(tmp_path / f'{part}.lmdb'), map_size=2**24) as environment,
            environment.begin(write=True) as transaction,
        ):
            for path in files:
                transaction.put(path.stem.encode(), path.read_bytes())
        loads[key] = dict(type='LoadImageFromFile', key=key, channel_order='rgb')
    tail = [
        dict(type='SetValues', dictionary=dict(scale=4)),
        dict(type='PairedRandomCrop', gt_patch_size=32),
        dict(type='PackInputs'),
    ]
    common = dict(
        type='BasicImageDataset',
        metainfo=dict(task_name='sisr'),
        data_root=str(tmp_path / 'pairs'),
        data_prefix=dict(img='LQx4', gt='GT'),
    )
    of_lmdb = [
        dict(load, backend_args=dict(backend='lmdb', db_path=str(tmp_path / f'{part}.lmdb')))
        for load, part in [(loads['gt'], 'GT'), (loads['img'], 'LQx4')]
    ]
    batches = []
    for pipeline in (of_lmdb + tail, [*loads.values(), *tail]):
        loader = Runner.build_dataloader(
            dict(
                batch_size=3,
                num_workers=0,
                sampler=dict(type='DefaultSampler', shuffle=False),
                dataset=dict(common, pipeline=pipeline),
            )
        )
        np.random.seed(0)
        batches.append(
            MODELS.build(dict(type='ImagePreprocessor', mean=0.0, std=255.0))(
                next(iter(loader)), training=True
            )
        )
    first, second = batches
    assert first['inputs'].shape == (3, 3, 8, 8)
    assert torch.equal(first['inputs'], second['inputs'])
    assert torch.equal(first['data_samples'].gt_img, second['data_samples'].gt_img)


def test_all_images_that_are_too_small_are_named_and_counted(tmp_path):
    for index, side in enumerate((40, 64, 48)):
        path = tmp_path / f'photos/{index}.png'
        path.parent.mkdir(exist_ok=True)
        Image.new('RGB', (side, 64)).save(path)
    pack_images(tmp_path / 'photos', tmp_path / 'store', 4, workers=0)
    lines = (
        r'2 of 3 images are too small:\n  0 in .*store is 64x40, smaller.*\n  2 in .*store is 64x48.*\n'
        r'.*--min-size 60 --pad'
    )
    with pytest.raises(InputError, match=lines):
        PackedPairs(str(tmp_path / 'store'), 4, 60)
    with pytest.raises(InputError, match=r'2 of 3 images(.|\n)*0\.png is 64x40(.|\n)*2\.png is 64x48'):
        ImageDataset(str(tmp_path / 'photos'), 60)
