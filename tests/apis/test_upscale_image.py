"""Image files in and out, compared with Pillow, OpenCV and tifffile."""

import zlib

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, ImageOps

from mmsr_ext import InputError
from mmsr_ext.apis.upscale_image import Picture, check_output, read_picture, write_picture

ORIENTATION = 0x112


def picture(*shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, shape, dtype)


def strips_of(pixels, height=7):
    return (pixels[top:top + height] for top in range(0, len(pixels), height))


def write(path, pixels, **options):
    write_picture(path, pixels.shape[:2], pixels.shape[2], pixels.dtype, strips_of(pixels), **options)


@pytest.fixture(scope='module')
def profile():
    return ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB')).tobytes()


@pytest.mark.parametrize('mode', ['L', 'RGB', 'RGBA', 'LA'])
@pytest.mark.parametrize('ending', ['png', 'tif', 'webp', 'jpg', 'bmp', 'ppm'])
def test_8_bits_as_pillow_reads_them(tmp_path, mode, ending):
    path = tmp_path / f'a.{ending}'
    pixels = picture(23, 17, len(mode))
    if 'A' in mode and (ending not in ('png', 'tif', 'webp') or (mode, ending) == ('LA', 'webp')):
        pytest.skip('no such files')
    Image.fromarray(pixels.squeeze()).save(path, **(dict(lossless=True, exact=True) if ending == 'webp' else {}))
    read = read_picture(path)
    assert read.pixels.dtype == np.uint8
    expected = np.array(Image.open(path))
    np.testing.assert_array_equal(read.pixels.squeeze(), expected)
    if ending != 'jpg':
        assert expected.shape[:2] == (23, 17)


def test_palettes_and_other_spaces(tmp_path):
    pixels = picture(20, 20, 3)
    image = Image.fromarray(pixels)
    image.quantize(16).save(tmp_path / 'p.png')
    np.testing.assert_array_equal(read_picture(tmp_path / 'p.png').pixels, np.array(Image.open(tmp_path / 'p.png').convert('RGB')))
    image.quantize(16).save(tmp_path / 't.png', transparency=3)
    transparent = read_picture(tmp_path / 't.png').pixels
    assert transparent.shape == (20, 20, 4)
    assert set(np.unique(transparent[..., 3])) == {0, 255}
    image.convert('1').save(tmp_path / 'b.png')
    assert set(np.unique(read_picture(tmp_path / 'b.png').pixels)) == {0, 255}
    image.convert('CMYK').save(tmp_path / 'c.jpg', icc_profile=b'of CMYK')
    read = read_picture(tmp_path / 'c.jpg')
    assert read.pixels.shape == (20, 20, 3)
    assert read.icc is None


@pytest.mark.parametrize('channels', [1, 3, 4])
@pytest.mark.parametrize('ending', ['png', 'tif'])
def test_16_bits_in(tmp_path, channels, ending):
    pixels, path = picture(21, 34, channels, dtype=np.uint16), tmp_path / f'a.{ending}'
    order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[channels]
    cv2.imwrite(str(path), pixels[..., order])  # a TIFF with LZW
    np.testing.assert_array_equal(read_picture(path).pixels, pixels)


@pytest.mark.parametrize('compression', [None, 'zlib'])
@pytest.mark.parametrize('planar', ['contig', 'separate'])
def test_16_bit_tiff(tmp_path, compression, planar):
    pixels = picture(21, 34, 3, dtype=np.uint16)
    stored = pixels if planar == 'contig' else pixels.transpose(2, 0, 1)
    tifffile.imwrite(tmp_path / 'a.tif', stored, photometric='rgb', planarconfig=planar, compression=compression, byteorder='>')
    np.testing.assert_array_equal(read_picture(tmp_path / 'a.tif').pixels, pixels)


