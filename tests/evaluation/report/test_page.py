"""The page in a browser."""

import base64
import io
import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from mmsr_ext import InputError
from mmsr_ext.evaluation.measure import Measurement, SetResult
from mmsr_ext.evaluation.recorder import ImageResult
from mmsr_ext.evaluation.report import save_report

CHROMIUM = next(filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))), None)
COLOURS = {'bicubic': (200, 0, 0), 'A <b>': (0, 200, 0), 'B': (0, 0, 200), 'GT': (200, 200, 0)}


def measurement(tmp_path, count=2, baseline='bicubic'):
    """Two sets of images, each method in its colour, with a white pixel at (10, 20) of each."""
    folder = tmp_path / 'run'
    sets = []
    for name, (width, height) in {'Set5': (96, 64), 'mine': (40, 80)}.items():
        names = [f'{index}' for index in range(count)]
        for method, colour in COLOURS.items():
            pixels = np.full((height, width, 3), colour, np.uint8)
            pixels[20, 10] = 255
            (folder / name / method).mkdir(parents=True)
            for image in names:
                Image.fromarray(pixels).save(folder / name / method / f'{image}.png')
        (folder / name / 'LQ').mkdir()
        for image in names:
            Image.new('RGB', (width // 4, height // 4), 'black').save(folder / name / 'LQ' / f'{image}.png')
        figures = {
            'bicubic': {'PSNR-Y': 28.431},
            'A <b>': {'PSNR-Y': 27.0, 'NIQE': 4.0},
            'B': {'PSNR-Y': 29.0, 'NIQE': float('nan')},
        }
        images = {image: ImageResult(width * height / 1e6, {'B': {'PSNR-Y': 31.5}}) for image in names}
        sets.append(SetResult(name, folder / name, figures, images, 'outputs rounded to 8 bit'))
    log = folder / '20240101_000000/vis_data/scalars.json'
    log.parent.mkdir(parents=True)
    log.write_text(
        ''.join(
            json.dumps(dict(loss_pix=1 / step, d_real=1.0, d_fake=0.5, step=step)) + '\n'
            for step in range(1, 9)
        )
    )
    checkpoints = {'A <b>': str(folder / 'a.pth'), 'B': str(folder / 'b.pth')}
    return Measurement('configs/x.py', checkpoints, baseline, sets, ['absent: Set14'])


@pytest.fixture(scope='module')
def browser():
    sync_api = pytest.importorskip(
        'playwright.sync_api', reason='playwright, which drives the browser, is not installed'
    )
    if CHROMIUM is None:
        pytest.skip('no Chromium on this machine')
    quiet = [
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
    ]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=['--no-sandbox', '--disable-gpu', *quiet]
        )
        yield browser
        browser.close()


@pytest.fixture
def page(tmp_path, browser):
    """The report, opened; at the end of the test there was no error and no request for anything but the file
    itself."""
    path = tmp_path / 'report.html'
    save_report(path, measurement(tmp_path))
    shutil.rmtree(tmp_path / 'run')  # the page needs nothing but itself
    requests, complaints = [], []
    page = browser.new_page(viewport=dict(width=900, height=900))
    page.on('request', lambda request: requests.append(request.url))
    page.on('console', lambda message: complaints.append(message.text))
    page.on('pageerror', lambda error: complaints.append(str(error)))
    page.goto(path.as_uri())
    yield page
    page.close()
    assert complaints == []
    assert [url for url in requests if not url.startswith('data:')] == [path.as_uri()]


def pixels(page):
    return np.array(Image.open(io.BytesIO(page.locator('#stage').screenshot())).convert('RGB'))


def colour_at(page, x, y=0.8):
    """At a fraction of the stage."""
    image = pixels(page)
    return tuple(int(value) for value in image[int(y * image.shape[0]), int(x * image.shape[1])])


def value(page):
    return int(page.locator('#divider').get_attribute('aria-valuenow'))


def drag(page, selector, dx, dy):
    box = page.locator(selector).bounding_box()
    x, y = box['x'] + box['width'] / 2, box['y'] + box['height'] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx / 2, y + dy / 2)
    page.mouse.move(x + dx, y + dy)
    page.mouse.up()


