"""Folders of finished outputs in the table."""

import json
import math

import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2ycbcr
from skimage.data import astronaut, chelsea, coffee
from skimage.metrics import peak_signal_noise_ratio
from support import ROOT

from mmsr_ext import InputError
from mmsr_ext.apis import evaluate
from mmsr_ext.evaluation.outputs import match_outputs, scale_in

IMAGES = {'baby': astronaut()[:205, :203], 'bird': chelsea()[:120, :130], 'bird_2': coffee()[:64, :70]}


def save(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


def worse(image, noise, scale=1):
    height, width = (size - size % scale for size in image.shape[:2])
    added = np.random.default_rng(0).integers(-noise, noise + 1, (height, width, 3))
    return np.clip(image[:height, :width] + added, 0, 255).astype(np.uint8)


@pytest.fixture
def data(tmp_path):
    """Set5 as it is distributed, and Set14; outputs of two methods for Set5, at x3 and x4."""
    for name, image in IMAGES.items():
        save(tmp_path / 'data/Set5/HR' / f'{name}_HR_x4.png', image)
        save(tmp_path / 'data/Set14/GT' / f'{name}_other.png', image)
        for scale in (3, 4):
            save(tmp_path / f'rcan/Set5/x{scale}/{name}_RCAN_x{scale}.png', worse(image, scale, scale))
        save(tmp_path / 'mine' / f'{name}.png', worse(image, 9))
    return tmp_path


def expected(scale, noise, border):
    values = []
    for image in IMAGES.values():
        output = worse(image, noise, scale)
        pair = [
            rgb2ycbcr(part[: output.shape[0], : output.shape[1]])[border:-border, border:-border, 0]
            for part in (image, output)
        ]
        values.append(peak_signal_noise_ratio(*pair, data_range=255))
    return np.mean(values)


def run(data, **options):
    options = {'work_dir': str(data / 'work'), 'benchmarks': str(data / 'data')} | options
    return evaluate(None, [], **options)


def test_folders_by_set_and_scale(data, capsys):
    result = run(
        data,
        images=[str(data / 'rcan')],
        out=str(data / 'report.html'),
        json_file=str(data / 'figures.json'),
        csv_file=str(data / 'table.csv'),
    )
    assert [part.name for part in result.sets] == ['Set5 x3', 'Set5 x4']
    for part, scale in zip(result.sets, (3, 4)):
        figures = part.figures['rcan']
        assert list(figures) == ['PSNR-Y', 'PSNR-RGB', 'SSIM-Y', 'SSIM-RGB', 'NIQE']
        assert figures['PSNR-Y'] == pytest.approx(expected(scale, scale, scale), abs=1e-6)
        assert math.isfinite(figures['NIQE'])
        assert part.border == scale
    text = capsys.readouterr().out
    assert 'Set5 x3: outputs rounded to 8 bit, border of 3 px left out, Y of BT.601' in text
    assert 'NIQE: limited-range Y' in text
    content = json.loads((data / 'figures.json').read_text())
    assert set(content['sets']['Set5 x4']['images']) == {f'{name}_HR_x4' for name in IMAGES}
    assert content['checkpoints'] == {'rcan': str(data / 'rcan')}
    assert 'Set5 x4,3,rcan,' in (data / 'table.csv').read_text()
    page = (data / 'report.html').read_text()
    assert page.count('data:image/png;base64') == 2 * 2 * 3  # outputs and GT


def test_several_folders_with_names_and_a_border(data):
    result = run(
        data,
        images=[str(data / 'mine'), str(data / 'rcan/Set5/x4')],
        names=['A', 'B'],
        scale=4,
        border=7,
    )
    (part,) = result.sets
    assert list(part.figures) == ['A', 'B']
    assert part.figures['A']['PSNR-Y'] == pytest.approx(expected(1, 9, 7), abs=1e-6)
    assert part.figures['B']['PSNR-Y'] == pytest.approx(expected(4, 4, 7), abs=1e-6)


def test_ground_truth_of_ones_own(data):
    for name, image in IMAGES.items():
        save(data / 'test/GT' / f'{name}.png', image)
    (part,) = run(data, images=[str(data / 'mine')], gt=str(data / 'test/GT'), border=2).sets
    assert part.name == 'test'
    assert part.figures['mine']['PSNR-Y'] == pytest.approx(expected(1, 9, 2), abs=1e-6)


def test_beside_a_checkpoint_on_the_config_s_own_data(data, in_root, tmp_path):
    import torch

    from mmsr_ext.apis import make_pairs
    from mmsr_ext.models import EnhanceNet

    for name in ('a', 'b'):
        save(tmp_path / 'photos' / f'{name}.png', astronaut()[:96, :112])
    make_pairs(tmp_path / 'photos', tmp_path / 'val')
    for name in ('a', 'b'):
        gt = np.array(Image.open(tmp_path / f'val/GT/{name}.png'))
        save(tmp_path / 'theirs' / f'{name}x4.png', worse(gt, 5))
    network = EnhanceNet(mid_channels=4, num_blocks=1)
    torch.save(network.state_dict(), tmp_path / 'net.pth')
    options = {
        'model.generator.mid_channels': 4,
        'model.generator.num_blocks': 1,
        'test_dataloader.dataset.gt_folder': str(tmp_path / 'val/GT'),
        'test_dataloader.dataset.lq_folder': str(tmp_path / 'val/LQx4'),
    }
    result = evaluate(
        str(ROOT / 'configs/srresnet_x4_demo.py'),
        [str(tmp_path / 'net.pth')],
        str(tmp_path / 'work'),
        options=options,
        out=str(tmp_path / 'report.html'),
        images=[str(tmp_path / 'theirs')],
    )
    (part,) = result.sets
    assert list(part.figures) == ['bicubic', 'net', 'theirs']
    assert {'PSNR-Y', 'SSIM-Y', 'NIQE'} <= part.figures['theirs'].keys()
    assert part.figures['theirs']['PSNR-Y'] > part.figures['net']['PSNR-Y']
    assert set(result.checkpoints) == {'net', 'theirs'}
    assert 'theirs' in (tmp_path / 'report.html').read_text()


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(images=['none']), '--images none does not exist'),
        (dict(images=['mine'], names=['a', 'b']), '1 folders after --images have 2 names'),
        (dict(images=['mine'], names=['GT']), "called 'GT'"),
        (dict(images=['mine', 'mine'], names=['a', 'a']), "called 'a'"),
        (dict(images=['mine']), r'mine does not say its scale.*Give --scale 4, say, or --border 4'),
        (dict(images=['mine'], scale=4, benchmarks='none'), 'none has no test set, such as none/Set5/GT'),
        (
            dict(images=['data/Set14/GT'], names=['a'], scale=4, gt='rcan/Set5/x4'),
            r'GT has no outputs for a test set\. It holds',
        ),
        (dict(images=['part'], scale=4), r'part has outputs for 1 of 3 images of Set5; missing are bird'),
        (dict(images=['small'], scale=4), r'baby\.png is 100x100, but its ground truth .*baby.* is 205x203'),
        (dict(images=['two'], scale=4), r'baby_a\.png and baby_b\.png could both be the output for baby_HR'),
    ],
)
def test_folders_that_cannot_be_measured(data, monkeypatch, options, message):
    save(data / 'part/baby.png', IMAGES['baby'])
    for name in IMAGES:
        save(data / f'small/{name}.png', IMAGES['baby'][:100, :100])
        for end in 'ab':
            save(data / f'two/{name}_{end}.png', IMAGES[name])
    monkeypatch.chdir(data)
    with pytest.raises(InputError, match=message):
        run(data, **{'benchmarks': 'data', **options})


def test_names_of_outputs(tmp_path):
    for name in (
        'img_1_out.png',
        'img_10_out.png',
        'img_1_b_x4.png',
        'img_1_b_x2.png',
        'img_100x4.png',
        'x.txt',
    ):
        (tmp_path / name).touch()
    names = ['img_1', 'img_10', 'img_1_b', 'img_100_HR', 'img_1000']
    found = {name: path.name for name, path in match_outputs(tmp_path, names, 4).items()}
    assert found == {
        'img_1': 'img_1_out.png',
        'img_10': 'img_10_out.png',
        'img_1_b': 'img_1_b_x4.png',
        'img_100_HR': 'img_100x4.png',
    }
    assert [scale_in(tmp_path / part) for part in ('x4', 'Set5_x2/SR', 'x', 'max4')] == [4, 2, None, None]
