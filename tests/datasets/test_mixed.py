"""Mixtures of datasets: their proportions, their batches, and resuming in the middle."""

import pickle
from collections import Counter
from itertools import islice

import numpy as np
import pytest
import torch
from mmengine.runner import Runner
from PIL import Image
from torch.utils.data import Dataset

from mmsr_ext import InputError
from mmsr_ext.apis import pack_images
from mmsr_ext.datasets import Draw, InfiniteDraws, MixedDataset, PackedPairs, stack_images
from mmsr_ext.registry import MODELS


class Numbers(Dataset):
    """Samples that tell the dataset, the image and the draw that they belong to."""

    def __init__(self, name, size):
        self.name, self.size = name, size

    def __len__(self):
        return self.size

    def __getitem__(self, draw):
        return self.name, int(draw), getattr(draw, 'position', None)


def drawn(mixture, count, start=0, seed=0):
    sampler = InfiniteDraws(mixture, seed=seed)
    sampler.start = start
    return [mixture[draw] for draw in islice(sampler, count)]


@pytest.mark.parametrize('sizes', [(7, 5), (3000, 20), (20, 3000), (5000, 2000)])
@pytest.mark.parametrize('weights', [(0.7, 0.3), (7, 3), (1, 2), (0.998, 0.002)])
def test_shares_are_exact_in_every_pass(sizes, weights):
    mixture = MixedDataset([Numbers('a', sizes[0]), Numbers('b', sizes[1])], weights=weights)
    count = len(mixture)
    assert count == 1000 * -(-sum(sizes) // 1000)
    for start in (0, 3 * count):
        names = Counter(name for name, _, _ in drawn(mixture, count, start))
        assert abs(names['a'] - count * weights[0] / sum(weights)) <= 0.5


@pytest.mark.parametrize('seed', [0, 1])
def test_shares_in_a_part_of_a_pass(seed):
    """Chi-square with 1 degree of freedom: 10.8 is exceeded once in a thousand by independent draws."""
    mixture = MixedDataset([Numbers('a', 30_000), Numbers('b', 10)], weights=[0.7, 0.3])
    names = Counter(name for name, _, _ in drawn(mixture, 2000, 500, seed))
    assert (names['a'] - 1400) ** 2 / 1400 + (names['b'] - 600) ** 2 / 600 < 10.8


@pytest.mark.parametrize('lengths', [[3, 8], [100, 4], [12, 8], [24, 9]])
def test_each_image_comes_as_often_as_any_other_of_its_dataset(lengths):
    mixture = MixedDataset([Numbers('a', 12), Numbers('b', 8)], lengths=lengths)
    assert len(mixture) == sum(lengths)
    counts = Counter(drawn_[:2] for drawn_ in drawn(mixture, 10 * len(mixture)))
    for name, size, length in (('a', 12, lengths[0]), ('b', 8, lengths[1])):
        times = [counts[name, index] for index in range(size)]
        assert sum(times) == 10 * length
        assert max(times) - min(times) <= 1


def test_the_images_of_a_pass_are_spread_over_the_dataset():
    """A pass has 60 of 6000 images; chi-square over 6 neighbourhoods, 5 degrees of freedom: 20.5."""
    mixture = MixedDataset([Numbers('a', 6000), Numbers('b', 10)], lengths=[60, 60])
    images = [index for name, index, _ in drawn(mixture, 120) if name == 'a']
    assert len(set(images)) == 60
    assert sum((count - 10) ** 2 / 10 for count in np.bincount(np.array(images) // 1000, minlength=6)) < 20.5


def test_the_draw_reaches_the_dataset():
    samples = drawn(MixedDataset([Numbers('a', 3), Numbers('b', 4)], weights=[1, 1]), 50, start=40)
    assert [position for _, _, position in samples] == list(range(40, 90))


def test_resumed_anywhere_it_goes_on_exactly():
    def build():
        return MixedDataset([Numbers('a', 30), Numbers('b', 4000)], weights=[0.4, 0.6])

    whole = drawn(build(), 12_100, seed=4)
    for start in (1, 4999, 5000, 12_000):
        assert drawn(pickle.loads(pickle.dumps(build())), 100, start, seed=4) == whole[start : start + 100]
    assert drawn(build(), 100, seed=5) != whole[:100]


def test_bare_indices():
    whole = MixedDataset([Numbers('a', 3), Numbers('b', 2)])
    assert [whole[index][:2] for index in range(-1, 5)] == [
        ('b', 1), ('a', 0), ('a', 1), ('a', 2), ('b', 0), ('b', 1),
    ]  # fmt: skip
    with pytest.raises(IndexError):
        whole[5]
    assert len(list(whole)) == 5
    some = MixedDataset([Numbers('a', 3000), Numbers('b', 2)], lengths=[10, 10])
    torch.manual_seed(0)
    assert len({some[0][1] for _ in range(50)}) > 40  # not the same ten for ever


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp('mixed')
    rng = np.random.default_rng(0)
    for name, count in (('photos', 4), ('text', 3)):
        for part, edge in (('GT', 48), ('LQ', 12)):
            (root / name / part).mkdir(parents=True)
            for index in range(count):
                pixels = rng.integers(0, 256, (edge, edge, 3), np.uint8)
                Image.fromarray(pixels).save(root / name / part / f'{name} {index}.png')
        pack_images(root / name / 'GT', root / f'{name}_x4', lq_folder=root / name / 'LQ', workers=0)
        pack_images(root / name / 'GT', root / f'{name}_gt', workers=0)
    return root


def packed(folders, name, **options):
    return dict(
        type='PackedPairs', store=str(folders / f'{name}_x4'), scale=4, gt_size=16, augment=True, **options
    )


def paired(folders, name):
    return dict(
        type='PairedImageDataset',
        gt_folder=str(folders / name / 'GT'),
        lq_folder=str(folders / name / 'LQ'),
        scale=4,
        gt_size=16,
        augment=True,
    )


def batches(dataset, workers, start, count):
    loader = Runner.build_dataloader(
        dict(
            batch_size=8,
            num_workers=workers,
            sampler=dict(type='InfiniteDraws', seed=6),
            collate_fn=dict(type='mmsr_ext.stack_images'),
            dataset=dict(type='MixedDataset', weights=[0.7, 0.3], datasets=dataset),
        ),
        seed=0,
    )
    loader.sampler.start = 8 * start
    return [batch for batch, _ in zip(loader, range(count))]


@pytest.mark.parametrize('workers', [0, 2])
def test_batches_of_stores_resume_exactly(folders, scope, workers):
    datasets = [packed(folders, 'photos'), packed(folders, 'text', weighting='area')]
    whole = batches(datasets, 0, 0, 6)
    rest = batches(datasets, workers, 3, 3)
    for batch, expected in zip(rest, whole[3:], strict=True):
        assert batch.keys() == expected.keys() == {'gt', 'lq', 'draws', 'keys'}
        assert all(torch.equal(batch[name], expected[name]) for name in ('gt', 'lq', 'draws'))
        assert batch['keys'] == expected['keys']
    assert [draw for batch in whole for draw in batch['draws'][:, 1].tolist()] == list(range(48))
    assert {key.split()[0] for batch in whole for key in batch['keys']} == {'photos', 'text'}


def test_a_batch_is_that_of_its_samples(folders, scope):
    mixture = MixedDataset([packed(folders, 'photos'), packed(folders, 'text')], weights=[1, 3])
    draws = list(islice(InfiniteDraws(mixture, seed=1), 9))
    batch, expected = mixture.__getitems__(draws), stack_images([mixture[draw] for draw in draws])
    assert all(torch.equal(batch[name], expected[name]) for name in ('gt', 'lq', 'draws'))
    assert batch['keys'] == expected['keys']


def test_stores_and_folders_in_one_batch(folders, scope):
    """The preprocessor makes the same of a mixture of a store and a folder as of one of two folders."""
    prepared = []
    for first in (packed, paired):
        (batch,) = batches([first(folders, 'photos'), paired(folders, 'text')], 0, 0, 1)
        assert batch.keys() == {'inputs', 'data_samples'}
        preprocessor = MODELS.build(dict(type='ImagePreprocessor', mean=0.0, std=255.0))
        prepared.append(preprocessor(batch, training=True))
    one, other = prepared
    assert one['inputs'].shape == (8, 3, 4, 4)
    assert torch.equal(one['inputs'], other['inputs'])
    assert torch.equal(one['data_samples'].gt_img, other['data_samples'].gt_img)
    assert one['data_samples'].position == other['data_samples'].position == list(range(8))


def test_stores_and_mmagics_datasets_in_one_batch(folders, scope):
    """Whatever meta information MMagic's dataset has; colours in another order are refused."""

    def basic(order):
        return dict(
            type='BasicImageDataset',
            metainfo=dict(task_name='sisr'),
            data_root=str(folders / 'text'),
            data_prefix=dict(img='LQ', gt='GT'),
            pipeline=[
                dict(type='LoadImageFromFile', key='img', channel_order=order),
                dict(type='LoadImageFromFile', key='gt', channel_order=order),
                dict(type='SetValues', dictionary=dict(scale=4)),
                dict(type='PairedRandomCrop', gt_patch_size=16),
                dict(type='PackInputs'),
            ],
        )

    preprocessor = MODELS.build(dict(type='ImagePreprocessor', mean=0.0, std=255.0))
    (batch,) = batches([packed(folders, 'photos'), basic('rgb')], 0, 0, 1)
    prepared = preprocessor(batch, training=True)
    assert prepared['inputs'].shape == (8, 3, 4, 4)
    mine = [index for index, sample in enumerate(batch['data_samples']) if 'photos' in sample.gt_path]
    assert 0 < len(mine) < 8
    for index in mine:
        raw = batch['data_samples'][index].gt_img / 255
        assert torch.equal(prepared['data_samples'].gt_img[index], raw.to(torch.float32))
    (batch,) = batches([packed(folders, 'photos'), basic('bgr')], 0, 0, 1)
    with pytest.raises(InputError, match=r'different (gt|img)_channel_order'):
        preprocessor(batch, training=True)


def test_several_stores_of_one_kind(folders):
    stores = [str(folders / f'{name}_x4') for name in ('photos', 'text')]
    joined = PackedPairs(stores, 4, gt_size=16, augment=True)
    assert len(joined) == 7
    for position in range(21):
        draw = Draw(position % 7, position, 3)
        store, index = (stores[0], draw.index) if draw.index < 4 else (stores[1], draw.index - 4)
        expected = PackedPairs(store, 4, gt_size=16, augment=True)[Draw(index, position, 3)]
        sample = joined[draw]
        assert sample['key'] == expected['key']
        assert torch.equal(sample['gt'], expected['gt'])
        assert torch.equal(sample['lq'], expected['lq'])
    assert torch.equal(joined.__getitems__([Draw(5, 0, 3)])['gt'][0], joined[Draw(5, 0, 3)]['gt'])
    assert joined[-1]['key'] == 'text 2'


def test_lists_of_stores_that_cannot_be_used(folders):
    pairs, alone = str(folders / 'photos_x4'), str(folders / 'text_gt')
    for stores, named in [
        ([], 'the list of stores is empty'),
        ([pairs, alone], r'text_gt has GT alone, and .*photos_x4 has pairs at scale 4\. .*of one kind'),
        ([pairs, str(folders / 'nowhere')], r'nowhere does not exist\. Pack it\.'),
        ([pairs, 3], r'must be a string or a list, each a string'),
    ]:
        with pytest.raises(InputError, match=named) as caught:
            PackedPairs(stores, 4, hint='Pack it.')
        assert '\n' not in str(caught.value)
    with pytest.raises(InputError, match='text_x4 is 48x48, smaller than the crop of 52x52'):
        PackedPairs([str(folders / 'text_x4')], 4, gt_size=52)


def test_mixtures_that_cannot_be_used(folders, scope):
    a, b = Numbers('a', 3), Numbers('b', 4)
    small = dict(packed(folders, 'text'), gt_size=12)
    for datasets, options, named in [
        ([], {}, 'expected some, none of them empty'),
        ([a, Numbers('c', 0)], {}, r'\[3, 0\] samples'),
        ([a, b], dict(weights=[1]), r'weights=\[1\] must have one value for each of the 2 datasets'),
        ([a, b], dict(lengths=[1, 2, 3]), r'lengths=\[1, 2, 3\] must have one value'),
        ([a, b], dict(weights=[1, 2], lengths=[1, 2]), 'both weights and lengths'),
        ([a, b], dict(weights=[1, 0]), r'weights=\[1, 0\] must be a list, each a number above 0 or None'),
        ([a, b], dict(lengths=[1.5, 2]), r'lengths=\[1\.5, 2\] must be'),
        ([a, b], dict(weights=[1, 1e-9]), 'less than a millionth'),
        ([packed(folders, 'photos'), small], {}, r'gt_size is 16 in datasets\[0\], 12 in datasets\[1\]'),
        ([a, b], dict(weight=[1, 2]), "unknown key 'weight'; did you mean 'weights'"),
        ([a, 7], {}, r'datasets\[1\]=7 is no dataset'),
    ]:
        with pytest.raises(InputError, match=named) as caught:
            MixedDataset(datasets, **options)
        assert '\n' not in str(caught.value)


def test_pairs_and_gt_alone_make_no_batch(folders):
    alone = PackedPairs(str(folders / 'text_gt'), gt_size=16)
    mixture = MixedDataset([PackedPairs(str(folders / 'photos_gt'), gt_size=16), alone])
    assert 'lq' not in mixture.__getitems__([0, 5])
    with pytest.raises(InputError, match='both pairs and GT alone'):
        stack_images([alone[0], PackedPairs(str(folders / 'text_x4'), 4, gt_size=16)[0]])
