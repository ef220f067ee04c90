"""Names of files are text: neither a terminal nor a browser obeys them."""

import pytest
from support import ROOT

from mmsr_ext.errors import InputError, printable
from mmsr_ext.io.images import name_some, read_image
from mmsr_ext.upscaling.demo import compare

NASTY = ('\x1b]0;owned\x07', '\x1b[2J', '\r', '\x9b31m', '\u202egnp.exe', '\udcff', '\x7f\x00')


@pytest.mark.parametrize('nasty', NASTY)
def test_what_a_terminal_would_obey_is_spelled_out(nasty, tmp_path):
    for text in (
        printable(nasty),
        str(InputError(f'{nasty} is wrong')),
        name_some([tmp_path / f'a{nasty[:4]}b']),
    ):
        assert text.isprintable()
        text.encode()
    assert printable('Å ☃ 画像\n\t👩‍🎨') == 'Å ☃ 画像\n\t👩‍🎨'


def test_a_file_of_such_a_name(tmp_path):
    path = tmp_path / 'a\x1b[31m<img src=x onerror=alert(1)>.png'
    path.write_bytes(b'no image')
    with pytest.raises(InputError) as caught:
        read_image(path)
    assert '\x1b' not in str(caught.value)


def test_the_demo_escapes(tmp_path):
    import numpy as np

    pixels = np.zeros((2, 2, 3), np.uint8)
    assert '<img src=x' not in compare(pixels, pixels, '<img src=x onerror=alert(1)>')


def test_pages_write_no_markup():
    for page in [*ROOT.glob('mmsr_ext/**/*.html'), *ROOT.glob('mmsr_ext/**/*.js')]:
        for way in ('innerHTML', 'outerHTML', 'insertAdjacentHTML', 'document.write', 'eval('):
            assert way not in page.read_text(), page
