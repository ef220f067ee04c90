"""Which files of a folder are images."""

import numpy as np
import pytest
from PIL import Image

from mmsr_ext import InputError
from mmsr_ext.io.images import image_suffixes, list_images, named_images, read_image, split_folder
from mmsr_ext.io.pictures import read_picture

PIXELS = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
HIDDEN = ['._a.png', '.DS_Store', '.b.partial.png', '.c.png.unfinished', '.png']


def test_every_suffix_of_a_format_that_pillow_writes_is_listed_and_read(tmp_path):
    made = 0
    for suffix, kind in Image.registered_extensions().items():
        # without those that only hold some sizes or modes, or that this Pillow may lack
        if kind not in (
            'BMP',
            'DDS',
            'DIB',
            'GIF',
            'JPEG',
            'JPEG2000',
            'PCX',
            'PNG',
            'PPM',
            'SGI',
            'TGA',
            'TIFF',
        ):
            continue
        if suffix in ('.pfm', '.apng', '.jpc', '.j2k', '.j2c') or kind not in Image.SAVE:
            continue
        for ending in (suffix, suffix.upper()):
            folder = tmp_path / ending[1:]
            folder.mkdir()
            path = folder / f'a{ending}'
            Image.fromarray(PIXELS).save(path, format=kind)
            assert list_images(folder) == [path]
            assert read_image(path).shape == read_picture(path).pixels.shape == PIXELS.shape
            made += 1
    assert made >= 40


def test_suffixes_are_those_of_decoders():
    suffixes = image_suffixes()
    assert {'.png', '.jpg', '.jpe', '.jfif', '.mpo', '.webp', '.gif', '.jp2', '.pgm', '.tga'} <= suffixes
    assert not {'.pdf', '.palm', '.eps', '.ps', '.h5', '.hdf', '.mpg', '.wmf', '.pfm', '.txt', ''} & suffixes


def test_hidden_files_are_no_images(tmp_path):
    folder = tmp_path / 'photos'
    folder.mkdir()
    for name in HIDDEN:
        (folder / name).write_bytes(b'\0\5\x16\7')
    (folder / 'sub.png').mkdir()
    (folder / 'notes.txt').touch()
    with pytest.raises(InputError, match=r'has no images.* It holds notes\.txt, sub\.png/, \.'):
        list_images(folder)
    image = folder / 'a.JPE'
    Image.fromarray(PIXELS).save(image, format='JPEG')
    (folder / 'z.png').symlink_to('gone.png')
    images, others = split_folder(folder)
    assert images == [image, folder / 'z.png']
    assert {path.name for path in others} == {*HIDDEN, 'sub.png', 'notes.txt'}
    assert set(named_images(folder)) == {('a',), ('z',)}
    assert set(named_images(f'{tmp_path}/*')) == {('photos', 'a'), ('photos', 'z')}
