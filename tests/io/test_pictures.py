"""Image files in and out, compared with Pillow, OpenCV and tifffile."""

import struct
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, ImageOps

from mmsr_ext import InputError
from mmsr_ext.io.picture_writing import check_output, write_picture
from mmsr_ext.io.pictures import Picture, read_picture, read_size

ORIENTATION = 0x112


def picture(*shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, shape, dtype)


def strips_of(pixels, height=7):
    return (pixels[top : top + height] for top in range(0, len(pixels), height))


def write(path, pixels, **options):
    write_picture(path, pixels.shape[:2], pixels.shape[2], pixels.dtype, strips_of(pixels), **options)


@pytest.fixture(scope='module')
def profile():
    return ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB')).tobytes()


@pytest.fixture(scope='module')
def grey_profile(profile):
    return profile[:16] + b'GRAY' + profile[20:]


def set_tag(path, **values):
    """Overwrite 16-bit values of a TIFF file, for what no library writes."""
    with tifffile.TiffFile(path) as file:
        places = [
            (file.byteorder, file.pages[0].tags[tag].valueoffset, value) for tag, value in values.items()
        ]
    data = bytearray(path.read_bytes())
    for order, offset, value in places:
        struct.pack_into(f'{order}H', data, offset, value)
    path.write_bytes(data)


@pytest.mark.parametrize('mode', ['L', 'RGB', 'RGBA', 'LA'])
@pytest.mark.parametrize('ending', ['png', 'tif', 'webp', 'jpg', 'bmp', 'ppm'])
def test_8_bits_as_pillow_reads_them(tmp_path, mode, ending):
    path = tmp_path / f'a.{ending}'
    pixels = picture(23, 17, len(mode))
    if 'A' in mode and (ending not in ('png', 'tif', 'webp') or (mode, ending) == ('LA', 'webp')):
        pytest.skip(f'{ending} files hold no {mode} images')
    Image.fromarray(pixels.squeeze()).save(
        path, **(dict(lossless=True, exact=True) if ending == 'webp' else {})
    )
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
    np.testing.assert_array_equal(
        read_picture(tmp_path / 'p.png').pixels, np.array(Image.open(tmp_path / 'p.png').convert('RGB'))
    )
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
    tifffile.imwrite(
        tmp_path / 'a.tif',
        stored,
        photometric='rgb',
        planarconfig=planar,
        compression=compression,
        byteorder='>',
    )
    np.testing.assert_array_equal(read_picture(tmp_path / 'a.tif').pixels, pixels)


@pytest.mark.parametrize('ending', ['png', 'jpg', 'webp', 'tif'])
@pytest.mark.parametrize('orientation', range(1, 9))
def test_orientation_is_applied(tmp_path, ending, orientation):
    exif, path = Image.Exif(), tmp_path / f'a.{ending}'
    exif[ORIENTATION] = orientation
    options = {
        'webp': dict(lossless=True),
        'jpg': dict(quality=100),
        'tif': dict(compression='tiff_lzw'),
        'png': {},
    }[ending]
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
    tifffile.imwrite(
        tmp_path / 'a.tif', pixels, photometric='rgb', extratags=[(ORIENTATION, 'H', 1, orientation, True)]
    )
    image = Image.fromarray(np.arange(45, dtype=np.uint8).reshape(5, 9))
    image.getexif()[ORIENTATION] = orientation
    expected = pixels.reshape(45, 3)[np.array(ImageOps.exif_transpose(image))]
    np.testing.assert_array_equal(read_picture(tmp_path / 'a.tif').pixels, expected)
    if dtype == np.uint16:
        write(tmp_path / 'a.png', pixels)
        data = (tmp_path / 'a.png').read_bytes()
        exif = (
            b'eXIf'
            + b'MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0'
            + bytes([orientation])
            + b'\0\0\0\0\0\0'
        )
        chunk = (len(exif) - 4).to_bytes(4, 'big') + exif + zlib.crc32(exif).to_bytes(4, 'big')
        (tmp_path / 'a.png').write_bytes(data[:33] + chunk + data[33:])
        np.testing.assert_array_equal(read_picture(tmp_path / 'a.png').pixels, expected)


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
@pytest.mark.parametrize('compression', [None, 'zlib', 'lzw'])
def test_tiff_in_which_more_is_darker(tmp_path, dtype, compression):
    pixels, path = picture(20, 30, dtype=dtype), tmp_path / 'a.tif'
    if compression == 'lzw':
        cv2.imwrite(str(path), pixels)
        set_tag(path, PhotometricInterpretation=0)
    else:
        tifffile.imwrite(path, pixels, photometric='miniswhite', compression=compression)
    np.testing.assert_array_equal(read_picture(path).pixels[..., 0], np.iinfo(dtype).max - pixels)


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
@pytest.mark.parametrize('photometric', ['rgb', 'minisblack'])
@pytest.mark.parametrize('planar', ['contig', 'separate'])
def test_tiff_with_colours_that_are_multiplied_by_alpha(tmp_path, dtype, photometric, planar):
    top, colours = np.iinfo(dtype).max, 3 if photometric == 'rgb' else 1
    straight, alpha = picture(70, 30, colours, dtype=dtype), picture(70, 30, 1, dtype=dtype)
    alpha[:9] = np.arange(30)[:, None]
    multiplied = np.round(straight.astype(float) * alpha / top).astype(dtype)
    stored = np.concatenate([multiplied, alpha], 2)
    tifffile.imwrite(
        tmp_path / 'a.tif',
        stored if planar == 'contig' else stored.transpose(2, 0, 1),
        photometric=photometric,
        extrasamples=['assocalpha'],
        planarconfig=planar,
    )
    read = read_picture(tmp_path / 'a.tif').pixels
    np.testing.assert_array_equal(read[..., -1:], alpha)
    error = np.abs(read[..., :-1].astype(float) - straight)
    assert (error <= 0.5 * top / np.maximum(alpha, 1) + 0.5)[
        alpha[..., 0] > 0
    ].all()  # what the rounding of the stored ones allows
    assert (read[..., :-1][alpha[..., 0] == 0] == 0).all()
    if dtype == np.uint8 and planar == 'contig':
        by_pillow = np.array(Image.open(tmp_path / 'a.tif').convert('RGBA' if colours == 3 else 'LA')).astype(
            int
        )
        assert np.abs(read[..., 0] - by_pillow[..., 0]).max() <= 1


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_tiff_with_samples_that_are_no_alpha(tmp_path, dtype):
    pixels = picture(20, 30, 5, dtype=dtype)
    tifffile.imwrite(tmp_path / 'a.tif', pixels[..., :4], photometric='rgb', extrasamples=['unspecified'])
    np.testing.assert_array_equal(read_picture(tmp_path / 'a.tif').pixels, pixels[..., :3])
    tifffile.imwrite(
        tmp_path / 'a.tif', pixels, photometric='rgb', extrasamples=['unspecified', 'unassalpha']
    )
    np.testing.assert_array_equal(read_picture(tmp_path / 'a.tif').pixels, pixels[..., [0, 1, 2, 4]])