def test_slider_moves_by_mouse_and_keyboard(page):
    assert (colour_at(page, 0.3), colour_at(page, 0.7)) == (COLOURS['bicubic'], COLOURS['B'])
    width = page.locator('#stage').bounding_box()['width']
    drag(page, '#divider', 0.3 * width, 0)
    assert value(page) == 80
    assert (colour_at(page, 0.7), colour_at(page, 0.9)) == (COLOURS['bicubic'], COLOURS['B'])
    page.locator('#divider').focus()
    for key, expected in [
        ('ArrowLeft', 79),
        ('Shift+ArrowLeft', 69),
        ('PageUp', 79),
        ('End', 100),
        ('ArrowRight', 100),
        ('Home', 0),
    ]:
        page.keyboard.press(key)
        assert value(page) == expected
    assert colour_at(page, 0.1) == COLOURS['B']
    drag(page, '#divider', 5 * width, 0)  # past the edge
    assert value(page) == 100


def test_sides_and_images_can_be_chosen(page):
    assert page.locator('#left option').all_inner_texts() == ['LQ', 'bicubic', 'A <b>', 'B', 'GT']
    page.locator('#left').select_option('A <b>')
    page.locator('#right').select_option('GT')
    assert (colour_at(page, 0.3), colour_at(page, 0.7)) == (COLOURS['A <b>'], COLOURS['GT'])
    page.locator('#right').select_option('B')
    assert page.locator('#right-figures').inner_text() == 'Right: B: PSNR-Y 31.50'
    assert page.locator('#image option').all_inner_texts() == ['Set5: 0', 'Set5: 1', 'mine: 0', 'mine: 1']
    wide = page.locator('#left-image').bounding_box()
    page.locator('#image').select_option('2')
    tall = page.locator('#left-image').bounding_box()
    assert (wide['width'] / wide['height'], tall['width'] / tall['height']) == (
        pytest.approx(1.5, 1e-3),
        pytest.approx(0.5, 1e-3),
    )
    page.locator('#next').focus()
    page.keyboard.press('Enter')
    assert page.locator('#image').input_value() == '3'
    page.locator('#next').click()
    assert page.locator('#image').input_value() == '0'
    page.locator('#previous').click()
    assert page.locator('#image').input_value() == '3'
    assert page.locator('#left').input_value() == 'A <b>'  # the choice stays
    page.locator('#left').select_option('LQ')
    assert (
        page.locator('#left-image').bounding_box() == page.locator('#right-image').bounding_box()
    )  # enlarged to the same place


def test_zoom_and_pan(page):
    def zoom():
        return int(page.locator('#zoom').inner_text().removesuffix(' %'))

    def white():
        found = np.argwhere((pixels(page) > 250).all(-1) & inside)
        return found.min(0), found.max(0)

    page.locator('#divider').focus()
    page.keyboard.press('Home')  # the white line is at the very left
    shape = pixels(page).shape[:2]
    inside = np.zeros(shape, bool)
    inside[40:-4, 40 : shape[1] - 40] = True  # without line, names and a last row in part
    fitted = zoom()
    page.locator('#actual').click()
    assert zoom() == 100
    page.locator('#fit').click()
    assert zoom() == fitted
    stage = page.locator('#stage').bounding_box()
    before = white()
    middle = (before[0] + before[1]) / 2
    page.mouse.move(stage['x'] + middle[1], stage['y'] + middle[0])
    page.mouse.wheel(0, -400)
    page.wait_for_function(f"parseInt(document.getElementById('zoom').textContent) > {fitted}")
    ratio = zoom() / fitted
    after = white()
    assert after[1] - after[0] + 1 == pytest.approx(
        (before[1] - before[0] + 1) * ratio, abs=3
    )  # one pixel, a sharp square
    assert (after[0] + after[1]) / 2 == pytest.approx(middle, abs=2)  # the place under the pointer stays
    assert (
        page.evaluate("getComputedStyle(document.getElementById('right-image')).imageRendering")
        == 'pixelated'
    )
    drag(page, '#stage', 30, 40)
    moved = white()
    assert (
        tuple(moved[0] - after[0]) == (40, 30) or (moved[0] <= after[0] + (40, 30)).all()
    )  # (row, column), unless an edge stops it
    page.locator('#stage').focus()
    level = zoom()
    page.keyboard.press('+')
    assert zoom() > level
    page.keyboard.press('-')
    assert zoom() == level
    left = page.locator('#right-image').bounding_box()['x']
    page.keyboard.press('ArrowRight')
    assert page.locator('#right-image').bounding_box()['x'] == left - 40
    page.keyboard.press('0')
    assert zoom() == fitted
    page.locator('#in').click()
    page.locator('#in').click()
    page.locator('#out').click()
    assert zoom() == pytest.approx(1.5 * fitted, abs=1)


