"""One channel: grey as it is stored, Y of colours, the same from folders and stores."""

import json

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from mmsr_ext import InputError
from mmsr_ext.apis import make_pairs, pack_images, verify_store
from mmsr_ext.datasets import (
    BenchmarkDataset,
    Draw,
    ImageDataset,
    PackedPairs,
    PairedImageDataset,
    stack_images,
)
from mmsr_ext.functional import imresize, luma_pixels
from mmsr_ext.io.images import read_image
from mmsr_ext.models import ImagePreprocessor

COLOURS = np.random.default_rng(0).integers(0, 256, (48, 56, 3), np.uint8)


@pytest.fixture
def photos(tmp_path):
    (tmp_path / 'photos').mkdir()
    Image.fromarray(COLOURS).save(tmp_path / 'photos/colour.png')
    Image.fromarray(COLOURS[..., 0]).save(tmp_path / 'photos/grey.png')
    return tmp_path / 'photos'


def test_grey_is_read_as_stored_and_colours_as_y(tmp_path):
    grey = Image.fromarray(COLOURS[..., 0])
    for name, image in [('l.png', grey), ('la.png', grey.convert('LA')), ('bit.png', grey.convert('1'))]:
        image.save(tmp_path / name)
        np.testing.assert_array_equal(read_image(tmp_path / name, 1)[..., 0], np.array(image.convert('L')))
    for name, image in [
        ('rgb.png', Image.fromarray(COLOURS)),
        ('rgba.png', Image.fromarray(COLOURS).convert('RGBA')),
        ('palette.png', Image.fromarray(COLOURS).quantize(16)),
    ]:
        image.save(tmp_path / name)
        expected = luma_pixels(np.array(image.convert('RGB')))
        np.testing.assert_array_equal(read_image(tmp_path / name, 1), expected)
        assert read_image(tmp_path / name).shape == (48, 56, 3)


def test_folders(photos, tmp_path):
    make_pairs(photos, tmp_path / 'pairs')
    folders = str(tmp_path / 'pairs/GT'), str(tmp_path / 'pairs/LQx4')
    options = dict(scale=4, gt_size=16, augment=True)
    one, three = (PairedImageDataset(*folders, channels=channels, **options) for channels in (1, 3))
    alone = ImageDataset(folders[0], gt_size=16, augment=True, channels=1, cache=True)
    for position in range(8):
        draw = Draw(position % 2, position, seed=3)
        lq, gt = one[draw]['inputs'], one[draw]['data_samples'].gt_img
        rgb = three[draw]['inputs'].numpy(), three[draw]['data_samples'].gt_img.numpy()
        for image, colours in zip((lq, gt), rgb):
            expected = colours[:1] if draw.index else luma_pixels(colours, axis=0)
            np.testing.assert_array_equal(image, expected)
        assert alone[draw]['inputs'].shape == (1, 16, 16)
    (whole,) = (
        sample
        for sample in PairedImageDataset(*folders, scale=4, channels=1)
        if sample['data_samples'].key == 'grey'
    )
    np.testing.assert_array_equal(whole['data_samples'].gt_img[0], COLOURS[..., 0])


def test_y_of_a_test_set_is_reduced(photos):
    """As the papers' MATLAB code does: rgb2ycbcr, then imresize."""
    colour = BenchmarkDataset(str(photos), 4, channels=1)[0]
    luma = torch.from_numpy(luma_pixels(COLOURS)).permute(2, 0, 1)
    assert torch.equal(colour['data_samples'].gt_img, luma)
    assert torch.equal(colour['inputs'], imresize(luma, 1 / 4))


def test_y_out_of_a_store_of_colours(photos, tmp_path):
    make_pairs(photos, tmp_path / 'pairs')
    folders = str(tmp_path / 'pairs/GT'), str(tmp_path / 'pairs/LQx4')
    pack_images(folders[0], tmp_path / 'store', lq_folder=folders[1], workers=0)
    options = dict(scale=4, gt_size=16, augment=True, channels=1)
    packed = PackedPairs(str(tmp_path / 'store'), **options)
    files = PairedImageDataset(*folders, **options)
    for position in range(0, 8, 2):  # the colour image; the store does not know that the other one is grey
        draw = Draw(0, position, seed=3)
        assert torch.equal(packed[draw]['lq'], files[draw]['inputs'])
        assert torch.equal(packed[draw]['gt'], files[draw]['data_samples'].gt_img)
    batch = packed.__getitems__([Draw(0, 0, 3), Draw(1, 1, 3)])
    assert batch['gt'].shape == (2, 1, 16, 16)


def test_another_number_of_channels_is_refused(photos):
    with pytest.raises(InputError, match='channels=2'):
        ImageDataset(str(photos), gt_size=16, channels=2)


