"""What all datasets share: crops drawn by area, and MMEngine's wrappers around them."""

from collections import Counter
from itertools import islice

import numpy as np
import pytest
import torch
from mmengine.runner import Runner
from PIL import Image
from torch.utils.data import ConcatDataset, Subset

from mmsr_ext import InputError
from mmsr_ext.apis import pack_images
from mmsr_ext.datasets import Draw, ImageDataset, InfiniteDraws, PackedPairs
from mmsr_ext.datasets.base import inner_datasets
from mmsr_ext.datasets.drawn import follow_draws

SIZES = [(16, 16), (32, 16), (64, 48), (16, 80), (128, 128)]
AREAS = np.prod(SIZES, axis=1)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Images of one grey value each, by which a crop tells the image it comes from."""
    root = tmp_path_factory.mktemp('area')
    (root / 'photos').mkdir()
    for index, (height, width) in enumerate(SIZES):
        Image.new('RGB', (width, height), (index, 0, 0)).save(root / f'photos/{index}.png')
    pack_images(root / 'photos', root / 'store', 4, workers=0)
    return root


def datasets(root, **options):
    yield PackedPairs(str(root / 'store'), 4, gt_size=16, **options)
    yield ImageDataset(str(root / 'photos'), gt_size=16, **options)


def image_of(sample):
    return int(sample['gt' if 'gt' in sample else 'inputs'][0, 0, 0])


@pytest.mark.parametrize('seed', [0, 1])
def test_crops_by_area(folder, seed):
    """Chi-square with 4 degrees of freedom: 18.5 is exceeded once in a thousand by independent draws."""
    for data in datasets(folder, weighting='area'):
        draws = islice(InfiniteDraws(data, seed=seed), 2000)
        counts = Counter(image_of(data[draw]) for draw in draws)
        expected = 2000 * AREAS / AREAS.sum()
        assert sum((counts[index] - wanted) ** 2 / wanted for index, wanted in enumerate(expected)) < 18.5
        assert len(data) == 5


def test_each_pass_by_area_is_near_the_exact_shares(folder):
    data = PackedPairs(str(folder / 'store'), 4, gt_size=16, weighting='area')
    draws = iter(InfiniteDraws(data, seed=3))
    for _ in range(40):
        counts = Counter(image_of(data[draw]) for draw in islice(draws, 5))
        assert all(abs(counts[index] - 5 * AREAS[index] / AREAS.sum()) < 2 for index in range(5))


def test_a_folder_and_its_store_give_the_same_crops_by_area(folder):
    packed = PackedPairs(str(folder / 'store'), gt_size=16, augment=True, weighting='area')
    photos = ImageDataset(str(folder / 'photos'), gt_size=16, augment=True, weighting='area')
    for draw in islice(InfiniteDraws(packed, seed=5), 50):
        assert torch.equal(packed[draw]['gt'], photos[draw]['inputs'])


def test_without_weights_every_image_comes_equally_often(folder):
    for data in datasets(folder):
        counts = Counter(image_of(data[draw]) for draw in islice(InfiniteDraws(data, seed=1), 50))
        assert counts == dict.fromkeys(range(5), 10)


def test_area_without_crops_is_refused(folder):
    with pytest.raises(InputError, match=r"PackedPairs: weighting='area' is for crops.*Set gt_size"):
        PackedPairs(str(folder / 'store'), weighting='area')
    with pytest.raises(InputError, match=r"weighting='areas' must be 'image' or 'area'; did you mean 'area'"):
        PackedPairs(str(folder / 'store'), gt_size=16, weighting='areas')


def wrappers(folder):
    ours = dict(type='PackedPairs', store=str(folder / 'store'), scale=4, gt_size=16, augment=True)
    photos = dict(type='ImageDataset', gt_folder=str(folder / 'photos'), gt_size=16, augment=True)
    return [
        dict(type='RepeatDataset', times=3, dataset=ours),
        dict(type='ConcatDataset', datasets=[ours, dict(ours, weighting='area')]),
        dict(type='ConcatDataset', datasets=[photos, photos]),
        dict(type='RepeatDataset', times=2, dataset=dict(type='ConcatDataset', datasets=[ours, ours])),
    ]


def batches(dataset, workers, start, count):
    config = dict(
        batch_size=4,
        num_workers=workers,
        sampler=dict(type='InfiniteDraws', seed=11),
        collate_fn=dict(type='mmsr_ext.stack_images'),
        dataset=dataset,
    )
    loader = Runner.build_dataloader(follow_draws(config), seed=0)
    loader.sampler.start = 4 * start
    return [batch for batch, _ in zip(loader, range(count))]


def equal(one, other):
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(equal, one, other))
    if hasattr(one, 'gt_img'):
        return torch.equal(one.gt_img, other.gt_img) and one.metainfo == other.metainfo
    return one == other


@pytest.mark.parametrize('number', range(4))
@pytest.mark.parametrize('workers', [0, 2])
def test_mmengines_wrappers_resume_exactly(folder, scope, number, workers):
    dataset = wrappers(folder)[number]
    whole = batches(dataset, 0, 0, 6)
    assert equal(batches(dataset, workers, 3, 3), whole[3:])
    assert not equal(whole[3:], whole[:3])


def test_wrappers_pass_draws_on(folder, scope):
    """The sample of a draw through a wrapper is that of the dataset itself for the inner index."""
    ours = PackedPairs(str(folder / 'store'), 4, gt_size=16, augment=True)
    joined = ConcatDataset([ours, ours])
    for draw in islice(InfiniteDraws(joined, seed=2), 20):
        inner = Draw(draw.index % 5, draw.position, 2)
        assert equal(joined[draw], ours[inner])
        assert joined[draw]['draw'] == (2, draw.position)


def test_datasets_within_wrappers_are_found(folder):
    ours = PackedPairs(str(folder / 'store'), 4, gt_size=16)
    assert list(inner_datasets(Subset(ConcatDataset([ours, Subset(ours, [1])]), [0]))) == [ours, ours]
    assert list(inner_datasets(ours)) == [ours]
