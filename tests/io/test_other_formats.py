"""Files that no reader opens are named, with the command that converts them."""

import imagecodecs
import numpy as np
import pytest

from mmsr_ext import InputError
from mmsr_ext.io.images import check_image, image_size, read_image
from mmsr_ext.io.pictures import read_picture

DEEP = np.random.default_rng(0).integers(0, 4096, (16, 16, 3), dtype=np.uint16)
HEIC = b'\0\0\0\x18ftypheic\0\0\0\0mif1heic' + b'\0' * 64
NAMED = {
    'a.jxl': (lambda: imagecodecs.jpegxl_encode(DEEP), 'a JPEG XL file', 'magick {} -depth 16 a.png'),
    'a.jpg': (
        lambda: imagecodecs.jpeg8_encode(DEEP, bitspersample=12),
        'a JPEG file of 12-bit pixels',
        'djpeg -pnm -outfile a.pnm {}',
    ),
    'b.jpg': (lambda: imagecodecs.ljpeg_encode(DEEP[..., 0]), 'bit pixels (lossless)', 'djpeg -pnm'),
    'a.jls': (lambda: imagecodecs.jpegls_encode(DEEP), 'a JPEG-LS file of 16-bit', 'ffmpeg -i {} a.png'),
    'a.heic': (lambda: HEIC, 'a HEIF file', 'magick {} -depth 16 a.png'),
    'a.psd': (lambda: b'8BPS\0\1' + b'\0' * 60, 'a Photoshop file', 'magick {} -depth 16 a.png'),
    'a.hdr': (lambda: imagecodecs.rgbe_encode(DEEP.astype(np.float32)), 'a Radiance file', 'magick'),
    'a.exr': (lambda: b'v/1\x01' + b'\0' * 60, 'an OpenEXR file of float pixels', 'magick'),
    'a.svg': (lambda: b'<?xml version="1.0"?>\n<svg></svg>', 'an SVG file', 'magick -density 300'),
    'a.pdf': (lambda: b'%PDF-1.4\n', 'a PDF file', 'magick -density 300'),
    'a.mp4': (lambda: b'\0\0\0\x18ftypisom' + b'\0' * 60, 'a video', 'ffmpeg -i {} a_%05d.png'),
    'a.png': (lambda: b'\xff\x0a' + b'\0' * 60, 'a JPEG XL file', '-depth 16 a_converted.png'),
    'b.png': (
        lambda: b'version https://git-lfs.github.com/spec/v1\n',
        'a pointer of Git LFS',
        'git lfs pull',
    ),
    'c.png': (lambda: b'\n<!DOCTYPE html><html></html>', 'a web page', 'download the file itself'),
    'd.png': (lambda: b'', 'it is empty', 'Replace or remove'),
}


@pytest.mark.parametrize('name', NAMED)
def test_a_file_of_another_format_is_named_by_every_reader(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    write, what, command = NAMED[name]
    (tmp_path / name).write_bytes(write())
    for read in (read_picture, read_image, check_image, image_size):
        with pytest.raises(InputError) as caught:
            read(name)
        text = str(caught.value)
        assert text.startswith(name), text
        assert what in text
        assert command.format(name) in text
        assert 'cannot identify' not in text


@pytest.mark.parametrize('start', [b'\xff\xd8\xff', b'\0' * 500, b'\xff\xd8\xff\xe0\0\x10JFIF'])
def test_a_damaged_file_is_called_damaged(tmp_path, start):
    (tmp_path / 'a.jpg').write_bytes(start)
    with pytest.raises(InputError, match='cannot be read as an image'):
        read_picture(tmp_path / 'a.jpg')