@pytest.mark.parametrize('compression', [None, 'group4'])
def test_tiff_of_black_and_white(tmp_path, compression):
    pixels = picture(20, 30) > 127
    Image.fromarray(pixels).save(tmp_path / 'a.tif', compression=compression)
    np.testing.assert_array_equal(read_picture(tmp_path / 'a.tif').pixels[..., 0], pixels * np.uint8(255))


@pytest.mark.parametrize('orientation', range(1, 9))
@pytest.mark.parametrize('mode', ['P', 'CMYK', '1', 'LA;16'])
def test_orientation_of_tiff_of_other_kinds(tmp_path, mode, orientation):
    image, path = Image.fromarray(np.arange(45, dtype=np.uint8).reshape(5, 9)), tmp_path / 'a.tif'
    image.getexif()[ORIENTATION] = orientation
    turned = np.array(ImageOps.exif_transpose(image))
    if mode == 'LA;16':
        pixels = picture(5, 9, 2, dtype=np.uint16)
        tifffile.imwrite(
            path,
            pixels,
            photometric='minisblack',
            planarconfig='contig',
            extrasamples=['unassalpha'],
            extratags=[(ORIENTATION, 'H', 1, orientation, True)],
        )
    else:
        stored = Image.fromarray(
            picture(5, 9, 4 if mode == 'CMYK' else 3), 'CMYK' if mode == 'CMYK' else 'RGB'
        ).convert(mode)
        pixels = np.array(stored.convert('L' if mode == '1' else 'RGB'))
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        stored.save(path, exif=exif)
    np.testing.assert_array_equal(
        read_picture(path).pixels.squeeze(), pixels.reshape(45, -1)[turned].squeeze()
    )