def test_two_fingers_zoom(page):
    fitted = page.locator('#zoom').inner_text()
    session = page.context.new_cdp_session(page)
    session.send('Emulation.setTouchEmulationEnabled', dict(enabled=True, maxTouchPoints=2))
    stage = page.locator('#stage').bounding_box()
    x, y = stage['x'] + stage['width'] / 4, stage['y'] + stage['height'] / 2

    def touch(kind, *offsets):
        session.send(
            'Input.dispatchTouchEvent',
            dict(type=kind, touchPoints=[dict(x=x + dx, y=y, id=i) for i, dx in enumerate(offsets)]),
        )

    touch('touchStart', -20, 20)
    touch('touchMove', -40, 40)
    touch('touchMove', -60, 60)
    touch('touchEnd')
    assert int(page.locator('#zoom').inner_text()[:-2]) == pytest.approx(3 * int(fitted[:-2]), rel=0.02)


def test_table_and_curves_in_light_and_dark(page):
    assert page.locator('tbody tr').nth(1).inner_text().split('\t') == ['A <b>', '27.00', '4.0000']
    assert page.locator('tbody b').all_inner_texts()[:1] == ['29.00']
    assert 'absent: Set14' in page.locator('main').inner_text()
    assert page.locator('.chart svg').count() == 2
    assert page.locator('.chart polyline').count() == 3
    backs = []
    for scheme in ('light', 'dark'):
        page.emulate_media(color_scheme=scheme)
        backs.append(page.evaluate('getComputedStyle(document.body).backgroundColor'))
    assert backs == ['rgb(255, 255, 255)', 'rgb(23, 24, 26)']


def embedded(path):
    text = path.read_text()
    content = json.loads(
        re.search(r'<script type="application/json" id="images">(.*?)</script>', text, re.DOTALL).group(1)
    )
    return {part['name']: part['images'] for part in content}


def test_curves_of_runs_with_one_name(tmp_path):
    result = measurement(tmp_path)
    for folder in ('a/run', 'b/run'):
        log = tmp_path / folder / '20240101_000000/vis_data/scalars.json'
        log.parent.mkdir(parents=True)
        log.write_text(json.dumps({f'loss_{folder[0]}': 0.5, 'step': 1}) + '\n')
    result.checkpoints.update({'A <b>': str(tmp_path / 'a/run/a.pth'), 'B': str(tmp_path / 'b/run/b.pth')})
    save_report(tmp_path / 'report.html', result)
    text = (tmp_path / 'report.html').read_text()
    assert re.findall('<h3>(.*?)</h3>', text) == ['a/run', 'b/run']
    assert 'loss_a' in text
    assert 'loss_b' in text


def test_images_are_whole_and_counted(tmp_path, monkeypatch):
    result = measurement(tmp_path, count=3)
    path = tmp_path / 'report.html'
    save_report(path, result, max_images=2)
    assert 'Set5: 2 of 3 images' in path.read_text()
    for name, images in embedded(path).items():
        assert [image['name'] for image in images] == ['0', '1']
        for layer in images[0]['layers']:
            data = base64.b64decode(layer['source'].removeprefix('data:image/png;base64,'))
            assert data == (tmp_path / 'run' / name / layer['label'] / '0.png').read_bytes()
    save_report(path, result)
    assert [len(images) for images in embedded(path).values()] == [3, 3]
    assert 'of 3 images' not in path.read_text()
    each = sum(file.stat().st_size for file in (tmp_path / 'run').glob('*/*/0.png')) * 4 / 3
    monkeypatch.setattr('mmsr_ext.evaluation.report.page.PAGE_BYTES', 2.1 * each)
    save_report(path, result)
    assert [len(images) for images in embedded(path).values()] == [2, 2]


def test_page_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / 'report.html'
    path.write_text('the one before')
    result = measurement(tmp_path)
    monkeypatch.setattr('mmsr_ext.evaluation.report.page._about', lambda _: '\ud800')  # cannot be encoded
    with pytest.raises(UnicodeEncodeError):
        save_report(path, result)
    assert path.read_text() == 'the one before'
    assert not list(tmp_path.glob('.*'))
    monkeypatch.undo()
    with pytest.raises(InputError, match='mkdir -p'):
        save_report(tmp_path / 'no' / 'report.html', result)