@pytest.mark.parametrize('ending', ['png', 'jpg', 'webp', 'tif'])
@pytest.mark.parametrize('orientation', range(1, 9))
def test_orientation_is_applied(tmp_path, ending, orientation):
    exif, path = Image.Exif(), tmp_path / f'a.{ending}'
    exif[ORIENTATION] = orientation
    options = {'webp': dict(lossless=True), 'jpg': dict(quality=100), 'tif': dict(compression='tiff_lzw'), 'png': {}}[ending]
    image = Image.fromarray(picture(4, 6, 3).repeat(8, 0).repeat(8, 1))
    image.save(path, exif=exif, **options)
    image.getexif()[ORIENTATION] = orientation
    expected = np.array(ImageOps.exif_transpose(image)).astype(int)
    read = read_picture(path).pixels
    assert read.shape == expected.shape == ((32, 48, 3) if orientation < 5 else (48, 32, 3))
    assert np.abs(read - expected).mean() < (10 if ending == 'jpg' else 0.1)


@pytest.mark.parametrize('orientation', [3, 6, 7])
@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_orientation_of_what_pillow_does_not_read(tmp_path, orientation, dtype):
    pixels = picture(5, 9, 3, dtype=dtype)
    tifffile.imwrite(tmp_path / 'a.tif', pixels, photometric='rgb', extratags=[(ORIENTATION, 'H', 1, orientation, True)])
    image = Image.fromarray(np.arange(45, dtype=np.uint8).reshape(5, 9))
    image.getexif()[ORIENTATION] = orientation
    expected = pixels.reshape(45, 3)[np.array(ImageOps.exif_transpose(image))]
    np.testing.assert_array_equal(read_picture(tmp_path / 'a.tif').pixels, expected)
    if dtype == np.uint16:
        write(tmp_path / 'a.png', pixels)
        data = (tmp_path / 'a.png').read_bytes()
        exif = b'eXIf' + b'MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0' + bytes([orientation]) + b'\0\0\0\0\0\0'
        chunk = (len(exif) - 4).to_bytes(4, 'big') + exif + zlib.crc32(exif).to_bytes(4, 'big')
        (tmp_path / 'a.png').write_bytes(data[:33] + chunk + data[33:])
        np.testing.assert_array_equal(read_picture(tmp_path / 'a.png').pixels, expected)


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
@pytest.mark.parametrize('channels', [1, 2, 3, 4])
@pytest.mark.parametrize('ending', ['png', 'tif'])
def test_out_and_in_without_loss(tmp_path, profile, ending, channels, dtype):
    if (ending, channels, dtype) == ('tif', 2, np.uint16):
        pytest.skip('Pillow, which tells the kind of file, does not know these')
    pixels, path = picture(150, 33, channels, dtype=dtype), tmp_path / f'a.{ending}'
    write(path, pixels, icc=profile)
    if ending == 'png':
        by_other = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert by_other.dtype == dtype
        if channels != 2:
            np.testing.assert_array_equal(by_other.reshape(150, 33, -1)[..., {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[channels]], pixels)
        else:
            np.testing.assert_array_equal(by_other[..., [0, 3]], pixels)
    else:
        np.testing.assert_array_equal(tifffile.imread(path).reshape(pixels.shape), pixels)
    with Image.open(path) as image:
        image.load()  # checks every checksum
        assert image.info['icc_profile'] == profile
    read = read_picture(path)
    assert read.icc == profile
    if (channels, dtype, ending) == (2, np.uint16, 'png'):
        pixels = pixels[..., [0, 0, 0, 1]]  # OpenCV has no grey with alpha
    np.testing.assert_array_equal(read.pixels, pixels)


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
@pytest.mark.parametrize(('ending', 'channels'), [
    ('jpg', 1), ('jpg', 3), ('webp', 1), ('webp', 3), ('webp', 4), ('bmp', 3), ('ppm', 3), ('ppm', 1)])
def test_formats_of_8_bits(tmp_path, profile, ending, channels, dtype):
    path = tmp_path / f'a.{ending}'
    steps = np.linspace(0, np.iinfo(dtype).max, 40 * 30).reshape(40, 30, 1)
    pixels = np.concatenate([steps] * min(channels, 3) + [np.full_like(steps, np.iinfo(dtype).max)] * (channels == 4), 2).astype(dtype)
    write(path, pixels, icc=profile)
    read = read_picture(path)
    assert read.pixels.dtype == np.uint8
    assert read.icc == (profile if ending in ('jpg', 'webp') else None)
    result = read.pixels[..., :1] if channels in (1, 4) else read.pixels
    exact = steps * 255 / np.iinfo(dtype).max
    assert np.abs(result - exact).max() <= (1 if ending in ('bmp', 'ppm') else 6)


@pytest.mark.parametrize('shape', [(1, 1, 3), (2000, 1, 3), (1, 5000, 1), (700, 1200, 3)])
def test_png_of_extreme_shapes(tmp_path, shape):
    pixels = picture(*shape)
    write_picture(tmp_path / 'a.png', shape[:2], shape[2], pixels.dtype, [pixels])
    np.testing.assert_array_equal(np.array(Image.open(tmp_path / 'a.png')).reshape(shape), pixels)


def test_nothing_half_written(tmp_path):
    def interrupted():
        yield picture(10, 10, 3)
        raise KeyboardInterrupt

    for ending in ('png', 'tif', 'jpg'):
        (tmp_path / f'a.{ending}').write_text('before')
        with pytest.raises(KeyboardInterrupt):
            write_picture(tmp_path / f'a.{ending}', (20, 10), 3, np.dtype(np.uint8), interrupted())
        assert (tmp_path / f'a.{ending}').read_text() == 'before'
    with pytest.raises(ValueError, match='got 10 rows; expected 20'):
        write_picture(tmp_path / 'b.png', (20, 10), 3, np.dtype(np.uint8), [picture(10, 10, 3)])
    assert sorted(path.name for path in tmp_path.iterdir()) == ['a.jpg', 'a.png', 'a.tif']


def test_files_that_cannot_be_read(tmp_path):
    Image.fromarray(picture(64, 64, 3)).save(tmp_path / 'whole.png')
    (tmp_path / 'cut.png').write_bytes((tmp_path / 'whole.png').read_bytes()[:3000])
    write(tmp_path / 'deep.png', picture(64, 64, 3, dtype=np.uint16))
    (tmp_path / 'deep_cut.png').write_bytes((tmp_path / 'deep.png').read_bytes()[:9000])
    tifffile.imwrite(tmp_path / 'whole.tif', picture(64, 64, 3, dtype=np.uint16), photometric='rgb')
    (tmp_path / 'cut.tif').write_bytes((tmp_path / 'whole.tif').read_bytes()[:9000])
    (tmp_path / 'text.jpg').write_text('no image')
    (tmp_path / 'empty.png').touch()
    for name in ('cut.png', 'deep_cut.png', 'cut.tif', 'text.jpg', 'empty.png', 'none.png'):
        with pytest.raises(InputError, match=rf'{name} (cannot be read|has 16 bits)'):
            read_picture(tmp_path / name)
    frames = [Image.fromarray(picture(8, 8, 3) // part) for part in (1, 2)]
    frames[0].save(tmp_path / 'moving.webp', save_all=True, append_images=frames[1:])
    with pytest.raises(InputError, match='has 2 frames'):
        read_picture(tmp_path / 'moving.webp')
    tifffile.imwrite(tmp_path / 'float.tif', np.zeros((8, 8), np.float32))
    with pytest.raises(InputError, match='has 32 bits'):
        read_picture(tmp_path / 'float.tif')


def test_what_a_format_cannot_hold(tmp_path):
    check_output(tmp_path / 'a.png', 'x.png', 70000, 70000, True)
    with pytest.raises(InputError, match='would become 17000x20, but webp'):
        check_output(tmp_path / 'a.webp', 'x.png', 17000, 20, False)
    with pytest.raises(InputError, match='has transparency, which jpg'):
        check_output(tmp_path / 'a.jpg', 'x.png', 20, 20, True)


def test_a_photograph_with_a_preview_is_one_image(tmp_path):
    image = Image.fromarray(picture(16, 16, 3))
    image.save(tmp_path / 'a.jpg', format='MPO', save_all=True, append_images=[image.resize((8, 8))])
    assert isinstance(read_picture(tmp_path / 'a.jpg'), Picture)
    assert read_picture(tmp_path / 'a.jpg').pixels.shape == (16, 16, 3)
