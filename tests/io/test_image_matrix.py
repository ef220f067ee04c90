"""Every kind of image file that is read: format x depth x channels x compression x planes x orientation.

Files are written by ``support.image_writers`` or by another library; what is read is compared with what was
written, and with a second decoder: libtiff, Pillow, OpenCV or another codec of imagecodecs.
"""

import io
from collections import Counter
from itertools import product

import cv2
import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps
from support.image_writers import COMPRESSORS, exif, write_png, write_tiff

from mmsr_ext import InputError
from mmsr_ext.io.kinds import BY_PILLOW, DECODERS
from mmsr_ext.io.pictures import read_picture

HEIGHT, WIDTH = 11, 21
ORIENTATIONS = range(1, 9)
# name: (photometric, channels, meaning of the extra ones, bits)
TIFF_COLOURS = {
    'black is 0': (1, 1, (), (1, 2, 4, 8, 16)),
    'white is 0': (0, 1, (), (1, 2, 4, 8, 16)),
    'grey and alpha': (1, 2, (2,), (8, 16)),
    'RGB': (2, 3, (), (8, 16)),
    'RGB and alpha': (2, 4, (2,), (8, 16)),
    'RGB and another': (2, 4, (0,), (8, 16)),
    'CMYK': (5, 4, (), (8, 16)),
    'CMYK and alpha': (5, 5, (2,), (8, 16)),
    'palette': (3, 1, (), (1, 2, 4, 8)),
}
COUNT = Counter()


@pytest.fixture(scope='module', autouse=True)
def count():
    yield
    twice = COUNT.pop('twice', 0)
    print(f'\n{sum(COUNT.values())} files read, {twice} of them by a second decoder, too: {dict(COUNT)}')


def samples(bits, channels):
    dtype = np.uint16 if bits > 8 else np.uint8
    shape = (HEIGHT, WIDTH, channels)
    return np.random.default_rng(bits + channels).integers(0, 2**bits, shape).astype(dtype)


def turned(pixels, orientation):
    """Turn pixels upright by Pillow."""
    image = Image.fromarray(np.arange(HEIGHT * WIDTH, dtype=np.int32).reshape(HEIGHT, WIDTH))
    image.getexif()[0x112] = orientation
    return pixels.reshape(HEIGHT * WIDTH, -1)[np.array(ImageOps.exif_transpose(image))]


def palette(bits):
    return np.random.default_rng(1).integers(0, 256, (3, 2**bits))


def meant(stored, name, bits):
    """The pixels that the samples of a TIFF file mean."""
    top = 2**bits - 1
    if name == 'palette':
        return palette(bits).T[stored[..., 0]].astype(np.uint8)
    pixels = stored.astype(np.float64) if bits >= 8 else np.rint(stored * (255 / top))
    if name == 'white is 0':
        pixels = max(top, 255) - pixels
    if name == 'RGB and another':
        pixels = pixels[..., :3]
    if name.startswith('CMYK'):
        light = top - pixels[..., 3:4]
        pixels = np.concatenate([light - np.rint(pixels[..., :3] * light / top), pixels[..., 4:]], 2)
    return pixels.astype(stored.dtype)


def by_libtiff(path, shape):
    """The samples as libtiff decodes them, before anything is done to them."""
    decoded = imagecodecs.tiff_decode(path.read_bytes())
    return decoded.transpose(1, 2, 0) if decoded.shape == (shape[2], *shape[:2]) else decoded.reshape(shape)


