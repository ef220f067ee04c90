import pickle
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mmsr_ext import InputError
from mmsr_ext.datasets import Draw, InfiniteDraws, PairedImageDataset, read_image


def test_whole_images(make_pairs):
    folders = make_pairs(size=48)
    sample = PairedImageDataset(**folders)[1]
    gt = np.asarray(Image.open(f'{folders["gt_folder"]}/1.png'))
    np.testing.assert_array_equal(sample['data_samples'].gt_img.permute(1, 2, 0).numpy(), gt)
    assert sample['inputs'].shape == (3, 12, 12)
    assert sample['inputs'].dtype == torch.uint8
    assert sample['data_samples'].gt_path.endswith('1.png')


def test_crops_of_a_pair_show_the_same_place(tmp_path):
    gt = np.arange(40 * 60, dtype=np.uint16).reshape(40, 60)
    gt = np.stack([gt % 256, gt // 256, gt * 0], -1).astype(np.uint8)
    for part, image in [('GT', gt), ('LQ', gt[::4, ::4])]:
        (tmp_path / part).mkdir()
        Image.fromarray(image).save(tmp_path / part / 'a.png')
    data = PairedImageDataset(str(tmp_path / 'GT'), str(tmp_path / 'LQ'), 4, gt_size=16, augment=False)
    corners = set()
    for position in range(50):
        sample = data[Draw(0, position, 0)]
        lq, crop = sample['inputs'], sample['data_samples'].gt_img
        torch.testing.assert_close(crop[:, ::4, ::4], lq)
        corners.add(tuple(lq[:, 0, 0].tolist()))
    assert len(corners) > 20


def test_augmentation_has_all_eight_forms(make_pairs):
    folders = make_pairs(count=1, size=16)
    plain = PairedImageDataset(**folders)[0]['inputs']
    data = PairedImageDataset(**folders, augment=True)
    forms = {data[Draw(0, position, 0)]['inputs'].numpy().tobytes() for position in range(100)}
    expected = set()
    for turned in (plain, plain.transpose(1, 2)):
        for axes in ([], [1], [2], [1, 2]):
            expected.add(turned.flip(axes).contiguous().numpy().tobytes())
    assert forms == expected
    assert len(forms) == 8


def test_a_draw_depends_on_seed_and_position_alone(make_pairs):
    data = PairedImageDataset(**make_pairs(), gt_size=16, augment=True)
    again = PairedImageDataset(
        data.files[0][1].parent, data.files[0][0].parent, 4, gt_size=16, augment=True, cache=True
    )
    torch.manual_seed(1)
    for position in (0, 7, 10**9):
        first, second = data[Draw(1, position, 3)], again[Draw(1, position, 3)]
        assert torch.equal(first['inputs'], second['inputs'])
        assert torch.equal(first['data_samples'].gt_img, second['data_samples'].gt_img)
    crops = [data[Draw(1, position, seed)]['inputs'] for position in range(5) for seed in range(2)]
    assert len({crop.numpy().tobytes() for crop in crops}) > 5


def take(sampler, count):
    iterator = iter(sampler)
    return [next(iterator) for _ in range(count)]


def test_sampler_gives_permutation_after_permutation():
    draws = take(InfiniteDraws(range(5), seed=1), 15)
    assert [draw.position for draw in draws] == list(range(15))
    epochs = [[draw.index for draw in draws[start : start + 5]] for start in (0, 5, 10)]
    assert all(sorted(epoch) == list(range(5)) for epoch in epochs)
    assert len(set(map(tuple, epochs))) > 1
    assert take(InfiniteDraws(range(5), seed=1), 15) == draws
    assert take(InfiniteDraws(range(5), seed=2), 15) != draws
    assert [draw.index for draw in take(InfiniteDraws(range(3), shuffle=False, seed=0), 7)] == [
        0,
        1,
        2,
        0,
        1,
        2,
        0,
    ]


def test_the_order_of_running_runs_stays():
    """A checkpoint has the position alone: another order would resume with other images."""
    for epoch in range(3):
        key = np.random.Philox(key=[7, epoch], counter=[0, 0, 0, 1])
        expected = np.random.Generator(key).permutation(1000).tolist()
        sampler = InfiniteDraws(range(1000), seed=7)
        sampler.start = 1000 * epoch
        assert [draw.index for draw in take(sampler, 1000)] == expected


def test_processes_share_one_sequence():
    whole = take(InfiniteDraws(range(5), seed=1), 12)
    parts = []
    for rank in range(3):
        sampler = InfiniteDraws(range(5), seed=1)
        sampler.rank, sampler.world_size = rank, 3
        parts.append(take(sampler, 4))
    assert [draw for step in zip(*parts) for draw in step] == whole


def test_loader_order_does_not_depend_on_workers(make_pairs):
    data = PairedImageDataset(**make_pairs(), gt_size=16, augment=True)

    def load(workers):
        loader = torch.utils.data.DataLoader(
            data,
            batch_size=2,
            sampler=InfiniteDraws(data, seed=5),
            num_workers=workers,
            collate_fn=lambda samples: samples,
        )
        return [sample['inputs'] for _, batch in zip(range(4), loader) for sample in batch]

    assert all(torch.equal(a, b) for a, b in zip(load(0), load(2)))


def build(folders, **changes):
    return lambda: PairedImageDataset(**{**folders, **changes})


def test_bad_input_is_named(make_pairs, tmp_path):
    good = make_pairs('good', size=48)
    (tmp_path / 'empty').mkdir()
    missing = make_pairs('missing')
    Path(missing['lq_folder'], '1.png').unlink()
    odd = make_pairs('odd')
    Image.new('RGB', (13, 12)).save(Path(odd['lq_folder'], '2.png'))
    garbage = make_pairs('garbage')
    Path(garbage['gt_folder'], '0.png').write_bytes(b'this is no image')
    for make, named in [
        (
            build(good, gt_folder=str(tmp_path / 'nowhere'), hint='Get it.'),
            r'nowhere does not exist.* Get it\.',
        ),
        (build(good, lq_folder=str(tmp_path / 'empty')), 'empty has no images'),
        (build(missing), r'3 images and .* has 2, of which 1 have no partner, such as .*1\.png'),
        (build(odd), r'2\.png is 48x48 and .*2\.png is 12x13; at scale 4 the LQ image must be 12x12'),
        (build(good, scale=2), 'at scale 2 the LQ image must be 24x24'),
        (build(good, gt_size=64), 'smaller than the crop of 64x64'),
        (build(good, gt_size=18), 'gt_size=18 must be a multiple'),
        (build(good, scale=0), 'scale=0'),
        (build(garbage), r'0\.png cannot be read as an image'),
    ]:
        with pytest.raises(InputError, match=named):
            make()


def test_truncated_image_is_named_in_a_worker(make_pairs):
    folders = make_pairs(size=64)
    path = Path(folders['gt_folder'], '1.png')
    path.write_bytes(path.read_bytes()[:-2000])
    data = PairedImageDataset(**folders)
    loader = torch.utils.data.DataLoader(data, num_workers=1, collate_fn=lambda samples: samples)
    with pytest.raises(InputError) as caught:
        list(loader)
    assert str(caught.value).startswith(str(path))
    assert 'Traceback' not in str(caught.value)
    assert '\n' not in str(caught.value)


def test_kinds_of_images(tmp_path):
    def save(name, image):
        image.save(tmp_path / name)
        return tmp_path / name

    rgb = np.random.default_rng(0).integers(0, 256, (4, 5, 3), np.uint8)
    np.testing.assert_array_equal(read_image(save('rgb.png', Image.fromarray(rgb))), rgb)
    grey = read_image(save('grey.png', Image.fromarray(rgb[..., 0])))
    np.testing.assert_array_equal(grey, np.repeat(rgb[..., :1], 3, 2))
    opaque = Image.fromarray(np.dstack([rgb, np.full((4, 5), 255, np.uint8)]))
    np.testing.assert_array_equal(read_image(save('opaque.png', opaque)), rgb)
    for name, image, named in [
        ('clear.png', Image.fromarray(np.dstack([rgb, np.full((4, 5), 9, np.uint8)])), 'transparent'),
        ('deep.png', Image.fromarray(np.zeros((4, 5), np.uint16)), 'I;16'),
        ('print.tif', Image.new('CMYK', (4, 4)), 'CMYK'),
    ]:
        with pytest.raises(InputError, match=f'{name}.*{named}'):
            read_image(save(name, image))


def test_a_draw_is_an_index_of_any_dataset():
    draw = Draw(1, position=9, seed=4)
    assert [10, 11, 12][draw] == 11
    again = pickle.loads(pickle.dumps(draw))
    assert (again, again.position, again.seed) == (1, 9, 4)
    whole = torch.utils.data.ConcatDataset([torch.utils.data.Subset(range(10, 15), [3, 4]), range(20, 22)])
    loader = torch.utils.data.DataLoader(whole, 2, sampler=InfiniteDraws(whole, seed=1), num_workers=1)
    seen = [int(value) for batch in islice(loader, 6) for value in batch]
    assert sorted(seen[:4]) == sorted(seen[4:8]) == [13, 14, 20, 21]