@pytest.mark.parametrize('channels', [1, 3])
def test_16_bit_png_with_a_transparent_colour(tmp_path, channels):
    pixels, path = picture(20, 30, channels, dtype=np.uint16), tmp_path / 'a.png'
    pixels[3:9, 4:20] = pixels[3, 4]
    write(path, pixels)
    data = path.read_bytes()
    chunk = b'tRNS' + pixels[3, 4].astype('>u2').tobytes()
    path.write_bytes(
        data[:33]
        + struct.pack('>I', len(chunk) - 4)
        + chunk
        + struct.pack('>I', zlib.crc32(chunk))
        + data[33:]
    )
    alpha = np.where((pixels == pixels[3, 4]).all(2, keepdims=True), 0, 65535)
    assert (alpha == 0).sum() == 6 * 16
    np.testing.assert_array_equal(read_picture(path).pixels, np.concatenate([pixels, alpha], 2))


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
@pytest.mark.parametrize('channels', [1, 2, 3, 4])
@pytest.mark.parametrize('ending', ['png', 'tif'])
def test_out_and_in_without_loss(tmp_path, profile, grey_profile, ending, channels, dtype):
    profile = grey_profile if channels < 3 else profile
    pixels, path = picture(150, 33, channels, dtype=dtype), tmp_path / f'a.{ending}'
    write(path, pixels, icc=profile)
    if ending == 'png':
        by_other = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert by_other.dtype == dtype
        if channels != 2:
            np.testing.assert_array_equal(
                by_other.reshape(150, 33, -1)[..., {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[channels]], pixels
            )
        else:
            np.testing.assert_array_equal(by_other[..., [0, 3]], pixels)
    else:
        np.testing.assert_array_equal(tifffile.imread(path).reshape(pixels.shape), pixels)
    if (ending, channels, dtype) != ('tif', 2, np.uint16):  # which Pillow does not know
        with Image.open(path) as image:
            image.load()  # checks every checksum
            assert image.info['icc_profile'] == profile
    read = read_picture(path)
    assert read.icc == profile
    assert read_size(path) == (150, 33)
    np.testing.assert_array_equal(read.pixels, pixels)


@pytest.mark.parametrize('channels', [1, 2, 3, 4])
@pytest.mark.parametrize('ending', ['png', 'tif'])
def test_a_profile_of_another_colour_space_is_left_out(tmp_path, profile, grey_profile, ending, channels):
    for icc in (profile if channels < 3 else grey_profile, profile[:16] + b'CMYK' + profile[20:], b'short'):
        write(tmp_path / f'a.{ending}', picture(9, 8, channels), icc=icc)
        assert read_picture(tmp_path / f'a.{ending}').icc is None


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
@pytest.mark.parametrize(
    ('ending', 'channels'),
    [('jpg', 1), ('jpg', 3), ('webp', 1), ('webp', 3), ('webp', 4), ('bmp', 3), ('ppm', 3), ('ppm', 1)],
)
def test_formats_of_8_bits(tmp_path, profile, grey_profile, ending, channels, dtype):
    path = tmp_path / f'a.{ending}'
    steps = np.linspace(0, np.iinfo(dtype).max, 40 * 30).reshape(40, 30, 1)
    pixels = np.concatenate(
        [steps] * min(channels, 3) + [np.full_like(steps, np.iinfo(dtype).max)] * (channels == 4), 2
    ).astype(dtype)
    profile, other = (grey_profile, profile) if (ending, channels) == ('jpg', 1) else (profile, grey_profile)
    write(path, pixels, icc=other)
    assert read_picture(path).icc is None
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
    write(tmp_path / 'deflate.tif', picture(64, 64, 3))
    data = (tmp_path / 'deflate.tif').read_bytes()
    (tmp_path / 'damaged.tif').write_bytes(data[:-5000] + bytes(100) + data[-4900:])
    tifffile.imwrite(tmp_path / 'lzma.tif', picture(64, 64, 3), photometric='rgb', compression='lzma')
    data = (tmp_path / 'lzma.tif').read_bytes()
    (tmp_path / 'lzma.tif').write_bytes(data[:-5000] + bytes(100) + data[-4900:])
    (tmp_path / 'text.jpg').write_text('no image')
    (tmp_path / 'empty.png').touch()
    for name in (
        'cut.png',
        'deep_cut.png',
        'cut.tif',
        'damaged.tif',
        'lzma.tif',
        'text.jpg',
        'empty.png',
        'none.png',
    ):
        with pytest.raises(InputError, match=rf'^.*{name} cannot be read.*$'):
            read_picture(tmp_path / name)
        assert read_size(tmp_path / name) == ((0, 0) if name[:-4] in ('text', 'empty', 'none') else (64, 64))
    frames = [Image.fromarray(picture(8, 8, 3) // part) for part in (1, 2)]
    frames[0].save(tmp_path / 'moving.webp', save_all=True, append_images=frames[1:])
    with pytest.raises(InputError, match='has 2 frames'):
        read_picture(tmp_path / 'moving.webp')
    tifffile.imwrite(tmp_path / 'float.tif', np.zeros((8, 8), np.float32))
    with pytest.raises(
        InputError, match=r'a TIFF file of 32-bit float grey pixels .*Convert it: magick .*float.tif'
    ):
        read_picture(tmp_path / 'float.tif')
    tifffile.imwrite(tmp_path / 'twelve.tif', np.zeros((8, 8), np.uint16))
    set_tag(tmp_path / 'twelve.tif', BitsPerSample=12)
    with pytest.raises(InputError, match='a TIFF file of 12-bit unsigned grey pixels'):
        read_picture(tmp_path / 'twelve.tif')
    tifffile.imwrite(
        tmp_path / 'two.tif',
        picture(2, 8, 8, 2, dtype=np.uint16),
        photometric='minisblack',
        planarconfig='contig',
    )
    with pytest.raises(InputError, match='has 2 frames'):
        read_picture(tmp_path / 'two.tif')


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