@pytest.mark.parametrize('name', TIFF_COLOURS)
def test_tiff(tmp_path, name):
    photometric, channels, extras, depths = TIFF_COLOURS[name]
    path, twice = tmp_path / 'a.tif', 0
    layouts = [(False, None), (False, 16), (True, None), (True, 16)]
    for bits, compression, (planar, tile), order, predictor in product(
        depths, COMPRESSORS, layouts, '<>', (False, True)
    ):
        if (planar and channels == 1) or (
            predictor and (bits < 8 or compression not in ('LZW', 'deflate', 'ZSTD'))
        ):
            continue
        stored = samples(bits, channels)
        tags = {320: ('H', list((palette(bits) * 257).ravel()))} if name == 'palette' else {}
        write_tiff(
            path, stored, bits, photometric, compression, planar, 1, extras, order, tile, predictor, tags=tags
        )
        what = (name, bits, compression, planar, tile, order, predictor)
        read = read_picture(path).pixels
        assert read.dtype == stored.dtype, what
        np.testing.assert_array_equal(read, meant(stored, name, bits), str(what))
        COUNT['tiff'] += 1
        if name == 'palette' or name.startswith('CMYK'):
            if bits <= 8 and not planar and channels < 5:
                with Image.open(path) as opened:
                    np.testing.assert_array_equal(np.array(opened.convert('RGB')), read, str(what))
                twice += 1
        elif bits >= 8:
            other = by_libtiff(path, stored.shape)
            np.testing.assert_array_equal(meant(other, name, bits), read, str(what))
            twice += 1
    assert twice >= 20 or name == 'CMYK and alpha'
    COUNT['twice'] += twice


@pytest.mark.parametrize('orientation', ORIENTATIONS)
def test_orientation_of_tiff(tmp_path, orientation):
    path = tmp_path / 'a.tif'
    for name, (photometric, channels, extras, depths) in TIFF_COLOURS.items():
        for bits, compression, planar in product(depths, ('uncompressed', 'LZW', 'ZSTD'), (False, True)):
            if planar and channels == 1:
                continue
            stored = samples(bits, channels)
            tags = {320: ('H', list((palette(bits) * 257).ravel()))} if name == 'palette' else {}
            write_tiff(path, stored, bits, photometric, compression, planar, orientation, extras, tags=tags)
            expected = turned(meant(stored, name, bits), orientation)
            np.testing.assert_array_equal(read_picture(path).pixels, expected, f'{name} {bits} {compression}')
            COUNT['tiff'] += 1


