import numpy as np
import pytest
import torch
from PIL import Image

from mmsr_ext import InputError
from mmsr_ext.apis import make_pairs as write_pairs
from mmsr_ext.datasets import PairedImageDataset, read_image
from mmsr_ext.functional import imresize


@pytest.fixture
def photos(tmp_path):
    (tmp_path / 'photos').mkdir()
    for index, shape in enumerate([(41, 50, 3), (16, 24)]):
        Image.fromarray(np.random.default_rng(index).integers(0, 256, shape, np.uint8)).save(
            tmp_path / 'photos' / f'{index}.png'
        )
    return tmp_path / 'photos'


@pytest.mark.parametrize('scale', [2, 3, 4, 8])
def test_pairs_are_what_the_dataset_reads(photos, tmp_path, scale):
    assert write_pairs(photos, tmp_path / 'out', scale) == 2
    data = PairedImageDataset(str(tmp_path / 'out/GT'), str(tmp_path / f'out/LQx{scale}'), scale)
    gt = torch.from_numpy(read_image(photos / '0.png')).permute(2, 0, 1)[
        :, : 41 // scale * scale, : 50 // scale * scale
    ]
    assert torch.equal(data[0]['data_samples'].gt_img, gt)
    assert torch.equal(data[0]['inputs'], imresize(gt, 1 / scale))


def test_nothing_is_overwritten_or_half_written(photos, tmp_path):
    write_pairs(photos, tmp_path / 'out')
    with pytest.raises(InputError, match='already has files'):
        write_pairs(photos, tmp_path / 'out')
    Image.new('RGB', (3, 30)).save(photos / 'a.png')
    (photos / 'b.png').write_text('no image')
    with pytest.raises(InputError, match=r'2 of 4 images (.|\n)*a\.png is 30x3, smaller(.|\n)*b\.png cannot'):
        write_pairs(photos, tmp_path / 'other')
    assert not (tmp_path / 'other').exists()
    (photos / 'b.png').unlink()
    Image.new('RGB', (16, 16)).save(photos / '0.jpg')
    with pytest.raises(InputError, match='suffix'):
        write_pairs(photos, tmp_path / 'other')
    with pytest.raises(InputError, match='scale=5'):
        write_pairs(photos, tmp_path / 'other', 5)
