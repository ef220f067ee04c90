"""The networks in the package are those that their cards describe, and reach what the cards say."""

import hashlib
import json

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from support import ROOT

from mmsr_ext import InputError
from mmsr_ext.apis import Upscaler, load_generator, upscale_files
from mmsr_ext.functional import bicubic_pair, luma, psnr
from mmsr_ext.pretrained import builtin_network, card_of
from mmsr_ext.registry import MODELS

PHOTOGRAPHS = ('astronaut', 'camera', 'chelsea', 'coffee')
NAMES = sorted(path.stem for path in builtin_network().parent.glob('*.json'))


def psnr_y(result, gt, border):
    inside = slice(border, -border)
    x, y = (luma(torch.from_numpy(image).permute(2, 0, 1))[..., inside, inside] for image in (result, gt))
    return float(psnr(x, y))


@pytest.mark.parametrize('name', NAMES)
def test_the_card_describes_the_file(name):
    card, path = card_of(name), builtin_network(name)
    (resource,) = card['resources']
    assert card['name'] == name
    assert path.stat().st_size == resource['size'] <= 500_000
    assert hashlib.sha256(path.read_bytes()).hexdigest() == resource['sha256']
    assert (ROOT / card['config']).is_file()
    network = load_generator(path)
    assert network(torch.rand(1, card['inputChannels'], 9, 7)).shape == (
        1,
        card['outputChannels'],
        9 * card['scale'],
        7 * card['scale'],
    )


@pytest.mark.parametrize('name', NAMES)
def test_the_stated_figure(name):
    """Measured by this test's own steps, not by tools/test.py.

    A network of one channel is measured there on its Y, here on what is left of it in RGB of 8 bits.
    """
    card = card_of(name)
    upscale, figures, scale = Upscaler(name, device='cpu'), [], card['scale']
    for photograph in PHOTOGRAPHS:
        image = getattr(data, photograph)()
        image = np.dstack([image] * 3) if image.ndim == 2 else image
        height, width = (size - size % scale for size in image.shape[:2])
        gt, lq = bicubic_pair(image[:height, :width], scale)
        figures.append(psnr_y(upscale(lq), gt, scale))
    tolerance = 0.01 if card['inputChannels'] == 3 else 0.05
    assert np.mean(figures) == pytest.approx(card['measured']['demo photographs']['PSNR-Y'], abs=tolerance)


def test_files_without_a_network(tmp_path, capsys):
    Image.fromarray(np.full((8, 9, 3), 77, np.uint8)).save(tmp_path / 'photo.png')
    (written,) = upscale_files([str(tmp_path / 'photo.png')], tmp_path / 'out', device='cpu')
    assert Image.open(written).size == (36, 32)
    assert 'Network: compact_x4, which comes with mmsr_ext (x4' in capsys.readouterr().err


def test_a_name_that_is_not_there():
    with pytest.raises(InputError, match=r"no built-in network 'compact_x3'; expected one of .*compact_x4"):
        builtin_network('compact_x3')


def test_the_config_trains_this_network():
    config = json.loads((ROOT / 'tests/configs/resolved.json').read_text())['compact_x4']
    network, card = load_generator(builtin_network()), card_of()
    generator = config['model']['generator']
    assert generator.pop('type') == type(network).__name__
    assert card['trainingIterations'] == config['train_cfg']['max_iters']
    assert card['trainingBatchSize'] == config['train_dataloader']['batch_size']
    assert card['trainingHRSize'] == config['train_dataloader']['dataset']['gt_size']
    built = MODELS.build(dict(type=f'mmsr_ext.{type(network).__name__}', **generator))
    assert {key: value.shape for key, value in built.state_dict().items()} == {
        key: value.shape for key, value in network.state_dict().items()
    }