@pytest.mark.parametrize(
    'compression', ['tiff_ccitt', 'group3', 'group4', 'jpeg', 'zstd', 'tiff_lzw', 'lzma']
)
@pytest.mark.parametrize('mode', ['1', 'L', 'RGB', 'CMYK', 'YCbCr', 'LAB', 'P', 'LA', 'RGBA'])
def test_tiff_of_pillow(tmp_path, mode, compression):
    fax = compression in ('tiff_ccitt', 'group3', 'group4')
    if fax != (mode == '1') or (compression == 'jpeg' and mode in ('LAB', 'P', 'LA', 'RGBA')):
        pytest.skip(f'{compression} files hold no {mode} images')
    path = tmp_path / 'a.tif'
    smooth = np.add.outer(np.arange(HEIGHT) * 9, np.arange(WIDTH) * 5).astype(np.uint8)
    image = Image.fromarray(np.dstack([smooth, 255 - smooth, smooth // 2]))
    if mode == 'LAB':
        image = Image.frombytes('LAB', image.size, image.tobytes())
    for orientation in ORIENTATIONS:
        tags = Image.Exif()
        tags[0x112] = orientation
        (image if mode == 'LAB' else image.convert(mode)).save(path, compression=compression, exif=tags)
        with Image.open(path) as opened:
            other = ImageOps.exif_transpose(opened)
            colours = {'1': 'L', 'L': 'L', 'LA': 'LA', 'RGBA': 'RGBA'}.get(mode, 'RGB')
            other = np.array(other.convert(colours)).astype(int)
        read = read_picture(path).pixels.astype(int)
        assert np.abs(read - other.reshape(read.shape)).max() <= 1, orientation
        COUNT['tiff'] += 1
        COUNT['twice'] += 1


@pytest.mark.parametrize('sampling', [(1, 1), (2, 1), (2, 2)])
def test_tiff_of_brightness_and_colour(tmp_path, sampling):
    pixels = np.array(Image.radial_gradient('L').resize((32, 32)))
    pixels = np.dstack([pixels, pixels.T, 255 - pixels])
    names = {(1, 1): '444', (2, 1): '422', (2, 2): '420'}
    jpeg = imagecodecs.jpeg_encode(pixels, level=95, subsampling=names[sampling])
    other = np.array(Image.open(io.BytesIO(jpeg))).astype(int)
    path = tmp_path / 'a.tif'
    tifffile.imwrite(
        path,
        iter([jpeg]),
        shape=pixels.shape,
        dtype=np.uint8,
        photometric='ycbcr',
        compression='jpeg',
        subsampling=sampling,
        rowsperstrip=32,
        metadata=None,
    )
    assert np.abs(read_picture(path).pixels - other).max() <= 1
    COUNT['tiff'] += 1
    COUNT['twice'] += 1


def test_tiff_of_webp(tmp_path):
    path, pixels = tmp_path / 'a.tif', samples(8, 3)
    tifffile.imwrite(path, pixels, photometric='rgb', compression='webp', compressionargs=dict(lossless=True))
    np.testing.assert_array_equal(read_picture(path).pixels, pixels)
    np.testing.assert_array_equal(by_libtiff(path, pixels.shape), pixels)
    COUNT.update(tiff=1, twice=1)


REFUSED = [
    ('8-bit signed grey', dict(bits=8, photometric=1, sample_format=2), 1),
    ('16-bit signed RGB', dict(bits=16, photometric=2, sample_format=2), 3),
    ('16-bit float grey', dict(bits=16, photometric=1, sample_format=3), 1),
    ('16-bit float RGB', dict(bits=16, photometric=2, sample_format=3, compression='LZW', planar=True), 3),
    ('16-bit unsigned sensor', dict(bits=16, photometric=32803), 1),
    ('16-bit unsigned CIELAB', dict(bits=16, photometric=8), 3),
    ('16-bit unsigned LogL', dict(bits=16, photometric=32844), 1),
    ('8-bit unsigned mask', dict(bits=8, photometric=4), 1),
    ('4-bit unsigned RGB', dict(bits=4, photometric=2), 3),
    ('inks that are not CMYK', dict(bits=8, photometric=5, tags={332: ('H', [2])}), 4),
]


@pytest.mark.parametrize(('what', 'options', 'channels'), REFUSED, ids=[row[0] for row in REFUSED])
def test_tiff_that_is_refused(tmp_path, what, options, channels):
    write_tiff(tmp_path / 'my scan.tif', samples(options['bits'], channels), **options)
    with pytest.raises(InputError) as raised:
        read_picture(tmp_path / 'my scan.tif')
    assert what in str(raised.value)
    assert f"Convert it: magick '{tmp_path}/my scan.tif' -depth 16" in str(raised.value)
    assert '\n' not in str(raised.value)


@pytest.mark.parametrize('dtype', ['f4', 'f8', 'i4', 'u4', 'c8'])
def test_tiff_of_wide_samples_is_refused(tmp_path, dtype):
    for channels, planar in [(1, None), (3, 'contig'), (3, 'separate')]:
        pixels = np.ones((8, 8) if channels == 1 else (8, 8, 3) if planar == 'contig' else (3, 8, 8), dtype)
        tifffile.imwrite(
            tmp_path / 'a.tif',
            pixels,
            photometric='minisblack' if channels == 1 else 'rgb',
            planarconfig=planar,
            metadata=None,
        )
        with pytest.raises(InputError, match=r'a TIFF file of \d+-bit \w+ .*Convert it: magick'):
            read_picture(tmp_path / 'a.tif')


PNG = [(0, 1, bits) for bits in (1, 2, 4, 8, 16)] + [
    (3, 1, bits) for bits in (1, 2, 4, 8)
]  # colour type, channels, bits
PNG += [(kind, channels, bits) for kind, channels in ((2, 3), (4, 2), (6, 4)) for bits in (8, 16)]


@pytest.mark.parametrize('transparent', [False, True])
@pytest.mark.parametrize(('colour_type', 'channels', 'bits'), PNG)
def test_png(tmp_path, colour_type, channels, bits, transparent):
    if transparent and colour_type in (4, 6):
        pytest.skip('these have alpha')
    path, stored = tmp_path / 'a.png', samples(bits, channels)
    colours = np.random.default_rng(2).integers(0, 256, (2**bits, 3)).astype(np.uint8)
    before = [(b'PLTE', colours.tobytes())] if colour_type == 3 else []
    key = stored[3, 4]
    top = 65535 if bits == 16 else 255
    if colour_type == 3:
        pixels = colours[stored[..., 0]]
        alphas = np.arange(2**bits)[::-1].astype(np.uint8)
        alpha, data = alphas[stored], alphas.tobytes()
    else:
        pixels = stored * np.uint8(255 // (2**bits - 1)) if bits < 8 else stored
        alpha = np.where((stored == key).all(2, keepdims=True), 0, top).astype(stored.dtype)
        data = key.astype('>u2').tobytes()
    if transparent:
        before.append((b'tRNS', data))
        pixels = np.concatenate([pixels, alpha], 2)
    for orientation in ORIENTATIONS:
        for late in (False, True):
            place = [(b'eXIf', exif(orientation))]
            write_png(path, stored, bits, colour_type, before + place * (not late), place * late)
            read = read_picture(path).pixels
            np.testing.assert_array_equal(read, turned(pixels, orientation))
            COUNT['png'] += 1
        other = cv2.imread(str(path), cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
        if channels == 3 and not transparent:
            np.testing.assert_array_equal(turned(other[..., ::-1], orientation), read)
            COUNT['twice'] += 1
        elif bits <= 8 and not (
            colour_type == 0 and transparent and bits < 8
        ):  # Pillow reads that key unscaled
            with Image.open(path) as opened:
                mode = ('L' if colour_type in (0, 4) else 'RGB') + 'A' * (read.shape[2] in (2, 4))
                other = np.array(ImageOps.exif_transpose(opened).convert(mode))
            np.testing.assert_array_equal(other.reshape(read.shape), read)
            COUNT['twice'] += 1


@pytest.mark.parametrize('bits', [8, 16])
@pytest.mark.parametrize('channels', [1, 3])
def test_ppm(tmp_path, channels, bits):
    path, stored = tmp_path / 'a.ppm', samples(bits, channels)
    tops = (255, 100) if bits == 8 else (65535, 1023)
    for top in tops:
        values = np.minimum(stored, top)
        head = f'P{5 if channels == 1 else 6}\n{WIDTH} {HEIGHT}\n{top}\n'.encode()
        path.write_bytes(head + values.astype('>u2' if bits == 16 else 'u1').tobytes())
        expected = np.rint(values * ((2**bits - 1) / top))
        read = read_picture(path).pixels
        assert read.dtype == stored.dtype
        assert np.abs(read - expected).max() <= (0.5 if top == tops[0] else 1)
        COUNT['other'] += 1
    path.write_bytes(head.replace(b'P5', b'P2').replace(b'P6', b'P3') + b' '.join([b'7'] * stored.size))
    if bits == 16:
        with pytest.raises(InputError, match='written as text'):
            read_picture(path)


@pytest.mark.parametrize('channels', [1, 3])
def test_jpeg2000_and_avif_of_more_than_8_bits(tmp_path, channels):
    stored = samples(16, channels)
    pixels = stored[..., 0] if channels == 1 else stored
    (tmp_path / 'a.jp2').write_bytes(imagecodecs.jpeg2k_encode(pixels, reversible=True, level=0))
    np.testing.assert_array_equal(read_picture(tmp_path / 'a.jp2').pixels, stored)
    other = cv2.imread(str(tmp_path / 'a.jp2'), cv2.IMREAD_UNCHANGED).reshape(stored.shape)
    np.testing.assert_array_equal(other if channels == 1 else other[..., ::-1], stored)
    COUNT.update(other=1, twice=1)
    (tmp_path / 'b.jp2').write_bytes(
        imagecodecs.jpeg2k_encode(pixels.view(np.int16), reversible=True, level=0)
    )
    with pytest.raises(InputError, match='a JPEG2000 file of 16-bit signed pixels'):
        read_picture(tmp_path / 'b.jp2')
    if channels == 3:
        ten = stored >> 6
        (tmp_path / 'a.avif').write_bytes(imagecodecs.avif_encode(ten, level=100, bitspersample=10))
        read = read_picture(tmp_path / 'a.avif').pixels
        assert read.dtype == np.uint16
        assert np.abs(read - np.rint(ten * (65535 / 1023))).max() <= 1
        other = np.array(Image.open(tmp_path / 'a.avif')).astype(int)
        assert np.abs(read / 257 - other).max() <= 1.5
        COUNT.update(other=1, twice=1)


# Pillow's name, suffix, modes, options: what Pillow writes without loss
LOSSLESS = [
    ('AVIF', 'avif', ['RGB', 'RGBA'], dict(quality=100, subsampling='4:4:4')),
    ('BMP', 'bmp', ['1', 'L', 'P', 'RGB'], {}),
    ('DDS', 'dds', ['L', 'LA', 'RGB', 'RGBA'], {}),
    ('DIB', 'dib', ['1', 'L', 'P', 'RGB'], {}),
    ('GIF', 'gif', ['1', 'L', 'P'], {}),
    ('IM', 'im', ['1', 'L', 'P', 'RGB', 'CMYK'], {}),
    ('JPEG2000', 'jp2', ['L', 'LA', 'RGB', 'RGBA'], {}),
    ('MSP', 'msp', ['1'], {}),
    ('PCX', 'pcx', ['1', 'L', 'P', 'RGB'], {}),
    ('PPM', 'ppm', ['1', 'L', 'RGB'], {}),
    ('QOI', 'qoi', ['RGB', 'RGBA'], {}),
    ('SGI', 'sgi', ['L', 'RGB', 'RGBA'], {}),
    ('TGA', 'tga', ['1', 'L', 'LA', 'P', 'RGB', 'RGBA'], {}),
    ('WEBP', 'webp', ['RGB', 'RGBA'], dict(lossless=True, exact=True)),
    ('XBM', 'xbm', ['1'], {}),
]
BY_IMAGECODECS = {
    'QOI': 'qoi_decode',
    'WEBP': 'webp_decode',
    'JPEG2000': 'jpeg2k_decode',
    'AVIF': 'avif_decode',
}


@pytest.mark.parametrize(('format', 'suffix', 'modes', 'options'), LOSSLESS, ids=[row[0] for row in LOSSLESS])
def test_other_formats(tmp_path, format, suffix, modes, options):
    path = tmp_path / f'a.{suffix}'
    for mode in modes:
        if mode in ('1', 'P'):
            image = Image.fromarray(samples(8, 3)).convert(mode)
        else:
            image = Image.fromarray(samples(8, len(mode)).squeeze(), mode if mode == 'CMYK' else None)
        image.save(path, format=format, **options)
        colours = {'1': 'L', 'L': 'L', 'LA': 'LA', 'RGBA': 'RGBA'}.get(mode, 'RGB')
        expected = np.array(image.convert(colours)).reshape(HEIGHT, WIDTH, -1)
        read = read_picture(path).pixels
        read = read[..., : expected.shape[2]] if read.shape[2] >= expected.shape[2] else read.repeat(3, 2)
        np.testing.assert_allclose(read, expected, atol=4 if format == 'AVIF' else 0, err_msg=mode)
        COUNT['other'] += 1
        if format in BY_IMAGECODECS:
            other = getattr(imagecodecs, BY_IMAGECODECS[format])(path.read_bytes())
        else:
            other = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB) if format in ('BMP', 'PPM') else None
        if other is not None and other.size == expected.size:
            np.testing.assert_allclose(
                other.reshape(expected.shape), expected, atol=4 if format == 'AVIF' else 0
            )
            COUNT['twice'] += 1


@pytest.mark.parametrize('mode', ['L', 'RGB', 'CMYK'])
@pytest.mark.parametrize('progressive', [False, True])
@pytest.mark.parametrize('subsampling', ['4:4:4', '4:2:2', '4:2:0'])
def test_jpeg(tmp_path, mode, progressive, subsampling):
    path, smooth = (
        tmp_path / 'a.jpg',
        np.add.outer(np.arange(HEIGHT) * 9, np.arange(WIDTH) * 5).astype(np.uint8),
    )
    image = Image.fromarray(np.dstack([smooth, 255 - smooth, smooth // 2])).convert(mode)
    for orientation in ORIENTATIONS:
        tags = Image.Exif()
        tags[0x112] = orientation
        image.save(path, quality=95, subsampling=subsampling, progressive=progressive, exif=tags)
        read = read_picture(path).pixels.astype(int)
        COUNT['other'] += 1
        if mode != 'CMYK':
            other = imagecodecs.jpeg_decode(path.read_bytes()).astype(int)
            assert np.abs(turned(other.reshape(HEIGHT, WIDTH, -1), orientation) - read).max() <= 3
            COUNT['twice'] += 1
        else:
            assert np.abs(turned(np.array(image.convert('RGB')), orientation) - read).mean() < 4


def test_every_row_of_the_table_is_tested():
    tested = {row[0] for row in LOSSLESS} | {'JPEG', 'PNG', 'TIFF', 'PPM'}
    icons = {'ICNS', 'ICO', 'MPO'}  # below, and in test_pictures
    assert {row.format for row in DECODERS} == tested | icons
    assert set(BY_PILLOW) == tested - {'PNG', 'TIFF'} | icons


@pytest.mark.parametrize('format', ['ICO', 'ICNS'])
def test_icons(tmp_path, format):
    image, path = (
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32, 4), np.uint8)),
        tmp_path / 'a',
    )
    if format == 'ICO':
        image.save(path, format='ICO', sizes=[(32, 32)])
    else:
        image.save(path, format='PNG')
        part = b'ic11' + (8 + path.stat().st_size).to_bytes(4, 'big') + path.read_bytes()
        path.write_bytes(b'icns' + (8 + len(part)).to_bytes(4, 'big') + part)
    np.testing.assert_array_equal(read_picture(path).pixels, np.array(image))
    COUNT['other'] += 1


def test_formats_without_a_decoder_that_is_known_to_be_right_are_refused(tmp_path):
    Image.new('F', (8, 8)).save(tmp_path / 'a.im')
    with pytest.raises(InputError, match='a IM file of 32-bit float pixels'):
        read_picture(tmp_path / 'a.im')
    Image.new('F', (8, 8)).save(tmp_path / 'a.spider', format='SPIDER')
    with pytest.raises(InputError, match='a SPIDER file'):
        read_picture(tmp_path / 'a.spider')
    sgi = sgi_file(samples(16, 1)[..., 0])
    (tmp_path / 'a.sgi').write_bytes(sgi)
    with pytest.raises(InputError, match='a SGI file of 16-bit unsigned pixels'):
        read_picture(tmp_path / 'a.sgi')


def sgi_file(pixels):
    """An SGI file of 16 bits, not compressed."""
    head = (474).to_bytes(2, 'big') + bytes([0, 2]) + (2).to_bytes(2, 'big')
    sizes = b''.join(size.to_bytes(2, 'big') for size in (pixels.shape[1], pixels.shape[0], 1))
    return (head + sizes).ljust(512, b'\0') + pixels[::-1].astype('>u2').tobytes()
