"""A file that is shortened while it is in use never ends the process with SIGBUS."""

import os

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from support.bounded import taken

from mmsr_ext.io.limits import opened
from mmsr_ext.weights import read_checkpoint

pytestmark = pytest.mark.forks


@pytest.mark.parametrize('name', ['a.pth', 'older.pth', 'a.safetensors'])
def test_weights(tmp_path, name):
    path = tmp_path / name
    content = {'weight': torch.ones(2**20)}
    if path.suffix == '.pth':
        torch.save(content, path, _use_new_zipfile_serialization=name != 'older.pth')
    else:
        save_file(content, path)

    def use():
        weights = read_checkpoint(path)['weight']
        os.truncate(path, 0)
        assert weights.sum() == 2**20

    assert taken(use).ended == 'success'


@pytest.mark.parametrize('name', ['a.bmp', 'a.pgm', 'a.tga', 'a.dds', 'a.pcx', 'a.png', 'a.tif'])
def test_images(tmp_path, name):
    path = tmp_path / name
    Image.new('RGBA' if path.suffix == '.dds' else 'L', (500, 500), 9).save(path)

    def use():
        with opened(path) as image:
            image.load()
            os.truncate(path, 0)
            assert np.array(image).max() == 9

    assert taken(use).ended == 'success'
