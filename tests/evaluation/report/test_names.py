"""Names of files, methods, sets and losses are text on the page, never markup."""

import json
from html.parser import HTMLParser

import pytest
from PIL import Image

from mmsr_ext.evaluation.measure import Measurement, SetResult
from mmsr_ext.evaluation.recorder import ImageResult
from mmsr_ext.evaluation.report import save_report
from mmsr_ext.evaluation.report.page import resource

NAMES = [
    '<img src=x onerror=alert(1)>',
    '"><svg onload=alert(1)>',
    '<!--<script>',
    "' onfocus='alert(1)' x='",
]


class Elements(HTMLParser):
    """The elements and attributes of a page."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, tuple(sorted(name for name, _ in attributes))))


def report(folder, name):
    """Write a report in which everything that a stranger may name has a name; return its elements."""
    images = folder / 'run' / 'set'
    for method in ('GT', 'LQ', 'bicubic', name):
        (images / method).mkdir(parents=True)
        Image.new('RGB', (8, 8)).save(images / method / f'{name}.png')
    log = folder / 'run' / '20240101_000000/vis_data/scalars.json'
    log.parent.mkdir(parents=True)
    log.write_text(''.join(json.dumps({f'loss_{name}': 1.0, 'step': step}) + '\n' for step in (1, 2)))
    figures = {'bicubic': {'PSNR-Y': 1.0}, name: {'PSNR-Y': 2.0, name: 3.0}}
    part = SetResult(name, images, figures, {name: ImageResult(1.0, {name: {'PSNR-Y': 2.0}})}, name)
    save_report(
        folder / 'report.html',
        Measurement(
            f'configs/{name}.py', {name: str(folder / 'run' / f'{name}.pth')}, 'bicubic', [part], [name]
        ),
    )
    return Elements((folder / 'report.html').read_text(encoding='utf-8')).found


@pytest.mark.parametrize('name', NAMES)
def test_a_name_adds_no_element_and_no_attribute(tmp_path, name):
    (tmp_path / 'plain').mkdir()
    (tmp_path / 'odd').mkdir()
    assert report(tmp_path / 'odd', name) == report(tmp_path / 'plain', 'plain')


def test_the_script_of_the_page_writes_text_alone():
    for way in ('innerHTML', 'outerHTML', 'insertAdjacentHTML', 'document.write', 'eval('):
        assert way not in resource('page.js')
