"""The page's functions, and its slider in a browser where there is one."""

import shutil
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from mmsr_ext import InputError
from mmsr_ext.apis import Upscaler, load_generator
from mmsr_ext.models.backbones import SRVGGNetCompact
from mmsr_ext.upscaling.demo import NONE, Demo, build, compare


def picture(*shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, shape, dtype)


@pytest.fixture
def files(tmp_path):
    for name in ('a', 'b'):
        torch.save(
            dict(params=SRVGGNetCompact(mid_channels=4, num_convs=1, scale=2).state_dict()),
            tmp_path / f'{name}.pth',
        )
    Image.fromarray(picture(20, 30, 3)).save(tmp_path / 'photo.png')
    return tmp_path


def test_the_network_between_two(files):
    demo = Demo([files / 'a.pth', files / 'b.pth'], 'cpu')
    a, b = demo.files
    image = picture(20, 30, 3)
    for alpha in (0, 0.3, 1):
        mixed, weights = load_generator(a), load_generator(b).state_dict()
        mixed.load_state_dict(
            {key: torch.lerp(value, weights[key], alpha) for key, value in mixed.state_dict().items()}
        )
        page, path = demo.upscale(str(files / 'photo.png'), a, b, alpha)
        difference = np.abs(np.array(Image.open(path)).astype(int) - Upscaler(mixed, 'cpu')(image))
        assert difference.max() <= 1
        assert 'left: input, 30x20 px; right: 60x40 px' in page
    _, path = demo.upscale(str(files / 'photo.png'), b)
    assert path.endswith('photo_x2.png')
    np.testing.assert_array_equal(np.array(Image.open(path)), Upscaler(files / 'b.pth', 'cpu')(image))


def test_a_folder_of_networks(files):
    (files / 'deep').mkdir()
    shutil.copy(files / 'a.pth', files / 'deep')
    (files / '._a.pth').write_bytes(b'\0\5\x16\7')  # which macOS writes beside the file
    assert list(Demo([files]).files) == [str(files / name) for name in ('a.pth', 'b.pth', 'deep/a.pth')]


def test_bad_input(files, tmp_path, monkeypatch):
    (tmp_path / 'empty').mkdir()
    with pytest.raises(InputError, match='does not exist'):
        Demo([tmp_path / 'none'])
    with pytest.raises(InputError, match=r'empty has no \.pth'):
        Demo([tmp_path / 'empty'])
    torch.save(SRVGGNetCompact(mid_channels=5, num_convs=1, scale=2).state_dict(), files / 'other.pth')
    demo = Demo([files], 'cpu')
    a, b, other = demo.files
    photo = str(files / 'photo.png')
    for given, message in [
        ((None, a), 'no image was given'),
        ((str(files / 'a.pth'), a), 'cannot be read as an image'),
        ((photo, NONE), 'is not a network'),
        ((photo, 'c'), "'c' is not a network"),
        ((photo, a, '/etc/passwd'), 'is not a network'),
        ((photo, a, other, 0.5), 'of another architecture'),
        ((photo, a, b, 1.5), 'alpha=1.5'),
    ]:
        with pytest.raises(InputError, match=message):
            demo.upscale(*given)
    monkeypatch.setitem(sys.modules, 'gradio', None)
    with pytest.raises(InputError, match=r'pip install .gradio>=5'):
        build(demo)


def test_the_page_where_gradio_is_installed(files):
    pytest.importorskip('gradio')
    labels = {
        component.get('props', {}).get('label')
        for component in build(Demo([files])).get_config_file()['components']
    }
    assert {'Image', 'alpha', 'Network (alpha = 0)', 'Result'} <= labels


@pytest.mark.parametrize('channels', [1, 2, 3, 4])
def test_every_kind_of_image_is_shown(channels):
    text = compare(
        picture(5, 7, channels, dtype=np.uint16), picture(10, 14, channels, dtype=np.uint16), '<b>'
    )
    assert text.count('data:image/png;base64,') == 2
    assert '&lt;b&gt;' in text


def test_the_slider_moves_in_a_browser(tmp_path):
    playwright = pytest.importorskip('playwright.sync_api')
    chromium = shutil.which('chromium') or shutil.which('google-chrome')
    if chromium is None:
        pytest.skip('no browser')
    white, black = (np.full((64, 64, 3), value, np.uint8) for value in (255, 0))
    (tmp_path / 'page.html').write_text(f'<body style="margin:0">{compare(white, black, "")}')
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=chromium, args=['--no-sandbox', '--disable-gpu', '--no-first-run']
        )
        page, said = browser.new_page(), []
        page.on('console', lambda message: said.append(message.text))
        page.on('pageerror', lambda error: said.append(str(error)))
        page.goto((tmp_path / 'page.html').as_uri())
        shares = []
        for value in (50, 25, 100):
            page.locator('input[type=range]').fill(str(value))
            page.locator('.compare').screenshot(path=tmp_path / 'shot.png')
            row = np.array(Image.open(tmp_path / 'shot.png').convert('L'))[8]
            shares.append((row > 128).mean())
        browser.close()
    assert shares == pytest.approx([0.5, 0.25, 1], abs=0.08)
    assert said == []
