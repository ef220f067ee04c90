"""Nested folders, as GoPro's, and pairs within one file."""

import numpy as np
import pytest
from PIL import Image

from mmsr_ext import InputError
from mmsr_ext.datasets import Draw, ImageDataset, PairedImageDataset, SideBySideDataset


def save(path, value, size=(12, 10)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new('RGB', size, (value, value, value)).save(path)


@pytest.fixture
def gopro(tmp_path):
    """Two sequences whose files have the same names; a pixel's value tells which is which."""
    for s, sequence in enumerate(['GOPR1', 'GOPR2']):
        for part, value in [('sharp', 0), ('blur', 100), ('blur_gamma', 200)]:
            for frame in range(2):
                save(tmp_path / 'train' / sequence / part / f'{frame:06}.png', value + 10 * s + frame)
    return tmp_path / 'train'


def dataset(root, **kwargs):
    return PairedImageDataset(f'{root}/*/sharp', f'{root}/*/blur', 1, **kwargs)


def test_pairs_stay_within_their_sequence(gopro):
    data = dataset(gopro)
    values = [(int(item['data_samples'].gt_img[0, 0, 0]), int(item['inputs'][0, 0, 0])) for item in data]
    assert values == [(0, 100), (1, 101), (10, 110), (11, 111)]
    assert [item['data_samples'].key for item in data] == [
        'GOPR1_000000',
        'GOPR1_000001',
        'GOPR2_000000',
        'GOPR2_000001',
    ]


def test_a_frame_without_partner_is_named(gopro):
    (gopro / 'GOPR2' / 'blur' / '000001.png').unlink()
    with pytest.raises(InputError, match=r'GOPR2/sharp/000001\.png'):
        dataset(gopro)


def test_template_applies_to_the_file_name(gopro):
    for file in sorted(gopro.glob('*/blur/*.png')):
        file.rename(file.with_name(f'b_{file.name}'))
    assert len(dataset(gopro, lq_name='b_{}')) == 4


@pytest.mark.parametrize(
    ('pattern', 'named'), [('*/blurry', 'no image folder matches'), ('**/blur', r"contains '\*\*'")]
)
def test_bad_patterns(gopro, pattern, named):
    with pytest.raises(InputError, match=rf'{named}.*unpack it'):
        PairedImageDataset(f'{gopro}/*/sharp', f'{gopro}/{pattern}', 1, hint='unpack it')


def test_a_real_folder_with_brackets_is_no_pattern(tmp_path):
    save(tmp_path / '[a]*' / '0.png', 7)
    folder = str(tmp_path / '[a]*')
    assert int(PairedImageDataset(folder, folder, 1)[0]['inputs'][0, 0, 0]) == 7


def test_images_alone_from_nested_folders(gopro):
    data = ImageDataset(f'{gopro}/*/sharp', gt_size=8)
    samples = [data[Draw(index, 9, 5)]['data_samples'] for index in range(len(data))]
    assert [(sample.key, int(sample.gt_img[0, 0, 0])) for sample in samples] == [
        ('GOPR1_000000', 0),
        ('GOPR1_000001', 1),
        ('GOPR2_000000', 10),
        ('GOPR2_000001', 11),
    ]
    assert (samples[0].position, samples[0].seed) == (9, 5)


@pytest.fixture
def side_by_side(tmp_path):
    rng = np.random.default_rng(0)
    halves = rng.integers(0, 256, (2, 20, 16, 3), np.uint8)
    (tmp_path / 'ab').mkdir()
    Image.fromarray(np.concatenate(halves, 1)).save(tmp_path / 'ab' / 'x.png')
    return tmp_path / 'ab', halves


@pytest.mark.parametrize('reverse', [False, True])
def test_halves_of_a_file(side_by_side, reverse):
    folder, (left, right) = side_by_side
    sample = SideBySideDataset(str(folder), reverse=reverse, cache=True)[0]
    lq, gt = (right, left) if reverse else (left, right)
    np.testing.assert_array_equal(sample['inputs'].permute(1, 2, 0).numpy(), lq)
    np.testing.assert_array_equal(sample['data_samples'].gt_img.permute(1, 2, 0).numpy(), gt)


def test_crops_of_both_halves_are_from_the_same_place(side_by_side):
    folder, (left, right) = side_by_side
    data = SideBySideDataset(str(folder), gt_size=6)
    corners = set()
    for position in range(30):
        sample = data[Draw(0, position, 0)]
        crops = (
            sample['inputs'].permute(1, 2, 0).numpy(),
            sample['data_samples'].gt_img.permute(1, 2, 0).numpy(),
        )
        places = [
            (i, j)
            for i in range(15)
            for j in range(11)
            if (left[i : i + 6, j : j + 6] == crops[0]).all()
            and (right[i : i + 6, j : j + 6] == crops[1]).all()
        ]
        assert len(places) == 1
        corners.add(places[0])
    assert len(corners) > 20


def test_bad_side_by_side_images(side_by_side, tmp_path):
    folder, _ = side_by_side
    with pytest.raises(InputError, match='20x16, smaller than the crop of 18x18'):
        SideBySideDataset(str(folder), gt_size=18)
    save(tmp_path / 'odd' / '0.png', 0, (15, 8))
    with pytest.raises(InputError, match='15 px wide'):
        SideBySideDataset(str(tmp_path / 'odd'))
