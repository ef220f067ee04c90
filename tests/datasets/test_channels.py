"""One channel: grey as it is stored, Y of colours, the same from folders and stores."""

import numpy as np
import pytest
import torch
from PIL import Image

from mmsr_ext import InputError
from mmsr_ext.apis import make_pairs, pack_images
from mmsr_ext.datasets import BenchmarkDataset, Draw, ImageDataset, PackedPairs, PairedImageDataset
from mmsr_ext.functional import imresize, luma_pixels
from mmsr_ext.io.images import read_image

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
