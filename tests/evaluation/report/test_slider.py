"""Before and after under the report's slider."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from mmsr_ext.evaluation.report import slider
from mmsr_ext.evaluation.report.slider import save_slider


@pytest.fixture
def pair(tmp_path):
    Image.fromarray(np.zeros((8, 6, 3), np.uint8)).save(tmp_path / 'a <b>.jpg')
    Image.fromarray(np.zeros((32, 24, 3), np.uint8)).save(tmp_path / 'a <b>_x4.png')
    return {tmp_path / 'a <b>.jpg': tmp_path / 'a <b>_x4.png'}


def layers_of(page):
    text = page.read_text()
    assert '$' not in re.sub(r'<script>.*?</script>', '', text, flags=re.DOTALL)
    return json.loads(re.search(r'id="images">(.*?)</script>', text, re.DOTALL)[1])[0]['images']


def test_one_image(pair, tmp_path):
    page = save_slider(pair)
    assert page == tmp_path / 'a <b>_x4.html'
    (image,) = layers_of(page)
    assert (image['name'], image['width'], image['height']) == ('a <b>_x4.png', 24, 32)
    assert [layer['label'] for layer in image['layers']] == ['before', 'after']
    assert image['layers'][0]['source'].startswith('data:image/jpeg;base64,')
    assert '<title>a &lt;b&gt;_x4: before and after</title>' in page.read_text()
    assert 'Training' not in page.read_text()


def test_many_or_large_images(pair, tmp_path, monkeypatch):
    (tmp_path / 'deep').mkdir()
    Image.fromarray(np.full((8, 6), 40000, np.uint16)).save(tmp_path / 'deep/c.tif')
    Image.fromarray(np.zeros((32, 24), np.uint16)).save(tmp_path / 'deep/c_x4.png')
    pairs = pair | {
        tmp_path / 'deep/c.tif': tmp_path / 'deep/c_x4.png',
        tmp_path / 'd.png': tmp_path / 'no.png',
    }
    monkeypatch.setattr(slider, 'PAGE_BYTES', 10)
    page = save_slider(pairs)
    assert page == tmp_path / 'compare.html'
    images = layers_of(page)
    assert [layer['source'][:20] for image in images for layer in image['layers']] == [
        'a%20%3Cb%3E.jpg',
        'a%20%3Cb%3E_x4.png',
        'data:image/png;base6',  # which browsers do not show else
        'deep/c_x4.png',
    ]
