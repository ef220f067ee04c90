"""Inks, and what files say about their colours, compared with LittleCMS and with what was written."""

import io
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, JpegImagePlugin
from support.image_writers import cmyk_profile, exif, write_png

from mmsr_ext.io.picture_writing import Encoding, lost_colours, write_picture
from mmsr_ext.io.pictures import read_picture

GAMMA = struct.pack('>I', 100000)
PRIMARIES = struct.pack('>8I', 31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000)
CHUNKS = [
    {'gAMA': GAMMA},
    {'cHRM': PRIMARIES, 'gAMA': GAMMA},
    {'sRGB': b'\0', 'gAMA': struct.pack('>I', 45455)},
    {'cICP': bytes([12, 16, 0, 1])},
]


def inks(dtype=np.uint8):
    y, x = np.mgrid[:64, :48]
    pixels = np.dstack([x * 5, y * 4, 255 - x * 5, y]).astype(dtype)
    return pixels * 257 if dtype == np.uint16 else pixels


def by_littlecms(pixels, profile):
    image = Image.fromarray(pixels, 'CMYK')
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    return np.array(
        ImageCms.profileToProfile(image, source, ImageCms.createProfile('sRGB'), outputMode='RGB')
    )


@pytest.mark.parametrize('orientation', [1, 6])
@pytest.mark.parametrize('kind', ['jpg', 'tif', 'tif of 16 bits', 'planar tif'])
def test_inks_go_through_their_profile(tmp_path, kind, orientation):
    profile, path, pixels = cmyk_profile(), tmp_path / f'a.{kind[:3].strip()}', inks()
    if kind == 'jpg':
        image = Image.fromarray(pixels, 'CMYK')
        image.save(path, quality=95, icc_profile=profile, exif=b'Exif\0\0' + exif(orientation))
        pixels = np.array(Image.open(path))
    else:
        stored = inks(np.uint16) if '16' in kind else pixels
        planar = kind.startswith('planar')
        path = tmp_path / 'a.tif'
        tifffile.imwrite(
            path,
            stored.transpose(2, 0, 1) if planar else stored,
            photometric='separated',
            planarconfig='separate' if planar else 'contig',
            iccprofile=profile,
            compression='lzw',
            extratags=[(0x112, 'H', 1, orientation, True)],
            metadata=None,
        )
    read = read_picture(path)
    assert read.icc is None
    assert read.remark == ''
    result = read.pixels / 257 if read.pixels.dtype == np.uint16 else read.pixels
    expected = by_littlecms(pixels, profile).astype(float)
    expected = np.rot90(expected, -1) if orientation == 6 else expected
    assert np.abs(result - expected).mean() < 1
    plain = np.array(Image.fromarray(pixels, 'CMYK').convert('RGB')).astype(float)
    assert np.abs(by_littlecms(pixels, profile) - plain).mean() > 10  # the profile matters


@pytest.mark.parametrize('profile', [None, b'of no use', b'\0' * 16 + b'RGB ' + b'\0' * 120])
def test_inks_without_a_profile_are_said(tmp_path, profile):
    image = Image.fromarray(inks(), 'CMYK')
    image.save(tmp_path / 'a.jpg', quality=100, icc_profile=profile)
    read = read_picture(tmp_path / 'a.jpg')
    assert 'without a profile' in read.remark
    assert np.abs(read.pixels - np.array(image.convert('RGB')).astype(int)).mean() < 3


@pytest.mark.parametrize('chunks', CHUNKS)
@pytest.mark.parametrize('bits', [8, 16])
def test_colour_chunks_of_png(tmp_path, chunks, bits):
    stored = np.random.default_rng(0).integers(0, 2**bits, (9, 8, 3)).astype(f'u{bits // 8}')
    before = [(kind.encode(), data) for kind, data in chunks.items()]
    write_png(tmp_path / 'a.png', stored, bits, 2, [*before, (b'tEXt', b'a\0gAMA')], [(b'tEXt', b'b\0cHRM')])
    read = read_picture(tmp_path / 'a.png')
    assert read.chunks == chunks
    np.testing.assert_array_equal(read.pixels, stored)
    out = tmp_path / 'b.png'
    write_picture(out, (9, 8), 3, stored.dtype, [read.pixels], chunks=read.chunks)
    again = read_picture(out)
    assert again.chunks == chunks
    np.testing.assert_array_equal(again.pixels, stored)
    with Image.open(out) as image:
        image.load()  # checks every checksum
        assert ('gamma' in image.info) == ('gAMA' in chunks)
    assert lost_colours(out, None, chunks, 3) == []
    for suffix in ('jpg', 'webp', 'tif', 'bmp', 'ppm'):
        assert lost_colours(tmp_path / f'b.{suffix}', None, chunks, 3) == list(chunks)


def test_a_profile_overrides_what_chunks_say_except_coding_points(tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB')).tobytes()
    chunks = {'cICP': b'', 'gAMA': b''}
    assert lost_colours(tmp_path / 'b.jpg', profile, chunks, 3) == ['cICP']
    assert lost_colours(tmp_path / 'b.bmp', profile, {}, 3) == ['ICC profile']
    assert lost_colours(tmp_path / 'b.jpg', profile, chunks, 1) == ['ICC profile', 'cICP', 'gAMA']


@pytest.mark.parametrize(
    ('quality', 'subsampling', 'expected'),
    [
        (100, None, '4:4:4'),
        (90, None, '4:4:4'),
        (89, None, '4:2:0'),
        (95, '4:2:0', '4:2:0'),
        (50, '4:4:4', '4:4:4'),
        (80, '4:2:2', '4:2:2'),
    ],
)
def test_resolution_of_the_colours_of_jpeg(tmp_path, quality, subsampling, expected):
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    path = tmp_path / 'a.jpg'
    write_picture(path, (32, 32), 3, pixels.dtype, [pixels], encoding=Encoding(quality, subsampling))
    with Image.open(path) as image:
        assert ['4:4:4', '4:2:2', '4:2:0'][JpegImagePlugin.get_sampling(image)] == expected


@pytest.mark.parametrize('channels', [3, 4])
@pytest.mark.parametrize('profile', [None, b'x' * 16 + b'RGB ' + b'x' * 107])
def test_webp_without_loss(tmp_path, channels, profile):
    pixels = np.random.default_rng(0).integers(0, 256, (31, 17, channels)).astype(np.uint8)
    for lossless in (True, False):
        path = tmp_path / f'{lossless}.webp'
        encoding = Encoding(80, lossless=lossless)
        write_picture(path, (31, 17), channels, pixels.dtype, [pixels], profile, encoding)
        read = read_picture(path)
        assert read.lossless is lossless
        assert (read.pixels == pixels).all() == lossless
