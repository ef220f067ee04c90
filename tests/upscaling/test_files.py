"""Many files through an upscaler."""

import errno
import importlib
import io
import os
import re
import struct

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms, JpegImagePlugin
from support.image_writers import write_png

from mmsr_ext import InputError
from mmsr_ext.apis import Upscaler, load_generator, upscale_files
from mmsr_ext.io.picture_writing import write_picture
from mmsr_ext.io.pictures import read_picture
from mmsr_ext.models.backbones import ESPCN, DeblurResNet, EnhanceNet, SRVGGNetCompact
from mmsr_ext.upscaling.inputs import find_images


def picture(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


@pytest.fixture
def checkpoint(tmp_path):
    network = SRVGGNetCompact(mid_channels=4, num_convs=1, scale=2)
    torch.save(dict(params=network.state_dict()), tmp_path / 'net.pth')
    return tmp_path / 'net.pth'


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / 'photos'
    folder.mkdir()
    for index, name in enumerate(['a.png', 'b.jpg', 'c.bmp']):
        Image.fromarray(picture(20, 30 + index, 3, seed=index)).save(folder / name)
    return folder


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder(photos, checkpoint, tmp_path):
    written = upscale_files([str(photos)], tmp_path / 'out', checkpoint, device='cpu')
    assert [path.name for path in written] == names(tmp_path / 'out') == ['a.png', 'b.png', 'c.png']
    for path in photos.iterdir():
        expected = Upscaler(checkpoint, 'cpu')(np.array(Image.open(path)))
        np.testing.assert_array_equal(np.array(Image.open(tmp_path / 'out' / f'{path.stem}.png')), expected)


def test_formats_and_suffix(photos, checkpoint, tmp_path):
    upscale_files([str(photos)], tmp_path / 'keep', checkpoint, format='keep', suffix='_x2')
    assert names(tmp_path / 'keep') == ['a_x2.png', 'b_x2.jpg', 'c_x2.bmp']
    upscale_files([str(photos / 'a.png')], tmp_path / 'webp', checkpoint, format='webp')
    assert Image.open(tmp_path / 'webp/a.webp').format == 'WEBP'
    upscale_files([str(photos / 'a.png')], tmp_path / 'new' / 'one.jpg', checkpoint, quality=30)
    assert Image.open(tmp_path / 'new/one.jpg').size == (60, 40)
    sizes = [(tmp_path / 'new/one.jpg').stat().st_size]
    upscale_files([str(photos / 'a.png')], tmp_path / 'new' / 'two.jpg', checkpoint, quality=100)
    assert sizes[0] < (tmp_path / 'new/two.jpg').stat().st_size / 2


def test_profile_orientation_and_alpha(checkpoint, tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB')).tobytes()
    exif = Image.Exif()
    exif[0x112] = 6
    image = Image.fromarray(picture(20, 30, 4))
    image.save(tmp_path / 'a.png', icc_profile=profile, exif=exif)
    upscale_files([str(tmp_path / 'a.png')], tmp_path / 'out', checkpoint, outscale=3)
    with Image.open(tmp_path / 'out/a.png') as result:
        assert result.mode == 'RGBA'
        assert result.size == (60, 90)
        assert result.info['icc_profile'] == profile
        assert 0x112 not in result.getexif()
    with pytest.raises(InputError, match=r'a\.png has transparency'):
        upscale_files([str(tmp_path / 'a.png')], tmp_path / 'jpg', checkpoint, format='jpg')
    image.putalpha(255)
    image.save(tmp_path / 'opaque.png')
    upscale_files([str(tmp_path / 'opaque.png')], tmp_path / 'jpg', checkpoint, format='jpg')
    assert Image.open(tmp_path / 'jpg/opaque.jpg').mode == 'RGB'


def test_inputs_of_every_kind(photos, tmp_path, monkeypatch):
    (photos / 'deep').mkdir()
    (photos / 'notes.txt').touch()
    Image.fromarray(picture(8, 8, 3)).save(photos / 'deep' / 'd[1].png')
    a, d = photos / 'a.png', photos / 'deep' / 'd[1].png'
    assert list(find_images([str(photos / '*.p*'), str(photos / '**/*.png')])) == [a, d]
    assert list(find_images([str(d), str(photos)])) == [d, a, photos / 'b.jpg', photos / 'c.bmp']
    monkeypatch.setattr('sys.stdin', io.StringIO(f'{d}\n\n{photos}\r\n{a}\n'))
    assert list(find_images(['-'])) == [d, a, photos / 'b.jpg', photos / 'c.bmp']
    monkeypatch.chdir(photos)
    assert len(find_images(['a.png', str(a)])) == 1
    for inputs, lines, message in [
        (['none.png'], [], r'none\.png does not exist'),
        (['none*.png'], [], r'no image matches none\*\.png'),
        (['*.txt'], [], r'no image matches'),
        ([str(tmp_path / 'photos' / 'deep' / '..' / '..')], [], 'has no images'),
        (['-'], ['', '\n'], 'no images were given'),
        (['-'], ['*.png\n'], r'\*\.png, listed on stdin, does not exist'),
        ([], [], 'no images were given'),
    ]:
        with pytest.raises(InputError, match=message):
            find_images(inputs, lines)


def test_what_a_folder_holds_besides_images_is_named(photos, checkpoint, tmp_path, capsys):
    for name in '._a.png', '.DS_Store', '.b.partial.png', 'notes.txt', 'scan.heic.part':
        (photos / name).write_bytes(b'\0\5\x16\7')
    (photos / 'deep').mkdir()
    for name, kind in dict(d='JPE', e='JFIF', f='gif', g='Pgm', h='tga').items():
        image = Image.fromarray(picture(8, 8, seed=1))
        image.save(photos / f'{name}.{kind}', format='JPEG' if kind[0] == 'J' else None)
    out = photos / 'out'
    assert len(upscale_files([str(photos)], out, checkpoint)) == 8
    lines = capsys.readouterr().err.splitlines()
    assert lines[-2:] == [
        f'8 images written to {out}',
        '6 other files and folders left out: deep/, notes.txt, scan.heic.part, .DS_Store, ._a.png, '
        '.b.partial.png',
    ]
    upscale_files([str(photos / '[bn]*')], tmp_path / 'some', checkpoint)
    assert '1 other files and folders left out: notes.txt' in capsys.readouterr().err
    upscale_files([str(photos / 'a.png')], tmp_path / 'one', checkpoint)
    assert 'left out' not in capsys.readouterr().err


def test_a_folder_is_named_with_what_it_holds_when_an_image_fails(photos, checkpoint, tmp_path, capsys):
    (photos / 'notes.txt').touch()
    (photos / 'a.png').write_text('no image')
    (photos / 'deep').mkdir()
    Image.fromarray(picture(8, 8)).save(photos / 'deep' / 'd.png')
    for inputs in [['photos/**/*'], ['photos', 'photos/deep']]:
        others: list = []
        assert len(find_images([str(photos.parent / name) for name in inputs], left_out=others)) == 4
        assert others == [photos / 'notes.txt']  # the folder's image is taken
    with pytest.raises(InputError, match='1 of 3 images'):
        upscale_files([str(photos)], tmp_path / 'out', checkpoint)
    assert 'left out: deep/, notes.txt' in capsys.readouterr().err


def test_results_never_take_the_place_of_inputs_or_each_other(photos, checkpoint, tmp_path, monkeypatch):
    before = {path: path.read_bytes() for path in photos.iterdir()}
    Image.fromarray(picture(8, 8, 3)).save(tmp_path / 'a.png')
    monkeypatch.chdir(tmp_path)
    for inputs, out, options, message in [
        ([str(photos)], photos, {}, 'is the folder of'),
        (['photos'], 'photos/../photos', dict(format='keep'), 'is the folder of'),
        (['photos/a.png'], photos / 'a.png', {}, 'which is an input'),
        (
            ['photos/a.png', 'a.png'],
            'out',
            {},
            r'photos/a\.png and a\.png would both be written to out/a\.png\. Give the folder above both, '
            'with --recursive',
        ),
        (['photos'], 'out.png', {}, 'is a file, but there are 3 images'),
        (['photos'], 'net.pth', {}, 'is a file, but not an image'),
        (
            ['photos/a.png'],
            'out.gif',
            {},
            r'-o out\.gif cannot be written: an image file ends in \.png, \.jpg',
        ),
        (['photos'], 'out.HEIC', {}, r'-o out\.HEIC cannot be written'),
        (['photos'], 'out', dict(format='gif'), "format='gif'"),
        (['photos'], 'out', dict(quality=0), 'quality=0'),
        (['photos'], 'out', dict(suffix='/x'), "suffix='/x'"),
        (['photos'], 'out', dict(tile=3), 'tile=3'),
    ]:
        with pytest.raises(InputError, match=message):
            upscale_files(inputs, out, checkpoint, **options)
    assert {path: path.read_bytes() for path in photos.iterdir()} == before
    assert names(tmp_path) == ['a.png', 'net.pth', 'photos']
    (tmp_path / 'is.gif').mkdir()
    assert upscale_files(['photos/a.png'], 'is.gif', checkpoint)[0].exists()
    assert upscale_files(['photos/a.png'], 'v1.5', checkpoint)[0].exists()
    (photos / 'a').touch()
    with pytest.raises(InputError, match='no suffix of a known format'):
        upscale_files([str(photos / 'a')], 'out', checkpoint, format='keep')


def test_a_suffix_allows_the_inputs_folder(photos, checkpoint, capsys):
    for _ in range(2):  # the second time the results exist, and are not inputs
        upscale_files([str(photos)], photos, checkpoint, suffix='_x2', resume=True)
        assert names(photos) == ['a.png', 'a_x2.png', 'b.jpg', 'b_x2.png', 'c.bmp', 'c_x2.png']
    assert '3 other files and folders left out: a_x2.png, b_x2.png, c_x2.png' in capsys.readouterr().err


def tree(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob('*') if path.is_file())


@pytest.fixture
def forest(photos):
    """Subfolders with images of equal names, what is left out, and a link that leads back."""
    for place in ('2023/spring', '2024', '.thumbnails'):
        (photos / place).mkdir(parents=True)
        Image.fromarray(picture(8, 8, 3)).save(photos / place / 'a.png')
    (photos / '2024' / 'notes.txt').touch()
    (photos / '2024' / 'back').symlink_to(photos)
    return photos


def test_recursive_keeps_the_subfolders(forest, checkpoint, tmp_path, capsys):
    out = forest / 'out'  # is no input of the second call
    for times in range(2):
        assert len(upscale_files([str(forest)], out, checkpoint, recursive=True, resume=True)) == 5 * (
            not times
        )
        assert tree(out) == ['2023/spring/a.png', '2024/a.png', 'a.png', 'b.png', 'c.png']
    assert '2 other files and folders left out: notes.txt, .thumbnails/' in capsys.readouterr().err
    (forest / '2024' / 'back').unlink()
    upscale_files([str(forest / '*/**/*.png')], tmp_path / 'some', checkpoint, recursive=True)
    assert tree(tmp_path / 'some') == [
        '2023/spring/a.png',
        '2024/a.png',
        'out/2023/spring/a.png',
        *(f'out/{name}' for name in ('2024/a.png', 'a.png', 'b.png', 'c.png')),
    ]


def test_recursive_beside_the_inputs(forest, checkpoint):
    with pytest.raises(InputError, match='is the folder of'):
        upscale_files([str(forest)], forest, checkpoint, recursive=True)
    for times in range(2):
        written = upscale_files([str(forest)], forest, checkpoint, suffix='_x2', recursive=True, resume=True)
        assert len(written) == 5 * (not times)
    assert (forest / '2023/spring/a_x2.png').exists()


def test_a_folder_of_subfolders_names_the_option(forest, checkpoint, tmp_path):
    with pytest.raises(
        InputError, match=r'2023 has no images.*spring/\. --recursive takes the images of sub'
    ):
        upscale_files([str(forest / '2023')], tmp_path / 'out', checkpoint)


def test_names_that_differ_in_their_ending_keep_it(photos, checkpoint, tmp_path):
    for name in ('a.jpg', 'a.png.bmp', 'd.jpe'):
        Image.fromarray(picture(8, 8, 3)).save(photos / name, 'jpeg' if name[-1] == 'e' else None)
    upscale_files([str(photos)], tmp_path / 'out', checkpoint)
    expected = ['a.jpg.png', 'a.png.bmp.png', 'a.png.png', 'b.png', 'c.png', 'd.png']
    assert names(tmp_path / 'out') == expected  # a.png.bmp alone would become a.png.png
    for _ in range(2):
        upscale_files([str(photos)], photos, checkpoint, suffix='_x2', resume=True)
    assert len(names(photos)) == 12
    assert {'a.jpg_x2.png', 'a.png_x2.png', 'd_x2.png'} < {*names(photos)}


def test_what_has_vanished_does_not_stop_the_others(photos, checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr('sys.stdin', io.StringIO(f'{photos}/gone.png\n{photos}/a.png\n{"x" * 300}.png\n'))
    with pytest.raises(InputError, match=r'(?s)^2 of 3 images could not.*gone\.png.*xxx\.png'):
        upscale_files(['-'], tmp_path / 'out', checkpoint)
    assert names(tmp_path / 'out') == ['a.png']


def test_names_that_cannot_be_written_do_not_stop_the_others(photos, checkpoint, tmp_path):
    longest = 'l' * 251
    Image.fromarray(picture(8, 8, 3)).save(photos / f'{longest}.png')
    Image.fromarray(picture(8, 8, 3)).save(str(photos / 'k').encode() + b'\xff.png', format='png')
    (photos / 'loop.png').symlink_to('loop.png')
    out = tmp_path / 'out'
    (out / 'a_x4.png').mkdir(parents=True)
    with pytest.raises(InputError) as caught:
        upscale_files([str(photos)], out, checkpoint, suffix='_x4', resume=True)
    message = str(caught.value)
    assert message.startswith('3 of 6 images could not be processed:')
    assert f'{longest}_x4.png cannot be written (File name too long).' in message
    assert 'a_x4.png cannot be written (Is a directory).' in message
    assert 'loop.png cannot be read' in message
    assert names(out) == ['a_x4.png', 'b_x4.png', 'c_x4.png', 'k\udcff_x4.png']
    upscale_files([str(photos / f'{longest}.png')], out, checkpoint)  # the longest name that there is
    assert (out / f'{longest}.png').exists()


def test_a_folder_that_cannot_be_made_does_not_stop_the_others(forest, checkpoint, tmp_path):
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out' / '2024').touch()
    with pytest.raises(InputError, match=r'^1 of 5 images could not be processed:\n.*2024/a\.png cannot be'):
        upscale_files([str(forest)], tmp_path / 'out', checkpoint, recursive=True)
    assert tree(tmp_path / 'out') == ['2023/spring/a.png', '2024', 'a.png', 'b.png', 'c.png']


@pytest.mark.parametrize('code', ['EROFS', 'ENOSPC', 'EDQUOT', 'EACCES', 'EIO'])
def test_only_a_full_or_read_only_disk_ends_the_run(photos, checkpoint, tmp_path, monkeypatch, code):
    module = importlib.import_module('mmsr_ext.upscaling.files')
    works, number = module.write_picture, getattr(errno, code)

    def fails(path, *args):
        if path.stem == 'a':
            raise OSError(number, os.strerror(number))
        return works(path, *args)

    monkeypatch.setattr(module, 'write_picture', fails)
    ends = code[0] != 'E' or code in ('EROFS', 'ENOSPC', 'EDQUOT')
    with pytest.raises(InputError, match='a.png cannot be written' if ends else '^1 of 3 images'):
        upscale_files([str(photos)], tmp_path / 'out', checkpoint)
    assert (tmp_path / 'out/c.png').exists() == (not ends)


def test_what_another_process_has_finished_is_skipped(photos, checkpoint, tmp_path, monkeypatch, capsys):
    module, out = importlib.import_module('mmsr_ext.upscaling.files'), tmp_path / 'out'
    works = module.write_picture

    def write(path, *args):
        works(path, *args)
        (out / 'b.png').write_text("the other process's")

    monkeypatch.setattr(module, 'write_picture', write)
    assert [path.name for path in upscale_files([str(photos)], out, checkpoint)] == ['a.png', 'c.png']
    assert (out / 'b.png').read_text() == "the other process's"
    assert f'2 images written to {out}, 1 skipped' in capsys.readouterr().err


def test_shards_share_the_images(photos, checkpoint, tmp_path):
    shares = [
        [path.name for path in upscale_files([str(photos)], tmp_path / 'out', checkpoint, shard=f'{index}/4')]
        for index in range(1, 5)
    ]
    assert shares == [['a.png'], ['b.png'], ['c.png'], []]
    for shard in ('0/2', '3/2', '1', '1/0', 'a/b', '-1/2', '1/2/3'):
        with pytest.raises(InputError, match=f'--shard {shard} must be I/N, I from 1 to N, such as'):
            upscale_files([str(photos)], tmp_path / 'out', checkpoint, shard=shard)
    with pytest.raises(InputError, match=r'needs torchrun: bash tools/dist_upscale\.sh'):
        upscale_files([str(photos)], tmp_path / 'out', checkpoint, launcher='pytorch')


def test_resume_and_overwrite(photos, checkpoint, tmp_path):
    out = tmp_path / 'out'
    upscale_files([str(photos / 'a.png')], out, checkpoint)
    whole = (out / 'a.png').read_bytes()
    (out / 'a.png').write_text('mine')
    with pytest.raises(InputError, match=r'1 of 3 results exist already \(such as .*a\.png\). Give --resume'):
        upscale_files([str(photos)], out, checkpoint)
    assert names(out) == ['a.png']
    assert [path.name for path in upscale_files([str(photos)], out, checkpoint, resume=True)] == [
        'b.png',
        'c.png',
    ]
    assert (out / 'a.png').read_text() == 'mine'
    assert upscale_files([str(photos)], out, checkpoint, resume=True) == []
    upscale_files([str(photos)], out, checkpoint, overwrite=True)
    assert (out / 'a.png').read_bytes() == whole
    with pytest.raises(InputError, match=r'--resume skips images .* --overwrite replaces'):
        upscale_files([str(photos)], out, checkpoint, overwrite=True, resume=True)


def test_broken_files_do_not_stop_the_others(photos, checkpoint, tmp_path):
    (photos / 'a0.png').write_bytes((photos / 'a.png').read_bytes()[:500])
    (photos / 'b0.jpg').write_text('no image')
    with pytest.raises(InputError) as caught:
        upscale_files([str(photos)], tmp_path / 'out', checkpoint)
    lines = str(caught.value).splitlines()
    assert lines[0] == '2 of 5 images could not be processed:'
    assert [line.split(' cannot be read')[0] for line in lines[1:]] == [
        str(photos / 'a0.png'),
        str(photos / 'b0.jpg'),
    ]
    assert names(tmp_path / 'out') == ['a.png', 'b.png', 'c.png']


def test_a_damaged_tiff_does_not_stop_the_others(photos, checkpoint, tmp_path):
    write_picture(photos / 'a0.tif', (20, 30), 3, np.dtype('uint8'), [picture(20, 30, 3)])
    data = (photos / 'a0.tif').read_bytes()
    (photos / 'a0.tif').write_bytes(data[:-700] + bytes(100) + data[-600:])  # within the strip
    with pytest.raises(
        InputError,
        match=r'^1 of 4 images could not be processed:\n.*a0\.tif cannot be read.*decompress.*$',
    ):
        upscale_files([str(photos)], tmp_path / 'out', checkpoint)
    assert names(tmp_path / 'out') == ['a.png', 'b.png', 'c.png']


@pytest.mark.parametrize(
    'error',
    [MemoryError(), MemoryError('Unable to allocate 9 GiB'), RuntimeError("can't allocate memory\nat x")],
)
@pytest.mark.parametrize('step', ['read_picture', 'write_picture'])
def test_an_image_too_large_for_the_memory_does_not_stop_the_others(
    photos, checkpoint, tmp_path, monkeypatch, step, error
):
    module = importlib.import_module('mmsr_ext.upscaling.files')
    works = getattr(module, step)

    def fails(path, *args):
        if path.stem == 'b':
            raise error
        return works(path, *args)

    monkeypatch.setattr(module, step, fails)
    reason = str(error).partition('\n')[0] or 'MemoryError'
    message = (
        f'1 of 3 images could not be processed:\n{photos}/b.jpg: not enough memory ({reason}). '
        'Free memory, or cut the image into parts.'
    )
    with pytest.raises(InputError, match=f'^{re.escape(message)}$'):
        upscale_files([str(photos)], tmp_path / 'out', checkpoint)
    assert names(tmp_path / 'out') == ['a.png', 'c.png']
    error = RuntimeError('something else')
    with pytest.raises(RuntimeError, match='something else'):
        upscale_files([str(photos)], tmp_path / 'other', checkpoint)


def test_grey_of_16_bits_with_alpha_goes_round(checkpoint, tmp_path, capsys):
    pixels = np.random.default_rng(0).integers(0, 65536, (600, 700, 2), np.uint16)
    for name in 'ab.tif', 'c.png':
        write_picture(tmp_path / name, (600, 700), 2, pixels.dtype, [pixels])
    upscale_files(
        [str(tmp_path / 'ab.tif'), str(tmp_path / 'c.png')], tmp_path / 'out', checkpoint, format='keep'
    )
    results = [read_picture(path).pixels for path in sorted((tmp_path / 'out').iterdir())]
    np.testing.assert_array_equal(*results)
    assert results[0].shape == (1200, 1400, 2)
    assert '3.4/3.4 MP' in capsys.readouterr().err  # of both the size is known before


def test_a_size_that_is_not_known_before(photos, checkpoint, tmp_path, monkeypatch):
    Image.fromarray(picture(700, 600, 3)).save(photos / 'c.bmp')
    sizes = {'a': (20, 30), 'b': (20, 31), 'c': (0, 0)}
    monkeypatch.setattr(
        importlib.import_module('mmsr_ext.upscaling.files'), 'read_size', lambda path: sizes[path.stem]
    )
    assert len(upscale_files([str(photos)], tmp_path / 'out', checkpoint, outscale=3)) == 3


def test_a_profile_of_another_colour_space_is_left_out(checkpoint, tmp_path):
    profile = bytes(16) + b'GRAY' + bytes(108)
    Image.fromarray(picture(20, 30)).save(tmp_path / 'a.png', icc_profile=profile)
    for format in ('png', 'jpg', 'webp'):
        upscale_files([str(tmp_path / 'a.png')], tmp_path / format, checkpoint, format=format)
        with Image.open(tmp_path / f'{format}/a.{format}') as image:
            assert (image.mode, image.info.get('icc_profile')) == (
                ('RGB', None) if format == 'webp' else ('L', profile)
            )


def test_a_network_that_cannot_be_used_leaves_nothing(photos, tmp_path):
    (tmp_path / 'bad.pth').write_text('no weights')
    torch.save(dict(state_dict={'discriminator.conv.weight': torch.ones(1, 3, 3, 3)}), tmp_path / 'd.pth')
    for name, message in [
        ('bad.pth', 'is not a checkpoint'),
        ('none.pth', 'does not exist'),
        ('d.pth', 'weights of a discriminator alone'),
    ]:
        with pytest.raises(InputError, match=message):
            upscale_files([str(photos)], tmp_path / 'out', tmp_path / name)
    assert not (tmp_path / 'out').exists()


def test_a_full_disk_ends_it_all(photos, checkpoint, tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(importlib.import_module('mmsr_ext.upscaling.files'), 'write_picture', full)
    with pytest.raises(InputError, match=r'a\.png cannot be written .*No space left.* go on with --resume'):
        upscale_files([str(photos)], tmp_path / 'out', checkpoint)
    with pytest.raises(
        InputError, match=r'a\.png cannot be written .*No space left.* start over with the same command'
    ):
        upscale_files([str(photos)], tmp_path / 'out', checkpoint, overwrite=True)


@pytest.mark.parametrize(
    'network',
    [
        lambda: DeblurResNet(mid_channels=4, num_blocks=2),
        lambda: DeblurResNet(mid_channels=4, num_blocks=1, norm='batch', dropout=False),
        lambda: EnhanceNet(mid_channels=4, num_blocks=2, scale=4),
        lambda: EnhanceNet(mid_channels=4, num_blocks=1, scale=2, channels=1),
        lambda: ESPCN(mid_channels=(5, 4), kernel_sizes=(5, 3, 1), scale=3),
        lambda: ESPCN(in_channels=1, out_channels=1, scale=2),
    ],
)
def test_networks_of_this_package_need_no_config(tmp_path, network):
    source = network().eval()
    torch.save(
        dict(state_dict={f'generator.{key}': value for key, value in source.state_dict().items()}),
        tmp_path / 'a.pth',
    )
    loaded = load_generator(tmp_path / 'a.pth')
    assert type(loaded) is type(source)
    assert loaded.scale == source.scale
    x = torch.rand(1, next(iter(source.parameters())).shape[1], 12, 9)
    with torch.no_grad():
        assert torch.equal(loaded(x), source(x))


def test_srcnn_is_not_taken_for_espcn(tmp_path):
    from mmagic.models.editors.srcnn import SRCNNNet

    torch.save(SRCNNNet().state_dict(), tmp_path / 'a.pth')
    with pytest.raises(InputError, match='no architecture'):
        load_generator(tmp_path / 'a.pth')


def test_what_a_format_cannot_hold_of_the_colours_is_said(checkpoint, tmp_path, capsys):
    source = tmp_path / 'a.png'
    chunks = [(b'cHRM', struct.pack('>8I', *range(1, 9))), (b'gAMA', struct.pack('>I', 100000))]
    write_png(source, picture(20, 30, 3), 8, 2, chunks)
    upscale_files([str(source)], tmp_path / 'png', checkpoint)
    assert read_picture(tmp_path / 'png' / 'a.png').chunks == {kind.decode(): data for kind, data in chunks}
    assert 'gAMA' not in capsys.readouterr().err
    upscale_files([str(source)], tmp_path / 'jpg', checkpoint, format='jpg')
    assert f'{source}: cHRM and gAMA cannot be kept in .jpg files' in capsys.readouterr().err
    Image.new('CMYK', (20, 30)).save(tmp_path / 'b.jpg')
    upscale_files([str(tmp_path / 'b.jpg')], tmp_path / 'inks', checkpoint)
    assert f'{tmp_path / "b.jpg"} has inks without a profile' in capsys.readouterr().err


def test_webp_without_loss_is_kept(checkpoint, tmp_path):
    pixels = picture(20, 30, 3)
    Image.fromarray(pixels).save(tmp_path / 'a.webp', lossless=True)
    Image.fromarray(pixels).save(tmp_path / 'b.webp', quality=90)
    inputs = [str(tmp_path / 'a.webp'), str(tmp_path / 'b.webp')]
    upscale_files(inputs, tmp_path / 'keep', checkpoint, format='keep', device='cpu')
    upscale_files(inputs, tmp_path / 'webp', checkpoint, format='webp', device='cpu')
    kinds = {
        f'{folder}/{name}': read_picture(tmp_path / folder / f'{name}.webp').lossless
        for folder in ('keep', 'webp')
        for name in 'ab'
    }
    assert kinds == {'keep/a': True, 'keep/b': False, 'webp/a': False, 'webp/b': False}
    expected = Upscaler(checkpoint, 'cpu')(pixels)
    np.testing.assert_array_equal(read_picture(tmp_path / 'keep' / 'a.webp').pixels, expected)


def test_subsampling(photos, checkpoint, tmp_path):
    for name, options, expected in [
        ('full', {}, 0),
        ('less', dict(subsampling='4:2:0'), 2),
        ('low', dict(quality=80), 2),
        ('between', dict(quality=80, subsampling='4:2:2'), 1),
    ]:
        upscale_files([str(photos / 'a.png')], tmp_path / name, checkpoint, format='jpg', **options)
        with Image.open(tmp_path / name / 'a.jpg') as image:
            assert JpegImagePlugin.get_sampling(image) == expected
    with pytest.raises(
        InputError, match=r'--subsampling 4:2:0 is for JPEG, but no result is\. Add --format jpg'
    ):
        upscale_files([str(photos)], tmp_path / 'png', checkpoint, subsampling='4:2:0')
    with pytest.raises(InputError, match=r'subsampling=.4:1:1. must be'):
        upscale_files([str(photos)], tmp_path / 'png', checkpoint, format='jpg', subsampling='4:1:1')


def test_without_a_place_results_are_beside_the_images(photos, checkpoint, tmp_path, capsys):
    """The names tell network and scale, and results are no inputs of the next call."""
    pairs = {}
    upscale_files([str(photos / 'a.png')], pairs=pairs, device='cpu')
    assert pairs == {photos / 'a.png': photos / 'a_compact_x4.png'}
    said = capsys.readouterr().err
    assert 'Network: compact_x4' in said
    assert f'1 images written to {photos / "a_compact_x4.png"}' in said
    (photos / 'deep').mkdir()
    Image.fromarray(picture(8, 8, 3)).save(photos / 'deep' / 'd.png')
    options = dict(checkpoint=checkpoint, device='cpu', recursive=True, resume=True)
    assert len(upscale_files([str(photos)], **options)) == 5
    assert names(photos / 'deep') == ['d.png', 'd_net_x2.png']
    assert upscale_files([str(photos)], **options) == []
    written = upscale_files([str(photos / 'c.bmp')], checkpoint=checkpoint, outscale=3, format='keep')
    assert names(photos)[-2:] == ['c_net_x3.bmp', 'deep']
    assert written == [photos / 'c_net_x3.bmp']
    with pytest.raises(InputError, match=r'results exist already \(such as .*a_compact_x4\.png'):
        upscale_files([str(photos / 'a.png')])
