"""Datasets that know nothing of draws, under the sampler of a recipe."""

import pickle
import random

import numpy as np
import pytest
import torch
from mmengine.runner import Runner
from PIL import Image
from torch.utils.data import ConcatDataset, Dataset, Subset

from mmsr_ext import InputError
from mmsr_ext.apis import pack_images
from mmsr_ext.datasets import Draw, PackedPairs
from mmsr_ext.datasets.drawn import DrawnDataset, follow_draws
from mmsr_ext.registry import DATASETS


class Own(Dataset):
    """What anybody would write: it draws from the global generators."""

    colour = 'green'

    def __len__(self):
        return 5

    def __getitem__(self, index):
        noise = [random.random(), float(np.random.rand()), float(torch.rand(()))]
        return dict(index=int(index), noise=noise)


@pytest.fixture
def own():
    DATASETS.register_module(name='OwnDataset', force=True, module=Own)
    yield dict(type='OwnDataset')
    DATASETS.module_dict.pop('OwnDataset')


@pytest.fixture(scope='module')
def store(tmp_path_factory):
    root = tmp_path_factory.mktemp('drawn')
    (root / 'photos').mkdir()
    rng = np.random.default_rng(0)
    for index in range(5):
        Image.fromarray(rng.integers(0, 256, (48, 64, 3), np.uint8)).save(root / f'photos/{index}.png')
    pack_images(root / 'photos', root / 'store', 4, workers=0)
    return str(root / 'store')


def load(dataset, workers, start, count=3, sampler='InfiniteDraws'):
    config = dict(batch_size=2, num_workers=workers, sampler=dict(type=sampler, seed=3), dataset=dataset)
    loader = Runner.build_dataloader(follow_draws(config), seed=0)
    loader.sampler.start = 2 * start
    return [batch for batch, _ in zip(loader, range(count))]


@pytest.mark.parametrize('workers', [0, 2])
def test_a_dataset_of_the_users_resumes_exactly(own, scope, workers):
    whole = load(own, 0, 0, 6)
    assert str(load(own, workers, 3)) == str(whole[3:])
    noise = {value for batch in whole for values in batch['noise'] for value in map(float, values)}
    assert len(noise) == 36  # no two samples share a number


def test_the_generators_of_the_process_are_left_alone(own, scope):
    def numbers():
        return random.random(), np.random.rand(), torch.rand(2).tolist()

    data = DrawnDataset(Own())
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    expected = numbers()
    random.setstate(states[0])
    np.random.set_state(states[1])
    torch.set_rng_state(states[2])
    first, second = data[Draw(1, 2, 3)], data[Draw(1, 2, 3)]
    assert first == second
    assert first != data[Draw(1, 3, 3)]
    assert numbers() == expected


def test_a_subset_gives_the_crops_of_the_dataset(store):
    """PyTorch's Subset passes an index of its own, an int without a draw."""
    inner = PackedPairs(store, 4, gt_size=16, augment=True)
    data = DrawnDataset(ConcatDataset([Subset(inner, [4, 2]), Subset(inner, [0])]))
    for position in range(12):
        draw = Draw(position % 3, position, 8)
        sample, expected = data[draw], inner[Draw([4, 2, 0][draw.index], position, 8)]
        assert torch.equal(sample['gt'], expected['gt'])
        assert sample['draw'] == expected['draw'] == (8, position)
    assert inner[1]['draw'] == (-1, -1)  # the draw is over


def test_a_basic_image_dataset_resumes_exactly(store, scope):
    folder = store.removesuffix('store')
    load_gt = dict(type='LoadImageFromFile', key='gt', channel_order='rgb')
    basic = dict(
        type='BasicImageDataset',
        metainfo=dict(task_name='sisr'),
        data_root=folder,
        data_prefix=dict(gt='photos'),
        pipeline=[load_gt, dict(type='Crop', keys=['gt'], crop_size=(16, 16)), dict(type='PackInputs')],
    )

    def crops(workers, start, count):
        return [
            sample.gt_img for batch in load(basic, workers, start, count) for sample in batch['data_samples']
        ]

    whole = crops(0, 0, 4)
    assert all(map(torch.equal, crops(1, 2, 2), whole[4:]))
    assert not torch.equal(whole[0], whole[4])


def test_what_follows_draws_by_itself_is_not_wrapped(own, store, scope):
    sampler = dict(type='InfiniteDraws')
    for config in (
        dict(sampler=sampler, dataset=dict(type='PackedPairs', store=store)),
        dict(sampler=sampler, dataset=dict(type='mmsr_ext.MixedDataset', datasets=[])),
        dict(sampler=dict(type='DefaultSampler'), dataset=own),
        dict(dataset=own),
    ):
        assert follow_draws(config) is config
    wrapped = follow_draws(dict(sampler=sampler, dataset=own))
    assert wrapped['dataset'] == dict(type=DrawnDataset, dataset=own)
    assert follow_draws(wrapped) is wrapped
    with pytest.raises(InputError, match="'PackedPair'; did you mean 'PackedPairs'"):
        follow_draws(dict(sampler=sampler, dataset=dict(type='PackedPair')))


def test_its_attributes_are_those_of_the_dataset(own):
    data = pickle.loads(pickle.dumps(DrawnDataset(Own())))
    assert (len(data), data.colour, type(data.dataset)) == (5, 'green', Own)
    with pytest.raises(AttributeError):
        _ = data.size
