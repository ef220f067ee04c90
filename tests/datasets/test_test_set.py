import numpy as np
import pytest
import torch
from PIL import Image
from skimage.data import astronaut

from mmsr_ext import InputError
from mmsr_ext.apis import make_pairs
from mmsr_ext.datasets import BenchmarkDataset


def save(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


@pytest.fixture
def photo():
    return astronaut()[:65, :103]


def test_makes_lq_as_make_pairs_does(tmp_path, photo):
    save(tmp_path / 'GT/a.png', photo)
    make_pairs(tmp_path / 'GT', tmp_path / 'pairs', 4)
    (sample,) = BenchmarkDataset(str(tmp_path / 'GT'), 4)
    for got, folder in [(sample['inputs'], 'LQx4'), (sample['data_samples'].gt_img, 'GT')]:
        expected = np.array(Image.open(tmp_path / 'pairs' / folder / 'a.png'))
        assert torch.equal(got, torch.from_numpy(expected).permute(2, 0, 1))


def test_takes_lq_that_are_there_and_crops_gt(tmp_path, photo):
    save(tmp_path / 'GT/a.png', photo)
    lq = np.random.default_rng(0).integers(0, 256, (16, 25, 3), np.uint8)
    save(tmp_path / 'LQ/ax4.png', lq)
    (sample,) = BenchmarkDataset(str(tmp_path / 'GT'), 4, str(tmp_path / 'LQ'), '{}x4')
    assert torch.equal(sample['inputs'], torch.from_numpy(lq).permute(2, 0, 1))
    assert torch.equal(
        sample['data_samples'].gt_img, torch.from_numpy(photo[:64, :100].copy()).permute(2, 0, 1)
    )


@pytest.mark.parametrize(
    ('lq', 'message'), [((32, 50), 'the LQ image must be'), ((17, 26), 'at scale 4'), (None, 'smaller than')]
)
def test_bad_sizes(tmp_path, photo, lq, message):
    save(tmp_path / 'GT/a.png', photo if lq else photo[:3])
    if lq:
        save(tmp_path / 'LQ/a.png', np.zeros((*lq, 3), np.uint8))
    with pytest.raises(InputError, match=message):
        BenchmarkDataset(str(tmp_path / 'GT'), 4, str(tmp_path / 'LQ') if lq else None)