def write_16(folder, name, pixels):
    folder.mkdir(exist_ok=True)
    cv2.imwrite(str(folder / name), pixels[..., ::-1] if pixels.ndim == 3 else pixels)


FINE = np.random.default_rng(1).integers(0, 65536, (48, 56, 3)).astype(np.uint16)


@pytest.mark.parametrize('channels', [1, 3])
@pytest.mark.parametrize('depth', [8, 16])
def test_stores_of_every_kind(tmp_path, channels, depth):
    folder = tmp_path / 'photos'
    write_16(folder, 'a colour.png', FINE if depth == 16 else COLOURS)
    write_16(folder, 'b grey.png', (FINE if depth == 16 else COLOURS)[..., 0])
    write_16(folder, 'c eight.png', COLOURS)
    store = tmp_path / 'store'
    pack_images(folder, store, 4, workers=0, channels=channels, depth=depth)
    assert verify_store(store, 0) == 3
    images = [read_image(path, channels, depth) for path in sorted(folder.iterdir())]
    wide = FINE if depth == 16 else COLOURS
    eight = COLOURS.astype(np.uint16) * 257 if depth == 16 else COLOURS
    expected = (
        [wide, wide[..., :1].repeat(3, 2), eight]
        if channels == 3
        else [luma_pixels(wide), wide[..., :1], luma_pixels(eight)]
    )
    for image, pixels in zip(images, expected):
        np.testing.assert_array_equal(image, pixels)
    packed = PackedPairs(str(store), scale=4, channels=channels)
    for index, image in enumerate(images):
        sample = packed[Draw(index, 0, 0)]
        assert sample['gt'].dtype == (torch.uint16 if depth == 16 else torch.uint8)
        np.testing.assert_array_equal(sample['gt'].permute(1, 2, 0), image)
        exact = imresize(torch.from_numpy(image.astype(np.float64)).permute(2, 0, 1), 1 / 4)
        assert (sample['lq'].double() - exact.clamp(0, 2**depth - 1)).abs().max() <= 1.01
    stock = np.load(store / 'gt.npy')
    np.testing.assert_array_equal(stock[: images[0].size], images[0].transpose(2, 0, 1).ravel())
    crops = PackedPairs(str(store), scale=4, gt_size=16, augment=True, channels=channels)
    draws = [Draw(position % 3, position, 5) for position in range(6)]
    batch = crops.__getitems__(draws)
    for number, draw in enumerate(draws):
        assert torch.equal(batch['gt'][number], crops[draw]['gt'])
        assert torch.equal(batch['lq'][number], crops[draw]['lq'])
        crop = PackedPairs(str(store), scale=4, gt_size=16, channels=channels)[draw]['gt'].numpy()
        windows = np.lib.stride_tricks.sliding_window_view(images[draw.index], (16, 16), (0, 1))
        assert (windows == crop).all((2, 3, 4)).any()


def test_16_bits_reach_the_network_and_come_through_workers(tmp_path):
    write_16(tmp_path / 'photos', 'a.png', FINE)
    pack_images(tmp_path / 'photos', tmp_path / 'store', workers=0, depth=16)
    data = PackedPairs(str(tmp_path / 'store'), gt_size=16)
    loader = DataLoader(
        data, 2, sampler=[Draw(0, 0, 0), Draw(0, 1, 0)], num_workers=1, collate_fn=stack_images
    )
    (batch,) = loader
    assert torch.equal(batch['gt'], data.__getitems__([Draw(0, 0, 0), Draw(0, 1, 0)])['gt'])
    batch['lq'] = batch['gt']
    made = ImagePreprocessor(0.0, 255.0)(batch, training=True)
    expected = batch['gt'].double() / 65535
    torch.testing.assert_close(made['inputs'].double(), expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(made['data_samples'].gt_img.double(), expected, rtol=0, atol=1e-6)


def test_a_store_of_another_kind_is_refused(photos, tmp_path):
    for name, options in [('rgb', {}), ('grey', dict(channels=1)), ('fine', dict(depth=16))]:
        pack_images(photos, tmp_path / name, 4, workers=0, **options)
    with pytest.raises(InputError, match='has one channel, but the config wants 3'):
        PackedPairs(str(tmp_path / 'grey'), scale=4)
    with pytest.raises(InputError, match='16-bit RGB'):
        PackedPairs([str(tmp_path / 'rgb'), str(tmp_path / 'fine')], scale=4)
    for name, kind in [('rgb', (3, 8)), ('grey', (1, 8)), ('fine', (3, 16))]:
        index = json.loads((tmp_path / name / 'index.json').read_text())
        assert (index['channels'], index['depth']) == kind
