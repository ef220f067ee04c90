import numpy as np
import pytest
import torch
from PIL import Image

from mmsr_ext import InputError
from mmsr_ext.datasets import Draw, ImageDataset, PairedImageDataset


def write(folder, sizes):
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for index, (height, width) in enumerate(sizes):
        Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8)).save(folder / f'{index}.png')
    return str(folder)


@pytest.mark.parametrize('cache', [False, True])
def test_crops(tmp_path, cache):
    dataset = ImageDataset(write(tmp_path / 'gt', [(40, 50), (32, 33)]), gt_size=32, cache=cache)
    assert len(dataset) == 2
    places = set()
    for position in range(12):
        sample = dataset[Draw(0, position, seed=3)]
        gt, info = sample['data_samples'].gt_img, sample['data_samples'].metainfo
        assert sample['inputs'].equal(gt)
        whole = np.array(Image.open(tmp_path / 'gt' / '0.png')).transpose(2, 0, 1)
        found = [
            (top, left)
            for top in range(9)
            for left in range(19)
            if (whole[:, top : top + 32, left : left + 32] == gt.numpy()).all()
        ]
        assert len(found) == 1
        places |= set(found)
        assert (info['position'], info['seed'], info['key'], info['gt_channel_order']) == (
            position,
            3,
            '0',
            'rgb',
        )
        assert dataset[Draw(0, position, seed=3)]['inputs'].equal(gt)
    assert len(places) > 6


def test_augmentation_gives_all_eight_orientations(tmp_path):
    dataset = ImageDataset(write(tmp_path / 'gt', [(8, 8)]), gt_size=8, augment=True)
    plain = ImageDataset(str(tmp_path / 'gt'), gt_size=8)[Draw(0, 0, 0)]['inputs']
    orientations = [
        torch.rot90(image, turns, (1, 2)) for image in (plain, plain.flip(2)) for turns in range(4)
    ]
    seen = {
        next(i for i, one in enumerate(orientations) if one.equal(dataset[Draw(0, p, 0)]['inputs']))
        for p in range(60)
    }
    assert seen == set(range(8))


def test_bare_index_has_no_draw(tmp_path):
    sample = ImageDataset(write(tmp_path / 'gt', [(8, 9)]), gt_size=8)[0]
    assert 'position' not in sample['data_samples'].metainfo


def test_pairs_name_their_draw(tmp_path):
    write(tmp_path / 'gt', [(16, 16)])
    write(tmp_path / 'lq', [(4, 4)])
    dataset = PairedImageDataset(str(tmp_path / 'gt'), str(tmp_path / 'lq'), 4)
    info = dataset[Draw(0, 5, 7)]['data_samples'].metainfo
    assert (info['position'], info['seed']) == (5, 7)
    assert 'seed' not in dataset[0]['data_samples'].metainfo


def test_errors(tmp_path):
    folder = write(tmp_path / 'gt', [(40, 50), (20, 60)])
    with pytest.raises(InputError, match=r'1\.png is 20x60, smaller than the crop of 32x32'):
        ImageDataset(folder, 32)
    with pytest.raises(InputError, match=r'does not exist\. Put it there'):
        ImageDataset(str(tmp_path / 'none'), 32, hint='Put it there')
    with pytest.raises(InputError, match='gt_size=0'):
        ImageDataset(folder, 0)
